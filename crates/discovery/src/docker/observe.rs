//! What is believed of an engine: containers by id, changed by listings, looks and events.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::Name;
use model::observed::{
    Container, ContainerState, Freshness, Network, Node, Observation, OwnContainer, Swarm,
    Unreadable,
};

use super::events::{Event, Kind};
use super::{Settings, translate};

/// Signals that mean the end to every container, besides its own stop signal: INT, QUIT, KILL and
/// TERM. HUP, USR1 and others are how operators talk to a process that goes on.
const STOP_SIGNALS: [u8; 4] = [2, 3, 9, 15];
/// Label of the containers of a Swarm's tasks: the node that they are on.
const NODE_LABEL: &str = "com.docker.swarm.node.id";
/// Shortest beginning of an id that names a container.
const ID_BEGINNING_MIN: usize = 12;

/// A container as it was looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What is told on.
    pub container: Arc<Container>,
    /// The signal that its image or its creator wants it to be stopped with.
    pub stop_signal: Option<u8>,
    /// The container whose network it uses, by id or name.
    pub network_of: Option<Name>,
}

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing that matters.
    Nothing,
    /// Something is believed now that was not before.
    Changed,
    /// The container has to be looked at.
    Look,
}

/// The believed state of one engine.
pub struct Observer {
    provider: Name,
    own_candidates: Vec<String>,
    own_addresses: Vec<IpAddr>,
    machine: Option<IpAddr>,
    node: Option<Node>,
    swarm: Option<Arc<Swarm>>,
    containers: BTreeMap<Name, Seen>,
    /// Those that the engine cannot describe now, with their names and why.
    unreadable: BTreeMap<Name, (Name, String)>,
    /// When the last stop signal of a container was seen. The engine's own answers do not tell.
    stops: BTreeMap<Name, u64>,
    changes: u64,
    /// When the first event was heard of which nobody was told yet, milliseconds since 1970.
    heard_ms: Option<u64>,
    known: bool,
    /// The engine is away since, in milliseconds since 1970.
    away_since_ms: Option<u64>,
}

impl Observer {
    /// Nothing is known yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            provider: super::provider_name(&settings.endpoint),
            own_candidates: settings.own_candidates.clone(),
            // Of another machine's containers one may well have an address of ours.
            own_addresses: match settings.endpoint.is_socket() {
                true => settings.own_addresses.clone(),
                false => Vec::new(),
            },
            machine: None,
            node: None,
            swarm: None,
            containers: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            stops: BTreeMap::new(),
            changes: 0,
            heard_ms: None,
            known: false,
            away_since_ms: None,
        }
    }

    /// Where the engine's machine is, if it is not this one.
    pub fn set_machine(&mut self, machine: Option<IpAddr>) {
        self.machine = machine;
    }

    /// What the engine is in a Swarm now. What was known of the whole goes only with the Swarm.
    pub fn set_node(&mut self, node: Option<Node>) {
        if self.node.as_ref().map(|n| &n.id) != node.as_ref().map(|n| &n.id) {
            self.swarm = None;
        }
        if node.as_ref().is_some_and(|n| !n.manager) {
            self.swarm_failed("it is no manager any more".to_owned());
        }
        self.node = node;
    }

    /// Whether a container tells of a Swarm that the engine was not in when it was asked.
    pub fn is_elsewhere(&self, seen: &Seen) -> bool {
        self.node.is_none() && seen.container.labels.contains_key(NODE_LABEL)
    }

    /// What a manager says.
    pub fn set_swarm(&mut self, swarm: Arc<Swarm>) {
        self.swarm = Some(swarm);
        self.changes += 1;
    }

    /// A manager cannot say anything new; whether that is new.
    pub fn swarm_failed(&mut self, reason: String) -> bool {
        let Some(swarm) = &mut self.swarm else { return false };
        if swarm.fault.as_ref() == Some(&reason) {
            return false;
        }
        Arc::make_mut(swarm).fault = Some(reason);
        self.changes += 1;
        true
    }

    /// A complete listing; of those that the engine could not describe, what was last known stays.
    pub fn replace(&mut self, containers: Vec<Seen>, unreadable: Vec<Unreadable>) {
        self.unreadable = unreadable.into_iter().map(|u| (u.id, (u.name, u.reason))).collect();
        self.containers.retain(|id, _| self.unreadable.contains_key(id));
        for seen in containers {
            self.update(seen);
        }
        self.stops.retain(|id, _| self.containers.contains_key(id));
        self.known = true;
        self.away_since_ms = None;
        self.changes += 1;
    }

    /// One container was looked at.
    pub fn update(&mut self, mut seen: Seen) {
        let id = seen.container.id.clone();
        let stop = self.stops.get(&id);
        // A new start is a new life.
        let stopping = stop.is_some_and(|at| *at >= seen.container.started_ns);
        if stopping {
            Arc::make_mut(&mut seen.container).stopping = true;
        }
        self.unreadable.remove(&id);
        self.containers.insert(id, seen);
        self.changes += 1;
    }

    /// The engine could not describe a container.
    pub fn missed(&mut self, which: Unreadable) -> Told {
        let Unreadable { id, mut name, reason } = which;
        if let Some(known) = self.containers.get(&id) {
            name.clone_from(&known.container.name);
        }
        let now = (name, reason);
        match self.unreadable.insert(id, now.clone()) {
            Some(before) if before == now => Told::Nothing,
            _ => self.changed(),
        }
    }

    /// Those that the engine could not describe.
    pub fn unreadable(&self) -> impl Iterator<Item = &Name> {
        self.unreadable.keys()
    }

    /// A container was looked for and is not there.
    pub fn removed(&mut self, id: &str) -> Told {
        self.stops.remove(id);
        let unread = self.unreadable.remove(id).is_some();
        match self.containers.remove(id).is_some() || unread {
            true => self.changed(),
            false => Told::Nothing,
        }
    }

    /// Something happened. What happened before the container's present life is nothing.
    pub fn handle(&mut self, event: &Event) -> Told {
        let id = event.id.as_str();
        let seen = self.containers.get_mut(id);
        let before = seen.as_ref().is_some_and(|s| event.at_ns < s.container.started_ns);
        match event.kind {
            Kind::Changed => Told::Look,
            Kind::Removed => self.removed(id),
            Kind::Signal(_) | Kind::Ended if before => Told::Nothing,
            Kind::Signal(signal) => {
                let own = seen.as_ref().and_then(|s| s.stop_signal);
                if own != Some(signal) && !STOP_SIGNALS.contains(&signal) {
                    return Told::Nothing;
                }
                self.stops.insert(id.into(), event.at_ns);
                match seen {
                    Some(seen) => {
                        Arc::make_mut(&mut seen.container).stopping = true;
                        self.changed()
                    }
                    None => Told::Look,
                }
            }
            Kind::Ended => match seen {
                Some(seen) if seen.container.state != ContainerState::Exited => {
                    Arc::make_mut(&mut seen.container).state = ContainerState::Exited;
                    self.changed()
                }
                _ => Told::Nothing,
            },
        }
    }

    fn changed(&mut self) -> Told {
        self.changes += 1;
        Told::Changed
    }

    /// An event came that may change something.
    pub fn hear(&mut self) {
        self.heard_ms.get_or_insert_with(wall_ms);
    }

    /// Nothing came of what was heard.
    pub fn forget_heard(&mut self) {
        self.heard_ms = None;
    }

    /// The whole as of now, to be told to others.
    pub fn tell(&mut self) -> Observation {
        Observation { heard_ms: self.heard_ms.take(), ..self.fresh() }
    }

    /// The whole as of now.
    pub fn fresh(&self) -> Observation {
        self.observation(Freshness::Fresh(self.changes))
    }

    /// The last known whole, the engine being away; or that nothing was ever seen, and why.
    pub fn away(&mut self, reason: String) -> Observation {
        let since_ms = *self.away_since_ms.get_or_insert_with(wall_ms);
        self.observation(match self.known {
            true => Freshness::Stale { since_ms, reason },
            false => Freshness::Blind(reason),
        })
    }

    fn observation(&self, freshness: Freshness) -> Observation {
        let containers: Vec<Arc<Container>> =
            self.containers.values().map(|seen| self.with_network(seen)).collect();
        Observation {
            machine: self.machine,
            provider: self.provider.clone(),
            freshness,
            heard_ms: None,
            own: self.own(&containers),
            node: self.node.clone(),
            swarm: self.swarm.clone(),
            unreadable: self
                .unreadable
                .iter()
                .map(|(id, (name, reason))| Unreadable {
                    id: id.clone(),
                    name: name.clone(),
                    reason: reason.clone(),
                })
                .collect(),
            containers,
        }
    }

    /// The container, with the network of the one whose network it uses.
    fn with_network(&self, seen: &Seen) -> Arc<Container> {
        let mut all = Arc::clone(&seen.container);
        let Some(of) = &seen.network_of else { return all };
        let named = || self.containers.values().find(|s| s.container.name == *of);
        if let Some(other) = self.containers.get(of).or_else(named).map(|s| &s.container) {
            let container = Arc::make_mut(&mut all);
            container.networks.clone_from(&other.networks);
            container.published.clone_from(&other.published);
            container.host_network = other.host_network;
        }
        all
    }

    /// The container that we run in: the first of its possible names that is a container here,
    /// else the one that has an address of ours, else one of the Swarm's tasks by its name.
    fn own(&self, containers: &[Arc<Container>]) -> Option<OwnContainer> {
        let all = || containers.iter().map(|c| &**c);
        let named = |name: &&String| name.len() >= ID_BEGINNING_MIN;
        let by_name = self
            .own_candidates
            .iter()
            .filter(named)
            .find_map(|name| all().find(|c| c.id.starts_with(name.as_str())));
        let ours = |n: &Network| {
            [n.ipv4, n.ipv6].iter().flatten().any(|ip| self.own_addresses.contains(ip))
        };
        let by_address = || {
            let runs = |c: &&Container| c.state == ContainerState::Running && !c.host_network;
            all().filter(runs).find(|c| c.networks.iter().any(ours))
        };
        let by_task = || {
            let tasks = self.swarm.as_ref().map_or(&[][..], |s| &s.tasks);
            let names = self.own_candidates.iter().filter(named);
            names.into_iter().find_map(|name| {
                tasks.iter().map(|t| &*t.container).find(|c| c.id.starts_with(name.as_str()))
            })
        };
        by_name.or_else(by_address).or_else(by_task).map(translate::own)
    }
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |d| d.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;
    use super::*;

    fn observer(own: &[&str]) -> Observer {
        Observer::new(&Settings {
            endpoint: Endpoint::parse(super::super::DEFAULT_HOST, None).expect("an endpoint"),
            own_candidates: own.iter().map(|o| (*o).to_owned()).collect(),
            own_addresses: vec![IpAddr::from([172, 18, 0, 9])],
            followed: super::super::Followed::default(),
            poll: std::time::Duration::from_secs(1),
            patience: super::super::PATIENCE,
            seed: 1,
        })
    }

    fn seen(id: &str, started_ns: u64, stop_signal: Option<u8>) -> Seen {
        let container = translate::tests::running(id, started_ns).into();
        Seen { container, stop_signal, network_of: None }
    }

    fn event(id: &str, at_ns: u64, kind: Kind) -> Event {
        Event { id: id.into(), name: None, at_ns, kind }
    }

    fn first_stops(o: &Observer) -> bool {
        o.fresh().containers[0].stopping
    }

    #[test]
    fn only_signals_that_end_it_take_a_container_out() {
        for (own, signal, ends) in
            [(None, 15, true), (None, 9, true), (None, 1, false), (None, 10, false)]
                .into_iter()
                .chain([(Some(10), 10, true), (Some(28), 28, true), (Some(3), 1, false)])
        {
            let mut o = observer(&[]);
            o.replace(vec![seen("a", 1, own)], vec![]);
            let told = o.handle(&event("a", 2, Kind::Signal(signal)));
            let expected = if ends { Told::Changed } else { Told::Nothing };
            assert_eq!((told, first_stops(&o)), (expected, ends), "{own:?} {signal}");
        }
    }

    #[test]
    fn a_stop_signal_outlives_listings_and_looks_but_not_a_restart() {
        let mut o = observer(&[]);
        o.replace(vec![seen("a", 1, None)], vec![]);
        o.handle(&event("a", 5, Kind::Signal(15)));
        o.replace(vec![seen("a", 1, None)], vec![]);
        assert!(first_stops(&o));
        o.update(seen("a", 1, None));
        assert!(first_stops(&o));
        o.replace(vec![], vec![unreadable("a", "500")]);
        assert!(first_stops(&o), "the engine could not say anything");
        o.update(seen("a", 9, None));
        assert!(!first_stops(&o));
        assert_eq!(o.handle(&event("a", 5, Kind::Signal(15))), Told::Nothing, "an old event");
        assert_eq!(o.handle(&event("a", 6, Kind::Ended)), Told::Nothing, "an old event");
        assert!(!first_stops(&o));
    }

    #[test]
    fn a_stop_that_comes_before_the_first_look_counts() {
        let mut o = observer(&[]);
        o.replace(vec![], vec![]);
        assert_eq!(o.handle(&event("a", 5, Kind::Signal(15))), Told::Look);
        o.update(seen("a", 4, None));
        assert!(first_stops(&o));
        assert_eq!(o.handle(&event("a", 8, Kind::Removed)), Told::Changed);
        assert_eq!(o.fresh().containers.len(), 0);
    }

    #[test]
    fn away_is_never_empty_when_something_was_known() {
        let mut o = observer(&[]);
        assert!(matches!(o.away("no socket".into()).freshness, Freshness::Blind(_)));
        o.replace(vec![seen("a", 1, None)], vec![]);
        let last = o.away("gone".into());
        assert!(matches!(last.freshness, Freshness::Stale { .. }));
        assert_eq!(last.containers.len(), 1);
    }

    fn unreadable(id: &str, reason: &str) -> Unreadable {
        Unreadable { id: id.into(), name: id.into(), reason: reason.to_owned() }
    }

    #[test]
    fn a_container_that_cannot_be_described_is_told_beside_what_was_known_of_it() {
        let mut o = observer(&[]);
        o.replace(vec![seen("a", 1, None)], vec![unreadable("b", "500")]);
        assert_eq!(o.missed(unreadable("a", "500")), Told::Changed);
        assert_eq!(o.missed(unreadable("a", "500")), Told::Nothing, "as before");
        let now = o.fresh();
        assert_eq!((now.containers.len(), now.unreadable.len()), (1, 2));
        o.update(seen("a", 1, None));
        assert_eq!(o.removed("b"), Told::Changed);
        assert_eq!(o.fresh().unreadable, []);
    }

    #[test]
    fn our_own_container_is_found_by_the_first_name_that_fits() {
        let mut o = observer(&["short", "ffffffffffff", "aaaaaaaaaaaa"]);
        assert_eq!(o.fresh().own, None);
        o.update(seen("aaaaaaaaaaaa1111", 1, None));
        o.update(seen("shorter", 1, None));
        assert_eq!(o.fresh().own.map(|o| o.id), Some("aaaaaaaaaaaa1111".into()));
    }

    fn network(ip: [u8; 4]) -> Network {
        Network {
            id: "n".into(),
            name: "n".into(),
            ipv4: Some(ip.into()),
            ipv6: None,
            gateway: None,
            aliases: Vec::new(),
            links: Vec::new(),
        }
    }

    #[test]
    fn our_own_container_is_found_by_its_address_when_nothing_names_it() {
        let mut o = observer(&["some-host-name"]);
        let mut with = |id: &str, ip: [u8; 4]| {
            let mut seen = seen(id, 1, None);
            Arc::make_mut(&mut seen.container).networks = vec![network(ip)];
            o.update(seen);
        };
        with("aaaaaaaaaaaa1111", [172, 18, 0, 8]);
        with("bbbbbbbbbbbb1111", [172, 18, 0, 9]);
        assert_eq!(o.fresh().own.map(|o| o.id), Some("bbbbbbbbbbbb1111".into()));
    }

    #[test]
    fn a_container_in_the_network_of_another_is_where_that_one_is() {
        let mut o = observer(&[]);
        let mut vpn = seen("vpn", 1, None);
        let inner = Arc::make_mut(&mut vpn.container);
        inner.networks = vec![network([10, 0, 0, 1])];
        inner.published = vec![(80, IpAddr::from([0, 0, 0, 0]), 8080)];
        let mut app = seen("app", 1, None);
        app.network_of = Some("vpn".into());
        o.replace(vec![app, vpn.clone()], vec![]);
        let all = o.fresh().containers;
        assert_eq!(all[0].networks, all[1].networks);
        assert_eq!(all[0].published, vpn.container.published);
    }
}
