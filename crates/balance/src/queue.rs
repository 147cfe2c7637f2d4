//! Who waits for a connection slot and who is next: one queue per server, one for the backend.
//!
//! The rules (manual 4.2 `fullconn`, 5.2 `maxconn`, `maxqueue`, 4.2 `http-request
//! set-priority-class`): inside a queue the lower class goes first, then who came first. When a
//! slot of a server becomes free, the head of its own queue and the head of the backend's queue
//! compete by the same order.

use std::collections::{BTreeMap, HashMap};

use crate::fleet::Fleet;

/// Most waiters of one backend over all its queues; what comes after is refused.
pub const MAX_WAITERS: usize = 1 << 20;

/// A place in a queue: order of service, and the handle for leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    class: i16,
    number: u64,
    /// `uid` of the server queued for; 0 = the backend's queue.
    server: u64,
}

impl Ticket {
    /// The `uid` of the server whose queue it is; `None` for the backend's.
    #[must_use]
    pub fn server_uid(&self) -> Option<u64> {
        (self.server != 0).then_some(self.server)
    }
}

/// Why nobody could be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueFull {
    /// The server's `maxqueue` is reached: redispatch, or 503.
    MaxQueue,
    /// [`MAX_WAITERS`] is reached.
    MaxWaiters,
    /// The fleet has no such server.
    NoServer,
}

/// The queues of one backend; lives as long as the backend, across snapshots.
///
/// Counters in the fleet tell without a lock whether anybody waits. The caller keeps this order,
/// so that no wake-up is lost: a session that found no slot enters a queue, then calls
/// [`Queues::next`] once for every server it might use; a session that gives a slot back calls it
/// for that server when [`Fleet::anybody_waits`].
#[derive(Debug)]
pub struct Queues<T> {
    backend: BTreeMap<Ticket, T>,
    servers: HashMap<u64, BTreeMap<Ticket, T>>,
    number: u64,
    waiters: usize,
}

impl<T> Default for Queues<T> {
    fn default() -> Self {
        Self { backend: BTreeMap::new(), servers: HashMap::new(), number: 0, waiters: 0 }
    }
}

impl<T> Queues<T> {
    fn ticket(&mut self, class: i16, server: u64) -> Ticket {
        self.number += 1;
        self.waiters += 1;
        Ticket { class, number: self.number, server }
    }

    /// Waits for any server. `class` is the priority class, lower first, 0 = normal.
    ///
    /// # Errors
    /// Gives the waiter back with the reason.
    pub fn wait_for_any(
        &mut self,
        fleet: &Fleet,
        class: i16,
        waiter: T,
    ) -> Result<Ticket, (QueueFull, T)> {
        if self.waiters >= MAX_WAITERS {
            return Err((QueueFull::MaxWaiters, waiter));
        }
        let ticket = self.ticket(class, 0);
        self.backend.insert(ticket, waiter);
        fleet.shared().note_queued(1);
        Ok(ticket)
    }

    /// Waits for server `index` (its cookie, or its hash, leads there).
    ///
    /// # Errors
    /// Gives the waiter back with the reason.
    pub fn wait_for(
        &mut self,
        fleet: &Fleet,
        index: usize,
        class: i16,
        waiter: T,
    ) -> Result<Ticket, (QueueFull, T)> {
        let Some(member) = fleet.members().get(index) else {
            return Err((QueueFull::NoServer, waiter));
        };
        let max = member.config.maxqueue;
        if max > 0 && member.state.queued() >= max {
            return Err((QueueFull::MaxQueue, waiter));
        }
        if self.waiters >= MAX_WAITERS {
            return Err((QueueFull::MaxWaiters, waiter));
        }
        let uid = member.state.uid();
        let ticket = self.ticket(class, uid);
        self.servers.entry(uid).or_default().insert(ticket, waiter);
        member.state.note_queued(1);
        fleet.shared().note_server_queued(1);
        Ok(ticket)
    }

    /// Leaves the queue (time-out, client gone). `None` when the turn has come already: the slot
    /// is then the caller's and has to be used or given back.
    pub fn leave(&mut self, fleet: &Fleet, ticket: Ticket) -> Option<T> {
        self.remove(fleet, ticket)
    }

    fn remove(&mut self, fleet: &Fleet, ticket: Ticket) -> Option<T> {
        let waiter = if ticket.server == 0 {
            let w = self.backend.remove(&ticket)?;
            fleet.shared().note_queued(-1);
            w
        } else {
            let queue = self.servers.get_mut(&ticket.server)?;
            let w = queue.remove(&ticket)?;
            if queue.is_empty() {
                self.servers.remove(&ticket.server);
            }
            if let Some(m) = fleet.members().iter().find(|m| m.state.uid() == ticket.server) {
                m.state.note_queued(-1);
            }
            fleet.shared().note_server_queued(-1);
            w
        };
        self.waiters -= 1;
        Some(waiter)
    }

    /// Takes a slot of server `index` for whoever is next, if there is a slot and somebody
    /// waits. The slot is the waiter's.
    pub fn next(&mut self, fleet: &Fleet, index: usize, now_ms: u64) -> Option<T> {
        let member = fleet.members().get(index)?;
        let own = self.servers.get(&member.state.uid()).and_then(|q| q.keys().next()).copied();
        let shared =
            fleet.takes_part(index, now_ms).then(|| self.backend.keys().next().copied()).flatten();
        let ticket = match (own, shared) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        if !member.state.is_alive() || !fleet.take(index, now_ms) {
            return None;
        }
        let waiter = self.remove(fleet, ticket);
        if waiter.is_none() {
            fleet.give_back(&member.state);
        }
        waiter
    }

    /// Everybody who waits for the server with this `uid` leaves its queue: it went down, or was
    /// removed. They pick again, in this order.
    pub fn evict(&mut self, fleet: &Fleet, uid: u64) -> Vec<T> {
        let Some(queue) = self.servers.remove(&uid) else { return Vec::new() };
        let left = i32::try_from(queue.len()).unwrap_or(i32::MAX);
        self.waiters -= queue.len();
        if let Some(m) = fleet.members().iter().find(|m| m.state.uid() == uid) {
            m.state.note_queued(-left);
        }
        fleet.shared().note_server_queued(-left);
        queue.into_values().collect()
    }

    /// Everybody who waits for any server leaves: no server is left, so they get their 503.
    pub fn evict_all_waiting_for_any(&mut self, fleet: &Fleet) -> Vec<T> {
        let queue = std::mem::take(&mut self.backend);
        self.waiters -= queue.len();
        fleet.shared().note_queued(-i32::try_from(queue.len()).unwrap_or(i32::MAX));
        queue.into_values().collect()
    }

    /// Waiters in all queues.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiters
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiters == 0
    }
}
