//! `cargo xtask conform differential --library DIR [--seeds FROM..TO]`: random calls, the same on our library and on the one
//! in DIR (a libzmq 4.3.5 with drafts), by one C program. A seed that differs has a second try: what depended on time
//! does not differ twice in the same place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use super::{folder, make, our_library, source};
use crate::shell::{self, Result};

const SEEDS: Range<u32> = 0..100;

/// Processes of each library at a time. They wait more than they work.
const AT_ONCE: u32 = 6;

/// What each seed's process said.
type Said = BTreeMap<u32, Vec<String>>;

pub(super) fn differential(words: &[&str]) -> Result<()> {
    let (library, seeds) = match words {
        ["--library", library] => (Path::new(*library), SEEDS),
        ["--library", library, "--seeds", seeds] => (Path::new(*library), range(seeds)?),
        _ => return Err("conform differential --library DIR [--seeds FROM..TO]".into()),
    };
    let out = folder().join("differential");
    make(&out)?;
    let program = out.join("differential");
    let here = shell::root().join("conformance/libzmq");
    let mut compile = Command::new("cc");
    compile.current_dir(&here).args(["-O1", "-Wall", "-Wextra", "-Werror"]);
    compile.args(["-DZMQ_BUILD_DRAFT_API", "-D_GNU_SOURCE", "-I"]);
    compile.arg(shell::root().join("crates/capi/include")).arg("-o").arg(&program).arg("differential.c");
    shell::run(compile.arg("-L").arg(source::stub()?).arg("-lzmq"))?;
    let ours = our_library()?;
    let first = differing(&program, library, &ours, seeds.clone())?;
    let mut left = Vec::new();
    for seed in first.keys() {
        left.extend(differing(&program, library, &ours, *seed..seed + 1)?);
    }
    for (seed, what) in &left {
        println!("seed {seed}: {what}");
    }
    println!("{} seeds, {} differ, {} at first", seeds.len(), left.len(), first.len());
    if left.is_empty() { Ok(()) } else { Err("not the same as libzmq".into()) }
}

fn range(text: &str) -> Result<Range<u32>> {
    let bounds = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    bounds.ok_or_else(|| format!("not FROM..TO: {text}"))
}

/// Seeds whose two runs do not say the same, with the first difference.
fn differing(program: &Path, theirs: &Path, ours: &Path, seeds: Range<u32>) -> Result<BTreeMap<u32, String>> {
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| answers(program, theirs, seeds.clone()));
        let ours = answers(program, ours, seeds.clone());
        (theirs.join().map_err(|_| "a thread panicked".to_owned()).flatten(), ours)
    });
    Ok(differences(&theirs?, &ours?))
}

fn answers(program: &Path, library: &Path, seeds: Range<u32>) -> Result<Said> {
    let share = seeds.len().div_ceil(AT_ONCE as usize).max(1);
    let printed: Vec<Result<String>> = std::thread::scope(|scope| {
        let runs: Vec<_> = seeds
            .clone()
            .step_by(share)
            .map(|from| {
                let to = seeds.end.min(from + share as u32);
                scope.spawn(move || {
                    let mut run = Command::new(program);
                    run.args([from.to_string(), to.to_string()]);
                    shell::output(run.env("LD_LIBRARY_PATH", library))
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().map_err(|_| "a thread panicked".to_owned()).flatten()).collect()
    });
    let mut said = Said::new();
    for text in printed {
        for line in text?.lines() {
            let (seed, line) = line.split_once(' ').unwrap_or((line, ""));
            let seed = seed.parse().map_err(|_| format!("no seed: {line}"))?;
            said.entry(seed).or_default().push(line.to_owned());
        }
    }
    Ok(said)
}

fn differences(theirs: &Said, ours: &Said) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for (seed, there) in theirs {
        let here = ours.get(seed).map_or(&[][..], Vec::as_slice);
        if there == here {
            continue;
        }
        let at = there.iter().zip(here).position(|(there, here)| there != here);
        let at = at.unwrap_or(there.len().min(here.len()));
        let line = |lines: &[String]| lines.get(at).map_or("nothing", |line| line.trim()).to_owned();
        let head = there.first().map_or("", String::as_str);
        found.insert(*seed, format!("{head}, line {at}: {} there, {} here", line(there), line(here)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the first line that differs is told, one that is missing too. Method: one seed of each kind.
    #[test]
    fn the_first_difference_is_told() {
        let said = |texts: [&str; 3]| {
            let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            (0..).zip(texts.map(lines)).collect::<Said>()
        };
        let found = differences(&said(["a b", "a b", "a b c"]), &said(["a b", "a c", "a b"]));
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(found[&1], "a, line 1: b there, c here");
        assert_eq!(found[&2], "a, line 2: c there, nothing here");
        assert_eq!(range("3..5").unwrap(), 3..5);
        assert!(range("3").is_err());
    }
}
