//! Addresses as configurations write them, for binds, servers, checks and logs.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::Name;

/// An address to listen on or to send to, ready for a socket call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4 or IPv6 with a port.
    Inet(SocketAddr),
    /// `unix@/path` or a bare absolute path.
    Unix(PathBuf),
    /// `abns@name`: Linux abstract socket, name without the leading NUL, padded to the full
    /// 107 bytes as HAProxy does.
    Abstract(Name),
    /// `abnsz@name`: Linux abstract socket, name not padded.
    AbstractZ(Name),
    /// `fd@n`: an inherited, already bound descriptor.
    Fd(i32),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inet(a) => write!(f, "{a}"),
            Self::Unix(p) => write!(f, "unix@{}", p.display()),
            Self::Abstract(n) => write!(f, "abns@{n}"),
            Self::AbstractZ(n) => write!(f, "abnsz@{n}"),
            Self::Fd(n) => write!(f, "fd@{n}"),
        }
    }
}

/// The host part of a server's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Ip(IpAddr),
    /// A name; `resolved` holds what it stood for when the snapshot was made, `None` while it
    /// does not resolve (the server is then in maintenance, manual 5.3 `init-addr`).
    Name {
        /// The name as written.
        name: Name,
        /// The address in use.
        resolved: Option<IpAddr>,
    },
    /// A unix socket path.
    Unix(PathBuf),
    /// A Linux abstract socket (`abns@`), padded.
    Abstract(Name),
    /// A Linux abstract socket (`abnsz@`), not padded.
    AbstractZ(Name),
}

/// The port part of a server's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// None given: the port that the client connected to.
    Client,
    /// A fixed port.
    Fixed(u16),
    /// `+n` or `-n`: the client's destination port plus this offset.
    Offset(i32),
}

impl Host {
    /// Whether connections go to whatever destination the client has (`0.0.0.0` or `::`).
    #[must_use]
    pub fn is_destination(&self) -> bool {
        matches!(self, Self::Ip(ip) if ip.is_unspecified())
    }

    /// The address to connect to for a client whose destination is this, after `set-dst`; `None`
    /// while the name does not resolve.
    #[must_use]
    pub fn address_for(&self, port: Port, destination: Option<SocketAddr>) -> Option<Address> {
        let client_port = destination.map_or(0, |a| a.port());
        match (self.connect_address(port, client_port)?, destination) {
            (Address::Inet(address), Some(destination)) if address.ip().is_unspecified() => {
                Some(Address::Inet(SocketAddr::new(destination.ip(), address.port())))
            }
            (address, _) => Some(address),
        }
    }

    /// The address to connect to, or `None` while the name does not resolve.
    /// `client_port` is the port the client connected to.
    #[must_use]
    pub fn connect_address(&self, port: Port, client_port: u16) -> Option<Address> {
        let ip = match self {
            Self::Ip(ip) => *ip,
            Self::Name { resolved, .. } => (*resolved)?,
            Self::Unix(p) => return Some(Address::Unix(p.clone())),
            Self::Abstract(n) => return Some(Address::Abstract(n.clone())),
            Self::AbstractZ(n) => return Some(Address::AbstractZ(n.clone())),
        };
        let port = match port {
            Port::Client => client_port,
            Port::Fixed(p) => p,
            Port::Offset(o) => (i32::from(client_port) + o).clamp(0, 65535) as u16,
        };
        Some(Address::Inet(SocketAddr::new(ip, port)))
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Name { name, .. } => f.write_str(name),
            Self::Unix(p) => write!(f, "unix@{}", p.display()),
            Self::Abstract(n) => write!(f, "abns@{n}"),
            Self::AbstractZ(n) => write!(f, "abnsz@{n}"),
        }
    }
}

/// The address that connections to servers start from (manual 4.2 and 5.2, `source`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Address to bind before connecting; port 0 lets the system choose.
    pub address: SocketAddr,
    /// `usesrc clientip|client`: take the client's address (needs transparent proxying).
    pub client_address: bool,
    /// `interface NAME`: bind to this device.
    pub interface: Option<Name>,
}

/// Whether an address is in a network, given as any address of it and the length of its prefix in
/// bits; those beyond the address's own count as all of them.
#[must_use]
pub fn in_network(ip: IpAddr, (network, bits): (IpAddr, u8)) -> bool {
    match (network, ip) {
        (IpAddr::V4(n), IpAddr::V4(ip)) => {
            let shift = 32 - u32::from(bits.min(32));
            n.to_bits().checked_shr(shift) == ip.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(n), IpAddr::V6(ip)) => {
            let shift = 128 - u32::from(bits.min(128));
            n.to_bits().checked_shr(shift) == ip.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_compared_by_their_prefix() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let within = |text, network, bits| in_network(ip(text), (ip(network), bits));
        assert!(within("10.1.2.3", "10.1.0.0", 16));
        assert!(!within("10.2.2.3", "10.1.0.0", 16));
        assert!(within("10.2.2.3", "0.0.0.0", 0));
        assert!(!within("::1", "0.0.0.0", 0));
        assert!(within("2001:db8:1::1", "2001:db8::", 32));
        assert!(!within("1.2.3.4", "2001:db8::", 32));
    }
}
