//! Moments in the future, for any duration that an application may name.
//!
//! The clock can't count to `Duration::MAX`; what lies beyond [`FAR`] is as good as never.

use std::time::{Duration, Instant};

/// About thirty years: no program waits longer, and every clock can count so far.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// So long from now.
#[inline]
pub(crate) fn after(duration: Duration) -> Instant {
    from(Instant::now(), duration)
}

/// So long from `start`, which is not far from now.
#[inline]
pub(crate) fn from(start: Instant, duration: Duration) -> Instant {
    start + duration.min(FAR)
}
