//! Phase 1: reading a request head.

use tokio::time::Instant;
use wire::h1::{self, Answer as Refusal, Limits, Parse};

use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::live::Live;
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Finish, Phase};
use crate::termination::{At, Cause};

/// The bounds of a head in this configuration (`tune.bufsize`, `tune.maxrewrite`).
pub fn limits(live: &Live) -> Limits {
    let global = &live.config.global;
    Limits {
        head_bytes: global.bufsize.saturating_sub(global.maxrewrite).max(512),
        fields: global.max_headers,
        added_bytes: global.bufsize,
        lenient: false,
    }
}

/// Reads the head, if it has arrived whole.
pub fn run(client: &Client, ex: &mut Exchange, mut input: Buffer) -> Phase {
    let lenient = client.frontend.model.accept_invalid_request;
    let limits = Limits { lenient, ..limits(&client.view.live) };
    match h1::parse_request(input.unread(), &limits, &mut ex.memory.request) {
        Ok(Parse::Complete { head_len }) => {
            input.consume(head_len);
            ex.bytes_in += head_len as u64;
            ex.has_request = true;
            // Everything came with the first byte: one look at the clock less.
            ex.moments.request = Some(ex.moments.first_byte);
            Phase::Process((!input.is_empty()).then_some(input))
        }
        Ok(Parse::Partial) => Phase::ReceiveMore(input),
        Err(e) => {
            ex.bytes_in += input.len() as u64;
            refuse(ex, e.answer())
        }
    }
}

/// Waits for the rest of the head.
pub async fn more(client: &mut Client, ex: &mut Exchange, mut input: Buffer) -> Phase {
    let mut deadline = arm(client, ex);
    loop {
        input.compact();
        match deadline.guard(input.fill(&client.stream)).await {
            Ok(Ok(n)) if n > 0 => match run(client, ex, input) {
                Phase::ReceiveMore(part) => input = part,
                next => {
                    ex.moments.request = ex.has_request.then(Instant::now);
                    return next;
                }
            },
            Ok(_) => {
                ex.bytes_in += input.len() as u64;
                return cut_short(ex, Cause::ClientAbort, 400);
            }
            Err(_) => {
                ex.bytes_in += input.len() as u64;
                return cut_short(ex, Cause::ClientTimeout, 408);
            }
        }
    }
}

fn arm(client: &Client, ex: &Exchange) -> Deadline {
    let t = &client.frontend.model.timeouts;
    let mut deadline = Deadline::new();
    deadline.set(ex.moments.first_byte, t.http_request.or(t.client));
    deadline
}

fn refuse(ex: &mut Exchange, refusal: Refusal) -> Phase {
    ex.count_request(Instant::now());
    ex.frontend.counters.request_errors.inc();
    ex.end(Cause::Proxy, At::Request);
    match refusal {
        Refusal::Status(status) => {
            Phase::Answer(Answer { kind: AnswerKind::Error(status), input: None })
        }
        // As HAProxy: nothing is said, and a 400 is counted.
        Refusal::Close => {
            ex.status = 400;
            Phase::Finish(Finish::Close)
        }
    }
}

/// The client stopped in the middle of a head.
fn cut_short(ex: &mut Exchange, cause: Cause, status: u16) -> Phase {
    ex.count_request(Instant::now());
    ex.frontend.counters.request_errors.inc();
    ex.end(cause, At::Request);
    if ex.frontend.model.ignore_probes && ex.bytes_in == 0 {
        return Phase::Finish(Finish::Close);
    }
    Phase::Answer(Answer { kind: AnswerKind::Error(status), input: None })
}

/// A connection ended, or waited too long, without a byte.
pub async fn nothing_came(client: &mut Client, timed_out: bool) {
    if client.frontend.model.ignore_probes {
        return;
    }
    client.frontend.counters.request_errors.inc();
    let (cause, status) = match timed_out {
        true => (Cause::ClientTimeout, 408),
        false => (Cause::ClientAbort, 400),
    };
    let mut ex = Exchange::empty(client);
    ex.count_request(Instant::now());
    client.frontend.counters.empty_requests.inc();
    ex.end(cause, At::Request);
    let error = Answer { kind: AnswerKind::Error(status), input: None };
    super::answer::run(client, &mut ex, error).await;
    if !client.frontend.model.log.dontlognull {
        ex.status = status;
        crate::session::finish::run(&mut ex);
    } else {
        client.frontend.counters.traffic.of(client.worker.index).count(status);
    }
}
