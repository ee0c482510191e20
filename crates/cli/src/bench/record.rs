//! A measured cell: one strategy at one size, as it goes into tables and JSON.
//!
//! Times in milliseconds are for all messages of a run. What a benchmark does not measure is `null` in the JSON, never
//! zero.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::alloc_count::Count;
use crate::bench::spread::Spread;
use crate::error::Failure;

/// One row of a table, one object of the JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    /// Which benchmark: `memory`, `alloc`, `copy`, `receive`.
    pub(crate) bench: &'static str,
    /// Whose code was measured.
    pub(crate) engine: &'static str,
    /// What it did.
    pub(crate) strategy: String,
    /// The body's size in bytes.
    pub(crate) size: usize,
    /// Messages (or operations) in a run.
    pub(crate) messages: u64,
    /// Measured runs.
    pub(crate) runs: usize,
    /// Time of a run.
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    pub(crate) max_ms: f64,
    /// Median by the median of the benchmark's baseline at this size.
    pub(crate) ratio_to_baseline: f64,
    /// From the median.
    pub(crate) messages_per_s: f64,
    /// Of the body alone, from the median.
    pub(crate) bytes_per_s: f64,
    /// Heap allocations of the whole process, counted in a run of its own.
    pub(crate) allocations_per_message: f64,
    /// Bytes asked for by them.
    pub(crate) allocated_bytes_per_message: f64,
    /// Part of the pool's rents that were served from its cache, over the measured runs; `null` if nothing was rented.
    pub(crate) pool_hit_rate: Option<f64>,
}

impl Record {
    /// From the times of the runs in milliseconds and the allocations of one run. `None` without times.
    pub(crate) fn new(
        bench: &'static str,
        strategy: &str,
        size: usize,
        messages: u64,
        times_ms: &[f64],
        count: Count,
    ) -> Option<Record> {
        let Spread { median, min, max } = Spread::of(times_ms)?;
        let per_s = messages as f64 / median.max(f64::MIN_POSITIVE) * 1e3;
        Some(Record {
            bench,
            engine: "netzmq",
            strategy: strategy.to_owned(),
            size,
            messages,
            runs: times_ms.len(),
            median_ms: median,
            min_ms: min,
            max_ms: max,
            ratio_to_baseline: 1.0,
            messages_per_s: per_s,
            bytes_per_s: per_s * size as f64,
            allocations_per_message: count.allocations as f64 / messages as f64,
            allocated_bytes_per_message: count.bytes as f64 / messages as f64,
            pool_hit_rate: None,
        })
    }

    /// Time of one message in nanoseconds.
    pub(crate) fn ns_each(&self) -> f64 {
        self.median_ms * 1e6 / self.messages as f64
    }
}

/// Sets every ratio to the record called `baseline`; without one they stay 1.
pub(crate) fn compare(records: &mut [Record], baseline: &str) {
    let Some(base) = records.iter().find(|record| record.strategy == baseline).map(|r| r.median_ms) else {
        return;
    };
    for record in records {
        record.ratio_to_baseline = record.median_ms / base;
    }
}

/// Writes all records as a JSON array.
pub(crate) fn write_json(path: &Path, records: &[Record]) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(records).map_err(|error| Failure::file(path, error.into()))?;
    text.push('\n');
    fs::write(path, text).map_err(|error| Failure::file(path, error))
}
