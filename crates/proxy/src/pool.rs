//! Idle server connections of one worker, per server, newest first.

use std::cell::RefCell;
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
struct CountedIdle(Arc<LiveServer>);

impl Drop for CountedIdle {
    fn drop(&mut self) {
        self.0.counters.idle_connections.leave();
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

/// The idle connections to one server.
#[derive(Default)]
struct Kept {
    idle: Vec<Idle>,
    /// The most connections that were in use at once, in this period of `pool-purge-delay` and in
    /// the one before: more than that are not worth keeping.
    busiest: [u32; 2],
    turned: Option<Instant>,
}

impl Kept {
    fn turn(&mut self, now: Instant, delay: Duration) {
        if self.turned.is_none_or(|turned| now.duration_since(turned) >= delay) {
            self.turned = Some(now);
            self.busiest = [0, self.busiest[0]];
        }
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
        let uid = idle.counted.0.uid;
        self.by_server.borrow_mut().entry(uid).or_default().idle.push(idle);
    }

    /// Keeps a connection for later, within `pool-max-conn`, `max-reuse` and what has been in use
    /// at once lately. To be called while its request still counts as served.
    ///
    /// One that is not kept is closed with a reset: the answer is complete, and neither side is
    /// left with a port in TIME_WAIT.
    pub fn put(&self, server: &Arc<LiveServer>, stream: Stream, requests: u32, now: Instant) {
        let (max, used) = (server.model.pool_max_conn, server.state.served());
        let idle_now = server.counters.idle_connections.value();
        let mut map = self.by_server.borrow_mut();
        let kept = map.entry(server.uid).or_default();
        kept.busiest[0] = kept.busiest[0].max(used);
        let wanted = kept.busiest[0].max(kept.busiest[1]);
        let worn = server.model.max_reuse.is_some_and(|m| requests > m);
        let full = max >= 0 && i64::from(idle_now) >= i64::from(max);
        if worn || full || idle_now.saturating_add(used) > wanted {
            stream.reset_on_close();
            return;
        }
        server.counters.idle_connections.enter();
        let counted = CountedIdle(Arc::clone(server));
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
            if let Some(first) = kept.idle.first() {
                let delay = first.counted.0.model.pool_purge_delay;
                kept.turn(now, delay);
                kept.idle.retain(|i| {
                    let stays = now.duration_since(i.since) < delay && !i.stream.has_input();
                    if !stays {
                        i.stream.reset_on_close();
                    }
                    stays
                });
            }
            !kept.idle.is_empty()
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
