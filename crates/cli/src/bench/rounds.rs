//! Contenders take turns: the one way in which everything here is measured.
//!
//! In every round each contender runs once, and each round begins with the next one, so that whatever drifts on the
//! machine drifts for all. Round 0 warms up and is not counted. After the measured rounds each runs once more with the
//! allocator counting, so that counting costs no time where time is measured.

use std::time::Duration;

use netzmq::MessagePool;

use super::progress::Progress;
use crate::Result;
use crate::alloc_count::{Count, counted};

/// What the runs of one contender came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Of the measured rounds, in order.
    pub(crate) times_ms: Vec<f64>,
    /// Of the run that was counted.
    pub(crate) count: Count,
    /// What the shared pool handed out in the measured rounds.
    pub(crate) rents: u64,
    /// How much of it came from its cache.
    pub(crate) hits: u64,
}

/// Runs that [`take_turns`] makes for so many contenders.
pub(crate) fn runs(contenders: usize, rounds: usize) -> u64 {
    (contenders * (rounds + 2)) as u64
}

/// Measures contenders 0 to `contenders - 1`; `run` runs one of them and tells how long it took.
pub(crate) fn take_turns(
    contenders: usize,
    rounds: usize,
    progress: &Progress,
    mut run: impl FnMut(usize) -> Result<Duration>,
) -> Result<Vec<Tally>> {
    let mut tallies = vec![Tally::default(); contenders];
    for round in 0..=rounds {
        for turn in 0..contenders {
            let which = (turn + round) % contenders;
            let before = MessagePool::shared().stats();
            let time = run(which)?;
            let after = MessagePool::shared().stats();
            if let Some(tally) = tallies.get_mut(which).filter(|_| round > 0) {
                tally.times_ms.push(time.as_secs_f64() * 1e3);
                tally.rents += after.rents.wrapping_sub(before.rents);
                tally.hits += after.hits.wrapping_sub(before.hits);
            }
            progress.step();
        }
    }
    for (which, tally) in tallies.iter_mut().enumerate() {
        let (time, count) = counted(|| run(which));
        time?;
        tally.count = count;
        progress.step();
    }
    Ok(tallies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_runs_equally_often_and_not_always_first() {
        let mut order = Vec::new();
        let tallies = take_turns(3, 2, &Progress::none(), |which| {
            order.push(which);
            Ok(Duration::from_millis(which as u64))
        })
        .unwrap();
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1, 0, 1, 2]);
        assert_eq!(order.len() as u64, runs(3, 2));
        assert_eq!(tallies[2].times_ms, [2.0, 2.0]);
    }

    #[test]
    fn a_failure_ends_it() {
        let failed = take_turns(2, 1, &Progress::none(), |_| Err(crate::Failure::Wrong("no".to_owned())));
        assert!(failed.is_err());
    }
}
