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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u64, u64, bool),
        Pass(u64),
        Forget(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            5 => (0..50u64, 0..4u64, any::<bool>()).prop_map(|(after, token, ping)| Step::Set(after, token, ping)),
            3 => (0..30u64).prop_map(Step::Pass),
            1 => (0..4u64).prop_map(Step::Forget),
        ]
    }

    proptest! {
        /// Goal: deadlines come due in order, none early, none late, none of a session that is gone; the time until the
        /// next is right. Method: random steps beside a list, with a clock turned by hand.
        #[test]
        fn deadlines_agree_with_a_list(steps in prop::collection::vec(step(), 0..100)) {
            let start = Instant::now();
            let (mut now, mut timers, mut model) = (start, Timers::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Set(after, token, ping) => {
                        let kind = if ping { TimerKind::Ping } else { TimerKind::Phase };
                        let at = now + Duration::from_millis(after);
                        timers.set(at, token, kind);
                        model.push((at, token, kind));
                    }
                    Step::Pass(millis) => now += Duration::from_millis(millis),
                    Step::Forget(token) => {
                        timers.forget(token);
                        model.retain(|(_, t, _)| *t != token);
                    }
                }
                model.sort_unstable();
                model.dedup();
                let next = model.first().map(|(at, ..)| at.saturating_duration_since(now));
                prop_assert_eq!(timers.next(now), next);
                while let Some(due) = timers.due(now) {
                    prop_assert_eq!(due, model.remove(0));
                }
                prop_assert!(model.first().is_none_or(|(at, ..)| *at > now));
            }
        }
    }
}
