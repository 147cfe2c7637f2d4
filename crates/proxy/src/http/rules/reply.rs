//! `http-request auth`: the challenge.

use std::sync::Arc;

use expr::LogFormat;
use model::{Reply, ReplyContent};
use wire::http::{FieldName, Known};

use super::action::text;
use crate::session::exchange::Exchange;
use crate::session::phase::AnswerKind;

/// 401 with `WWW-Authenticate`, or 407 for a client that speaks to a proxy.
pub fn challenge(ex: &Exchange, realm: Option<&LogFormat>) -> AnswerKind {
    let realm = match realm {
        Some(format) => text(ex, format),
        None => {
            let backend = ex.backend.as_ref().map(|b| &b.model.name);
            backend.unwrap_or(&ex.frontend.model.name).as_bytes().to_vec()
        }
    };
    challenge_of(ex, &realm)
}

/// The same for a realm that is known.
pub fn challenge_of(ex: &Exchange, realm: &[u8]) -> AnswerKind {
    let to_proxy =
        ex.memory.request.has(Known::ProxyConnection) || !ex.memory.request.authority().is_empty();
    let mut value = b"Basic realm=\"".to_vec();
    value.extend_from_slice(realm);
    value.push(b'"');
    let (status, name) = match to_proxy {
        true => (407, Known::ProxyAuthenticate),
        false => (401, Known::WwwAuthenticate),
    };
    AnswerKind::Reply(Arc::new(Reply {
        status,
        content: ReplyContent::Default,
        content_type: None,
        headers: vec![(FieldName::from(name), LogFormat::literal(&value))],
    }))
}
