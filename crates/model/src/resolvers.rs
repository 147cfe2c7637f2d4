//! DNS servers that are asked for the addresses of servers while running (manual 5.3).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::{Name, in_network};

/// A `resolvers` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolvers {
    /// Name.
    pub name: Name,
    /// All of them are asked at once; the first good answer counts.
    pub nameservers: Vec<Nameserver>,
    /// How long what is known outlives answers that say otherwise.
    pub hold: Hold,
    /// `resolve_retries`: how often a question is sent before it counts as unanswered.
    pub retries: u32,
    /// `timeout resolve`: between two resolutions of a name.
    pub timeout_resolve: Duration,
    /// `timeout retry`: how long an answer may take before the question is sent again.
    pub timeout_retry: Duration,
    /// `accepted_payload_size`, announced to the servers; 512 to 65535 bytes.
    pub payload_bytes: u16,
    /// `dns-accept-family` of global.
    pub families: Families,
}

/// `dns-accept-family`: of a family that is not accepted nothing is asked or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
    /// `auto`: IPv6 as well while the machine has a route for it.
    pub ipv6_where_routed: bool,
}

impl Default for Families {
    fn default() -> Self {
        Self { ipv4: true, ipv6: true, ipv6_where_routed: false }
    }
}

/// A DNS server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nameserver {
    /// Name within its section.
    pub name: Name,
    /// Address.
    pub address: SocketAddr,
    /// `tcp@`: asked by TCP only. By UDP otherwise, and by TCP where an answer is cut.
    pub tcp: bool,
}

/// `hold`: for how long after the last good answer a bad one changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// How long a good answer serves `do-resolve` (default 10 s); servers are asked for every
    /// `timeout resolve`.
    pub valid: Duration,
    /// A record that is missing in a good answer (default 0).
    pub obsolete: Duration,
    /// The name does not exist (default 30 s).
    pub nx: Duration,
    /// The name has no address (default 30 s).
    pub empty: Duration,
    /// Refused; `None`, not written: for as long as it takes.
    pub refused: Option<Duration>,
    /// No answer; `None`, not written: for as long as it takes.
    pub timeout: Option<Duration>,
    /// Any other failure; `None`, not written: for as long as it takes.
    pub other: Option<Duration>,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            valid: Duration::from_secs(10),
            obsolete: Duration::ZERO,
            nx: Duration::from_secs(30),
            empty: Duration::from_secs(30),
            refused: None,
            timeout: None,
            other: None,
        }
    }
}

impl Resolvers {
    /// A section in which nothing is written.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self {
            name,
            nameservers: Vec::new(),
            hold: Hold::default(),
            retries: 3,
            timeout_resolve: Duration::from_secs(1),
            timeout_retry: Duration::from_secs(1),
            payload_bytes: 512,
            families: Families::default(),
        }
    }
}

/// What a server wants of the answers beside their family (manual 5.2 `resolve-opts`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolveOptions {
    /// `allow-dup-ip`: may have an address that another server of the same name has.
    pub allow_duplicates: bool,
    /// `ignore-weight`: the weight of an SRV record does not count.
    pub ignore_weight: bool,
    /// `resolve-net`: networks whose addresses are preferred, with their prefix length.
    pub networks: Vec<(IpAddr, u8)>,
    /// Prefix of the `server-template` that made it.
    pub template: Option<Name>,
}

impl ResolveOptions {
    /// Whether `ip` is in a preferred network.
    #[must_use]
    pub fn prefers(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| in_network(ip, *network))
    }
}
