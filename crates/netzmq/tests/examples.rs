//! Every example runs, ends by itself, and prints something.
//!
//! They are started through cargo, so that what runs is what is in the tree; each checks itself with assertions.

use std::path::Path;
use std::process::{Command, Output};

mod common;

/// What cargo was called as, so that the examples are built by the same one.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[track_caller]
fn runs(name: &'static str) {
    let output: Output = common::finishes(name, move || {
        let mut command = cargo();
        command.args(["run", "--quiet", "--package", "netzmq", "--example", name]);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo starts")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{errors}", output.status);
    assert!(!output.stdout.is_empty(), "{name} shows nothing\n{errors}");
}

macro_rules! examples {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                runs(stringify!($name));
            }
        )*
    };
}

examples! {
    lazy_pirate
    majordomo
    memory_pool
    monitor
    pipeline
    poller
    proxy
    publish_subscribe
    request_reply
    router_dealer
    zero_copy
}

/// No example is forgotten above, and each is short enough to be read at once.
#[test]
fn all_are_run_and_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 60, "{}: {lines} lines", path.display());
        found.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    found.sort();
    assert_eq!(found, NAMES);
}
