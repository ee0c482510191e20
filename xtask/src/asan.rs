//! `cargo xtask asan`: the memory crate's whole suite under the address sanitizer.
//!
//! Finds use after free, double frees, reads and writes out of bounds, and what is still unreachable at the end of each test
//! program (a leak). The sanitizer is part of the stable compiler, behind a switch that only unstable builds may use; hence
//! `RUSTC_BOOTSTRAP`, for this build alone.

use crate::shell::{self, Result};

/// Where the sanitizer and its leak detector exist; elsewhere the step says that it did nothing.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Runs the suite.
pub(crate) fn asan() -> Result<()> {
    let target = host(&shell::output(std::process::Command::new("rustc").arg("-vV"))?)?;
    if !TARGETS.contains(&target.as_str()) {
        println!("SKIPPED: no address sanitizer for {target}");
        return Ok(());
    }
    let words = [
        "test",
        "--package",
        "netzmq-memory",
        "--features",
        "bytes",
        "--tests",
        "--lib",
        "--target",
        &target,
    ];
    let mut command = shell::cargo(&words);
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    command.env("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1");
    // A folder of its own: the flags differ, and would throw away what the other steps built.
    shell::run(command.env("CARGO_TARGET_DIR", shell::root().join("target/asan")))
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
}
