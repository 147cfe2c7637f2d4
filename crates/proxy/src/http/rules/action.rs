//! The actions of `http-request`, `http-response` and `http-after-response`.

use std::sync::Arc;

use expr::{End, LogFormat, Regex, Side, Subject};
use model::{HttpAction, HttpRule, PatternAction, PatternFile, PatternKey, TimeoutName};

use super::{Ending, Step, headers, redirect, reply};
use crate::rewrite::{set_port, set_source};
use crate::session::exchange::Exchange;
use crate::session::phase::AnswerKind;

/// Text of a format.
pub fn text(ex: &Exchange, format: &LogFormat) -> Vec<u8> {
    let mut out = Vec::new();
    format.render(ex, &mut out);
    out
}

/// Runs an action of a request list.
pub fn request(ex: &mut Exchange, rule: &HttpRule) -> Step {
    match &rule.action {
        HttpAction::Deny(r) => Step::Answer(AnswerKind::Reply(Arc::clone(r)), Ending::Denied),
        HttpAction::Tarpit(r) => Step::Answer(AnswerKind::Reply(Arc::clone(r)), Ending::Tarpit),
        HttpAction::Auth { realm } => {
            let message = reply::challenge(ex, realm.as_ref());
            Step::Answer(message, Ending::Local)
        }
        HttpAction::SetMethod(f) => {
            let method = text(ex, f);
            let _ = ex.memory.request.set_method(&method);
            Step::Next
        }
        HttpAction::SetPath(f) => {
            let path = text(ex, f);
            let _ = ex.memory.request.set_path(&path);
            Step::Next
        }
        HttpAction::SetPathQuery(f) => {
            let path = text(ex, f);
            let _ = ex.memory.request.set_path_and_query(&path);
            Step::Next
        }
        HttpAction::SetQuery(f) => {
            let query = text(ex, f);
            let _ = ex.memory.request.set_query(&query);
            Step::Next
        }
        HttpAction::SetUri(f) => {
            let target = text(ex, f);
            let _ = ex.memory.request.set_target(&target);
            Step::Next
        }
        HttpAction::ReplacePath(regex, f) => {
            if let Some(path) = replaced(ex, regex, f, ex.memory.request.path()) {
                let _ = ex.memory.request.set_path(&path);
            }
            Step::Next
        }
        HttpAction::ReplacePathQuery(regex, f) => {
            if let Some(path) = replaced(ex, regex, f, ex.memory.request.path_and_query()) {
                let _ = ex.memory.request.set_path_and_query(&path);
            }
            Step::Next
        }
        HttpAction::ReplaceUri(regex, f) => {
            if let Some(target) = replaced(ex, regex, f, ex.memory.request.target()) {
                let _ = ex.memory.request.set_target(&target);
            }
            Step::Next
        }
        _ => common(ex, rule, Side::Request),
    }
}

/// Runs an action of a response list.
pub fn response(ex: &mut Exchange, rule: &HttpRule) -> Step {
    match &rule.action {
        HttpAction::Deny(r) => Step::Answer(AnswerKind::Reply(Arc::clone(r)), Ending::Denied),
        HttpAction::SetStatus(status, reason) => {
            ex.memory.response.set_status(*status);
            let reason = reason.as_deref().unwrap_or_default();
            let _ = ex.memory.response.set_reason(reason.as_bytes());
            Step::Next
        }
        _ => common(ex, rule, Side::Response),
    }
}

/// The template of a replacement is rendered first, then its `\1` refer to the match.
fn replaced(ex: &Exchange, regex: &Regex, format: &LogFormat, subject: &[u8]) -> Option<Vec<u8>> {
    regex.replace(subject, &text(ex, format), false)
}

fn common(ex: &mut Exchange, rule: &HttpRule, side: Side) -> Step {
    match &rule.action {
        HttpAction::Allow => return Step::Stop,
        HttpAction::Return(r) => {
            return Step::Answer(AnswerKind::Reply(Arc::clone(r)), Ending::Local);
        }
        HttpAction::Redirect(r) => {
            if let Some((message, status)) = redirect::message(ex, r) {
                return Step::Answer(AnswerKind::Raw(message, status), Ending::Local);
            }
        }
        HttpAction::Reject => return Step::Answer(AnswerKind::Silence, Ending::Denied),
        HttpAction::SilentDrop => return Step::Answer(AnswerKind::Drop, Ending::Denied),
        HttpAction::SetVar(variable, expression) => ex.store(variable, expression),
        HttpAction::SetVarFmt(variable, format) => ex.store_text(variable, format),
        HttpAction::UnsetVar(variable) => {
            ex.set_variable(variable, None);
        }
        HttpAction::Capture { sample, slot, len } => {
            ex.capture_sample(side, sample, *slot, *len);
        }
        HttpAction::SetSrc(e) => set_source(ex, End::Src, e.eval(&*ex).found()),
        HttpAction::SetSrcPort(e) => set_port(ex, End::Src, e.eval(&*ex).found()),
        HttpAction::SetDst(e) => set_source(ex, End::Dst, e.eval(&*ex).found()),
        HttpAction::SetDstPort(e) => set_port(ex, End::Dst, e.eval(&*ex).found()),
        HttpAction::SetLogLevel(level) => ex.overrides.borrow_mut().log_level = Some(*level),
        HttpAction::SetTimeout(name, value) => set_timeout(ex, *name, value),
        HttpAction::Patterns(file, change) => change_list(ex, file, change),
        HttpAction::DisableL7Retry => ex.overrides.borrow_mut().no_l7_retry = true,
        HttpAction::DoLog => crate::session::finish::log_now(ex),
        other => headers::run(ex, other, side),
    }
    Step::Next
}

/// A pattern or value that does not suit whatever looks the list up is not taken, as in HAProxy.
fn change_list(ex: &Exchange, file: &PatternFile, change: &PatternAction) {
    let Some(list) = file.cell() else { return };
    let _ = match change {
        PatternAction::AddAcl(key) => list.ensure(&text(ex, key)),
        PatternAction::Delete(key) => list.delete(PatternKey::Key(&text(ex, key))),
        PatternAction::SetMap(key, value) => list.put(&text(ex, key), &text(ex, value)),
    };
}

fn set_timeout(ex: &Exchange, name: TimeoutName, value: &Result<std::time::Duration, expr::Expr>) {
    let time = match value {
        Ok(time) => *time,
        Err(expression) => match expression.eval(ex).found() {
            Some(sample) => match milliseconds(&sample) {
                Some(ms) => std::time::Duration::from_millis(ms),
                None => return,
            },
            None => return,
        },
    };
    let mut overrides = ex.overrides.borrow_mut();
    let place = match name {
        TimeoutName::Client => &mut overrides.client_timeout,
        TimeoutName::Server => &mut overrides.server_timeout,
        TimeoutName::Tunnel => &mut overrides.tunnel_timeout,
        TimeoutName::Connect => &mut overrides.connect_timeout,
        TimeoutName::Queue => &mut overrides.queue_timeout,
        TimeoutName::Tarpit => &mut overrides.tarpit_timeout,
    };
    *place = Some(time);
}

/// A number above zero, given as such or as a text.
fn milliseconds(sample: &expr::Sample<'_>) -> Option<u64> {
    let number = match sample {
        expr::Sample::Int(number) => *number,
        expr::Sample::Str(text) => std::str::from_utf8(text).ok()?.trim().parse().ok()?,
        _ => return None,
    };
    u64::try_from(number).ok().filter(|ms| *ms > 0)
}
