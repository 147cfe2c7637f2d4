//! What providers see of the world: containers with their labels, uninterpreted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::Name;

/// How good an observation is. A provider never says "empty" when it means "I don't know".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Complete as of now; the number grows with each change seen.
    Fresh(u64),
    /// The last complete one; the source is away.
    Stale {
        /// Since when, in milliseconds since 1970.
        since_ms: u64,
        /// Why, and what helps.
        reason: String,
    },
    /// Nothing was ever seen; why.
    Blind(String),
    /// The source is no more, and nothing that it said counts.
    Gone,
}

/// A complete view of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Provider name, such as `docker` or `docker:tcp://10.0.0.2:2376`.
    pub provider: Name,
    /// How good it is.
    pub freshness: Freshness,
    /// When it heard of the first event behind this, milliseconds since 1970; `None` where it went
    /// to look by itself.
    pub heard_ms: Option<u64>,
    /// All containers it sees, by id. One that stays as it was is the same in memory.
    pub containers: Vec<Arc<Container>>,
    /// Containers that are there and that it cannot read now, by id. What it last knew of them is
    /// among `containers`.
    pub unreadable: Vec<Unreadable>,
    /// The balancer's own container, when it runs in one: its networks decide reachability.
    pub own: Option<OwnContainer>,
    /// Address of the machine that the containers run on, where it is not this one.
    pub machine: Option<IpAddr>,
    /// What the engine is in a Swarm, where it is in one.
    pub node: Option<Node>,
    /// What it knows of the whole Swarm, where it is a manager.
    pub swarm: Option<Arc<Swarm>>,
}

/// An engine as part of a Swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Node id.
    pub id: Name,
    /// It can be asked about the whole Swarm.
    pub manager: bool,
}

/// What a manager says of its Swarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swarm {
    /// Greatest version of anything in it: what was said later has a greater one.
    pub index: u64,
    /// Why the manager cannot say anything new, where it cannot; the rest is what it said last.
    pub fault: Option<String>,
    /// Services by id.
    pub services: BTreeMap<Name, Service>,
    /// Nodes that `tasks` speaks for. The engines of all others are followed by themselves.
    pub nodes: BTreeSet<Name>,
    /// Tasks that are wanted and have a node among `nodes`.
    pub tasks: Vec<Task>,
}

/// A Swarm service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name.
    pub name: Name,
    /// Labels of the service, which its containers do not have.
    pub labels: BTreeMap<String, String>,
    /// Its virtual address on each of its networks: network id and address.
    pub virtual_addresses: Vec<(Name, IpAddr)>,
}

/// A Swarm task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Id of the node it is on.
    pub node: Name,
    /// Its container as the manager knows it: running only when it has its addresses, too. Its id
    /// is the task's until there is a container.
    pub container: Arc<Container>,
}

/// A container that its provider cannot describe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Full id.
    pub id: Name,
    /// Name without the leading slash; empty when not even that is known.
    pub name: Name,
    /// Why.
    pub reason: String,
}

/// The container that the balancer itself runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnContainer {
    /// Container id.
    pub id: Name,
    /// Compose project, where it has one.
    pub project: Option<Name>,
    /// Compose service, where it has one.
    pub service: Option<Name>,
    /// Names and ids of its networks.
    pub networks: Vec<Network>,
    /// `--network host`.
    pub host_network: bool,
}

/// An observed container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Full id.
    pub id: Name,
    /// Name without the leading slash.
    pub name: Name,
    /// Image as named at creation.
    pub image: Name,
    /// Labels as they are.
    pub labels: BTreeMap<String, String>,
    /// Environment as it is.
    pub env: BTreeMap<String, String>,
    /// State.
    pub state: ContainerState,
    /// HEALTHCHECK result.
    pub health: ContainerHealth,
    /// Its stop signal was seen, or it was paused or disconnected: nothing new.
    pub stopping: bool,
    /// Start time in nanoseconds since 1970; 0 when never started.
    pub started_ns: u64,
    /// Networks it is attached to.
    pub networks: Vec<Network>,
    /// `--network host`.
    pub host_network: bool,
    /// EXPOSEd TCP ports, ascending.
    pub exposed: Vec<u16>,
    /// Published TCP ports: container port, host address, host port.
    pub published: Vec<(u16, IpAddr, u16)>,
}

/// One attachment to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Network id.
    pub id: Name,
    /// Network name.
    pub name: Name,
    /// Address on it.
    pub ipv4: Option<IpAddr>,
    /// IPv6 address on it.
    pub ipv6: Option<IpAddr>,
    /// Address of the machine on it, for those that are attached.
    pub gateway: Option<IpAddr>,
    /// Aliases on it.
    pub aliases: Vec<Name>,
    /// Names of the containers that it is linked to there.
    pub links: Vec<Name>,
}

/// Engine state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Created, never started.
    Created,
    /// Running.
    Running,
    /// Paused.
    Paused,
    /// Restarting.
    Restarting,
    /// Exited, dead or being removed.
    Exited,
}

/// HEALTHCHECK state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerHealth {
    /// No health check declared.
    None,
    /// Not known yet.
    Starting,
    /// Good.
    Healthy,
    /// Bad.
    Unhealthy,
}

/// What the DNS says of a name at one moment, uninterpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameObservation {
    /// Which name, asked how.
    pub question: Question,
    /// The name server whose good answer it is.
    pub by: Option<Name>,
    /// What came of it.
    pub outcome: Result<Vec<NameRecord>, NameFailure>,
}

/// A name that is asked for; two servers with the same question share its answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// `resolvers` section.
    pub resolvers: Name,
    /// Host name, or the name of SRV records when it begins with `_`.
    pub name: Name,
    /// IPv6 addresses are asked for first, the other family only where there are none.
    pub prefer_ipv6: bool,
}

/// A place that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRecord {
    /// Address.
    pub ip: IpAddr,
    /// Port and weight (0-65535) of an SRV record.
    pub service: Option<(u16, u16)>,
}

/// Why there are no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFailure {
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists without an address.
    Empty,
    /// REFUSED.
    Refused,
    /// No answer.
    Timeout,
    /// SERVFAIL and all else.
    Other,
}

impl std::fmt::Display for NameFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoSuchName => "there is no such name",
            Self::Empty => "the name has no address",
            Self::Refused => "refused",
            Self::Timeout => "no answer",
            Self::Other => "the name server failed",
        })
    }
}
