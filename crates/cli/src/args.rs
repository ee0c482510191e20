//! The command line: what can be asked for, and what is refused before anything runs.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::bench::memory::strategy::Strategy;
use crate::bench::receive::Destination;
use crate::bench::units;
use crate::tool::Tool;

/// Tools for ZeroMQ, on the netzmq library
#[derive(Debug, Parser)]
#[command(name = "netzmq", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Tool(Tool),
    /// Measure this machine: message memory, copying, receiving
    #[command(subcommand, arg_required_else_help = true)]
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Send and receive with each memory strategy: byte array, pooled, zero-copy …
    #[command(after_help = MEMORY_HELP)]
    Memory(MemoryArgs),
    /// Make and free messages without sending them: fresh or from the pool, here or on another thread
    #[command(after_help = ALLOC_HELP)]
    Alloc(AllocArgs),
    /// Copying by size, beside every way to hand memory over without a copy
    #[command(after_help = COPY_HELP)]
    Copy(CopyArgs),
    /// Ways to wait for messages: blocking, in batches, with a poller, sleeping
    #[command(after_help = RECEIVE_HELP)]
    Receive(ReceiveArgs),
    /// Awaited sends and receives, beside blocking ones
    #[command(after_help = ASYNC_HELP)]
    Async(AsyncArgs),
    /// What a call costs in Rust, through our C library, and in libzmq
    #[command(after_help = INTEROP_HELP)]
    Interop(InteropArgs),
}

/// How much to measure, and where to write it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Measure less: fewer rounds, and fewer messages where they are large
    #[arg(long)]
    pub(crate) quick: bool,
    /// Write the results to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Measured rounds, after one to warm up [default: 11; with --quick: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: Option<u32>,
    /// Body sizes in bytes, such as 64,512,64KiB
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = units::parse_size)]
    pub(crate) sizes: Vec<usize>,
}

impl Common {
    /// Measured rounds. An odd number by default, so that a median is a round that took place.
    pub(crate) fn rounds(&self) -> usize {
        self.runs.map_or(if self.quick { 3 } else { 11 }, |runs| runs as usize)
    }

    /// The sizes asked for, or the usual ones.
    pub(crate) fn sizes_or(&self, usual: &[usize]) -> Vec<usize> {
        if self.sizes.is_empty() { usual.to_vec() } else { self.sizes.clone() }
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MemoryArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Messages in a run [default: 10000; with --quick 1000 from 64 KiB up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) messages: Option<u32>,
    /// Only these strategies, such as ByteArray,Message
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "report")]
    pub(crate) strategies: Vec<Strategy>,
    /// Write a report into DIR: an HTML page with plots, and Markdown tables
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReceiveArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How bodies are taken, and where the memory of those that are kept comes from
    #[arg(long, value_name = "HOW", default_value = "buffer")]
    pub(crate) into: Destination,
    /// Messages in a run [default: 10000; with --quick 1000 from 64 KiB up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) messages: Option<u32>,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AsyncArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Messages in a run [default: 500000; 10000 from 64 KiB up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) messages: Option<u32>,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InteropArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Our C library [default: libzmq.so beside this program, where `cargo build -p netzmq-capi` puts it]
    #[arg(long, value_name = "FILE")]
    pub(crate) c_library: Option<PathBuf>,
    /// The library to compare with, such as libzmq.so.5 [default: with the feature `peers`, the one that is built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) libzmq: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AllocArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

const ALLOC_HELP: &str = "\
Every message is made and dropped at once; its first bytes are written (all of them with Copy).

  NewMessage               a message over fresh heap memory
  PoolRent                 rented from MessagePool by size, and frozen
  NewMessage+Copy          a fresh copy of the data, made a message
  PoolRent+Copy            rented and filled with the data
  NewMessage+OtherThread   as NewMessage, dropped by another thread, in batches
  PoolRent+OtherThread     as PoolRent, dropped by another thread, in batches
  Nothing+OtherThread      the batches alone, with empty messages: contained in the two above";

const COPY_HELP: &str = "\
What it costs to copy a body, and what it costs to hand one over instead. Where the first exceeds the second, copying
less is worth it.

  CopyCached     from memory in the caches to memory in the caches
  CopyUncached   from memory that was not touched for long to such memory
  CopyMessage    Message::copy_from_slice() of cached data, and drop
  Clone          Message::clone() and drop: one reference more and one less
  RentFreeze     MessagePool::rent(), freeze(), drop; nothing is written
  FromVec        Message::from(Vec) and into_vec(): a Vec moves in and out
  FromOwner      Message::from_owner(Arc) and drop: somebody else's memory, and its release";

const ASYNC_HELP: &str = "\
A PUSH and a PULL in this process, connected over TCP on the loopback interface, with a thread at each end.

  Blocking  send() and recv()
  Awaited   send_async() and recv_async(), under an executor that parks its thread";

const INTEROP_HELP: &str = "\
A PUSH and a PULL in this process, connected over inproc, used by one thread: a batch is sent, then received. Each call is
timed without the others; everything received is checked.

               native Rust                              C
  Make+Close   MessagePool::rent(), freeze(), drop      zmq_msg_init_size, zmq_msg_close
  SendBuffer   send(&[u8])                              zmq_send
  SendMessage  Message::copy_from_slice(), send()       zmq_msg_init_size, a copy, zmq_msg_send
  RecvBuffer   recv_into()                              zmq_recv
  RecvMessage  recv(), drop                             zmq_msg_init, zmq_msg_recv, zmq_msg_close";

const RECEIVE_HELP: &str = "\
The setting of `bench memory`; the sender sends &[u8], the receiver receives into one buffer (or as --into says), and
waits as follows when nothing is there.

  Blocking              every receive may wait
  Blocking+Batch        receives without waiting until nothing is there, then one receive that waits
  Poller                receives without waiting until nothing is there, then Poller::wait()
  NonBlocking+Sleep1ms  receives without waiting until nothing is there, then sleeps a millisecond";

const MEMORY_HELP: &str = "\
Two ROUTER sockets in this process, connected over TCP on the loopback interface, without high-water marks. One thread
sends two-part messages (routing id, body), another receives and checks every one. The strategies take turns in each
round; the table shows medians over the rounds.

  ByteArray               a fresh Vec a message, sent as a slice; received into a fresh Vec
  ArrayPool               one buffer used again and again, send(&[u8]); received into another with recv_into()
  Message                 Message::copy_from_slice(); received with recv()
  MessagePooled           memory rented from MessagePool, filled, frozen, sent; the receiver looks at the bytes where
                          they lie (recv_with) and takes no memory
  MessagePooled+RecvPool  the same; received with recv(), which hands out pooled memory
  MessageZeroCopy         memory of the application's own, lent to the message, with a callback that frees it; received
                          with recv()";
