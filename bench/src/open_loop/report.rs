//! What the clients have counted.

use std::fmt;
use std::time::{Duration, Instant};

use super::Done;
use crate::latency::Latencies;

/// Failures kept in words for each kind; all are counted.
const KEPT: usize = 5;
/// Failures whose time is kept.
const TIMES_KEPT: usize = 10_000;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection ended before the answer did.
    Closed,
    /// No whole answer in time.
    TimedOut,
    /// An answer that should not be; which.
    Wrong(String),
    /// An answer of another service; whose.
    Stranger(String),
}

/// Counts of one kind of client.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Requests sent.
    pub sent: u64,
    /// Right answers.
    pub answered: u64,
    /// See [`Failure::Refused`].
    pub refused: u64,
    /// See [`Failure::Reset`].
    pub reset: u64,
    /// See [`Failure::Closed`].
    pub closed: u64,
    /// See [`Failure::TimedOut`].
    pub timed_out: u64,
    /// See [`Failure::Wrong`].
    pub wrong: u64,
    /// See [`Failure::Stranger`].
    pub strangers: u64,
    /// Requests that were due but the client was too late to send.
    pub never_sent: u64,
    /// Requests sent again on a new connection because the kept one turned out to be closed
    /// without a byte of answer, as RFC 9112 section 9.3.1 allows; no failures.
    pub again: u64,
    /// Of right answers, from when the request was due.
    pub latencies: Latencies,
    /// The first few failures.
    pub first: Vec<String>,
    /// Of the failures, when the request was sent (or the session it belongs to was last heard
    /// of) and when it had failed.
    pub failures: Vec<(Instant, Instant)>,
}

impl Tally {
    pub(super) fn add(&mut self, latency: Duration, sent: Instant, outcome: Result<Done, Failure>) {
        self.sent += 1;
        match outcome {
            Ok(done) => {
                self.answered += 1;
                self.again += u64::from(done.again);
                self.latencies.record(latency);
                return;
            }
            Err(Failure::Refused) => self.refused += 1,
            Err(Failure::Reset) => self.reset += 1,
            Err(Failure::Closed) => self.closed += 1,
            Err(Failure::TimedOut) => self.timed_out += 1,
            Err(Failure::Wrong(_)) => self.wrong += 1,
            Err(Failure::Stranger(_)) => self.strangers += 1,
        }
        if self.failures.len() < TIMES_KEPT {
            self.failures.push((sent, Instant::now()));
        }
        if let Err(failure) = outcome
            && self.first.len() < KEPT
        {
            self.first.push(format!("{failure:?}"));
        }
    }

    /// All that went wrong, requests never sent included.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let unanswered = self.refused + self.reset + self.closed + self.timed_out;
        unanswered + self.wrong + self.strangers + self.never_sent
    }

    fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.refused += other.refused;
        self.reset += other.reset;
        self.closed += other.closed;
        self.timed_out += other.timed_out;
        self.wrong += other.wrong;
        self.strangers += other.strangers;
        self.never_sent += other.never_sent;
        self.again += other.again;
        self.latencies.merge(&other.latencies);
        self.first.extend(other.first.iter().cloned());
        self.failures.extend(other.failures.iter().copied());
    }
}

/// Counts of all clients.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Connections that stay open.
    pub keep_alive: Tally,
    /// One connection per request.
    pub short: Tally,
    /// Bodies in pieces; their latency holds the pauses.
    pub slow_body: Tally,
    /// Messages.
    pub websocket: Tally,
}

impl Report {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in [&self.keep_alive, &self.short, &self.slow_body, &self.websocket] {
            total.merge(tally);
        }
        total
    }

    /// Latencies of all kinds but the slow bodies, which are slow by themselves.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        let mut latencies = self.keep_alive.latencies.clone();
        latencies.merge(&self.short.latencies);
        latencies.merge(&self.websocket.latencies);
        latencies
    }

    /// Requests of all kinds that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.total().failed()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("keep-alive", &self.keep_alive),
            ("short", &self.short),
            ("slow body", &self.slow_body),
            ("websocket", &self.websocket),
        ];
        for (name, tally) in kinds.into_iter().filter(|(_, t)| t.sent + t.never_sent > 0) {
            let Tally { sent, answered, refused, reset, closed, timed_out, wrong, .. } = tally;
            let strangers = tally.strangers;
            let (p50, p99) = (tally.latencies.quantile(0.5), tally.latencies.quantile(0.99));
            writeln!(
                f,
                "{name}: {sent} sent, {answered} answered, {refused} refused, {reset} reset, \
                 {closed} closed, {timed_out} timed out, {wrong} wrong, {strangers} of another \
                 service, {} never sent, \
                 {} sent again, p50 {p50:?}, p99 {p99:?}",
                tally.never_sent, tally.again
            )?;
            for failure in &tally.first {
                writeln!(f, "  {failure}")?;
            }
        }
        Ok(())
    }
}
