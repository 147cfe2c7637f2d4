//! The one place where an answer of ours is chosen and sent: error pages, replies, redirects.

use std::sync::Arc;

use model::{ErrorPage, ErrorPages, Reply, ReplyContent};
use tokio::time::Instant;
use wire::h1::{self, Limits, Parse, framing};
use wire::http::{Known, Method, Version};

use super::{leftover, response_head, rules};
use crate::client::Client;
use crate::deadline::Deadline;
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Finish, Phase};
use crate::termination::{At, Cause};

/// Sends our answer.
pub async fn run(client: &mut Client, ex: &mut Exchange, answer: Answer) -> Phase {
    let Answer { kind, input } = answer;
    match &kind {
        AnswerKind::Silence => return Phase::Finish(Finish::Close),
        AnswerKind::Drop => {
            client.stream.reset_on_close();
            return Phase::Finish(Finish::Close);
        }
        _ => {}
    }
    let Some(body) = build(ex, kind) else { return Phase::Finish(Finish::Close) };
    rules::after_response(ex);
    ex.status = ex.memory.response.status();
    // Who asked whether to send a body may have taken our answer for a no.
    let asked = !ex.unread.is_done() && framing::expects_continue(&ex.memory.request);
    let keep = ex.client_keep && !asked && !client.must_close();
    write_head(ex, keep);
    if ex.memory.request.method() != Method::Head || !ex.has_request {
        ex.memory.to_client.extend_from_slice(&body);
    }
    let mut deadline = Deadline::new();
    deadline.set(Instant::now(), client.frontend.model.timeouts.client);
    let sent = deadline.guard(client.stream.write_all(&ex.memory.to_client)).await;
    ex.bytes_out += ex.memory.to_client.len() as u64;
    match sent {
        Ok(Ok(())) if keep => leftover::skip(client, ex, input).await,
        Ok(Ok(())) => {
            leftover::linger(client).await;
            Phase::Finish(Finish::Close)
        }
        Ok(Err(_)) => {
            ex.end(Cause::ClientAbort, At::Data);
            Phase::Finish(Finish::Close)
        }
        Err(_) => {
            ex.end(Cause::ClientTimeout, At::Data);
            Phase::Finish(Finish::Close)
        }
    }
}

/// The response head in the exchange, the body returned; `None` = close without a word.
fn build(ex: &mut Exchange, kind: AnswerKind) -> Option<Vec<u8>> {
    match kind {
        AnswerKind::Error(status) => error_page(ex, status),
        AnswerKind::Reply(reply) => from_reply(ex, &reply),
        AnswerKind::Raw(bytes, status) => parsed(ex, &bytes, status),
        AnswerKind::Silence | AnswerKind::Drop => None,
    }
}

/// The page of the backend, else of the frontend, else ours (manual 4.2 `errorfile`).
fn error_page(ex: &mut Exchange, status: u16) -> Option<Vec<u8>> {
    let pages = |p: &Arc<ErrorPages>| p.by_status.get(&status).cloned();
    let own = ex.backend.as_ref().and_then(|b| pages(&b.model.errors));
    match own.or_else(|| pages(&ex.frontend.model.errors)) {
        Some(page) => own_page(ex, &page, status),
        None => Some(built_in(ex, status)),
    }
}

fn own_page(ex: &mut Exchange, page: &ErrorPage, status: u16) -> Option<Vec<u8>> {
    match page {
        ErrorPage::Raw(bytes) if bytes.is_empty() => None,
        ErrorPage::Raw(bytes) => parsed(ex, bytes, status),
        ErrorPage::Reply(reply) => from_reply(ex, reply),
    }
}

/// A whole message as a file or a rule gives it.
fn parsed(ex: &mut Exchange, bytes: &[u8], status: u16) -> Option<Vec<u8>> {
    let limits = Limits { head_bytes: bytes.len().max(512), ..Limits::default() };
    ex.memory.response.clear();
    match h1::parse_response(bytes, &limits, &mut ex.memory.response) {
        Ok(Parse::Complete { head_len }) => {
            let body = bytes.get(head_len..).unwrap_or_default().to_vec();
            ex.memory.response.remove_known(Known::Connection);
            ex.memory.response.remove_known(Known::TransferEncoding);
            let mut length = Vec::with_capacity(8);
            wire::http::append_decimal(&mut length, body.len() as u64);
            match ex.memory.response.first(Known::ContentLength) {
                Some(given) if given == length => {}
                _ => {
                    ex.memory.response.remove_known(Known::ContentLength);
                    add_length(ex, body.len());
                }
            }
            Some(body)
        }
        _ => Some(built_in(ex, status)),
    }
}

fn from_reply(ex: &mut Exchange, reply: &Reply) -> Option<Vec<u8>> {
    let status = reply.status;
    let body = match &reply.content {
        ReplyContent::Default => {
            let body = error_page(ex, status);
            add_reply_headers(ex, reply);
            return body;
        }
        ReplyContent::Raw(bytes) => return parsed(ex, bytes, status),
        ReplyContent::Section(pages) => {
            return match pages.by_status.get(&status) {
                Some(page) => own_page(ex, page, status),
                None => error_page(ex, status),
            };
        }
        ReplyContent::Empty => Vec::new(),
        ReplyContent::Fixed(bytes) => bytes.to_vec(),
        ReplyContent::Format(format) => {
            let mut body = Vec::new();
            format.render(&*ex, &mut body);
            body
        }
    };
    ex.memory.response.build_response(status, Version::Http11);
    add_reply_headers(ex, reply);
    add_length(ex, body.len());
    if let Some(kind) = &reply.content_type {
        let _ = ex.memory.response.append_known(Known::ContentType, kind.as_bytes());
    }
    Some(body)
}

fn add_reply_headers(ex: &mut Exchange, reply: &Reply) {
    for (name, format) in &reply.headers {
        let mut value = Vec::new();
        format.render(&*ex, &mut value);
        // As in HAProxy, a header of a reply that comes out empty is left out.
        if !value.is_empty() {
            let _ = ex.memory.response.append(name, &value);
        }
    }
}

fn add_length(ex: &mut Exchange, len: usize) {
    let status = ex.memory.response.status();
    if status < 200 || matches!(status, 204 | 304) {
        return;
    }
    let mut text = Vec::with_capacity(8);
    wire::http::append_decimal(&mut text, len as u64);
    let _ = ex.memory.response.append_known(Known::ContentLength, &text);
}

/// The page of last resort.
fn built_in(ex: &mut Exchange, status: u16) -> Vec<u8> {
    let reason = wire::http::reason_phrase(status);
    let body = format!(
        "<html><body><h1>{status} {reason}</h1>\n{}\n</body></html>\n",
        explanation(status)
    );
    ex.memory.response.build_response(status, Version::Http11);
    add_length(ex, body.len());
    let _ = ex.memory.response.append_known(Known::CacheControl, b"no-cache");
    let _ = ex.memory.response.append_known(Known::ContentType, b"text/html");
    if status == 401 || status == 407 {
        // The challenge is added by the rule that asks for it.
    } else if status == 425 {
        let _ = ex.memory.response.append_known(Known::RetryAfter, b"1");
    }
    body.into_bytes()
}

const fn explanation(status: u16) -> &'static str {
    match status {
        200 => "Service ready.",
        400 => "The request could not be understood.",
        401 | 407 => "Please log in to see this.",
        403 => "This request is not allowed here.",
        404 => "There is nothing under this address.",
        405 => "This method is not allowed here.",
        408 => "The request took too long to arrive.",
        410 => "What was here is gone for good.",
        413 => "The request body is larger than this server takes.",
        414 => "The request address is longer than this server takes.",
        421 => "This request reached a server that is not responsible for it.",
        422 => "The request uses a coding that this server does not take.",
        425 => "This request has to wait for a complete handshake.",
        429 => "Too many requests; please try again later.",
        431 => "The request headers are larger than this server takes.",
        500 => "The server met an unexpected condition.",
        501 => "This is not implemented here.",
        502 => "The server behind this address gave no valid answer.",
        503 => "There is no backend for this request right now.",
        504 => "The server behind this address did not answer in time.",
        _ => "",
    }
}

fn write_head(ex: &mut Exchange, keep: bool) {
    let mut out = std::mem::take(&mut ex.memory.to_client);
    out.clear();
    ex.memory.response.write_open(&mut out, framing::HOP_BY_HOP);
    response_head::connection_field(ex, keep, &mut out);
    out.extend_from_slice(b"\r\n");
    ex.memory.to_client = out;
}
