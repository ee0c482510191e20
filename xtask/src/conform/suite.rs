//! `cargo xtask conform libzmq`: libzmq's own test programs, linked against a stub, run on the library under test.
//!
//! Before a program runs, the loader is asked which library it would get; it runs only if that is the one. Each runs in a
//! folder of its own, within a time limit, and (where that works: it needs root) in a network namespace of its own, so
//! that its fixed ports meet nobody's. How it ended is held against how it ends on libzmq (`expected`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::expected::{self, Outcome};
use super::{corpus, folder, make, our_library, source, write};
use crate::shell::{self, Result};

/// Seconds that one program may take; libzmq's slowest takes half of it.
const LIMIT: &str = "60";

/// What the tests were configured for: libzmq on Linux with CURVE, ipc, tipc and ws, and not with pgm, norm, vmci, TLS.
const PLATFORM: &str = "#pragma once
#define ZMQ_HAVE_LINUX
#define ZMQ_IOTHREAD_POLLER_USE_EPOLL
#define ZMQ_POLL_BASED_ON_POLL
#define ZMQ_CACHELINE_SIZE 64
#define ZMQ_USE_CV_IMPL_STL11
#define ZMQ_HAVE_EVENTFD
#define ZMQ_HAVE_IFADDRS
#define ZMQ_HAVE_PPOLL
#define ZMQ_HAVE_IPC
#define ZMQ_HAVE_STRUCT_SOCKADDR_UN
#define ZMQ_HAVE_SO_PEERCRED
#define ZMQ_HAVE_WS
#define ZMQ_HAVE_TIPC
#define ZMQ_HAVE_CURVE
#define ZMQ_USE_LIBSODIUM
#define ZMQ_HAVE_UIO
#define ZMQ_HAVE_NOEXCEPT
#define HAVE_FORK
#define HAVE_CLOCK_GETTIME
#define HAVE_MKDTEMP
#define HAVE_ACCEPT4
#define HAVE_STRNLEN
#define HAVE_IF_NAMETOINDEX
";

/// A namespace with loopback, and a link that leads nowhere for what wants a network (multicast).
const NAMESPACE: &str = "ip link set lo up
{ ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up multicast on &&
  ip addr add 10.99.0.1/24 dev v0 && ip -6 addr add fd99::1/64 dev v0 nodad && ip route add 224.0.0.0/4 dev v0; } 2>/dev/null
exec \"$@\"";

struct Suite {
    source: PathBuf,
    /// The file itself, and the folder in which the loader finds it under the name that programs ask for.
    library: PathBuf,
    folder: PathBuf,
    stub: PathBuf,
    out: PathBuf,
    draft: bool,
    namespaces: bool,
}

/// `conform libzmq [--draft] [--library FOLDER] [--record] [NAMES…]`
pub(super) fn suite(words: &[&str]) -> Result<()> {
    let (mut draft, mut record, mut library, mut names) = (false, false, None, Vec::new());
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        match word {
            "--draft" => draft = true,
            "--record" => record = true,
            "--library" => library = Some(PathBuf::from(words.next().ok_or("--library wants a folder")?)),
            name => names.push(name.to_owned()),
        }
    }
    let ours = library.is_none();
    let library = library.map_or_else(our_library, Ok)?;
    let folder_of_library = std::path::absolute(&library).map_err(|error| error.to_string())?;
    let library = library.join("libzmq.so.5");
    let library = library.canonicalize().map_err(|error| format!("{}: {error}", library.display()))?;
    let suite = Suite {
        source: source::libzmq()?,
        stub: source::stub()?,
        out: folder().join(if draft { "draft" } else { "stable" }),
        library,
        folder: folder_of_library,
        draft,
        namespaces: Command::new("unshare")
            .args(["-n", "true"])
            .status()
            .is_ok_and(|status| status.success()),
    };
    suite.build_helpers()?;
    if names.is_empty() {
        names = suite.names()?;
    }
    println!("library under test: {}", suite.library.display());
    let results = suite.run_all(&names);
    let count = |outcome| results.iter().filter(|(_, found, _)| *found == outcome).count();
    println!(
        "{} passed, {} failed, {} skipped",
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Skip)
    );
    let outcomes = results.iter().map(|(name, outcome, _)| (name.clone(), *outcome)).collect();
    if record {
        expected::record(&outcomes, draft, ours)?;
    }
    expected::compare(&outcomes, draft)
}

impl Suite {
    fn names(&self) -> Result<Vec<String>> {
        let tests = self.source.join("tests");
        let entries = std::fs::read_dir(&tests).map_err(|error| format!("{}: {error}", tests.display()))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(".cpp")?.to_owned()))
            .filter(|name| name.starts_with("test_"))
            .collect();
        names.sort();
        Ok(names)
    }

    fn compiler(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.out).args(["-O1", "-w", "-D_GNU_SOURCE", "-DZMQ_CUSTOM_PLATFORM_HPP"]);
        command.args(["-DUNITY_USE_COMMAND_LINE_ARGS", "-DUNITY_EXCLUDE_FLOAT", "-I."]);
        for folder in ["include", "external/unity", "tests", "src"] {
            command.arg("-I").arg(self.source.join(folder));
        }
        if self.draft {
            command.arg("-DZMQ_BUILD_DRAFT_API");
        }
        command
    }

    /// What all programs share, once.
    fn build_helpers(&self) -> Result<()> {
        make(&self.out)?;
        write(&self.out.join("platform.hpp"), PLATFORM)?;
        let mut sources = vec![("cc", "external/unity/unity.c".to_owned())];
        for name in ["testutil", "testutil_monitoring", "testutil_security", "testutil_unity"] {
            sources.push(("c++", format!("tests/{name}.cpp")));
        }
        for name in ["err", "random", "clock"] {
            sources.push(("c++", format!("src/{name}.cpp")));
        }
        for (compiler, path) in sources {
            let object = object(&path);
            if !self.out.join(&object).exists() {
                let mut compile = self.compiler(compiler);
                shell::run(compile.arg("-c").arg(self.source.join(&path)).args(["-o", &object]))?;
            }
        }
        Ok(())
    }

    /// Compiles a program, if it is not there yet. `false`: it does not compile, as drafts don't without the draft API.
    fn build(&self, name: &str) -> bool {
        if self.out.join(name).exists() {
            return true;
        }
        let mut compile = self.compiler("c++");
        compile.arg(self.source.join(format!("tests/{name}.cpp")));
        if name == "test_security_curve" {
            // It compiles some of libzmq's insides into itself.
            compile.args(["err", "random", "clock"].map(|name| object(&format!("src/{name}.cpp"))));
        }
        compile.args(
            ["testutil", "testutil_monitoring", "testutil_security", "testutil_unity", "unity"].map(object),
        );
        compile.args(["-o", name, "-L"]).arg(&self.stub).args(["-lzmq", "-lsodium", "-lpthread"]);
        compile.output().is_ok_and(|output| output.status.success())
    }

    /// Runs them, two at a time.
    fn run_all(&self, names: &[String]) -> Vec<(String, Outcome, String)> {
        let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // Relaxed: only that each number comes once matters.
                    while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let (outcome, why) = self.run(name);
                        println!("{} {name} {why}", outcome.word());
                        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((
                            name.clone(),
                            outcome,
                            why,
                        ));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        results.sort_by(|a, b| a.0.cmp(&b.0));
        results
    }

    fn run(&self, name: &str) -> (Outcome, String) {
        if !self.build(name) {
            return (Outcome::Skip, "does not compile without the draft API".into());
        }
        if !self.loads_ours(name) {
            return (Outcome::Fail, "would load another library".into());
        }
        let run_in = self.out.join("run").join(name);
        // What a former run has left.
        let _ = std::fs::remove_dir_all(&run_in);
        if let Err(why) = make(&run_in).and_then(|()| corpus::prepare(name, &run_in)) {
            return (Outcome::Fail, why);
        }
        let mut command = Command::new("timeout");
        command.args(["-k", "3", LIMIT]);
        if self.namespaces {
            command.args(["unshare", "-n", "--", "bash", "-c", NAMESPACE, "namespace"]);
        }
        command.arg(self.out.join(name)).current_dir(&run_in).env("LD_LIBRARY_PATH", &self.folder);
        match command.output() {
            Err(error) => (Outcome::Fail, error.to_string()),
            Ok(output) => judge(output.status.code(), &String::from_utf8_lossy(&output.stdout)),
        }
    }

    /// The loader would give this program the library under test, and no other.
    fn loads_ours(&self, name: &str) -> bool {
        let mut ldd = Command::new("ldd");
        let Ok(text) = shell::output(ldd.arg(self.out.join(name)).env("LD_LIBRARY_PATH", &self.folder))
        else {
            return false;
        };
        let mut found = text.lines().filter(|line| line.contains("libzmq")).map(|line| {
            let path = line.split("=> ").nth(1).and_then(|rest| rest.split_whitespace().next());
            path.and_then(|path| Path::new(path).canonicalize().ok()).is_some_and(|path| path == self.library)
        });
        found.next() == Some(true) && found.all(|ours| ours)
    }
}

fn object(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    format!("{}.o", name.split('.').next().unwrap_or(name))
}

/// How a program ended, by its exit code (77 is "skipped") and what it printed last.
fn judge(code: Option<i32>, printed: &str) -> (Outcome, String) {
    let summary = printed.lines().rev().find(|line| line.contains(" Tests ") && line.contains(" Ignored"));
    let numbers: Vec<u32> =
        summary.unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let all_ignored = matches!(numbers.as_slice(), [all, _, ignored] if all == ignored && *all > 0);
    match code {
        Some(0) if all_ignored => (Outcome::Skip, "every case ignores itself".into()),
        Some(0) => (Outcome::Pass, String::new()),
        Some(77) => (Outcome::Skip, "says so itself".into()),
        Some(124 | 137) => (Outcome::Fail, "did not end in time".into()),
        code => {
            let failed = printed.lines().find(|line| line.contains(":FAIL"));
            let failed = failed.and_then(|line| line.rsplit('/').next()).unwrap_or("no word of it");
            (Outcome::Fail, format!("exit code {code:?}: {failed}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_apart() {
        assert_eq!(judge(Some(0), "3 Tests 0 Failures 1 Ignored").0, Outcome::Pass);
        assert_eq!(judge(Some(0), "3 Tests 0 Failures 3 Ignored").0, Outcome::Skip);
        assert_eq!(judge(Some(77), "").0, Outcome::Skip);
        assert_eq!(judge(Some(124), "").0, Outcome::Fail);
        assert_eq!(judge(None, "").0, Outcome::Fail);
        let (outcome, why) = judge(Some(2), "a/b.cpp:7:test_x:FAIL: no\n9 Tests 2 Failures 0 Ignored");
        assert_eq!((outcome, why.contains("b.cpp:7")), (Outcome::Fail, true));
    }
}
