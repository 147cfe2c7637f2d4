//! What requests add up to: each worker counts for itself, whoever asks adds the workers up.
//!
//! Several counters move with every request. Shared ones would cost a locked instruction each, and
//! with more than one worker processors would fight over their memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// A counter that one thread alone adds to.
#[derive(Debug, Default)]
pub struct Own(AtomicU64);

impl Own {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.store(self.value().wrapping_add(n), Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one worker has counted for a frontend, a backend or a server.
#[derive(Debug, Default)]
pub struct Tally {
    /// Sessions.
    pub sessions: Own,
    /// Sessions for which the balancing chose the server.
    pub balanced: Own,
    /// HTTP requests.
    pub requests: Own,
    /// Requests on a server connection that was open already.
    pub reuses: Own,
    /// Bytes from clients.
    pub bytes_in: Own,
    /// Bytes to clients.
    pub bytes_out: Own,
    statuses: [Own; 6],
    seconds: Seconds,
    times: [Time; 4],
    /// What `clear counters` has taken off the number of events that `times` goes by.
    untimed: AtomicU64,
}

/// Events that an average reaches back.
const WINDOW: u64 = 1024;

/// A time of requests: its sum over the last [`WINDOW`] and its maximum, milliseconds.
#[derive(Debug, Default)]
struct Time {
    sum: Own,
    longest: AtomicU32,
}

impl Tally {
    /// Counts an answer by its class.
    pub fn count(&self, status: u16) {
        let class = match status {
            100..=599 => usize::from(status / 100) - 1,
            _ => 5,
        };
        self.statuses[class].inc();
    }

    /// Adds what an event took, milliseconds: in the queue, to connect, until the answer began,
    /// all in all. `events` is how many there were so far, with this one.
    pub fn time(&self, took: [u32; 4], events: u64) {
        let events = events.wrapping_sub(self.untimed.load(Relaxed));
        for (time, took) in self.times.iter().zip(took) {
            let sum = time.sum.value();
            if sum == 0 && took == 0 {
                continue;
            }
            let leaves = if events > WINDOW { sum.div_ceil(WINDOW) } else { 0 };
            time.sum.0.store(sum - leaves + u64::from(took), Relaxed);
            if took > time.longest.load(Relaxed) {
                time.longest.store(took, Relaxed);
            }
        }
    }
}

/// What of a tally says how many events its times are of.
pub type TimedBy = fn(&Tally) -> u64;

/// Times go by HTTP requests.
pub fn by_requests(tally: &Tally) -> u64 {
    tally.requests.value()
}

/// Times go by sessions that the balancing placed: mode tcp.
pub fn by_balanced(tally: &Tally) -> u64 {
    tally.balanced.value()
}

/// Events of the present second and of the one before.
#[derive(Debug, Default)]
struct Seconds {
    /// The second in the high half, its count in the low half.
    present: AtomicU64,
    previous: AtomicU32,
}

impl Seconds {
    /// Counts an event; gives the second that this one ended.
    fn hit(&self, second: u32) -> Option<u32> {
        let (at, count) = self.present();
        if at >= second {
            self.present.store(u64::from(at) << 32 | u64::from(count.saturating_add(1)), Relaxed);
            return None;
        }
        self.previous.store(if at + 1 == second { count } else { 0 }, Relaxed);
        self.present.store(u64::from(second) << 32 | 1, Relaxed);
        Some(at)
    }

    fn present(&self) -> (u32, u32) {
        let present = self.present.load(Relaxed);
        ((present >> 32) as u32, present as u32)
    }

    /// Events in that second, as far back as is known.
    fn within(&self, second: u32) -> u32 {
        match self.present() {
            (at, count) if at == second => count,
            (at, _) if at.checked_sub(1) == Some(second) => self.previous.load(Relaxed),
            _ => 0,
        }
    }
}

/// Sums over all workers since the counters were cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions.
    pub sessions: u64,
    /// Sessions for which the balancing chose the server.
    pub balanced: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Requests on a server connection that was open already.
    pub reuses: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    statuses: [u64; 6],
}

impl Totals {
    /// Answers of class `1..=5`; anything else gives the others.
    #[must_use]
    pub fn class(&self, class: usize) -> u64 {
        self.statuses[if (1..=5).contains(&class) { class - 1 } else { 5 }]
    }
}

/// The tallies of all workers.
#[derive(Debug)]
pub struct Traffic {
    /// Made when a worker has something to count: most servers of a large configuration wait.
    workers: Box<[OnceLock<Box<Tally>>]>,
    cleared: Mutex<Option<Box<Totals>>>,
    rate_max: AtomicU32,
}

impl Traffic {
    /// Nothing counted yet by any of so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        let workers = (0..workers).map(|_| OnceLock::new()).collect();
        Self { workers, cleared: Mutex::default(), rate_max: AtomicU32::new(0) }
    }

    /// What the worker of this number counts; for that worker alone.
    #[must_use]
    pub fn of(&self, worker: usize) -> &Tally {
        self.workers[worker].get_or_init(Box::default)
    }

    /// Something that the rate counts begins on this worker at `now_ms` (any fixed origin).
    pub fn begin(&self, worker: usize, now_ms: u64) -> &Tally {
        let tally = self.of(worker);
        if let Some(ended) = tally.seconds.hit((now_ms / 1000) as u32) {
            self.rate_max.fetch_max(self.within(ended), Relaxed);
        }
        tally
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.workers.iter().filter_map(|tally| tally.get().map(|t| &**t))
    }

    fn within(&self, second: u32) -> u32 {
        self.tallies().map(|t| t.seconds.within(second)).sum()
    }

    /// Events per second at `now_ms`, sliding: this second and the share of the one before.
    #[must_use]
    pub fn per_second(&self, now_ms: u64) -> u32 {
        let second = (now_ms / 1000) as u32;
        let before = second.checked_sub(1).map_or(0, |s| self.within(s));
        let share = u64::from(before) * (1000 - now_ms % 1000) / 1000;
        self.within(second) + share as u32
    }

    /// The highest count of one second.
    #[must_use]
    pub fn rate_max(&self) -> u32 {
        let unfinished = self.tallies().map(|t| self.within(t.seconds.present().0)).max();
        self.rate_max.load(Relaxed).max(unfinished.unwrap_or(0))
    }

    fn sums(&self) -> Totals {
        let mut sums = Totals::default();
        for t in self.tallies() {
            sums.sessions += t.sessions.value();
            sums.balanced += t.balanced.value();
            sums.requests += t.requests.value();
            sums.reuses += t.reuses.value();
            sums.bytes_in += t.bytes_in.value();
            sums.bytes_out += t.bytes_out.value();
            for (sum, class) in sums.statuses.iter_mut().zip(&t.statuses) {
                *sum += class.value();
            }
        }
        sums
    }

    /// The sums since they were last cleared.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut sums = self.sums();
        if let Some(cleared) = &*self.cleared.lock() {
            sums.sessions -= cleared.sessions;
            sums.balanced -= cleared.balanced;
            sums.requests -= cleared.requests;
            sums.reuses -= cleared.reuses;
            sums.bytes_in -= cleared.bytes_in;
            sums.bytes_out -= cleared.bytes_out;
            for (sum, class) in sums.statuses.iter_mut().zip(&cleared.statuses) {
                *sum -= class;
            }
        }
        sums
    }

    /// Averages and maxima of the times, milliseconds. Workers count by how much they had to do.
    #[must_use]
    pub fn times(&self, of: TimedBy) -> ([u32; 4], [u32; 4]) {
        let (mut sums, mut events, mut longest) = ([0_u64; 4], 0_u64, [0; 4]);
        for tally in self.tallies() {
            let n = of(tally).wrapping_sub(tally.untimed.load(Relaxed));
            events += n;
            for (at, time) in tally.times.iter().enumerate() {
                sums[at] += time.sum.value() * n / n.clamp(1, WINDOW);
                longest[at] = longest[at].max(time.longest.load(Relaxed));
            }
        }
        (sums.map(|sum| sum.div_ceil(events.max(1)) as u32), longest)
    }

    /// The maxima of the times start anew (`clear counters`).
    pub fn clear_longest(&self) {
        self.tallies().flat_map(|t| &t.times).for_each(|time| time.longest.store(0, Relaxed));
    }

    /// The times start anew. A worker that adds at this very moment may keep one of its sums.
    pub fn clear_times(&self, of: TimedBy) {
        for tally in self.tallies() {
            tally.untimed.store(of(tally), Relaxed);
            tally.times.iter().for_each(|time| time.sum.0.store(0, Relaxed));
        }
    }

    /// Whole seconds since the last event that the rate counts; `None` when there was none.
    #[must_use]
    pub fn last_s(&self, now_ms: u64) -> Option<u32> {
        let began = self.tallies().map(|t| t.seconds.present()).filter(|(_, count)| *count > 0);
        let last = began.map(|(second, _)| second).max()?;
        Some(((now_ms / 1000) as u32).saturating_sub(last))
    }

    /// HTTP requests since the start, cleared or not: cheap enough for every line of a log.
    #[must_use]
    pub fn requests_ever(&self) -> u64 {
        self.tallies().map(|t| t.requests.value()).sum()
    }

    /// From now on the sums start from zero (`clear counters`).
    pub fn clear(&self) {
        *self.cleared.lock() = Some(Box::new(self.sums()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_added_up_and_cleared_together() {
        let traffic = Traffic::new(3);
        for (worker, status) in [(0, 200), (2, 204), (2, 404), (0, 999)] {
            let tally = traffic.of(worker);
            tally.count(status);
            tally.bytes_in.add(10);
            tally.requests.inc();
        }
        let totals = traffic.totals();
        assert_eq!([2, 4, 5, 0].map(|c| totals.class(c)), [2, 1, 0, 1]);
        assert_eq!(totals.bytes_in, 40);
        traffic.clear();
        assert_eq!(traffic.totals(), Totals::default());
        traffic.of(2).count(200);
        assert_eq!(traffic.totals().class(2), 1);
        assert_eq!((traffic.totals().requests, traffic.requests_ever()), (0, 4));
    }

    #[test]
    fn times_are_averaged_over_what_was_last() {
        let traffic = Traffic::new(2);
        let tally = traffic.of(1);
        for took in [100, 0, 0] {
            tally.requests.inc();
            tally.time([0, 0, took, took + 1], tally.requests.value());
        }
        assert_eq!(traffic.times(by_requests), ([0, 0, 34, 35], [0, 0, 100, 101]));
        for _ in 0..4 * WINDOW {
            tally.requests.inc();
            tally.time([0, 0, 10, 0], tally.requests.value());
        }
        assert_eq!(traffic.times(by_requests).0[2], 10, "the beginning is forgotten");
        traffic.clear_longest();
        traffic.clear_times(by_requests);
        assert_eq!(traffic.times(by_requests), ([0; 4], [0; 4]));
        traffic.of(0).requests.inc();
        traffic.of(0).time([7, 0, 0, 0], 1);
        assert_eq!(traffic.times(by_requests), ([7, 0, 0, 0], [7, 0, 0, 0]));
    }

    #[test]
    fn the_last_event_is_known() {
        let traffic = Traffic::new(2);
        assert_eq!(traffic.last_s(9_000), None);
        traffic.begin(1, 3_200);
        assert_eq!(traffic.last_s(9_000), Some(6));
    }

    #[test]
    fn the_rate_slides_over_the_second() {
        let traffic = Traffic::new(2);
        for i in 0..100 {
            traffic.begin(i % 2, 5_500);
        }
        assert_eq!((traffic.per_second(5_900), traffic.rate_max()), (100, 100));
        assert_eq!(traffic.per_second(6_500), 50, "half of the last second still counts");
        assert_eq!(traffic.per_second(9_000), 0);
        for _ in 0..10 {
            traffic.begin(0, 6_100);
        }
        assert_eq!(traffic.per_second(6_500), 60, "one worker is still in the second before");
        assert_eq!(traffic.rate_max(), 100, "the highest second, over all workers");
    }
}
