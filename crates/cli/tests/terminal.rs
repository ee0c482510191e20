//! The socket tools in a real terminal: keys that are typed, pipes, Ctrl-C, and exit codes as the help says.
//!
//! Each test has a tmux server of its own. Without tmux there is no terminal to drive: the tests say so and pass.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; reached only when something hangs.
const WAIT: Duration = Duration::from_secs(60);

/// A terminal of two windows, each with a shell that knows `netzmq`.
struct Terminal {
    server: String,
}

impl Terminal {
    fn open(test: &str) -> Option<Terminal> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("no tmux here: {test} has nothing to type into");
            return None;
        }
        let terminal = Terminal { server: format!("netzmq-{test}-{}", std::process::id()) };
        for window in ["new-session", "new-window"] {
            let size: &[&str] = if window == "new-session" { &["-x", "150", "-y", "40"] } else { &[] };
            terminal.tmux(&[&[window, "-d"], size, &["env", "PS1=$ ", "sh"]].concat());
        }
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_netzmq"));
        let folder = program.parent().unwrap().display();
        for window in [0, 1] {
            terminal.line(window, &format!("PATH={folder}:$PATH; clear"));
        }
        Some(terminal)
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output =
            Command::new("tmux").args(["-L", &self.server, "-f", "/dev/null"]).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line.
    fn line(&self, window: usize, text: &str) {
        let target = format!(":{window}");
        self.tmux(&["send-keys", "-t", &target, "-l", text]);
        self.key(window, "Enter");
    }

    fn key(&self, window: usize, key: &str) {
        self.tmux(&["send-keys", "-t", &format!(":{window}"), key]);
    }

    /// Looks until `wanted` stands at the beginning of a line; the rest of that line. A line may be seen half written (between
    /// two writes): `wanted` has to reach into the piece that is asked for.
    fn until(&self, window: usize, wanted: &str) -> String {
        let deadline = Instant::now() + WAIT;
        loop {
            let screen = self.tmux(&["capture-pane", "-p", "-J", "-t", &format!(":{window}")]);
            if let Some(rest) = screen.lines().find_map(|line| line.strip_prefix(wanted)) {
                return rest.trim_end().to_owned();
            }
            assert!(Instant::now() < deadline, "{wanted:?} is not on the screen:\n{screen}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.server, "kill-server"]).output();
    }
}

/// What is typed here is shown there, line by line; Ctrl-C ends a subscriber as it ends any program, and Ctrl-D is the end
/// of what a publisher has to say.
#[test]
fn typed_lines_arrive() {
    let Some(terminal) = Terminal::open("typed") else { return };
    terminal.line(0, "netzmq sub -b tcp://127.0.0.1:*");
    let endpoint = format!("tcp://{}", terminal.until(0, "bound to tcp://"));
    terminal.line(1, &format!("netzmq pub {endpoint}; echo ended with $?"));
    for text in ["hello", "and again"] {
        terminal.line(1, text);
        terminal.until(0, text);
    }
    terminal.key(1, "C-d");
    terminal.until(1, "ended with 0");
    terminal.key(0, "C-c");
    terminal.line(0, "echo ended with $?");
    terminal.until(0, "ended with 130");
}

/// A reader that has seen enough ends the pipe without a complaint; and a pipe of two tools carries what went in.
#[test]
fn pipes_break_in_silence() {
    let Some(terminal) = Terminal::open("pipes") else { return };
    terminal.line(0, "(netzmq pull -b tcp://127.0.0.1:*; echo pull ended with $? >&2) | head -n 1");
    let endpoint = format!("tcp://{}", terminal.until(0, "bound to tcp://"));
    terminal.line(1, &format!("netzmq push {endpoint} -m first -m second; echo ended with $?"));
    terminal.until(1, "ended with 0");
    terminal.until(0, "first");
    // A broken pipe is noticed by whoever writes to it.
    terminal.line(1, &format!("netzmq push {endpoint} -m more -r 0 -i 20ms"));
    terminal.until(0, "pull ended with 0");
    terminal.key(1, "C-c");

    terminal.line(0, "clear; netzmq pull -q -b ipc://@netzmq-pipes -n 3 | tr a-z A-Z");
    terminal.line(
        1,
        "clear; printf 'one\\ntwo\\nthree\\n' | netzmq push ipc://@netzmq-pipes; echo ended with $?",
    );
    terminal.until(1, "ended with 0");
    for text in ["ONE", "TWO", "THREE"] {
        terminal.until(0, text);
    }
}

/// A wrong endpoint is told of at once, with exit code 2; one where nobody is, when the time is over, with 1.
#[test]
fn wrong_endpoints_are_told() {
    let Some(terminal) = Terminal::open("wrong") else { return };
    terminal.line(0, "netzmq sub nonsense; echo ended with $?");
    terminal.until(0, "netzmq: \"nonsense\" is not an endpoint");
    terminal.until(0, "ended with 2");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    terminal.line(1, &format!("netzmq req -t 200ms tcp://{free} -m hello; echo ended with $?"));
    terminal.until(1, "ended with 1");
}

/// A peer that is not ZeroMQ: `ping` says what it is not, and a request gets no answer; nothing hangs or crashes.
#[test]
fn strangers_are_told_of() {
    let Some(terminal) = Terminal::open("strangers") else { return };
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            let _ = stream.read(&mut [0; 64]);
        }
    });
    terminal.line(0, &format!("netzmq ping tcp://{address} 2>&1 | grep -o 'not as ZeroMQ does'"));
    terminal.until(0, "not as ZeroMQ does");
    terminal.line(0, &format!("clear; netzmq ping tcp://{address}; echo ended with $?"));
    terminal.until(0, "ended with 2");
    terminal.line(1, &format!("netzmq req -t 200ms tcp://{address} -m hello; echo ended with $?"));
    terminal.until(1, "ended with 1");
}
