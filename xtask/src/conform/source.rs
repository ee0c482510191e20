//! libzmq's sources from the registry, and a library of empty functions to link its tests against.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{folder, make, read, write};
use crate::shell::{self, Result};

/// The crate that carries libzmq 4.3.5 with its tests.
const CRATE: (&str, &str) = ("zeromq-src", "0.3.6");

/// The folder with libzmq's sources, fetched by cargo if they are not here yet.
pub(super) fn libzmq() -> Result<PathBuf> {
    let project = folder().join("fetch");
    make(&project.join("src"))?;
    write(&project.join("src/lib.rs"), "")?;
    let (name, version) = CRATE;
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\n{name} = \"={version}\"\n[workspace]\n"
    );
    write(&project.join("Cargo.toml"), &manifest)?;
    let manifest = project.join("Cargo.toml");
    let mut command = shell::cargo(&["metadata", "--format-version", "1", "--manifest-path"]);
    let metadata = shell::output(command.arg(manifest))?;
    let path = manifest_path(&metadata, name).ok_or_else(|| format!("cargo knows no crate {name}"))?;
    let vendor = Path::new(path).with_file_name("vendor");
    if vendor.join("tests").is_dir() { Ok(vendor) } else { Err(format!("{} has no tests", vendor.display())) }
}

/// Where cargo has unpacked a crate, by what it says of all crates.
fn manifest_path<'a>(metadata: &'a str, name: &str) -> Option<&'a str> {
    let folder = format!("/{name}-");
    metadata.split("\"manifest_path\":\"").skip(1).find_map(|rest| {
        let path = rest.split('"').next()?;
        path.contains(&folder).then_some(path)
    })
}

/// Names of the functions that our header declares, with and without its draft section: (all, stable).
pub(super) fn functions() -> Result<(Vec<String>, Vec<String>)> {
    let header = read(&shell::root().join("crates/capi/include/zmq.h"))?;
    let stable = header.split("#ifdef ZMQ_BUILD_DRAFT_API").next().unwrap_or_default();
    let outside =
        header.rsplit("#endif /* ZMQ_BUILD_DRAFT_API */").next().filter(|rest| rest.len() < header.len());
    let mut stable = declared(stable);
    stable.extend(outside.map(declared).unwrap_or_default());
    stable.sort();
    stable.dedup();
    Ok((declared(&header), stable))
}

/// Functions declared in a header: a word that begins like one and is followed by a parenthesis.
fn declared(header: &str) -> Vec<String> {
    let mut names = Vec::new();
    let lines = header.lines().filter(|line| !line.trim_start().starts_with(['#', '*', '/']));
    for line in lines {
        for (at, _) in line.match_indices("zmq_") {
            let rest = &line[at..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let starts = !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if starts && after.trim_start().starts_with('(') && !name.ends_with("_fn") {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

/// A folder with a `libzmq.so` whose functions only trap: what is linked against it gets its functions from the library
/// under test, or from nowhere.
pub(super) fn stub() -> Result<PathBuf> {
    let folder = folder().join("stub");
    make(&folder)?;
    let (all, _) = functions()?;
    let text: String =
        all.iter().map(|name| format!("void {name}(void) {{ __builtin_trap(); }}\n")).collect();
    write(&folder.join("stub.c"), &text)?;
    let mut compile = Command::new("cc");
    compile.current_dir(&folder).args(["-w", "-shared", "-fPIC", "-fno-builtin", "-Wl,-soname,libzmq.so.5"]);
    shell::run(compile.args(["-o", "libzmq.so", "stub.c"]))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found() {
        let header = "ZMQ_EXPORT int zmq_send (void *s_, int f_);\n#define zmq_old(x) zmq_new (x)\n\
                      typedef void (zmq_free_fn) (void *data);\nvoid *zmq_ctx_new (void);\n";
        assert_eq!(declared(header), ["zmq_ctx_new", "zmq_send"]);
        let (all, stable) = functions().unwrap();
        assert!(
            all.len() > 90 && stable.len() > 60 && stable.len() < all.len(),
            "{} {}",
            all.len(),
            stable.len()
        );
    }

    #[test]
    fn a_crate_is_found_in_what_cargo_says() {
        let metadata =
            r#"{"manifest_path":"/r/other-1/Cargo.toml"},{"manifest_path":"/r/some-1.2/Cargo.toml"}"#;
        assert_eq!(manifest_path(metadata, "some"), Some("/r/some-1.2/Cargo.toml"));
        assert_eq!(manifest_path(metadata, "none"), None);
    }
}
