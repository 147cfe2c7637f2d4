//! Which instances of a service are asked of Consul, and what it says of each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::Name;
use crate::observed::Freshness;

/// Instances that are wanted. Servers with equal queries share one watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceQuery {
    /// Service; empty asks for the names of all services instead.
    pub service: Name,
    /// Datacenter; `None` = the agent's own.
    pub datacenter: Option<Name>,
    /// Namespace; `None` = the default one.
    pub namespace: Option<Name>,
    /// Admin partition; `None` = the default one.
    pub partition: Option<Name>,
    /// Tags, all of which an instance has.
    pub tags: Vec<Name>,
    /// Metadata of the node, `key:value`, all of which it has.
    pub node_meta: Vec<Name>,
    /// Metadata of the instance, key and value, all of which it has.
    pub service_meta: Vec<(Name, Name)>,
    /// Expression in Consul's filter language, evaluated there.
    pub filter: Option<Name>,
    /// Which states of its checks will do.
    pub health: ServiceHealth,
    /// Answers of servers that are not the leader will do if they are not older than this; `None`
    /// = the leader is asked.
    pub stale: Option<Duration>,
    /// How long a question waits for a change (1 s to 10 min).
    pub wait: Duration,
    /// How long instances serve on that a Consul with a new, smaller state does not have.
    pub keep: Duration,
    /// Name of the tagged address that is used where there is one.
    pub address: Option<Name>,
    /// File with the token, read before every question.
    pub token_file: Option<Name>,
}

/// Which states of an instance's checks will do. The worst check counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceHealth {
    /// All pass.
    #[default]
    Passing,
    /// None is critical; a warning gives the instance its weight for warnings.
    Warning,
    /// Any.
    Any,
}

impl ServiceQuery {
    /// All instances of a service whose checks pass, asked as it is usual.
    #[must_use]
    pub fn new(service: Name) -> Self {
        Self {
            service,
            datacenter: None,
            namespace: None,
            partition: None,
            tags: Vec::new(),
            node_meta: Vec::new(),
            service_meta: Vec::new(),
            filter: None,
            health: ServiceHealth::Passing,
            stale: None,
            wait: Duration::from_secs(60),
            keep: Duration::from_secs(300),
            address: None,
            token_file: None,
        }
    }
}

/// An instance of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Node it is registered on.
    pub node: Name,
    /// Id on that node.
    pub id: Name,
    /// Where it is reached.
    pub ip: IpAddr,
    /// Port; 0 when it has none.
    pub port: u16,
    /// Weight that its state gives it (Consul's default is 1).
    pub weight: u16,
    /// Tags.
    pub tags: Vec<Name>,
    /// Metadata, uninterpreted.
    pub meta: BTreeMap<String, String>,
}

impl Instance {
    /// What makes it the same instance: node, id and place. A recycled address is another one.
    #[must_use]
    pub fn identity(&self) -> Name {
        match self.ip {
            IpAddr::V4(ip) => format!("{}/{} {ip}:{}", self.node, self.id, self.port).into(),
            IpAddr::V6(ip) => format!("{}/{} [{ip}]:{}", self.node, self.id, self.port).into(),
        }
    }
}

/// What is known of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceObservation {
    /// Which.
    pub query: std::sync::Arc<ServiceQuery>,
    /// How good it is.
    pub freshness: Freshness,
    /// Instances by node and id; those seen last while it is stale.
    pub instances: Vec<Instance>,
    /// Instances that cannot be used, and why.
    pub unusable: Vec<String>,
}
