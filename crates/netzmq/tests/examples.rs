//! Every example runs, ends by itself, and prints something.
//!
//! They are built through cargo, so that what runs is what is in the tree; each checks itself with assertions. Building
//! may take its time, running may not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

mod common;

/// Where the examples lie, built once for all tests here.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // The same cargo, and the folder of this very build: TARGET/PROFILE/deps/examples-HASH.
        let test = std::env::current_exe().expect("a test knows its file");
        let profile = test.parent().and_then(Path::parent).expect("tests lie in PROFILE/deps");
        let target = profile.parent().expect("profiles lie in the target folder");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", "netzmq", "--examples", "--target-dir"]).arg(target);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts");
        assert!(built.success(), "the examples do not build");
        profile.join("examples")
    })
}

#[track_caller]
fn runs(name: &'static str) {
    let program = folder().join(name);
    let output: Output =
        common::finishes(name, move || Command::new(program).output().expect("the example was built"));
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
    awaited
    clone_pattern
    freelance
    last_value_cache
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
    simple_pirate
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
