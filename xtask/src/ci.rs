//! `cargo xtask ci`: everything that must hold before a change lands, in order, with the time that each step took.
//!
//! A step that fails does not keep the later ones from running, so one run tells all that is wrong. The whole is meant
//! to stay under 45 minutes on two cores, from nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::shell::{self, Result};
use crate::{asan, bench, conform, install, licences, loom, tidy};

/// A step: its name, and what it does.
type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 17] = [
    ("compilers", compilers),
    ("browser and terminal", browser),
    ("format", format),
    ("clippy", clippy),
    ("tidy", || tidy::tidy(false)),
    ("licences", licences::licences),
    ("compatibility page", conform::check_compatibility),
    ("documentation", documentation),
    ("tests", tests),
    ("installed C library", install::check),
    ("loom", || loom::loom(None)),
    ("address sanitizer", asan::asan),
    ("no panic, long batches", no_panic),
    ("fuzz corpora", corpora),
    ("peer programs", peer_programs),
    ("instructions", || bench::instructions(false)),
    ("interop", interop),
];

const INTEROP: &str = "conformance/interop/Cargo.toml";
const PEERS: &str = "bench/Cargo.toml";
const FUZZ: &str = "fuzz/Cargo.toml";
/// Packages outside the workspace, which cargo has to be pointed at.
const OUTSIDE: [&str; 3] = [PEERS, INTEROP, FUZZ];

/// Runs every step.
pub(crate) fn ci() -> Result<()> {
    let begun = Instant::now();
    let mut lines = Vec::new();
    let mut failures = Vec::new();
    for (name, step) in STEPS {
        println!("\n=== {name}");
        let step_begun = Instant::now();
        let result = step();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        lines.push(format!("{} {name}: {verdict}", seconds(step_begun.elapsed())));
        if let Err(why) = result {
            eprintln!("=== {name} failed: {why}");
            failures.push(format!("{name}: {why}"));
        }
    }
    println!("\n=== ci\n{}\n{} in all", lines.join("\n"), seconds(begun.elapsed()));
    if failures.is_empty() { Ok(()) } else { Err(format!("failed steps:\n  {}", failures.join("\n  "))) }
}

fn seconds(time: Duration) -> String {
    format!("{:7.1} s", time.as_secs_f64())
}

fn exists(path: &str) -> bool {
    shell::root().join(path).is_file()
}

/// Where libsodium's header is.
const SODIUM: &str = "/usr/include/sodium.h";

/// Programs that the tests start, and Debian's packages that have them. The interop tests build libzmq from source, with
/// libsodium; the C interface's tests build C programs, as their makers would, and run them under a memory checker.
const PROGRAMS: [(&str, &str); 5] = [
    ("cc", "g++"),
    ("c++", "g++"),
    ("pkg-config", "pkg-config"),
    ("cmake", "cmake"),
    ("valgrind", "valgrind"),
];

fn compilers() -> Result<()> {
    let mut lacking: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !shell::has_program(program))
        .map(|(_, package)| *package)
        .collect();
    lacking.dedup();
    if !std::path::Path::new(SODIUM).is_file() {
        lacking.push("libsodium-dev");
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let need = format!("these Debian packages are needed: {}", lacking.join(", "));
    if fetch(&need, &lacking)? { Ok(()) } else { Err(need) }
}

/// The report's page is looked at in a browser, and the program is driven in a terminal. Without them, those tests say that they
/// were skipped.
fn browser() -> Result<()> {
    const WANTED: [(&str, &str); 2] = [
        ("chromium", "a browser (`chromium`) is wanted: the report's page is laid out and looked at"),
        ("tmux", "a terminal (`tmux`) is wanted: the program's sessions are typed into it"),
    ];
    for (program, why) in WANTED {
        if !shell::has_program(program) && !fetch(why, &[program]).unwrap_or(false) {
            println!("SKIPPED: {why}");
        }
    }
    Ok(())
}

/// Installs Debian packages, where one may; says whether it did.
fn fetch(why: &str, packages: &[&str]) -> Result<bool> {
    let root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !shell::has_program("apt-get") {
        return Ok(false);
    }
    println!("{why}; installing it");
    shell::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages))?;
    Ok(true)
}

fn format() -> Result<()> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    for manifest in OUTSIDE.into_iter().filter(|path| exists(path)) {
        shell::run(&mut shell::cargo(&["fmt", "--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

/// What the library can do beyond its defaults, all of it tested. (The benchmark programs build it without.)
pub(crate) const FEATURES: &str =
    "netzmq/bytes,netzmq/futures,netzmq/tracing,netzmq/metrics,netzmq/wss,netzmq-capi/wss";

fn clippy() -> Result<()> {
    shell::run(&mut shell::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        &format!("{FEATURES},netzmq/fuzzing"),
        "--",
        "-D",
        "warnings",
    ]))
}

/// The libraries' documentation. Without the program's: it has the library's name, and the two would write to one place.
fn documentation() -> Result<()> {
    let mut command =
        shell::cargo(&["doc", "--workspace", "--no-deps", "--exclude", "netzmq-cli", "--features", FEATURES]);
    shell::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Unit, model, API and documentation tests.
fn tests() -> Result<()> {
    shell::run(&mut shell::cargo(&["test", "--workspace", "--no-fail-fast", "--features", FEATURES]))
}

/// The engine's tests once more, with two changes that a build of their own can have at once. Every panic is an abort: of an
/// I/O thread, too, whose panic a test might not notice. (Each test then needs a process of its own, which the stable compiler
/// does only if it is told to.) And senders gather for as long as can be borne, see `gathering.rs`.
fn no_panic() -> Result<()> {
    const PEERS: [&str; 8] =
        ["hostile", "limits", "secured", "honest_pace", "descriptors", "old_peers", "zap", "lifecycle"];
    const STREAMS: [&str; 9] = [
        "basics",
        "bursts",
        "conflate",
        "exactly_once",
        "fairness",
        "hwm",
        "large",
        "publishing",
        "reconnect",
    ];
    let mut command = shell::cargo(&["test", "-p", "netzmq-proto", "-p", "netzmq", "-Zpanic-abort-tests"]);
    command.args(["--config", "profile.dev.panic='abort'"]);
    command.args(["--config", "build.rustflags=['--cfg', 'netzmq_gathers']"]);
    command.args(["--test", "curve", "--test", "handshake"]);
    command.args(PEERS.into_iter().chain(STREAMS).flat_map(|test| ["--test", test]));
    command.env("RUSTC_BOOTSTRAP", "1");
    // A folder of its own: the flags differ, and would throw away what the other steps built.
    let target = shell::root().join("target/no-panic");
    shell::run(command.env("CARGO_TARGET_DIR", target))
}

/// Every input that a fuzzer found, again; and the fuzzer's own code.
fn corpora() -> Result<()> {
    shell::run(&mut shell::cargo(&[
        "clippy",
        "--manifest-path",
        FUZZ,
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    shell::run(&mut shell::cargo(&["test", "--manifest-path", FUZZ]))
}

/// The benchmark programs that need nothing but this repository still compile, and their checks still check.
fn peer_programs() -> Result<()> {
    if !exists(PEERS) {
        return Ok(());
    }
    let outside = |words: &[&str], after: &[&str]| {
        let mut command = shell::cargo(words);
        command.args(["--manifest-path", PEERS, "--features", "raw,netzmq"]).args(after);
        shell::run(&mut command)
    };
    outside(&["clippy", "--all-targets"], &["--", "-D", "warnings"])?;
    outside(&["test", "--lib"], &[])
}

/// Against a real libzmq.
fn interop() -> Result<()> {
    if !exists(INTEROP) {
        println!("no {INTEROP} here");
        return Ok(());
    }
    shell::run(&mut shell::cargo(&["test", "--manifest-path", INTEROP]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The script that lands a change and this command are one and the same.
    #[test]
    fn the_script_calls_this() {
        let script = std::fs::read_to_string(shell::root().join(".ci/run")).unwrap();
        assert_eq!(script.lines().last(), Some("cargo xtask ci"));
        assert!(script.lines().any(|line| line == "set -euo pipefail"));
    }

    #[test]
    fn step_names_differ() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
