//! Idle server connections of one worker, per server, newest first.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::live::{Live, LiveServer};
use crate::stream::Stream;
use crate::worker::Worker;

/// How often idle connections are looked through.
const PURGE_INTERVAL: Duration = Duration::from_secs(1);

/// A server connection with no request on it.
pub struct Idle {
    /// The connection.
    pub stream: Stream,
    /// Requests it has carried.
    pub requests: u32,
    since: Instant,
    counted: CountedIdle,
}

/// Counts an idle connection of a server in and out.
struct CountedIdle {
    server: Arc<LiveServer>,
    /// It has carried one request only.
    unproven: bool,
}

impl CountedIdle {
    fn enter(server: &Arc<LiveServer>, requests: u32) -> Self {
        let unproven = requests < 2;
        server.counters.idle_connections.enter();
        if unproven {
            server.counters.unproven_connections.enter();
        }
        Self { server: Arc::clone(server), unproven }
    }
}

impl Drop for CountedIdle {
    fn drop(&mut self) {
        self.server.counters.idle_connections.leave();
        if self.unproven {
            self.server.counters.unproven_connections.leave();
        }
    }
}

impl Idle {
    /// The connection, and how many requests it has carried.
    #[must_use]
    pub fn into_parts(self) -> (Stream, u32) {
        (self.stream, self.requests)
    }
}

/// Keys are counted up by ourselves, so nobody can choose them to collide: spreading is enough.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = (self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// The connections of one worker to one server.
#[derive(Default)]
struct Kept {
    idle: Vec<Idle>,
    usage: Rc<Usage>,
    delay: Duration,
    turned: Option<Instant>,
}

/// How many connections carry a request.
#[derive(Default)]
struct Usage {
    now: Cell<u32>,
    /// The most at once, in this period of `pool-purge-delay` and in the one before: more than
    /// that are not worth keeping.
    busiest: Cell<[u32; 2]>,
}

/// Counts a connection that carries a request.
pub struct InUse(Rc<Usage>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get().saturating_sub(1));
    }
}

impl Kept {
    /// Forgets, period by period, how busy it was.
    fn turn(&mut self, now: Instant) {
        if self.turned.is_none_or(|turned| now.duration_since(turned) >= self.delay) {
            self.turned = Some(now);
            self.usage.busiest.set([self.usage.now.get(), self.usage.busiest.get()[0]]);
        }
    }

    fn is_forgotten(&self) -> bool {
        self.idle.is_empty() && self.usage.now.get() == 0 && self.usage.busiest.get() == [0, 0]
    }
}

/// The idle connections of one worker.
#[derive(Default)]
pub struct Pool {
    by_server: RefCell<HashMap<u64, Kept, BuildHasherDefault<Spread>>>,
}

impl Pool {
    /// The newest idle connection that is still silent and open.
    #[must_use]
    pub fn take(&self, server: &LiveServer) -> Option<Idle> {
        let mut map = self.by_server.borrow_mut();
        let list = map.get_mut(&server.uid)?;
        while let Some(idle) = list.idle.pop() {
            if !idle.stream.has_input() {
                return Some(idle);
            }
        }
        None
    }

    /// Puts back what was taken and not used.
    pub fn put_back(&self, idle: Idle) {
        let uid = idle.counted.server.uid;
        self.by_server.borrow_mut().entry(uid).or_default().idle.push(idle);
    }

    /// A connection of this worker to the server carries a request from now on.
    #[must_use]
    pub fn in_use(&self, server: &LiveServer) -> InUse {
        let mut map = self.by_server.borrow_mut();
        let kept = map.entry(server.uid).or_default();
        kept.delay = server.model.pool_purge_delay;
        let now = kept.usage.now.get() + 1;
        kept.usage.now.set(now);
        let [lately, before] = kept.usage.busiest.get();
        kept.usage.busiest.set([lately.max(now), before]);
        InUse(Rc::clone(&kept.usage))
    }

    /// Keeps a connection for later, within `pool-max-conn`, `max-reuse` and what this worker has
    /// had in use at once lately. To be called while its request still counts as in use.
    ///
    /// One that is not kept is closed with a reset: the answer is complete, and neither side is
    /// left with a port in TIME_WAIT.
    pub fn put(&self, server: &Arc<LiveServer>, stream: Stream, requests: u32, now: Instant) {
        let max = server.model.pool_max_conn;
        let idle_now = i64::from(server.counters.idle_connections.value());
        let mut map = self.by_server.borrow_mut();
        let kept = map.entry(server.uid).or_default();
        let busiest = kept.usage.busiest.get().into_iter().max().unwrap_or(0) as usize;
        let worn = server.model.max_reuse.is_some_and(|m| requests > m);
        let full = max >= 0 && idle_now >= i64::from(max);
        if worn || full || kept.idle.len() + kept.usage.now.get() as usize > busiest {
            stream.reset_on_close();
            return;
        }
        let counted = CountedIdle::enter(server, requests);
        kept.idle.push(Idle { stream, requests, since: now, counted });
    }

    /// Closes the connections to servers that are no longer configured.
    pub fn forget_removed(&self, live: &Live) {
        let mut map = self.by_server.borrow_mut();
        if map.is_empty() {
            return;
        }
        let known: HashSet<u64> =
            live.backends.values().flat_map(|b| b.servers.iter().map(|s| s.uid)).collect();
        map.retain(|uid, _| known.contains(uid));
    }

    /// Closes what was idle for longer than `pool-purge-delay`, and what the server closed.
    fn purge(&self, now: Instant) {
        self.by_server.borrow_mut().retain(|_, kept| {
            kept.turn(now);
            let delay = kept.delay;
            kept.idle.retain(|i| {
                let stays = now.duration_since(i.since) < delay && !i.stream.has_input();
                if !stays {
                    i.stream.reset_on_close();
                }
                stays
            });
            !kept.is_forgotten()
        });
    }
}

/// Looks through the pool of a worker for as long as it runs.
pub async fn purge(worker: Rc<Worker>) {
    let mut tick = tokio::time::interval(PURGE_INTERVAL);
    loop {
        tick.tick().await;
        worker.pool.purge(Instant::now());
    }
}
