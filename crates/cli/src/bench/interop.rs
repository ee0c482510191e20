//! `netzmq bench interop`: what a call costs in Rust, what it costs through the C interface, and what libzmq takes for it.
//!
//! One thread, PUSH to PULL over inproc, so that a call is all there is: no kernel, and nobody to wait for. Messages are sent
//! in batches, then received; a call that is not the measured one is not on the clock. Everything received is checked.
//! The libraries are called as a C program calls them (see [`c_library`](crate::c_library)).

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use netzmq::{Context, Message, MessagePool, Pull, Push};

use super::pair::body::{self, Template};
use super::record::Record;
use super::rounds;
use super::session::{Contender, OURS, Session};
use super::table::{Cell, Mark, Table};
use super::units;
use crate::args::InteropArgs;
use crate::c_library::{CLibrary, CPair};
use crate::error::Failure;
use crate::{Result, output};

const SIZES: [usize; 3] = [64, 1024, 64 << 10];
const CALLS: u64 = 100_000;
/// From this size on fewer calls do.
const LARGE: usize = 16 << 10;
const CALLS_LARGE: u64 = 10_000;
/// With `--quick`, one in so many.
const QUICK: u64 = 10;
/// Messages on their way at most. Below the high-water mark of either side, so that no send waits.
const BATCH: u64 = 500;
/// Bytes on their way at most, so that large messages stay in the caches.
const BATCH_BYTES: usize = 1 << 20;
/// A message that takes longer than this is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our C interface, as in the JSON.
const OURS_IN_C: &str = "netzmq in C";
const LIBZMQ: &str = "libzmq";
/// What our C library is called where Cargo leaves it.
const FILE: &str = "libzmq.so";

/// What is called.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum Call {
    MakeAndClose,
    SendBuffer,
    SendMessage,
    RecvBuffer,
    RecvMessage,
}

impl Call {
    const ALL: [Call; 5] =
        [Call::MakeAndClose, Call::SendBuffer, Call::SendMessage, Call::RecvBuffer, Call::RecvMessage];

    fn name(self) -> &'static str {
        match self {
            Call::MakeAndClose => "Make+Close",
            Call::SendBuffer => "SendBuffer",
            Call::SendMessage => "SendMessage",
            Call::RecvBuffer => "RecvBuffer",
            Call::RecvMessage => "RecvMessage",
        }
    }
}

/// Somebody's PUSH and PULL.
trait Pair {
    fn make_and_close(&mut self, size: usize) -> Result<()>;
    fn send_buffer(&mut self, body: &[u8]) -> Result<()>;
    fn send_message(&mut self, body: &[u8]) -> Result<()>;
    fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize>;
    fn recv_message(&mut self, look: impl FnOnce(&[u8]) -> Result<()>) -> Result<()>;
}

/// Ours, in Rust.
struct Native {
    push: Push,
    pull: Pull,
}

impl Native {
    fn new() -> Result<Native> {
        let context = Context::new();
        let pull = context.pull().recv_timeout(PATIENCE).bind("inproc://interop")?;
        let push =
            context.push().send_timeout(PATIENCE).linger(Duration::ZERO).connect("inproc://interop")?;
        Ok(Native { push, pull })
    }
}

impl Pair for Native {
    #[inline]
    fn make_and_close(&mut self, size: usize) -> Result<()> {
        drop(black_box(MessagePool::shared().rent(size).freeze()));
        Ok(())
    }

    #[inline]
    fn send_buffer(&mut self, body: &[u8]) -> Result<()> {
        Ok(self.push.send(body)?)
    }

    #[inline]
    fn send_message(&mut self, body: &[u8]) -> Result<()> {
        Ok(self.push.send(Message::copy_from_slice(body))?)
    }

    #[inline]
    fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Ok(self.pull.recv_into(buffer)?.len)
    }

    #[inline]
    fn recv_message(&mut self, look: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
        look(&self.pull.recv()?)
    }
}

impl Pair for CPair {
    #[inline]
    fn make_and_close(&mut self, size: usize) -> Result<()> {
        CPair::make_and_close(self, size)
    }

    #[inline]
    fn send_buffer(&mut self, body: &[u8]) -> Result<()> {
        CPair::send_buffer(self, body)
    }

    #[inline]
    fn send_message(&mut self, body: &[u8]) -> Result<()> {
        CPair::send_message(self, body)
    }

    #[inline]
    fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize> {
        CPair::recv_buffer(self, buffer)
    }

    #[inline]
    fn recv_message(&mut self, look: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
        CPair::recv_message(self, look)
    }
}

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &InteropArgs) -> Result<()> {
    let sizes = args.common.sizes_or(&SIZES);
    body::check_sizes(&sizes)?;
    let (libraries, left_out) = libraries(args)?;
    let engines: Vec<&'static str> =
        [OURS].into_iter().chain(libraries.iter().map(|(name, _)| *name)).collect();
    let contenders = engines
        .iter()
        .flat_map(|&engine| {
            Call::ALL.map(|call| Contender { engine, name: call.name(), baseline: call.name() })
        })
        .collect();
    let session = Session {
        bench: "interop",
        title: "What a call costs: PUSH to PULL over inproc in one thread, everything received is checked",
        sizes,
        contenders,
        common: &args.common,
    };
    let calls = |size: usize| {
        let calls = if size >= LARGE { CALLS_LARGE } else { CALLS };
        if args.common.quick { calls / QUICK } else { calls }
    };
    let rounds = args.common.rounds();
    let records = session.run(
        calls,
        |size, calls, progress| {
            let mut native = Native::new()?;
            let patience = PATIENCE.as_millis() as i32;
            let pairs = libraries.iter().map(|(_, library)| library.pair(patience));
            let mut pairs = pairs.collect::<Result<Vec<CPair>>>()?;
            let mut buffers = Buffers { template: Template::new(size), received: vec![0; size], size };
            rounds::take_turns_by_engine(engines.len(), Call::ALL.len(), rounds, progress, |which| {
                let call = Call::ALL.get(which % Call::ALL.len()).copied().unwrap_or(Call::MakeAndClose);
                match (which / Call::ALL.len()).checked_sub(1).and_then(|engine| pairs.get_mut(engine)) {
                    Some(pair) => time(call, pair, &mut buffers, calls),
                    None => time(call, &mut native, &mut buffers, calls),
                }
            })
        },
        |size, records| vec![table(size, &engines, records)],
    )?;
    for why in left_out {
        output::print(&format!("{why}\n"))?;
    }
    session.save(&records)
}

type Named = (&'static str, CLibrary);

/// The libraries that are here, and why others are not.
fn libraries(args: &InteropArgs) -> Result<(Vec<Named>, Vec<&'static str>)> {
    let (mut libraries, mut left_out) = (Vec::new(), Vec::new());
    match args.c_library.clone().or_else(beside_this_program) {
        Some(path) => libraries.push((OURS_IN_C, CLibrary::load(&path)?)),
        None => left_out.push(
            "Left out: our C library. It is not beside this program: `cargo build --release -p netzmq-capi`, or say \
             --c-library FILE.",
        ),
    }
    match &args.libzmq {
        Some(path) => libraries.push((LIBZMQ, CLibrary::load(path)?)),
        #[cfg(feature = "peers")]
        None => libraries.push((LIBZMQ, CLibrary::linked())),
        #[cfg(not(feature = "peers"))]
        None => left_out.push("Left out: libzmq. Build with `--features peers`, or say --libzmq FILE."),
    }
    Ok((libraries, left_out))
}

/// Where `cargo build` leaves our C library, and where tests find it.
fn beside_this_program() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent().map(Path::to_path_buf)?;
    Some(folder.join(FILE)).filter(|path| path.exists())
}

/// What all calls of a size work on.
struct Buffers {
    template: Template,
    received: Vec<u8>,
    size: usize,
}

/// Makes so many calls; the time they took together.
fn time(call: Call, pair: &mut impl Pair, buffers: &mut Buffers, calls: u64) -> Result<Duration> {
    let Buffers { template, received, size } = buffers;
    let size = *size;
    if call == Call::MakeAndClose {
        let started = Instant::now();
        for _ in 0..calls {
            pair.make_and_close(black_box(size))?;
        }
        return Ok(started.elapsed());
    }
    let batch = BATCH.min((BATCH_BYTES / size) as u64).max(1);
    let (mut sending, mut receiving) = (Duration::ZERO, Duration::ZERO);
    let mut first = 0;
    while first < calls {
        let numbers = first..calls.min(first + batch);
        let started = Instant::now();
        for number in numbers.clone() {
            let body = template.numbered(number);
            if call == Call::SendMessage { pair.send_message(body)? } else { pair.send_buffer(body)? }
        }
        let sent = Instant::now();
        for number in numbers {
            if call == Call::RecvMessage {
                pair.recv_message(|bytes| body::check(bytes, number, size))?;
                continue;
            }
            let len = pair.recv_buffer(received)?;
            let bytes = received.get(..len);
            body::check(bytes.ok_or_else(|| Failure::Wrong(format!("{len} bytes came")))?, number, size)?;
        }
        sending += sent - started;
        receiving += sent.elapsed();
        first += batch;
    }
    Ok(match call {
        Call::SendBuffer | Call::SendMessage => sending,
        _ => receiving,
    })
}

fn table(size: usize, engines: &[&'static str], records: &[Record]) -> Table {
    let mut header = vec!["call"];
    for engine in engines {
        header.push(engine);
        header.push("min … max");
        if *engine != OURS {
            header.push("× native");
        }
    }
    let mut table = Table::new(units::size(size), &header);
    for call in Call::ALL {
        let of = |engine: &str| records.iter().find(|r| r.engine == engine && r.strategy == call.name());
        let mut row: Vec<Cell> = vec![call.name().into()];
        for engine in engines {
            let Some(record) = of(engine) else { continue };
            let each = |ms: f64| ms * 1e6 / record.messages as f64;
            row.push(units::ns(record.ns_each()).into());
            row.push(Cell::marked(units::range_ns(each(record.min_ms), each(record.max_ms)), Mark::Faint));
            if let Some(native) = of(OURS).filter(|_| *engine != OURS) {
                row.push(format!("{:.2}", record.median_ms / native.median_ms).into());
            }
        }
        table.row(row);
    }
    table
}
