//! The one place that decides where a message ends.
//!
//! What decides the length of a message is never repaired, only accepted or refused (RFC 9112
//! section 6.3): two readers that understand a length differently are how requests are smuggled.

use std::fmt;

use super::{Answer, Head};
use crate::http::token::{is_digits, list_items, trim_ows};
use crate::http::{Known, KnownSet, Method, Version};

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
    /// A Content-Length that is not a plain decimal number below 2^64.
    BadLength,
    /// Content-Length values that differ.
    ConflictingLengths,
    /// Transfer-Encoding beside Content-Length.
    LengthAndCoding,
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
            _ => Answer::Status(400),
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadLength => "Content-Length is not a decimal number",
            Self::ConflictingLengths => "conflicting Content-Length values",
            Self::LengthAndCoding => "both Content-Length and Transfer-Encoding",
            Self::CodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 message",
            Self::NotChunkedLast => "the last transfer coding is not a single chunked",
            Self::UnknownCoding => "unsupported transfer coding",
        })
    }
}

impl std::error::Error for FramingError {}

const FRAMING: KnownSet = KnownSet::of(&[Known::ContentLength, Known::TransferEncoding]);

/// How long the content of a request is.
///
/// # Errors
/// When the head is ambiguous about it.
#[inline]
pub fn request_body(head: &Head) -> Result<BodyLength, FramingError> {
    if !head.present().intersects(FRAMING) {
        return Ok(BodyLength::Empty);
    }
    Ok(declared(head)?.unwrap_or(BodyLength::Empty))
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
        if head.has(Known::ContentLength) {
            return Err(FramingError::LengthAndCoding);
        }
        if head.version() == Version::Http10 {
            return Err(FramingError::CodingInHttp10);
        }
        transfer_coding(head)?;
        return Ok(Some(BodyLength::Chunked));
    }
    if !head.has(Known::ContentLength) {
        return Ok(None);
    }
    Ok(Some(match content_length(head)? {
        0 => BodyLength::Empty,
        length => BodyLength::Length(length),
    }))
}

/// The one value of all Content-Length lines and list items.
fn content_length(head: &Head) -> Result<u64, FramingError> {
    let mut length = None;
    for value in head.all(Known::ContentLength) {
        for item in value.split(|&b| b == b',') {
            let item = trim_ows(item);
            if !is_digits(item) {
                return Err(FramingError::BadLength);
            }
            let number = decimal(item).ok_or(FramingError::BadLength)?;
            if length.is_some_and(|known| known != number) {
                return Err(FramingError::ConflictingLengths);
            }
            length = Some(number);
        }
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

const CONNECTION: KnownSet = KnownSet::of(&[Known::Connection, Known::ProxyConnection]);

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
        if head.present().intersects(CONNECTION) { Self::read(head) } else { Self::default() }
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
            10 if word.eq_ignore_ascii_case(b"keep-alive") => &mut self.keep_alive,
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
/// 9110 section 7.8).
#[must_use]
pub fn wants_upgrade(head: &Head, tokens: ConnectionTokens) -> bool {
    tokens.upgrade && head.has(Known::Upgrade) && head.version() == Version::Http11
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
