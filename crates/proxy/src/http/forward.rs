//! Phase 6: response rules, the response head to the client, and the bodies both ways.

use wire::h1::framing::{self, BodyLength, ConnectionTokens};

use super::respond::Retry;
use super::rules::{self, Outcome};
use super::{respond, response_head};
use crate::body::Body;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::pump::{End, Pump};
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Finish, Phase, Upstream};
use crate::session::{connect, persistence};
use crate::termination::{At, Cause};

/// Sends the response on.
pub async fn run(
    client: &mut Client,
    ex: &mut Exchange,
    up: Upstream,
    input: Option<Buffer>,
) -> Phase {
    let up = match respond::retry_status(ex, up) {
        Retry::Again(phase) => return phase,
        Retry::No(up) => up,
    };
    let method = ex.memory.request.method();
    let length = match framing::response_body(&ex.memory.response, method) {
        Ok(length) => length,
        Err(_) => {
            ex.moments.response = None;
            ex.end(Cause::Proxy, At::Headers);
            up.slot.backend.counters.response_errors.inc();
            up.slot.server.counters.response_errors.inc();
            return refuse(ex, up);
        }
    };
    let tokens = ConnectionTokens::of(&ex.memory.response);
    let server_keeps = framing::persistent(ex.memory.response.version(), tokens)
        && !matches!(length, BodyLength::UntilClose | BodyLength::Tunnel);
    ex.status = ex.memory.response.status();
    persistence::of_response(ex, &up.slot);
    match rules::response(ex, &up) {
        Outcome::Continue => {}
        Outcome::End(phase) => return *phase,
    }
    ex.status = ex.memory.response.status();
    up.slot.server.counters.statuses.count(ex.status);
    up.slot.backend.counters.statuses.count(ex.status);
    if client.must_close() {
        ex.client_keep = false;
    }
    let onward = response_head::onward(ex, length);
    response_head::write(ex, length, onward);
    if length == BodyLength::Tunnel {
        return Phase::Tunnel(up, input);
    }
    ex.client_keep = onward.keep;
    transfer(client, ex, up, Response { length, input, rechunk: onward.rechunk, server_keeps })
        .await
}

struct Response {
    length: BodyLength,
    input: Option<Buffer>,
    rechunk: bool,
    server_keeps: bool,
}

/// A response that cannot be passed on: 502.
fn refuse(ex: &mut Exchange, up: Upstream) -> Phase {
    ex.has_response = false;
    if up.outgoing.upload.is_running() {
        ex.client_keep = false;
    }
    let (input, _) = up.outgoing.upload.into_rest();
    Phase::Answer(Answer { kind: AnswerKind::Error(502), input })
}

async fn transfer(
    client: &mut Client,
    ex: &mut Exchange,
    mut up: Upstream,
    response: Response,
) -> Phase {
    let head = std::mem::take(&mut ex.memory.to_client);
    let overrides = *ex.overrides.borrow();
    let body = Body::from(response.length);
    let mut down = Pump::new(head, body, response.input)
        .timeouts(
            overrides.server_timeout.or(up.slot.backend.model.timeouts.server),
            overrides.client_timeout.or(client.frontend.model.timeouts.client),
        )
        .chunked_output(response.rechunk)
        .closing(!ex.client_keep);
    let end = pump_both(client, &mut up, &mut down).await;
    if !ex.client_keep && end == End::Done {
        // A client that is gone has nothing to be told.
        let _ = client.stream.end();
    }
    ex.bytes_out += down.bytes;
    ex.bytes_in += up.outgoing.upload.bytes;
    let Upstream { outgoing, stream, carried, slot, in_use: _in_use } = up;
    let upload_end = outgoing.upload.end();
    let (from_server, head) = down.into_rest();
    ex.memory.to_client = head;
    let (rest, head) = outgoing.upload.into_rest();
    ex.memory.to_server = head;
    if end != End::Done {
        return broken(ex, &slot.backend, &slot.server, end);
    }
    if upload_end != Some(End::Done) {
        // The server answered before it had the whole request: both connections are spent.
        return Phase::Finish(Finish::Close);
    }
    if response.server_keeps && from_server.is_none() {
        connect::keep(client, ex, stream, carried, &slot);
    }
    client.last_server = Some(slot.server.uid);
    if ex.client_keep {
        Phase::Finish(Finish::KeepAlive(rest))
    } else {
        Phase::Finish(Finish::Close)
    }
}

/// Both directions at once: the rest of the request may still be on its way.
async fn pump_both(client: &Client, up: &mut Upstream, down: &mut Pump) -> End {
    let shelf = match down.is_large() {
        true => &client.worker.transfers,
        false => &client.worker.heads,
    };
    let (client, server) = (&client.stream, &up.stream);
    let upload = &mut up.outgoing.upload;
    std::future::poll_fn(|cx| {
        if upload.is_running() {
            let _ = upload.poll(cx, client, server, shelf);
        }
        down.poll(cx, server, client, shelf)
    })
    .await
}

/// The transfer broke: nothing more can be said to the client.
fn broken(
    ex: &mut Exchange,
    backend: &crate::live::LiveBackend,
    server: &crate::live::LiveServer,
    end: End,
) -> Phase {
    match end {
        End::WriteError | End::WriteTimeout => {
            backend.counters.client_aborts.inc();
            server.counters.client_aborts.inc();
        }
        _ => {
            backend.counters.server_aborts.inc();
            server.counters.server_aborts.inc();
            server.counters.response_errors.inc();
        }
    }
    let cause = match end {
        End::WriteError => Cause::ClientAbort,
        End::WriteTimeout => Cause::ClientTimeout,
        End::ReadTimeout => Cause::ServerTimeout,
        End::Malformed => Cause::Proxy,
        _ => Cause::ServerAbort,
    };
    ex.end(cause, At::Data);
    Phase::Finish(Finish::Close)
}
