//! Rule lists of requests and responses: evaluated in order until one ends the list.

mod action;
mod early_hint;
mod headers;
mod redirect;
mod reply;

pub use reply::{challenge, challenge_of};

use std::sync::Arc;

use expr::Verdict;
use model::{HttpAction, HttpRule, RuleSet};
use wire::h1::framing::BodyLength;

use crate::buffer::Buffer;
use crate::client::Client;
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Phase, Upstream};
use crate::tcp::Decision;
use crate::termination::{At, Cause};

/// What a list of rules came to.
pub enum Outcome {
    /// Go on.
    Continue,
    /// Another phase follows.
    End(Box<Phase>),
}

/// What one action came to.
pub enum Step {
    /// The next rule.
    Next,
    /// The list ends here, the session goes on.
    Stop,
    /// Our answer.
    Answer(AnswerKind, Ending),
}

/// Who is credited with an answer by rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `PR`: refused.
    Denied,
    /// `LR`: answered here.
    Local,
    /// `PT`: held in the tarpit first.
    Tarpit,
}

fn holds(ex: &Exchange, condition: Option<&expr::Condition>) -> bool {
    condition.is_none_or(|c| c.eval(ex) == Verdict::True)
}

/// `http-request` rules, then `redirect` rules, of one proxy.
pub async fn request(
    client: &mut Client,
    ex: &mut Exchange,
    rules: &RuleSet,
    of_frontend: bool,
    input: &mut Option<Buffer>,
    length: BodyLength,
) -> Outcome {
    if wants_body(ex, of_frontend)
        && let Err(phase) =
            Box::pin(super::wait_body::run(client, ex, input, length, None, None)).await
    {
        return Outcome::End(Box::new(phase));
    }
    let mut hints = early_hint::Hints::default();
    for (at, rule) in rules.http_request.iter().enumerate() {
        if !holds(ex, rule.condition.as_ref()) {
            continue;
        }
        if let HttpAction::WaitForBody { time, at_least } = rule.action {
            let wait = super::wait_body::run(client, ex, input, length, Some(time), at_least);
            match Box::pin(wait).await {
                Ok(()) => continue,
                Err(phase) => return Outcome::End(Box::new(phase)),
            }
        }
        if let HttpAction::DoResolve(action) = &rule.action {
            Box::pin(crate::session::resolve::run(ex, action)).await;
            continue;
        }
        if let HttpAction::EarlyHint(name, format) = &rule.action {
            hints.add(ex, name, format);
            if !early_hint::goes_on(rules.http_request.get(at + 1)) {
                Box::pin(hints.send(client, ex)).await;
            }
            continue;
        }
        if let HttpAction::UseService(name) = rule.action {
            let answer = super::service::named(client, ex, name, input, length);
            return Outcome::End(Box::new(Box::pin(answer).await));
        }
        match action::request(ex, rule) {
            Step::Next => {}
            Step::Stop => break,
            Step::Answer(kind, ending) => {
                let answer = answer(client, ex, kind, ending, of_frontend, input);
                return Outcome::End(Box::new(Box::pin(answer).await));
            }
        }
    }
    for rule in &rules.redirects {
        if holds(ex, rule.condition.as_ref())
            && let Some((message, status)) = redirect::message(ex, &rule.action)
        {
            let kind = AnswerKind::Raw(message, status);
            let answer = answer(client, ex, kind, Ending::Local, of_frontend, input);
            return Outcome::End(Box::new(Box::pin(answer).await));
        }
    }
    Outcome::Continue
}

fn wants_body(ex: &Exchange, of_frontend: bool) -> bool {
    match of_frontend {
        true => ex.frontend.model.buffer_request,
        false => ex.backend.as_ref().is_some_and(|b| b.model.buffer_request),
    }
}

async fn answer(
    client: &Client,
    ex: &mut Exchange,
    kind: AnswerKind,
    ending: Ending,
    of_frontend: bool,
    input: &mut Option<Buffer>,
) -> Phase {
    match ending {
        Ending::Local => {
            if of_frontend {
                ex.frontend.counters.intercepted.inc();
            }
            ex.end(Cause::Local, At::Request);
        }
        Ending::Denied | Ending::Tarpit => {
            ex.frontend.counters.denied_requests.inc();
            if let Some(backend) = ex.backend.as_ref().filter(|_| !of_frontend) {
                backend.counters.denied_requests.inc();
            }
            if ending == Ending::Tarpit {
                hold(client, ex).await;
                ex.end(Cause::Proxy, At::Tarpit);
            } else {
                ex.end(Cause::Proxy, At::Request);
            }
        }
    }
    Phase::Answer(Answer { kind, input: input.take() })
}

/// The tarpit: the client waits for `timeout tarpit`, or until it leaves.
async fn hold(client: &Client, ex: &Exchange) {
    let of = |t: &model::Timeouts| t.tarpit.or(t.connect);
    let backend = ex.backend.as_ref().and_then(|b| of(&b.model.timeouts));
    let own = ex.overrides.borrow().tarpit_timeout;
    let time = own.or(backend).or(of(&client.frontend.model.timeouts));
    let Some(time) = time else { return };
    tokio::time::sleep(time).await;
}

/// `http-response` rules: of the backend, then of the frontend.
pub fn response(ex: &mut Exchange, up: &Upstream) -> Outcome {
    crate::session::subject::remember_response(ex);
    let backend = &up.slot.backend.model;
    if let Some(end) = content(ex, &backend.rules) {
        return end;
    }
    if let Step::Answer(kind, ending) = response_list(ex, &backend.rules.http_response) {
        return Outcome::End(Box::new(response_answer(ex, kind, ending)));
    }
    if !ex.frontend.model.rules.http_response.is_empty() && !backend.is_half_of(&ex.frontend.model)
    {
        let frontend = Arc::clone(&ex.frontend);
        let rules = &frontend.model.rules.http_response;
        if let Step::Answer(kind, ending) = response_list(ex, rules) {
            return Outcome::End(Box::new(response_answer(ex, kind, ending)));
        }
    }
    after_response(ex);
    Outcome::Continue
}

/// `tcp-response content` rules, which on HTTP see the whole response head.
fn content(ex: &mut Exchange, rules: &RuleSet) -> Option<Outcome> {
    let kind = match crate::tcp::on_response(ex, rules) {
        Decision::Accept => return None,
        Decision::Reject | Decision::Close => AnswerKind::Silence,
        Decision::Drop => AnswerKind::Drop,
    };
    ex.end(Cause::Proxy, At::Data);
    ex.moments.response = None;
    ex.status = 0;
    Some(Outcome::End(Box::new(response_answer(ex, kind, Ending::Denied))))
}

fn response_list(ex: &mut Exchange, rules: &[HttpRule]) -> Step {
    for rule in rules {
        if !holds(ex, rule.condition.as_ref()) {
            continue;
        }
        match action::response(ex, rule) {
            Step::Next => {}
            Step::Stop => break,
            answer => return answer,
        }
    }
    Step::Next
}

fn response_answer(ex: &mut Exchange, kind: AnswerKind, ending: Ending) -> Phase {
    match ending {
        Ending::Local => ex.end(Cause::Local, At::Headers),
        Ending::Denied | Ending::Tarpit => {
            ex.end(Cause::Proxy, At::Headers);
            if let Some(backend) = &ex.backend {
                backend.counters.denied_responses.inc();
            }
            if let Some(server) = &ex.server {
                server.counters.denied_responses.inc();
            }
            ex.frontend.counters.denied_responses.inc();
        }
    }
    Phase::Answer(Answer { kind, input: None })
}

/// `http-after-response` rules: for every response, ours included.
pub fn after_response(ex: &mut Exchange) {
    let none = |rules: &RuleSet| rules.http_after_response.is_empty();
    if none(&ex.frontend.model.rules) && ex.backend.as_ref().is_none_or(|b| none(&b.model.rules)) {
        return;
    }
    let backend = ex.backend.as_deref().cloned();
    let frontend = Arc::clone(&ex.frontend);
    let apart = backend.as_ref().filter(|b| !b.model.is_half_of(&frontend.model));
    let of_backend = apart.map_or(&[][..], |b| &b.model.rules.http_after_response);
    let had_response = std::mem::replace(&mut ex.has_response, true);
    for rules in [of_backend, &frontend.model.rules.http_after_response] {
        let _ = response_list(ex, rules);
    }
    ex.has_response = had_response;
}
