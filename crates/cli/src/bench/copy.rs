//! `netzmq bench copy`: what copying a body costs by size, beside every way to hand one over without a copy.
//!
//! Copying grows with the size, handing over does not; where the two cross is what a reader wants to know, and is
//! computed here from what was measured. Cached copies are the best case (a body that was just written); uncached ones
//! the worst (a body that has lain for long), and truth lies between.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netzmq::{Message, MessagePool};

use super::record::Record;
use super::rounds;
use super::session::{Contender, Session};
use super::table::{Cell, Mark, Table};
use super::units;
use crate::Result;
use crate::args::{Common, CopyArgs};
use crate::output::{self, Style};

const SIZES: [usize; 9] = [64, 256, 1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// Bytes in one run at most, and a bound on the number of operations each way.
const BYTES_A_RUN: usize = 128 << 20;
const OPERATIONS_MIN: usize = 100;
const OPERATIONS_MAX: usize = 100_000;
/// With `--quick`, one in so many.
const QUICK: usize = 10;
/// What uncached copies walk over: more than caches hold.
const REGION: usize = 64 << 20;

/// Copies first, then what hands over.
pub(crate) const NAMES: [&str; 7] =
    ["CopyCached", "CopyUncached", "CopyMessage", "Clone", "RentFreeze", "FromVec", "FromOwner"];
pub(crate) const COPIES: [&str; 3] = ["CopyCached", "CopyUncached", "CopyMessage"];
const BASELINE: &str = "CopyCached";

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &CopyArgs) -> Result<()> {
    let session = session(&args.common);
    let records = measure(&session)?;
    let style = Style::detect();
    output::print(&format!("{}\n{}\n", table(&records).text(style), crossings_table(&records).text(style)))?;
    session.save(&records)
}

/// The benchmark with its usual sizes, or those asked for.
pub(crate) fn session(common: &Common) -> Session<'_> {
    Session {
        bench: "copy",
        title: "Copying a body, and handing it over instead",
        sizes: common.sizes_or(&SIZES),
        contenders: NAMES.iter().map(|&name| Contender::ours(name, BASELINE)).collect(),
        common,
    }
}

/// All sizes.
pub(crate) fn measure(session: &Session<'_>) -> Result<Vec<Record>> {
    let quick = session.common.quick;
    let operations = |size: usize| {
        let operations = (BYTES_A_RUN / size.max(1)).clamp(OPERATIONS_MIN, OPERATIONS_MAX);
        (if quick { operations / QUICK } else { operations }) as u64
    };
    let mut far = Far::new();
    session.run(
        operations,
        |size, operations, progress| {
            let data = vec![7_u8; size];
            let mut near = vec![0_u8; size];
            let shared = Message::copy_from_slice(&data);
            let owner: Arc<[u8]> = Arc::from(&data[..]);
            let mut vec = data.clone();
            rounds::take_turns(NAMES.len(), session.common.rounds(), progress, |which| {
                Ok(match which {
                    0 => time(operations, || black_box(&mut near).copy_from_slice(black_box(&data))),
                    1 => time(operations, || far.copy(size)),
                    2 => time(operations, || drop(black_box(Message::copy_from_slice(black_box(&data))))),
                    3 => time(operations, || drop(black_box(black_box(&shared).clone()))),
                    4 => time(operations, || drop(black_box(MessagePool::shared().rent(size).freeze()))),
                    5 => time(operations, || {
                        let message = black_box(Message::from(std::mem::take(&mut vec)));
                        vec = message.into_vec();
                    }),
                    _ => time(operations, || drop(black_box(Message::from_owner(black_box(&owner).clone())))),
                })
            })
        },
        |_, _| Vec::new(),
    )
}

fn time(operations: u64, mut operation: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..operations {
        operation();
    }
    start.elapsed()
}

/// Two regions so large that a walk over them finds nothing in the caches.
struct Far {
    from: Vec<u8>,
    to: Vec<u8>,
    at: usize,
}

impl Far {
    fn new() -> Far {
        // Written once, so that the first walk does not measure page faults.
        Far { from: vec![7; REGION], to: vec![1; REGION], at: 0 }
    }

    fn copy(&mut self, size: usize) {
        if self.at + size > REGION {
            self.at = 0;
        }
        let range = self.at..self.at + size;
        if let (Some(from), Some(to)) = (self.from.get(range.clone()), self.to.get_mut(range)) {
            black_box(to).copy_from_slice(black_box(from));
        }
        // Page by page at least, lest the hardware fetch ahead what small copies want next.
        self.at += size.max(4096) + 64;
    }
}

/// Nanoseconds by size and strategy.
pub(crate) fn table(records: &[Record]) -> Table {
    let mut header = vec!["ns each"];
    header.extend(NAMES);
    let mut table = Table::new("Cost by size", &header);
    let mut sizes: Vec<usize> = records.iter().map(|record| record.size).collect();
    sizes.dedup();
    for size in sizes {
        let cached = find(records, size, BASELINE);
        let cells = NAMES.iter().map(|name| {
            let Some(ns) = find(records, size, name) else { return Cell::default() };
            let wins = !COPIES.contains(name) && cached.is_some_and(|cached| ns < cached);
            Cell::marked(units::plain(ns), if wins { Mark::Best } else { Mark::None })
        });
        table.row(std::iter::once(units::size(size).into()).chain(cells));
    }
    table
}

/// From which size on each hand-over is cheaper than each copy.
pub(crate) fn crossings_table(records: &[Record]) -> Table {
    let mut table = Table::new(
        "From this size on, handing over is cheaper than copying",
        &["hand-over", "than CopyCached", "than CopyUncached", "than CopyMessage"],
    );
    for name in NAMES.iter().filter(|name| !COPIES.contains(name)) {
        let cells = COPIES.iter().map(|copy| {
            crossing(records, copy, name)
                .map_or_else(|| "never".to_owned(), |crossing| crossing.to_string())
                .into()
        });
        table.row(std::iter::once((*name).into()).chain(cells));
    }
    table
}

fn find(records: &[Record], size: usize, strategy: &str) -> Option<f64> {
    let record = records.iter().find(|record| record.size == size && record.strategy == strategy)?;
    Some(record.ns_each())
}

/// Where a copy becomes dearer than a hand-over.
#[derive(Debug, Copy, Clone, PartialEq)]
pub(crate) enum Crossing {
    /// Already at the smallest size measured.
    Below(usize),
    /// Between two sizes, in bytes.
    At(f64),
}

impl std::fmt::Display for Crossing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Crossing::Below(size) => write!(f, "≤ {}", units::size(*size)),
            Crossing::At(bytes) if *bytes >= 10_240.0 => write!(f, "≈ {:.0} KiB", bytes / 1024.0),
            Crossing::At(bytes) if *bytes >= 1024.0 => write!(f, "≈ {:.1} KiB", bytes / 1024.0),
            Crossing::At(bytes) => write!(f, "≈ {bytes:.0} B"),
        }
    }
}

/// The size from which on (for all larger ones measured) `copy` costs more than `other`; between measured sizes both
/// are taken as straight lines. `None` if copying is cheaper even at the largest.
pub(crate) fn crossing(records: &[Record], copy: &str, other: &str) -> Option<Crossing> {
    let points: Vec<(f64, f64)> = records
        .iter()
        .filter(|record| record.strategy == copy)
        .filter_map(|record| {
            Some((record.size as f64, record.ns_each() - find(records, record.size, other)?))
        })
        .collect();
    let last_loss = points.iter().rposition(|(_, gain)| *gain <= 0.0);
    match last_loss {
        None => points.first().map(|(size, _)| Crossing::Below(*size as usize)),
        Some(at) => {
            let ((size, gain), (next_size, next_gain)) = (*points.get(at)?, *points.get(at + 1)?);
            Some(Crossing::At(size + (next_size - size) * -gain / (next_gain - gain)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rounds::Tally;

    /// Copying costs a nanosecond a byte, the hand-over `cost`.
    fn records(cost: f64) -> Vec<Record> {
        let record = |strategy, size, ns: f64| {
            let tally = Tally { times_ms: vec![ns / 1e6], ..Tally::default() };
            Record::new("copy", Contender::ours(strategy, BASELINE), size, 1, &tally).unwrap()
        };
        [100, 200, 400]
            .into_iter()
            .flat_map(|size| [record("CopyCached", size, size as f64), record("Clone", size, cost)])
            .collect()
    }

    #[test]
    fn where_lines_cross() {
        assert_eq!(crossing(&records(50.0), "CopyCached", "Clone"), Some(Crossing::Below(100)));
        assert_eq!(crossing(&records(250.0), "CopyCached", "Clone"), Some(Crossing::At(250.0)));
        assert_eq!(crossing(&records(400.0), "CopyCached", "Clone"), None);
        assert_eq!(crossing(&records(1.0), "CopyCached", "nothing"), None);
        assert_eq!(Crossing::At(1536.0).to_string(), "≈ 1.5 KiB");
    }
}
