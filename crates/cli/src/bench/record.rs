//! A measured cell: one strategy at one size, as it goes into tables and JSON.
//!
//! Times in milliseconds are for all messages of a run. What a benchmark does not measure is `null` in the JSON, never
//! zero.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::rounds::Tally;
use super::session::{Contender, OURS};
use super::spread::Spread;
use crate::Result;
use crate::error::Failure;

/// One row of a table, one object of the JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    /// Which benchmark, as it is called: `memory`, `alloc` …
    pub(crate) bench: &'static str,
    /// Whose code was measured.
    pub(crate) engine: &'static str,
    /// What it did.
    pub(crate) strategy: &'static str,
    /// What it is compared with.
    pub(crate) baseline: &'static str,
    /// The body's size in bytes.
    pub(crate) size: usize,
    /// Messages (or operations) in a run.
    pub(crate) messages: u64,
    /// Measured runs.
    pub(crate) runs: usize,
    /// Time of a run.
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    pub(crate) lower_quartile_ms: f64,
    pub(crate) upper_quartile_ms: f64,
    pub(crate) max_ms: f64,
    /// Median by the median of the same engine's baseline at this size; no number (in JSON `null`) if that was not
    /// measured.
    pub(crate) ratio_to_baseline: f64,
    /// Median by the median of the same strategy over libzmq at this size, if that was measured.
    pub(crate) ratio_to_libzmq: Option<f64>,
    /// From the median.
    pub(crate) messages_per_s: f64,
    /// Of the body alone, from the median.
    pub(crate) bytes_per_s: f64,
    /// Heap allocations of the whole process, counted in a run of its own; `null` for other engines than ours.
    pub(crate) allocations_per_message: Option<f64>,
    /// Bytes asked for by them.
    pub(crate) allocated_bytes_per_message: Option<f64>,
    /// Part of the pool's rents that were served from its cache, over the measured runs; `null` if nothing was rented.
    pub(crate) pool_hit_rate: Option<f64>,
}

impl Record {
    /// `None` if there was no run.
    pub(crate) fn new(
        bench: &'static str,
        contender: Contender,
        size: usize,
        messages: u64,
        tally: &Tally,
    ) -> Option<Record> {
        let Contender { engine, name, baseline } = contender;
        // What a C library allocates does not pass our allocator.
        let counted = |count: u64| (engine == OURS).then(|| count as f64 / messages as f64);
        let Spread { min, lower_quartile, median, upper_quartile, max } = Spread::of(&tally.times_ms)?;
        let per_s = messages as f64 / median.max(f64::MIN_POSITIVE) * 1e3;
        Some(Record {
            bench,
            engine,
            strategy: name,
            baseline,
            size,
            messages,
            runs: tally.times_ms.len(),
            median_ms: median,
            min_ms: min,
            lower_quartile_ms: lower_quartile,
            upper_quartile_ms: upper_quartile,
            max_ms: max,
            ratio_to_baseline: 1.0,
            messages_per_s: per_s,
            bytes_per_s: per_s * size as f64,
            ratio_to_libzmq: None,
            allocations_per_message: counted(tally.count.allocations),
            allocated_bytes_per_message: counted(tally.count.bytes),
            pool_hit_rate: (tally.rents > 0).then(|| tally.hits as f64 / tally.rents as f64),
        })
    }

    /// Time of one message in nanoseconds.
    pub(crate) fn ns_each(&self) -> f64 {
        self.median_ms * 1e6 / self.messages as f64
    }
}

/// The records of one size, with their ratios.
pub(crate) fn compared(mut records: Vec<Record>) -> Vec<Record> {
    let medians: Vec<_> =
        records.iter().map(|record| (record.engine, record.strategy, record.median_ms)).collect();
    let median_of = |engine: &str, strategy: &str| {
        let found = medians.iter().find(|(e, s, _)| (*e, *s) == (engine, strategy));
        found.map(|(_, _, median)| *median)
    };
    for record in &mut records {
        let base = median_of(record.engine, record.baseline);
        record.ratio_to_baseline = base.map_or(f64::NAN, |base| record.median_ms / base);
        record.ratio_to_libzmq = median_of("libzmq", record.strategy).map(|theirs| record.median_ms / theirs);
    }
    records
}

/// Refuses, before anything is measured, a file that could not be written afterwards.
pub(crate) fn check_json(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_folder = fs::metadata(folder).map_err(|error| Failure::file(folder, error))?.is_dir();
    if is_folder && !path.is_dir() {
        return Ok(());
    }
    Err(Failure::Usage(format!("{}: not a file that results can be written to", path.display())))
}

/// Writes all records as a JSON array.
pub(crate) fn write_json(path: &Path, records: &[Record]) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(records).map_err(|error| Failure::file(path, error.into()))?;
    text.push('\n');
    fs::write(path, text).map_err(|error| Failure::file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_to_each_ones_baseline() {
        let record = |strategy, baseline, time| {
            let tally = Tally { times_ms: vec![time], ..Tally::default() };
            Record::new("x", Contender::ours(strategy, baseline), 10, 1000, &tally).unwrap()
        };
        let records = compared(vec![record("a", "a", 2.0), record("b", "a", 1.0), record("c", "b", 3.0)]);
        let ratios: Vec<f64> = records.iter().map(|record| record.ratio_to_baseline).collect();
        assert_eq!(ratios, [1.0, 0.5, 3.0]);
        assert_eq!((records[0].ns_each(), records[0].messages_per_s), (2000.0, 500_000.0));
        assert_eq!((records[0].pool_hit_rate, records[0].ratio_to_libzmq), (None, None));
        assert_eq!(records[0].allocations_per_message, Some(0.0));
    }

    #[test]
    fn libzmq_is_compared_with_itself_and_we_with_it() {
        let record = |engine, time| {
            let tally = Tally { times_ms: vec![time], ..Tally::default() };
            Record::new("x", Contender { engine, ..Contender::ours("a", "a") }, 10, 1, &tally).unwrap()
        };
        let records = compared(vec![record("netzmq", 1.0), record("libzmq", 4.0)]);
        let ratios: Vec<_> = records.iter().map(|r| (r.ratio_to_baseline, r.ratio_to_libzmq)).collect();
        assert_eq!(ratios, [(1.0, Some(0.25)), (1.0, Some(1.0))]);
        assert_eq!(records[1].allocations_per_message, None);
    }
}
