//! `netzmq bench memory`: the seed's experiment, every memory strategy against the byte array over real TCP.
//!
//! Two ROUTER sockets, joined over the loopback interface, without high-water marks; one thread sends, another receives
//! and checks. One pair of sockets serves a size, and the strategies take turns in every round, each beginning one place
//! further on, so that whatever drifts drifts for all. The first round warms up and is not counted; after the measured
//! ones, one more run of each strategy is made with the allocator counting, so that counting costs no time.
//!
//! * [`strategy`]: the six strategies. [`body`]: what is sent and how it is known again. [`courier`]: how each strategy
//!   sends and receives. [`link`]: the two threads and the clock.

pub(crate) mod body;
pub(crate) mod courier;
pub(crate) mod link;
pub(crate) mod strategy;

use netzmq::MessagePool;

use self::link::Link;
use self::strategy::Strategy;
use super::machine::Machine;
use super::progress::Progress;
use super::record::{self, Record};
use super::table::{Cell, Mark, Table};
use super::units;
use crate::Result;
use crate::alloc_count::{Count, counted};
use crate::args::MemoryArgs;
use crate::error::Failure;
use crate::output::{self, Style};

/// The seed's sizes, and two more.
const SIZES: [usize; 6] = [64, 512, 1024, 64 << 10, 128 << 10, 256 << 10];
const MESSAGES: u64 = 10_000;
/// With `--quick`, from this size on fewer messages do.
const LARGE: usize = 64 << 10;
const MESSAGES_QUICK: u64 = 1000;

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &MemoryArgs) -> Result<()> {
    let sizes = args.common.sizes_or(&SIZES);
    let rounds = args.common.rounds();
    if let Some(&small) = sizes.iter().find(|&&size| size < body::LEN_MIN) {
        return Err(Failure::Usage(format!(
            "{small} bytes are too few: a body of {} or more carries the marks that it is known by",
            body::LEN_MIN
        )));
    }
    let messages_of = |size: usize| match args.messages {
        Some(messages) => u64::from(messages),
        None if args.common.quick && size >= LARGE => MESSAGES_QUICK,
        None => MESSAGES,
    };
    let style = Style::detect();
    output::print(&format!(
        "{}\n{}\n\n",
        style
            .bold("Message memory: ROUTER to ROUTER over tcp loopback, two-part messages, every one checked"),
        style.dim(&format!("{}\n{rounds} rounds after one to warm up; medians", Machine::here().line()))
    ))?;
    let runs_a_size = (rounds + 2) * Strategy::ALL.len();
    let progress = Progress::new((runs_a_size * sizes.len()) as u64);
    let mut records = Vec::new();
    for &size in &sizes {
        progress.section(&format!(
            "{}, {} messages a run",
            units::size(size),
            units::grouped(messages_of(size))
        ));
        let measured = measure(size, messages_of(size), rounds, &progress)?;
        let table = table(size, &measured);
        progress.aside(|| output::print(&format!("{}\n", table.text(style))))?;
        records.extend(measured);
    }
    drop(progress);
    if let Some(path) = &args.common.json {
        record::write_json(path, &records)?;
    }
    Ok(())
}

/// What the rounds of one strategy come to, while they are made.
#[derive(Debug, Default, Clone)]
struct Tally {
    times_ms: Vec<f64>,
    count: Count,
    rents: u64,
    hits: u64,
}

/// All strategies at one size.
fn measure(size: usize, messages: u64, rounds: usize, progress: &Progress) -> Result<Vec<Record>> {
    let mut link = Link::new(size)?;
    let mut tallies = vec![Tally::default(); Strategy::ALL.len()];
    for round in 0..=rounds {
        for turn in 0..Strategy::ALL.len() {
            let at = (turn + round) % Strategy::ALL.len();
            let (Some(&strategy), Some(tally)) = (Strategy::ALL.get(at), tallies.get_mut(at)) else {
                continue;
            };
            let before = MessagePool::shared().stats();
            let time = link.run(strategy, messages)?;
            let after = MessagePool::shared().stats();
            if round > 0 {
                tally.times_ms.push(time.as_secs_f64() * 1e3);
                tally.rents += after.rents.wrapping_sub(before.rents);
                tally.hits += after.hits.wrapping_sub(before.hits);
            }
            progress.step();
        }
    }
    let mut records = Vec::new();
    for (&strategy, tally) in Strategy::ALL.iter().zip(&mut tallies) {
        let (time, count) = counted(|| link.run(strategy, messages));
        time?;
        tally.count = count;
        progress.step();
        let record = Record::new("memory", strategy.name(), size, messages, &tally.times_ms, tally.count);
        records.extend(record.map(|record| Record {
            pool_hit_rate: (tally.rents > 0).then(|| tally.hits as f64 / tally.rents as f64),
            ..record
        }));
    }
    record::compare(&mut records, Strategy::BASELINE.name());
    Ok(records)
}

/// What is told as slower than the baseline: beyond what runs differ by anyway.
const SLOWER: f64 = 1.05;

/// The table of one size.
pub(crate) fn table(size: usize, records: &[Record]) -> Table {
    let messages = records.first().map_or(0, |record| record.messages);
    let mut table = Table::new(
        format!("{} · {} messages", units::size(size), units::grouped(messages)),
        &["strategy", "time", "min … max", "ratio", "messages/s", "bytes/s", "allocs/msg", "bytes/msg"],
    );
    let best = records.iter().map(|record| record.median_ms).fold(f64::INFINITY, f64::min);
    for record in records {
        let mark = match record {
            r if r.median_ms <= best => Mark::Best,
            r if r.ratio_to_baseline > SLOWER => Mark::Worse,
            _ => Mark::None,
        };
        table.row([
            record.strategy.as_str().into(),
            Cell::marked(units::ms(record.median_ms), mark),
            Cell::marked(units::range_ms(record.min_ms, record.max_ms), Mark::Faint),
            Cell::marked(format!("{:.2}", record.ratio_to_baseline), mark),
            units::rate(record.messages_per_s).into(),
            units::byte_rate(record.bytes_per_s).into(),
            units::mean(record.allocations_per_message).into(),
            units::mean_bytes(record.allocated_bytes_per_message).into(),
        ]);
    }
    table
}
