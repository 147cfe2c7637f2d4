//! Phase 6: response rules, the response head to the client, and the bodies both ways.

use std::task::Poll;

use tokio::time::Instant;
use wire::h1::framing::{self, BodyLength, ConnectionTokens};

use super::respond::Retry;
use super::response_head::Onward;
use super::rules::{self, Outcome};
use super::{respond, response_head};
use crate::buffer::Buffer;
use crate::client::Client;
use crate::pump::{End, Pump};
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Finish, Phase, Upstream};
use crate::session::{abort, connect, finish, persistence};
use crate::termination::{At, Cause};

/// Sends the response on.
pub async fn run(
    client: &mut Client,
    ex: &mut Exchange,
    mut up: Box<Upstream>,
    input: Option<Buffer>,
) -> Phase {
    if let Some(why) = respond::retryable_status(ex, &up) {
        let whole = has_all(ex, &up, input.as_ref());
        up = match respond::layer7_retry(ex, up, &why, whole.then_some(client)) {
            Retry::Again(phase) => return phase,
            Retry::No(up) => up,
        };
    }
    let response = match judge(client, ex, &up) {
        Ok(response) => response,
        Err(Refusal::Malformed) => return refuse(ex, &mut up),
        Err(Refusal::ByRule(phase)) => {
            let mut phase = *phase;
            if let Phase::Answer(answer) = &mut phase {
                answer.input = ex.abandon(&mut up.outgoing.upload);
            }
            return phase;
        }
    };
    finish::log_early(ex);
    if response.length == BodyLength::Tunnel {
        return Phase::Tunnel(up, input);
    }
    ex.client_keep = response.onward.keep;
    let head = std::mem::take(&mut ex.memory.to_client);
    let mut down = Box::new(Pump::new(head, response.length.into(), input));
    arm(client, ex, &up, &mut down);
    down.set_chunked_output(response.onward.rechunk);
    down.set_closing(!ex.client_keep);
    let (end, waited) = pump_both(client, &mut up, &mut down).await;
    if !ex.client_keep && end == End::Done {
        // A client that is gone has nothing to be told.
        let _ = client.stream.end();
    }
    ex.moments.ended = if waited { Some(Instant::now()) } else { ex.moments.response };
    ex.bytes_out += down.bytes;
    ex.bytes_in += up.outgoing.upload.bytes;
    let (from_server, head) = down.take_rest();
    ex.memory.to_client = head;
    if end == End::Done && up.outgoing.upload.end() != Some(End::Done) {
        // The server answered before it had the whole request.
        return Phase::Leftover(up);
    }
    let (rest, head) = up.outgoing.upload.take_rest();
    ex.memory.to_server = head;
    if end != End::Done {
        return broken(ex, &up.slot.backend, up.slot.server(), end);
    }
    if response.server_keeps && from_server.is_none() {
        connect::keep(client, ex, *up);
    }
    if ex.client_keep {
        Phase::Finish(Finish::KeepAlive(rest))
    } else {
        Phase::Finish(Finish::Close)
    }
}

/// Request and response are over, so that the connection can carry another.
fn has_all(ex: &Exchange, up: &Upstream, input: Option<&Buffer>) -> bool {
    let response = &ex.memory.response;
    let have = input.map_or(0, |input| input.len() as u64);
    let ended = match framing::response_body(response, ex.memory.request.method()) {
        Ok(BodyLength::Empty) => have == 0,
        Ok(BodyLength::Length(n)) => have == n,
        _ => false,
    };
    ended
        && framing::persistent(response.version(), ConnectionTokens::of(response))
        && up.outgoing.upload.end() == Some(End::Done)
}

/// A response that may be sent on; its head is ready.
struct Response {
    length: BodyLength,
    onward: Onward,
    server_keeps: bool,
}

/// Why a response is not sent on.
enum Refusal {
    /// Nobody knows where it ends.
    Malformed,
    /// What a rule wants instead.
    ByRule(Box<Phase>),
}

/// Frames the response, asks the rules and writes the head.
fn judge(client: &Client, ex: &mut Exchange, up: &Upstream) -> Result<Response, Refusal> {
    let method = ex.memory.request.method();
    let Ok(length) = framing::response_body(&ex.memory.response, method) else {
        ex.moments.response = None;
        ex.end(Cause::Proxy, At::Headers);
        abort::count_bad_response(up);
        return Err(Refusal::Malformed);
    };
    let tokens = ConnectionTokens::of(&ex.memory.response);
    let server_keeps = framing::persistent(ex.memory.response.version(), tokens)
        && !matches!(length, BodyLength::UntilClose | BodyLength::Tunnel);
    ex.status = ex.memory.response.status();
    let tally = up.slot.server().counters.traffic.of(client.worker.index);
    tally.requests.inc();
    tally.count(ex.status);
    persistence::of_response(ex, &up.slot);
    if let Outcome::End(phase) = rules::response(ex, up) {
        return Err(Refusal::ByRule(phase));
    }
    ex.status = ex.memory.response.status();
    if client.must_close() {
        ex.client_keep = false;
    }
    let onward = response_head::onward(ex, length);
    response_head::write(ex, length, onward);
    Ok(Response { length, onward, server_keeps })
}

/// A response that cannot be passed on: 502.
fn refuse(ex: &mut Exchange, up: &mut Upstream) -> Phase {
    ex.has_response = false;
    let input = ex.abandon(&mut up.outgoing.upload);
    Phase::Answer(Answer { kind: AnswerKind::Error(502), input })
}

fn arm(client: &Client, ex: &Exchange, up: &Upstream, down: &mut Pump) {
    let overrides = ex.overrides.borrow();
    down.set_timeouts(
        overrides.server_timeout.or(up.slot.backend.model.timeouts.server),
        overrides.client_timeout.or(client.frontend.model.timeouts.client),
    );
}

/// Both directions at once: the rest of the request may still be on its way. How the response
/// ended, and whether that took any time.
async fn pump_both(client: &Client, up: &mut Upstream, down: &mut Pump) -> (End, bool) {
    let shelf = match down.is_large() {
        true => &client.worker.transfers,
        false => &client.worker.heads,
    };
    let (client, server) = (&client.stream, &up.stream);
    let upload = &mut up.outgoing.upload;
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if upload.is_running() {
            let _ = upload.poll(cx, client, server, shelf);
            down.set_patient(upload.is_running());
        }
        match down.poll(cx, server, client, shelf) {
            Poll::Ready(end) => Poll::Ready((end, waited)),
            Poll::Pending => {
                waited = true;
                Poll::Pending
            }
        }
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
        End::Malformed => {
            backend.counters.response_errors.add(2);
            server.counters.response_errors.add(2);
        }
        _ => {
            backend.counters.server_aborts.inc();
            server.counters.server_aborts.inc();
            if end != End::ReadTimeout {
                backend.counters.response_errors.inc();
                server.counters.response_errors.inc();
            }
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
