//! Replicas of a service replaced by new ones, a few at a time: which step comes next, from what is
//! seen. A state machine without a clock and without an engine.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Name;

#[cfg(test)]
mod tests;

/// How it is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Replicas that are replaced together, at least 1.
    pub parallel: usize,
    /// How long new ones may take until requests reach them.
    pub ready_timeout: Duration,
    /// How long requests in flight on old ones may take.
    pub drain_timeout: Duration,
}

/// What the balancer says of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It gets requests, or would get them.
    Serves,
    /// Not yet, or not any more; why.
    Waits(String),
    /// It never will; why.
    Lost(String),
}

/// What is seen at one moment, by container id.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What the balancer says; one that is not here has not been seen yet.
    pub replicas: BTreeMap<Name, Sight>,
    /// Requests in flight; one that is not here has none.
    pub in_flight: BTreeMap<Name, u64>,
}

/// What is to be done now. The outcome of all but [`Step::Look`], [`Step::Done`] and
/// [`Step::Failed`] is told by [`Rollout::told`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Start a new replica for each of these old ones.
    Start(Vec<Name>),
    /// Look again soon.
    Look,
    /// No new requests for these old ones.
    TakeOut(Vec<Name>),
    /// Stop and remove these old ones. What was in flight on them when their time was over.
    End(Vec<Name>, u64),
    /// Give these old ones their requests back, stop and remove these new ones.
    Undo {
        /// Old ones.
        back: Vec<Name>,
        /// New ones.
        end: Vec<Name>,
    },
    /// All are replaced.
    Done,
    /// It ended before that; why.
    Failed(String),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// These were started; why not all, if so.
    Started(Vec<Name>, Option<String>),
    /// Carried out; why not, if so.
    Carried(Result<(), String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Begin,
    Starting,
    /// Since when.
    Waiting(Duration),
    TakingOut,
    Draining(Duration),
    Ending,
    /// What is to be undone, and why.
    Undo(String),
    Undoing(String),
    Failed(String),
}

/// A rollout under way.
#[derive(Clone, Debug)]
pub struct Rollout {
    settings: Settings,
    /// Old ones that are left, without the batch.
    left: Vec<Name>,
    /// Old ones that are replaced now.
    old: Vec<Name>,
    /// New ones in their place.
    new: Vec<Name>,
    /// The old ones of the batch are out.
    out: bool,
    replaced: usize,
    phase: Phase,
}

impl Rollout {
    /// Replaces these, in this order.
    #[must_use]
    pub fn new(mut old: Vec<Name>, settings: Settings) -> Self {
        old.reverse();
        Self {
            settings,
            left: old,
            old: Vec::new(),
            new: Vec::new(),
            out: false,
            replaced: 0,
            phase: Phase::Begin,
        }
    }

    /// How many have been replaced.
    #[must_use]
    pub fn replaced(&self) -> usize {
        self.replaced
    }

    /// The new ones of the batch.
    #[must_use]
    pub fn fresh(&self) -> &[Name] {
        &self.new
    }

    /// What is to be done at this time.
    pub fn step(&mut self, now: Duration, seen: &Seen) -> Step {
        match &self.phase {
            Phase::Begin if self.left.is_empty() => Step::Done,
            Phase::Begin => {
                let from = self.left.len().saturating_sub(self.settings.parallel.max(1));
                self.old = self.left.drain(from..).rev().collect();
                self.phase = Phase::Starting;
                Step::Start(self.old.clone())
            }
            Phase::Waiting(since) => {
                let since = *since;
                self.wait(now, since, seen)
            }
            Phase::Draining(since) => {
                let since = *since;
                self.drain(now, since, seen)
            }
            Phase::Undo(reason) => {
                let back = if self.out { self.old.clone() } else { Vec::new() };
                self.phase = Phase::Undoing(reason.clone());
                Step::Undo { back, end: self.new.clone() }
            }
            Phase::Failed(reason) => Step::Failed(reason.clone()),
            Phase::Starting | Phase::TakingOut | Phase::Ending | Phase::Undoing(_) => Step::Look,
        }
    }

    fn wait(&mut self, now: Duration, since: Duration, seen: &Seen) -> Step {
        let mut waits = None;
        for id in &self.new {
            match seen.replicas.get(id) {
                Some(Sight::Serves) => {}
                Some(Sight::Lost(reason)) => {
                    let reason = format!("a new replica failed: {reason}");
                    return self.undo(reason);
                }
                Some(Sight::Waits(reason)) => waits = Some(reason.as_str()),
                None => waits = Some("the balancer has not seen it yet"),
            }
        }
        match waits {
            None => {
                self.phase = Phase::TakingOut;
                Step::TakeOut(self.old.clone())
            }
            Some(reason) if now.saturating_sub(since) >= self.settings.ready_timeout => {
                let limit = self.settings.ready_timeout;
                let reason =
                    format!("a new replica is not ready after {} s: {reason}", limit.as_secs_f32());
                self.undo(reason)
            }
            Some(_) => Step::Look,
        }
    }

    /// Until the old ones are empty. A new one that fails meanwhile gives them back their requests.
    fn drain(&mut self, now: Duration, since: Duration, seen: &Seen) -> Step {
        for id in &self.new {
            match seen.replicas.get(id) {
                Some(Sight::Serves) => {}
                Some(Sight::Lost(reason) | Sight::Waits(reason)) => {
                    let reason = format!("a new replica failed when it had the requests: {reason}");
                    return self.undo(reason);
                }
                None => return self.undo("a new replica is gone".to_owned()),
            }
        }
        let left: u64 = self.old.iter().filter_map(|id| seen.in_flight.get(id)).sum();
        if left > 0 && now.saturating_sub(since) < self.settings.drain_timeout {
            return Step::Look;
        }
        self.phase = Phase::Ending;
        Step::End(self.old.clone(), left)
    }

    fn undo(&mut self, reason: String) -> Step {
        self.phase = Phase::Undo(reason);
        self.step(Duration::ZERO, &Seen::default())
    }

    /// What came of the last step.
    pub fn told(&mut self, now: Duration, told: Told) {
        self.phase = match (std::mem::replace(&mut self.phase, Phase::Begin), told) {
            (Phase::Starting, Told::Started(new, failed)) => {
                self.new = new;
                match failed {
                    None => Phase::Waiting(now),
                    Some(reason) => Phase::Undo(reason),
                }
            }
            (Phase::TakingOut, Told::Carried(result)) => {
                // Some may be out although not all are.
                self.out = true;
                result.map_or_else(Phase::Undo, |()| Phase::Draining(now))
            }
            (Phase::Ending, Told::Carried(Ok(()))) => {
                self.replaced += self.old.len();
                (self.old, self.new, self.out) = (Vec::new(), Vec::new(), false);
                Phase::Begin
            }
            (Phase::Ending, Told::Carried(Err(reason))) => Phase::Failed(reason),
            (Phase::Undoing(why), Told::Carried(Ok(()))) => Phase::Failed(why),
            (Phase::Undoing(why), Told::Carried(Err(more))) => {
                Phase::Failed(format!("{why}; and then: {more}"))
            }
            (phase, _) => phase,
        };
    }

    /// Somebody wants it to end: what is under way is undone, unless old ones are ending already.
    pub fn interrupt(&mut self, reason: &str) {
        if matches!(self.phase, Phase::Begin) {
            self.phase = Phase::Failed(reason.to_owned());
        } else if matches!(self.phase, Phase::Waiting(_) | Phase::Draining(_)) {
            self.phase = Phase::Undo(reason.to_owned());
        }
    }
}
