//! Instances of services to servers: who has one keeps it while it is there, and each instance is
//! a server of its own whatever its address was before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use model::consul::{Instance, ServiceObservation, ServiceQuery};
use model::observed::Freshness;
use model::{Address, Backend, Config, Host, Name, Port, Server, ServerIdentity};

/// Name of the provider in identities.
const PROVIDER: &str = "consul";
/// Greatest weight of a server.
const WEIGHT_MAX: u32 = 256;
/// Instances without a server that are named.
const NAMED_MAX: usize = 5;

/// What is known of services.
#[derive(Clone, Debug, Default)]
pub(super) struct Services {
    entries: BTreeMap<Arc<ServiceQuery>, Entry>,
    /// Addresses of this machine.
    own: Vec<IpAddr>,
}

#[derive(Clone, Debug)]
struct Entry {
    freshness: Freshness,
    instances: Vec<Instance>,
    unusable: Vec<String>,
}

/// What an observation of a service meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceHeard {
    /// The instances that count are others than before.
    pub changed: bool,
    /// Why it is not up to date, if it was not so for the same reason before.
    pub fault: Option<String>,
    /// It is up to date now, and was not before.
    pub recovered: bool,
}

impl Services {
    pub(super) fn with_own(own: Vec<IpAddr>) -> Self {
        Self { own, ..Self::default() }
    }

    pub(super) fn handle(&mut self, seen: ServiceObservation) -> ServiceHeard {
        let before = self.entries.get(&seen.query);
        let fault = |freshness: &Freshness| match freshness {
            Freshness::Stale { reason, .. } | Freshness::Blind(reason) => Some(reason.clone()),
            Freshness::Fresh(_) | Freshness::Gone => None,
        };
        let (was, is) = (before.and_then(|e| fault(&e.freshness)), fault(&seen.freshness));
        // Who never saw anything says nothing about instances.
        let blind = matches!(seen.freshness, Freshness::Blind(_));
        let known = before.is_some_and(|e| !matches!(e.freshness, Freshness::Blind(_)));
        let entry = match before {
            Some(before) if blind => Entry { freshness: seen.freshness, ..before.clone() },
            _ => Entry {
                freshness: seen.freshness,
                instances: seen.instances,
                unusable: seen.unusable,
            },
        };
        let heard = ServiceHeard {
            changed: match before {
                Some(b) => {
                    b.instances != entry.instances
                        || b.unusable != entry.unusable
                        || !known && !blind
                }
                None => !blind,
            },
            recovered: was.is_some() && is.is_none(),
            fault: is.filter(|is| was.as_ref() != Some(is)),
        };
        self.entries.insert(seen.query, entry);
        heard
    }

    pub(super) fn retain(&mut self, wanted: &std::collections::BTreeSet<Arc<ServiceQuery>>) {
        self.entries.retain(|query, _| wanted.contains(query));
    }

    /// Gives servers their instances; what there is to say about those that get none.
    pub(super) fn place(&self, config: &mut Config, running: Option<&Config>) -> Vec<String> {
        let mut notices = Vec::new();
        let ours = listened(config);
        for backend in &mut config.backends {
            let mut groups: BTreeMap<Arc<ServiceQuery>, Vec<usize>> = BTreeMap::new();
            for (at, server) in backend.servers.iter().enumerate() {
                if let Some(query) = &server.consul {
                    groups.entry(Arc::clone(query)).or_default().push(at);
                }
            }
            if groups.is_empty() {
                continue;
            }
            let before = running.and_then(|r| r.backend(&backend.name));
            let before: HashMap<&Name, &Server> = before
                .iter()
                .flat_map(|b| b.servers.iter())
                .filter(|s| s.consul.is_some())
                .map(|s| (&s.name, &**s))
                .collect();
            let backend = Arc::make_mut(backend);
            for (query, slots) in &groups {
                let known = |e: &&Entry| !matches!(e.freshness, Freshness::Blind(_));
                let Some(entry) = self.entries.get(query).filter(known) else {
                    as_before(backend, slots, query, &before);
                    continue;
                };
                let instances = self.usable(&backend.name, query, entry, &ours, &mut notices);
                let left = fill(backend, slots, &before, instances);
                if !left.is_empty() {
                    notices.push(without(&backend.name, query, slots.len(), &left));
                }
            }
        }
        notices
    }

    /// Each place once, without ourselves.
    fn usable<'a>(
        &self,
        backend: &str,
        query: &ServiceQuery,
        entry: &'a Entry,
        ours: &[Address],
        notices: &mut Vec<String>,
    ) -> Vec<&'a Instance> {
        let about = format!("backend {backend}: consul@{}", query.service);
        for reason in entry.unusable.iter().take(NAMED_MAX) {
            notices.push(format!("{about}: {reason}; it is left out"));
        }
        let mut places = HashSet::new();
        let mut usable = Vec::new();
        for instance in &entry.instances {
            if self.is_ours(instance, ours) {
                let name = instance.identity();
                notices.push(format!("{about}: {name} is this balancer itself; it is left out"));
            } else if places.insert((instance.ip, instance.port)) {
                usable.push(instance);
            }
        }
        usable
    }

    /// Whether a frontend of ours listens there.
    fn is_ours(&self, instance: &Instance, ours: &[Address]) -> bool {
        let here = || instance.ip.is_loopback() || self.own.contains(&instance.ip);
        ours.iter().any(|address| match address {
            Address::Inet(at) if at.port() == instance.port => {
                at.ip() == instance.ip || (at.ip().is_unspecified() && here())
            }
            _ => false,
        })
    }
}

/// Every query that servers of `config` have.
pub(super) fn queries(config: &Config) -> std::collections::BTreeSet<Arc<ServiceQuery>> {
    config.backends.iter().flat_map(|b| b.servers.iter().filter_map(|s| s.consul.clone())).collect()
}

fn listened(config: &Config) -> Vec<Address> {
    let enabled = config.frontends.iter().filter(|f| !f.disabled);
    enabled.flat_map(|f| f.binds.iter().map(|b| b.address.clone())).collect()
}

/// Nothing is known yet. What the same service had while it was asked for otherwise serves on.
fn as_before(
    backend: &mut Backend,
    slots: &[usize],
    query: &ServiceQuery,
    before: &HashMap<&Name, &Server>,
) {
    for at in slots {
        let Some(server) = backend.servers.get_mut(*at) else { continue };
        let same = |s: &&Server| s.consul.as_ref().is_some_and(|q| q.service == query.service);
        if let Some(now) = before.get(&server.name).copied().filter(same) {
            let server = Arc::make_mut(server);
            server.host = now.host.clone();
            server.port = now.port;
            server.identity = now.identity.clone();
        }
    }
}

/// Fills the slots; what is left without one.
fn fill<'a>(
    backend: &mut Backend,
    slots: &[usize],
    before: &HashMap<&Name, &Server>,
    instances: Vec<&'a Instance>,
) -> Vec<&'a Instance> {
    let mut free: Vec<Option<(ServerIdentity, &Instance)>> =
        instances.into_iter().map(|i| Some((identity(i), i))).collect();
    let at_identity: HashMap<ServerIdentity, usize> = free
        .iter()
        .enumerate()
        .filter_map(|(at, slot)| slot.as_ref().map(|(identity, _)| (identity.clone(), at)))
        .collect();
    let mut without = Vec::new();
    for at in slots {
        let Some(server) = backend.servers.get_mut(*at) else { continue };
        let kept = before.get(&server.name).and_then(|now| at_identity.get(&now.identity));
        match kept.and_then(|kept| free.get_mut(*kept)).and_then(Option::take) {
            Some(kept) => set(server, Some(kept)),
            None => without.push(*at),
        }
    }
    let mut left = free.into_iter().flatten();
    for at in without {
        let Some(server) = backend.servers.get_mut(at) else { continue };
        set(server, left.next());
    }
    left.map(|(_, instance)| instance).collect()
}

fn identity(instance: &Instance) -> ServerIdentity {
    ServerIdentity::Container { provider: PROVIDER.into(), id: instance.identity(), started_ns: 0 }
}

/// Makes a server go to an instance, or nowhere.
fn set(server: &mut Arc<Server>, to: Option<(ServerIdentity, &Instance)>) {
    let server = Arc::make_mut(server);
    let Host::Name { resolved, .. } = &mut server.host else { return };
    let Some((identity, instance)) = to else {
        *resolved = None;
        server.identity = ServerIdentity::Named(server.name.clone());
        return;
    };
    *resolved = Some(instance.ip);
    server.identity = identity;
    server.port = Port::Fixed(instance.port);
    if !server.resolve.as_ref().is_some_and(|r| r.ignore_weight) {
        let weight = u32::from(server.weight) * u32::from(instance.weight);
        server.weight = weight.min(WEIGHT_MAX) as u16;
    }
}

fn without(backend: &str, query: &ServiceQuery, servers: usize, left: &[&Instance]) -> String {
    let mut text = format!(
        "backend {backend}: consul@{} has {} instances for {servers} servers; without one: ",
        query.service,
        servers + left.len()
    );
    for (at, instance) in left.iter().take(NAMED_MAX).enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        let _ = write!(text, "{comma}{}", instance.identity());
    }
    if left.len() > NAMED_MAX {
        let _ = write!(text, " and {} more", left.len() - NAMED_MAX);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = " server-template w 3 consul@web weight 2\n server other 10.9.9.9:1\n";

    fn config(lines: &str) -> Config {
        let servers: Vec<String> = lines.lines().map(str::to_owned).collect();
        crate::tests::config(&["127.0.0.1:80", "0.0.0.0:81"], &servers)
    }

    fn instance(id: &str, last: u8, weight: u16) -> Instance {
        Instance {
            node: "n".into(),
            id: id.into(),
            ip: [10, 0, 0, last].into(),
            port: 80,
            weight,
            tags: Vec::new(),
            meta: BTreeMap::new(),
        }
    }

    /// A configuration that is placed again and again.
    struct Running {
        services: Services,
        base: Config,
        running: Option<Config>,
        notices: Vec<String>,
    }

    impl Running {
        fn new(lines: &str) -> Self {
            let (services, base) = (Services::default(), config(lines));
            Self { services, base, running: None, notices: Vec::new() }
        }

        fn see(&mut self, instances: &[Instance]) -> Vec<String> {
            let query = Arc::new(ServiceQuery::new("web".into()));
            let (freshness, instances) = (Freshness::Fresh(1), instances.to_vec());
            self.services.handle(ServiceObservation {
                query,
                freshness,
                instances,
                unusable: Vec::new(),
            });
            self.place()
        }

        fn place(&mut self) -> Vec<String> {
            let mut wanted = self.base.clone();
            self.notices = self.services.place(&mut wanted, self.running.as_ref());
            let show = |s: &Arc<Server>| {
                let address = s.host.connect_address(s.port, 0).map(|a| a.to_string());
                let new = matches!(s.identity, ServerIdentity::Named(_));
                let id = if new { "-" } else { "+" };
                format!("{} {} {}{id}", s.name, address.unwrap_or("-".into()), s.weight)
            };
            let shown = wanted.backends[0].servers.iter().take(3).map(show).collect();
            self.running = Some(wanted);
            shown
        }
    }

    #[test]
    fn slots_stay_with_their_instance() {
        let mut r = Running::new(FILE);
        assert_eq!(r.place(), ["w1 - 2-", "w2 - 2-", "w3 - 2-"]);
        let [a, b, c] = [("a", 1), ("b", 2), ("c", 3)].map(|(id, at)| instance(id, at, 1));
        let two = ["w1 10.0.0.2:80 2+", "w2 10.0.0.3:80 2+", "w3 - 2-"];
        assert_eq!(r.see(&[b.clone(), c.clone()]), two);
        let three = ["w1 10.0.0.2:80 2+", "w2 10.0.0.3:80 2+", "w3 10.0.0.1:80 2+"];
        assert_eq!(r.see(&[a.clone(), b, c.clone()]), three);
        assert_eq!(r.see(&[a.clone(), c]), ["w1 - 2-", "w2 10.0.0.3:80 2+", "w3 10.0.0.1:80 2+"]);
        assert_eq!(r.see(&[a]), ["w1 - 2-", "w2 - 2-", "w3 10.0.0.1:80 2+"]);
        assert_eq!(r.see(&[]), ["w1 - 2-", "w2 - 2-", "w3 - 2-"]);
    }

    #[test]
    fn a_recycled_address_is_another_server() {
        let mut r = Running::new(FILE);
        let identity = |r: &Running| {
            let running = r.running.as_ref().expect("placed");
            running.backends[0].servers[0].identity.clone()
        };
        r.see(&[instance("a", 1, 1)]);
        let first = identity(&r);
        r.see(&[instance("a", 1, 5)]);
        assert_eq!(identity(&r), first);
        r.see(&[instance("b", 1, 1)]);
        assert_ne!(identity(&r), first);
        r.see(&[instance("a", 9, 1)]);
        assert_ne!(identity(&r), first);
    }

    #[test]
    fn a_service_that_is_asked_for_otherwise_serves_on_until_it_is_known() {
        let mut r = Running::new(FILE);
        let placed = r.see(&[instance("a", 1, 1)]);
        r.base = config(&FILE.replace("consul@web", "consul@web?tag=prod"));
        assert_eq!(r.place(), placed);
        r.base = config(&FILE.replace("consul@web", "consul@api"));
        assert_eq!(r.place(), ["w1 - 2-", "w2 - 2-", "w3 - 2-"]);
    }

    #[test]
    fn n9_weights_multiply_and_have_an_end() {
        let mut r = Running::new(FILE);
        let [a, b, c] = [(1, 10), (2, 0), (3, 999)].map(|(at, w)| instance("i", at, w));
        let [mut b, mut c] = [b, c];
        (b.id, c.id) = ("j".into(), "k".into());
        let weighted = ["w1 10.0.0.1:80 20+", "w2 10.0.0.2:80 0+", "w3 10.0.0.3:80 256+"];
        assert_eq!(r.see(&[a.clone(), b, c]), weighted);
        let mut r = Running::new(" server-template w 3 consul@web resolve-opts ignore-weight\n");
        assert_eq!(r.see(&[a])[0], "w1 10.0.0.1:80 1+");
    }

    #[test]
    fn more_instances_than_servers_are_said_by_name() {
        let mut r = Running::new(FILE);
        let all: Vec<Instance> = (1..=9).map(|n| instance(&format!("i{n}"), n, 1)).collect();
        r.see(&all[..4]);
        let said = "backend b: consul@web has 4 instances for 3 servers; without one: \
                    n/i4 10.0.0.4:80";
        assert_eq!(r.notices, [said]);
        r.see(&all);
        assert!(r.notices[0].ends_with("n/i8 10.0.0.8:80 and 1 more"), "{:?}", r.notices);
        r.see(&all[..3]);
        assert!(r.notices.is_empty(), "{:?}", r.notices);
    }

    #[test]
    fn n11_c10_d10_a_place_counts_once_and_never_ourselves() {
        let mut r = Running::new(FILE);
        r.services = Services::with_own(vec![[10, 0, 0, 7].into()]);
        let mut ours = instance("us", 7, 1);
        ours.port = 81;
        let mut loopback = ours.clone();
        (loopback.id, loopback.ip) = ("lo".into(), [127, 0, 0, 1].into());
        let (a, mut twin) = (instance("a", 1, 1), instance("a", 1, 1));
        twin.node = "o".into();
        let one = ["w1 10.0.0.1:80 2+", "w2 - 2-", "w3 - 2-"];
        assert_eq!(r.see(&[a, loopback, ours, twin]), one);
        assert_eq!(r.notices.len(), 2, "{:?}", r.notices);
    }

    #[test]
    fn n6_what_was_never_seen_says_nothing_and_what_is_stale_stays() {
        let query = Arc::new(ServiceQuery::new("web".into()));
        let mut services = Services::default();
        let mut see = |freshness: Freshness, instances: Vec<Instance>| {
            let (query, unusable) = (Arc::clone(&query), Vec::new());
            let heard =
                services.handle(ServiceObservation { query, freshness, instances, unusable });
            (heard.changed, heard.fault, heard.recovered)
        };
        let away = || Freshness::Blind("away".to_owned());
        assert_eq!(see(away(), Vec::new()), (false, Some("away".to_owned()), false));
        assert_eq!(see(away(), Vec::new()), (false, None, false));
        assert_eq!(see(Freshness::Fresh(1), Vec::new()), (true, None, true));
        let a = || vec![instance("a", 1, 1)];
        assert_eq!(see(Freshness::Fresh(2), a()), (true, None, false));
        let stale = || Freshness::Stale { since_ms: 1, reason: "gone".to_owned() };
        assert_eq!(see(stale(), a()), (false, Some("gone".to_owned()), false));
        assert_eq!(see(Freshness::Fresh(2), a()), (false, None, true));
    }
}
