//! When to look at the wanted state again: debounce, demand and retry, with time as an argument.
//!
//! ```text
//!            change                    quiet, or max since the first
//!   idle ─────────────▶ settling ───────────────────────────────────▶ running
//!     ▲  demand: at once ──────────────────────────────────────────▶    │
//!     │                                                                 │ done
//!     └──────────── nothing came meanwhile ◀────────────────────────────┘
//! ```
//!
//! Triggers carry no state, only who asked: the wanted state is read anew by whoever runs. So a
//! lost, doubled or late trigger can delay a change but never make a wrong one.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::history::Cause;

/// Causes kept of one run; more of them say nothing new.
const CAUSES_MAX: usize = 16;

/// The waiting times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A change runs when nothing followed it for this long.
    pub quiet: Duration,
    /// A change runs at the latest this long after its first trigger.
    pub max: Duration,
    /// First wait before a failed run that may pass by itself is repeated; doubles each time.
    pub retry_min: Duration,
    /// Longest such wait.
    pub retry_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            max: Duration::from_secs(1),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(30),
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run now, for these causes; [`Reconciler::handle_done`] must follow.
    Run(Vec<Cause>),
    /// Nothing before this moment.
    WaitUntil(Duration),
    /// Nothing until a trigger comes.
    Idle,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The wanted state runs.
    Settled,
    /// It was refused for a reason that only an edit can change.
    Refused,
    /// It was refused for a reason that may pass by itself: a port in use, a name that does not
    /// resolve, a file that is away.
    MayPass,
}

/// The state machine. All moments are durations since one fixed origin.
#[derive(Clone, Debug)]
pub struct Reconciler {
    timing: Timing,
    pending: Option<Pending>,
    running: bool,
    retry_at: Option<Duration>,
    failures: u32,
}

#[derive(Clone, Debug)]
struct Pending {
    first: Duration,
    last: Duration,
    at_once: bool,
    causes: BTreeSet<Cause>,
}

impl Reconciler {
    /// Idle.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self { timing, pending: None, running: false, retry_at: None, failures: 0 }
    }

    /// Something may have changed.
    pub fn handle_change(&mut self, now: Duration, cause: Cause) {
        self.trigger(now, cause, false);
    }

    /// Somebody asks for a run now.
    pub fn handle_demand(&mut self, now: Duration, cause: Cause) {
        self.trigger(now, cause, true);
    }

    fn trigger(&mut self, now: Duration, cause: Cause, at_once: bool) {
        let pending = self.pending.get_or_insert_with(|| Pending {
            first: now,
            last: now,
            at_once: false,
            causes: BTreeSet::new(),
        });
        pending.last = now;
        pending.at_once |= at_once;
        if pending.causes.len() < CAUSES_MAX {
            pending.causes.insert(cause);
        }
    }

    /// What to do at `now`. While a run is under way the answer is to wait for its end.
    pub fn poll(&mut self, now: Duration) -> Next {
        if self.running {
            return Next::Idle;
        }
        if let Some(pending) = &self.pending {
            let due = self.due(pending);
            if due > now {
                return Next::WaitUntil(due);
            }
            let causes = self.pending.take().map(|p| p.causes).unwrap_or_default();
            return self.run(causes.into_iter().collect());
        }
        match self.retry_at {
            Some(at) if at > now => Next::WaitUntil(at),
            Some(_) => self.run(vec![Cause::Retry]),
            None => Next::Idle,
        }
    }

    fn due(&self, pending: &Pending) -> Duration {
        if pending.at_once {
            return pending.first;
        }
        (pending.last + self.timing.quiet).min(pending.first + self.timing.max)
    }

    fn run(&mut self, causes: Vec<Cause>) -> Next {
        self.running = true;
        self.retry_at = None;
        Next::Run(causes)
    }

    /// The run that [`Next::Run`] asked for is over.
    pub fn handle_done(&mut self, now: Duration, done: Done) {
        self.running = false;
        self.failures = if done == Done::MayPass { self.failures.saturating_add(1) } else { 0 };
        self.retry_at = (done == Done::MayPass).then(|| {
            let doublings = (self.failures - 1).min(16);
            now + (self.timing.retry_min * (1 << doublings)).min(self.timing.retry_max)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn file() -> Cause {
        Cause::File("a".to_owned())
    }

    #[test]
    fn a_change_waits_for_quiet() {
        let mut r = Reconciler::new(Timing::default());
        assert_eq!(r.poll(ms(0)), Next::Idle);
        r.handle_change(ms(0), file());
        assert_eq!(r.poll(ms(0)), Next::WaitUntil(ms(100)));
        r.handle_change(ms(90), file());
        assert_eq!(r.poll(ms(100)), Next::WaitUntil(ms(190)));
        assert_eq!(r.poll(ms(190)), Next::Run(vec![file()]));
    }

    #[test]
    fn a_stream_of_changes_runs_after_the_longest_wait() {
        let mut r = Reconciler::new(Timing::default());
        let mut ran_at = None;
        for at in (0..3000).step_by(50) {
            r.handle_change(ms(at), file());
            if let Next::Run(_) = r.poll(ms(at)) {
                ran_at = Some(at);
                break;
            }
        }
        assert_eq!(ran_at, Some(1000));
    }

    #[test]
    fn a_demand_does_not_wait_and_takes_pending_changes_along() {
        let mut r = Reconciler::new(Timing::default());
        r.handle_change(ms(0), file());
        r.handle_demand(ms(10), Cause::Signal("HUP"));
        assert_eq!(r.poll(ms(10)), Next::Run(vec![file(), Cause::Signal("HUP")]));
        assert_eq!(r.poll(ms(11)), Next::Idle, "one run at a time");
        r.handle_done(ms(12), Done::Settled);
        assert_eq!(r.poll(ms(12)), Next::Idle);
    }

    #[test]
    fn what_comes_during_a_run_leads_to_another() {
        let mut r = Reconciler::new(Timing::default());
        r.handle_demand(ms(0), Cause::Start);
        assert!(matches!(r.poll(ms(0)), Next::Run(_)));
        r.handle_change(ms(5), file());
        assert_eq!(r.poll(ms(500)), Next::Idle);
        r.handle_done(ms(500), Done::Settled);
        assert_eq!(r.poll(ms(500)), Next::Run(vec![file()]));
    }

    #[test]
    fn failures_that_may_pass_are_retried_ever_more_rarely() {
        let mut r = Reconciler::new(Timing::default());
        r.handle_demand(ms(0), Cause::Start);
        let mut now = ms(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert!(matches!(r.poll(now), Next::Run(_)));
            r.handle_done(now, Done::MayPass);
            let Next::WaitUntil(at) = r.poll(now) else { panic!("a retry is due") };
            waits.push((at - now).as_secs());
            now = at;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(r.poll(now), Next::Run(vec![Cause::Retry]));
        r.handle_done(now, Done::Refused);
        assert_eq!(r.poll(now), Next::Idle, "an error in the text waits for an edit");
    }

    #[test]
    fn an_edit_ends_the_wait_for_a_retry() {
        let mut r = Reconciler::new(Timing::default());
        r.handle_demand(ms(0), Cause::Start);
        assert!(matches!(r.poll(ms(0)), Next::Run(_)));
        r.handle_done(ms(0), Done::MayPass);
        r.handle_change(ms(10), file());
        assert_eq!(r.poll(ms(110)), Next::Run(vec![file()]));
    }
}
