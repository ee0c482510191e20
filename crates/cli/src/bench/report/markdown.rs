//! The same as Markdown, to be pasted into documents.

use std::fmt::Write;

use super::{Findings, RULE};
use crate::bench::units;

/// The document as text.
pub(crate) fn markdown(findings: &Findings<'_>) -> String {
    let mut text = "# What message memory costs on this machine\n\n".to_owned();
    for (name, value) in findings.facts() {
        let value = if name == "Command" { format!("`{value}`") } else { value };
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = write!(
        text,
        "\n## What to take\n\nComputed from the tables below: {RULE}\n\n| size | take | why |\n|---|---|---|\n"
    );
    for advice in &findings.advice {
        let _ = writeln!(text, "| {} | {} | {} |", units::size(advice.size), advice.take, advice.why);
    }
    text += "\n## Tables\n\nBold: the fastest of its size; ratios are to ByteArray.\n\n";
    let tables: Vec<String> = findings.tables.iter().map(|table| table.markdown()).collect();
    text += &tables.join("\n");
    text
}
