//! The C interface: `libzmq.so.5`, as programs and bindings know it, over [`netzmq`].
//!
//! Translates only: every decision is the library's. A file here is a section of `include/zmq.h`; `boundary` is the
//! way in, `handles` turns what C holds into what Rust may touch, `errno` turns our errors into numbers.
//!
//! Invariants:
//! - Nothing that C can pass as a handle (null, closed, of another kind, or no handle at all) is ever dereferenced.
//! - A panic never crosses into C: it aborts, as libzmq's own assertions do.
//! - Exactly the functions of `zmq.h` are exported.

// A C library has no Rust interface: what it exports is reached by symbol, from private modules.
#![allow(unreachable_pub)]

mod boundary;
mod context;
mod counter;
mod curve;
mod errno;
mod handles;
mod iov;
mod message;
mod monitor;
mod options;
mod poll;
mod poller;
mod proxy;
mod socket;
mod threads;
mod timers;
mod util;
