//! `cargo xtask loom`: the concurrency models, each an exhaustive search over interleavings.
//!
//! A crate has models if its sources mention `netzmq_loom`, the project's own configuration flag: under it `sync.rs`
//! hands out loom's atomics and locks instead of the standard ones. (loom's customary flag, `loom`, would change other
//! people's crates as well.) Models are tests of the library whose path contains `loom`.

use std::ffi::OsString;
use std::path::Path;

use crate::shell::{self, Result};

const FLAG: &str = "netzmq_loom";

/// Runs the models of one crate (`memory`, or `netzmq-memory`), or of every crate that has some.
pub(crate) fn loom(only: Option<&str>) -> Result<()> {
    let mut crates = crates_with_models()?;
    if let Some(only) = only {
        crates.retain(|name| name == only || name.strip_prefix("netzmq-") == Some(only));
        if crates.is_empty() {
            return Err(format!("no loom models in a crate called {only}"));
        }
    }
    let flags = with_flag(std::env::var_os("RUSTFLAGS").unwrap_or_default());
    for name in crates {
        println!("loom models of {name}");
        let mut command = shell::cargo(&["test", "--release", "--package", &name, "--lib", "loom"]);
        // A folder of its own: the flags differ, and would throw away what the other steps built.
        let target = shell::root().join("target/loom");
        shell::run(command.env("RUSTFLAGS", &flags).env("CARGO_TARGET_DIR", target))?;
    }
    Ok(())
}

fn with_flag(mut flags: OsString) -> OsString {
    flags.push(format!(" --cfg {FLAG}"));
    flags
}

/// Names of the packages in `crates/` whose sources mention the flag.
fn crates_with_models() -> Result<Vec<String>> {
    let folder = shell::root().join("crates");
    let mut names = Vec::new();
    for entry in
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?.flatten()
    {
        if mentions_flag(&entry.path().join("src")) {
            let manifest = std::fs::read_to_string(entry.path().join("Cargo.toml")).unwrap_or_default();
            names.extend(package_name(&manifest).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

fn mentions_flag(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            mentions_flag(&path)
        } else {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains(FLAG))
        }
    })
}

fn package_name(manifest: &str) -> Option<&str> {
    let line = manifest.lines().find(|line| line.starts_with("name"))?;
    line.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_kept() {
        assert_eq!(with_flag("-C x".into()), "-C x --cfg netzmq_loom");
    }

    #[test]
    fn names_come_from_the_manifest() {
        assert_eq!(package_name("[package]\nname = \"netzmq-memory\"\n"), Some("netzmq-memory"));
        assert_eq!(package_name("[workspace]"), None);
    }

    #[test]
    fn an_unknown_crate_is_an_error() {
        assert!(loom(Some("no-such-crate")).is_err());
    }
}
