//! A table: columns that line up in a terminal, and the same as Markdown.
//!
//! Cells are plain text; [`Mark`] says what a terminal may make of one. It never measures or rounds: cells come as they
//! shall be read.

use std::fmt::Write;

use crate::output::Style;

/// What is special about a cell.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub(crate) enum Mark {
    #[default]
    None,
    /// The best of its kind.
    Best,
    /// Worse than it should be.
    Worse,
    /// Of less interest.
    Faint,
}

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) mark: Mark,
}

impl Cell {
    pub(crate) fn marked(text: impl Into<String>, mark: Mark) -> Cell {
        Cell { text: text.into(), mark }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), mark: Mark::None }
    }
}

/// A title, a header and rows; the first column is set to the left, the others to the right.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) title: String,
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, header: &[&str]) -> Table {
        Table {
            title: title.into(),
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    pub(crate) fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// For a terminal.
    pub(crate) fn text(&self, style: Style) -> String {
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
            longest.max(self.header.get(column).map_or(0, |name| name.chars().count()))
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width_of).collect();
        let mut text = String::new();
        let _ = writeln!(text, "{}", style.bold(&self.title));
        let names: Vec<String> = self
            .header
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (name, &width))| pad(name, width, at))
            .collect();
        let _ = writeln!(text, "  {}", style.dim(&names.join("  ")).trim_end());
        let rules: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        let _ = writeln!(text, "  {}", style.dim(&rules.join("──")));
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(at, (cell, &width))| {
                    let padded = pad(&cell.text, width, at);
                    match cell.mark {
                        Mark::None => padded,
                        Mark::Best => style.green(&padded),
                        Mark::Worse => style.red(&padded),
                        Mark::Faint => style.dim(&padded),
                    }
                })
                .collect();
            let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
        }
        text
    }

    /// For a document.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n| {} |\n|", self.title, self.header.join(" | "));
        for at in 0..self.header.len() {
            text += if at == 0 { "---|" } else { "---:|" };
        }
        text.push('\n');
        for row in &self.rows {
            let cells: Vec<String> =
                row.iter()
                    .map(|cell| {
                        if cell.mark == Mark::Best { format!("**{}**", cell.text) } else { cell.text.clone() }
                    })
                    .collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }
}

fn pad(text: &str, width: usize, column: usize) -> String {
    if column == 0 { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new("Speed", &["who", "µs"]);
        table.row(["a".into(), Cell::marked("1.5", Mark::Best)]);
        table.row(["longer".into(), "10".into()]);
        let lines = "Speed\n  who      µs\n  ───────────\n  a       1.5\n  longer   10\n";
        assert_eq!(table.text(Style::PLAIN), lines);
        assert_eq!(
            table.markdown(),
            "### Speed\n\n| who | µs |\n|---|---:|\n| a | **1.5** |\n| longer | 10 |\n"
        );
    }
}
