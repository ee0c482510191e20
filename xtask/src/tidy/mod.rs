//! `cargo xtask tidy`: the rules of the house that a compiler does not check.
//!
//! It reads every file that git tracks or would track, and judges texts only: the rules are functions from texts to
//! findings, each with tests that show it fail. What it checks is listed in HACKING.md.

mod layers;
mod lexed;
mod paths;
mod source;
mod text;
mod tree;

use std::collections::BTreeMap;
use std::process::Command;

use crate::shell::{self, Result};

/// Something that is against the rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    what: String,
}

/// Everything that the rules have to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
    notes: Vec<String>,
    /// Number of `unsafe` by room.
    unsafe_sites: BTreeMap<String, usize>,
}

impl Report {
    fn find(&mut self, path: &str, line: usize, what: impl Into<String>) {
        self.findings.push(Finding { path: path.to_owned(), line, what: what.into() });
    }
}

/// Checks the tree; with `bless` also rewrites the unsafe budget.
pub(crate) fn tidy(bless: bool) -> Result<()> {
    let files = files()?;
    let files: BTreeMap<&str, &str> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut report = judge(&files);
    if bless {
        std::fs::write(shell::root().join(source::BUDGET_FILE), source::blessed(&report))
            .map_err(|error| format!("{}: {error}", source::BUDGET_FILE))?;
        report.findings.retain(|finding| finding.path != source::BUDGET_FILE);
        report.notes.retain(|note| !note.contains("--bless"));
    }
    report.findings.sort();
    for note in &report.notes {
        println!("note: {note}");
    }
    for (room, sites) in &report.unsafe_sites {
        println!("unsafe in {room}: {sites}");
    }
    for finding in &report.findings {
        match finding.line {
            0 => println!("{}: {}", finding.path, finding.what),
            line => println!("{}:{line}: {}", finding.path, finding.what),
        }
    }
    match report.findings.len() {
        0 => {
            println!("tidy: {} files, nothing to say", files.len());
            Ok(())
        }
        count => Err(format!("tidy: {count} findings in {} files", files.len())),
    }
}

/// Applies every rule.
fn judge(files: &BTreeMap<&str, &str>) -> Report {
    let mut report = Report::default();
    let reached = tree::walk(files);
    source::check(files, &reached, &mut report);
    layers::check(files, &reached, &mut report);
    text::check(files, &mut report);
    source::budget(files.get(source::BUDGET_FILE).copied().unwrap_or_default(), &mut report);
    report
}

/// Every text file that git tracks, or would after `git add`, by its path.
fn files() -> Result<BTreeMap<String, String>> {
    let root = shell::root();
    let listed = shell::output(Command::new("git").current_dir(&root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut files = BTreeMap::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // Gone from the work tree or not a text: nothing to judge.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.insert(path.to_owned(), text);
        }
    }
    if files.is_empty() {
        return Err("git lists no files here".into());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small tree that is in order, and what each kind of disorder in it comes to.
    #[test]
    fn a_tree_in_order_and_out_of_it() {
        let good: BTreeMap<&str, &str> = [
            ("README.md", "[code](crates/memory/src/lib.rs)"),
            ("crates/memory/Cargo.toml", "[package]\nname = \"netzmq-memory\""),
            ("crates/memory/src/lib.rs", "mod a;\nfn f() { unsafe { g() } }"),
            ("crates/memory/src/a.rs", ""),
            (source::BUDGET_FILE, "crates/memory 1"),
        ]
        .into();
        assert_eq!(judge(&good).findings, []);
        for (path, text) in [
            ("README.md", "[code](crates/memory/src/nope.rs)"),
            ("crates/memory/Cargo.toml", "[package]\n[dependencies]\nnetzmq.workspace = true"),
            ("crates/memory/src/lib.rs", "mod a;\nfn f() { unsafe { unsafe { g() } } }"),
            ("crates/memory/src/a.rs", "use netzmq_proto::Frame;"),
            ("crates/memory/src/b.rs", ""),
        ] {
            let mut tree = good.clone();
            tree.insert(path, text);
            assert_eq!(judge(&tree).findings.len(), 1, "{path}");
        }
    }
}
