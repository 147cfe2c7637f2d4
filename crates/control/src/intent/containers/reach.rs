//! The address and ports of a container as the balancer can reach them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::observed::{Container, Network, Observation};

use super::asks::{Asks, Way};
use super::said::Said;

/// Value of the label `evenkeel.address` for the port that is published on the machine.
const PUBLISHED: &str = "published";
/// Value of the label `evenkeel.address` for the virtual address of a Swarm service.
pub const VIRTUAL: &str = "vip";

/// Where the balancer stands, as seen from the containers of one engine.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Our attachments; networks that span machines are known to several engines.
    networks: Vec<Network>,
    /// We run in a container that has a network of its own.
    contained: bool,
    /// The engine's machine, if it is not this one.
    machine: Option<IpAddr>,
}

impl View {
    /// The view that the containers of `of`, one of `all`, are seen with.
    pub fn new(of: &Observation, all: &[&Observation]) -> Self {
        let ours = || all.iter().filter_map(|o| o.own.as_ref());
        let own = of.own.as_ref().or_else(|| ours().next());
        let mut networks: Vec<Network> = own.map(|o| o.networks.clone()).unwrap_or_default();
        for network in ours().flat_map(|o| &o.networks) {
            if !networks.iter().any(|n| n.id == network.id) {
                networks.push(network.clone());
            }
        }
        // An engine that is away may have said who we are and not where its machine is.
        let machine = of.machine.filter(|_| of.own.is_none());
        Self { networks, contained: own.is_some_and(|o| !o.host_network), machine }
    }

    /// Where the machine of the containers is.
    fn machine(&self) -> Option<IpAddr> {
        let bridge = || self.networks.iter().find_map(|n| n.gateway);
        match self.machine {
            Some(ip) => Some(ip),
            None if self.contained => bridge(),
            None => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        }
    }
}

/// How a container is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// At this address, on its own ports.
    Direct(IpAddr),
    /// On ports of its machine: for each port of its own, where.
    Published(Vec<(u16, SocketAddr)>),
}

impl Reach {
    /// Where a port of the container is reached.
    pub fn socket(&self, port: u16) -> Option<SocketAddr> {
        match self {
            Self::Direct(ip) => Some(SocketAddr::new(*ip, port)),
            Self::Published(list) => list.iter().find(|(p, _)| *p == port).map(|(_, at)| *at),
        }
    }
}

/// How a container is reached, or why it cannot be: what its labels say; else the host's network;
/// else an address on a network that both are on; else a port published on its machine.
///
/// # Errors
/// One line that says what is missing.
pub fn reach(container: &Container, view: &View, asks: &Asks) -> Result<Reach, String> {
    match asks.address.as_ref().map(|said| said.text.as_str()) {
        // A virtual address is the only one that its service has here.
        None | Some(VIRTUAL) => {}
        Some(PUBLISHED) => return published(container, view),
        Some(text) => {
            let ip = text.parse().map_err(|_| format!("'{text}' is no address"))?;
            return Ok(Reach::Direct(ip));
        }
    }
    if container.host_network {
        return view.machine().map(Reach::Direct).ok_or_else(|| {
            "it uses the host's network, and no network of the balancer has a way to the host: \
             name the host's address with the label evenkeel.address"
                .to_owned()
        });
    }
    let address = |n: &Network| n.ipv4.or(n.ipv6);
    if let Some(name) = asks.network.as_ref().map(|n| &*n.text) {
        let found = container.networks.iter().find(|n| &*n.name == name || &*n.id == name);
        return found.and_then(address).map(Reach::Direct).ok_or_else(|| {
            format!("it has no address on the network {name} that it names ({})", list(container))
        });
    }
    let near = if view.contained {
        shared(container, view)
    } else if view.machine.is_none() {
        // Networks that span machines are closed to the machines themselves.
        container.networks.iter().filter(|n| !spans_machines(n)).find_map(address)
    } else {
        None
    };
    let unreachable = |why: String| format!("{}, and {why}", apart(container, view));
    match near {
        Some(ip) => Ok(Reach::Direct(ip)),
        None => published(container, view).map_err(unreachable),
    }
}

/// Whether a value of the label `evenkeel.address` can be meant.
pub fn is_address(said: &Said) -> bool {
    matches!(&*said.text, PUBLISHED | VIRTUAL) || said.text.parse::<IpAddr>().is_ok()
}

/// The address on the first of our own networks that both are on, so that every replica is reached
/// on the same network; of a family that both have there.
fn shared(container: &Container, view: &View) -> Option<IpAddr> {
    let usable = view.networks.iter().filter(|n| &*n.name != "ingress");
    usable
        .filter_map(|mine| {
            let its = container.networks.iter().find(|n| n.id == mine.id && !n.id.is_empty())?;
            let both = |mine: Option<IpAddr>, its: Option<IpAddr>| mine.and(its);
            let common = both(mine.ipv4, its.ipv4).or_else(|| both(mine.ipv6, its.ipv6));
            // While our own attachment has no address yet, any of the other's is as good.
            common.or_else(|| match (mine.ipv4, mine.ipv6) {
                (None, None) => its.ipv4.or(its.ipv6),
                _ => None,
            })
        })
        .next()
}

/// Ids of a Swarm's networks are 25 letters and digits, those of one engine's 64 digits.
fn spans_machines(network: &Network) -> bool {
    network.id.len() == 25
}

fn apart(container: &Container, view: &View) -> String {
    if view.contained {
        let names: Vec<&str> = view.networks.iter().map(|n| &*n.name).collect();
        return format!(
            "it shares no network with the balancer (it is on {}, the balancer on {})",
            list(container),
            names.join(", ")
        );
    }
    match view.machine {
        Some(ip) => format!("its engine is on another machine ({ip})"),
        None => format!("it has no address on a network ({})", list(container)),
    }
}

/// The ports that it publishes, where the balancer reaches them.
fn published(container: &Container, view: &View) -> Result<Reach, String> {
    if container.published.is_empty() {
        return Err("it publishes no port".to_owned());
    }
    let machine = view.machine();
    let mut found: Vec<(u16, SocketAddr)> = Vec::new();
    for (port, at, host_port) in &container.published {
        let ip = match machine {
            _ if !at.is_unspecified() && !at.is_loopback() => Some(*at),
            Some(ip) if ip.is_loopback() => Some(if at.is_loopback() { *at } else { ip }),
            Some(ip) => (at.is_unspecified() && at.is_ipv4() == ip.is_ipv4()).then_some(ip),
            None => None,
        };
        if let Some(ip) = ip
            && !found.iter().any(|(p, _)| p == port)
        {
            found.push((*port, SocketAddr::new(ip, *host_port)));
        }
    }
    match found.is_empty() {
        true => Err("what it publishes is out of reach from here".to_owned()),
        false => Ok(Reach::Published(found)),
    }
}

fn list(container: &Container) -> String {
    let names: Vec<&str> = container.networks.iter().map(|n| &*n.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The ports of one way to a container.
#[derive(Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The ports; at least one.
    pub ports: Vec<u16>,
    /// Others could have been meant.
    pub doubtful: bool,
}

/// Which ports HTTP goes to: those named, else the exposed ones without those that are excluded
/// or relayed; of several 80, else the lowest.
///
/// # Errors
/// One line that says what is missing.
pub fn ports(container: &Container, reach: &Reach, way: &Way, all: bool) -> Result<Chosen, String> {
    let chosen = named_or_exposed(container, way, all)?;
    let unpublished = |p: &&u16| reach.socket(**p).is_none();
    match chosen.ports.iter().find(unpublished) {
        Some(port) => Err(format!("its port {port} is not published")),
        None => Ok(chosen),
    }
}

fn named_or_exposed(container: &Container, way: &Way, all: bool) -> Result<Chosen, String> {
    if let Some((ports, _)) = &way.ports.named {
        if ports.is_empty() {
            return Err("it names no port".to_owned());
        }
        return Ok(Chosen { ports: ports.clone(), doubtful: false });
    }
    let relayed = |p: &u16| way.tcp.iter().any(|(n, _)| n == p);
    let mut left: Vec<u16> = container
        .exposed
        .iter()
        .copied()
        .filter(|p| !way.ports.excluded.contains(p) && !relayed(p))
        .collect();
    left.sort_unstable();
    match left.as_slice() {
        [] if container.exposed.is_empty() => {
            Err("no port is known: EXPOSE one in the image or name it with the label \
                 evenkeel.port"
                .to_owned())
        }
        [] => Err("all its exposed ports are excluded or relayed".to_owned()),
        _ if all => Ok(Chosen { ports: left, doubtful: false }),
        [one] => Ok(Chosen { ports: vec![*one], doubtful: false }),
        several => {
            let one = if several.contains(&80) { 80 } else { several[0] };
            Ok(Chosen { ports: vec![one], doubtful: true })
        }
    }
}
