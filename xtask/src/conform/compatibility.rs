//! `COMPATIBILITY.md`: every function, option and test of libzmq 4.3.5, and whether it is the same here.
//!
//! Written from the header (functions, options), the option table (what can be set and got), `outcomes.txt` (tests), and
//! `notes.txt` beside it, which has the words for what differs. `cargo xtask tidy` holds the page against them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::expected::{self, Outcome, Row};
use super::{read, source, write as write_file};
use crate::shell::{self, Result};

const PAGE: &str = "COMPATIBILITY.md";

/// What is said of a thing that is not the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note<'a> {
    state: &'a str,
    why: &'a str,
}

/// By name of function, option or test.
pub(super) type Notes<'a> = BTreeMap<&'a str, Note<'a>>;

/// Writes the page.
pub(super) fn write() -> Result<()> {
    write_file(&shell::root().join(PAGE), &page()?)
}

/// The page is what this would write.
pub(crate) fn check() -> Result<()> {
    if read(&shell::root().join(PAGE))? == page()? {
        Ok(())
    } else {
        Err(format!("{PAGE} is not current: run `cargo xtask conform compatibility`"))
    }
}

/// Where the words are.
pub(super) fn notes_path() -> std::path::PathBuf {
    shell::root().join("conformance/libzmq/notes.txt")
}

fn page() -> Result<String> {
    let text = read(&notes_path())?;
    let notes = parse_notes(&text)?;
    let (functions, stable) = source::functions()?;
    let header = read(&shell::root().join("crates/capi/include/zmq.h"))?;
    let table = read(&shell::root().join("crates/capi/src/options/table.rs"))?;
    let tests = expected::table()?;
    let lines = lines_of(&table);
    for name in notes.keys() {
        let known = functions.iter().any(|f| f == name)
            || tests.contains_key(*name)
            || lines.contains_key(name.trim_start_matches("ZMQ_"))
            || header.contains(&format!("#define {name} "));
        if !known {
            return Err(format!("notes.txt speaks of {name}, which nothing else knows"));
        }
    }
    let mut page = String::from(
        "# Compatibility with libzmq 4.3.5\n\nThe C interface, `libzmq.so.5`, function by function, option by option, and by \
         libzmq's own tests. Written by\n`cargo xtask conform compatibility`; the words are in \
         [notes.txt](conformance/libzmq/notes.txt).\n\n",
    );
    functions_of(&mut page, &functions, &stable, &notes);
    options_of(&mut page, &header, &lines, &notes);
    tests_of(&mut page, &tests, &notes);
    Ok(page)
}

/// `NAME | state | why`, where the state is "differs" or "not yet".
pub(super) fn parse_notes(text: &str) -> Result<Notes<'_>> {
    let mut notes = Notes::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let parts: Vec<&str> = line.splitn(3, '|').map(str::trim).collect();
        let [name, state @ ("differs" | "not yet"), why] = parts.as_slice() else {
            return Err(format!("notes.txt: not `NAME | differs or not yet | why`: {line}"));
        };
        notes.insert(name, Note { state, why });
    }
    Ok(notes)
}

fn said<'a>(notes: &Notes<'a>, name: &str) -> (&'a str, &'a str) {
    notes.get(name).map_or(("same", ""), |note| (note.state, note.why))
}

fn functions_of(page: &mut String, functions: &[String], stable: &[String], notes: &Notes<'_>) {
    let drafts = functions.len() - stable.len();
    let _ = writeln!(
        page,
        "## Functions\n\n{} stable, {drafts} of the draft interface; each is exported, and nothing else.\n\n\
         | function | | |\n|---|---|---|",
        stable.len()
    );
    for name in functions {
        let (state, why) = said(notes, name);
        let draft = if stable.contains(name) { "" } else { " (draft)" };
        let _ = writeln!(page, "| `{name}`{draft} | {state} | {why} |");
    }
}

/// The option table's lines, by name: whether it can be set, and got.
fn lines_of(table: &str) -> BTreeMap<&str, (bool, bool)> {
    let mut lines = BTreeMap::new();
    for line in table.split("    line!(").skip(1) {
        let Some((number, rest)) = line.split_once(' ') else { continue };
        // The macro that makes the lines calls itself, with names for what it is given.
        if number.parse::<u32>().is_err() {
            continue;
        }
        let name = rest.split([',', ')']).next().unwrap_or_default();
        let body = line.split("\n    line!").next().unwrap_or_default();
        let kept = body.contains("keep from");
        lines.insert(name, (kept || body.contains("set "), kept || body.contains("get |")));
    }
    lines
}

/// Socket options of the header: numbers below the message properties, in the section of options.
fn options_of(page: &mut String, header: &str, lines: &BTreeMap<&str, (bool, bool)>, notes: &Notes<'_>) {
    let _ = writeln!(page, "\n## Socket options\n\n| option | | set | get | |\n|---|---|---|---|---|");
    let yes = |can: bool| if can { "yes" } else { "" };
    for (name, (set, get)) in lines {
        let full = format!("ZMQ_{name}");
        let (state, why) = said(notes, &full);
        let _ = writeln!(page, "| `{full}` | {state} | {} | {} | {why} |", yes(*set), yes(*get));
    }
    // What the header has and the table has not: refused, as the notes say why.
    for (name, note) in notes.iter().filter(|(name, _)| name.starts_with("ZMQ_")) {
        if !lines.contains_key(name.trim_start_matches("ZMQ_"))
            && header.contains(&format!("#define {name} "))
        {
            let _ = writeln!(page, "| `{name}` | {} | | | {} |", note.state, note.why);
        }
    }
}

fn tests_of(page: &mut String, tests: &BTreeMap<String, Row>, notes: &Notes<'_>) {
    let passes = |row: &Row, column: usize| row.get(column).copied().flatten() == Some(Outcome::Pass);
    let there = |column: usize| tests.values().filter(|row| passes(row, column)).count();
    let both =
        |column: usize| tests.values().filter(|row| passes(row, column) && passes(row, column + 2)).count();
    let _ = writeln!(
        page,
        "\n## libzmq's tests\n\nOf the programs that pass on libzmq, {} of {} pass here with the stable interface, {} of {} \
         with the draft interface. Again:\n`cargo xtask conform libzmq`, and with `--draft`. Those that end differently:\n\n\
         | test | libzmq | libzmq, draft | netzmq | netzmq, draft | |\n|---|---|---|---|---|---|",
        both(0),
        there(0),
        both(1),
        there(1)
    );
    for (name, row) in tests {
        let [a, b, c, d] = row.map(|outcome| outcome.map_or("-", Outcome::word));
        if a != c || b != d {
            let why = notes.get(name.as_str()).map_or("", |note| note.why);
            let _ = writeln!(page, "| `{name}` | {a} | {b} | {c} | {d} | {why} |");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_have_three_parts() {
        let notes = parse_notes("# c\n\nzmq_x | differs | because\n").unwrap();
        assert_eq!(notes["zmq_x"], Note { state: "differs", why: "because" });
        assert_eq!(said(&notes, "zmq_y"), ("same", ""));
        assert!(parse_notes("zmq_x | same | why").is_err());
    }

    #[test]
    fn lines_of_the_option_table_are_read() {
        let lines = lines_of(
            "    line!(4 AFFINITY,\n set |s| x,\n get |s| y),\n    line!(8 RATE, keep from 1),\n    line!(7 A, get |s| z),",
        );
        assert_eq!(lines["AFFINITY"], (true, true));
        assert_eq!((lines["RATE"], lines["A"]), ((true, true), (false, true)));
    }

    /// The page that is in the repository.
    #[test]
    fn the_page_is_current() {
        check().unwrap();
    }
}
