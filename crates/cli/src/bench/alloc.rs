//! `netzmq bench alloc`: making and dropping messages, fresh or from the pool, without any I/O.
//!
//! Fresh memory is asked for without being zeroed and, like rented memory, only its first bytes are written: nothing is
//! done to either that the other is spared. Each is compared with its fresh counterpart. What another thread drops
//! travels in batches, whose cost is shown in a row of its own.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netzmq::{Message, MessagePool};

use super::record::Record;
use super::rounds;
use super::session::{Contender, Session};
use super::table::{Cell, Mark, Table};
use super::units;
use crate::Result;
use crate::args::AllocArgs;
use crate::error::Failure;

/// The seed's sizes.
const SIZES: [usize; 5] = [64, 512, 1024, 64 << 10, 1 << 20];
/// Written into each message: enough to be no inline message.
const HEAD: [u8; 64] = [7; 64];
/// Bytes of messages in one run at most, and a bound on their number each way.
const BYTES_A_RUN: usize = 256 << 20;
const MESSAGES_MIN: usize = 1000;
const MESSAGES_MAX: usize = 100_000;
/// With `--quick`, one in so many.
const QUICK: usize = 10;
/// Bytes on their way to the other thread in one batch at most, and a bound on its length.
const BYTES_A_BATCH: usize = 2 << 20;
const BATCH_MAX: usize = 512;
const BATCH_MIN: usize = 2;

const CONTENDERS: [Contender; 7] = [
    Contender::ours("NewMessage", "NewMessage"),
    Contender::ours("PoolRent", "NewMessage"),
    Contender::ours("NewMessage+Copy", "NewMessage+Copy"),
    Contender::ours("PoolRent+Copy", "NewMessage+Copy"),
    Contender::ours("NewMessage+OtherThread", "NewMessage+OtherThread"),
    Contender::ours("PoolRent+OtherThread", "NewMessage+OtherThread"),
    Contender::ours("Nothing+OtherThread", "NewMessage+OtherThread"),
];

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &AllocArgs) -> Result<()> {
    let session = Session {
        bench: "alloc",
        title: "Making and dropping a message, without sending it",
        sizes: args.common.sizes_or(&SIZES),
        contenders: CONTENDERS.to_vec(),
        common: &args.common,
    };
    let messages = |size: usize| {
        let messages = (BYTES_A_RUN / size.max(1)).clamp(MESSAGES_MIN, MESSAGES_MAX);
        (if args.common.quick { messages / QUICK } else { messages }) as u64
    };
    let rounds = args.common.rounds();
    let mut other = OtherThread::start()?;
    let records = session.run(
        messages,
        |size, messages, progress| {
            let data = vec![7; size];
            rounds::take_turns(CONTENDERS.len(), rounds, progress, |which| {
                Ok(match which {
                    0 => here(messages, || fresh(size)),
                    1 => here(messages, || rented(size)),
                    2 => here(messages, || Message::from(black_box(&data).clone())),
                    3 => here(messages, || MessagePool::shared().rent_copy(black_box(&data)).freeze()),
                    4 => other.drops(messages, size, || fresh(size))?,
                    5 => other.drops(messages, size, || rented(size))?,
                    _ => other.drops(messages, size, Message::new)?,
                })
            })
        },
        |size, records| vec![table(size, records)],
    )?;
    session.save(&records)
}

/// A message over heap memory of `size` bytes, as cheap as it can be had.
#[inline]
fn fresh(size: usize) -> Message {
    let mut memory = Vec::with_capacity(size);
    memory.extend_from_slice(head(size));
    Message::from(memory)
}

/// A message over rented memory of `size` bytes.
#[inline]
fn rented(size: usize) -> Message {
    let mut buffer = MessagePool::shared().rent(size);
    if let Some(written) = buffer.get_mut(..HEAD.len().min(size)) {
        written.copy_from_slice(head(size));
    }
    buffer.freeze()
}

#[inline]
fn head(size: usize) -> &'static [u8] {
    HEAD.get(..size).unwrap_or(&HEAD)
}

fn here(messages: u64, make: impl Fn() -> Message) -> Duration {
    let start = Instant::now();
    for _ in 0..messages {
        drop(black_box(make()));
    }
    start.elapsed()
}

type Batch = Vec<Message>;

/// A thread that drops what it is given, and gives the empty batches back.
struct OtherThread {
    /// `None` only while this is dropped, which ends the thread.
    full: Option<SyncSender<Batch>>,
    empty: Receiver<Batch>,
    spare: Vec<Batch>,
    thread: Option<JoinHandle<()>>,
}

/// Batches between the threads: enough that neither waits for the other all the time.
const BATCHES: usize = 4;

impl OtherThread {
    fn start() -> Result<OtherThread> {
        let (full, full_in) = sync_channel::<Batch>(BATCHES);
        let (empty_out, empty) = sync_channel(BATCHES);
        let thread = std::thread::Builder::new().name("dropper".to_owned()).spawn(move || {
            for mut batch in full_in {
                batch.clear();
                if empty_out.send(batch).is_err() {
                    return;
                }
            }
        });
        let thread = thread.map_err(|source| Failure::Io { what: "a thread".to_owned(), source })?;
        let spare = (0..BATCHES).map(|_| Vec::with_capacity(BATCH_MAX)).collect();
        Ok(OtherThread { full: Some(full), empty, spare, thread: Some(thread) })
    }

    /// Makes messages here and has them dropped there; returns the time until the last one is gone.
    fn drops(&mut self, messages: u64, size: usize, make: impl Fn() -> Message) -> Result<Duration> {
        let batch_len = (BYTES_A_BATCH / size.max(1)).clamp(BATCH_MIN, BATCH_MAX) as u64;
        let gone = || Failure::Wrong("the other thread is gone".to_owned());
        let start = Instant::now();
        let mut left = messages;
        while left > 0 {
            let mut batch = match self.spare.pop() {
                Some(batch) => batch,
                None => self.empty.recv().map_err(|_| gone())?,
            };
            let len = left.min(batch_len);
            batch.extend((0..len).map(|_| make()));
            left -= len;
            let sent = self.full.as_ref().is_some_and(|full| full.send(batch).is_ok());
            if !sent {
                return Err(gone());
            }
        }
        while self.spare.len() < BATCHES {
            self.spare.push(self.empty.recv().map_err(|_| gone())?);
        }
        Ok(start.elapsed())
    }
}

impl Drop for OtherThread {
    fn drop(&mut self) {
        drop(self.full.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

fn table(size: usize, records: &[Record]) -> Table {
    let mut table = Table::new(
        units::size(size),
        &["strategy", "per message", "min … max", "ratio", "allocs/msg", "bytes/msg", "pool hits"],
    );
    for record in records {
        let each = |ms: f64| ms * 1e6 / record.messages as f64;
        let is_baseline = record.strategy == record.baseline;
        let mark = match record.ratio_to_baseline {
            _ if is_baseline => Mark::None,
            ratio if ratio <= 1.0 => Mark::Best,
            _ => Mark::Worse,
        };
        table.row([
            record.strategy.into(),
            Cell::marked(units::ns(record.ns_each()), mark),
            Cell::marked(units::range_ns(each(record.min_ms), each(record.max_ms)), Mark::Faint),
            Cell::marked(format!("{:.2}", record.ratio_to_baseline), mark),
            units::mean(record.allocations_per_message.unwrap_or(0.0)).into(),
            units::mean_bytes(record.allocated_bytes_per_message.unwrap_or(0.0)).into(),
            record.pool_hit_rate.map_or_else(|| "–".to_owned(), units::percent).into(),
        ]);
    }
    table
}
