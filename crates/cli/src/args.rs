//! The command line: what can be asked for, and what is refused before anything runs.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::bench::units;

/// Tools for ZeroMQ, on the netzmq library
#[derive(Debug, Parser)]
#[command(name = "netzmq", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure this machine: message memory, copying, receiving
    #[command(subcommand, arg_required_else_help = true)]
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Send and receive with each memory strategy: byte array, pooled, zero-copy …
    #[command(after_help = MEMORY_HELP)]
    Memory(MemoryArgs),
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
}

const MEMORY_HELP: &str = "\
Two ROUTER sockets in this process, connected over TCP on the loopback interface, without high-water marks. One thread
sends two-part messages (routing id, body), another receives and checks every one. The strategies take turns in each
round; the table shows medians over the rounds.

  ByteArray               a fresh Vec a message, given to send(); received into a fresh Vec
  ArrayPool               one buffer used again and again, send(&[u8]); received into another with recv_into()
  Message                 Message::copy_from_slice(); received with recv()
  MessagePooled           memory rented from MessagePool, filled, frozen, sent; the receiver looks at the bytes where
                          they lie (recv_with) and takes no memory
  MessagePooled+RecvPool  the same; received with recv(), which hands out pooled memory
  MessageZeroCopy         memory of the application's own, lent to the message, with a callback that frees it; received
                          with recv()";
