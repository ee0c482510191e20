//! The project's own tools: `cargo xtask COMMAND`. Nothing to install, nothing beyond std, the same on every machine.
//!
//! Each command is one module. They read the repository and start other programs (cargo, git, strace); they never
//! write outside target folders, except for `tidy --bless` (the unsafe budget), `fuzz --keep` (the corpora),
//! `bench peers --record` (the record), `bench instructions --bless` (its figures), `bench guide`
//! (the guide of memory strategies), `conform` (its table and page) and
//! `install` (where it is told to).
#![forbid(unsafe_code)]

mod asan;
mod bench;
mod ci;
mod conform;
mod fuzz;
mod install;
mod licences;
mod loom;
mod shell;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  asan             the memory crate's tests under the address sanitizer, leaks included
  ci               all checks, as .ci/run does: format, clippy, tidy, documentation, tests, loom, interop
  fuzz [TARGET…] [--seconds 60] [--keep]
                   random bytes for the targets of fuzz/, so many seconds each; --keep puts what was found
                   into the corpus
  licences         whether the terms of all dependencies go with ours
  loom [CRATE]     the concurrency models
  tidy [--bless]   layers, sizes, unsafe rooms, dead files, bans, links; --bless rewrites the unsafe budget
  install --prefix DIR
                   libzmq.so.5, libzmq.a, headers, pkg-config and CMake files, into a folder
  install --check  the same into the target folder, and C programs built against it
  conform libzmq [--draft] [--library DIR] [--record] [TESTS…]
                   libzmq's own test programs on our library, held against how they end on libzmq
  conform options --library DIR
  conform differential --library DIR [--seeds FROM..TO]
                   every option's defaults, ranges and errors, beside those of the library in DIR
  conform compatibility
                   writes COMPATIBILITY.md
  conform perf [--library DIR] [--runs 5]
                   what the C interface costs beside Rust, and beside another library
  bench peers [--engines a,b] [--cells a,b] [--sizes 64,1024] [--transports tcp,ipc,inproc]
              [--runs 5] [--quick] [--syscalls] [--record]
                   netzmq beside libzmq, other implementations and bare sockets; all engines, cells, sizes and
                   transports unless some are named. --quick measures less, --syscalls counts system calls in a
                   pass of its own, --record writes the record under bench/record
  bench instructions [--bless]
                   counts the hot path's instructions under callgrind and compares with bench/instructions.txt;
                   --bless writes that file anew
  bench page       docs/benchmarks.md and README's table, from the newest record
  bench report FILE
                   the tables of a record again
  bench guide DIR  puts the tables of a report (`netzmq bench memory --report DIR`) into docs/memory-strategies.md";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(at) = words.iter().position(|word| ["--help", "-h"].contains(word)) {
        println!("{}", help(&words[..at]));
        return ExitCode::SUCCESS;
    }
    let result = match words.as_slice() {
        ["asan"] => asan::asan(),
        ["ci"] => ci::ci(),
        ["fuzz", rest @ ..] => fuzz::fuzz(rest),
        ["licences"] => licences::licences(),
        ["loom"] => loom::loom(None),
        ["loom", name] => loom::loom(Some(name)),
        ["tidy"] => tidy::tidy(false),
        ["tidy", "--bless"] => tidy::tidy(true),
        ["bench", "peers", rest @ ..] => bench::peers(rest),
        ["bench", "instructions"] => bench::instructions(false),
        ["bench", "instructions", "--bless"] => bench::instructions(true),
        ["bench", "page"] => bench::page(),
        ["bench", "report", file] => bench::report(file),
        ["bench", "guide", directory] => bench::guide(directory),
        ["install", "--prefix", prefix] => install::install(std::path::Path::new(prefix)),
        ["install", "--check"] => install::check(),
        ["conform", rest @ ..] => conform::conform(rest),
        ["help", rest @ ..] => {
            println!("{}", help(rest));
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What the usage says of the commands that begin with these words; all of it if there is none.
fn help(words: &[&str]) -> String {
    let mut found = Vec::new();
    let mut wanted = false;
    for line in USAGE.lines().skip(2) {
        let entry = line.strip_prefix("  ").unwrap_or(line);
        if !entry.starts_with(' ') {
            let mut names = entry.split_whitespace();
            // `fuzz some_target --help` asks for `fuzz`: an argument in the place of a name is no other command.
            wanted =
                words.iter().zip(names.by_ref()).all(|(word, name)| *word == name || name.starts_with('['));
        }
        if wanted {
            found.push(line);
        }
    }
    if words.is_empty() || found.is_empty() {
        return USAGE.to_owned();
    }
    format!("usage: cargo xtask\n\n{}", found.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_of_the_command_that_was_named() {
        assert_eq!(help(&[]), USAGE);
        assert_eq!(help(&["no-such-command"]), USAGE);
        let fuzz = help(&["fuzz"]);
        assert!(fuzz.contains("--keep puts what was found") && !fuzz.contains("licences"), "{fuzz}");
        assert_eq!(help(&["fuzz", "frame"]), fuzz);
        let bench = help(&["bench"]);
        assert!(bench.contains("peers") && bench.contains("guide"), "{bench}");
        let peers = help(&["bench", "peers"]);
        assert!(peers.contains("--syscalls") && !peers.contains("--bless"), "{peers}");
        for line in USAGE.lines().skip(2).filter(|line| !line.starts_with("   ")) {
            let first = line.split_whitespace().next().unwrap_or_default();
            assert_ne!(help(&[first]), USAGE, "{first}");
        }
    }
}
