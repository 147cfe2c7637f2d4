//! Answers to expressions that HTTP and TCP sessions give alike.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use expr::auth::Userlist;
use expr::{Count, End, Named, ServerName};
use model::{Config, Port};
use tokio::time::Instant;

use crate::client::ClientFacts;
use crate::live::{Live, LiveBackend, LiveFrontend, LiveServer};
use crate::worker::Worker;

/// An end of one of a session's connections.
#[must_use]
pub fn address(facts: &ClientFacts, server: Option<&LiveServer>, end: End) -> Option<SocketAddr> {
    match end {
        End::Src => facts.src.get(),
        End::Dst => facts.dst.get(),
        End::FrontSrc => facts.front_src,
        End::FrontDst => facts.front_dst,
        End::BackSrc => None,
        End::BackDst => {
            let server = server?;
            match server.model.host.address_for(server.model.port, facts.dst.get())? {
                model::Address::Inet(addr) => Some(addr),
                _ => match server.model.port {
                    Port::Client | Port::Fixed(_) | Port::Offset(_) => None,
                },
            }
        }
    }
}

/// Whether an address is one of this machine: it can be bound.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || std::net::UdpSocket::bind((ip, 0)).is_ok()
}

/// The `bind` a connection came in on.
#[must_use]
pub fn listener(frontend: &LiveFrontend, bind: usize) -> Option<Named<'_>> {
    let bind = frontend.model.binds.get(bind)?;
    Some(Named { name: bind.name.as_deref().unwrap_or_default(), id: bind.id })
}

/// A userlist by name.
#[must_use]
pub fn userlist<'a>(config: &'a Config, name: &str) -> Option<&'a Userlist> {
    config.userlists.iter().find(|u| &*u.name == name).map(|u| &u.users)
}

/// Where a running number is looked up.
pub struct Context<'a> {
    /// The worker.
    pub worker: &'a Rc<Worker>,
    /// Configuration.
    pub live: &'a Live,
    /// The session's frontend.
    pub frontend: &'a LiveFrontend,
    /// The session's backend.
    pub backend: Option<&'a LiveBackend>,
}

impl<'a> Context<'a> {
    fn frontend(&self, name: Option<&str>) -> Option<&'a LiveFrontend> {
        match name {
            None => Some(self.frontend),
            Some(name) => self.live.frontend(name).map(|f| &**f),
        }
    }
    fn backend(&self, name: Option<&str>) -> Option<&'a LiveBackend> {
        match name {
            None => self.backend,
            Some(name) => self.live.backends.get(name).map(|b| &**b),
        }
    }
    fn server(
        &self,
        name: ServerName<'_>,
    ) -> Option<(&'a LiveBackend, &'a Arc<LiveServer>, usize)> {
        let backend = self.backend(name.backend)?;
        let index = backend.servers.iter().position(|s| &*s.model.name == name.server)?;
        Some((backend, backend.servers.get(index)?, index))
    }
}

/// A running number; `None` if the named thing does not exist.
#[must_use]
pub fn count(c: &Context<'_>, count: Count<'_>) -> Option<i64> {
    let now_ms = c.worker.shared.now_ms(Instant::now());
    Some(match count {
        Count::ActConn => c.worker.shared.connections.value().into(),
        Count::FeConn(n) => c.frontend(n)?.counters.connections.value().into(),
        Count::FeSessRate(n) => c.frontend(n)?.counters.connection_rate.per_second(now_ms).into(),
        Count::FeReqRate(n) => c.frontend(n)?.counters.traffic.per_second(now_ms).into(),
        Count::BeConn(n) => c.backend(n)?.counters.sessions.value().into(),
        Count::BeConnFree(n) => slots(c.backend(n)?, false),
        Count::BeSessRate(n) => c.backend(n)?.counters.traffic.per_second(now_ms).into(),
        Count::ConnSlots(n) => slots(c.backend(n)?, true),
        Count::Queue(n) => queued(c.backend(n)?),
        Count::AvgQueue(n) => {
            let backend = c.backend(n)?;
            match backend.fleet.usable_count(now_ms) as i64 {
                0 => queued(backend) * 9999,
                usable => (queued(backend) + usable - 1) / usable,
            }
        }
        Count::NbSrv(n) => c.backend(n)?.fleet.usable_count(now_ms) as i64,
        Count::SrvConn(n) => c.server(n)?.1.state.served().into(),
        Count::SrvConnFree(n) => {
            let (_, server, _) = c.server(n)?;
            match server.model.maxconn {
                Some(max) => (i64::from(max) - i64::from(server.state.served())).max(0),
                None => -1,
            }
        }
        Count::SrvIsUp(n) => c.server(n)?.1.state.is_alive().into(),
        Count::SrvQueue(n) => c.server(n)?.1.state.queued().into(),
        Count::SrvSessRate(n) => c.server(n)?.1.counters.traffic.per_second(now_ms).into(),
        Count::SrvWeight(n) | Count::SrvUserWeight(n) => c.server(n)?.1.state.weight().into(),
        Count::SrvInitialWeight(n) => c.server(n)?.1.model.weight.into(),
        Count::DstConn => c.frontend.counters.connections.value().into(),
    })
}

fn queued(backend: &LiveBackend) -> i64 {
    let servers: i64 = backend.servers.iter().map(|s| i64::from(s.state.queued())).sum();
    servers + i64::from(backend.fleet.shared().queued())
}

/// Free connection slots of the usable servers, with `queue` their queue slots too; -1 when one
/// has no limit.
fn slots(backend: &LiveBackend, queue: bool) -> i64 {
    let mut sum = 0;
    for server in backend.servers.iter().filter(|s| s.state.is_usable()) {
        let Some(max) = server.model.maxconn else { return -1 };
        sum += i64::from(max) - i64::from(server.state.served());
        if queue {
            match server.model.maxqueue {
                0 => return -1,
                max => sum += i64::from(max) - i64::from(server.state.queued()),
            }
        }
    }
    sum.max(0)
}
