//! `cargo xtask conform …`: the C interface held against libzmq, from outside.
//!
//! `suite` runs libzmq's own test programs on our library, `options` asks it and another for every option,
//! `differential` makes random calls on both, `expected` is our table of how they end on libzmq itself,
//! `compatibility` writes `COMPATIBILITY.md`, `perf` compares what the boundary costs. Nothing of libzmq is kept in this
//! repository: its tests come from the package registry, into the target folder.

mod compatibility;
mod corpus;
mod differential;
mod expected;
mod options;
mod perf;
mod source;
mod suite;

use std::path::PathBuf;

use crate::shell::{self, Result};

pub(crate) use compatibility::check as check_compatibility;

/// Runs one of the commands.
pub(crate) fn conform(words: &[&str]) -> Result<()> {
    match words {
        ["libzmq", rest @ ..] => suite::suite(rest),
        ["options", "--library", folder] => options::options(folder.as_ref()),
        ["differential", rest @ ..] => differential::differential(rest),
        ["compatibility"] => compatibility::write(),
        ["perf", rest @ ..] => perf::perf(rest),
        _ => {
            Err("conform libzmq, options --library DIR, differential --library DIR, compatibility or perf"
                .into())
        }
    }
}

/// Where everything of this command goes.
fn folder() -> PathBuf {
    shell::target().join("conform")
}

/// A folder that holds our library, built for release, under the name that the loader looks for.
fn our_library() -> Result<PathBuf> {
    shell::run(&mut shell::cargo(&["build", "--release", "-p", "netzmq-capi"]))?;
    let folder = folder().join("lib");
    make(&folder)?;
    let link = folder.join("libzmq.so.5");
    // There may be none yet.
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(shell::target().join("release/libzmq.so"), &link)
        .map_err(|error| format!("{}: {error}", link.display()))?;
    Ok(folder)
}

fn make(folder: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn write(path: &std::path::Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
