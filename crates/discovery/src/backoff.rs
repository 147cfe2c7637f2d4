//! Waiting longer after each failure, up to a cap, with some randomness so that many do not come
//! back at once.

use std::time::Duration;

/// First wait.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(5);

/// Counts failures in a row.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    first: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::between(FIRST, LONGEST)
    }
}

impl Backoff {
    /// Waits `first` after one failure and at most `longest` after many.
    pub fn between(first: Duration, longest: Duration) -> Self {
        Self { failures: 0, first, longest }
    }

    /// It worked: the next failure starts small again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure; `random` adds up to half of it.
    pub fn next(&mut self, random: u64) -> Duration {
        let base = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let half_ms = (base.as_millis() as u64 / 2).max(1);
        base + Duration::from_millis(random % half_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_starts_again() {
        let mut b = Backoff::default();
        assert_eq!(b.next(0), FIRST);
        assert_eq!(b.next(0), FIRST * 2);
        for _ in 0..40 {
            b.next(0);
        }
        assert_eq!(b.next(0), LONGEST);
        assert!(b.next(u64::MAX) < LONGEST * 2);
        b.reset();
        assert_eq!(b.next(0), FIRST);
    }
}
