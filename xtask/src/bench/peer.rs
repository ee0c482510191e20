//! One peer program as a child process: words to it, lines from it, a bound on every wait.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Why there is no figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The engine says that it has no such thing.
    Unsupported,
    /// It failed, lost messages, or did not finish in time.
    Failed(String),
}

fn failed(why: impl Into<String>) -> Lost {
    Lost::Failed(why.into())
}

/// The longest that one side may take: a run is made to last about a second.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A running peer program. Ends with its owner.
pub(crate) struct Peer {
    child: Child,
    lines: Receiver<String>,
    deadline: Instant,
    trace: Option<PathBuf>,
}

impl Peer {
    /// Starts `program` with `words`, under `strace -c -f` when a file for its summary is given.
    pub(crate) fn start(program: &Path, words: &[String], trace: Option<PathBuf>) -> Result<Peer, Lost> {
        let mut command = match &trace {
            None => Command::new(program),
            // -D: the program itself is our child, so that ending the child ends the program.
            Some(file) => {
                let mut command = Command::new("strace");
                command.args(["-D", "-c", "-f", "-o"]).arg(file).arg(program);
                command
            }
        };
        let mut child = command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("can't start {}: {error}", program.display())))?;
        let (sender, lines) = channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Peer { child, lines, deadline: Instant::now() + WAIT_MAX, trace })
    }

    /// Waits for a line that starts with `word`, and returns it.
    pub(crate) fn wait_for(&mut self, word: &str) -> Result<String, Lost> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with(word) => return Ok(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(failed("nothing for too long")),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
        }
    }

    /// Says a word to the program. That it no longer listens shows in what it prints.
    pub(crate) fn say(&mut self, word: &str) {
        if let Some(input) = self.child.stdin.as_mut() {
            let _ = writeln!(input, "{word}").and_then(|()| input.flush());
        }
    }

    /// System calls of the whole life of a traced program, once it has ended.
    pub(crate) fn system_calls(mut self) -> Result<u64, Lost> {
        let file = self.trace.clone().ok_or_else(|| failed("not traced"))?;
        self.child.wait().map_err(|error| failed(error.to_string()))?;
        // With -D the tracer outlives the program by the moment it takes to write its summary.
        let patience = Instant::now() + Duration::from_secs(10);
        loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(calls) = total_calls(&text) {
                return Ok(calls);
            }
            if Instant::now() > patience {
                return Err(failed("strace wrote no summary"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What an early end means: exit code 3 says "unsupported"; else the last line of standard error.
    fn ended(&mut self) -> Lost {
        let status = self.child.wait();
        if status.as_ref().is_ok_and(|status| status.code() == Some(3)) {
            return Lost::Unsupported;
        }
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = errors.read_to_string(&mut text);
        }
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word of why");
        failed(last)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The tracer opened it when it began: what it may still write makes no new file.
        if let Some(file) = &self.trace {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// The number of calls in the last line of `strace -c`.
fn total_calls(summary: &str) -> Option<u64> {
    let total = summary.lines().rev().find(|line| line.trim_end().ends_with("total"))?;
    total.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_total_of_strace() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
                       ------ ----------- ----------- --------- --------- ----------------\n\
                       100.00    0.001000           1       123         4 total\n";
        assert_eq!(total_calls(summary), Some(123));
        assert_eq!(total_calls(""), None);
    }

    #[test]
    fn an_early_end_is_told() {
        let start = |script: &str| Peer::start(Path::new("sh"), &["-c".into(), script.into()], None).unwrap();
        assert_eq!(start("exit 3").wait_for("ready"), Err(Lost::Unsupported));
        assert_eq!(start("echo why >&2; exit 1").wait_for("ready"), Err(failed("why")));
        let mut peer = start("read word; echo said $word");
        peer.say("go");
        assert_eq!(peer.wait_for("said").as_deref(), Ok("said go"));
    }
}
