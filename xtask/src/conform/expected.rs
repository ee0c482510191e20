//! How libzmq's test programs end on libzmq 4.3.5 itself, and how they last ended on our library: one table, in
//! `conformance/libzmq/outcomes.txt`, of names and outcomes, which are ours to know.
//!
//! A line: the test's name, then how it ends with the stable and the draft interface on libzmq, then on ours.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{read, write};
use crate::shell::{self, Result};

/// How a program ended.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Pass,
    Fail,
    Skip,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "FAIL",
            Outcome::Skip => "skip",
        }
    }

    fn parse(word: &str) -> Option<Outcome> {
        [Outcome::Pass, Outcome::Fail, Outcome::Skip].into_iter().find(|outcome| outcome.word() == word)
    }
}

/// Columns of the table.
const COLUMNS: usize = 4;
const HEAD: &str = "# How libzmq's test programs end, on libzmq 4.3.5 and on netzmq; written by `cargo xtask conform libzmq --record`.
# name, libzmq stable, libzmq draft, netzmq stable, netzmq draft
";

/// A test's outcomes: on libzmq (stable, draft), on ours (stable, draft).
pub(super) type Row = [Option<Outcome>; COLUMNS];

fn path() -> PathBuf {
    shell::root().join("conformance/libzmq/outcomes.txt")
}

/// The whole table.
pub(super) fn table() -> Result<BTreeMap<String, Row>> {
    Ok(parse(&read(&path())?))
}

fn parse(text: &str) -> BTreeMap<String, Row> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let mut row = [None; COLUMNS];
            row.iter_mut().zip(words).for_each(|(place, word)| *place = Outcome::parse(word));
            Some((name, row))
        })
        .collect()
}

/// Keeps these outcomes in the table.
pub(super) fn record(outcomes: &BTreeMap<String, Outcome>, draft: bool, ours: bool) -> Result<()> {
    let mut table = table().unwrap_or_default();
    for (name, outcome) in outcomes {
        table.entry(name.clone()).or_default()[column(draft, ours)] = Some(*outcome);
    }
    let mut text = HEAD.to_owned();
    for (name, row) in &table {
        let words = row.map(|outcome| outcome.map_or("-", Outcome::word));
        text.push_str(&format!("{name} {}\n", words.join(" ")));
    }
    write(&path(), &text)
}

fn column(draft: bool, ours: bool) -> usize {
    usize::from(draft) + if ours { 2 } else { 0 }
}

/// Prints what differs from libzmq; an error if a program that passes there does not pass here.
pub(super) fn compare(outcomes: &BTreeMap<String, Outcome>, draft: bool) -> Result<()> {
    let table = table()?;
    let mut worse = Vec::new();
    for (name, outcome) in outcomes {
        let there = table.get(name).and_then(|row| row[column(draft, false)]);
        if let Some(there) = there.filter(|there| there != outcome) {
            println!("differs: {name}: {} on libzmq, {} here", there.word(), outcome.word());
        }
        if there == Some(Outcome::Pass) && *outcome != Outcome::Pass {
            worse.push(name.as_str());
        }
    }
    if worse.is_empty() { Ok(()) } else { Err(format!("pass on libzmq, and not here: {}", worse.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = parse("# x\ntest_a pass skip FAIL -\n");
        assert_eq!(table["test_a"], [Some(Outcome::Pass), Some(Outcome::Skip), Some(Outcome::Fail), None]);
        assert!(super::table().unwrap().len() > 100);
    }

    #[test]
    fn columns_differ() {
        let all = [(false, false), (true, false), (false, true), (true, true)];
        assert_eq!(all.map(|(draft, ours)| column(draft, ours)), [0, 1, 2, 3]);
    }
}
