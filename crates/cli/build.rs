//! Tells the program which commit it was built from (`NETZMQ_COMMIT`), for reports. Outside a git checkout it is
//! empty, and nothing fails. With the feature `peers` libzmq is compiled with CURVE (see .cargo/config.toml at the root), for
//! which it needs libsodium, behind it on the line.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_PEERS").is_some() {
        println!("cargo::rustc-link-arg=-lsodium");
    }
    // The log grows with every commit and checkout; HEAD alone does not change with a commit on a branch.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
    println!(
        "cargo::rustc-env=NETZMQ_COMMIT={}",
        git(&["rev-parse", "--short=10", "HEAD"]).unwrap_or_default()
    );
}
