//! Who may know whom: between the crates, and between the modules of `crates/netzmq`.
//!
//! Patterns and transport know nothing of each other, engine drives connections without knowing a pattern, and nobody
//! below the socket imports it. `crates/memory` and `crates/proto` know nothing of ours at all.

use std::collections::BTreeMap;

use super::lexed::{Lexed, Word};
use super::tree::Reached;
use super::{Report, paths};

/// Our packages that each package may depend on.
const DEPENDENCIES: [(&str, &[&str]); 6] = [
    ("crates/lock", &[]),
    ("crates/memory", &[]),
    ("crates/proto", &[]),
    ("crates/netzmq", &["netzmq-lock", "netzmq-memory", "netzmq-proto"]),
    ("crates/capi", &["netzmq", "netzmq-lock", "netzmq-memory", "netzmq-proto"]),
    ("crates/cli", &["netzmq", "netzmq-memory", "netzmq-proto"]),
];

/// Those that its tests may depend on as well.
const DEV_DEPENDENCIES: [(&str, &str); 1] = [
    // The C library is built beside the tests of the program that loads it.
    ("crates/cli/Cargo.toml", "netzmq-capi"),
];

/// Modules of `crates/netzmq` that a module must not name. A module that is not listed belongs to the face, on top.
/// The order is that of a message on its way out: socket, patterns, pipe, connection, transport.
const FORBIDDEN: [(&str, &[&str]); 9] = [
    (
        "patterns",
        &["pipe", "connection", "transport", "inproc", "engine", "socket", "context", "poller", "proxy"],
    ),
    (
        "transport",
        &["patterns", "pipe", "connection", "inproc", "engine", "socket", "context", "poller", "proxy"],
    ),
    ("connection", &["patterns", "pipe", "inproc", "engine", "socket", "context", "poller", "proxy"]),
    ("pipe", &["patterns", "engine", "socket", "context", "poller", "proxy"]),
    ("engine", &["patterns", "socket", "poller", "proxy"]),
    ("inproc", &["patterns", "socket", "poller", "proxy"]),
    ("sync", EVERY_ROOM),
    ("error", EVERY_ROOM),
    ("monitor", EVERY_ROOM),
];
const EVERY_ROOM: &[&str] = &[
    "patterns",
    "pipe",
    "connection",
    "transport",
    "inproc",
    "engine",
    "socket",
    "context",
    "poller",
    "proxy",
];

/// What may be named of a forbidden module all the same: (by whom, of which module, these names).
const SEAMS: [(&str, &str, &[&str]); 5] = [
    // The words that a pattern and its pipes have in common.
    ("pipe", "patterns", &["PipeId", "Part", "Pipes", "Outgoing"]),
    // A session knows its pipe by name, and tells who the peer is.
    ("engine", "patterns", &["PipeId", "PeerInfo"]),
    ("inproc", "patterns", &["PipeId", "PeerInfo"]),
    // What callers and I/O threads work on together; not the socket's verbs.
    ("engine", "socket", &["core", "wait"]),
    ("inproc", "socket", &["core", "wait"]),
];

/// Checks manifests and imports.
pub(crate) fn check(files: &BTreeMap<&str, &str>, reached: &BTreeMap<String, Reached>, report: &mut Report) {
    for (package, allowed) in DEPENDENCIES {
        let path = paths::join(package, "Cargo.toml");
        if let Some(text) = files.get(path.as_str()) {
            manifest(&path, text, allowed, report);
        }
    }
    for (path, of) in reached {
        let Some(text) = files.get(path.as_str()) else { continue };
        match of.package.as_str() {
            "crates/memory" | "crates/proto" => stranger(path, &of.package, text, report),
            "crates/netzmq" if of.source => imports(path, of, text, report),
            _ => {}
        }
    }
}

/// Our packages among the dependencies of a manifest.
fn manifest(path: &str, text: &str, allowed: &[&str], report: &mut Report) {
    let (mut in_dependencies, mut of_tests) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let header = line.strip_prefix('[');
        let name = match header {
            Some(header) => {
                let section = header.trim_end_matches(']');
                in_dependencies = section.ends_with("dependencies");
                of_tests = section.starts_with("dev-dependencies");
                // `[dependencies.netzmq]`
                match section.split_once("dependencies.") {
                    Some((_, name)) => name,
                    None => continue,
                }
            }
            None if in_dependencies => match line.split_once("package = \"") {
                // `capi = { package = "netzmq-capi" }`
                Some((_, name)) => name.split('"').next().unwrap_or_default(),
                None => line.split(['.', '=', ' ']).next().unwrap_or_default(),
            },
            None => continue,
        };
        let allowed = allowed.contains(&name) || (of_tests && DEV_DEPENDENCIES.contains(&(path, name)));
        if name.starts_with("netzmq") && !allowed {
            report.find(path, at + 1, format!("must not depend on {name}"));
        }
    }
}

/// A crate at the bottom names another of ours in its code.
fn stranger(path: &str, package: &str, text: &str, report: &mut Report) {
    let own = format!("netzmq_{}", paths::name(package));
    for word in Lexed::new(text).words() {
        let ours = word.text == "netzmq" || word.text.starts_with("netzmq_");
        if ours && word.text != own && word.text != "netzmq_loom" {
            report.find(path, word.line, format!("{} is not known down here", word.text));
        }
    }
}

/// A module names one that it must not know.
fn imports(path: &str, of: &Reached, text: &str, report: &mut Report) {
    let Some(layer) = of.module.first() else { return };
    let Some((_, forbidden)) = FORBIDDEN.iter().find(|(module, _)| module == layer) else { return };
    for named in named_modules(&Lexed::new(text), of.module.len()) {
        if !forbidden.contains(&named.module.as_str()) || named.module == *layer {
            continue;
        }
        let seam = SEAMS.iter().find(|(by, module, _)| by == layer && *module == named.module);
        let allowed = seam.map_or(&[][..], |(.., names)| names);
        let inside = &named.inside;
        if inside.is_empty() || inside.iter().any(|name| !allowed.contains(&name.as_str())) {
            let of_it =
                if seam.is_some() { format!(" but its {}", allowed.join(", ")) } else { String::new() };
            report.find(path, named.line, format!("{layer} must not know {}{of_it}", named.module));
        }
    }
}

/// A module at the crate's top that the code names, and what of it.
struct Named {
    module: String,
    inside: Vec<String>,
    line: usize,
}

/// Every module at the crate's top that the code names through `crate::` or `super::`. `depth` is how deep the file's
/// own module lies.
fn named_modules(lexed: &Lexed, depth: usize) -> Vec<Named> {
    let words = lexed.words();
    let mut inline: Vec<usize> = Vec::new();
    let mut named = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        inline.retain(|end| *end > word.at);
        if word.text == "mod"
            && let Some(name) = words.get(at + 1)
            && let Some((open, b'{')) = lexed.next_mark(name.at + name.text.len())
        {
            inline.push(lexed.end_of_braces(open));
        }
        let mut last = at;
        if word.text == "super" {
            while words.get(last + 1).is_some_and(|next| next.text == "super" && leads_on(lexed, words[last]))
            {
                last += 1;
            }
        }
        let reaches_the_top = match word.text {
            "crate" => true,
            "super" => last - at + 1 >= depth + inline.len(),
            _ => false,
        };
        if reaches_the_top {
            for part in next_parts(lexed, &words, last) {
                let inside =
                    next_parts(lexed, &words, part).into_iter().map(|at| words[at].text.to_owned()).collect();
                named.push(Named { module: words[part].text.to_owned(), inside, line: words[part].line });
            }
        }
        at = last + 1;
    }
    named
}

/// Whether `::` follows.
fn leads_on(lexed: &Lexed, word: Word<'_>) -> bool {
    lexed.code[word.at + word.text.len()..].trim_start().starts_with("::")
}

/// The words (by index) that come after word `of` and its `::`: one, or those of a group in braces.
fn next_parts(lexed: &Lexed, words: &[Word<'_>], of: usize) -> Vec<usize> {
    if !leads_on(lexed, words[of]) {
        return Vec::new();
    }
    let from = of + 1;
    let Some(first) = words.get(from) else { return Vec::new() };
    let after = words[of].at + words[of].text.len();
    let Some(open) = lexed.code[after..first.at].find('{').map(|length| after + length) else {
        return vec![from];
    };
    let end = lexed.end_of_braces(open);
    let in_group = (from..words.len()).take_while(|at| words[*at].at < end);
    in_group
        .filter(|at| {
            // At the group's own level, right after its brace or a comma.
            let before = lexed.code[open..words[*at].at].trim_end();
            before.matches('{').count() == before.matches('}').count() + 1 && before.ends_with(['{', ','])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, package: &str, module: &[&str], text: &str) -> usize {
        let mut report = Report::default();
        let module = module.iter().map(|part| (*part).to_owned()).collect();
        let reached = Reached { package: package.into(), module, source: true, test: false };
        check(&[(path, text)].into(), &[(path.to_owned(), reached)].into(), &mut report);
        report.findings.len()
    }

    fn in_netzmq(module: &[&str], text: &str) -> usize {
        findings("crates/netzmq/src/x.rs", "crates/netzmq", module, text)
    }

    #[test]
    fn every_way_to_name_a_module() {
        for text in [
            "use crate::transport::Stream;",
            "use crate::{\n  sync::Mutex,\n  transport::{Stream, tcp},\n};",
            "fn a() { crate::transport::tcp::bind() }",
            "use super::super::transport;",
            "mod tests { use super::super::super::transport::Stream; }",
            "use crate :: socket :: Socket;",
        ] {
            assert_eq!(in_netzmq(&["patterns", "req"], text), 1, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_stays_allowed() {
        for text in [
            "use super::transport;",
            "use crate::patterns::ring;",
            "use crate::sync::{transport, Mutex};",
            "// use crate::transport;",
            "use netzmq_proto::transport;",
            "mod tests { use super::super::transport; }",
        ] {
            assert_eq!(in_netzmq(&["patterns", "req"], text), 0, "{text}");
        }
        assert_eq!(
            in_netzmq(&["socket", "send"], "use crate::{patterns, pipe, engine};"),
            0,
            "the socket knows all"
        );
        assert_eq!(in_netzmq(&[], "use crate::socket;"), 0);
    }

    #[test]
    fn the_order_of_the_layers() {
        assert_eq!(in_netzmq(&["transport", "tcp"], "use crate::patterns::PipeId;"), 1);
        assert_eq!(in_netzmq(&["engine"], "use crate::{connection, transport, socket::send};"), 1);
        assert_eq!(in_netzmq(&["engine"], "use crate::{connection, transport, pipe};"), 0);
        assert_eq!(in_netzmq(&["pipe"], "use super::socket;"), 1, "from a module at the top");
        assert_eq!(in_netzmq(&["connection"], "use crate::pipe::Pipe;"), 1);
        assert_eq!(in_netzmq(&["error"], "use crate::engine::job;"), 1);
    }

    #[test]
    fn seams_are_narrow() {
        assert_eq!(
            in_netzmq(
                &["engine"],
                "use crate::patterns::{PipeId, PeerInfo};\nuse crate::socket::core::Shared;"
            ),
            0
        );
        assert_eq!(in_netzmq(&["engine"], "use crate::patterns::{PipeId, Pattern};"), 1);
        assert_eq!(in_netzmq(&["engine"], "use crate::socket::{core::{Shared, wait}, recv};"), 1);
        assert_eq!(
            in_netzmq(&["engine"], "use crate::patterns;"),
            1,
            "the whole module is more than its seam"
        );
        assert_eq!(in_netzmq(&["transport"], "use crate::patterns::PipeId;"), 1);
    }

    #[test]
    fn the_bottom_knows_nobody() {
        let at_the_bottom = |text| findings("crates/proto/src/a.rs", "crates/proto", &["a"], text);
        assert_eq!(at_the_bottom("use netzmq_memory::Message;"), 1);
        assert_eq!(at_the_bottom("use netzmq::Context;"), 1);
        assert_eq!(at_the_bottom("#[cfg(netzmq_loom)] use netzmq_proto::Frame;"), 0);
    }

    #[test]
    fn manifests() {
        let with = |text: &str| {
            let mut report = Report::default();
            manifest("crates/proto/Cargo.toml", text, &[], &mut report);
            report.findings.len()
        };
        assert_eq!(
            with("[package]\nname = \"netzmq-proto\"\n[dependencies]\nnetzmq-memory.workspace = true"),
            1
        );
        assert_eq!(with("[dev-dependencies.netzmq]\npath = \"x\""), 1);
        assert_eq!(with("[target.'cfg(unix)'.dependencies]\nnetzmq = { path = \"x\" }"), 1);
        assert_eq!(with("[package]\nname = \"netzmq-proto\"\n[dependencies]\nproptest = \"1\""), 0);
        let of_cli = |section: &str| {
            let mut report = Report::default();
            let text = format!("[{section}]\ncapi = {{ package = \"netzmq-capi\", path = \"x\" }}");
            manifest("crates/cli/Cargo.toml", &text, &[], &mut report);
            report.findings.len()
        };
        assert_eq!((of_cli("dependencies"), of_cli("dev-dependencies")), (1, 0));
    }
}
