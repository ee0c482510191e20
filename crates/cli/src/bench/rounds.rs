//! Contenders take turns: the one way in which everything here is measured.
//!
//! In every round each contender runs once, and each round begins with the next one, so that whatever drifts on the
//! machine drifts for all. Every other round goes backwards: nobody always runs behind the same one, whose threads may
//! still be clearing up. Contenders of one engine run in a row, for the same reason; the engines take turns in being first.
//! Round 0 warms up and is not counted. After the measured rounds each runs once more with the
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
    run: impl FnMut(usize) -> Result<Duration>,
) -> Result<Vec<Tally>> {
    take_turns_by_engine(1, contenders, rounds, progress, run)
}

/// The same for `engines` times `each` contenders, those of an engine next to each other.
pub(crate) fn take_turns_by_engine(
    engines: usize,
    each: usize,
    rounds: usize,
    progress: &Progress,
    mut run: impl FnMut(usize) -> Result<Duration>,
) -> Result<Vec<Tally>> {
    let contenders = engines * each;
    let mut tallies = vec![Tally::default(); contenders];
    for round in 0..=rounds {
        for turn in 0..contenders {
            let which = nth(turn, round, engines, each);
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

/// Who runs in this turn of this round.
fn nth(turn: usize, round: usize, engines: usize, each: usize) -> usize {
    let engine = (turn / each + round) % engines;
    let ahead = (turn + round / 2) % each;
    engine * each + if round.is_multiple_of(2) { ahead } else { each - 1 - ahead }
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
        assert_eq!(order, [0, 1, 2, 2, 1, 0, 1, 2, 0, 0, 1, 2]);
        assert_eq!(order.len() as u64, runs(3, 2));
        assert_eq!(tallies[2].times_ms, [2.0, 2.0]);
    }

    #[test]
    fn contenders_of_an_engine_stay_together_and_everybody_has_a_turn() {
        for round in 0..12 {
            let mut order: Vec<_> = (0..12).map(|turn| nth(turn, round, 2, 6)).collect();
            let changes = order.windows(2).filter(|pair| pair[0] / 6 != pair[1] / 6).count();
            assert_eq!(changes, 1, "{order:?}");
            order.sort_unstable();
            assert!(order.into_iter().eq(0..12));
        }
        // Nobody's place at the front, or predecessor, is for ever.
        let first: std::collections::BTreeSet<_> = (0..12).map(|round| nth(0, round, 1, 6)).collect();
        assert_eq!(first.len(), 6);
    }

    #[test]
    fn a_failure_ends_it() {
        let failed = take_turns(2, 1, &Progress::none(), |_| Err(crate::Failure::Wrong("no".to_owned())));
        assert!(failed.is_err());
    }
}
