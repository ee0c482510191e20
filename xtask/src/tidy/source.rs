//! Rules about single Rust files: sizes, bans, `unsafe`, dead files, purity of the deciders.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::lexed::Lexed;
use super::tree::{self, Reached};
use super::{Finding, Report, paths};

/// Files above this many lines are told of, those above the second number are refused.
const LINES_TOLD: usize = 500;
const LINES_MAX: usize = 650;

/// The rooms where `unsafe` may stand; every other file must do without. A global allocator can't, nor can a caller of C.
const UNSAFE_ROOMS: [&str; 6] = [
    "crates/lock",
    "crates/memory",
    "crates/capi",
    "crates/netzmq/src/transport/sys",
    "crates/cli/src/alloc_count",
    "crates/cli/src/c_library",
];
/// Packages whose root must say so to the compiler as well.
const FORBIDDING: [&str; 4] = ["crates/proto", "crates/netzmq", "crates/cli", "xtask"];

/// Folders that decide and never move: no clock, no kernel, no thread.
const PURE: [&str; 2] = ["crates/proto/src", "crates/netzmq/src/patterns"];
/// What a decider must not name, as neighbouring words.
const IMPURE: [&[&str]; 9] = [
    &["Instant", "now"],
    &["SystemTime"],
    &["std", "fs"],
    &["std", "thread"],
    &["TcpStream"],
    &["TcpListener"],
    &["UdpSocket"],
    &["UnixStream"],
    &["UnixListener"],
];

/// Rooms through which a peer's bytes pass: what is wrong there is an error, never a panic.
const PEER_ROOMS: [&str; 7] = [
    "crates/proto/src",
    "crates/netzmq/src/connection",
    "crates/netzmq/src/engine",
    "crates/netzmq/src/patterns",
    "crates/netzmq/src/pipe",
    "crates/netzmq/src/transport",
    "crates/netzmq/src/zap.rs",
];
/// Methods and macros that panic.
const PANICKING: [(&str, &str); 6] = [
    (".", "unwrap"),
    (".", "expect"),
    (".", "unwrap_err"),
    (".", "expect_err"),
    ("", "panic"),
    ("", "unreachable"),
];

/// Checks every Rust file.
pub(crate) fn check(files: &BTreeMap<&str, &str>, reached: &BTreeMap<String, Reached>, report: &mut Report) {
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let lexed = Lexed::new(text);
        size(path, text, report);
        bans(path, &lexed, text, report);
        unsafe_room(path, &lexed, report);
        purity(path, &lexed, reached.get(*path).is_some_and(|r| r.test), report);
        panics(path, &lexed, reached.get(*path).is_some_and(|r| r.test), report);
        match reached.get(*path) {
            None => report.find(path, 0, "no target of any package leads to this file"),
            Some(reached) => sleeps(path, &lexed, reached.test, report),
        }
    }
    forbids(files, report);
}

fn size(path: &str, text: &str, report: &mut Report) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        report.find(path, 0, format!("{lines} lines; at most {LINES_MAX}: a file is one noun"));
    } else if lines > LINES_TOLD {
        report.notes.push(format!("{path}: {lines} lines, above the {LINES_TOLD} to aim for"));
    }
}

fn bans(path: &str, lexed: &Lexed, text: &str, report: &mut Report) {
    for word in lexed.words() {
        let followed_by = lexed.next_mark(word.at + word.text.len()).map(|(_, byte)| byte);
        if ["todo", "unimplemented", "dbg"].contains(&word.text) && followed_by == Some(b'!') {
            report.find(path, word.line, format!("{}! must not stay", word.text));
        }
        if word.text == "ignore" && is_in_attribute(lexed, word.at) {
            report.find(path, word.line, "an ignored test: make it pass or take it out");
        }
    }
    let fence = format!("{}ignore", "`".repeat(3));
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if (line.starts_with("///") || line.starts_with("//!")) && line.contains(&fence) {
            report.find(path, at + 1, "an ignored example: make it compile (or mark it as text)");
        }
    }
}

fn is_in_attribute(lexed: &Lexed, at: usize) -> bool {
    let before = &lexed.code[..at];
    let Some(open) = before.rfind("#[") else { return false };
    !before[open..].contains(']')
}

fn sleeps(path: &str, lexed: &Lexed, test: bool, report: &mut Report) {
    let all = test || path.starts_with("conformance/");
    let ranges = tree::test_ranges(lexed);
    for word in lexed.words().iter().filter(|word| word.text == "sleep") {
        let called = lexed.next_mark(word.at + word.text.len()).is_some_and(|(_, byte)| byte == b'(');
        // A method of that name is something else.
        let method = lexed.code[..word.at].trim_end().ends_with('.');
        if called && !method && (all || ranges.iter().any(|range| range.contains(&word.at))) {
            report.find(
                path,
                word.line,
                "a test must not sleep: wait for an event, or turn the clock by hand",
            );
        }
    }
}

fn unsafe_room(path: &str, lexed: &Lexed, report: &mut Report) {
    let sites = lexed.words().iter().filter(|word| word.text == "unsafe").count();
    let room = UNSAFE_ROOMS.iter().find(|room| is_in_room(path, room));
    match room {
        Some(room) => *report.unsafe_sites.entry((*room).to_owned()).or_default() += sites,
        None if sites > 0 => {
            let line = lexed.words().iter().find(|word| word.text == "unsafe").map_or(0, |word| word.line);
            report.find(
                path,
                line,
                format!("{sites} unsafe here; its rooms are {}", UNSAFE_ROOMS.join(", ")),
            );
        }
        None => {}
    }
}

/// A room is a folder, or the file of that name.
fn is_in_room(path: &str, room: &str) -> bool {
    paths::inside(path, room).is_some() || path.strip_suffix(".rs") == Some(room)
}

fn forbids(files: &BTreeMap<&str, &str>, report: &mut Report) {
    for package in FORBIDDING {
        // A crate with a room for unsafe can't forbid it as a whole; it denies it, and the room alone allows it.
        let rooms = UNSAFE_ROOMS.iter().filter(|room| paths::inside(room, package).is_some());
        let has_room = rooms.into_iter().any(|room| files.keys().any(|path| is_in_room(path, room)));
        let attribute = if has_room { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
        for root in ["src/lib.rs", "src/main.rs"].map(|root| paths::join(package, root)) {
            let Some(text) = files.get(root.as_str()) else { continue };
            if !Lexed::new(text).code.contains(attribute) {
                report.find(&root, 1, format!("{attribute} is missing"));
            }
        }
    }
}

fn purity(path: &str, lexed: &Lexed, test: bool, report: &mut Report) {
    if test || !PURE.iter().any(|folder| paths::inside(path, folder).is_some()) {
        return;
    }
    let ranges = tree::test_ranges(lexed);
    let words = lexed.words();
    for (at, word) in words.iter().enumerate() {
        if ranges.iter().any(|range| range.contains(&word.at)) {
            continue;
        }
        for impure in IMPURE {
            if impure
                .iter()
                .enumerate()
                .all(|(n, part)| words.get(at + n).is_some_and(|word| word.text == *part))
            {
                report.find(path, word.line, format!("{} in a room that only decides", impure.join("::")));
            }
        }
    }
}

/// Nothing that a peer says is unwrapped.
fn panics(path: &str, lexed: &Lexed, test: bool, report: &mut Report) {
    if test || !PEER_ROOMS.iter().any(|room| path == *room || paths::inside(path, room).is_some()) {
        return;
    }
    let ranges = tree::test_ranges(lexed);
    for word in lexed.words() {
        let Some((before, _)) = PANICKING.iter().find(|(_, name)| *name == word.text) else { continue };
        let after = lexed.next_mark(word.at + word.text.len()).map(|(_, byte)| byte);
        let called = if before.is_empty() {
            after == Some(b'!')
        } else {
            after == Some(b'(') && lexed.code[..word.at].trim_end().ends_with('.')
        };
        if called && !ranges.iter().any(|range| range.contains(&word.at)) {
            report.find(path, word.line, format!("{} where a peer's bytes pass: return an error", word.text));
        }
    }
}

/// No room has more `unsafe` than is committed (`room count` a line, `#` comments).
pub(crate) fn budget(committed: &str, report: &mut Report) {
    let mut budget: BTreeMap<&str, usize> = BTreeMap::new();
    for line in committed.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match line.split_once(' ').and_then(|(room, count)| Some((room, count.trim().parse().ok()?))) {
            Some((room, count)) => {
                budget.insert(room, count);
            }
            None => report.find(BUDGET_FILE, 0, format!("not `room count`: {line}")),
        }
    }
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    for (room, sites) in &report.unsafe_sites {
        let allowed = budget.get(room.as_str()).copied().unwrap_or_default();
        let what =
            format!("{room} has {sites} unsafe, the budget says {allowed}: `cargo xtask tidy --bless`");
        match sites.cmp(&allowed) {
            Ordering::Greater => found.push(Finding { path: BUDGET_FILE.into(), line: 0, what }),
            Ordering::Less => notes.push(what),
            Ordering::Equal => {}
        }
    }
    report.findings.extend(found);
    report.notes.extend(notes);
}

/// Where the budget is committed.
pub(crate) const BUDGET_FILE: &str = "xtask/unsafe-budget.txt";

/// The budget's new text.
pub(crate) fn blessed(report: &Report) -> String {
    let mut text = "# `unsafe` (blocks, functions, impls, attributes) in each room that may have it; tests count too.\n\
                    # Checked by `cargo xtask tidy`, rewritten by `cargo xtask tidy --bless`: a rise shows in the diff.\n"
        .to_owned();
    for (room, sites) in &report.unsafe_sites {
        text += &format!("{room} {sites}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings for one file in a package of its own.
    fn findings(path: &'static str, text: &str) -> Vec<String> {
        let mut report = Report::default();
        let files: BTreeMap<&str, &str> = [(path, text)].into();
        let reached = Reached {
            package: String::new(),
            module: Vec::new(),
            source: true,
            test: path.contains("/tests/"),
        };
        check(&files, &[(path.to_owned(), reached)].into(), &mut report);
        report.findings.into_iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
    }

    #[test]
    fn long_files() {
        let mut report = Report::default();
        size("a.rs", &"\n".repeat(651), &mut report);
        assert_eq!(report.findings.len(), 1);
        size("a.rs", &"\n".repeat(501), &mut report);
        assert_eq!((report.findings.len(), report.notes.len()), (1, 1));
        size("a.rs", &"\n".repeat(500), &mut report);
        assert_eq!(report.notes.len(), 1);
    }

    #[test]
    fn leftovers() {
        for text in ["fn a() { todo!() }", "fn a() { unimplemented !(\"x\") }", "fn a() { dbg!(1); }"] {
            assert_eq!(findings("crates/x/src/a.rs", text).len(), 1, "{text}");
        }
        let ignored = ["#[test]\n#[ignore]\nfn a() {}", "#[cfg_attr(x, ignore = \"slow\")]\nfn a() {}"];
        for text in ignored {
            assert_eq!(findings("crates/x/src/a.rs", text).len(), 1, "{text}");
        }
        let example = format!("/// {}ignore\nfn a() {{}}", "`".repeat(3));
        assert_eq!(findings("crates/x/src/a.rs", &example).len(), 1);
        assert!(
            findings("crates/x/src/a.rs", "// todo!()\nfn ignore() { let ignore = \"#[ignore]\"; }")
                .is_empty()
        );
    }

    #[test]
    fn sleeping_tests() {
        let inline = "fn a() { sleep(x) }\n#[cfg(test)]\nmod tests { fn b() { std::thread::sleep(y); } }";
        assert_eq!(findings("crates/x/src/a.rs", inline).len(), 1, "only the test's");
        assert!(findings("crates/x/src/a.rs", inline)[0].starts_with("3: "));
        assert_eq!(findings("crates/x/tests/a.rs", "fn a() { sleep(x) }").len(), 1);
        assert!(findings("crates/x/tests/a.rs", "fn a() { ring.sleep(x) }").is_empty());
        assert_eq!(findings("conformance/interop/src/a.rs", "fn a() { sleep(x) }").len(), 1);
    }

    #[test]
    fn unsafe_has_an_address() {
        let text = "fn a() { unsafe { x } }";
        assert_eq!(findings("crates/netzmq/src/a.rs", text).len(), 1);
        assert_eq!(findings("bench/src/a.rs", text).len(), 1);
        assert!(findings("crates/memory/src/a.rs", text).is_empty());
        assert!(findings("crates/netzmq/src/transport/sys/a.rs", text).is_empty());
        assert!(findings("crates/netzmq/src/transport/sys.rs", text).is_empty());
        assert!(findings("crates/cli/src/alloc_count.rs", text).is_empty());
        assert_eq!(findings("crates/cli/src/args.rs", text).len(), 1);
        assert!(findings("crates/netzmq/src/a.rs", "#![deny(unsafe_op_in_unsafe_fn)] // unsafe").is_empty());
    }

    #[test]
    fn roots_forbid_unsafe() {
        assert_eq!(findings("crates/proto/src/lib.rs", "//! x").len(), 1);
        assert_eq!(findings("crates/proto/src/lib.rs", "// #![forbid(unsafe_code)]").len(), 1);
        assert!(findings("crates/proto/src/lib.rs", "#![forbid(unsafe_code)]").is_empty());
        assert!(findings("crates/memory/src/lib.rs", "").is_empty());
        assert_eq!(
            findings("crates/cli/src/main.rs", "#![deny(unsafe_code)]").len(),
            1,
            "it has no room here"
        );
        let with_room: BTreeMap<&str, &str> =
            [("crates/cli/src/main.rs", "#![deny(unsafe_code)]"), ("crates/cli/src/alloc_count.rs", "")]
                .into();
        let mut report = Report::default();
        forbids(&with_room, &mut report);
        assert_eq!(report.findings, []);
    }

    #[test]
    fn deciders_are_pure() {
        let text = "fn a() { Instant::now(); }\n#[cfg(test)]\nmod tests { fn b() { Instant::now(); } }";
        assert_eq!(findings("crates/proto/src/a.rs", text).len(), 1);
        assert_eq!(findings("crates/netzmq/src/patterns/a.rs", "use std::thread;").len(), 1);
        assert!(findings("crates/netzmq/src/engine/a.rs", text).is_empty());
        assert!(findings("crates/proto/src/a.rs", "fn a(now: Instant) {}").is_empty());
    }

    #[test]
    fn peers_bytes_are_not_unwrapped() {
        for text in ["fn a() { x.unwrap(); }", "fn a() { x\n.expect(\"y\"); }", "fn a() { panic!() }"] {
            assert_eq!(findings("crates/proto/src/a.rs", text).len(), 1, "{text}");
            assert_eq!(findings("crates/netzmq/src/engine/a.rs", text).len(), 1, "{text}");
            assert!(findings("crates/netzmq/src/socket/a.rs", text).is_empty(), "{text}");
            assert!(findings("crates/proto/tests/a.rs", text).is_empty(), "{text}");
        }
        let fine = "#[expect(x)] fn a() { x.unwrap_or(y); expect(z); }\n#[cfg(test)]\nmod tests { fn b() { x.unwrap(); } }";
        assert!(findings("crates/proto/src/a.rs", fine).is_empty());
    }

    #[test]
    fn the_budget_bounds_each_room() {
        let mut report = Report::default();
        report.unsafe_sites.insert("crates/memory".into(), 3);
        for (committed, findings) in
            [("crates/memory 3\n", 0), ("# x\ncrates/memory 2", 1), ("", 1), ("nonsense", 2)]
        {
            report.findings.clear();
            budget(committed, &mut report);
            assert_eq!(report.findings.len(), findings, "{committed}");
        }
        report.findings.clear();
        budget("crates/memory 4", &mut report);
        assert_eq!((report.findings.len(), report.notes.len()), (0, 1), "a fall is told, not refused");
        budget(&blessed(&report), &mut report);
        assert!(report.findings.is_empty());
    }

    #[test]
    fn dead_files() {
        let mut report = Report::default();
        check(&[("crates/x/src/a.rs", "")].into(), &BTreeMap::new(), &mut report);
        assert_eq!(report.findings.len(), 1);
    }
}
