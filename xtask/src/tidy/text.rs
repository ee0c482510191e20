//! Rules about every text file: no paths of one machine, no notes to self, Markdown links that lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, paths};

/// Beginnings of paths that exist on somebody's machine only. In pieces, so that this file passes its own rule.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/ro", "ot/"),
    concat!("C:\\Us", "ers\\"),
];
const NOTE_TO_SELF: &str = concat!("FIX", "ME");

/// Checks every text file; `folders_and_files` is what a link may lead to.
pub(crate) fn check(files: &BTreeMap<&str, &str>, report: &mut Report) {
    let mut exists: BTreeSet<&str> = files.keys().copied().collect();
    for path in files.keys() {
        let mut folder = paths::folder(path);
        while !folder.is_empty() {
            exists.insert(folder);
            folder = paths::folder(folder);
        }
    }
    for (path, text) in files {
        for (at, line) in text.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                report.find(path, at + 1, format!("{found}… is a path of one machine"));
            }
            if line.contains(NOTE_TO_SELF) {
                report.find(path, at + 1, format!("{NOTE_TO_SELF}: do it, or file an issue"));
            }
        }
        if path.ends_with(".md") {
            links(path, text, &exists, report);
        }
    }
}

fn machine_path(line: &str) -> Option<&'static str> {
    MACHINE_PATHS.into_iter().find(|start| {
        line.match_indices(start).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + start.len()..].chars().next();
            // A part of a longer path or of an address is something else.
            !before.is_some_and(|c| c.is_alphanumeric() || "._-~})".contains(c))
                && after.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
        })
    })
}

fn links(path: &str, text: &str, exists: &BTreeSet<&str>, report: &mut Report) {
    let mut in_fence = false;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_fence = !in_fence;
        }
        if in_fence {
            continue;
        }
        for target in targets(line) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if elsewhere || file.is_empty() {
                continue;
            }
            let resolved = match file.strip_prefix('/') {
                Some(from_root) => paths::join("", from_root),
                None => paths::join(paths::folder(path), file),
            };
            if !resolved.is_empty() && !exists.contains(resolved.as_str()) {
                report.find(path, at + 1, format!("the link to {target} leads nowhere"));
            }
        }
    }
}

/// What `[text](target)` and `[name]: target` in a line point to. Text in backquotes is not a link.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some((name, target)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]:"))
        && !name.contains(']')
        && !name.starts_with('^')
    {
        found.extend(target.split_whitespace().next());
    }
    let mut rest = line;
    while let Some(at) = rest.find(['`', ']']) {
        let tail = &rest[at..];
        if tail.starts_with('`') {
            let ticks = tail.len() - tail.trim_start_matches('`').len();
            let close = tail[ticks..].find(&tail[..ticks]);
            rest = close.map_or("", |close| &tail[ticks + close + ticks..]);
        } else if let Some(inner) = tail.strip_prefix("](") {
            let end = inner.find(')').unwrap_or(inner.len());
            found.extend(inner[..end].split_whitespace().next().map(|word| word.trim_matches(['<', '>'])));
            rest = &inner[end..];
        } else {
            rest = &tail[1..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(list: &[(&'static str, &str)]) -> usize {
        let mut report = Report::default();
        check(&list.iter().copied().collect(), &mut report);
        report.findings.len()
    }

    #[test]
    fn paths_of_one_machine() {
        for start in MACHINE_PATHS {
            assert_eq!(findings(&[("a.toml", &format!("path = \"{start}someone\""))]), 1, "{start}");
            assert_eq!(
                findings(&[("a.md", &format!("example.org{start}x and {start} alone"))]),
                0,
                "{start}"
            );
        }
        assert_eq!(findings(&[("a.md", "ipc:///tmp/feed")]), 0);
    }

    #[test]
    fn notes_to_self() {
        assert_eq!(findings(&[("a.rs", &format!("// {NOTE_TO_SELF} later"))]), 1);
    }

    #[test]
    fn links_lead_somewhere() {
        let with = |text: &str| findings(&[("docs/a.md", text), ("docs/b.md", ""), ("src/c.rs", "")]);
        let good = "[b](b.md) [b](b.md#part) [c](../src/c.rs) [folder](../src) [web](https://example.org) [here](#part)\n\
                    `[x](nope.md)` ``a`[x](nope.md)``\n[ref]: ../src/c.rs\n[root](/docs/b.md) [t](b.md \"title\")\n```\n[x](nope.md)\n```";
        assert_eq!(with(good), 0);
        for bad in
            ["[x](nope.md)", "a [x](../b.md) b", "[ref]: nope.md", "![i](pic.png)", "`code` [x](nope.md)"]
        {
            assert_eq!(with(bad), 1, "{bad}");
        }
    }
}
