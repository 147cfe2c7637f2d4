//! What `mode tcp` leaves out: HTTP settings are dropped with a warning each, as HAProxy does.

use model::{Algorithm, Mode};

use super::context::Lowering;
use super::draft::{Draft, LogChoice};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

/// Drops from a TCP proxy what only HTTP has.
pub(crate) fn settle(cx: &mut Lowering<'_>, draft: &mut Draft<'_>) {
    if draft.mode == Mode::Http || draft.disabled {
        return;
    }
    rules(cx, draft);
    if draft.is_front() {
        front(cx, draft);
    }
    if draft.is_back() {
        back(cx, draft);
    }
    let title = draft.title();
    for (option, name) in
        [(&mut draft.forwardfor, "option forwardfor"), (&mut draft.originalto, "option originalto")]
    {
        if let Some((_, span)) = option.take() {
            needs_http(cx, span, format!("'{name}' is ignored for {title}"));
        }
    }
}

fn needs_http(cx: &mut Lowering<'_>, span: Span, reason: String) {
    let reason = format!("{reason}: it needs 'mode http'");
    cx.diagnostics.push(Diagnostic::new(Severity::Warning, span, reason));
}

/// Where an origin is, as a span is no longer at hand: the section's start.
fn rules(cx: &mut Lowering<'_>, draft: &mut Draft<'_>) {
    let (header, title) = (draft.header, draft.title());
    let rules = &mut draft.rules;
    let mut drop = |is_there: bool, name: &str| {
        if is_there {
            needs_http(cx, header, format!("'{name}' rules are ignored for {title}"));
        }
    };
    drop(!rules.http_request.is_empty(), "http-request");
    drop(!rules.redirects.is_empty(), "redirect");
    drop(!rules.http_response.is_empty(), "http-response");
    drop(!rules.http_after_response.is_empty(), "http-after-response");
    drop(rules.stats.is_some(), "stats");
    rules.stats = None;
    rules.http_request.clear();
    rules.redirects.clear();
    rules.http_response.clear();
    rules.http_after_response.clear();
}

fn front(cx: &mut Lowering<'_>, draft: &mut Draft<'_>) {
    let title = draft.title();
    if draft.front.monitor_uri.take().is_some() {
        needs_http(cx, draft.header, format!("'monitor-uri' is ignored for {title}"));
    }
    let choice = match draft.log.kind {
        Some((LogChoice::Http | LogChoice::Https, span)) => Some((LogChoice::Tcp, span)),
        Some((LogChoice::HttpClf, span)) => Some((LogChoice::TcpClf, span)),
        _ => None,
    };
    if let Some((choice, span)) = choice {
        draft.log.kind = Some((choice, span));
        let reason = format!("'option httplog' is read as 'option tcplog' for {title}");
        needs_http(cx, span, reason);
    }
}

fn back(cx: &mut Lowering<'_>, draft: &mut Draft<'_>) {
    let title = draft.title();
    let back = &mut draft.back;
    if let Some((_, span)) = back.cookie.take() {
        needs_http(cx, span, format!("'cookie' is ignored for {title}"));
    }
    if matches!(
        back.algorithm,
        Algorithm::Uri { .. } | Algorithm::UrlParam { .. } | Algorithm::Hdr { .. }
    ) {
        back.algorithm = Algorithm::RoundRobin;
        let span = back.balance_span.unwrap_or(draft.header);
        needs_http(cx, span, format!("'balance' falls back to round robin for {title}"));
    }
    let mut first = None;
    for server in &mut back.servers {
        if server.server.cookie.take().is_some() {
            first = first.or(server.span);
        }
    }
    if let Some(span) = first {
        needs_http(cx, span, format!("cookies of servers are ignored for {title}"));
    }
}
