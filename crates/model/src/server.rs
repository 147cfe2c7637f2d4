//! A server of a backend (manual 4.2 `server`, 5.2 server options).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::consul::ServiceQuery;
use crate::{Host, Name, OnMarked, Origin, Port, ResolveOptions, ServerCheck, Source};

/// What makes two servers the same across configurations. An address is not an identity: a
/// recycled address is a new server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerIdentity {
    /// Written in a file: the server's name within its backend.
    Named(Name),
    /// An observed container: provider, container id and start time (nanoseconds since 1970).
    Container {
        /// Provider name.
        provider: Name,
        /// Container id.
        id: Name,
        /// Start time in nanoseconds since 1970.
        started_ns: u64,
    },
}

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Identity across changes.
    pub identity: ServerIdentity,
    /// Name, unique in its backend.
    pub name: Name,
    /// `id`, or numbered from 1.
    pub id: u32,
    /// Host.
    pub host: Host,
    /// Port.
    pub port: Port,
    /// 0-256; 0 = only sticky clients.
    pub weight: u16,
    /// `backup`.
    pub backup: bool,
    /// `disabled`: in maintenance from the file.
    pub disabled: bool,
    /// Observed as stopping: takes nothing new, in-flight requests finish.
    pub stopping: bool,
    /// `maxconn`; `None` = unlimited.
    pub maxconn: Option<u32>,
    /// `minconn`.
    pub minconn: Option<u32>,
    /// `maxqueue`; 0 = unlimited.
    pub maxqueue: u32,
    /// `slowstart`.
    pub slowstart: Option<Duration>,
    /// `cookie`.
    pub cookie: Option<Name>,
    /// `redir PREFIX`.
    pub redir: Option<Name>,
    /// `check`. Boxed, like `agent` and `track`, because most servers of a large file do without.
    pub check: Option<Box<ServerCheck>>,
    /// `agent-check`.
    pub agent: Option<Box<crate::AgentCheck>>,
    /// `track BACKEND/SERVER`.
    pub track: Option<Box<(Name, Name)>>,
    /// `on-marked-down`, `on-marked-up`.
    pub on_marked: OnMarked,
    /// `send-proxy`, `send-proxy-v2`.
    pub send_proxy: Option<ProxyHeader>,
    /// `source`, the server's own or its backend's.
    pub source: Option<Source>,
    /// `init-addr` methods, in order.
    pub init_addr: Vec<InitAddr>,
    /// `resolve-prefer ipv4` (false) or `ipv6` (true, the default).
    pub prefer_ipv6: bool,
    /// `resolvers` section named.
    pub resolvers: Option<Name>,
    /// What it wants of their answers; `None` = nothing special.
    pub resolve: Option<Arc<ResolveOptions>>,
    /// `consul@`: its address is an instance of this service. Of equal queries in a backend each
    /// server gets another instance.
    pub consul: Option<Arc<ServiceQuery>>,
    /// `pool-max-conn`; -1 = unlimited (default), 0 = none.
    pub pool_max_conn: i32,
    /// `pool-purge-delay` (default 5 s).
    pub pool_purge_delay: Duration,
    /// `max-reuse`; `None` = unlimited.
    pub max_reuse: Option<u32>,
    /// `tcp-ut` in milliseconds.
    pub tcp_user_timeout_ms: Option<u32>,
    /// Where it was written.
    pub origin: Origin,
}

/// How a server's name becomes an address at start (manual 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitAddr {
    /// From the state file or the running process.
    Last,
    /// Hosts file and resolver.
    Libc,
    /// Start without an address, in maintenance.
    None,
    /// A fixed address.
    Ip(IpAddr),
}

/// The PROXY header that is sent to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `send-proxy`.
    V1,
    /// `send-proxy-v2`.
    V2,
}
