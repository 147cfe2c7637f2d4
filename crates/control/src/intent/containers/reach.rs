//! The address of a container as the balancer can reach it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::observed::{Container, OwnContainer};

/// Address and port of a container, or why there is none.
pub fn address(
    container: &Container,
    own: Option<&OwnContainer>,
    asked: Option<u16>,
) -> Result<SocketAddr, String> {
    let port = asked.or_else(|| container.exposed.first().copied()).ok_or_else(|| {
        "no port is known: EXPOSE one in the image or name it with the label evenkeel.port"
            .to_owned()
    })?;
    Ok(SocketAddr::new(ip(container, own, port)?, port))
}

fn ip(container: &Container, own: Option<&OwnContainer>, port: u16) -> Result<IpAddr, String> {
    let outside = own.is_none_or(|o| o.host_network);
    if container.host_network {
        return match outside {
            true => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            false => {
                Err("it uses the host's network, which a balancer in a container does not reach"
                    .to_owned())
            }
        };
    }
    let address = |n: &model::observed::Network| n.ipv4.or(n.ipv6);
    if outside {
        return container.networks.iter().find_map(address).ok_or_else(|| {
            format!("it has no address on any network, port {port} cannot be reached")
        });
    }
    let ours: Vec<&str> =
        own.map(|o| o.networks.iter().map(|n| &*n.id).collect()).unwrap_or_default();
    container.networks.iter().filter(|n| ours.contains(&&*n.id)).find_map(address).ok_or_else(
        || {
            let of = |list: &[model::observed::Network]| {
                list.iter().map(|n| n.name.to_string()).collect::<Vec<_>>().join(", ")
            };
            format!(
                "it shares no network with the balancer (it is on {}, the balancer on {})",
                of(&container.networks),
                of(own.map(|o| &o.networks[..]).unwrap_or_default())
            )
        },
    )
}
