//! `cargo xtask fuzz`: libFuzzer on the targets of `fuzz/`, with the stable compiler and nothing to install.
//!
//! What marks the branches taken are LLVM's own passes, which the stable compiler can be told to run. A target starts from
//! its corpus and keeps what it finds in the target folder; `--keep` moves the few inputs that together reach as much
//! into the corpus. An input that fails is shown, and left where the last line says.
//!
//! The program is called `fuzzbin`, a name by which a measurement on the same machine can halt it and no
//! build. An input is given two minutes before it counts as one that hangs: that clock goes on while the program is halted.

use std::path::{Path, PathBuf};

use crate::shell::{self, Result};

const MANIFEST: &str = "fuzz/Cargo.toml";
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// A corpus is committed, so it stays small: inputs beyond this are not kept.
const KEPT_BYTES_MAX: u64 = 4096;

/// `[TARGET…] [--seconds N] [--keep]`; without a target all of them, one after the other.
pub(crate) fn fuzz(words: &[&str]) -> Result<()> {
    let (mut seconds, mut keep, mut names) = (60u32, false, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--seconds" => {
                let value = words.next().ok_or("--seconds needs a value")?;
                seconds = value.parse().map_err(|_| "--seconds needs a whole number")?;
            }
            "--keep" => keep = true,
            name if !name.starts_with('-') => names.push(name.to_owned()),
            other => return Err(format!("fuzz: no such option: {other}")),
        }
    }
    let all = targets()?;
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        return Err(format!("no such target: {unknown}; there are {}", all.join(", ")));
    }
    let program = build()?;
    for name in if names.is_empty() { all } else { names } {
        println!("=== {name}");
        run(&program, &name, seconds)?;
        if keep {
            merge(&program, &name)?;
        }
    }
    Ok(())
}

/// A target is a folder of the corpora.
fn targets() -> Result<Vec<String>> {
    let folder = shell::root().join("fuzz/corpus");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn build() -> Result<PathBuf> {
    let target = target_dir();
    // Naming the platform keeps the flags away from build scripts and macros.
    let version = shell::output(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let mut command = shell::cargo(&["build", "--quiet", "--release", "--manifest-path", MANIFEST]);
    command
        .args(["--features", "libfuzzer", "--bin", "fuzzbin", "--target", host, "--target-dir"])
        .arg(&target);
    shell::run(command.env("RUSTFLAGS", FLAGS).env_remove("CARGO_TARGET_DIR"))?;
    Ok(target.join(host).join("release/fuzzbin"))
}

fn target_dir() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    target.join("fuzz")
}

fn found(name: &str) -> PathBuf {
    target_dir().join("found").join(name)
}

fn run(program: &Path, name: &str, seconds: u32) -> Result<()> {
    let found = found(name);
    std::fs::create_dir_all(&found).map_err(|error| error.to_string())?;
    let mut command = std::process::Command::new(program);
    command.env("NETZMQ_FUZZ", name).arg(&found).arg(corpus(name));
    command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1").arg("-verbosity=0");
    command.arg("-timeout=120").arg("-rss_limit_mb=2048").arg(format!("-max_len={KEPT_BYTES_MAX}"));
    command.arg(format!("-artifact_prefix={}/failed-{name}-", target_dir().display()));
    shell::run(&mut command)
}

/// Makes the corpus anew out of itself and what was found: the smallest set that reaches all of it.
fn merge(program: &Path, name: &str) -> Result<()> {
    let corpus = corpus(name);
    let merged = target_dir().join("merged").join(name);
    let _ = std::fs::remove_dir_all(&merged);
    std::fs::create_dir_all(&merged).map_err(|error| error.to_string())?;
    let mut command = std::process::Command::new(program);
    command
        .env("NETZMQ_FUZZ", name)
        .args(["-merge=1", "-verbosity=0"])
        .arg(&merged)
        .arg(found(name))
        .arg(&corpus);
    shell::run(&mut command)?;
    let replace = || -> std::io::Result<usize> {
        std::fs::remove_dir_all(&corpus)?;
        std::fs::create_dir_all(&corpus)?;
        let mut count = 0;
        for entry in std::fs::read_dir(&merged)?.flatten() {
            std::fs::copy(entry.path(), corpus.join(entry.file_name()))?;
            count += 1;
        }
        Ok(count)
    };
    let count = replace().map_err(|error| format!("{}: {error}", corpus.display()))?;
    println!("{name}: {count} inputs kept");
    Ok(())
}

fn corpus(name: &str) -> PathBuf {
    shell::root().join("fuzz/corpus").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_words_are_named() {
        assert!(fuzz(&["no_such_target"]).unwrap_err().contains("handshake_curve"));
        assert!(fuzz(&["--fast"]).is_err());
        assert!(fuzz(&["--seconds", "soon"]).is_err());
    }
}
