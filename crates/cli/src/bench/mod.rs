//! The benchmarks: what the memory of messages costs, alone and in use.
//!
//! [`memory`] sends and receives, once per strategy. What they share: [`record`] (a measured cell, and its JSON),
//! [`spread`] (medians), [`table`] and [`units`] (how it prints), [`machine`] (where it was measured), [`progress`].
//! Every receiving benchmark checks count, length and content of all that arrives, and fails when anything is amiss.

pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod spread;
pub(crate) mod table;
pub(crate) mod units;

use crate::Result;
use crate::args::Bench;

/// Runs the benchmark that was asked for.
pub(crate) fn run(which: Bench) -> Result<()> {
    match which {
        Bench::Memory(args) => memory::run(&args),
    }
}
