//! Orders given through the runtime API, remembered so that status pages can tell who did it.

use std::collections::BTreeMap;

use model::{Config, Name};

use crate::ports::{ServerOrder, ServerOrderKind};

/// Administrative state asked for at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Only sticky clients.
    Drain,
    /// Nothing new, no checks.
    Maintenance,
    /// In use although the configuration says 'disabled'.
    Ready,
}

/// What was asked for one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// State other than the configured one.
    pub state: Option<State>,
    /// The last order about its weight.
    pub weight: Option<ServerOrderKind>,
}

/// All orders in force, by backend and server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<(Name, Name), Override>);

impl Overrides {
    /// Remembers an order that the data plane carried out; `disabled` is what the configuration
    /// says of the server.
    pub fn record(&mut self, order: &ServerOrder, disabled: bool) {
        let passing = matches!(
            order.what,
            ServerOrderKind::Health(_)
                | ServerOrderKind::Checks(_)
                | ServerOrderKind::Agent(_)
                | ServerOrderKind::AgentSays(_)
                | ServerOrderKind::Shutdown
        );
        if passing {
            return;
        }
        let key = (order.backend.clone(), order.server.clone());
        let entry = self.0.entry(key.clone()).or_default();
        match order.what {
            ServerOrderKind::Ready => entry.state = disabled.then_some(State::Ready),
            ServerOrderKind::Drain => entry.state = Some(State::Drain),
            ServerOrderKind::Maintenance => entry.state = Some(State::Maintenance),
            weight @ (ServerOrderKind::Weight(_) | ServerOrderKind::WeightPercent(_)) => {
                entry.weight = Some(weight);
            }
            _ => {}
        }
        if *entry == Override::default() {
            self.0.remove(&key);
        }
    }

    /// Forgets orders about servers that are no longer there.
    pub fn retain_existing(&mut self, config: &Config) {
        self.0.retain(|(backend, server), _| {
            config.backend(backend).is_some_and(|b| b.servers.iter().any(|s| s.name == *server))
        });
    }

    /// Forgets everything; returns what there was.
    pub fn clear(&mut self) -> Vec<(Name, Name, Override)> {
        std::mem::take(&mut self.0).into_iter().map(|((b, s), what)| (b, s, what)).collect()
    }

    /// What was asked for one server.
    #[must_use]
    pub fn of(&self, backend: &str, server: &str) -> Option<&Override> {
        self.0.get(&(backend.into(), server.into()))
    }

    /// Backend, server and what was asked, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Name, &Override)> {
        self.0.iter().map(|((backend, server), what)| (backend, server, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{config, server};

    fn order(server: &str, what: ServerOrderKind) -> ServerOrder {
        ServerOrder { backend: "b".into(), server: server.into(), what }
    }

    #[test]
    fn ready_takes_back_the_state_but_not_the_weight() {
        let mut overrides = Overrides::default();
        overrides.record(&order("a", ServerOrderKind::Drain), false);
        overrides.record(&order("a", ServerOrderKind::Weight(3)), false);
        overrides.record(&order("a", ServerOrderKind::Ready), false);
        overrides.record(&order("x", ServerOrderKind::Maintenance), false);
        overrides.record(&order("x", ServerOrderKind::Ready), false);
        let all: Vec<_> = overrides.iter().map(|(_, s, o)| (s.to_string(), *o)).collect();
        let weight = Some(ServerOrderKind::Weight(3));
        assert_eq!(all, [("a".to_owned(), Override { state: None, weight })]);
    }

    #[test]
    fn orders_about_removed_servers_are_forgotten() {
        let mut overrides = Overrides::default();
        overrides.record(&order("a", ServerOrderKind::Drain), false);
        overrides.record(&order("gone", ServerOrderKind::Drain), false);
        overrides.retain_existing(&config(&[], &[server("a", 1)]));
        assert_eq!(overrides.iter().count(), 1);
    }
}
