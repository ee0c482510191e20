//! What several runs of the same thing come to: median, quartiles, least, most.

/// Of at least one value.
#[derive(Debug, Copy, Clone, PartialEq)]
pub(crate) struct Spread {
    /// The least.
    pub(crate) min: f64,
    /// A quarter of the values lie below.
    pub(crate) lower_quartile: f64,
    /// The middle value, or the mean of the two in the middle.
    pub(crate) median: f64,
    /// A quarter of the values lie above.
    pub(crate) upper_quartile: f64,
    /// The most.
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without values.
    pub(crate) fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Spread {
            min: *sorted.first()?,
            lower_quartile: quantile(&sorted, 0.25)?,
            median: quantile(&sorted, 0.5)?,
            upper_quartile: quantile(&sorted, 0.75)?,
            max: *sorted.last()?,
        })
    }
}

/// Between the two values nearest to the place, in proportion.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let place = (sorted.len().checked_sub(1)?) as f64 * part;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles() {
        assert_eq!(Spread::of(&[]), None);
        let all = |values: &[f64]| {
            let s = Spread::of(values).unwrap();
            [s.min, s.lower_quartile, s.median, s.upper_quartile, s.max]
        };
        assert_eq!(all(&[3.0]), [3.0; 5]);
        assert_eq!(all(&[3.0, 1.0]), [1.0, 1.5, 2.0, 2.5, 3.0]);
        assert_eq!(all(&[9.0, 1.0, 2.0]), [1.0, 1.5, 2.0, 5.5, 9.0]);
        assert_eq!(all(&[5.0, 1.0, 4.0, 2.0, 3.0]), [1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
