//! `cargo xtask licences`: everything that a user of ours builds along may be used under terms that go with ours.
//!
//! Asks cargo for what each dependency says of itself. Known holes of dependencies are not looked up: the list of them is not
//! on the registry that builds use.

use crate::ci;
use crate::shell::{self, Result};

/// Terms that a dependency may have, alone or among others to choose from.
const ALLOWED: [&str; 11] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
];

pub(crate) fn licences() -> Result<()> {
    let mut command =
        shell::cargo(&["tree", "--workspace", "--edges", "normal,build", "--features", ci::FEATURES]);
    let text = shell::output(command.args(["--prefix", "none", "--format", "{l}|{p}"]))?;
    let refused: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !is_allowed(line)).collect();
    if refused.is_empty() {
        println!("licences: {} lines of dependencies, nothing to say", text.lines().count());
        return Ok(());
    }
    Err(format!("terms that don't go with ours:\n  {}", refused.join("\n  ")))
}

/// `TERMS|PACKAGE`, and `(*)` behind a package that was there before.
fn is_allowed(line: &str) -> bool {
    let terms = line.split('|').next().unwrap_or_default().replace('/', " OR ").replace(['(', ')'], "");
    let known = |term: &str| ALLOWED.contains(&term.trim());
    terms.split(" OR ").any(|choice| choice.split(" AND ").all(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_told_apart() {
        for line in
            ["MIT|a v1", "MIT OR GPL-3.0|a v1", "MIT/Apache-2.0|a", "(MIT OR ISC) AND Unicode-3.0|a (*)"]
        {
            assert!(is_allowed(line), "{line}");
        }
        for line in ["GPL-3.0|a v1", "MPL-2.0|a", "ISC AND OpenSSL|a", "|a v1"] {
            assert!(!is_allowed(line), "{line}");
        }
    }
}
