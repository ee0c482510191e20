//! The report of `bench memory`: an HTML page and Markdown tables from what was measured.
//!
//! * [`page`] and [`markdown`]: the two files. [`plots`]: the pictures, drawn with [`chart`]. [`advice`]: what to take at
//!   which size, by a rule. [`seed`]: what the article that began all this had measured.
//!
//! Everything in a report comes from this run's records, the seed's published ratios aside.

pub(crate) mod advice;
pub(crate) mod chart;
pub(crate) mod markdown;
pub(crate) mod page;
pub(crate) mod plots;
pub(crate) mod seed;

use std::fs;
use std::path::{Path, PathBuf};

use self::advice::Advice;
use super::machine::Machine;
use super::record::Record;
use super::resident::Sample;
use super::session::OURS;
use super::table::Table;
use super::{copy, memory, units};
use crate::Result;
use crate::error::Failure;

/// How [`advice`] chooses, in words.
const RULE: &str = "whatever is within 5 % of the fastest, or within the fastest one's own spread (its upper quartile), counts \
                    as equally fast, and of those the simplest to use is named.";

/// The strategies in words.
const STRATEGIES: [(&str, &str); 6] = [
    (
        "ByteArray",
        "A fresh Vec for each message, sent as a slice; received into a fresh Vec. Every ratio is to this.",
    ),
    (
        "ArrayPool",
        "One buffer, used again and again, passed to send() as a slice; received into another with recv_into().",
    ),
    ("Message", "Message::copy_from_slice(); received with recv() and read where it lies."),
    (
        "MessagePooled",
        "Memory rented from MessagePool, filled, frozen and sent; the receiver reads the bytes where the engine has them \
         (recv_with) and takes no memory.",
    ),
    ("MessagePooled+RecvPool", "Sent the same way; received with recv(), which hands out pooled memory."),
    (
        "MessageZeroCopy",
        "Memory of the application's own, lent to the message and freed by a callback when the last byte has left; received \
         with recv().",
    ),
];

/// What a report is made from.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) machine: Machine,
    pub(crate) command: String,
    pub(crate) date: String,
    /// Ours alone.
    pub(crate) memory: Vec<Record>,
    pub(crate) copy: &'a [Record],
    pub(crate) resident: &'a [Sample],
    /// When which size began, in the seconds of `resident`.
    pub(crate) starts: &'a [(f64, String)],
    pub(crate) advice: Vec<Advice>,
    pub(crate) tables: Vec<Table>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(
        machine: Machine,
        memory: &'a [Record],
        copy: &'a [Record],
        resident: &'a [Sample],
        starts: &'a [(f64, String)],
    ) -> Findings<'a> {
        let by_size = memory.chunk_by(|a, b| a.size == b.size);
        let mut tables: Vec<Table> = by_size
            .flat_map(|of_size| {
                of_size.first().map(|first| memory::tables(first.size, of_size)).unwrap_or_default()
            })
            .collect();
        let memory: Vec<Record> = memory.iter().filter(|record| record.engine == OURS).cloned().collect();
        tables.push(copy::table(copy));
        tables.push(copy::crossings_table(copy));
        Findings {
            machine,
            command: command(),
            date: super::machine::utc_now(),
            advice: advice::advice(&memory),
            memory,
            copy,
            resident,
            starts,
            tables,
        }
    }

    /// What a number needs beside it to mean anything.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let machine = &self.machine;
        let mut hardware = format!("{}, {} cores", machine.cpu, machine.cores);
        if machine.memory > 0 {
            hardware += &format!(", {:.0} GiB", machine.memory as f64 / (1 << 30) as f64);
        }
        let runs = self.memory.first().map_or(0, |record| record.runs);
        vec![
            ("Machine", format!("{hardware}, {}", machine.system)),
            ("Build", machine.build()),
            ("Command", self.command.clone()),
            ("When", self.date.clone()),
            ("Runs", format!("medians of {runs} rounds after one to warm up, strategies interleaved")),
            ("Spread", self.spread()),
            ("Load", machine.busy().unwrap_or_else(|| "nobody else was busy when it began".to_owned())),
        ]
    }

    /// How far apart the middle half of the runs lies, relative to the median: typically, and at worst.
    fn spread(&self) -> String {
        let relative = |r: &Record| (r.upper_quartile_ms - r.lower_quartile_ms) / r.median_ms;
        let mut all: Vec<(f64, &Record)> =
            self.memory.iter().map(|record| (relative(record), record)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        match (all.get(all.len() / 2), all.last()) {
            (Some((typical, _)), Some((worst, record))) => format!(
                "the middle half of the runs lies within {:.0} % typically, {:.0} % at worst ({} at {})",
                typical * 100.0,
                worst * 100.0,
                record.strategy,
                units::size(record.size)
            ),
            _ => "unknown".to_owned(),
        }
    }
}

/// Makes the directory, before anything is measured.
pub(crate) fn prepare(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))
}

/// Writes the page and the tables into a directory. Returns their paths.
pub(crate) fn write(directory: &Path, findings: &Findings<'_>) -> Result<[PathBuf; 2]> {
    let write = |name: &str, text: String| -> Result<PathBuf> {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
        Ok(path)
    };
    Ok([write("index.html", page::html(findings))?, write("tables.md", markdown::markdown(findings))?])
}

/// What was typed, without the way to the program.
fn command() -> String {
    let mut words = vec!["netzmq".to_owned()];
    words.extend(std::env::args().skip(1).map(|word| {
        let plain =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,/=+:".contains(c));
        if plain { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
    }));
    words.join(" ")
}
