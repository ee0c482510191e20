//! Which strategy to take at which size: computed from what was measured here, by one stated rule.
//!
//! The rule: whatever is within 5 % of the fastest, or within the fastest one's own spread (its upper quartile), is as
//! good as the fastest; of those the simplest to use is recommended.

use crate::bench::memory::strategy::Strategy;
use crate::bench::record::Record;

/// Medians this much apart are the same for anybody who chooses.
const SAME: f64 = 1.05;

/// From the simplest to the one that takes the most care.
const SIMPLEST_FIRST: [Strategy; 6] = [
    Strategy::ByteArray,
    Strategy::Message,
    Strategy::ArrayPool,
    Strategy::MessagePooled,
    Strategy::MessagePooledRecvPool,
    Strategy::MessageZeroCopy,
];

/// What to take at one size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Advice {
    pub(crate) size: usize,
    pub(crate) take: &'static str,
    pub(crate) why: String,
}

/// One for each size among the records, in their order.
pub(crate) fn advice(records: &[Record]) -> Vec<Advice> {
    let mut sizes: Vec<usize> = records.iter().map(|record| record.size).collect();
    sizes.dedup();
    sizes
        .into_iter()
        .filter_map(|size| {
            let of_size: Vec<&Record> = records.iter().filter(|record| record.size == size).collect();
            choose(size, &of_size)
        })
        .collect()
}

fn choose(size: usize, records: &[&Record]) -> Option<Advice> {
    let fastest = records.iter().min_by(|a, b| a.median_ms.total_cmp(&b.median_ms))?;
    let bound = (fastest.median_ms * SAME).max(fastest.upper_quartile_ms);
    let as_good = |strategy: &&Strategy| {
        records.iter().any(|record| record.strategy == strategy.name() && record.median_ms <= bound)
    };
    let take = SIMPLEST_FIRST.iter().find(as_good)?.name();
    let taken = records.iter().find(|record| record.strategy == take)?;
    let baseline = Strategy::BASELINE.name();
    let gain = (1.0 - taken.ratio_to_baseline) * 100.0;
    let ahead = (1.0 - fastest.median_ms / taken.median_ms) * 100.0;
    let is_same = taken.median_ms <= fastest.median_ms * SAME;
    let why = match (take == baseline, taken.strategy == fastest.strategy, is_same) {
        (true, true, _) => "the fastest, and the simplest".to_owned(),
        (false, true, _) => format!("the fastest: {gain:.0} % less time than {baseline}"),
        (true, false, true) => format!("the simplest, and as fast as {}", fastest.strategy),
        (false, false, true) => {
            format!(
                "{gain:.0} % faster than {baseline}, and simpler than {}, which is as fast",
                fastest.strategy
            )
        }
        (_, false, false) => {
            format!(
                "nothing is clearly faster: {} took {ahead:.0} % less, within its own spread",
                fastest.strategy
            )
        }
    };
    Some(Advice { size, take, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record;
    use crate::bench::rounds::Tally;
    use crate::bench::session::Contender;

    fn advised(times: &[(Strategy, &[f64])]) -> Advice {
        let records = times
            .iter()
            .map(|(strategy, times)| {
                let tally = Tally { times_ms: times.to_vec(), ..Tally::default() };
                Record::new("memory", Contender::ours(strategy.name(), "ByteArray"), 64, 1, &tally).unwrap()
            })
            .collect();
        advice(&record::compared(records)).remove(0)
    }

    #[test]
    fn the_simplest_of_the_fastest() {
        let fast: (Strategy, &[f64]) = (Strategy::ArrayPool, &[1.0, 1.0, 1.0]);
        assert_eq!(advised(&[(Strategy::ByteArray, &[1.04]), fast]).take, "ByteArray");
        assert_eq!(advised(&[(Strategy::ByteArray, &[1.10]), fast]).take, "ArrayPool");
        let three = advised(&[(Strategy::ByteArray, &[1.2]), (Strategy::Message, &[1.01]), fast]);
        assert_eq!(three.take, "Message");
        assert!(three.why.contains("16 %") && three.why.contains("ArrayPool"), "{}", three.why);
        assert!(advised(&[fast]).why.starts_with("the fastest"));
        // The fastest one's own runs differ by more than what it is ahead.
        let uncertain: (Strategy, &[f64]) = (Strategy::ArrayPool, &[0.9, 1.0, 1.3]);
        let unclear = advised(&[(Strategy::ByteArray, &[1.1]), uncertain]);
        assert_eq!(unclear.take, "ByteArray");
        assert!(unclear.why.contains("clearly faster") && unclear.why.contains("9 %"), "{}", unclear.why);
    }
}
