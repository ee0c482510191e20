//! `cargo xtask bench guide DIR`: the measured tables of a report, put into the guide of memory strategies.
//!
//! What stands between two marks in the guide comes from `DIR/tables.md` as `netzmq bench memory --report DIR` wrote it, with
//! machine, commit and command, and never from anybody's hand.

use std::fs;
use std::path::Path;

use crate::shell::{self, Result};

const GUIDE: &str = "docs/memory-strategies.md";
const BEGIN: &str = "<!-- measured: written by `cargo xtask bench guide DIR` -->\n";
const END: &str = "<!-- measured: end -->\n";

/// Rewrites the guide.
pub(crate) fn guide(directory: &str) -> Result<()> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let (tables, path) = (read(&Path::new(directory).join("tables.md"))?, shell::root().join(GUIDE));
    let text = spliced(&read(&path)?, &tables)?;
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The guide with other tables. Their headings go one level down, under the guide's own; their title goes.
fn spliced(guide: &str, tables: &str) -> Result<String> {
    let marks = || format!("{GUIDE} has no marks to put tables between");
    let (before, rest) = guide.split_once(BEGIN).ok_or_else(marks)?;
    let (_, after) = rest.split_once(END).ok_or_else(marks)?;
    let lines = tables.lines().filter(|line| !line.starts_with("# "));
    let lower = |line: &str| if line.starts_with("##") { format!("#{line}\n") } else { format!("{line}\n") };
    let measured: String = lines.map(lower).collect();
    Ok(format!("{before}{BEGIN}\n{}\n\n{END}{after}", measured.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let guide = format!("# Guide\n\n{BEGIN}old\n{END}\nrest\n");
        let once = spliced(&guide, "# Title\n\n## What\n\n### 64 B\n\n| a |\n").unwrap();
        assert_eq!(once, format!("# Guide\n\n{BEGIN}\n### What\n\n#### 64 B\n\n| a |\n\n{END}\nrest\n"));
        assert_eq!(spliced(&once, "## What\n\n### 64 B\n\n| a |").unwrap(), once);
        assert!(spliced("nothing", "").is_err());
    }

    #[test]
    fn the_guide_has_its_marks() {
        let guide = fs::read_to_string(shell::root().join(GUIDE)).unwrap();
        assert!(spliced(&guide, "").is_ok());
    }
}
