//! When the next check is due: spread over time, so that ten thousand servers are not checked in
//! one moment (manual 3.2 `spread-checks`).

use std::time::Duration;

use model::{ServerCheck, Timeouts};

/// The wait before the first check of server `index` of `count`: evenly over one interval.
#[must_use]
pub fn first(index: usize, count: usize, inter: Duration) -> Duration {
    let share = (index as f64 / count.max(1) as f64).min(1.0);
    inter.mul_f64(share)
}

/// The wait before the next check: the interval, changed at random by up to `spread_percent`
/// (0 to 50) in either direction.
#[must_use]
pub fn next(interval: Duration, spread_percent: u32, random: u64) -> Duration {
    let spread = f64::from(spread_percent.min(50)) / 100.0;
    let unit = (random >> 11) as f64 / (1u64 << 53) as f64;
    interval.mul_f64(1.0 + spread * (2.0 * unit - 1.0))
}

/// First share of the interval that a server which begins down waits for its next check.
const EARLY: f64 = 128.0;
/// How much longer each of the next waits is.
const LONGER: f64 = 1.25;

/// The wait before the next check of a server that has begun down (`init-state down`), `failed`
/// checks after that: a 128th of the interval, then a quarter longer each time up to the interval.
/// Whoever announces a server does so when it is about to listen; so it waits for its check for a
/// quarter at most of the time that it took to listen.
#[must_use]
pub fn early(interval: Duration, failed: u32) -> Duration {
    let times = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX);
    interval.mul_f64((LONGER.powi(times) / EARLY).min(1.0))
}

/// The longest time for connecting, and then for each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connecting.
    pub connect: Duration,
    /// Waiting for the rest; without `timeout check` both share the interval.
    pub answer: Duration,
}

/// The limits of one check (manual 4.2 `timeout check`).
#[must_use]
pub fn limits(check: &ServerCheck, interval: Duration, timeouts: &Timeouts) -> Limits {
    let inter = if interval.is_zero() { check.inter } else { interval };
    match timeouts.check {
        Some(answer) => {
            Limits { connect: timeouts.connect.map_or(inter, |c| c.min(inter)), answer }
        }
        None => Limits { connect: inter, answer: inter },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_checks_fill_the_interval() {
        let inter = Duration::from_secs(2);
        assert_eq!(first(0, 4, inter), Duration::ZERO);
        assert_eq!(first(3, 4, inter), Duration::from_millis(1500));
        assert_eq!(first(5, 0, inter), inter);
    }

    #[test]
    fn a_server_that_begins_down_is_looked_at_soon() {
        let wait = |failed| early(Duration::from_millis(320), failed);
        let first: Vec<_> = (1..6).map(|failed| wait(failed).as_micros()).collect();
        assert_eq!(first, [2500, 3125, 3906, 4882, 6103]);
        const NS: Duration = Duration::from_nanos(99);
        let mut waited = Duration::ZERO;
        for failed in 1..22 {
            waited += wait(failed);
            assert!(wait(failed + 1) <= waited / 4 + wait(1) + NS, "after {failed}");
        }
        assert_eq!([23, 24, u32::MAX].map(|n| wait(n).as_millis()), [320; 3]);
    }

    #[test]
    fn spread_stays_within_its_percentage() {
        let inter = Duration::from_secs(10);
        assert_eq!(next(inter, 0, u64::MAX), inter);
        assert_eq!(next(inter, 50, 0), Duration::from_secs(5));
        for n in 0..100u64 {
            let wait = next(inter, 20, n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            assert!(wait >= Duration::from_secs(8) && wait <= Duration::from_secs(12));
        }
    }
}
