//! Why a head was refused, where, and how to answer.

use std::fmt;

/// A head that cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadError {
    /// What is wrong.
    pub reason: Reason,
    /// Offset in the buffer of the offending byte.
    pub at: usize,
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The method is empty or holds something other than token characters.
    Method,
    /// The request target is missing, in no known form, or holds a forbidden byte.
    Target,
    /// The version is missing (HTTP/0.9) or not `HTTP/1.0` to `HTTP/9.9`.
    Version,
    /// The status is not three digits from 100 to 999.
    Status,
    /// The reason phrase holds a control character.
    ReasonPhrase,
    /// A carriage return without a line feed.
    BareCr,
    /// A NUL or another control character.
    Control,
    /// A field name is empty, holds something other than token characters (a space before the
    /// colon for one), or has no colon.
    FieldName,
    /// The first line after the start line begins with white space.
    LeadingSpace,
    /// More fields than [`Limits::fields`](super::Limits::fields).
    TooManyFields,
    /// The request line alone exceeds the limit of a head.
    TargetTooLong,
    /// The head exceeds [`Limits::head_bytes`](super::Limits::head_bytes).
    TooLarge,
    /// An upgrade to WebSocket without a valid `Sec-WebSocket-Key`.
    WebSocketKey,
    /// `Host` is repeated with another value, differs from the authority of the target, or cannot
    /// be one.
    Host,
}

/// How a message that cannot be accepted is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answer with this status, then close.
    Status(u16),
    /// Close without an answer.
    Close,
}

impl HeadError {
    pub(crate) const fn new(reason: Reason, at: usize) -> Self {
        Self { reason, at }
    }

    /// How a client is answered. (A response that is refused is always a 502 towards the client.)
    #[must_use]
    pub const fn answer(&self) -> Answer {
        Answer::Status(match self.reason {
            Reason::TargetTooLong => 414,
            Reason::TooLarge => 431,
            _ => 400,
        })
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            Reason::Method => "the method is not a token",
            Reason::Target => "bad request target",
            Reason::Version => "bad or missing HTTP version",
            Reason::Status => "the status is not a number from 100 to 999",
            Reason::ReasonPhrase => "control character in the reason phrase",
            Reason::BareCr => "carriage return without line feed",
            Reason::Control => "control character",
            Reason::FieldName => "bad field name",
            Reason::LeadingSpace => "white space before the first field",
            Reason::TooManyFields => "too many fields",
            Reason::TargetTooLong => "request target too long",
            Reason::TooLarge => "head too large",
            Reason::WebSocketKey => "missing or bad Sec-WebSocket-Key",
            Reason::Host => "conflicting or bad host",
        };
        write!(f, "{what} (at byte {})", self.at)
    }
}

impl std::error::Error for HeadError {}
