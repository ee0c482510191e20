//! `cargo xtask bench instructions`: what one operation of the hot path costs, in instructions, against committed figures.
//!
//! Instructions don't drift with the load of the machine, so this gate may stand in CI where no timed one may. Each cell
//! of `bench/src/bin/instructions.rs` runs under callgrind, which counts only inside its functions called `counted_…`. A
//! rise of more than [`TOLERANCE`] against `bench/instructions.txt` fails and says which; `--bless` writes the file anew,
//! and the diff shows what changed.
//!
//! Another compiler makes other code: the figures are compared only under the one that they were taken with.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Result};

const FIGURES: &str = "bench/instructions.txt";
/// More than this above the committed figure fails.
const TOLERANCE: f64 = 0.05;
/// A cell above that is counted so often at most, and the least counts: on a busy machine a receiver finds less with each read than
/// it would, which is no news of the code. What the code itself costs more, it costs each time.
const TRIES: u32 = 4;
/// Cell, and how many rounds of it are counted.
const CELLS: [(&str, u32); 15] = [
    ("send-64", 50),
    ("send-1024", 50),
    ("send-65536", 2),
    ("recv-64", 100),
    ("recv-1024", 200),
    ("recv-65536", 50),
    ("rent-64", 20),
    ("rent-65536", 20),
    ("sub-64", 100),
    ("routed-64", 100),
    ("router-64", 20),
    ("fan-out-8", 20),
    ("match-1", 20),
    ("match-1000", 20),
    ("match-100000", 5),
];

/// Counts and compares; with `bless` writes the figures instead.
pub(crate) fn instructions(bless: bool) -> Result<()> {
    if !shell::has_program("valgrind") {
        return Err("valgrind is needed: its callgrind counts the instructions (Debian: `valgrind`)".into());
    }
    let target = super::run::target_dir();
    let mut build = shell::cargo(&["build", "--quiet", "--release", "--manifest-path", "bench/Cargo.toml"]);
    build.args(["--features", "netzmq", "--bin", "instructions"]);
    shell::run(build.env_remove("CARGO_TARGET_DIR").arg("--target-dir").arg(&target))?;
    let program = target.join("release/instructions");
    let compiler = shell::output(Command::new("rustc").arg("--version"))?.trim().to_owned();
    let path = shell::root().join(FIGURES);
    let committed = std::fs::read_to_string(&path);
    let mut measured = Vec::new();
    for (cell, rounds) in CELLS {
        let mut least = count(&program, cell, rounds)?;
        for _ in 1..TRIES {
            let rose = |text: &String| verdict(text, &compiler, &[(cell, least)]).is_err();
            if !bless && !committed.as_ref().is_ok_and(rose) {
                break;
            }
            least = least.min(count(&program, cell, rounds)?);
        }
        println!("{cell:<14}{least:>8} instructions");
        measured.push((cell, least));
    }
    if bless {
        return std::fs::write(&path, page(&compiler, &measured)).map_err(|e| format!("{FIGURES}: {e}"));
    }
    let committed = committed.map_err(|e| format!("{FIGURES}: {e}; make it with --bless"))?;
    if !is_comparable(&committed, &compiler) {
        println!("not compared: the figures were taken with another compiler than {compiler}");
    }
    verdict(&committed, &compiler, &measured)
}

fn count(program: &Path, cell: &str, rounds: u32) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]);
    command.args(["--toggle-collect=*counted_*"]).arg(program).args([cell, &rounds.to_string()]);
    let output = command.output().map_err(|e| format!("valgrind does not start: {e}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let operations: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0);
    let total = errors.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse::<u64>().ok());
    match (output.status.success(), operations, total) {
        (true, 1.., Some(total)) => Ok(total / operations),
        _ => Err(format!("{cell} was not counted: {errors}")),
    }
}

fn page(compiler: &str, measured: &[(&str, u64)]) -> String {
    let mut text = format!(
        "# Instructions an operation; written by `cargo xtask bench instructions --bless`, checked in CI.\n{compiler}\n"
    );
    for (cell, count) in measured {
        text.push_str(&format!("{cell} {count}\n"));
    }
    text
}

/// The figures were taken with this compiler.
fn is_comparable(committed: &str, compiler: &str) -> bool {
    committed.lines().find(|line| !line.starts_with('#')) == Some(compiler)
}

fn verdict(committed: &str, compiler: &str, measured: &[(&str, u64)]) -> Result<()> {
    if !is_comparable(committed, compiler) {
        return Ok(());
    }
    let figures: Vec<(&str, u64)> = committed
        .lines()
        .filter_map(|line| line.split_once(' ').and_then(|(cell, count)| Some((cell, count.parse().ok()?))))
        .collect();
    let mut findings = Vec::new();
    for (cell, now) in measured {
        match figures.iter().find(|(name, _)| name == cell) {
            Some(&(_, before)) if *now as f64 > before as f64 * (1.0 + TOLERANCE) => {
                findings.push(format!("{cell}: {now} instructions, {before} before"));
            }
            Some(_) => {}
            None => findings.push(format!("{cell} has no figure in {FIGURES}")),
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more instructions than before:\n  {}\nMend it, or accept it with `cargo xtask bench instructions --bless`.",
        findings.join("\n  ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_found_and_named() {
        let committed = page("rustc 1", &[("a", 100), ("b", 100)]);
        assert_eq!(verdict(&committed, "rustc 1", &[("a", 105), ("b", 90)]), Ok(()));
        let why = verdict(&committed, "rustc 1", &[("a", 106), ("b", 100), ("c", 1)]).unwrap_err();
        assert!(why.contains("a: 106 instructions, 100 before") && why.contains("c has no figure"), "{why}");
        assert!(!why.contains("b:"), "{why}");
        assert_eq!(verdict(&committed, "rustc 2", &[("a", 1000)]), Ok(()), "another compiler");
    }
}
