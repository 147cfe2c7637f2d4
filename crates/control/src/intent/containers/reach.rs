//! The address and ports of a container as the balancer can reach them.

use std::net::{IpAddr, Ipv4Addr};

use model::observed::{Container, Network, OwnContainer};

use super::asks::Way;

/// Where a container is reached, or why it cannot be.
///
/// # Errors
/// One line that says what is missing.
pub fn address(
    container: &Container,
    own: Option<&OwnContainer>,
    network: Option<&str>,
) -> Result<IpAddr, String> {
    let outside = own.is_none_or(|o| o.host_network);
    if container.host_network {
        return match outside {
            true => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            false => Err("it uses the host's network, which a balancer in a container does not \
                          reach"
                .to_owned()),
        };
    }
    let address = |n: &Network| n.ipv4.or(n.ipv6);
    if let Some(name) = network {
        let found = container.networks.iter().find(|n| &*n.name == name || &*n.id == name);
        return found.and_then(address).ok_or_else(|| {
            format!("it has no address on the network {name} that it names ({})", list(container))
        });
    }
    if outside {
        return container
            .networks
            .iter()
            .find_map(address)
            .ok_or_else(|| "it has no address on any network".to_owned());
    }
    // In the order of our own attachments, so that every replica is reached on the same network.
    let ours = own.map(|o| &o.networks[..]).unwrap_or_default();
    let shared = |mine: &Network| container.networks.iter().find(|n| n.id == mine.id);
    let usable = ours.iter().filter(|n| &*n.name != "ingress");
    usable.filter_map(shared).find_map(address).ok_or_else(|| {
        let names: Vec<&str> = ours.iter().map(|n| &*n.name).collect();
        format!(
            "it shares no network with the balancer (it is on {}, the balancer on {})",
            list(container),
            names.join(", ")
        )
    })
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
pub fn ports(container: &Container, way: &Way, all: bool) -> Result<Chosen, String> {
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
