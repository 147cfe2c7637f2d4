//! What one container asks for, whichever words it used.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Problem;
use super::route::Route;
use super::said::Said;

/// Most routes that one container may ask for.
pub const ROUTES_MAX: usize = 256;

/// Whose words a container uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Labels `evenkeel.*`.
    Native,
    /// Variables of dockercloud/haproxy.
    Dockercloud,
    /// Variables of nginx-proxy.
    NginxProxy,
    /// Labels of Traefik.
    Traefik,
}

impl Dialect {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "evenkeel labels",
            Self::Dockercloud => "dockercloud variables",
            Self::NginxProxy => "nginx-proxy variables",
            Self::Traefik => "traefik labels",
        }
    }
}

/// What a container asks for.
#[derive(Debug)]
pub struct Asks {
    /// Whose words.
    pub dialect: Dialect,
    /// It said that it takes part.
    pub explicit: bool,
    /// Service it wants to belong to.
    pub service: Option<Said>,
    /// Network it wants to be reached on.
    pub network: Option<Said>,
    /// Address it wants to be reached at, or `published`.
    pub address: Option<Said>,
    /// What it asks for; at least one.
    pub ways: Vec<Way>,
    /// What is to be said about it.
    pub notes: Vec<Problem>,
}

/// Requests, and how they reach the container.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// Name of the route; empty for the only one.
    pub name: String,
    /// Which requests, each with its place.
    pub routes: Vec<(Route, Said)>,
    /// Listening ports whose bytes are relayed, each with its place.
    pub tcp: Vec<(u16, Said)>,
    /// It asked for requests that cannot be served: it is not meant for the rest either.
    pub unserved: bool,
    /// Container ports.
    pub ports: Ports,
    /// The higher comes first.
    pub priority: i64,
    /// About its servers.
    pub server: ServerAsks,
    /// About the pool they are in.
    pub pool: PoolAsks,
}

/// Which ports of the container.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// It named them.
    pub named: Option<(Vec<u16>, Said)>,
    /// Exposed, but never used.
    pub excluded: Vec<u16>,
}

/// What a container asks for its own servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerAsks {
    /// Weight, 0-256.
    pub weight: Option<Said>,
    /// Words of the check; empty = none.
    pub check: Option<Said>,
    /// Further words.
    pub extra: Option<Said>,
    /// Only used when the others are down.
    pub backup: bool,
    /// Gets traffic whatever its HEALTHCHECK says.
    pub ignore_health: bool,
}

/// Places of lines in a backend, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// `option http-server-close`.
    ServerClose,
    /// `cookie`.
    Cookie,
    /// `balance`.
    Balance,
    /// Redirection to https.
    Redirect,
    /// `option httpchk` and its kin.
    Check,
    /// `compression`.
    Compression,
    /// Strict-Transport-Security.
    Hsts,
    /// `option`.
    Option,
    /// Whole lines.
    Extra,
}

/// What a container asks for the pool it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolAsks {
    /// Lines by place.
    pub lines: BTreeMap<Slot, Vec<Said>>,
    /// No basic auth.
    pub open: bool,
    /// Lines of a userlist of its own: an account is asked for.
    pub users: Vec<Said>,
    /// Of what it is an account.
    pub realm: Option<Said>,
    /// How long requests in flight may take after the stop.
    pub drain: Option<Duration>,
}

impl Way {
    /// Whether it asks for anything.
    pub fn speaks(&self) -> bool {
        !self.routes.is_empty() || !self.tcp.is_empty() || self.unserved
    }

    /// Ports of the container that are relayed: a relay may listen on another one.
    pub fn relayed(&self) -> impl Iterator<Item = u16> {
        let named = self.ports.named.as_ref().and_then(|(ports, _)| ports.first().copied());
        self.tcp.iter().map(move |(port, _)| named.unwrap_or(*port))
    }

    /// Takes over what another says, where it says something.
    fn amend(&mut self, by: &Self) {
        if by.ports.named.is_some() {
            self.ports.named.clone_from(&by.ports.named);
        }
        if by.priority != 0 {
            self.priority = by.priority;
        }
        let (mine, theirs) = (&mut self.server, &by.server);
        mine.weight = theirs.weight.clone().or(mine.weight.take());
        mine.check = theirs.check.clone().or(mine.check.take());
        mine.ignore_health |= theirs.ignore_health;
        self.pool.drain = by.pool.drain.or(self.pool.drain);
        for (slot, lines) in &by.pool.lines {
            self.pool.lines.insert(*slot, lines.clone());
        }
    }
}

impl Asks {
    /// Labels that name no route say the rest about what other words ask for.
    pub fn said_about(self, mut other: Self) -> Self {
        other.explicit |= self.explicit;
        other.service = self.service.or(other.service);
        other.network = self.network.or(other.network);
        other.address = self.address.or(other.address);
        other.notes.extend(self.notes);
        for way in &mut other.ways {
            self.ways.iter().for_each(|by| way.amend(by));
        }
        other
    }
}

impl PoolAsks {
    /// Adds a line.
    pub fn line(&mut self, slot: Slot, said: &Said, text: impl Into<String>) {
        self.lines.entry(slot).or_default().push(said.with(text));
    }
}

/// A time such as `500ms`, `8s`, `2m`, `1h`; a bare number has this unit.
pub fn time(text: &str, bare_ms: u64) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "" => bare_ms,
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(unit_ms)?))
}
