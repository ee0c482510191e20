//! What the benchmark programs share: command line, message bodies that prove themselves, clocks, and the report.
//!
//! Each engine has one program in `src/bin` that speaks to its library as its users do: a `&[u8]` goes in, and the
//! body that comes out is looked at. The roles are written once for blocking engines ([`blocking`]) and once for those
//! that run on tokio (`tasks`), as generic functions that are compiled for each. This crate never touches a socket itself.
//!
//! A program runs one *role* of one *cell*:
//!
//! | cell | binds | connects | who measures |
//! |---|---|---|---|
//! | push-pull | `pull` | `push` | `pull`: last warm-up message to last message |
//! | req-rep | `rep` | `req` | `req`: every round trip |
//! | pub-sub | `pub` | `sub` (`--peers` sockets) | `sub`: first socket's start to last socket's end |
//! | dealers | `router` | `dealers` (`--peers` sockets) | `dealers`: all replies back |
//! | inproc-push, inproc-req | both sides in one process | | as above |
//! | paced | `paced-pull` | `paced-push` (a message every `--gap`) | `paced-pull`: from sending to arrival |
//! | idle | `idle-router` | `idle-dealers` (`--peers` sockets) | both: what a connection holds when it rests |
//! | router-router | both sides in one process | | the sending thread, until the receiving one is done |
//!
//! Words between a program and its driver: it prints `ready` once bound and (`sub`) `synced` once every socket
//! has received something; it reads `go` (`pub`: subscribers are there) and `stop` (the other side has measured: report
//! and leave) from standard input. The end of standard input counts as any word, except that nothing is measured after it.
//! Its last line is the report, one JSON object.
//!
//! Invariant: a receiver accepts a message only if length, sequence number and contents are right ([`Check`]); the
//! first that is not ends the run with exit code 1. So no figure comes from messages that were lost or mixed up.

pub mod args;
pub mod blocking;
pub mod body;
pub mod control;
pub mod idle;
pub mod measure;
pub mod paced;
pub mod report;
#[cfg(feature = "tasks")]
pub mod tasks;

pub use args::{Args, Role};
pub use body::{Check, Load, PROBE_BYTES, is_probe, probe};
pub use control::{Gate, ready, synced, wait_for_stop};
pub use idle::Resting;
pub use measure::{RoundTrips, Rounds, Side};
pub use paced::{Arrivals, Pace};
pub use report::Report;

use std::process::ExitCode;

/// Why a run has no result.
#[derive(Debug)]
pub enum Failure {
    /// This engine can't do this cell: exit code 3, a dash in the tables.
    Unsupported,
    /// Anything else: exit code 1.
    Error(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Error(error.to_string())
    }
}

/// The result of a role.
pub type Outcome = Result<Report, Failure>;

/// A [`Failure`] made from a text.
pub fn fail(why: impl Into<String>) -> Failure {
    Failure::Error(why.into())
}

/// A program's `main`: parses the command line, runs the role, prints the report.
pub fn main(engine: &str, run: impl FnOnce(&Args) -> Outcome) -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("peer-{engine}: {why}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(report) => {
            println!("{}", report.to_json(engine, &args));
            ExitCode::SUCCESS
        }
        Err(Failure::Unsupported) => {
            eprintln!("peer-{engine}: no {:?} over {}", args.role, args.endpoint);
            ExitCode::from(3)
        }
        Err(Failure::Error(why)) => {
            eprintln!("peer-{engine} {:?}: {why}", args.role);
            ExitCode::FAILURE
        }
    }
}
