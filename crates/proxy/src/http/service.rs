//! Requests that a service of ours answers: `stats uri`, `http-request use-service`.

use std::sync::Arc;

use expr::Verdict;
use model::{HttpAction, Name, RuleSet, ServiceName, Stats};
use wire::h1::framing::BodyLength;
use wire::http::{Method, Version};

use super::rules;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::service::{ServiceAnswer, ServiceKind, ServiceRequest};
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Phase};
use crate::termination::{At, Cause};

/// The statistics page, if the request asks for it. `proxy` has the rules.
pub async fn statistics(
    client: &mut Client,
    ex: &mut Exchange,
    proxy: &Name,
    rules: &RuleSet,
    input: &mut Option<Buffer>,
    length: BodyLength,
) -> Option<Phase> {
    let stats = rules.stats.as_ref()?;
    if !ex.memory.request.path_and_query().starts_with(stats.uri.as_bytes()) {
        return None;
    }
    // With any other method it is a request like all others, for the servers.
    if !matches!(ex.memory.request.method(), Method::Get | Method::Head | Method::Post) {
        return None;
    }
    ex.service = Some("<STATS>");
    if let Some(kind) = refusal(ex, stats) {
        let denied = matches!(kind, AnswerKind::Reply(_));
        if denied {
            ex.frontend.counters.denied_requests.inc();
        }
        ex.end(if denied { Cause::Proxy } else { Cause::Local }, At::Request);
        return Some(Phase::Answer(Answer { kind, input: input.take() }));
    }
    if ex.memory.request.method() == Method::Post
        && let Err(end) =
            Box::pin(super::wait_body::run(client, ex, input, length, None, None)).await
    {
        return Some(end);
    }
    ex.end(Cause::Local, At::Request);
    ex.frontend.counters.intercepted.inc();
    let may_change = stats.admin.iter().any(|c| c.eval(&*ex) == Verdict::True);
    let kind = ServiceKind::Stats(Arc::clone(stats));
    Some(ask(client, ex, kind, proxy, may_change, input).await)
}

/// `http-request use-service NAME`.
pub async fn named(
    client: &mut Client,
    ex: &mut Exchange,
    name: ServiceName,
    input: &mut Option<Buffer>,
    length: BodyLength,
) -> Phase {
    ex.service = Some(match name {
        ServiceName::PrometheusExporter => "<PROMEX>",
        ServiceName::Api => "<API>",
    });
    if name == ServiceName::Api
        && !matches!(ex.memory.request.method(), Method::Get | Method::Head)
        && let Err(end) =
            Box::pin(super::wait_body::run(client, ex, input, length, None, None)).await
    {
        return end;
    }
    ex.end(Cause::Local, At::Request);
    ex.frontend.counters.intercepted.inc();
    let proxy = ex.frontend.model.name.clone();
    ask(client, ex, ServiceKind::Named(name), &proxy, false, input).await
}

/// Why the page is not shown: a rule, or a name and password that are not right.
fn refusal(ex: &Exchange, stats: &Stats) -> Option<AnswerKind> {
    for rule in &stats.rules {
        if !rule.condition.as_ref().is_none_or(|c| c.eval(ex) == Verdict::True) {
            continue;
        }
        match &rule.action {
            HttpAction::Deny(reply) => return Some(AnswerKind::Reply(Arc::clone(reply))),
            HttpAction::Auth { realm: Some(realm) } => {
                return Some(rules::challenge(ex, Some(realm)));
            }
            HttpAction::Auth { realm: None } => {
                return Some(rules::challenge_of(ex, stats.realm.as_bytes()));
            }
            _ => return None,
        }
    }
    let known = stats.users.users.is_empty() || expr::auth::is_authenticated(ex, &stats.users);
    (!known).then(|| rules::challenge_of(ex, stats.realm.as_bytes()))
}

async fn ask(
    client: &mut Client,
    ex: &mut Exchange,
    kind: ServiceKind,
    proxy: &Name,
    may_change: bool,
    input: &mut Option<Buffer>,
) -> Phase {
    let request = &ex.memory.request;
    let field = |name: &[u8]| {
        let named = request.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.to_vec())
    };
    let asked = ServiceRequest {
        kind,
        proxy: proxy.clone(),
        method: String::from_utf8_lossy(request.method_bytes()).into_owned(),
        target: request.path_and_query().to_vec(),
        host: request.host().map(<[u8]>::to_vec),
        origin: field(b"origin"),
        fetch_site: field(b"sec-fetch-site"),
        authorization: field(b"authorization"),
        token: field(b"x-evenkeel-token"),
        body: ex.waited_body.clone().unwrap_or_default(),
        may_change,
    };
    let service = client.worker.shared.service.clone();
    let answer = match service {
        Some(service) => service.answer(asked).await,
        None => None,
    };
    let kind = match answer {
        Some(answer) => AnswerKind::Raw(message(&answer), answer.status),
        None => AnswerKind::Error(503),
    };
    Phase::Answer(Answer { kind, input: input.take() })
}

fn message(answer: &ServiceAnswer) -> Vec<u8> {
    let mut out = Vec::with_capacity(answer.body.len() + 512);
    wire::h1::write_status_line(&mut out, Version::Http11, answer.status, b"");
    for (name, value) in &answer.headers {
        // No value may begin another field.
        let value: Vec<u8> = value.bytes().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).collect();
        wire::h1::write_field(&mut out, name.as_bytes(), &value);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&answer.body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_field() {
        let answer = ServiceAnswer {
            status: 303,
            headers: vec![("location", "/x\r\nset-cookie: a=b".to_owned())],
            body: b"hi".to_vec(),
        };
        let text = String::from_utf8(message(&answer)).expect("ascii");
        assert_eq!(text, "HTTP/1.1 303 See Other\r\nlocation: /xset-cookie: a=b\r\n\r\nhi");
    }
}
