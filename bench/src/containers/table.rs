//! What was measured, as tables to read.

use std::fmt::Write;
use std::time::Duration;

use super::churn::Outcome;
use super::replica::Note;
use crate::open_loop::Report;

/// Convergence of one balancer.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// From the start event to the first request, nanoseconds.
    pub started: Vec<i64>,
    /// From when the replica listened (or, later, its start event) to its first request.
    pub listened: Vec<i64>,
    /// From the stop signal to the last request, nanoseconds.
    pub stopped: Vec<i64>,
    /// Replicas that never had a request.
    pub never: usize,
    /// What the clients have counted.
    pub report: Report,
    /// CPU of the balancer, requests included.
    pub cpu: Duration,
}

impl Figures {
    pub(super) fn take_start(&mut self, event_ns: u64, note: Note) {
        if note.first_ns == 0 {
            self.never += 1;
            return;
        }
        self.started.push(after(event_ns, note.first_ns));
        self.listened.push(after(note.listening_ns.max(event_ns), note.first_ns));
    }

    pub(super) fn take_stop(&mut self, note: Note) {
        self.stopped.push(after(note.stopped_ns, note.last_ns).max(0));
    }
}

fn after(from_ns: u64, to_ns: u64) -> i64 {
    let signed = |ns| i64::try_from(ns).unwrap_or(i64::MAX);
    signed(to_ns) - signed(from_ns)
}

/// The value that so large a share of them does not exceed; of none, zero.
fn quantile(values: &[i64], share: f64) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(0)
}

fn ms(ns: i64) -> String {
    format!("{:.1}", ns as f64 / 1e6)
}

fn three(values: &[i64]) -> String {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| ms(quantile(values, share)));
    format!("{p50} / {p99} / {max}")
}

/// Tables of both measurements, as Markdown.
#[must_use]
pub fn markdown(converged: &[(String, Figures)], churned: &[(String, Outcome)]) -> String {
    let mut out = String::new();
    if !converged.is_empty() {
        out.push_str(
            "| balancer | changes | start event to first request, ms, p50 / p99 / max \
             | the same, from when it listens | never asked \
             | stop signal to last request, ms, p50 / p99 / max | requests | failed | CPU s |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
    }
    for (name, f) in converged {
        let total = f.report.total();
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {:.1} |",
            f.started.len() + f.never + f.stopped.len(),
            three(&f.started),
            three(&f.listened),
            f.never,
            three(&f.stopped),
            total.sent,
            total.failed() - total.never_sent,
            f.cpu.as_secs_f64(),
        );
    }
    if !churned.is_empty() {
        out.push_str(
            "\n| balancer | containers | requests | failed | of them GET | WebSocket | POST \
             | not under way while one was killed | answers of the other service | took s |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
    }
    for (name, o) in churned {
        let (sent, failed) = o.requests();
        let of = |kind: fn(&Report) -> u64| o.reports.iter().map(kind).sum::<u64>();
        let _ = writeln!(
            out,
            "| {name} | {} | {sent} | {failed} | {} | {} | {} | {} | {} | {} |",
            o.started,
            o.idempotent_failed(),
            of(|r| r.websocket.failed() - r.websocket.never_sent),
            of(|r| r.slow_body.failed() - r.slow_body.never_sent),
            o.unexcused(),
            o.strangers(),
            o.took.as_secs(),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Figures, markdown, quantile};
    use crate::containers::replica::Note;

    #[test]
    fn quantiles_of_few_values() {
        assert_eq!(quantile(&[], 0.5), 0);
        assert_eq!(quantile(&[5, 1, 3], 0.5), 3);
        assert_eq!((quantile(&[2, 1], 0.5), quantile(&[2, 1], 0.99)), (1, 2));
    }

    #[test]
    fn never_asked_and_asked_too_early_are_seen() {
        let mut f = Figures::default();
        let note = Note { listening_ns: 10, stopped_ns: 30_000_000, first_ns: 20, last_ns: 7 };
        f.take_start(1_000_020, note);
        f.take_start(5, Note { first_ns: 0, ..note });
        f.take_stop(note);
        assert_eq!((f.started.as_slice(), f.never), (&[-1_000_000][..], 1));
        assert_eq!(f.stopped, [0]);
        let text = markdown(&[("x".into(), f)], &[]);
        assert!(text.contains("| x | 3 | -1.0 / -1.0 / -1.0 |"), "{text}");
    }
}
