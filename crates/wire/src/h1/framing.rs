//! The one place that decides where a message ends.
//!
//! What decides the length of a message is never repaired, only accepted or refused (RFC 9112
//! section 6.3): two readers that understand a length differently are how requests are smuggled.

use std::fmt;

use super::{Answer, Head};
use crate::http::token::{is_digits, is_token, list_items, trim_ows};
use crate::http::{Known, KnownSet, Method, Version, append_decimal};

/// How the end of a message's content is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No content; the message ends with its head.
    Empty,
    /// This many bytes, at least one.
    Length(u64),
    /// Chunked coding, to be followed with [`Chunked`](super::Chunked).
    Chunked,
    /// Everything until the connection closes (responses only).
    UntilClose,
    /// Both directions carry bytes that are no longer HTTP (after CONNECT or an upgrade).
    Tunnel,
}

/// Why the length of a message cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FramingError {
    /// A Content-Length that is not a plain decimal number below 2^64, or a list of different ones.
    BadLength,
    /// Content-Length fields that differ.
    ConflictingLengths,
    /// A CONNECT request with content.
    ContentInConnect,
    /// Transfer-Encoding in an HTTP/1.0 message.
    CodingInHttp10,
    /// The last transfer coding is not chunked, or chunked appears more than once.
    NotChunkedLast,
    /// A transfer coding other than chunked before it.
    UnknownCoding,
}

impl FramingError {
    /// How the sender of a request is answered. (A response with such an error is a 502.)
    #[must_use]
    pub const fn answer(self) -> Answer {
        match self {
            Self::UnknownCoding => Answer::Status(422),
            // As HAProxy does: the sender of such a message is not worth an answer.
            Self::ConflictingLengths => Answer::Close,
            _ => Answer::Status(400),
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadLength => "Content-Length is not a decimal number",
            Self::ConflictingLengths => "conflicting Content-Length fields",
            Self::ContentInConnect => "content in a CONNECT request",
            Self::CodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 message",
            Self::NotChunkedLast => "the last transfer coding is not a single chunked",
            Self::UnknownCoding => "unsupported transfer coding",
        })
    }
}

impl std::error::Error for FramingError {}

/// The fields that decide a length. Not to be sent with [`BodyLength::Tunnel`].
pub const FRAMING: KnownSet = KnownSet::of(&[Known::ContentLength, Known::TransferEncoding]);

/// Makes the framing of a head that was just read unmistakable for whoever reads it next: one plain
/// Content-Length in place of equal repeated ones, none beside a valid Transfer-Encoding (the
/// connection is then closed after the message, RFC 9112 section 6.1) and none of both where the
/// status forbids content. A head whose length is in doubt is left alone, for [`request_body`] and
/// [`response_body`] to refuse.
#[inline]
pub(super) fn settle(head: &mut Head) {
    if head.present().intersects(FRAMING) {
        settle_present(head);
    }
}

fn settle_present(head: &mut Head) {
    if head.is_response() && matches!(head.status(), 100..=199 | 204) {
        if declared(head).is_ok() {
            head.remove_known(Known::ContentLength);
            head.remove_known(Known::TransferEncoding);
        }
        return;
    }
    if head.has(Known::TransferEncoding) {
        if declared(head).is_ok() {
            head.line.conflict |= head.remove_known(Known::ContentLength) > 0;
            if head.first(Known::TransferEncoding) != Some(b"chunked") {
                head.settle_value(Known::TransferEncoding, b"chunked");
            }
        }
        return;
    }
    if plain_length(head).is_some() {
        return;
    }
    if let Ok(length) = content_length(head) {
        let mut value = Vec::with_capacity(20);
        append_decimal(&mut value, length);
        head.settle_value(Known::ContentLength, &value);
    }
}

/// The number of the only Content-Length, without leading zeros: as nearly every message has it.
fn plain_length(head: &Head) -> Option<u64> {
    let mut values = head.all(Known::ContentLength);
    let (value, None) = (values.next()?, values.next()) else { return None };
    let plain = value.len() < MAX_DIGITS && (value == b"0" || value.first() != Some(&b'0'));
    let number = || value.iter().fold(0, |n, b| n * 10 + u64::from(b & 15));
    (plain && is_digits(value)).then(number)
}

/// Every decimal number of fewer digits is below 2^64.
const MAX_DIGITS: usize = 20;

/// Whether the connection a message came over must be closed after it, because its head held both
/// lengths. [`ConnectionTokens::of`] counts it as `close`.
#[must_use]
pub const fn must_close(head: &Head) -> bool {
    head.line.conflict
}

/// How long the content of a request is.
///
/// # Errors
/// When the head is ambiguous about it.
#[inline]
pub fn request_body(head: &Head) -> Result<BodyLength, FramingError> {
    if !head.present().intersects(FRAMING) {
        return Ok(BodyLength::Empty);
    }
    match declared(head)?.unwrap_or(BodyLength::Empty) {
        BodyLength::Length(_) | BodyLength::Chunked if head.method() == Method::Connect => {
            Err(FramingError::ContentInConnect)
        }
        length => Ok(length),
    }
}

/// How long the content of a response is, given the method of its request.
///
/// # Errors
/// When the head is ambiguous about it.
#[inline]
pub fn response_body(head: &Head, request_method: Method) -> Result<BodyLength, FramingError> {
    let declared = declared(head)?;
    Ok(match (head.status(), request_method) {
        (101, _) | (200..=299, Method::Connect) => BodyLength::Tunnel,
        (100..=199 | 204 | 304, _) | (_, Method::Head) => BodyLength::Empty,
        _ => declared.unwrap_or(BodyLength::UntilClose),
    })
}

/// The length that the fields of the head declare, if any.
fn declared(head: &Head) -> Result<Option<BodyLength>, FramingError> {
    if head.has(Known::TransferEncoding) {
        if head.version() == Version::Http10 {
            return Err(FramingError::CodingInHttp10);
        }
        transfer_coding(head)?;
        return Ok(Some(BodyLength::Chunked));
    }
    if !head.has(Known::ContentLength) {
        return Ok(None);
    }
    let length = match plain_length(head) {
        Some(length) => length,
        None => content_length(head)?,
    };
    Ok(Some(match length {
        0 => BodyLength::Empty,
        length => BodyLength::Length(length),
    }))
}

/// The one value of all Content-Length lines and list items.
fn content_length(head: &Head) -> Result<u64, FramingError> {
    let mut length = None;
    for value in head.all(Known::ContentLength) {
        let mut in_line = None;
        for item in value.split(|&b| b == b',') {
            let item = trim_ows(item);
            if !is_digits(item) {
                return Err(FramingError::BadLength);
            }
            let number = decimal(item).ok_or(FramingError::BadLength)?;
            if in_line.is_some_and(|known| known != number) {
                return Err(FramingError::BadLength);
            }
            in_line = Some(number);
        }
        if length.is_some() && length != in_line {
            return Err(FramingError::ConflictingLengths);
        }
        length = in_line;
    }
    length.ok_or(FramingError::BadLength)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits
        .iter()
        .try_fold(0_u64, |n, &b| n.checked_mul(10)?.checked_add(u64::from(b.wrapping_sub(b'0'))))
}

/// Accepts `chunked` as the one and only transfer coding.
fn transfer_coding(head: &Head) -> Result<(), FramingError> {
    let mut chunked = 0_usize;
    let mut other = false;
    let mut last_is_chunked = false;
    for item in head.all_items(Known::TransferEncoding) {
        if !is_token(item) {
            return Err(FramingError::NotChunkedLast);
        }
        last_is_chunked = item.eq_ignore_ascii_case(b"chunked");
        if last_is_chunked {
            chunked += 1;
        } else {
            other = true;
        }
    }
    match (last_is_chunked, chunked, other) {
        (true, 1, false) => Ok(()),
        (true, 1, true) => Err(FramingError::UnknownCoding),
        _ => Err(FramingError::NotChunkedLast),
    }
}

/// What the Connection field of a message asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionTokens {
    /// `close`.
    pub close: bool,
    /// `keep-alive`.
    pub keep_alive: bool,
    /// `upgrade`.
    pub upgrade: bool,
    /// `te`.
    pub te: bool,
    /// Names other fields, which are then for this hop only.
    pub names_others: bool,
}

impl ConnectionTokens {
    /// Reads the Connection field. One bit test for a head that has none.
    #[inline]
    #[must_use]
    pub fn of(head: &Head) -> Self {
        let mut tokens =
            if head.has(Known::Connection) { Self::read(head) } else { Self::default() };
        tokens.close |= must_close(head);
        tokens
    }

    fn read(head: &Head) -> Self {
        let mut tokens = Self::default();
        for value in head.all(Known::Connection) {
            // Nearly always there is one word, and no list to be taken apart.
            if !tokens.note(value) {
                list_items(value).for_each(|item| {
                    tokens.names_others |= !tokens.note(item) && !item.is_empty();
                });
            }
        }
        tokens
    }

    /// Notes a word that has a meaning of its own; says whether it has.
    fn note(&mut self, word: &[u8]) -> bool {
        let known = match word.len() {
            // As nearly everybody writes it; looking at each letter takes longer.
            10 if word == b"keep-alive" || word.eq_ignore_ascii_case(b"keep-alive") => {
                &mut self.keep_alive
            }
            5 if word.eq_ignore_ascii_case(b"close") => &mut self.close,
            7 if word.eq_ignore_ascii_case(b"upgrade") => &mut self.upgrade,
            2 if word.eq_ignore_ascii_case(b"te") => &mut self.te,
            _ => return false,
        };
        *known = true;
        true
    }
}

/// Whether the sender of a message with this version and these tokens means to keep the connection
/// (RFC 9112 section 9.3). Whether the length of the message allows it is another question:
/// [`BodyLength::UntilClose`] never does.
#[must_use]
pub const fn persistent(version: Version, tokens: ConnectionTokens) -> bool {
    match version {
        Version::Http11 => !tokens.close,
        Version::Http10 => tokens.keep_alive && !tokens.close,
    }
}

/// Whether a request asks to change the protocol: `Upgrade` named by `Connection`, in HTTP/1.1 (RFC
/// 9110 section 7.8). Not to HTTP/2 in the clear (`h2c`): that is withdrawn (RFC 9113 section 3.1)
/// and a way around a proxy's rules.
#[must_use]
pub fn wants_upgrade(head: &Head, tokens: ConnectionTokens) -> bool {
    tokens.upgrade
        && head.has(Known::Upgrade)
        && head.version() == Version::Http11
        && !head.has_token(Known::Upgrade, b"h2c")
}

/// Whether a request that asks for WebSocket brings a key of 16 bytes in base64 (RFC 6455 section
/// 4.1); true for any other request.
pub(super) fn websocket_key_valid(head: &Head) -> bool {
    if !head.has_token(Known::Upgrade, b"websocket") || !ConnectionTokens::of(head).upgrade {
        return true;
    }
    let mut keys = head.all(Known::SecWebSocketKey);
    let Some(key) = keys.next() else { return false };
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let valid = key.len() == 24 && key.strip_suffix(b"==").is_some_and(|k| k.iter().all(base64));
    valid && keys.next().is_none()
}

/// Whether the client waits for `100 Continue` before it sends the content (RFC 9110 section
/// 10.1.1; an HTTP/1.0 client never does).
#[must_use]
pub fn expects_continue(head: &Head) -> bool {
    head.has(Known::Expect)
        && head.version() == Version::Http11
        && head.has_token(Known::Expect, b"100-continue")
}

/// Fields that concern one connection only and are never forwarded as they came (RFC 9110 section
/// 7.6.1). `Upgrade` and `TE` among them: who forwards those adds them anew. `Transfer-Encoding`
/// and `Trailer` are not: they stay while the framing of the content does.
pub const HOP_BY_HOP: KnownSet = KnownSet::of(&[
    Known::Connection,
    Known::ProxyConnection,
    Known::KeepAlive,
    Known::Upgrade,
    Known::Te,
    Known::Http2Settings,
]);

/// Fields that Connection may name in vain: without them the message would mean something else or
/// end elsewhere.
const NEVER_DROPPED: KnownSet = KnownSet::of(&[
    Known::Host,
    Known::ContentLength,
    Known::TransferEncoding,
    Known::Trailer,
    Known::Cookie,
    Known::Authorization,
    Known::XForwardedFor,
    Known::XForwardedProto,
    Known::XForwardedHost,
    Known::XForwardedPort,
    Known::XRealIp,
    Known::Forwarded,
    Known::Via,
    Known::CacheControl,
    Known::Date,
    Known::SetCookie,
    Known::MaxForwards,
]);

/// Removes the fields that Connection names, except those a message depends on and those a client
/// must not be able to make a proxy drop (forwarding and identity fields). Call it only when
/// [`ConnectionTokens::names_others`] says that there is something to do.
pub fn remove_named_by_connection(head: &mut Head) {
    let mut named: Vec<Box<[u8]>> = Vec::new();
    for item in head.all_items(Known::Connection) {
        if !NEVER_DROPPED.contains(Known::from_name(item)) && named.len() < MAX_NAMED {
            named.push(item.into());
        }
    }
    head.retain(|name, _| {
        name.eq_ignore_ascii_case(b"connection")
            || !named.iter().any(|n| n.eq_ignore_ascii_case(name))
    });
}

/// Names that Connection may give; further ones are forwarded.
const MAX_NAMED: usize = 32;

/// Whether the client takes trailers: `TE: trailers`, named by Connection (RFC 9110 10.1.4).
#[must_use]
pub fn accepts_trailers(head: &Head, tokens: ConnectionTokens) -> bool {
    tokens.te
        && head.all(Known::Te).flat_map(list_items).any(|i| i.eq_ignore_ascii_case(b"trailers"))
}
