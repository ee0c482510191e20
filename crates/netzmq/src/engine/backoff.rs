//! How long to wait before a connection is tried again: pure.

use std::time::Duration;

/// The pause before attempt number `failures` (1 for the first after a loss), `None` if there is to be none. `random`
/// spreads peers that lost the same server.
pub(crate) fn pause(
    interval: Option<Duration>,
    max: Duration,
    failures: u32,
    random: u32,
) -> Option<Duration> {
    let interval = interval?;
    let base = if max > interval {
        let doubled =
            interval.saturating_mul(1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(max)
    } else {
        interval
    };
    let jitter = interval.mul_f64(f64::from(random % 1000) / 1000.0);
    Some(if max > interval {
        base.saturating_add(jitter).min(max.max(interval))
    } else {
        base.saturating_add(jitter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn doubles_up_to_the_maximum_and_no_further() {
        let at = |failures| pause(Some(100 * MS), 1000 * MS, failures, 0);
        assert_eq!(at(1), Some(100 * MS));
        assert_eq!(at(2), Some(200 * MS));
        assert_eq!(at(4), Some(800 * MS));
        assert_eq!(at(5), Some(1000 * MS));
        assert_eq!(at(u32::MAX), Some(1000 * MS));
    }

    #[test]
    fn stays_where_there_is_no_maximum() {
        assert_eq!(pause(Some(100 * MS), Duration::ZERO, 9, 0), Some(100 * MS));
        assert!(pause(Some(100 * MS), Duration::ZERO, 9, 999) < Some(200 * MS));
        assert_eq!(pause(None, Duration::ZERO, 1, 0), None);
    }

    proptest::proptest! {
        /// Goal: whatever the settings, a pause is at least the interval, never much more than the larger of the two,
        /// never shorter after one failure more, and computing it never overflows.
        #[test]
        fn any_settings(
            interval in proptest::prop_oneof![0..1000u64, 0..u64::MAX],
            max in proptest::prop_oneof![0..100_000u64, 0..u64::MAX],
            failures: u32,
            random: u32,
        ) {
            let (interval, max) = (Duration::from_secs(interval), Duration::from_secs(max));
            let at = |failures| pause(Some(interval), max, failures, random).unwrap();
            proptest::prop_assert!(at(failures) >= interval);
            proptest::prop_assert!(at(failures) <= max.max(interval.saturating_mul(2)));
            proptest::prop_assert!(at(failures.saturating_add(1)) >= at(failures));
        }
    }
}
