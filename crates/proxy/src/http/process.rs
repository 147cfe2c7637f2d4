//! Phase 2: rules of the frontend, routing, rules of the backend, and the request made ready.

use std::sync::Arc;

use expr::Verdict;
use model::{ConnectionMode, RuleSet};
use tokio::time::Instant;
use wire::h1::Answer as Refusal;
use wire::h1::framing::{self, BodyLength, ConnectionTokens};
use wire::http::Method;

use super::request_head;
use super::rules::{self, Outcome};
use super::service;
use crate::body::Body;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::pump::Pump;
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Finish, Outgoing, Phase};
use crate::session::{route, subject};
use crate::tcp::{self, Decision};
use crate::termination::{At, Cause};

/// From a complete head to a request that may be sent, or to an answer of ours.
pub async fn run(client: &mut Client, ex: &mut Exchange, mut input: Option<Buffer>) -> Phase {
    let now = ex.moments.request.unwrap_or_else(Instant::now);
    // As HAProxy: what `tcp-request content` rules keep out is no request yet.
    let counted = ex.frontend.model.rules.tcp_content.is_empty();
    if counted {
        ex.count_request(now);
    }
    subject::remember_request(ex);
    let length = match framing::request_body(&ex.memory.request) {
        Ok(length) => length,
        Err(e) => {
            if !counted {
                ex.count_request(now);
            }
            ex.frontend.counters.request_errors.inc();
            ex.end(Cause::Proxy, At::Request);
            return match e.answer() {
                Refusal::Status(s) => answer(AnswerKind::Error(s), None),
                Refusal::Close => {
                    ex.status = 400;
                    Phase::Finish(Finish::Close)
                }
            };
        }
    };
    ex.unread = Body::from(length);
    let tokens = ConnectionTokens::of(&ex.memory.request);
    ex.client_keep = framing::persistent(ex.memory.request.version(), tokens)
        && ex.memory.request.method() != Method::Connect
        && !client.must_close();
    ex.upgrade = framing::wants_upgrade(&ex.memory.request, tokens);
    if let Some(kind) = monitor(ex) {
        if !counted {
            ex.count_request(now);
        }
        return answer(kind, input);
    }
    if has_a_say(&ex.frontend.model.rules, ex.frontend.model.buffer_request) {
        let frontend = Arc::clone(&ex.frontend);
        let rules = &frontend.model.rules;
        if let Some(end) = ask(client, ex, rules, true, &mut input, length).await {
            return end;
        }
    }
    let Some(backend) = route::choose(ex) else {
        ex.end(Cause::ServerAbort, At::Connect);
        return answer(AnswerKind::Error(503), input);
    };
    let asked = has_a_say(&backend.model.rules, backend.model.buffer_request)
        && !backend.model.is_half_of(&ex.frontend.model);
    let of_backend = asked.then(|| Arc::clone(&backend.model));
    ex.enter_backend(backend, now);
    if let Some(model) = of_backend
        && let Some(end) = ask(client, ex, &model.rules, false, &mut input, length).await
    {
        return end;
    }
    send(client, ex, input, length)
}

/// Whether a proxy has rules for requests. Most have none, and then nothing is prepared for them.
fn has_a_say(rules: &RuleSet, buffer_request: bool) -> bool {
    buffer_request
        || !rules.tcp_content.is_empty()
        || !rules.http_request.is_empty()
        || !rules.redirects.is_empty()
        || rules.stats.is_some()
}

/// The rules of one proxy; a phase when they end the request.
async fn ask(
    client: &mut Client,
    ex: &mut Exchange,
    rules: &RuleSet,
    of_frontend: bool,
    input: &mut Option<Buffer>,
    length: BodyLength,
) -> Option<Phase> {
    if !rules.tcp_content.is_empty() {
        if let Some(end) = content_rules(client, ex, rules).await {
            if of_frontend {
                ex.frontend.counters.kept_out.inc();
            }
            return Some(end);
        }
        if of_frontend {
            ex.count_request(Instant::now());
        }
    }
    match rules::request(client, ex, rules, of_frontend, input, length).await {
        Outcome::Continue if rules.stats.is_some() => {
            let backend = ex.backend.as_ref().filter(|_| !of_frontend);
            let proxy = backend.map_or(&ex.frontend.model.name, |b| &b.model.name).clone();
            Box::pin(service::statistics(client, ex, &proxy, rules, input, length)).await
        }
        Outcome::Continue => None,
        Outcome::End(phase) => Some(*phase),
    }
}

/// `tcp-request content` rules, which on HTTP see the whole request head.
async fn content_rules(client: &Client, ex: &mut Exchange, rules: &RuleSet) -> Option<Phase> {
    let mut start = 0;
    let decision = loop {
        match tcp::on_request(ex, rules, start) {
            Ok(decision) => break decision,
            Err(at) => {
                Box::pin(tcp::resolve(ex, &rules.tcp_content, at)).await;
                start = at + 1;
            }
        }
    };
    match decision {
        Decision::Accept => return None,
        Decision::Reject | Decision::Close => {}
        Decision::Drop => client.stream.reset_on_close(),
    }
    ex.frontend.counters.denied_requests.inc();
    ex.end(Cause::Proxy, At::Request);
    Some(Phase::Finish(Finish::Close))
}

fn answer(kind: AnswerKind, input: Option<Buffer>) -> Phase {
    Phase::Answer(Answer { kind, input })
}

/// `monitor-uri`: answered before any rule.
fn monitor(ex: &mut Exchange) -> Option<AnswerKind> {
    let target = ex.memory.request.target();
    let asked = |m: &model::Monitor| target == m.uri.as_bytes();
    if !ex.frontend.model.monitor.as_ref().is_some_and(asked) {
        return None;
    }
    let frontend = Arc::clone(&ex.frontend);
    let monitor = frontend.model.monitor.as_ref()?;
    ex.service = Some("<STATS>");
    ex.frontend.counters.intercepted.inc();
    ex.end(Cause::Local, At::Request);
    // Whoever watches asks every second: that is not logged.
    ex.overrides.borrow_mut().log_level = Some(None);
    let fails = monitor.fail.iter().any(|c| c.eval(&*ex) == Verdict::True);
    Some(AnswerKind::Error(if fails { 503 } else { 200 }))
}

fn send(client: &Client, ex: &mut Exchange, input: Option<Buffer>, length: BodyLength) -> Phase {
    let mode = ex.connection_mode();
    if mode == ConnectionMode::Close {
        ex.client_keep = false;
    }
    let pinned = crate::session::persistence::of_request(ex);
    // A request is serialised once the server is known only where the server shows in it.
    let prefix = request_head::write(ex, mode);
    let client_timeout = ex.overrides.borrow().client_timeout;
    let backend = ex.backend.as_ref().map(|b| &b.model);
    let mut out = Box::new(Outgoing {
        upload: Pump::new(prefix, Body::from(length), input),
        retries_left: backend.map_or(0, |b| b.retries),
        failed: None,
        pinned,
    });
    out.upload.set_timeouts(
        client_timeout.or(client.frontend.model.timeouts.client),
        backend.and_then(|b| b.timeouts.server),
    );
    Phase::Assign(out)
}
