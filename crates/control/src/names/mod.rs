//! What the DNS said of servers' names and Consul of services, for how long it counts, and which
//! server gets which address.

mod place;
mod services;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::consul::{ServiceObservation, ServiceQuery};
use model::observed::{NameFailure, NameObservation, NameRecord, Question};
use model::{Config, Hold, Host, Server};

pub use services::ServiceHeard;
use services::Services;

/// Most records of one name; more are left out.
const RECORDS_MAX: usize = 4096;

/// Everything that is believed of names. All moments are durations since one fixed origin.
#[derive(Clone, Debug, Default)]
pub struct Names {
    entries: BTreeMap<Question, Entry>,
    services: Services,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Each with the moment of the last good answer that had it.
    records: Vec<(NameRecord, Duration)>,
    /// When the last good answer came; at first when the first answer of any kind came.
    good_at: Duration,
    /// Whether `records` is what is known, and not only what is not known yet.
    known: bool,
    failure: Option<NameFailure>,
}

/// What an answer meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The records that count are others than before.
    pub changed: bool,
    /// It failed now, and not in this way the time before.
    pub failed: Option<NameFailure>,
    /// It is good now, and the one before was not.
    pub recovered: bool,
}

impl Names {
    /// Takes an answer that came at `now`.
    pub fn handle(&mut self, now: Duration, hold: &Hold, seen: NameObservation) -> Heard {
        let new = Entry { records: Vec::new(), good_at: now, known: false, failure: None };
        let entry = self.entries.entry(seen.question).or_insert(new);
        match seen.outcome {
            Ok(records) => entry.good(now, hold, records),
            Err(failure) => entry.bad(now, hold, failure),
        }
    }

    /// Forgets names that nobody asks for any more.
    pub fn retain(&mut self, questions: &BTreeSet<Question>) {
        self.entries.retain(|question, _| questions.contains(question));
    }

    /// Takes what Consul says of a service now.
    pub fn handle_service(&mut self, seen: ServiceObservation) -> ServiceHeard {
        self.services.handle(seen)
    }

    /// Forgets services that nobody asks for any more.
    pub fn retain_services(&mut self, wanted: &BTreeSet<Arc<ServiceQuery>>) {
        self.services.retain(wanted);
    }

    /// Nothing is known but the addresses of this machine: an instance that is one of our own
    /// frontends is no server.
    #[must_use]
    pub fn with_own(own: Vec<IpAddr>) -> Self {
        Self { services: Services::with_own(own), ..Self::default() }
    }

    /// Gives the servers of `config` the addresses that are known. Who has one that still counts
    /// keeps it: order of answers means nothing. `running` is what runs now. Returns what operators
    /// are to know.
    pub fn place(&self, config: &mut Config, running: Option<&Config>) -> Vec<String> {
        place::all(self, config, running);
        self.services.place(config, running)
    }

    /// What is known of a name; `None` = nothing yet.
    fn known(&self, question: &Question) -> Option<Vec<NameRecord>> {
        let entry = self.entries.get(question).filter(|entry| entry.known)?;
        Some(entry.records.iter().map(|(record, _)| *record).collect())
    }
}

impl Entry {
    fn good(&mut self, now: Duration, hold: &Hold, records: Vec<NameRecord>) -> Heard {
        let mut left: BTreeSet<NameRecord> = records.iter().copied().collect();
        let mut changed = !self.known;
        self.records.retain_mut(|(record, seen)| {
            if left.remove(record) {
                *seen = now;
                return true;
            }
            let stays = now.saturating_sub(*seen) < hold.obsolete;
            changed |= !stays;
            stays
        });
        for record in records {
            if self.records.len() < RECORDS_MAX && left.remove(&record) {
                self.records.push((record, now));
                changed = true;
            }
        }
        self.known = true;
        self.good_at = now;
        Heard { changed, failed: None, recovered: self.failure.take().is_some() }
    }

    fn bad(&mut self, now: Duration, hold: &Hold, failure: NameFailure) -> Heard {
        let limit = match failure {
            NameFailure::NoSuchName => Some(hold.nx),
            NameFailure::Empty => Some(hold.empty),
            NameFailure::Refused => hold.refused,
            NameFailure::Timeout => hold.timeout,
            NameFailure::Other => hold.other,
        };
        let over = limit.is_some_and(|limit| now.saturating_sub(self.good_at) >= limit);
        let changed = over && (!self.known || !self.records.is_empty());
        if over {
            self.records.clear();
            self.known = true;
        }
        let failed = (self.failure != Some(failure)).then_some(failure);
        self.failure = Some(failure);
        Heard { changed, failed, recovered: false }
    }
}

/// The question that a server's name is; `None` when it has none or nobody is to be asked.
fn question(server: &Server) -> Option<Question> {
    let Host::Name { name, .. } = &server.host else { return None };
    let resolvers = server.resolvers.clone()?;
    Some(Question { resolvers, name: name.clone(), prefer_ipv6: server.prefer_ipv6 })
}

/// Every service whose instances the servers of `config` are.
#[must_use]
pub fn services(config: &Config) -> BTreeSet<Arc<ServiceQuery>> {
    services::queries(config)
}

/// Every name that the servers of `config` have and that is to be asked for again and again.
#[must_use]
pub fn questions(config: &Config) -> BTreeSet<Question> {
    config.backends.iter().flat_map(|b| b.servers.iter().filter_map(|s| question(s))).collect()
}
