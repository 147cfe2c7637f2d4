//! What must never happen because a source of truth broke: an emptied backend, a stolen address.

use std::collections::HashMap;

use model::observed::{Freshness, Observation};
use model::{Address, Config, Origin};

use crate::intent::Problem;

/// What is believed of a provider after it said something new.
///
/// A provider that is away keeps the containers it last saw, however long it is away: traffic to
/// those that really went is caught by health checks, while traffic to those that did not is worth
/// keeping.
#[must_use]
pub fn believe(previous: Option<&Observation>, now: Observation) -> Observation {
    match (&now.freshness, previous) {
        (Freshness::Fresh(_), _) | (_, None) => now,
        (_, Some(before)) => Observation {
            freshness: now.freshness.clone(),
            heard_ms: now.heard_ms,
            containers: before.containers.clone(),
            unreadable: before.unreadable.clone(),
            own: before.own.clone().or(now.own),
            machine: now.machine.or(before.machine),
            node: now.node.or_else(|| before.node.clone()),
            swarm: now.swarm.or_else(|| before.swarm.clone()),
            provider: now.provider,
        },
    }
}

/// Whether files that made the process listen now make it listen nowhere. A file is empty for a
/// moment while it is written in place, and HAProxy does not start without a listener either.
#[must_use]
pub fn falls_silent(before: &Config, now: &Config) -> bool {
    let listens = |c: &Config| c.frontends.iter().any(|f| !f.disabled && !f.binds.is_empty());
    listens(before) && !listens(now)
}

/// What a whole configuration says against itself although every line of it is right.
#[must_use]
pub fn examine(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut owners: HashMap<&Address, (&str, &Origin)> = HashMap::new();
    for frontend in config.frontends.iter().filter(|f| !f.disabled) {
        for bind in &frontend.binds {
            let Some((name, origin)) = owners.insert(&bind.address, (&frontend.name, &bind.origin))
            else {
                continue;
            };
            problems.push(Problem {
                origin: bind.origin.clone(),
                reason: format!(
                    "frontend {} listens on {}, which frontend {name} already has ({origin})",
                    frontend.name, bind.address
                ),
            });
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::config;

    fn observation(freshness: Freshness, ids: &[&str]) -> Observation {
        crate::tests::observation(freshness, ids.iter().map(|id| crate::tests::container(id)))
    }

    #[test]
    fn a_blind_provider_empties_nothing() {
        let before = observation(Freshness::Fresh(1), &["a", "b"]);
        let blind = observation(Freshness::Blind("socket is gone".to_owned()), &[]);
        let believed = believe(Some(&before), blind);
        assert_eq!(believed.containers.len(), 2);
        assert_eq!(believed.freshness, Freshness::Blind("socket is gone".to_owned()));
        let gone = Freshness::Stale { since_ms: 9, reason: "gone".to_owned() };
        let stale = observation(gone, &[]);
        assert_eq!(believe(Some(&believed), stale).containers.len(), 2);
    }

    #[test]
    fn a_fresh_empty_observation_is_believed() {
        let before = observation(Freshness::Fresh(1), &["a"]);
        let now = observation(Freshness::Fresh(2), &[]);
        assert!(believe(Some(&before), now).containers.is_empty());
    }

    #[test]
    fn an_address_that_two_frontends_want_is_reported() {
        let mut both = config(&["127.0.0.1:1"], &[]);
        let mut second = (*both.frontends[0]).clone();
        second.name = "g".into();
        both.frontends.push(second.into());
        let problems = examine(&both);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].reason.contains("which frontend f already has"), "{problems:?}");
        assert!(examine(&config(&["127.0.0.1:1", "127.0.0.1:2"], &[])).is_empty());
    }

    #[test]
    fn a_file_that_is_empty_for_a_moment_is_told_from_one_that_changes() {
        let one = config(&["127.0.0.1:8080"], &[]);
        let other = config(&["127.0.0.1:8081"], &[]);
        let none = config(&[], &[]);
        assert!(falls_silent(&one, &none));
        assert!(!falls_silent(&one, &other));
        assert!(!falls_silent(&none, &none));
    }
}
