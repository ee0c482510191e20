//! The benchmarks: what the memory of messages costs, alone and in use.
//!
//! [`memory`] and [`receive`] send and receive over a [`pair`] of sockets, [`awaited`] and
//! [`interop`] over ones of their own; [`alloc`] and [`copy`] do no I/O. All are
//! measured by [`rounds`] in a [`session`]. The rest: [`record`] (a measured cell, and its JSON), [`spread`] (medians),
//! [`table`] and [`units`] (how it prints), [`report`] (a page of it), [`machine`] and [`resident`] (where it was
//! measured, and what memory it took), [`progress`]. Every receiving benchmark
//! checks count, length and content of all that arrives, and fails when anything is amiss.

pub(crate) mod alloc;
pub(crate) mod awaited;
pub(crate) mod copy;
pub(crate) mod interop;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod pair;
pub(crate) mod progress;
pub(crate) mod receive;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod resident;
pub(crate) mod rounds;
pub(crate) mod session;
pub(crate) mod spread;
pub(crate) mod table;
pub(crate) mod units;

use crate::Result;
use crate::args::Bench;

/// Runs the benchmark that was asked for.
pub(crate) fn run(which: Bench) -> Result<()> {
    match which {
        Bench::Memory(args) => memory::run(&args),
        Bench::Alloc(args) => alloc::run(&args),
        Bench::Copy(args) => copy::run(&args),
        Bench::Receive(args) => receive::run(&args),
        Bench::Async(args) => awaited::run(&args),
        Bench::Interop(args) => interop::run(&args),
    }
}
