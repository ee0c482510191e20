//! `cargo xtask asan`: the memory crate's whole suite under the address sanitizer.
//!
//! Finds use after free, double frees, reads and writes out of bounds, and what is still unreachable at the end of each test
//! program (a leak). That leaks are found is shown each time, too: `tests/planted_leak.rs` is run once more with leaks in it,
//! and must fail. The sanitizer is part of the stable compiler, behind a switch that only unstable builds may use; hence
//! `RUSTC_BOOTSTRAP`, for this build alone.

use std::process::Command;

use crate::shell::{self, Result};

/// Where the sanitizer and its leak detector exist; elsewhere the step says that it did nothing.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Runs the suite.
pub(crate) fn asan() -> Result<()> {
    let target = host(&shell::output(Command::new("rustc").arg("-vV"))?)?;
    if !TARGETS.contains(&target.as_str()) {
        println!("SKIPPED: no address sanitizer for {target}");
        return Ok(());
    }
    shell::run(&mut suite(&target, &["--tests", "--lib"]))?;
    let mut planted = suite(&target, &["--test", "planted_leak"]);
    let output = planted.env("NETZMQ_PLANT_LEAK", "1").output().map_err(|error| error.to_string())?;
    found(output.status.success(), &String::from_utf8_lossy(&output.stderr))
}

/// These tests of the memory crate, under the sanitizer.
fn suite(target: &str, tests: &[&str]) -> Command {
    let words = ["test", "--package", "netzmq-memory", "--features", "bytes", "--target", target];
    let mut command = shell::cargo(&[&words, tests].concat());
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command.env("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1");
    // A folder of its own: the flags differ, and would throw away what the other steps built.
    command.env("CARGO_TARGET_DIR", shell::root().join("target/asan"));
    command
}

/// Whether the leaks that were planted were found: the run must fail, and say how many bytes.
fn found(succeeded: bool, stderr: &str) -> Result<()> {
    let summary =
        stderr.lines().find(|line| line.contains("SUMMARY: AddressSanitizer:") && line.contains("leaked"));
    match summary {
        Some(summary) if !succeeded => {
            println!("planted leaks are found: {}", summary.trim());
            Ok(())
        }
        _ => Err(format!("leaks were planted, and the sanitizer did not find them:\n{stderr}")),
    }
}

/// The compiler's own target.
fn host(version: &str) -> Result<String> {
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not tell its host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found() {
        assert_eq!(host("rustc 1.9\nhost: a-b-c\nrelease: 1").as_deref(), Ok("a-b-c"));
        assert!(host("rustc").is_err());
    }

    #[test]
    fn a_planted_leak_must_be_found() {
        let leaked = "x\nSUMMARY: AddressSanitizer: 100 byte(s) leaked in 2 allocation(s).\n";
        assert!(found(false, leaked).is_ok());
        assert!(found(true, leaked).is_err() && found(true, "").is_err());
        assert!(found(false, "SUMMARY: AddressSanitizer: heap-use-after-free").is_err());
    }
}
