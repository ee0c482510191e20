//! A message every so often, and how long it takes: from before the call that sends to after the call that receives.
//!
//! Both processes read the system's monotonic clock, which is one for the whole machine. The sender waits by turning, not by
//! sleeping: a sleep is never as short as the gaps here. So it keeps a core busy, and its own library's thread off it.

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

use crate::{Check, Failure, Load, Outcome, fail, measure};

/// Nanoseconds of the machine's monotonic clock.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| u64::try_from(time.num_nanoseconds()).unwrap_or(0))
}

/// The sender's load, given out at its pace.
#[derive(Debug)]
pub struct Pace {
    load: Load,
    gap_ns: u64,
    due: u64,
}

impl Pace {
    /// `warmup + count` bodies of `size` bytes, one every `gap_ns` nanoseconds. A call that takes longer delays the next.
    pub fn new(size: usize, warmup: u64, count: u64, gap_ns: u64) -> Pace {
        Pace { load: Load::new(size, warmup, count), gap_ns, due: 0 }
    }

    /// Waits until it is time, and returns the next body with the time in it, or `None` at the end.
    pub fn next_body(&mut self) -> Option<&[u8]> {
        let mut time = now();
        while time < self.due {
            std::hint::spin_loop();
            time = now();
        }
        self.due = time + self.gap_ns;
        self.load.next_stamped(time)
    }

    /// The load, to report.
    pub fn into_load(self) -> Load {
        self.load
    }
}

/// The receiver's side: checks, and notes each message's time on the way.
#[derive(Debug)]
pub struct Arrivals {
    check: Check,
    warmup: u64,
    nanoseconds: Vec<u64>,
}

impl Arrivals {
    /// Expects what `Pace::new(size, warmup, count, _)` gives out.
    pub fn new(size: usize, warmup: u64, count: u64) -> Arrivals {
        let room = usize::try_from(warmup + count).unwrap_or_default();
        Arrivals { check: Check::stamped(size, warmup, count), warmup, nanoseconds: Vec::with_capacity(room) }
    }

    /// Whether messages are still to come.
    pub fn more(&self) -> bool {
        self.check.more()
    }

    /// A message has come, just now.
    pub fn take(&mut self, body: &[u8]) -> Result<(), Failure> {
        let time = now();
        let sent = Check::stamp_of(body).ok_or_else(|| fail("a message without a stamp"))?;
        self.nanoseconds.push(time.saturating_sub(sent));
        self.check.take(body)
    }

    /// The report, with percentiles.
    pub fn report(self) -> Outcome {
        measure::with_percentiles(self.check.report(), &self.nanoseconds, self.warmup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_distance_and_arrive_after_they_left() {
        let (mut pace, mut arrivals) = (Pace::new(64, 1, 3, 200_000), Arrivals::new(64, 1, 3));
        let begun = now();
        while let Some(body) = pace.next_body() {
            arrivals.take(body).unwrap();
        }
        assert!(now() - begun >= 600_000, "three gaps between four messages");
        assert!(!arrivals.more());
        let report = arrivals.report().unwrap();
        assert_eq!(report.messages, 3);
        assert!(report.p50_us.is_some() && report.p50_us <= report.p99_us, "{report:?}");
    }
}
