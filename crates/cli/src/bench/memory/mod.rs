//! `netzmq bench memory`: the seed's experiment, every memory strategy against the byte array over real TCP.
//!
//! Two ROUTER sockets, joined over the loopback interface, without high-water marks; one thread sends, another receives
//! and checks. One pair of sockets serves a size, and the strategies take turns on it.
//!
//! * [`strategy`]: the six strategies. [`ways`]: how each sends and receives. `peers`: the same over libzmq, side by side in
//!   the same rounds, where the program is built with that feature.

#[cfg(feature = "peers")]
pub(crate) mod peers;
pub(crate) mod strategy;
pub(crate) mod ways;

use std::time::Duration;

use netzmq::ReceiveMemory;

use self::strategy::Strategy;
use self::ways::Callbacks;
use super::machine::Machine;
use super::pair::{Pair, body, routers};
use super::progress::Progress;
use super::record::Record;
use super::report::{self, Findings};
use super::resident::Watch;
use super::rounds::{self, Tally};
use super::session::{Contender, OURS, Session};
use super::table::{Cell, Mark, Table};
use super::{copy, units};
use crate::Result;
use crate::args::{Common, MemoryArgs};
use crate::output;

/// The seed's sizes, and two more.
const SIZES: [usize; 6] = [64, 512, 1024, 64 << 10, 128 << 10, 256 << 10];
const MESSAGES: u64 = 10_000;
/// With `--quick`, from this size on fewer messages do.
const LARGE: usize = 64 << 10;
const MESSAGES_QUICK: u64 = 1000;
/// How long a report watches the memory of a process that has nothing more to do.
const IDLE: Duration = Duration::from_millis(1500);

/// What is measured.
const ENGINES: &[&str] = if cfg!(feature = "peers") { &[OURS, "libzmq"] } else { &[OURS] };

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &MemoryArgs) -> Result<()> {
    let sizes = args.common.sizes_or(&SIZES);
    body::check_sizes(&sizes)?;
    if let Some(directory) = &args.report {
        report::prepare(directory)?;
    }
    let strategies: Vec<Strategy> = match &args.strategies[..] {
        [] => Strategy::ALL.to_vec(),
        some => Strategy::ALL.into_iter().filter(|strategy| some.contains(strategy)).collect(),
    };
    let session = Session {
        bench: "memory",
        title: "Message memory: ROUTER to ROUTER over tcp loopback, two-part messages, every one checked",
        sizes,
        contenders: contenders(&strategies),
        common: &args.common,
    };
    let messages = |size: usize| match args.messages {
        Some(messages) => u64::from(messages),
        None if args.common.quick && size >= LARGE => MESSAGES_QUICK,
        None => MESSAGES,
    };
    let rounds = args.common.rounds();
    // As it was before this program made it busy.
    let machine = Machine::here();
    let watch = args.report.as_ref().map(|_| Watch::start());
    let mut starts = Vec::new();
    let mut mark = |name: String| starts.extend(watch.as_ref().map(|watch| (watch.seconds(), name)));
    let records = session.run(
        messages,
        |size, messages, progress| {
            mark(units::size(size));
            measure(&strategies, size, messages, rounds, progress)
        },
        tables,
    )?;
    session.save(&records)?;
    if let (Some(directory), Some(watch)) = (&args.report, watch) {
        starts.push((watch.seconds(), "idle".to_owned()));
        // What the sockets held is given back by and by; the picture shall show it.
        std::thread::sleep(IDLE);
        let resident = watch.stop();
        let common = Common { sizes: Vec::new(), json: None, ..args.common.clone() };
        let copies = copy::measure(&copy::session(&common))?;
        let written =
            report::write(directory, &Findings::new(machine, &records, &copies, &resident, &starts))?;
        output::print(&written.map(|path| format!("{}\n", path.display())).concat())?;
    }
    Ok(())
}

/// Each of the strategies, over every engine.
fn contenders(strategies: &[Strategy]) -> Vec<Contender> {
    let of = |engine| {
        strategies.iter().map(move |strategy| Contender {
            engine,
            ..Contender::ours(strategy.name(), Strategy::BASELINE.name())
        })
    };
    ENGINES.iter().flat_map(|&engine| of(engine)).collect()
}

/// All contenders at one size.
fn measure(
    strategies: &[Strategy],
    size: usize,
    messages: u64,
    rounds: usize,
    progress: &Progress,
) -> Result<Vec<Tally>> {
    let mut ours = Pair::new(routers::connect(size, ReceiveMemory::default())?)?;
    #[cfg(feature = "peers")]
    let mut theirs = Pair::new(peers::connect(size)?)?;
    let all = strategies.len();
    rounds::take_turns_by_engine(ENGINES.len(), all, rounds, progress, |which| {
        let strategy = strategies.get(which % all).copied().unwrap_or(Strategy::BASELINE);
        #[cfg(feature = "peers")]
        if which >= all {
            return theirs.run(
                |sender| peers::send(strategy, sender, messages),
                move |receiver| peers::receive(strategy, receiver, messages),
            );
        }
        let callbacks = Callbacks::now();
        let time = ours.run(
            |sender| ways::send(strategy, sender, messages),
            move |receiver| ways::receive(strategy, receiver, messages),
        )?;
        if strategy == Strategy::MessageZeroCopy {
            callbacks.expect(messages)?;
        }
        Ok(time)
    })
}

/// The tables of one size, one for each engine.
pub(crate) fn tables(size: usize, records: &[Record]) -> Vec<Table> {
    records.chunk_by(|a, b| a.engine == b.engine).map(|of_engine| table(size, of_engine)).collect()
}

/// What is told as slower than the baseline: beyond what runs differ by anyway.
const SLOWER: f64 = 1.05;

/// The table of one size and engine.
pub(crate) fn table(size: usize, records: &[Record]) -> Table {
    let (engine, messages) = records.first().map_or((OURS, 0), |record| (record.engine, record.messages));
    let is_ours = engine == OURS;
    let has_libzmq = is_ours && records.iter().any(|record| record.ratio_to_libzmq.is_some());
    let mut title = format!("{} · {} messages", units::size(size), units::grouped(messages));
    if !is_ours {
        title += &format!(" · {engine}");
    }
    let mut header = vec!["strategy", "time", "min … max", "ratio"];
    header.extend(has_libzmq.then_some("× libzmq"));
    header.extend(["messages/s", "bytes/s"]);
    header.extend(is_ours.then_some(["allocs/msg", "bytes/msg"]).into_iter().flatten());
    let mut table = Table::new(title, &header);
    let best = records.iter().map(|record| record.median_ms).fold(f64::INFINITY, f64::min);
    for record in records {
        let mark = match record {
            r if r.median_ms <= best => Mark::Best,
            r if r.ratio_to_baseline > SLOWER => Mark::Worse,
            _ => Mark::None,
        };
        let mut row = vec![
            record.strategy.into(),
            Cell::marked(units::ms(record.median_ms), mark),
            Cell::marked(units::range_ms(record.min_ms, record.max_ms), Mark::Faint),
            Cell::marked(ratio(record.ratio_to_baseline), mark),
        ];
        if has_libzmq {
            row.push(record.ratio_to_libzmq.map_or_else(String::new, |ratio| format!("{ratio:.2}")).into());
        }
        row.extend([units::rate(record.messages_per_s).into(), units::byte_rate(record.bytes_per_s).into()]);
        row.extend(record.allocations_per_message.map(|mean| units::mean(mean).into()));
        row.extend(record.allocated_bytes_per_message.map(|mean| units::mean_bytes(mean).into()));
        table.row(row);
    }
    table
}

fn ratio(ratio: f64) -> String {
    if ratio.is_nan() { "–".to_owned() } else { format!("{ratio:.2}") }
}
