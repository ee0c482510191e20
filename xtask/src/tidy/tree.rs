//! Which file is which module: follows `mod` from every target's root file, as the compiler does.
//!
//! What no root leads to is a dead file. The walk also tells each file's module path (for the layers) and whether it is
//! compiled for tests only.

use std::collections::{BTreeMap, BTreeSet};

use super::lexed::Lexed;
use super::paths;

/// What the walk found out about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Folder of the package.
    pub(crate) package: String,
    /// `[]` for a root, `["pipe", "ring"]` for `pipe::ring`.
    pub(crate) module: Vec<String>,
    /// Part of a library or program root, not of a test, example or bench target.
    pub(crate) source: bool,
    /// Compiled for tests only.
    pub(crate) test: bool,
}

/// Every Rust file that some target leads to. `files` holds all tracked files by path.
pub(crate) fn walk(files: &BTreeMap<&str, &str>) -> BTreeMap<String, Reached> {
    let mut reached = BTreeMap::new();
    for (manifest, text) in files.iter().filter(|(path, _)| paths::name(path) == "Cargo.toml") {
        let package = paths::folder(manifest);
        if !text.lines().any(|line| line.trim() == "[package]") {
            continue;
        }
        for (root, source, test) in roots(package, text, files) {
            let root_of = Reached { package: package.into(), module: Vec::new(), source, test };
            let beside = paths::folder(&root).to_owned();
            visit(files, &mut reached, &root, &beside, root_of);
        }
    }
    reached
}

/// The package's root files: those named in the manifest and those that cargo finds by itself, each with whether it is
/// source (library, program, build script) and whether it is a test.
fn roots(package: &str, manifest: &str, files: &BTreeMap<&str, &str>) -> BTreeSet<(String, bool, bool)> {
    let mut roots = BTreeSet::new();
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        }
        let value = line.strip_prefix("path").map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
        if let Some(value) = value.map(|value| value.trim().trim_matches('"'))
            && ["lib", "bin", "test", "example", "bench"].contains(&section)
        {
            let file = paths::join(package, value);
            roots.insert((file, ["lib", "bin"].contains(&section), section == "test"));
        }
    }
    for path in files.keys() {
        let Some(inner) = paths::inside(path, package) else { continue };
        let parts: Vec<&str> = inner.split('/').collect();
        let (source, test) = match parts.as_slice() {
            ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"] => (true, false),
            ["tests", _] | ["tests", _, "main.rs"] => (false, true),
            ["examples" | "benches", _] | ["examples" | "benches", _, "main.rs"] => (false, false),
            // Programs that must not compile, given to the compiler by a test.
            ["tests", "ui", ..] => (false, true),
            _ => continue,
        };
        if path.ends_with(".rs") {
            roots.insert(((*path).to_owned(), source, test));
        }
    }
    roots
}

fn visit(
    files: &BTreeMap<&str, &str>,
    reached: &mut BTreeMap<String, Reached>,
    path: &str,
    children: &str,
    as_what: Reached,
) {
    let Some(text) = files.get(path) else { return };
    if let Some(before) = reached.get_mut(path) {
        // Reached twice: what is source for one is source, what is a test for both is a test.
        before.source |= as_what.source;
        before.test &= as_what.test;
        return;
    }
    reached.insert(path.to_owned(), as_what.clone());
    let lexed = Lexed::new(text);
    for module in declared(&lexed, text) {
        let mut inner = as_what.clone();
        inner.module.extend(module.path.iter().cloned());
        inner.test |= module.test;
        let candidates = match &module.file {
            // `#[path]` is relative to the folder of the file that says it (good enough for inline modules too).
            Some(file) => vec![paths::join(paths::folder(path), file)],
            None => {
                let base =
                    module.path.iter().fold(children.to_owned(), |base, part| paths::join(&base, part));
                vec![format!("{base}.rs"), paths::join(&base, "mod.rs")]
            }
        };
        for candidate in candidates {
            let beside = match module.file {
                Some(_) => paths::folder(&candidate).to_owned(),
                None => module.path.iter().fold(children.to_owned(), |base, part| paths::join(&base, part)),
            };
            visit(files, reached, &candidate, &beside, inner.clone());
        }
    }
    for included in included(&lexed, text) {
        visit(files, reached, &paths::join(paths::folder(path), &included), children, as_what.clone());
    }
}

/// A `mod name;` with its inline surroundings.
#[derive(Debug, PartialEq, Eq)]
struct Declared {
    path: Vec<String>,
    file: Option<String>,
    test: bool,
}

fn declared(lexed: &Lexed, text: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut inside: Vec<(String, usize, bool)> = Vec::new();
    let words = lexed.words();
    for pair in words.windows(2) {
        let [keyword, name] = pair else { continue };
        inside.retain(|(_, end, _)| *end > keyword.at);
        if keyword.text != "mod" {
            continue;
        }
        let attributes = attributes_before(lexed, keyword.at);
        let code = &lexed.code[attributes.clone()];
        let test = is_test_only(code) || inside.iter().any(|(_, _, test)| *test);
        match lexed.next_mark(name.at + name.text.len()) {
            Some((open, b'{')) => inside.push((name.text.to_owned(), lexed.end_of_braces(open), test)),
            Some((_, b';')) => {
                let mut path: Vec<String> = inside.iter().map(|(name, ..)| name.clone()).collect();
                path.push(name.text.to_owned());
                found.push(Declared {
                    path,
                    file: path_attribute(code, text.get(attributes.clone()).unwrap_or_default()),
                    test,
                });
            }
            _ => {}
        }
    }
    found
}

/// What stands between the item before and the keyword at `at`: attributes and visibility, with comments blanked.
fn attributes_before(lexed: &Lexed, at: usize) -> std::ops::Range<usize> {
    let before = lexed.code[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    before..at
}

fn is_test_only(attributes: &str) -> bool {
    let squeezed: String = attributes.chars().filter(|c| !c.is_whitespace()).collect();
    squeezed.contains("#[cfg(test)]")
        || squeezed.contains("#[test]")
        || squeezed.split("#[cfg(all(").skip(1).any(|rest| {
            let all = rest.split(")]").next().unwrap_or_default();
            all.split(',').any(|condition| condition.trim_matches(')') == "test")
        })
}

/// The file that `#[path = "..."]` names. The attribute is found in the code, its text in the original.
fn path_attribute(code: &str, text: &str) -> Option<String> {
    let at = code.find("#[path")?;
    Some(text.get(at..)?.split('"').nth(1)?.to_owned())
}

/// Files named in `include!("...")`.
fn included(lexed: &Lexed, text: &str) -> Vec<String> {
    let words = lexed.words();
    let includes = words.iter().filter(|word| word.text == "include");
    includes
        .filter(|word| lexed.code[word.at..].starts_with("include!"))
        .filter_map(|word| text[word.at..].lines().next()?.split('"').nth(1).map(str::to_owned))
        .collect()
}

/// Where code is compiled for tests only: `#[cfg(test)] mod … { … }` and `#[test] fn …` as ranges of offsets.
pub(crate) fn test_ranges(lexed: &Lexed) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for word in lexed.words().iter().filter(|word| ["mod", "fn"].contains(&word.text)) {
        if !is_test_only(&lexed.code[attributes_before(lexed, word.at)]) {
            continue;
        }
        let semicolon = lexed.code[word.at..].find(';').map_or(usize::MAX, |length| word.at + length);
        if let Some(open) = lexed.code[word.at..].find('{').map(|length| word.at + length)
            && open < semicolon
        {
            ranges.push(word.at..lexed.end_of_braces(open));
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&'static str, &'static str)]) -> BTreeMap<&'static str, &'static str> {
        list.iter().copied().collect()
    }

    #[test]
    fn follows_mod_to_every_file() {
        let reached = walk(&files(&[
            ("Cargo.toml", "[workspace]"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n[[test]]\npath = \"../../extra/one.rs\""),
            (
                "crates/a/src/lib.rs",
                "pub mod b;\n#[cfg(test)]\nmod t;\nmod inline { mod deep; }\n#[path = \"odd/name.rs\"] mod o;",
            ),
            ("crates/a/src/b/mod.rs", "pub(crate) mod c;"),
            ("crates/a/src/b/c.rs", "include!(\"part.rs\");"),
            ("crates/a/src/b/part.rs", ""),
            ("crates/a/src/t.rs", "mod u;"),
            ("crates/a/src/t/u.rs", ""),
            ("crates/a/src/inline/deep.rs", ""),
            ("crates/a/src/odd/name.rs", "mod below;"),
            ("crates/a/src/odd/below.rs", ""),
            ("crates/a/tests/api.rs", "mod common;"),
            ("crates/a/tests/common/mod.rs", ""),
            ("crates/a/src/dead.rs", ""),
            ("extra/one.rs", ""),
        ]));
        assert!(!reached.contains_key("crates/a/src/dead.rs"));
        assert_eq!(reached.len(), 12, "{reached:#?}");
        assert_eq!(reached["crates/a/src/b/c.rs"].module, ["b", "c"]);
        assert_eq!(reached["crates/a/src/inline/deep.rs"].module, ["inline", "deep"]);
        assert!(reached["crates/a/src/t/u.rs"].test && !reached["crates/a/src/b/mod.rs"].test);
        assert!(reached["crates/a/tests/common/mod.rs"].test && !reached["crates/a/tests/api.rs"].source);
        assert!(reached["extra/one.rs"].test);
    }

    #[test]
    fn a_mod_in_a_comment_leads_nowhere() {
        let reached = walk(&files(&[
            ("Cargo.toml", "[package]"),
            ("src/main.rs", "// mod a;\nfn main() { \"mod a;\"; }"),
            ("src/a.rs", ""),
        ]));
        assert!(!reached.contains_key("src/a.rs"));
    }

    #[test]
    fn test_code_has_its_ranges() {
        let text = "fn a() { x }\n#[cfg(test)]\nmod tests { fn b() { y } }\n#[test]\nfn c() { z }\nfn d() {}\n\
                    #[cfg(all(netzmq_loom, test))]\nmod loom { v }\n#[cfg(not(test))]\nmod n { w }";
        let lexed = Lexed::new(text);
        let ranges = test_ranges(&lexed);
        let inside = |what: &str| ranges.iter().any(|range| range.contains(&text.find(what).unwrap()));
        assert!(!inside("x }") && inside("y }") && inside("z }") && !inside("fn d"));
        assert!(inside("v }") && !inside("w }"));
    }
}
