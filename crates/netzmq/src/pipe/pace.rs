//! Whether a sender of large messages goes at its peer's pace.
//!
//! The high-water mark counts messages, and a thousand of a mebibyte are a gibibyte. Copying so far ahead of a peer that
//! is reading all the time gains nothing: each message is written into memory that no cache holds, and competes with its
//! own delivery for the processors. So a sender that may wait, and has got far ahead of a stream that moves, sends on as
//! the kernel takes it.
//!
//! Invariants:
//! - A peer that does not read delays nobody for longer than [`STALLED_AFTER`], once; from then on only the high-water
//!   mark holds, until something moves again.
//! - A burst of less than [`AHEAD_BYTES`] after a lull is delayed by nothing.

use std::time::{Duration, Instant};

/// So much may wait to be written before its sender slows down: more than the kernel holds for a stream.
pub(crate) const AHEAD_BYTES: u64 = 4 << 20;
/// A stream that takes nothing for so long is not moving. More than a turn of the scheduler's, and more than the pauses
/// of a congestion control that paces (BBR does so even on loopback): with 2 ms a stream of 1 MiB messages ran ahead by
/// a gibibyte every other time, and was slower by half.
pub(crate) const STALLED_AFTER: Duration = Duration::from_millis(20);
/// A send that is delayed returns after so long, however well the stream moves.
pub(crate) const DELAY_MAX: Duration = Duration::from_millis(40);
/// After such a pause it is a new burst.
const LULL: Duration = Duration::from_millis(5);

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    streaming: bool,
    stalled: bool,
    last: Option<Instant>,
    /// A sender waits for the writer to come back.
    awaited: bool,
}

impl Pace {
    /// A large message is sent, behind so many bytes that wait. True: its sender may be delayed until the stream has
    /// taken it.
    pub(crate) fn large(&mut self, ahead: u64, now: Instant) -> bool {
        let lull = self.last.replace(now).is_none_or(|last| now.saturating_duration_since(last) > LULL);
        if lull && ahead == 0 {
            self.streaming = false;
        }
        self.streaming |= ahead >= AHEAD_BYTES;
        self.streaming && !self.stalled
    }

    /// The stream took nothing for [`STALLED_AFTER`].
    pub(crate) fn stall(&mut self) {
        self.streaming = false;
        self.stalled = true;
    }

    /// A sender is going to sleep until the writer has come back.
    pub(crate) fn await_writer(&mut self) {
        self.awaited = true;
    }

    /// The writer gives its token back. True: somebody is to be woken for that.
    #[inline]
    pub(crate) fn writer_is_back(&mut self) -> bool {
        std::mem::take(&mut self.awaited)
    }

    /// The stream took something.
    #[inline]
    pub(crate) fn moved(&mut self) {
        self.stalled = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_a_stream_goes_at_its_peers_pace() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert!(!pace.large(0, now) && !pace.large(AHEAD_BYTES - 1, now));
        assert!(pace.large(AHEAD_BYTES, now));
        assert!(pace.large(0, now + LULL), "and stays with it when it has caught up");
        assert!(!pace.large(0, now + LULL * 3), "until it pauses");
    }

    #[test]
    fn a_peer_that_does_not_read_delays_one_message() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert!(pace.large(AHEAD_BYTES, now));
        pace.stall();
        assert!(!pace.large(AHEAD_BYTES * 100, now) && !pace.large(u64::MAX, now));
        pace.moved();
        assert!(pace.large(AHEAD_BYTES, now));
    }
}
