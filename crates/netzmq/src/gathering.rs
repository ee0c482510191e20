//! How long a sender gathers before somebody writes: the times and counts, in one place.
//!
//! None of them changes what is sent, in which order, or that it leaves without another call. Built with
//! `RUSTFLAGS="--cfg netzmq_gathers"` they are as large as can be borne, so that the tests meet long batches, late writers
//! and permits that last; CI runs the engine's tests that way, too.

use std::time::Duration;

const fn choose(usual: u64, extreme: u64) -> u64 {
    if cfg!(netzmq_gathers) { extreme } else { usual }
}

const fn micros(usual: u64, extreme: u64) -> Duration {
    Duration::from_micros(choose(usual, extreme))
}

/// Every so many messages of a burst, a sender looks whether they are being written. A look costs a clock.
pub(crate) const LOOK_EVERY: u64 = choose(128, 4096);

/// A send so long after the last one is no burst. Must exceed the cost of a write (about 5 µs), or a steady sender
/// would fall into one write a message.
pub(crate) const ALONE_AFTER: Duration = micros(10, 10_000);

/// Longer than a sender at full speed takes to fill a segment with the smallest messages, which it then writes by itself;
/// and several times what the I/O thread needs if it has a core.
pub(crate) const OVERDUE_AFTER: Duration = micros(200, 100_000);

/// A sender in a burst is looked at so often: long enough to let it gather, short enough for the last message.
pub(crate) const BURST_NAP: Duration = micros(20, 500);

/// The same for one that fills and writes whole segments by itself, or writes whenever it receives: all there is to see
/// is that it has stopped.
pub(crate) const STREAM_NAP: Duration = micros(50, 1_000);

/// The same when that has gone on for a while: each look takes some 10 µs from a core that others work on.
pub(crate) const LONG_NAP: Duration = micros(100, 2_000);

/// A sender too slow to fill a segment is written for after so many looks.
pub(crate) const BURST_LOOKS: u32 = choose(2, 10) as u32;
