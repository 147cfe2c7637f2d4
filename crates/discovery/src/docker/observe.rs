//! What is believed of an engine: containers by id, changed by listings and events.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use model::Name;
use model::observed::{Container, ContainerState, Freshness, Observation, OwnContainer};

use super::Settings;

/// The believed state of one engine.
pub struct Observer {
    provider: Name,
    containers: BTreeMap<Name, Container>,
    own: Option<OwnContainer>,
    changes: u64,
    known: bool,
}

impl Observer {
    /// Nothing is known yet.
    pub fn new(settings: &Settings) -> Self {
        let provider = super::provider_name(&settings.host);
        Self { provider, containers: BTreeMap::new(), own: None, changes: 0, known: false }
    }

    /// A complete listing.
    pub fn replace(&mut self, containers: Vec<Container>, own: Option<OwnContainer>) {
        let mut fresh: BTreeMap<Name, Container> =
            containers.into_iter().map(|c| (c.id.clone(), c)).collect();
        for (id, container) in &mut fresh {
            // A stop signal that was seen stays seen: the engine's list does not tell.
            if let Some(old) = self.containers.get(id)
                && old.started_ns == container.started_ns
            {
                container.stopping |= old.stopping;
            }
        }
        self.containers = fresh;
        self.own = own;
        self.known = true;
        self.changes += 1;
    }

    /// One container was looked at.
    pub fn update(&mut self, mut container: Container) {
        if let Some(old) = self.containers.get(&container.id)
            && old.started_ns == container.started_ns
            && container.state != ContainerState::Exited
        {
            container.stopping |= old.stopping && old.state != ContainerState::Paused;
        }
        self.containers.insert(container.id.clone(), container);
        self.changes += 1;
    }

    /// Its stop signal was seen: nothing new from this moment.
    pub fn stopping(&mut self, id: &str) {
        if let Some(container) = self.containers.get_mut(id) {
            container.stopping = true;
            self.changes += 1;
        }
    }

    /// Its process ended.
    pub fn exited(&mut self, id: &str) {
        if let Some(container) = self.containers.get_mut(id) {
            container.state = ContainerState::Exited;
            self.changes += 1;
        }
    }

    /// It is gone.
    pub fn removed(&mut self, id: &str) {
        if self.containers.remove(id).is_some() {
            self.changes += 1;
        }
    }

    /// The signals that stop this container, as it declares or as everybody does.
    pub fn is_stop_signal(&self, id: &str, signal: &str, declared: Option<&str>) -> bool {
        let number = |s: &str| signal_number(s.trim_start_matches("SIG"));
        let Some(sent) = number(signal) else { return false };
        let own = declared.and_then(number);
        self.containers.contains_key(id) && (own == Some(sent) || [15, 2, 3, 9].contains(&sent))
    }

    /// The whole as of now.
    pub fn fresh(&self) -> Observation {
        self.observation(Freshness::Fresh(self.changes))
    }

    /// The last known whole, the engine being away; or that nothing was ever seen, and why.
    pub fn away(&self, reason: String) -> Observation {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.observation(match self.known {
            true => Freshness::Stale(now.map_or(0, |d| d.as_millis() as u64)),
            false => Freshness::Blind(reason),
        })
    }

    fn observation(&self, freshness: Freshness) -> Observation {
        Observation {
            provider: self.provider.clone(),
            freshness,
            containers: self.containers.values().cloned().collect(),
            own: self.own.clone(),
        }
    }
}

/// Linux signal numbers, by name or as digits.
fn signal_number(name: &str) -> Option<u8> {
    if let Ok(n) = name.parse() {
        return Some(n);
    }
    Some(match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        "TERM" => 15,
        "WINCH" => 28,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observer() -> Observer {
        Observer::new(&Settings {
            host: super::super::DEFAULT_HOST.into(),
            own_candidates: Vec::new(),
            seed: 1,
        })
    }

    fn container(id: &str, started_ns: u64) -> Container {
        super::super::translate::tests::running(id, started_ns)
    }

    #[test]
    fn a_stop_signal_outlives_a_listing_but_not_a_restart() {
        let mut o = observer();
        o.replace(vec![container("a", 1)], None);
        assert!(o.is_stop_signal("a", "15", None));
        assert!(!o.is_stop_signal("a", "1", None), "HUP is not the end");
        assert!(o.is_stop_signal("a", "10", Some("SIGUSR1")), "an image may say so");
        o.stopping("a");
        o.replace(vec![container("a", 1)], None);
        assert!(o.fresh().containers[0].stopping);
        o.update(container("a", 2));
        assert!(!o.fresh().containers[0].stopping, "a new start is a new life");
    }

    #[test]
    fn away_is_never_empty_when_something_was_known() {
        let mut o = observer();
        assert!(matches!(o.away("no socket".into()).freshness, Freshness::Blind(_)));
        o.replace(vec![container("a", 1)], None);
        let seen = o.away("gone".into());
        assert!(matches!(seen.freshness, Freshness::Stale(_)));
        assert_eq!(seen.containers.len(), 1);
    }
}
