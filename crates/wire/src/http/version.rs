//! The HTTP versions that reach the data plane; everything else is refused or folded into these.

/// Version of an HTTP/1 message.
///
/// HTTP/0.9 is refused by the parser. A start line that claims 1.2 to 9.9 is treated as 1.1 (RFC
/// 9112 section 2.3: a recipient processes a higher minor version as its own).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, closes unless told otherwise.
    Http10,
    /// HTTP/1.1: persistent unless told otherwise.
    #[default]
    Http11,
}

impl Version {
    /// The eight bytes of a start line, `HTTP/1.0` or `HTTP/1.1`.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8; 8] {
        match self {
            Self::Http10 => b"HTTP/1.0",
            Self::Http11 => b"HTTP/1.1",
        }
    }

    /// The number as HAProxy's `req.ver` and `res.ver` give it: `1.0` or `1.1`.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
        }
    }

    /// Reads the version of a start line; none when it is not `HTTP/` digit `.` digit with a
    /// number of at least 1.0.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b"HTTP/1.1" => Some(Self::Http11),
            b"HTTP/1.0" => Some(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9'] => Some(Self::Http11),
            _ => None,
        }
    }
}
