//! Phase 5: the request goes out, the response head comes in.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;
use wire::h1::{self, Limits, Parse};
use wire::http::Version;

use super::receive;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::pump::End;
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Finish, Phase, Upstream};
use crate::session::{abort, connect};
use crate::termination::{At, Cause};

/// What came first.
enum Event {
    Head,
    Upload(End),
    Closed,
    Broken,
    Invalid,
    Timeout,
    /// `option abortonclose`: the client closed.
    Left,
}

/// Interim responses that are passed on for one request; a server that sends more is broken.
const MAX_INTERIM: u32 = 16;

/// Sends the request and waits for the final response head.
pub async fn run(client: &mut Client, ex: &mut Exchange, mut up: Box<Upstream>) -> Phase {
    let lenient = up.slot.backend.model.accept_invalid_response;
    let limits = Limits { lenient, ..receive::limits(&client.view.live) };
    let timeout = ex.overrides.borrow().server_timeout.or(up.slot.backend.model.timeouts.server);
    let mut input: Option<Buffer> = None;
    let mut interim = 0;
    ex.note_server_connection(&up.stream);
    client.deadline.set(ex.moments.connected.unwrap_or_else(Instant::now), timeout);
    loop {
        match next(client, ex, &mut up, &mut input, &limits).await {
            Event::Head => {
                let status = ex.memory.response.status();
                if (100..200).contains(&status) && status != 101 && interim < MAX_INTERIM {
                    interim += 1;
                    let tally = up.slot.server().counters.traffic.of(ex.worker.index);
                    tally.requests.inc();
                    tally.count(status);
                    if !Box::pin(pass_interim(client, ex)).await {
                        ex.end(Cause::ClientAbort, At::Headers);
                        return Phase::Finish(Finish::Close);
                    }
                    continue;
                }
                ex.moments.response = Some(Instant::now());
                ex.has_response = true;
                ex.req.borrow_mut().clear();
                crate::checks::observe_response(
                    &ex.worker.shared,
                    &up.slot.backend,
                    up.slot.server(),
                    Ok(status),
                );
                return Phase::Forward(up, input.take_if(|b| !b.is_empty()));
            }
            Event::Upload(End::Done) => client.deadline.set(Instant::now(), timeout),
            // The server may have answered before it closed: look for that first.
            Event::Upload(End::WriteError) => {}
            Event::Upload(end) => return upload_failed(ex, &up, end),
            Event::Closed | Event::Broken if nothing_received(&input) => {
                return no_answer(ex, up, "empty-response");
            }
            // As HAProxy: half a head is an invalid one.
            Event::Closed | Event::Broken | Event::Invalid => {
                return bad_answer(ex, up, Cause::Proxy, 502, "junk-response");
            }
            Event::Left => return client_left(ex, &up),
            Event::Timeout => {
                return bad_answer(ex, up, Cause::ServerTimeout, 504, "response-timeout");
            }
        }
    }
}

/// `option abortonclose`: nobody waits for the answer any more.
fn client_left(ex: &mut Exchange, up: &Upstream) -> Phase {
    up.slot.backend.counters.client_aborts.inc();
    up.slot.server().counters.client_aborts.inc();
    ex.client_keep = false;
    ex.end(Cause::ClientAbort, At::Headers);
    Phase::Answer(Answer { kind: AnswerKind::Error(400), input: None })
}

fn nothing_received(input: &Option<Buffer>) -> bool {
    input.as_ref().is_none_or(Buffer::is_empty)
}

async fn next(
    client: &mut Client,
    ex: &mut Exchange,
    up: &mut Upstream,
    input: &mut Option<Buffer>,
    limits: &Limits,
) -> Event {
    let Client { worker, stream, deadline, .. } = client;
    let shelf = &worker.heads;
    let server = &up.stream;
    let upload = &mut up.outgoing.upload;
    let head = &mut ex.memory.response;
    let watch = up.slot.backend.model.abortonclose;
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if upload.is_running()
            && let Poll::Ready(end) = upload.poll(cx, stream, server, shelf)
            // Sent at once, no time has passed: the server's time runs already.
            && (waited || end != End::Done)
        {
            return Poll::Ready(Event::Upload(end));
        }
        waited = true;
        loop {
            if let Some(buffer) = input.as_mut().filter(|b| !b.is_empty()) {
                match h1::parse_response(buffer.unread(), limits, head) {
                    Ok(Parse::Complete { head_len }) => {
                        buffer.consume(head_len);
                        return Poll::Ready(Event::Head);
                    }
                    Ok(Parse::Partial) => buffer.compact(),
                    Err(_) => return Poll::Ready(Event::Invalid),
                }
            }
            match poll_fill(input, shelf, server, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Event::Closed),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Broken),
                Poll::Pending => break,
            }
        }
        // Only a client that has sent its whole request and nothing after it can be seen leaving.
        if watch && !upload.is_running() && stream.poll_ended(cx).is_ready() {
            return Poll::Ready(Event::Left);
        }
        // The server's time begins when it has the whole request.
        match upload.is_running() {
            true => Poll::Pending,
            false => deadline.poll(cx).map(|_| Event::Timeout),
        }
    })
    .await
}

fn poll_fill(
    input: &mut Option<Buffer>,
    shelf: &std::rc::Rc<crate::buffer::Shelf>,
    reader: &crate::stream::Stream,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    if let Some(buffer) = input {
        return buffer.poll_fill(reader, cx);
    }
    match shelf.poll_read_into_new(reader, cx) {
        Poll::Ready(Ok(buffer)) => {
            let n = buffer.len();
            *input = Some(buffer);
            Poll::Ready(Ok(n))
        }
        Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
        Poll::Pending => Poll::Pending,
    }
}

/// Passes an interim response on (not to HTTP/1.0 clients, which know none).
async fn pass_interim(client: &mut Client, ex: &mut Exchange) -> bool {
    let mut out = Vec::new();
    ex.memory.response.write_to(&mut out);
    ex.memory.response.clear();
    if ex.memory.request.version() == Version::Http10 {
        return true;
    }
    ex.bytes_out += out.len() as u64;
    let mut deadline = Deadline::new();
    deadline.set(Instant::now(), client.frontend.model.timeouts.client);
    matches!(deadline.guard(client.stream.write_all(&out)).await, Ok(Ok(())))
}

/// The request could not be passed on whole.
fn upload_failed(ex: &mut Exchange, up: &Upstream, end: End) -> Phase {
    let counters = &up.slot.backend.counters;
    let (cause, at, status) = match end {
        // As HAProxy: 408 is for heads alone.
        End::ReadTimeout => (Cause::ClientTimeout, At::Headers, 400),
        End::Malformed => (Cause::Proxy, At::Data, 400),
        End::WriteTimeout => (Cause::ServerTimeout, At::Data, 504),
        _ => (Cause::ClientAbort, At::Headers, 400),
    };
    match cause {
        Cause::ClientAbort | Cause::ClientTimeout => {
            counters.client_aborts.inc();
            up.slot.server().counters.client_aborts.inc();
        }
        Cause::ServerTimeout => counters.response_errors.inc(),
        _ => ex.frontend.counters.request_errors.inc(),
    }
    ex.client_keep = false;
    ex.end(cause, at);
    Phase::Answer(Answer { kind: AnswerKind::Error(status), input: None })
}

/// The server closed without a byte. On a connection that was kept that only means that it was
/// closed while the request was on its way: a new one is tried at once.
fn no_answer(ex: &mut Exchange, mut up: Box<Upstream>, why: &str) -> Phase {
    if up.carried > 0 {
        let repeatable = ex.memory.request.method().is_idempotent();
        if repeatable && up.outgoing.upload.rewind() {
            let Upstream { outgoing, slot, .. } = *up;
            return Phase::Open(outgoing, slot);
        }
        up = match layer7_retry(ex, up, why, None) {
            Retry::Again(phase) => return phase,
            Retry::No(up) => up,
        };
        ex.end(Cause::ServerAbort, At::Headers);
        up.slot.backend.counters.response_errors.inc();
        return Phase::Finish(Finish::Close);
    }
    up = match layer7_retry(ex, up, why, None) {
        Retry::Again(phase) => return phase,
        Retry::No(up) => up,
    };
    bad_answer(ex, up, Cause::ServerAbort, 502, why)
}

/// Whether another attempt follows.
pub enum Retry {
    /// It does.
    Again(Phase),
    /// It does not; what was begun is given back.
    No(Box<Upstream>),
}

/// `retry-on`: another attempt, if configured, left and possible. `keeper` keeps the connection,
/// which brought a whole answer.
pub fn layer7_retry(
    ex: &mut Exchange,
    mut up: Box<Upstream>,
    why: &str,
    keeper: Option<&mut Client>,
) -> Retry {
    let backend = Arc::clone(&up.slot.backend);
    let named =
        backend.model.retry_on.iter().any(|n| {
            &**n == why || (&**n == "all-retryable-errors" && why != "404" && why != "401")
        });
    let allowed = named && up.outgoing.retries_left > 0 && !ex.overrides.borrow().no_l7_retry;
    if !allowed || !up.outgoing.upload.rewind() {
        return Retry::No(up);
    }
    let Upstream { mut outgoing, slot, stream, carried, in_use, .. } = *up;
    drop(in_use);
    if let Some(client) = keeper.filter(|_| connect::may_share(ex, &slot)) {
        connect::keep_stream(client, ex, stream, carried, &slot);
    }
    outgoing.retries_left -= 1;
    ex.retries += 1;
    // HAProxy counts such a repetition twice, and dashboards expect its figures.
    slot.server().counters.retries.add(2);
    backend.counters.retries.add(2);
    if matches!(why, "empty-response" | "junk-response") {
        slot.server().counters.response_errors.inc();
        backend.counters.response_errors.inc();
    }
    ex.memory.response.clear();
    let elsewhere = backend.model.redispatch.is_some() && backend.servers.len() > 1;
    let elsewhere = elsewhere || backend.has_lost(slot.server());
    if !elsewhere {
        slot.server().counters.traffic.of(ex.worker.index).sessions.inc();
    }
    Retry::Again(if elsewhere {
        connect::redispatch(ex, outgoing, &slot)
    } else {
        Phase::Connect(outgoing, slot)
    })
}

/// The status of the response, where `retry-on 503`, ... may ask for another attempt.
pub fn retryable_status(ex: &Exchange, up: &Upstream) -> Option<String> {
    if up.slot.backend.model.retry_on.is_empty() {
        return None;
    }
    match ex.memory.response.status() {
        s @ (401 | 403 | 404 | 408 | 425 | 429 | 500 | 501 | 502 | 503 | 504) => {
            Some(s.to_string())
        }
        _ => None,
    }
}

fn bad_answer(ex: &mut Exchange, up: Box<Upstream>, cause: Cause, status: u16, why: &str) -> Phase {
    let mut up = match layer7_retry(ex, up, why, None) {
        Retry::Again(phase) => return phase,
        Retry::No(up) => up,
    };
    ex.end(cause, At::Headers);
    if cause == Cause::ServerTimeout {
        up.slot.backend.counters.response_errors.inc();
        up.slot.server().counters.response_errors.inc();
    } else {
        abort::count_bad_response(&up);
    }
    let (backend, server) = (&up.slot.backend, up.slot.server());
    let error = match why {
        "response-timeout" => "Http response timeout",
        "junk-response" => "Invalid http response (headers)",
        _ => "Broken http read",
    };
    crate::checks::observe_response(&ex.worker.shared, backend, server, Err(error));
    ex.memory.response.clear();
    let input = ex.abandon(&mut up.outgoing.upload);
    Phase::Answer(Answer { kind: AnswerKind::Error(status), input })
}
