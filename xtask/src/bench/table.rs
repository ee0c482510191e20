//! Rows of a record as Markdown tables: medians, spread, ratios.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cell::{CELLS, Cell, Metric};
use super::engine::{ENGINES, LIMIT, YARDSTICK};
use super::record::Row;
use super::run::Sample;

/// System calls per 1,000 messages (binder, connecter) by transport, cell, size and engine.
pub(crate) type CallCounts = Vec<(&'static str, &'static str, usize, &'static str, [Option<f64>; 2])>;

/// Every table that the rows have figures for.
pub(crate) fn tables(rows: &[Row]) -> String {
    let mut text = String::new();
    for cell in &CELLS {
        for transport in ["tcp", "ipc", "inproc"] {
            let of_cell: Vec<&Row> =
                rows.iter().filter(|row| row.cell == cell.name && row.transport == transport).collect();
            if !of_cell.is_empty() {
                table(&mut text, cell, transport, &of_cell);
            }
        }
    }
    text
}

fn table(text: &mut String, cell: &Cell, transport: &str, rows: &[&Row]) {
    let _ = writeln!(text, "### {}, {transport}\n", cell.title);
    let tail = if cell.metric == Metric::Latency { " p99 |" } else { "" };
    let _ = writeln!(
        text,
        "| size | engine | median | min..max | × {YARDSTICK} | × {LIMIT} | CPU µs per message, {} / {} | peak MiB |{tail}",
        cell.binder, cell.connecter
    );
    let _ = writeln!(
        text,
        "|---|---|---:|---:|---:|---:|---:|---:|{}",
        if tail.is_empty() { "" } else { "---:|" }
    );
    let mut by_size: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_size.entry(row.size).or_default().push(row);
    }
    for (size, rows) in by_size {
        let median_of =
            |name: &str| Figures::of(cell.metric, &rows, name).map(|figures| figures.value.median);
        let (yardstick, limit) = (median_of(YARDSTICK), median_of(LIMIT));
        for engine in &ENGINES {
            if !rows.iter().any(|row| row.engine == engine.name) {
                continue;
            }
            let _ = write!(text, "| {} | {} |", show_size(size), engine.name);
            let Some(figures) = Figures::of(cell.metric, &rows, engine.name) else {
                let _ = writeln!(text, " – | | | | | |{}", if tail.is_empty() { "" } else { " |" });
                continue;
            };
            let value = &figures.value;
            let _ = write!(
                text,
                " {} | {}..{}{} | {} | {} | {} | {} |",
                show(cell.metric, size, value.median),
                show(cell.metric, size, value.min),
                show(cell.metric, size, value.max),
                figures.lost_note(),
                show_ratio(value.median, yardstick),
                show_ratio(value.median, limit),
                show_pair(figures.cpu_us, 3),
                show_pair(figures.rss_mib, 1)
            );
            let p99 = figures.p99_us.map_or_else(String::new, |p99| format!(" {p99:.1} µs |"));
            let _ = writeln!(text, "{}", if tail.is_empty() { "" } else { &p99 });
        }
    }
    text.push('\n');
}

/// The table of `--syscalls`.
pub(crate) fn system_calls(counts: &CallCounts) -> String {
    let mut text = "### System calls per 1,000 messages (strace, a pass of its own)\n\n".to_owned();
    text += "| cell | transport | size | engine | binding side | connecting side |\n|---|---|---|---|---:|---:|\n";
    for (cell, transport, size, engine, sides) in counts {
        let [binder, connecter] =
            sides.map(|calls| calls.map_or_else(|| "–".to_owned(), |n| format!("{n:.1}")));
        let _ = writeln!(
            text,
            "| {cell} | {transport} | {} | {engine} | {binder} | {connecter} |",
            show_size(*size)
        );
    }
    text.push('\n');
    text
}

struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

/// What the runs of one engine come to.
struct Figures {
    value: Spread,
    cpu_us: [Option<f64>; 2],
    rss_mib: [Option<f64>; 2],
    p99_us: Option<f64>,
    runs: usize,
    lost: usize,
}

impl Figures {
    fn of(metric: Metric, rows: &[&Row], engine: &str) -> Option<Figures> {
        let of_engine: Vec<&&Row> = rows.iter().filter(|row| row.engine == engine).collect();
        let samples: Vec<&Sample> = of_engine.iter().filter_map(|row| row.sample.as_ref()).collect();
        let values: Vec<f64> = samples.iter().map(|sample| sample.value(metric)).collect();
        let each = |figure: &dyn Fn(&Sample) -> Option<f64>| {
            median(samples.iter().filter_map(|sample| figure(sample)).collect())
        };
        Some(Figures {
            value: Spread {
                median: median(values.clone())?,
                min: values.iter().copied().fold(f64::INFINITY, f64::min),
                max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            },
            cpu_us: [0, 1].map(|side| each(&|s| Some(s.cpu_s[side]? * 1e6 / s.messages))),
            rss_mib: [0, 1].map(|side| each(&|s| Some(s.rss_kib[side]? / 1024.0))),
            p99_us: each(&|s| s.p99_us),
            runs: of_engine.len(),
            lost: of_engine.len() - samples.len(),
        })
    }

    fn lost_note(&self) -> String {
        if self.lost == 0 { String::new() } else { format!(" ({} of {} runs lost)", self.lost, self.runs) }
    }
}

/// Each engine's median.
pub(crate) fn medians(metric: Metric, rows: &[&Row]) -> Vec<(&'static str, f64)> {
    let of = |name: &'static str| Some((name, Figures::of(metric, rows, name)?.value.median));
    ENGINES.iter().filter_map(|engine| of(engine.name)).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(upper, *values.get(values.len() / 2 - 1)?))
}

pub(crate) fn show_size(size: usize) -> String {
    match size {
        s if s >= 1 << 20 && s % (1 << 20) == 0 => format!("{} MiB", s >> 20),
        s if s >= 1 << 12 && s % (1 << 10) == 0 => format!("{} KiB", s >> 10),
        s => format!("{s} B"),
    }
}

/// A main figure with its unit; large bodies as bytes per second.
pub(crate) fn show(metric: Metric, size: usize, value: f64) -> String {
    match metric {
        Metric::Latency => format!("{value:.1} µs"),
        Metric::Time => format!("{value:.1} ms"),
        Metric::Memory => format!("{value:.1} KiB"),
        Metric::Rate if size >= 16 << 10 => format!("{:.0} MB/s", value * size as f64 / 1e6),
        Metric::Rate if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Metric::Rate => format!("{:.0} k/s", value / 1e3),
    }
}

pub(crate) fn show_ratio(value: f64, to: Option<f64>) -> String {
    to.map_or_else(String::new, |to| format!("{:.2}", value / to))
}

fn show_pair(pair: [Option<f64>; 2], decimals: usize) -> String {
    let show = |value: f64| format!("{value:.*}", if value >= 100.0 { 0 } else { decimals });
    match pair {
        [Some(one), Some(other)] => format!("{} / {}", show(one), show(other)),
        [Some(both), None] => show(both),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(engine: &str, elapsed_s: Option<f64>) -> Row {
        let sample = elapsed_s.map(|elapsed_s| Sample {
            messages: 1e6,
            elapsed_s,
            p50_us: None,
            p99_us: None,
            cpu_s: [Some(1.0), Some(2.0)],
            rss_kib: [Some(1024.0), Some(2048.0)],
            held_kib: None,
        });
        Row {
            started: String::new(),
            cell: "push-pull".into(),
            transport: "tcp".into(),
            size: 64,
            engine: engine.into(),
            run: 0,
            sample,
        }
    }

    #[test]
    fn medians_spread_and_ratios() {
        let rows = [
            row("libzmq", Some(0.5)),
            row("libzmq", Some(1.0)),
            row("libzmq", Some(0.25)),
            row("libzmq", None),
            row("raw", Some(0.1)),
        ];
        let text = tables(&rows);
        let libzmq = text.lines().find(|line| line.contains("| libzmq |")).unwrap();
        assert_eq!(
            libzmq,
            "| 64 B | libzmq | 2.00 M/s | 1.00 M/s..4.00 M/s (1 of 4 runs lost) | 1.00 | 0.20 | 1.000 / 2.000 | 1.0 / 2.0 |"
        );
        assert!(text.contains("| 64 B | raw | 10.00 M/s | 10.00 M/s..10.00 M/s | 5.00 | 1.00 |"), "{text}");
    }

    #[test]
    fn an_engine_without_a_figure_has_a_dash() {
        let text = tables(&[row("libzmq", Some(1.0)), row("raw", None)]);
        assert!(text.contains("| 64 B | raw | – |"), "{text}");
    }

    #[test]
    fn units() {
        assert_eq!(show(Metric::Rate, 64, 2.5e6), "2.50 M/s");
        assert_eq!(show(Metric::Rate, 64, 2500.0), "2 k/s");
        assert_eq!(show(Metric::Rate, 65_536, 1000.0), "66 MB/s");
        assert_eq!(
            (show_size(1024), show_size(65_536), show_size(1 << 20)),
            ("1024 B".into(), "64 KiB".into(), "1 MiB".into())
        );
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }
}
