//! Waiting for a connection slot of a server, across workers, and being woken in turn.

use std::sync::{Arc, Weak};

use balance::{Queues, ServerState, Ticket};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::live::{Live, LiveBackend, LiveServer};

/// What a waiter is told.
pub enum Turn {
    /// Its turn: the slot is taken for it.
    Slot(Slot),
    /// The server it waited for is gone: pick again.
    PickAgain,
}

/// The queues of one backend, shared by all workers and all generations.
#[derive(Default)]
pub struct BackendQueue {
    queues: Mutex<Queues<oneshot::Sender<Turn>>>,
    current: Mutex<Weak<LiveBackend>>,
}

/// A taken connection slot of a server; dropping it gives it to whoever waits.
pub struct Slot {
    /// The backend the slot was taken in.
    pub backend: Arc<LiveBackend>,
    index: u32,
    /// Whoever drops it looks for the next waiter itself.
    quiet: bool,
}

impl Slot {
    /// A slot of a server that the backend has.
    fn new(backend: &Arc<LiveBackend>, index: usize) -> Self {
        Self { backend: Arc::clone(backend), index: index as u32, quiet: false }
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Arc<LiveServer> {
        &self.backend.servers[self.index()]
    }

    /// Position of the server in the backend.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Takes a slot of server `index`, when it has one free.
    #[must_use]
    pub fn take(backend: &Arc<LiveBackend>, index: usize, now_ms: u64) -> Option<Self> {
        backend.servers.get(index)?;
        backend.fleet.take(index, now_ms).then(|| Self::new(backend, index))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let state = &self.server().state;
        self.backend.fleet.give_back(state);
        if !self.quiet && self.backend.fleet.anybody_waits() {
            self.backend.queue.serve(state, 0);
        }
    }
}

/// A place in a queue; leaving it is dropping this.
pub struct Waiting {
    backend: Arc<LiveBackend>,
    ticket: Ticket,
    turn: oneshot::Receiver<Turn>,
}

impl Waiting {
    /// Waits for the turn.
    pub async fn turn(&mut self) -> Turn {
        (&mut self.turn).await.unwrap_or(Turn::PickAgain)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.backend.queue.queues.lock().leave(&self.backend.fleet, self.ticket);
    }
}

impl BackendQueue {
    /// From now on this is the backend whose servers waiters get.
    pub fn set_current(&self, backend: &Arc<LiveBackend>) {
        *self.current.lock() = Arc::downgrade(backend);
    }

    /// The backend whose servers waiters get.
    #[must_use]
    pub fn current(&self) -> Option<Arc<LiveBackend>> {
        self.current.lock().upgrade()
    }

    /// Enters the queue of one server, or with `None` that of the backend. `None` when the queue
    /// is full.
    #[must_use]
    pub fn enter(
        backend: &Arc<LiveBackend>,
        server: Option<usize>,
        now_ms: u64,
    ) -> Option<Waiting> {
        let (sender, turn) = oneshot::channel();
        let ticket = {
            let mut queues = backend.queue.queues.lock();
            match server {
                Some(i) => queues.wait_for(&backend.fleet, i, 0, sender),
                None => queues.wait_for_any(&backend.fleet, 0, sender),
            }
            .ok()?
        };
        let waiting = Waiting { backend: Arc::clone(backend), ticket, turn };
        // A slot may have become free between the failed attempt and entering the queue.
        for member in backend.fleet.members() {
            backend.queue.serve(&member.state, now_ms);
        }
        Some(waiting)
    }

    /// Gives free slots of a server to those who wait, in turn.
    pub fn serve(&self, state: &Arc<ServerState>, now_ms: u64) {
        let Some(backend) = self.current() else { return };
        let Some(index) = backend.fleet.members().iter().position(|m| Arc::ptr_eq(&m.state, state))
        else {
            return;
        };
        loop {
            let next = self.queues.lock().next(&backend.fleet, index, now_ms);
            let Some(waiter) = next else { return };
            let slot = Slot::new(&backend, index);
            // A waiter that has just given up hands the slot back; the loop serves the next one.
            if let Err(Turn::Slot(mut slot)) = waiter.send(Turn::Slot(slot)) {
                slot.quiet = true;
            }
        }
    }

    /// A server went down or away: those who wait for it pick again.
    pub fn evict(&self, backend: &LiveBackend, state: &ServerState) {
        let evicted = self.queues.lock().evict(&backend.fleet, state.uid());
        for waiter in evicted {
            let _ = waiter.send(Turn::PickAgain);
        }
    }

    /// Nobody is left to serve: those who wait for any server pick again, and find none.
    pub fn evict_all(&self, backend: &LiveBackend) {
        let evicted = self.queues.lock().evict_all_waiting_for_any(&backend.fleet);
        for waiter in evicted {
            let _ = waiter.send(Turn::PickAgain);
        }
    }
}

/// After a new generation: waiters of servers that went pick again, new slots are given out.
pub fn after_change(before: &Live, after: &Live, now_ms: u64) {
    for (name, old) in &before.backends {
        let new = after.backends.get(name);
        if new.is_some_and(|n| Arc::ptr_eq(n, old)) || !old.fleet.anybody_waits() {
            continue;
        }
        for member in old.fleet.members() {
            let stays = new.is_some_and(|n| {
                n.fleet.members().iter().any(|m| Arc::ptr_eq(&m.state, &member.state))
            });
            if !stays {
                old.queue.evict(old, &member.state);
            }
        }
        match new {
            Some(new) => {
                for member in new.fleet.members() {
                    new.queue.serve(&member.state, now_ms);
                }
            }
            None => old.queue.evict_all(old),
        }
    }
}
