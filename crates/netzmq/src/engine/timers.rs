//! Deadlines in order. A timer is not cancelled but overtaken: its owner keeps the deadline it means, and ignores a
//! ring that comes for another.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What a session may wait for.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// The current phase takes too long; or the pause before the next attempt is over.
    Phase,
    /// Lingering is over.
    Linger,
    /// Time for a PING.
    Ping,
    /// Nothing was heard since the PING.
    Silence,
    /// The peer's own limit of silence.
    Ttl,
    /// Accepting may go on.
    Accept,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    entries: BTreeSet<(Instant, u64, TimerKind)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, token: u64, kind: TimerKind) {
        self.entries.insert((at, token, kind));
    }

    /// Time until the first one, zero if it is due.
    pub(crate) fn next(&self, now: Instant) -> Option<Duration> {
        self.entries.first().map(|(at, ..)| at.saturating_duration_since(now))
    }

    /// Takes the first one that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(Instant, u64, TimerKind)> {
        if self.entries.first()?.0 > now {
            return None;
        }
        self.entries.pop_first()
    }

    /// Forgets all of a session.
    pub(crate) fn forget(&mut self, token: u64) {
        self.entries.retain(|(_, t, _)| *t != token);
    }
}
