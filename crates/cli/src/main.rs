//! The `netzmq` program: tools for ZeroMQ sockets, and measurements of what message memory costs on the machine at hand.
//!
//! `args` says what can be asked for, `tool` and `bench` do it, `error` says how it ends. Results go to standard output, progress
//! and complaints to standard error, so that output can be piped. Exit codes: 0 done, 1 nothing came in time, 2 wrong
//! usage or failure; a reader that closes the pipe early is no failure.
//!
//! The only `unsafe` is in [`alloc_count`], the counting allocator, and in [`c_library`], which calls libraries as C does.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod alloc_count;
mod args;
mod bench;
#[allow(unsafe_code)]
mod c_library;
mod error;
mod output;
mod tool;

use std::process::ExitCode;

use clap::Parser;

use crate::alloc_count::Counting;
use crate::args::{Args, Command};
use crate::error::Failure;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors and go to standard output; a closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let done = match args.command {
        Command::Bench(which) => bench::run(which),
        Command::Tool(which) => tool::run(which),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("netzmq: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// What every command returns.
type Result<T, E = Failure> = std::result::Result<T, E>;
