//! A histogram of latencies: constant memory, constant time per entry, values within 1.6 %.

use std::time::Duration;

/// Buckets per doubling; the relative error of a quantile is at most 1 / this.
const PER_DOUBLING: u64 = 64;
/// Doublings from 64 ns up: the last bucket holds all above about 9 minutes.
const DOUBLINGS: u64 = 34;

/// Counts of latencies in logarithmic buckets.
#[derive(Debug, Clone)]
pub struct Latencies {
    counts: Vec<u32>,
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; (PER_DOUBLING * DOUBLINGS) as usize], total: 0 }
    }
}

impl Latencies {
    /// Adds one latency.
    pub fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds).min(last)) {
            *count = count.saturating_add(1);
            self.total += 1;
        }
    }

    /// How many were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.total += other.total;
    }

    /// The latency that the share `quantile` (0.0 to 1.0) of all does not exceed; zero if none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        let rank = (self.total as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank {
                return Duration::from_nanos(upper_bound(index));
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanoseconds: u64) -> usize {
    let value = nanoseconds.max(PER_DOUBLING);
    let doubling = u64::from(value.ilog2() - PER_DOUBLING.ilog2());
    let within = (value >> doubling) - PER_DOUBLING;
    (doubling * PER_DOUBLING + within) as usize
}

fn upper_bound(bucket: usize) -> u64 {
    let (doubling, within) = (bucket as u64 / PER_DOUBLING, bucket as u64 % PER_DOUBLING);
    ((PER_DOUBLING + within + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::Latencies;
    use std::time::Duration;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut latencies = Latencies::default();
        for micros in 1..=1000 {
            latencies.record(Duration::from_micros(micros));
        }
        for (quantile, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = latencies.quantile(quantile).as_nanos() as f64 / 1000.0;
            assert!((found / expected - 1.0).abs() < 0.02, "{quantile}: {found} not {expected}");
        }
    }

    #[test]
    fn extremes_stay_inside() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), Duration::ZERO);
        latencies.record(Duration::ZERO);
        latencies.record(Duration::MAX);
        assert_eq!(latencies.count(), 2);
        assert!(latencies.quantile(1.0) > Duration::from_secs(500));
    }
}
