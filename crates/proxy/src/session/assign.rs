//! Phase 3: which server, and a connection slot on it.

use std::sync::Arc;
use std::time::Duration;

use balance::{Pick, PickRequest};
use tokio::time::Instant;

use super::exchange::Exchange;
use super::phase::{Answer, AnswerKind, Outgoing, Phase};
use super::{abort, key};
use crate::client::Client;
use crate::deadline::Deadline;
use crate::live::LiveBackend;
use crate::queue::{BackendQueue, Slot, Turn};
use crate::termination::{At, Cause};

/// Chooses a server and takes a slot on it, if one is free.
pub fn run(client: &Client, ex: &mut Exchange, out: Box<Outgoing>) -> Phase {
    // Nothing has taken time since the request was there, except what is asked for here.
    let waited = ex.waited_body.is_some() || ex.retries > 0;
    if waited {
        ex.follow_changes();
    }
    let Some(backend) = ex.backend.as_deref() else { return unavailable(ex, out) };
    let now = ex.moments.request.filter(|_| !waited).unwrap_or_else(Instant::now);
    match attempt(ex, backend, &out, now) {
        Attempt::Slot(slot) => {
            count_balanced(ex, &out, &slot);
            assigned(client, ex, out, slot, now)
        }
        Attempt::Nobody => unavailable(ex, out),
        Attempt::Queue(of) => Phase::Queue(out, of),
    }
}

enum Attempt {
    /// Ours.
    Slot(Slot),
    /// Wait in the queue of this server, or in that of the backend.
    Queue(Option<usize>),
    Nobody,
}

fn attempt(ex: &Exchange, backend: &Arc<LiveBackend>, out: &Outgoing, now: Instant) -> Attempt {
    let now_ms = ex.worker.now_ms(now);
    match choose(ex, backend, out, now_ms) {
        Choice::Server(index) => match Slot::take(backend, index, now_ms) {
            Some(slot) => Attempt::Slot(slot),
            None => Attempt::Queue(out.pinned.then_some(index)),
        },
        Choice::Saturated => Attempt::Queue(None),
        Choice::Nobody => Attempt::Nobody,
    }
}

/// Waits in one queue after the other until there is a slot.
pub async fn wait(
    client: &mut Client,
    ex: &mut Exchange,
    mut out: Box<Outgoing>,
    mut queue_for: Option<usize>,
) -> Phase {
    let Some(mut backend) = ex.backend.as_deref().cloned() else { return unavailable(ex, out) };
    let mut now = Instant::now();
    let mut deadline = Deadline::new();
    deadline.set(now, queue_timeout(ex, &backend));
    loop {
        let now_ms = ex.worker.now_ms(now);
        let state = queue_for.and_then(|i| backend.servers.get(i)).map(|s| s.state.queued());
        let before = match state {
            Some(of_server) => (of_server + 1, 0),
            None => (0, backend.fleet.shared().queued() + 1),
        };
        match BackendQueue::enter(&backend, queue_for, now_ms) {
            Some(mut waiting) => {
                ex.queue_before = before;
                backend.counters.queued.enter();
                let turn = deadline.guard(waiting.turn());
                let turn = abort::unless_client_leaves(client, ex, turn).await;
                backend.counters.queued.leave();
                drop(waiting);
                match turn {
                    None => {
                        ex.end(Cause::ClientAbort, At::Queue);
                        return abort::phase();
                    }
                    Some(Ok(Turn::Slot(slot))) => {
                        return assigned(client, ex, out, slot, Instant::now());
                    }
                    Some(Ok(Turn::PickAgain)) => {
                        ex.cookie.redispatched();
                        out.pinned = false;
                    }
                    Some(Err(_)) => {
                        ex.end(Cause::ServerTimeout, At::Queue);
                        backend.counters.connect_errors.inc();
                        return error(ex, out, 503);
                    }
                }
            }
            // The server's queue is full: somebody else, or nobody.
            None if std::mem::take(&mut out.pinned) => {
                ex.redispatched = true;
                backend.counters.redispatches.inc();
                if let Some(server) = &ex.server {
                    server.counters.redispatches.inc();
                }
                ex.cookie.redispatched();
            }
            None => return unavailable(ex, out),
        }
        now = Instant::now();
        ex.follow_changes();
        backend = backend.newest();
        match attempt(ex, &backend, &out, now) {
            Attempt::Slot(slot) => {
                count_balanced(ex, &out, &slot);
                return assigned(client, ex, out, slot, now);
            }
            Attempt::Queue(of) => queue_for = of,
            Attempt::Nobody => return unavailable(ex, out),
        }
    }
}

fn queue_timeout(ex: &Exchange, backend: &LiveBackend) -> Option<Duration> {
    let own = ex.overrides.borrow().queue_timeout;
    own.or(backend.model.timeouts.queue).or(backend.model.timeouts.connect)
}

enum Choice {
    Server(usize),
    Saturated,
    Nobody,
}

/// The pinned server while it may be used, else the algorithm's choice.
fn choose(ex: &Exchange, backend: &Arc<LiveBackend>, out: &Outgoing, now_ms: u64) -> Choice {
    if out.pinned
        && let Some(server) = &ex.server
        && let Some(index) = backend.servers.iter().position(|s| s.uid == server.uid)
    {
        return Choice::Server(index);
    }
    let avoid = out.failed.and_then(|uid| backend.servers.iter().position(|s| s.uid == uid));
    let mut hashed = Vec::new();
    let key = key::of(ex, &backend.model, &mut hashed);
    let request = PickRequest { key, avoid, now_ms, random: ex.worker.random() };
    match backend.fleet.pick(&request) {
        Pick::Server(index) => Choice::Server(index),
        Pick::Saturated => Choice::Saturated,
        Pick::NoServer => Choice::Nobody,
    }
}

/// The algorithm chose: who came out of a queue was not chosen again (as HAProxy's `lbtot`).
fn count_balanced(ex: &Exchange, out: &Outgoing, slot: &Slot) {
    if out.pinned {
        return;
    }
    let worker = ex.worker.index;
    slot.server().counters.traffic.of(worker).balanced.inc();
    slot.backend.counters.traffic.of(worker).balanced.inc();
}

fn assigned(
    client: &Client,
    ex: &mut Exchange,
    out: Box<Outgoing>,
    slot: Slot,
    now: Instant,
) -> Phase {
    ex.moments.assigned = Some(now);
    let server = slot.server();
    if let Some(from) = out.failed.filter(|uid| *uid != server.uid) {
        ex.redispatched = true;
        slot.backend.counters.redispatches.inc();
        if let Some(left) = slot.backend.servers.iter().find(|s| s.uid == from) {
            left.counters.redispatches.inc();
        }
    }
    client.registration.set_server(server.state.uid());
    let tally = server.counters.traffic.begin(ex.worker.index, ex.worker.now_ms(now));
    tally.sessions.inc();
    ex.server = Some(Arc::clone(server));
    Phase::Connect(out, slot)
}

fn unavailable(ex: &mut Exchange, out: Box<Outgoing>) -> Phase {
    ex.end(Cause::ServerAbort, At::Connect);
    if let Some(backend) = &ex.backend {
        backend.counters.connect_errors.inc();
    }
    error(ex, out, 503)
}

/// Gives up on a request with an error page.
pub fn error(ex: &mut Exchange, mut out: Box<Outgoing>, status: u16) -> Phase {
    let input = ex.abandon(&mut out.upload);
    Phase::Answer(Answer { kind: AnswerKind::Error(status), input })
}
