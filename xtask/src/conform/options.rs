//! `cargo xtask conform options --library DIR`: every option of every socket type, and of contexts, asked of a fresh one and
//! set to many values, on our library and on the one in DIR (a libzmq 4.3.5 with drafts), by one C program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use super::compatibility::{notes_path, parse_notes};
use super::{folder, make, our_library, read, source};
use crate::shell::{self, Result};

/// Differences shown for one option.
const SHOWN: usize = 3;

pub(super) fn options(library: &Path) -> Result<()> {
    let out = folder().join("options");
    make(&out)?;
    let here = shell::root().join("conformance/libzmq");
    let mut compile = Command::new("cc");
    compile.current_dir(&here).args([
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-DZMQ_BUILD_DRAFT_API",
        "-D_GNU_SOURCE",
    ]);
    compile.arg("-I").arg(shell::root().join("crates/capi/include")).arg("-o").arg(out.join("options"));
    shell::run(compile.arg("options.c").arg("-L").arg(source::stub()?).arg("-lzmq"))?;
    let answers = |library: &Path| -> Result<BTreeMap<String, String>> {
        let mut ask = Command::new(out.join("options"));
        Ok(answers(&shell::output(ask.env("LD_LIBRARY_PATH", library))?))
    };
    let (theirs, ours) = (answers(library)?, answers(&our_library()?)?);
    let header = read(&shell::root().join("crates/capi/include/zmq.h"))?;
    let notes = read(&notes_path())?;
    // A context's options have numbers of their own; those that may differ are about its threads.
    let noted: BTreeSet<String> = parse_notes(&notes)?
        .keys()
        .filter_map(|name| {
            let context = if name.starts_with("ZMQ_THREAD_") { "context " } else { "" };
            Some(format!("{context}{}", number_of(&header, name)?))
        })
        .collect();
    let mut differing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (question, answer) in &theirs {
        let here = ours.get(question).map_or("nothing", String::as_str);
        if answer != here {
            let line = format!("{question}: {answer} there, {here} here");
            differing.entry(option_of(question)).or_default().push(line);
        }
    }
    println!("{} questions", theirs.len());
    let mut unknown = Vec::new();
    for (option, lines) in &differing {
        let known = noted.contains(option);
        println!("option {option}: {} differences{}", lines.len(), if known { ", as noted" } else { "" });
        if !known {
            lines.iter().take(SHOWN).for_each(|line| println!("    {line}"));
            unknown.push(option.as_str());
        }
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(format!("options that differ, unnoted: {}", unknown.join(", ")))
    }
}

/// The number that the header gives a name.
fn number_of(header: &str, name: &str) -> Option<i32> {
    let rest = header.split(&format!("#define {name} ")).nth(1)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Questions with their answers. What is asked after a value was set is another question than the same one before.
fn answers(printed: &str) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    let mut after = String::new();
    for line in printed.lines() {
        let at = [" error ", ":"].iter().filter_map(|mark| line.rfind(mark)).min();
        let (question, answer) = line.split_at(at.unwrap_or(line.len()));
        if question.contains(" set ") {
            after = question.to_owned();
            answers.insert(question.to_owned(), answer.to_owned());
        } else if option_of(&after) == option_of(question) && !after.is_empty() {
            answers.insert(format!("{after}, then {question}"), answer.to_owned());
        } else {
            after.clear();
            answers.insert(question.to_owned(), answer.to_owned());
        }
    }
    answers
}

/// The number after "option", or for contexts "context" and the number.
fn option_of(question: &str) -> String {
    let number =
        question.split("option ").nth(1).and_then(|rest| rest.split([' ', ':']).next()).unwrap_or("-");
    if question.starts_with("context") { format!("context {number}") } else { number.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let answers = answers(
            "type 1 option 4 get room 8 8:00\ntype 1 option 4 set 1 error 22\ntype 1 option 4 set 2 0:\n\
                               type 1 option 4 get room 8 8:02\ntype 1 option 5 get room 1 error 22\n",
        );
        assert_eq!(answers["type 1 option 4 set 1"], " error 22");
        assert_eq!(answers["type 1 option 4 get room 8 8"], ":00");
        assert_eq!(answers["type 1 option 4 set 2 0, then type 1 option 4 get room 8 8"], ":02");
        assert_eq!(answers["type 1 option 5 get room 1"], " error 22");
        assert_eq!(
            (option_of("type 1 option 17 set"), option_of("context option 2 get")),
            ("17".into(), "context 2".into())
        );
    }
}
