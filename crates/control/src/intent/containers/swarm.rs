//! What a Swarm's manager says joined with what the engines see: each container once, as its own
//! engine sees it where that one is followed, with the labels of its service.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use model::observed::{
    Container, ContainerHealth, ContainerState, Freshness, Network, Observation, Service, Swarm,
};
use model::{Name, Origin, ServerIdentity};

use super::Problem;
use super::asks::{Dialect, Way};
use super::reach::VIRTUAL;
use super::said::truth;
use super::select::{SWARM_SERVICE, label};

/// Provider in the identity of a task's servers: whoever tells of it, it is the same one.
const PROVIDER: &str = "swarm";
/// Label that says where a container is reached.
const ADDRESS: &str = "evenkeel.address";
/// Labels that both a service and its containers may have.
const OURS: [&str; 2] = ["evenkeel.", "com.docker.dockercloud.haproxy."];
/// Traefik's labels for virtual addresses, of its versions 3 and 2.
pub const LBSWARM: [&str; 2] = ["traefik.swarm.lbswarm", "traefik.docker.lbswarm"];
const UNKNOWN_SERVICE: &str = "no manager of the Swarm knows its service yet";

/// Everything observed, joined.
#[derive(Debug, Default)]
pub struct Joined<'a> {
    /// One for each provider.
    pub observations: Vec<Cow<'a, Observation>>,
    /// Containers that nothing can be said of yet, by id, and why.
    pub held: BTreeMap<Name, &'static str>,
    /// What is to be said.
    pub problems: Vec<Problem>,
}

/// Joins what all providers say. Where none is in a Swarm nothing is changed.
/// With `traefik`, its label for virtual addresses counts.
pub fn join<'a>(observations: &[&'a Observation], traefik: bool) -> Joined<'a> {
    if observations.iter().all(|o| o.node.is_none() && o.swarm.is_none()) {
        let observations = observations.iter().map(|o| Cow::Borrowed(*o)).collect();
        return Joined { observations, ..Joined::default() };
    }
    let manager = manager(observations);
    let mut joined = Joined::default();
    match manager {
        Some((_, swarm)) => joined.problems.extend(silent(swarm)),
        None => joined.problems.extend(workers(observations)),
    }
    let mut desk = Desk {
        swarm: manager.map(|(_, swarm)| swarm),
        traefik,
        current: manager.is_some_and(|(o, s)| is_current(o, s)),
        tasks: HashSet::new(),
        chosen: chosen(observations),
        followed: BTreeSet::new(),
        virtuals: BTreeMap::new(),
        differing: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    if let Some(swarm) = desk.swarm {
        desk.tasks = swarm.tasks.iter().map(|t| &t.container.id).collect();
    }
    let fresh = observations.iter().filter(|o| matches!(o.freshness, Freshness::Fresh(_)));
    desk.followed = fresh.filter_map(|o| o.node.as_ref()).map(|n| &n.id).collect();
    let seen = observations.iter().enumerate().map(|(i, o)| desk.of_engine(i, o));
    let mut containers: Vec<Vec<Arc<Container>>> = seen.collect();
    let speaker = |o: &&Observation| manager.is_some_and(|(m, _)| std::ptr::eq(m, *o));
    if let Some(at) = observations.iter().position(speaker) {
        containers[at].extend(desk.of_manager());
        containers[at].extend(std::mem::take(&mut desk.virtuals).into_values().map(Arc::new));
    }
    let with = |(observation, containers): (&&Observation, Vec<Arc<Container>>)| {
        Cow::Owned(Observation {
            provider: observation.provider.clone(),
            freshness: observation.freshness.clone(),
            heard_ms: observation.heard_ms,
            containers,
            unreadable: observation.unreadable.clone(),
            own: observation.own.clone(),
            machine: observation.machine,
            node: observation.node.clone(),
            swarm: None,
        })
    };
    joined.observations = observations.iter().zip(containers).map(with).collect();
    joined.problems.extend(desk.differing.into_values());
    joined.held = desk.held;
    joined
}

/// The manager whose word counts: one that can say something new, then the one that said it last.
fn manager<'a>(observations: &[&'a Observation]) -> Option<(&'a Observation, &'a Swarm)> {
    let all = observations.iter().filter_map(|o| Some((*o, o.swarm.as_deref()?)));
    all.max_by_key(|(o, s)| (is_current(o, s), s.index))
}

fn is_current(observation: &Observation, swarm: &Swarm) -> bool {
    matches!(observation.freshness, Freshness::Fresh(_)) && swarm.fault.is_none()
}

fn silent(swarm: &Swarm) -> Option<Problem> {
    let reason = swarm.fault.as_ref()?;
    Some(Problem {
        origin: Origin::BuiltIn,
        reason: format!(
            "no manager of the Swarm can say anything new, its services and tasks stay as they \
             were: {reason}"
        ),
    })
}

/// Engines that have containers of a Swarm and cannot tell of the others. One that has not been
/// heard yet may be the manager.
fn workers(observations: &[&Observation]) -> Option<Problem> {
    if observations.iter().any(|o| matches!(o.freshness, Freshness::Blind(_))) {
        return None;
    }
    let works = |o: &&&Observation| {
        let is_task = |c: &Arc<Container>| label(c, SWARM_SERVICE).is_some();
        o.node.as_ref().is_some_and(|n| !n.manager) && o.containers.iter().any(is_task)
    };
    let engine = observations.iter().find(works)?;
    Some(Problem {
        origin: Origin::BuiltIn,
        reason: format!(
            "engine {} is a worker of a Swarm: labels of services and tasks of other nodes are \
             known to a manager only; name a manager's engine with DOCKER_HOST or --docker, or run \
             'evenkeel agent' as a global service and name it with --docker=tasks://agent:2375",
            engine.provider
        ),
    })
}

/// For each container that several engines tell of, the one that is heard: one that is followed.
fn chosen<'a>(observations: &[&'a Observation]) -> HashMap<&'a Name, usize> {
    let mut chosen = HashMap::new();
    for fresh in [true, false] {
        for (i, observation) in observations.iter().enumerate() {
            if matches!(observation.freshness, Freshness::Fresh(_)) == fresh {
                observation.containers.iter().for_each(|c| {
                    chosen.entry(&c.id).or_insert(i);
                });
            }
        }
    }
    chosen
}

struct Desk<'a> {
    /// Labels of Traefik are read.
    traefik: bool,
    swarm: Option<&'a Swarm>,
    /// The manager says how it is now, not how it was.
    current: bool,
    /// Containers of tasks that the manager tells of.
    tasks: HashSet<&'a Name>,
    chosen: HashMap<&'a Name, usize>,
    /// Nodes whose engines say how it is now.
    followed: BTreeSet<&'a Name>,
    /// One for each service that is reached at its virtual address.
    virtuals: BTreeMap<Name, Container>,
    /// By service and label.
    differing: BTreeMap<(Name, String), Problem>,
    held: BTreeMap<Name, &'static str>,
}

impl<'a> Desk<'a> {
    /// The containers that an engine tells of, without those that others know better.
    fn of_engine(&mut self, number: usize, seen: &'a Observation) -> Vec<Arc<Container>> {
        let away = !matches!(seen.freshness, Freshness::Fresh(_));
        let told = seen
            .node
            .as_ref()
            .is_some_and(|n| self.current && self.swarm.is_some_and(|s| s.nodes.contains(&n.id)));
        let mut containers = Vec::with_capacity(seen.containers.len());
        for container in &seen.containers {
            if self.chosen.get(&container.id) != Some(&number) {
                continue;
            }
            let is_task = label(container, SWARM_SERVICE).is_some();
            // The engine is away, and the manager knows that the task is not wanted any more.
            if is_task && away && told && !self.tasks.contains(&container.id) {
                continue;
            }
            containers.extend(self.serve(Arc::clone(container)));
        }
        containers
    }

    /// Tasks on nodes whose engines are not followed.
    fn of_manager(&mut self) -> Vec<Arc<Container>> {
        let Some(swarm) = self.swarm else { return Vec::new() };
        let all = swarm.tasks.iter().filter(|t| !self.followed.contains(&t.node));
        let unseen: Vec<Arc<Container>> = all
            .filter(|t| !self.chosen.contains_key(&t.container.id))
            .map(|t| Arc::clone(&t.container))
            .collect();
        unseen.into_iter().filter_map(|c| self.serve(c)).collect()
    }

    /// The container with its service's labels; `None` when its service stands for it.
    fn serve(&mut self, mut container: Arc<Container>) -> Option<Arc<Container>> {
        let (Some(swarm), Some(id)) = (self.swarm, label(&container, SWARM_SERVICE)) else {
            return Some(container);
        };
        let id = Name::from(id);
        let Some(service) = swarm.services.get(&id) else {
            self.held.insert(container.id.clone(), UNKNOWN_SERVICE);
            return Some(container);
        };
        for (name, value) in &service.labels {
            let before = container.labels.get(name).cloned();
            if before.as_ref() != Some(value) {
                Arc::make_mut(&mut container).labels.insert(name.clone(), value.clone());
            }
            if before.is_some_and(|b| b != *value) && OURS.iter().any(|o| name.starts_with(o)) {
                self.differs(&id, service, name);
            }
        }
        if !self.is_virtual(&container) {
            return Some(container);
        }
        let known = self.virtuals.remove(&id);
        self.virtuals
            .insert(id.clone(), virtually(&id, service, Arc::unwrap_or_clone(container), known));
        None
    }

    /// Whether its service is to be one server at its virtual address.
    fn is_virtual(&self, container: &Container) -> bool {
        if let Some(address) = container.labels.get(ADDRESS) {
            return address == VIRTUAL;
        }
        let mut of_traefik = container.labels.iter().filter(|(name, _)| is_lbswarm(name));
        self.traefik && of_traefik.any(|(_, value)| truth(value))
    }

    fn differs(&mut self, id: &Name, service: &Service, name: &str) {
        let key = (id.clone(), name.to_owned());
        self.differing.entry(key).or_insert_with(|| Problem {
            origin: Origin::Label { container: service.name.clone(), label: name.into() },
            reason: "the service's containers have another value of this label: the service's \
                     counts"
                .to_owned(),
        });
    }
}

/// Whether this is Traefik's label for virtual addresses, as version 3 or 2 spells it.
fn is_lbswarm(name: &str) -> bool {
    LBSWARM.iter().any(|label| name.eq_ignore_ascii_case(label))
}

/// A service as one server: running when one of its containers is.
fn virtually(
    id: &Name,
    service: &Service,
    mut container: Container,
    known: Option<Container>,
) -> Container {
    let runs = |c: &Container| c.state == ContainerState::Running && !c.stopping;
    let ready = |c: &Container| {
        runs(c) && matches!(c.health, ContainerHealth::None | ContainerHealth::Healthy)
    };
    if let Some(known) = known
        && (ready(&known) || !ready(&container))
    {
        return known;
    }
    let network = |(network, address): &(Name, std::net::IpAddr)| Network {
        id: network.clone(),
        name: container
            .networks
            .iter()
            .find(|n| n.id == *network)
            .map_or_else(|| network.clone(), |n| n.name.clone()),
        ipv4: Some(*address).filter(std::net::IpAddr::is_ipv4),
        ipv6: Some(*address).filter(std::net::IpAddr::is_ipv6),
        gateway: None,
        aliases: Vec::new(),
        links: Vec::new(),
    };
    container.networks = service.virtual_addresses.iter().map(network).collect();
    (container.id, container.name) = (id.clone(), service.name.clone());
    container.published = Vec::new();
    container
}

/// Whether a Swarm service names its ports where its dialect wants that.
///
/// # Errors
/// One line that says what is missing.
pub fn names_ports(container: &Container, way: &Way, dialect: Dialect) -> Result<(), String> {
    let wanted = dialect == Dialect::Dockercloud && label(container, SWARM_SERVICE).is_some();
    match wanted && way.ports.named.is_none() {
        true => Err("a service of a Swarm names its ports with SERVICE_PORTS or the label \
                     evenkeel.port, and this one does not"
            .to_owned()),
        false => Ok(()),
    }
}

/// A task's number within its service; the container is called `SERVICE.NUMBER.TASK`.
pub fn slot(container: &Container) -> Option<u64> {
    label(container, SWARM_SERVICE)?;
    container.name.rsplit('.').nth(1)?.parse().ok()
}

/// What a container's servers are known by. A task has one life, whoever tells of it.
pub fn identity(provider: &Name, container: &Container) -> ServerIdentity {
    let id = container.id.clone();
    match label(container, SWARM_SERVICE) {
        Some(_) => ServerIdentity::Container { provider: PROVIDER.into(), id, started_ns: 0 },
        None => ServerIdentity::Container {
            provider: provider.clone(),
            id,
            started_ns: container.started_ns,
        },
    }
}
