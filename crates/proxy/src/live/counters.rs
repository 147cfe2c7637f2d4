//! What is counted as connections come and go and when something goes wrong: relaxed atomics.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::Traffic;

/// A monotonic counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.0.fetch_add(1, Relaxed);
    }
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Relaxed);
        }
    }
    /// The value.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
    /// Back to zero (`clear counters`).
    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

/// A number that goes up and down, with its maximum.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU32,
    max: AtomicU32,
}

impl Gauge {
    /// One more; returns the new value.
    pub fn enter(&self) -> u32 {
        let n = self.now.fetch_add(1, Relaxed) + 1;
        if n > self.max.load(Relaxed) {
            self.max.fetch_max(n, Relaxed);
        }
        n
    }
    /// One less.
    pub fn leave(&self) {
        self.now.fetch_sub(1, Relaxed);
    }
    /// The present value.
    #[must_use]
    pub fn value(&self) -> u32 {
        self.now.load(Relaxed)
    }
    /// The highest value so far.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }
    /// The maximum starts anew from the present value.
    pub fn clear_max(&self) {
        self.max.store(self.value(), Relaxed);
    }
}

/// Events in the last second, sliding: the present second plus the share of the one before.
#[derive(Debug, Default)]
pub struct Rate {
    /// Second (low 32 bits of seconds) in the high half, its count in the low half.
    present: AtomicU64,
    previous: AtomicU32,
    max: AtomicU32,
}

impl Rate {
    /// Counts one event at `now_ms` (any fixed origin).
    pub fn hit(&self, now_ms: u64) {
        let second = now_ms / 1000;
        let seen = self.present.load(Relaxed);
        if seen >> 32 == second & 0xffff_ffff {
            let n = (self.present.fetch_add(1, Relaxed) & 0xffff_ffff) as u32 + 1;
            if n > self.max.load(Relaxed) {
                self.max.fetch_max(n, Relaxed);
            }
            return;
        }
        let fresh = ((second & 0xffff_ffff) << 32) | 1;
        if self.present.compare_exchange(seen, fresh, Relaxed, Relaxed).is_ok() {
            let follows = (seen >> 32) + 1 == second & 0xffff_ffff;
            self.previous.store(if follows { seen as u32 } else { 0 }, Relaxed);
            self.max.fetch_max(1, Relaxed);
        } else {
            self.present.fetch_add(1, Relaxed);
        }
    }

    /// Events per second at `now_ms`.
    #[must_use]
    pub fn per_second(&self, now_ms: u64) -> u32 {
        let (second, part) = ((now_ms / 1000) & 0xffff_ffff, now_ms % 1000);
        let seen = self.present.load(Relaxed);
        let (at, count) = (seen >> 32, seen as u32);
        let share = |n: u32| (u64::from(n) * (1000 - part) / 1000) as u32;
        if at == second {
            count + share(self.previous.load(Relaxed))
        } else if at + 1 == second {
            share(count)
        } else {
            0
        }
    }

    /// The highest count of one second.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }
}

/// What a frontend counts.
#[derive(Debug)]
pub struct FrontendCounters {
    /// What its requests add up to.
    pub traffic: Traffic,
    /// Header fields that could not be rewritten.
    pub rewrite_failures: Counter,
    /// Errors of the proxy itself.
    pub internal_errors: Counter,
    /// Connections now.
    pub connections: Gauge,
    /// Connections accepted.
    pub connections_total: Counter,
    /// Sessions: connections that no early rule refused.
    pub sessions_total: Counter,
    /// New connections per second.
    pub connection_rate: Rate,
    /// Requests denied by rules.
    pub denied_requests: Counter,
    /// Responses denied by rules.
    pub denied_responses: Counter,
    /// Connections denied by rules.
    pub denied_connections: Counter,
    /// Sessions denied by rules.
    pub denied_sessions: Counter,
    /// Requests of connections that brought nothing.
    pub empty_requests: Counter,
    /// Messages that `tcp-request content` rules kept out before they were requests.
    pub kept_out: Counter,
    /// Requests answered here.
    pub intercepted: Counter,
    /// Invalid or timed-out requests.
    pub request_errors: Counter,
    /// Log lines written, for `%lc`.
    pub log_lines: Counter,
}

impl FrontendCounters {
    /// All at zero, for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            traffic: Traffic::new(workers),
            rewrite_failures: Counter::default(),
            internal_errors: Counter::default(),
            connections: Gauge::default(),
            connections_total: Counter::default(),
            sessions_total: Counter::default(),
            connection_rate: Rate::default(),
            denied_requests: Counter::default(),
            denied_responses: Counter::default(),
            denied_connections: Counter::default(),
            denied_sessions: Counter::default(),
            empty_requests: Counter::default(),
            kept_out: Counter::default(),
            intercepted: Counter::default(),
            request_errors: Counter::default(),
            log_lines: Counter::default(),
        }
    }
}

/// What a backend counts.
#[derive(Debug)]
pub struct BackendCounters {
    /// What its requests add up to.
    pub traffic: Traffic,
    /// Header fields that could not be rewritten.
    pub rewrite_failures: Counter,
    /// Errors of the proxy itself.
    pub internal_errors: Counter,
    /// Sessions now.
    pub sessions: Gauge,
    /// Waiting in queues now.
    pub queued: Gauge,
    /// Requests denied by rules.
    pub denied_requests: Counter,
    /// Responses denied by rules.
    pub denied_responses: Counter,
    /// Connections that could not be made.
    pub connect_errors: Counter,
    /// Invalid, aborted or timed-out responses.
    pub response_errors: Counter,
    /// Connection attempts repeated.
    pub retries: Counter,
    /// Requests sent to another server than the first choice.
    pub redispatches: Counter,
    /// Transfers the client gave up.
    pub client_aborts: Counter,
    /// Transfers the server gave up.
    pub server_aborts: Counter,
    /// Connections over which checks spoke HTTP.
    pub http_checks: Counter,
}

impl BackendCounters {
    /// All at zero, for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            traffic: Traffic::new(workers),
            rewrite_failures: Counter::default(),
            internal_errors: Counter::default(),
            sessions: Gauge::default(),
            queued: Gauge::default(),
            denied_requests: Counter::default(),
            denied_responses: Counter::default(),
            connect_errors: Counter::default(),
            response_errors: Counter::default(),
            retries: Counter::default(),
            redispatches: Counter::default(),
            client_aborts: Counter::default(),
            server_aborts: Counter::default(),
            http_checks: Counter::default(),
        }
    }
}

/// What a server counts.
#[derive(Debug)]
pub struct ServerCounters {
    /// What its requests add up to.
    pub traffic: Traffic,
    /// Header fields that could not be rewritten.
    pub rewrite_failures: Counter,
    /// Errors of the proxy itself.
    pub internal_errors: Counter,
    /// Responses denied by rules.
    pub denied_responses: Counter,
    /// Connections that could not be made.
    pub connect_errors: Counter,
    /// Invalid, aborted or timed-out responses.
    pub response_errors: Counter,
    /// Connection attempts repeated.
    pub retries: Counter,
    /// Requests that left for another server.
    pub redispatches: Counter,
    /// Transfers the client gave up.
    pub client_aborts: Counter,
    /// Transfers the server gave up.
    pub server_aborts: Counter,
    /// Connections opened.
    pub connects: Counter,
    /// Idle connections over all workers.
    pub idle_connections: Gauge,
    /// Those of them that have carried one request only.
    pub unproven_connections: Gauge,
}

impl ServerCounters {
    /// All at zero, for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            traffic: Traffic::new(workers),
            rewrite_failures: Counter::default(),
            internal_errors: Counter::default(),
            denied_responses: Counter::default(),
            connect_errors: Counter::default(),
            response_errors: Counter::default(),
            retries: Counter::default(),
            redispatches: Counter::default(),
            client_aborts: Counter::default(),
            server_aborts: Counter::default(),
            connects: Counter::default(),
            idle_connections: Gauge::default(),
            unproven_connections: Gauge::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_slides_over_the_second() {
        let r = Rate::default();
        for _ in 0..100 {
            r.hit(5_500);
        }
        assert_eq!(r.per_second(5_900), 100);
        assert_eq!(r.per_second(6_500), 50, "half of the last second still counts");
        assert_eq!(r.per_second(9_000), 0);
    }

    #[test]
    fn gauge_remembers_its_maximum() {
        let g = Gauge::default();
        g.enter();
        g.enter();
        g.leave();
        assert_eq!((g.value(), g.max()), (1, 2));
    }
}
