//! A manager's answers in our nouns; nothing is interpreted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::Name;
use model::observed::{Container, ContainerHealth, ContainerState, Network, Service, Task};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::translate::{environment, timestamp_ns};

/// Labels that the engine gives to the containers of tasks.
const SERVICE_ID: &str = "com.docker.swarm.service.id";
const SERVICE_NAME: &str = "com.docker.swarm.service.name";
const TASK_ID: &str = "com.docker.swarm.task.id";
const NODE_ID: &str = "com.docker.swarm.node.id";
/// Name of the network of a service that uses its host's.
const HOST: &str = "host";

/// Services, with what of their tasks only they know.
#[derive(Default)]
pub struct Services {
    /// By id.
    pub services: BTreeMap<Name, Service>,
    /// TCP ports that a service publishes, its containers' own, by service id.
    pub ports: BTreeMap<Name, Vec<u16>>,
    /// Greatest version.
    pub index: u64,
}

/// Everybody's tasks.
#[derive(Default)]
pub struct Tasks(Vec<TaskAnswer>);

/// Reads `/services`.
pub fn services(bytes: &[u8]) -> Result<Services, String> {
    let mut all = Services::default();
    for answer in list::<ServiceAnswer>(bytes)? {
        let id = Name::from(answer.id);
        all.index = all.index.max(answer.version.index);
        let endpoint = answer.endpoint.unwrap_or_default();
        let ports = endpoint.ports.unwrap_or_default();
        let tcp = ports.iter().filter(|p| p.is_tcp()).map(|p| p.target_port);
        let tcp: BTreeSet<u16> = tcp.filter(|p| *p != 0).collect();
        all.ports.insert(id.clone(), tcp.into_iter().collect());
        let addresses = endpoint.virtual_ips.unwrap_or_default().into_iter();
        let service = Service {
            name: answer.spec.name.into(),
            labels: answer.spec.labels.unwrap_or_default(),
            virtual_addresses: addresses
                .filter_map(|v| Some((v.network_id.into(), address(&v.addr)?)))
                .collect(),
        };
        all.services.insert(id, service);
    }
    Ok(all)
}

/// Reads `/nodes`: the address of each by its id.
pub fn nodes(bytes: &[u8]) -> Result<BTreeMap<Name, Option<IpAddr>>, String> {
    let read = |answer: NodeAnswer| {
        let addr = answer.status.addr.parse::<IpAddr>().ok();
        (answer.id.into(), addr.filter(|ip| !ip.is_unspecified()))
    };
    Ok(list(bytes)?.into_iter().map(read).collect())
}

impl Tasks {
    /// Reads `/tasks`.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        list(bytes).map(Self)
    }

    /// Those on these nodes, in the order of their ids, and the greatest version among them.
    pub fn on(
        &self,
        nodes: &BTreeSet<Name>,
        addresses: &BTreeMap<Name, Option<IpAddr>>,
        services: &Services,
    ) -> (Vec<Task>, u64) {
        let ours = || self.0.iter().filter(|t| nodes.contains(&*t.node_id));
        let mut tasks: Vec<Task> = ours()
            .map(|answer| {
                let at = addresses.get(&*answer.node_id).copied().flatten();
                let node = Name::from(answer.node_id.as_str());
                Task { node, container: Arc::new(container(answer, at, services)) }
            })
            .collect();
        tasks.sort_by(|a, b| a.container.id.cmp(&b.container.id));
        (tasks, ours().map(|t| t.version.index).max().unwrap_or(0))
    }
}

fn list<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let read: Result<Option<Vec<T>>, _> = serde_json::from_slice(bytes);
    read.map(Option::unwrap_or_default).map_err(|e| format!("an answer that is none: {e}"))
}

/// An address with or without its mask.
fn address(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.parse().ok()
}

fn container(answer: &TaskAnswer, machine: Option<IpAddr>, services: &Services) -> Container {
    let spec = answer.spec.container_spec.clone().unwrap_or_default();
    let status = answer.status.clone().unwrap_or_default();
    let service_name = services.services.get(&*answer.service_id).map(|s| s.name.to_string());
    let service_name = service_name.unwrap_or_else(|| answer.service_id.clone());
    // A global service's tasks are numbered by their nodes.
    let place = match answer.slot {
        Some(slot) if slot > 0 => slot.to_string(),
        _ => answer.node_id.clone(),
    };
    let mut labels = spec.labels.unwrap_or_default();
    for (name, value) in [
        (SERVICE_ID, &answer.service_id),
        (SERVICE_NAME, &service_name),
        (TASK_ID, &answer.id),
        (NODE_ID, &answer.node_id),
    ] {
        labels.insert(name.to_owned(), value.clone());
    }
    let attachments = answer.networks_attachments.as_deref().unwrap_or_default();
    let host_network = attachments.iter().any(|a| a.network.spec.name == HOST);
    let networks = networks(attachments);
    let unaddressed = networks.iter().any(|n| n.ipv4.is_none() && n.ipv6.is_none());
    let runs = status.state == "running" && (host_network || !unaddressed);
    let of_container = status.container_status.unwrap_or_default().container_id;
    let id = of_container.filter(|id| !id.is_empty()).unwrap_or_else(|| answer.id.clone());
    let published = status.port_status.and_then(|p| p.ports).unwrap_or_default();
    Container {
        id: id.into(),
        name: format!("{service_name}.{place}.{}", answer.id).into(),
        // Managers add a digest to the name.
        image: spec.image.split('@').next().unwrap_or_default().into(),
        labels,
        env: environment(spec.env.unwrap_or_default()),
        state: if runs { ContainerState::Running } else { ContainerState::Created },
        // A task with a HEALTHCHECK runs only once that has passed.
        health: ContainerHealth::None,
        stopping: false,
        started_ns: timestamp_ns(&status.timestamp).unwrap_or(0),
        networks,
        host_network,
        exposed: services.ports.get(&*answer.service_id).cloned().unwrap_or_default(),
        published: published
            .iter()
            .filter(|p| p.is_tcp() && p.published_port != 0)
            .filter_map(|p| Some((p.target_port, machine?, p.published_port)))
            .collect(),
    }
}

fn networks(attachments: &[Attachment]) -> Vec<Network> {
    let overlay = attachments.iter().filter(|a| a.network.spec.name != HOST);
    let mut list: Vec<Network> = overlay
        .map(|attachment| {
            let all = attachment.addresses.as_deref().unwrap_or_default();
            let addresses: Vec<IpAddr> = all.iter().filter_map(|a| address(a)).collect();
            Network {
                id: attachment.network.id.as_str().into(),
                name: attachment.network.spec.name.as_str().into(),
                ipv4: addresses.iter().copied().find(IpAddr::is_ipv4),
                ipv6: addresses.iter().copied().find(IpAddr::is_ipv6),
                gateway: None,
                aliases: Vec::new(),
                links: Vec::new(),
            }
        })
        .collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Version {
    index: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ServiceAnswer {
    #[serde(rename = "ID")]
    id: String,
    version: Version,
    spec: Named,
    endpoint: Option<Endpoint>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    name: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Endpoint {
    ports: Option<Vec<Port>>,
    #[serde(rename = "VirtualIPs")]
    virtual_ips: Option<Vec<VirtualIp>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct VirtualIp {
    #[serde(rename = "NetworkID")]
    network_id: String,
    addr: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Port {
    protocol: String,
    target_port: u16,
    published_port: u16,
}

impl Port {
    fn is_tcp(&self) -> bool {
        matches!(self.protocol.as_str(), "" | "tcp")
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeAnswer {
    #[serde(rename = "ID")]
    id: String,
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeStatus {
    addr: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TaskAnswer {
    #[serde(rename = "ID")]
    id: String,
    version: Version,
    spec: TaskSpec,
    #[serde(rename = "ServiceID")]
    service_id: String,
    slot: Option<u64>,
    #[serde(rename = "NodeID")]
    node_id: String,
    status: Option<TaskStatus>,
    networks_attachments: Option<Vec<Attachment>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TaskSpec {
    container_spec: Option<ContainerSpec>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerSpec {
    image: String,
    labels: Option<BTreeMap<String, String>>,
    env: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TaskStatus {
    timestamp: String,
    state: String,
    container_status: Option<ContainerStatus>,
    port_status: Option<PortStatus>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerStatus {
    #[serde(rename = "ContainerID")]
    container_id: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PortStatus {
    ports: Option<Vec<Port>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attachment {
    network: Attached,
    addresses: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attached {
    #[serde(rename = "ID")]
    id: String,
    spec: Named,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: &str = r#"[{"ID":"s1","Version":{"Index":31},
        "Spec":{"Name":"web","Labels":{"evenkeel.host":"web.test"}},
        "Endpoint":{"Ports":[{"Protocol":"tcp","TargetPort":8000,"PublishedPort":80},
        {"Protocol":"udp","TargetPort":53}],
        "VirtualIPs":[{"NetworkID":"n1","Addr":"10.0.1.2/24"}]}},
        {"ID":"s2","Spec":{"Name":"dns","Labels":null},"Endpoint":{}}]"#;
    const NODES: &str = r#"[{"ID":"a","Status":{"State":"ready","Addr":"198.18.0.2"}},
        {"ID":"b","Status":{"State":"ready","Addr":"0.0.0.0"}}]"#;

    fn task(id: &str, node: &str, state: &str, addresses: &str) -> String {
        format!(
            r#"{{"ID":"{id}","Version":{{"Index":27}},"ServiceID":"s1","Slot":3,"NodeID":"{node}",
            "Spec":{{"ContainerSpec":{{"Image":"web:1@sha256:00","Labels":{{"x":"y"}},
            "Env":["A=b=c"]}}}},
            "Status":{{"Timestamp":"1970-01-01T00:00:01Z","State":"{state}",
            "ContainerStatus":{{"ContainerID":"c{id}"}},
            "PortStatus":{{"Ports":[{{"Protocol":"tcp","TargetPort":8000,"PublishedPort":81}}]}}}},
            "NetworksAttachments":[{{"Network":{{"ID":"n1","Spec":{{"Name":"apps"}}}},
            "Addresses":[{addresses}]}}]}}"#
        )
    }

    #[test]
    fn tasks_become_containers() {
        let services = services(SERVICES.as_bytes()).expect("services");
        assert_eq!(services.index, 31);
        let web = &services.services["s1"];
        assert_eq!(web.labels["evenkeel.host"], "web.test");
        assert_eq!(web.virtual_addresses, [("n1".into(), IpAddr::from([10, 0, 1, 2]))]);
        let nodes = nodes(NODES.as_bytes()).expect("nodes");
        assert_eq!(nodes["b"], None, "an address that is none");
        let both = [
            task("t1", "a", "running", r#""10.0.1.7/24""#),
            task("t2", "b", "running", r#""10.0.1.8/24""#),
            task("t3", "a", "running", ""),
            task("t4", "a", "starting", r#""10.0.1.9/24""#),
        ];
        let tasks = Tasks::read(format!("[{}]", both.join(",")).as_bytes()).expect("tasks");
        let (seen, index) = tasks.on(&BTreeSet::from(["a".into()]), &nodes, &services);
        assert_eq!((seen.len(), index), (3, 27));
        let c = &seen[0].container;
        assert_eq!((&*c.id, &*c.name, &*c.image), ("ct1", "web.3.t1", "web:1"));
        assert_eq!((c.state, c.started_ns), (ContainerState::Running, 1_000_000_000));
        assert_eq!(c.networks[0].ipv4, Some(IpAddr::from([10, 0, 1, 7])));
        assert_eq!((c.labels["x"].as_str(), c.labels[SERVICE_ID].as_str()), ("y", "s1"));
        assert_eq!((c.env["A"].as_str(), &c.exposed[..]), ("b=c", &[8000][..]));
        assert_eq!(c.published, [(8000, IpAddr::from([198, 18, 0, 2]), 81)]);
        assert_eq!(seen[1].container.state, ContainerState::Created, "no address yet");
        assert_eq!(seen[2].container.state, ContainerState::Created, "not running yet");
    }

    #[test]
    fn what_is_missing_or_null_does_no_harm_and_nonsense_is_an_error() {
        assert!(services(b"null").is_ok_and(|s| s.services.is_empty()));
        let tasks = Tasks::read(br#"[{"ID":"t","NodeID":"a","Spec":{},"Status":null}]"#);
        let none = BTreeMap::new();
        let (seen, _) =
            tasks.expect("tasks").on(&BTreeSet::from(["a".into()]), &none, &Services::default());
        assert_eq!(&*seen[0].container.id, "t");
        assert!(Tasks::read(br#"{"message":"no"}"#).is_err());
        assert!(nodes(b"<html>").is_err());
    }
}
