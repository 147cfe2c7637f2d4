//! Median and spread of a handful of figures.

/// Median with the first and third quartile.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// First quartile.
    pub low: f64,
    /// The middle one.
    pub median: f64,
    /// Third quartile.
    pub high: f64,
}

/// Median and quartiles of `figures`; all zero when there are none.
#[must_use]
pub fn spread(figures: &[f64]) -> Spread {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (sorted.len().saturating_sub(1)) as f64;
        let below = sorted.get(place.floor() as usize).copied().unwrap_or_default();
        let above = sorted.get(place.ceil() as usize).copied().unwrap_or_default();
        below + (above - below) * place.fract()
    };
    Spread { low: at(0.25), median: at(0.5), high: at(0.75) }
}

#[cfg(test)]
mod tests {
    use super::{Spread, spread};

    #[test]
    fn median_lies_between_the_two_in_the_middle() {
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Spread { low: 1.75, median: 2.5, high: 3.25 });
        assert_eq!(spread(&[7.0]), Spread { low: 7.0, median: 7.0, high: 7.0 });
        assert_eq!(spread(&[]), Spread::default());
    }
}
