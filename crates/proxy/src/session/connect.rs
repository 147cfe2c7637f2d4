//! Phase 4: a connection to the server, an idle one or a new one, with retries.

use std::sync::Arc;
use std::time::Duration;

use model::{Algorithm, ConnectionMode, HttpReuse};
use tokio::time::Instant;
use wire::http::{Method, Version};

use super::exchange::Exchange;
use super::phase::{Answer, AnswerKind, Outgoing, Phase, Upstream};
use super::{abort, assign};
use crate::client::Client;
use crate::connect::{Options, connect};
use crate::deadline::Deadline;
use crate::live::LiveBackend;
use crate::queue::Slot;
use crate::stream::Stream;
use crate::termination::{At, Cause};

/// How long the same server is left alone after it refused (manual 4.2, `retries`).
const TURN_AROUND: Duration = Duration::from_secs(1);

/// Takes an idle connection to the server of the slot, if there is one.
pub fn run(client: &mut Client, ex: &mut Exchange, mut out: Box<Outgoing>, slot: Slot) -> Phase {
    if let Some(kind) = redirect_to_server(ex, &slot) {
        let (input, _) = out.upload.take_rest();
        return Phase::Answer(Answer { kind, input });
    }
    if let Some(name) = &slot.backend.model.send_name_header {
        out.upload.set_last_header(name.as_bytes(), slot.server().model.name.as_bytes());
    }
    let Some((stream, carried)) = reuse(client, ex, &slot) else { return Phase::Open(out, slot) };
    ex.moments.connected = ex.moments.assigned;
    slot.server().counters.traffic.of(ex.worker.index).reuses.inc();
    let in_use = client.worker.pool.in_use(slot.server());
    Phase::Respond(Box::new(Upstream { outgoing: out, stream, carried, slot, in_use }))
}

/// `redir` of a server: clients are sent there themselves for what they only want to read
/// (manual 5.2).
fn redirect_to_server(ex: &mut Exchange, slot: &Slot) -> Option<AnswerKind> {
    let prefix = slot.server().model.redir.as_ref()?;
    let request = &ex.memory.request;
    if !matches!(request.method(), Method::Get | Method::Head) {
        return None;
    }
    let mut location = prefix.as_bytes().to_vec();
    location.extend_from_slice(request.path_and_query());
    let mut out = Vec::with_capacity(128);
    wire::h1::write_status_line(&mut out, Version::Http11, 302, b"");
    wire::h1::write_field(&mut out, b"cache-control", b"no-cache");
    wire::h1::write_field(&mut out, b"content-length", b"0");
    wire::h1::write_field(&mut out, b"location", &location);
    out.extend_from_slice(b"\r\n");
    ex.end(Cause::Local, At::Connect);
    Some(AnswerKind::Raw(out, 302))
}

/// An idle connection, as far as `http-reuse` lets this request share one.
fn reuse(client: &mut Client, ex: &Exchange, slot: &Slot) -> Option<(Stream, u32)> {
    if slot.server().model.host.is_destination() {
        return None;
    }
    if let Some(own) = client.private.take_if(|p| p.uid == slot.server().uid)
        && !own.stream.has_input()
    {
        return Some((own.stream, own.requests));
    }
    let mode = slot.backend.model.http_reuse;
    let first = !may_share(ex, slot);
    if is_private(slot) || mode == HttpReuse::Never || (mode == HttpReuse::Safe && first) {
        return None;
    }
    let idle = client.worker.pool.take(slot.server())?;
    if mode == HttpReuse::Aggressive && first && idle.requests < 2 {
        client.worker.pool.put_back(idle);
        return None;
    }
    Some(idle.into_parts())
}

/// Whether the request may go over a connection that others used before: not the first of a client,
/// whose failure could not be hidden, unless it would be repeated.
pub fn may_share(ex: &Exchange, slot: &Slot) -> bool {
    ex.number > 0 || repeats_whatever_fails(&slot.backend.model.retry_on)
}

/// Whether `retry-on` covers all that a connection may do which was kept too long: as HAProxy,
/// the first request of a client may then go over one, too.
fn repeats_whatever_fails(retry_on: &[model::Name]) -> bool {
    let has = |what: &str| retry_on.iter().any(|name| &**name == what);
    has("all-retryable-errors")
        || ["conn-failure", "empty-response", "response-timeout"].into_iter().all(has)
}

/// Connections that say who the client is cannot be shared.
pub fn is_private(slot: &Slot) -> bool {
    let server = &slot.server().model;
    server.send_proxy.is_some() || server.source.as_ref().is_some_and(|s| s.client_address)
}

/// A new connection to the server of the slot.
pub async fn fresh(
    client: &mut Client,
    ex: &mut Exchange,
    mut out: Box<Outgoing>,
    slot: Slot,
) -> Phase {
    let backend = Arc::clone(&slot.backend);
    let timeout = ex.overrides.borrow().connect_timeout.or(backend.model.timeouts.connect);
    loop {
        let server = Arc::clone(slot.server());
        let destination = ex.facts.dst.get();
        let Some(address) = server.model.host.address_for(server.model.port, destination) else {
            return failed(ex, out, Cause::ServerAbort);
        };
        let options = Options {
            source: server.model.source.as_ref(),
            keep_alive: backend.model.tcp_keep_alive,
            nolinger: backend.model.nolinger,
            user_timeout_ms: server.model.tcp_user_timeout_ms,
        };
        server.counters.connects.inc();
        let mut deadline = Deadline::new();
        deadline.set(Instant::now(), timeout);
        if let Some(kind) = server.model.send_proxy {
            out.upload.prepend(&crate::proxy_header::write(&ex.facts, kind));
        }
        let attempt = deadline.guard(connect(&address, options, Some(&mut out.upload)));
        let Some(attempt) = abort::unless_client_leaves(client, ex, attempt).await else {
            ex.end(Cause::ClientAbort, At::Connect);
            backend.counters.client_aborts.inc();
            return abort::phase();
        };
        let (cause, refused) = match attempt {
            Ok(Ok(stream)) => {
                ex.moments.connected = Some(Instant::now());
                let in_use = client.worker.pool.in_use(&server);
                let carried = 0;
                return Phase::Respond(Box::new(Upstream {
                    outgoing: out,
                    stream,
                    carried,
                    slot,
                    in_use,
                }));
            }
            Ok(Err(e)) if is_local_shortage(&e) => (Cause::Resource, true),
            Ok(Err(_)) => (Cause::ServerAbort, true),
            Err(_) => (Cause::ServerTimeout, false),
        };
        crate::checks::observe_connect(&ex.worker.shared, &backend, &server, false);
        let tried_again = tries_again(&backend);
        // A server that is no longer ours is left even where nothing may be tried again.
        let mut elsewhere = backend.has_lost(&server);
        if !elsewhere && (out.retries_left == 0 || !tried_again) {
            return failed(ex, out, cause);
        }
        out.retries_left = out.retries_left.saturating_sub(1);
        out.upload.rewind();
        ex.retries += 1;
        elsewhere |= redispatches(&backend, &out, refused);
        if !elsewhere {
            server.counters.retries.inc();
            backend.counters.retries.inc();
            server.counters.traffic.of(ex.worker.index).sessions.inc();
        }
        if refused && !elsewhere {
            tokio::time::sleep(timeout.map_or(TURN_AROUND, |t| t.min(TURN_AROUND))).await;
        }
        if elsewhere || backend.has_lost(&server) {
            return redispatch(ex, out, &slot);
        }
    }
}

/// Whether a connection that failed is tried again (`retry-on`).
fn tries_again(backend: &LiveBackend) -> bool {
    let again = &backend.model.retry_on;
    let connects =
        |n: &model::Name| matches!(&**n, "conn-failure" | "all-retryable-errors" | "0rtt-rejected");
    again.is_empty() || again.iter().any(connects)
}

fn is_local_shortage(e: &std::io::Error) -> bool {
    // EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS, ENOMEM: our side, not the server's.
    matches!(e.raw_os_error(), Some(24 | 23 | 99 | 105 | 12))
}

/// `option redispatch [N]`: at the last retry (-1), or at every Nth. A server that refuses is left
/// at once where any other is as good, as HAProxy leaves it.
fn redispatches(backend: &LiveBackend, out: &Outgoing, refused: bool) -> bool {
    let any_is_good = matches!(
        backend.model.algorithm,
        Algorithm::RoundRobin
            | Algorithm::StaticRr
            | Algorithm::LeastConn
            | Algorithm::First
            | Algorithm::Random { .. }
    );
    let at_once = refused && any_is_good && !out.pinned;
    let done = backend.model.retries.saturating_sub(out.retries_left);
    let due = match backend.model.redispatch {
        None | Some(0) => false,
        Some(n) if n < 0 => out.retries_left < n.unsigned_abs(),
        Some(n) => done.is_multiple_of(n.unsigned_abs()),
    };
    let allowed = backend.model.redispatch.is_some_and(|n| n != 0);
    (due || at_once && allowed) && backend.servers.len() > 1
}

/// Leaves this server for another one.
pub fn redispatch(ex: &mut Exchange, mut out: Box<Outgoing>, slot: &Slot) -> Phase {
    ex.cookie.redispatched();
    out.failed = Some(slot.server().uid);
    out.pinned = false;
    Phase::Assign(out)
}

fn failed(ex: &mut Exchange, out: Box<Outgoing>, cause: Cause) -> Phase {
    ex.end(cause, At::Connect);
    if let Some(backend) = &ex.backend {
        backend.counters.connect_errors.inc();
    }
    if let Some(server) = &ex.server {
        server.counters.connect_errors.inc();
    }
    assign::error(ex, out, 503)
}

/// After a response: the connection is kept for the next request, where that is allowed.
pub fn keep(client: &mut Client, ex: &Exchange, up: Upstream) {
    let Upstream { stream, carried, slot, in_use: _in_use, .. } = up;
    keep_stream(client, ex, stream, carried, &slot);
}

/// As [`keep`], for a connection that carried so many requests before.
pub fn keep_stream(client: &mut Client, ex: &Exchange, stream: Stream, carried: u32, slot: &Slot) {
    if ex.connection_mode() != ConnectionMode::KeepAlive {
        return;
    }
    // It goes where this request went; the next one may go elsewhere.
    if slot.server().model.host.is_destination() {
        return;
    }
    if is_private(slot) || slot.backend.model.http_reuse == HttpReuse::Never {
        client.private = Some(Box::new(crate::client::PrivateConnection {
            uid: slot.server().uid,
            stream,
            requests: carried + 1,
        }));
        return;
    }
    let now = ex.moments.ended.unwrap_or_else(Instant::now);
    client.worker.pool.put(slot.server(), stream, carried + 1, now);
}
