//! `netzmq bench receive`: four ways for a thread to wait for messages, over real TCP.
//!
//! The setting is that of `bench memory`: ROUTER to ROUTER, two-part messages, every one checked. The sender always
//! sends `&[u8]`, the receiver takes bodies as it was told, into one buffer unless told otherwise; only the waiting
//! differs.

use std::time::{Duration, Instant};

use netzmq::{Interest, MessagePool, Poller, ReceiveMemory, RecvError, Socket};

use super::pair::routers::{self, PATIENCE, Receiver};
use super::pair::{Pair, body};
use super::rounds;
use super::session::{Contender, Session};
use crate::Result;
use crate::args::ReceiveArgs;
use crate::bench::memory;

/// The seed's sizes.
const SIZES: [usize; 4] = [64, 512, 1024, 64 << 10];
const MESSAGES: u64 = 10_000;
const MESSAGES_QUICK: u64 = 1000;
/// From this size on fewer messages do with `--quick`.
const LARGE: usize = 64 << 10;
/// How long the sleeping receiver sleeps.
const NAP: Duration = Duration::from_millis(1);

/// How a receiver waits when nothing is there.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum Way {
    /// Every receive may wait.
    Blocking,
    /// Receives without waiting; when nothing is there, one receive that waits.
    Batch,
    /// Receives without waiting; when nothing is there, `Poller::wait`.
    Poller,
    /// Receives without waiting; when nothing is there, sleeps.
    NonBlocking,
}

impl Way {
    const ALL: [Way; 4] = [Way::Blocking, Way::Batch, Way::Poller, Way::NonBlocking];

    fn name(self) -> &'static str {
        match self {
            Way::Blocking => "Blocking",
            Way::Batch => "Blocking+Batch",
            Way::Poller => "Poller",
            Way::NonBlocking => "NonBlocking+Sleep1ms",
        }
    }
}

/// How bodies are taken.
#[derive(Debug, Copy, Clone, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Destination {
    /// Into one buffer, again and again
    Buffer,
    /// Each as a Vec of its own
    Vec,
    /// As messages, in memory of the shared pool
    Shared,
    /// As messages, in memory of a pool of the socket's own
    Pool,
    /// As messages, in heap memory of their own
    Heap,
}

impl Destination {
    /// Where a socket shall keep the bodies of its messages.
    fn memory(self) -> ReceiveMemory {
        match self {
            Destination::Buffer | Destination::Vec | Destination::Shared => ReceiveMemory::Shared,
            Destination::Pool => ReceiveMemory::Pool(MessagePool::new()),
            Destination::Heap => ReceiveMemory::Heap,
        }
    }
}

/// Measures, prints, and writes what was asked for.
pub(crate) fn run(args: &ReceiveArgs) -> Result<()> {
    let sizes = args.common.sizes_or(&SIZES);
    body::check_sizes(&sizes)?;
    let session = Session {
        bench: "receive",
        title: "Ways to receive: ROUTER to ROUTER over tcp loopback, two-part messages, every one checked",
        sizes,
        contenders: Way::ALL.iter().map(|way| Contender::ours(way.name(), Way::Blocking.name())).collect(),
        common: &args.common,
    };
    let messages = |size: usize| match args.messages {
        Some(messages) => u64::from(messages),
        None if args.common.quick && size >= LARGE => MESSAGES_QUICK,
        None => MESSAGES,
    };
    let rounds = args.common.rounds();
    let records = session.run(
        messages,
        |size, messages, progress| {
            let mut pair = Pair::new(routers::connect(size, args.into.memory())?)?;
            rounds::take_turns(Way::ALL.len(), rounds, progress, |which| {
                let way = Way::ALL.get(which).copied().unwrap_or(Way::Blocking);
                let into = args.into;
                pair.run(
                    |sender| sender.send_plainly(messages),
                    move |receiver| receive(way, into, receiver, messages),
                )
            })
        },
        |size, records| vec![memory::table(size, records)],
    )?;
    session.save(&records)
}

/// Receives and checks messages 0 to `count - 1`.
fn receive(way: Way, into: Destination, receiver: &mut Receiver, count: u64) -> Result<()> {
    let mut poller = Poller::new();
    if way == Way::Poller {
        poller.add(&receiver.socket, 0, Interest::READABLE);
    }
    let Receiver { socket, size, buffer } = receiver;
    for number in 0..count {
        let id = first_part(way, socket, &mut poller).map_err(|error| routers::lost(number, count, error))?;
        routers::check_id(id, number)?;
        // The rest of a message is there when its first part is: this never waits.
        let more = match into {
            Destination::Buffer => {
                let received = socket.recv_into(buffer)?;
                body::check(buffer.get(..received.len).unwrap_or_default(), number, *size)?;
                received.more
            }
            Destination::Vec => {
                let (bytes, more) = socket.recv_vec()?;
                body::check(&bytes, number, *size)?;
                more
            }
            Destination::Shared | Destination::Pool | Destination::Heap => {
                let message = socket.recv()?;
                body::check(&message, number, *size)?;
                message.has_more()
            }
        };
        if more {
            return Err(routers::wrong_parts(number));
        }
    }
    Ok(())
}

/// Whether the first part of the next message is the sender's name, and whether more parts follow.
#[inline]
fn first_part(way: Way, socket: &Socket, poller: &mut Poller) -> Result<(bool, bool), RecvError> {
    if way == Way::Blocking {
        return socket.recv_with(routers::is_sender);
    }
    let mut id = [0; 16];
    let mut deadline = None;
    loop {
        match socket.try_recv_into(&mut id) {
            Ok(received) => {
                let id = id.get(..received.len).unwrap_or_default();
                return Ok((routers::is_sender(id), received.more));
            }
            Err(RecvError::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= *deadline.get_or_insert_with(|| Instant::now() + PATIENCE) {
            return Err(RecvError::WouldBlock);
        }
        match way {
            Way::Blocking | Way::Batch => return socket.recv_with(routers::is_sender),
            Way::Poller => {
                poller.wait(Some(PATIENCE));
            }
            Way::NonBlocking => std::thread::sleep(NAP),
        }
    }
}
