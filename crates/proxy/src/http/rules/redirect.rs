//! `redirect`: the answer that sends a client elsewhere (manual 4.2).

use model::{Redirect, RedirectTarget};
use wire::http::Version;

use super::action::text;
use crate::session::exchange::Exchange;

/// The message and its status; `None` where `ignore-empty` says so.
pub fn message(ex: &Exchange, redirect: &Redirect) -> Option<(Vec<u8>, u16)> {
    let location = location(ex, redirect)?;
    let mut out = Vec::with_capacity(256);
    wire::h1::write_status_line(&mut out, Version::Http11, redirect.code, b"");
    wire::h1::write_field(&mut out, b"content-length", b"0");
    wire::h1::write_field(&mut out, b"location", &location);
    if matches!(redirect.code, 302 | 303 | 307) {
        wire::h1::write_field(&mut out, b"cache-control", b"no-cache");
    }
    if let Some(cookie) = &redirect.set_cookie {
        let mut value = text(ex, cookie);
        value.extend_from_slice(b"; path=/;");
        wire::h1::write_field(&mut out, b"set-cookie", &value);
    }
    if let Some(cookie) = &redirect.clear_cookie {
        let mut value = cookie.trim_end_matches('=').as_bytes().to_vec();
        value.extend_from_slice(b"=; path=/; Max-Age=0;");
        wire::h1::write_field(&mut out, b"set-cookie", &value);
    }
    out.extend_from_slice(b"\r\n");
    Some((out, redirect.code))
}

fn location(ex: &Exchange, redirect: &Redirect) -> Option<Vec<u8>> {
    let head = &ex.memory.request;
    let mut out = match &redirect.target {
        RedirectTarget::Location(format) => {
            let mut out = text(ex, format);
            if out.is_empty() && redirect.ignore_empty {
                return None;
            }
            if redirect.keep_query
                && let Some(query) = head.query()
            {
                out.push(if out.contains(&b'?') { b'&' } else { b'?' });
                out.extend_from_slice(query);
            }
            return clean(out);
        }
        RedirectTarget::Scheme(format) => {
            let mut out = text(ex, format);
            out.extend_from_slice(b"://");
            out.extend_from_slice(head.host().unwrap_or_default());
            out
        }
        RedirectTarget::Prefix(format) => {
            let out = text(ex, format);
            // A prefix of just "/" means the path as it is.
            if out == b"/" { Vec::new() } else { out }
        }
    };
    out.extend_from_slice(head.path());
    if redirect.append_slash && !head.path().ends_with(b"/") {
        out.push(b'/');
    }
    if !redirect.drop_query
        && let Some(query) = head.query()
    {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    clean(out)
}

/// A location that would break the head is not sent.
fn clean(location: Vec<u8>) -> Option<Vec<u8>> {
    wire::http::token::is_field_value(&location).then_some(location)
}
