//! `cargo xtask bench page`: `docs/benchmarks.md` and README's table, made anew from the newest record.
//!
//! Of each point the latest run counts. Nothing is left out: a cell in which another engine leads says so.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::cell::{CELLS, Metric};
use super::engine::{LIMIT, YARDSTICK};
use super::record::{self, Row};
use super::table;
use crate::shell::{self, Result};

const PAGE: &str = "docs/benchmarks.md";
const README: &str = "README.md";
const BEGIN: &str = "<!-- begin: cargo xtask bench page -->\n";
const END: &str = "<!-- end -->";
const OURS: &str = "netzmq";
/// What a reader of README sees: cell, transport, size.
const FRONT: [(&str, &str, usize); 9] = [
    ("push-pull", "tcp", 64),
    ("push-pull", "tcp", 1024),
    ("push-pull", "tcp", 65_536),
    ("push-pull", "ipc", 64),
    ("req-rep", "tcp", 64),
    ("req-rep", "ipc", 64),
    ("pub-sub-8", "tcp", 64),
    ("router-router", "tcp", 64),
    ("dealers-100", "tcp", 64),
];

/// Writes both.
pub(crate) fn page() -> Result<()> {
    let file = newest()?;
    let rows = latest(record::read(&file.to_string_lossy())?);
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut text = format!(
        "# Benchmarks\n\n\
         Made by `cargo xtask bench page` from [bench/record/{name}](../bench/record/{name}), which\n\
         `cargo xtask bench peers --record` wrote: engines in separate processes, in turn, medians; every message checked.\n\
         [BIAS.md](../bench/BIAS.md) says why to doubt them. Only figures of one table may be compared.\n\n\
         ## In short\n\n{}\n## All of it\n\n",
        summary(&rows, |_| true)
    );
    text.push_str(table::tables(&rows).trim_end());
    text.push('\n');
    write(PAGE, &text)?;
    let readme = std::fs::read_to_string(shell::root().join(README)).map_err(|e| format!("{README}: {e}"))?;
    let front = summary(&rows, |row| FRONT.contains(&(row.cell.as_str(), row.transport.as_str(), row.size)));
    write(README, &spliced(&readme, &front)?)
}

fn write(path: &str, text: &str) -> Result<()> {
    std::fs::write(shell::root().join(path), text).map_err(|error| format!("{path}: {error}"))
}

/// The newest file under `bench/record`; they are named by their day.
fn newest() -> Result<PathBuf> {
    let folder = shell::root().join("bench/record");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let newest = files.filter(|path| path.extension().is_some_and(|end| end == "csv")).max();
    newest.ok_or_else(|| "no record: make one with `cargo xtask bench peers --record`".to_owned())
}

/// For each point the rows of the run that began last.
fn latest(rows: Vec<Row>) -> Vec<Row> {
    let point = |row: &Row| (row.cell.clone(), row.transport.clone(), row.size);
    let mut begun: BTreeMap<_, String> = BTreeMap::new();
    for row in &rows {
        let newest = begun.entry(point(row)).or_default();
        if row.started > *newest {
            newest.clone_from(&row.started);
        }
    }
    rows.into_iter().filter(|row| begun.get(&point(row)) == Some(&row.started)).collect()
}

/// One line for each point: our median, and how it stands to libzmq, to the best of the others, and to bare sockets.
fn summary(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> String {
    let mut text = format!(
        "| what | transport | size | {OURS} | × {YARDSTICK} | best other, × {YARDSTICK} | × {LIMIT} |\n\
         |---|---|---|---:|---:|---:|---:|\n"
    );
    for cell in &CELLS {
        let mut points: BTreeMap<(&str, usize), Vec<&Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.cell == cell.name && wanted(row)) {
            points.entry((&row.transport, row.size)).or_default().push(row);
        }
        for ((transport, size), rows) in points {
            let medians = table::medians(cell.metric, &rows);
            let of = |engine: &str| medians.iter().find(|(name, _)| *name == engine).map(|(_, value)| *value);
            let (Some(ours), yardstick) = (of(OURS), of(YARDSTICK)) else { continue };
            let others = medians.iter().filter(|(name, _)| ![OURS, YARDSTICK, LIMIT].contains(name));
            // The best of times is the least.
            let better =
                |a: f64, b: f64| if cell.metric == Metric::Rate { a.total_cmp(&b) } else { b.total_cmp(&a) };
            let best = others.max_by(|a, b| better(a.1, b.1));
            let best = best.map_or_else(
                || "–".to_owned(),
                |(name, value)| format!("{name} {}", table::show_ratio(*value, yardstick)),
            );
            let _ = writeln!(
                text,
                "| {} | {transport} | {} | {} | {} | {best} | {} |",
                cell.title,
                table::show_size(size),
                table::show(cell.metric, size, ours),
                table::show_ratio(ours, yardstick),
                table::show_ratio(ours, of(LIMIT)),
            );
        }
    }
    text
}

/// The text with what stands between the marks replaced.
fn spliced(text: &str, table: &str) -> Result<String> {
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("{README} lacks the marks {} and {END}", BEGIN.trim_end()))?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::run::Sample;
    use super::*;

    fn row(started: &str, engine: &str, messages: f64) -> Row {
        let sample = Sample {
            messages,
            elapsed_s: 1.0,
            p50_us: None,
            p99_us: None,
            cpu_s: [None, None],
            rss_kib: [None, None],
            held_kib: None,
        };
        Row {
            started: started.into(),
            cell: "push-pull".into(),
            transport: "tcp".into(),
            size: 64,
            engine: engine.into(),
            run: 1,
            sample: Some(sample),
        }
    }

    #[test]
    fn the_latest_run_of_each_point_counts_and_every_engine_is_seen() {
        let rows = vec![
            row("2026-01-01T00:00:00Z", OURS, 1000.0),
            row("2026-01-02T00:00:00Z", OURS, 4000.0),
            row("2026-01-02T00:00:00Z", YARDSTICK, 2000.0),
            row("2026-01-02T00:00:00Z", "omq", 6000.0),
        ];
        let rows = latest(rows);
        assert_eq!(rows.len(), 3);
        let text = summary(&rows, |_| true);
        assert!(text.contains("| 2.00 | omq 3.00 |"), "{text}");
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("a\n{BEGIN}old\n{END}\nb\n");
        assert_eq!(spliced(&text, "new\n").unwrap(), format!("a\n{BEGIN}new\n{END}\nb\n"));
        assert!(spliced("a", "new").is_err());
    }
}
