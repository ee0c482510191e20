//! C programs against our header and our library: one for each section of `zmq.h`, and one that is written from the whole
//! of it; compiled by the system's C compiler.
//!
//! A program exits with 0, or tells the line of the check that failed. Where valgrind is (the CI installs it) each runs a
//! second time under that. Each is also a check that the header compiles
//! without a warning, as C and (where there is a compiler) the drafts included.

mod handles;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library that Cargo has built beside this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("libzmq.so");
    assert!(library.exists(), "{} is not there", library.display());
    library
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a program's files are.
fn folder(name: &str) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&out).unwrap();
    out
}

/// Compiles a program against our header, and runs it with our library.
fn run(source: &Path) {
    let name = source.file_stem().unwrap().to_str().unwrap();
    let (here, out) = (here(), folder(name));
    let library = library();
    let soname = out.join("libzmq.so.5");
    // A link of the last run points to the same place.
    let _ = std::fs::remove_file(&soname);
    std::os::unix::fs::symlink(&library, &soname).unwrap();
    let program = out.join("program");
    let compiled = Command::new("cc")
        .args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-DZMQ_BUILD_DRAFT_API", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-I")
        .arg(here.join("tests/c"))
        .arg("-I")
        .arg(here.join("include"))
        .arg(&soname)
        .arg(format!("-Wl,-rpath,{}", out.display()))
        .arg("-lpthread")
        .output()
        .expect("a C compiler is needed to test the C interface");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let checked = |mut command: Command, how: &str| {
        let ran = command.current_dir(&out).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{name}.c, {how}: {}, {said}", ran.status);
    };
    checked(Command::new(&program), "alone");
    if Command::new("valgrind").arg("--version").output().is_ok() {
        // No access to memory that is not ours, or never was written, and nothing lost.
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["-q", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite"]);
        valgrind.args(["--errors-for-leak-kinds=definite"]).arg(&program);
        checked(valgrind, "under valgrind");
    }
}

macro_rules! programs {
    ($($name:ident;)*) => {
        $(
            #[test]
            fn $name() {
                run(&here().join("tests/c").join(stringify!($name)).with_extension("c"));
            }
        )*
    };
}

programs! {
    contexts;
    drafts;
    endpoints;
    messages;
    mistakes;
    monitors;
    names;
    options;
    polling;
    proxies;
    security;
    signals;
    sockets;
    streams;
    threads;
    timers;
}

/// Goal: no wrong pointer in any place of any function ends in a signal. Method: a program that is written from the
/// header makes all such calls; that the header has every function is seen by the library's symbols.
#[test]
fn wrong_pointers_everywhere() {
    let header = std::fs::read_to_string(here().join("include/zmq.h")).unwrap();
    let listed = Command::new("nm").args(["-D", "--defined-only"]).arg(library()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let exported: BTreeSet<&str> = listed.lines().filter_map(|line| line.rsplit([' ', '@']).next()).collect();
    let names = handles::names(&header);
    let declared: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(exported, declared);
    let (program, calls) = handles::program(&header);
    assert!(calls > 200, "{calls}");
    let source = folder("handles").join("handles.c");
    std::fs::write(&source, program).unwrap();
    run(&source);
}
