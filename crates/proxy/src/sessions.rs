//! The sessions of a worker as operators see them: who is served where, and since when.

use std::net::SocketAddr;

use model::{Address, Name, ProxyOf};
use tokio::time::Instant;

use crate::termination::Cause;
use crate::worker::{Registered, Worker};

/// Bits of an id that number the connections of a worker; those above say which worker.
const SERIAL_BITS: u32 = 40;

/// A request or TCP session in progress.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Of its connection; never the same twice in a process.
    pub id: u64,
    /// Number of its worker, from 0.
    pub worker: usize,
    /// Peer of the connection; `None` on a Unix socket.
    pub source: Option<SocketAddr>,
    /// Where it was accepted.
    pub listener: Address,
    /// Number of that bind in its frontend, and its name where it has one.
    pub bind: (u32, Option<Name>),
    /// Its frontend.
    pub frontend: ProxyOf,
    /// Its backend, once chosen.
    pub backend: Option<ProxyOf>,
    /// Name, number and address of its server, once chosen.
    pub server: Option<(Name, u32, String)>,
    /// When it began.
    pub began: Instant,
}

/// The id of the connection with this number on a worker.
pub fn id(worker: usize, serial: u64) -> u64 {
    ((worker as u64 + 1) << SERIAL_BITS) | (serial & ((1 << SERIAL_BITS) - 1))
}

/// The worker that an id speaks of.
pub fn worker_of(id: u64) -> Option<usize> {
    (id >> SERIAL_BITS).checked_sub(1).map(|worker| worker as usize)
}

impl Worker {
    /// All sessions in progress. Connections that wait for a request have none.
    pub fn sessions(&self) -> Vec<SessionFacts> {
        self.register().borrow().iter().filter_map(|(_, r)| self.facts(r)).collect()
    }

    fn facts(&self, r: &Registered) -> Option<SessionFacts> {
        let began = r.began?;
        let live = &self.view().live;
        let model = &r.frontend.model;
        let position = live.listeners.get(&r.client.listener).map(|(_, bind)| *bind);
        let bind = model.binds.get(position.unwrap_or(0));
        let server = live
            .backends
            .values()
            .flat_map(|b| &b.servers)
            .find(|s| r.server != 0 && s.state.uid() == r.server);
        let backend = match server {
            Some(server) => live.backends.get(&server.backend),
            None => live.backends.values().find(|b| r.backend == Some(b.model.id)),
        };
        Some(SessionFacts {
            id: id(self.index, r.serial),
            worker: self.index,
            source: r.client.front_src,
            listener: r.client.listener.clone(),
            bind: bind.map_or((0, None), |b| (b.id, b.name.clone())),
            frontend: ProxyOf { name: model.name.clone(), id: model.id, mode: model.mode },
            backend: backend.map(|b| ProxyOf {
                name: b.model.name.clone(),
                id: b.model.id,
                mode: b.model.mode,
            }),
            server: server.map(|s| {
                let address = s.model.host.address_for(s.model.port, r.client.dst.get());
                let address = address.map(|a| a.to_string()).unwrap_or_default();
                (s.model.name.clone(), s.model.id, address)
            }),
            began,
        })
    }

    /// Ends the session with this id; false when there is none.
    pub fn end_session(&self, id: u64, cause: Cause) -> bool {
        let mut register = self.register().borrow_mut();
        let found = register.iter_mut().map(|(_, r)| r).find(|r| {
            r.began.is_some() && r.ended.is_none() && self::id(self.index, r.serial) == id
        });
        let Some(r) = found else { return false };
        r.ended = Some(cause);
        if let Some(task) = &r.abort {
            task.abort();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_its_worker() {
        assert_eq!(worker_of(id(0, 7)), Some(0));
        assert_eq!(worker_of(id(3, u64::MAX)), Some(3));
        assert_eq!(worker_of(7), None);
        assert_ne!(id(0, 1), id(0, 2));
    }
}
