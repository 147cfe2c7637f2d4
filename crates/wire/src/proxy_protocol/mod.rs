//! The PROXY protocol, versions 1 and 2: who a connection really comes from, said by the proxy
//! before it in the first bytes (public specification, haproxy.org, revision of 2020).

mod tlv;
mod v1;
mod v2;

use std::fmt;
use std::net::SocketAddr;

pub use tlv::{SslTlv, Tlv, Tlvs, tlv_type};
pub use v1::write_v1;
pub use v2::{V2, write_v2};

/// Longest header that is accepted, in bytes. A version 2 header may declare up to 65,551; what
/// is really sent stays far below.
pub const MAX_HEADER_BYTES: usize = 16_384;

/// Outcome of looking for a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The header is whole.
    Complete(Header),
    /// What is there is the beginning of a header; read more.
    Partial,
}

/// A received header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes it takes at the start of the connection.
    pub len: usize,
    /// Protocol version, 1 or 2.
    pub version: u8,
    /// Whom the sender speaks for.
    pub peer: Peer,
    /// TLVs of a version 2 header, already checked for form.
    tlvs: Vec<u8>,
}

/// Whom the sender of a header speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// For itself (`LOCAL`, a health check for one): the connection's own addresses count.
    Local,
    /// For somebody it does not name (`UNKNOWN`, unspecified): the connection's own addresses
    /// count.
    Unknown,
    /// For a client with these addresses.
    Inet {
        /// Where the client connected from.
        source: SocketAddr,
        /// Where it connected to.
        destination: SocketAddr,
        /// Datagrams rather than a stream.
        datagram: bool,
    },
    /// For a client on a unix socket; paths without their NUL padding, at most 108 bytes.
    Unix {
        /// Path the client is bound to, most often empty.
        source: Box<[u8]>,
        /// Path it connected to.
        destination: Box<[u8]>,
    },
}

impl Header {
    /// Source and destination where the header gives internet addresses.
    #[must_use]
    pub const fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self.peer {
            Peer::Inet { source, destination, .. } => Some((source, destination)),
            _ => None,
        }
    }

    /// The TLVs in order.
    #[must_use]
    pub fn tlvs(&self) -> Tlvs<'_> {
        Tlvs::new(&self.tlvs)
    }

    /// Value of the first TLV of this type (`fc_pp_tlv`).
    #[must_use]
    pub fn tlv(&self, kind: u8) -> Option<&[u8]> {
        self.tlvs().find(|t| t.kind == kind).map(|t| t.value)
    }
}

/// Why a connection does not begin with an acceptable header. It is closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderError {
    /// The first bytes belong to something else.
    NotProxy,
    /// A version 1 line that does not follow the grammar or exceeds 107 bytes.
    Line,
    /// A version, command, family or transport that the specification does not have.
    Unsupported,
    /// Declared length too small for the addresses.
    TooShort,
    /// Longer than [`MAX_HEADER_BYTES`].
    TooLong,
    /// A TLV that reaches beyond the header.
    Tlv,
    /// The checksum TLV does not fit the header.
    Checksum,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotProxy => "no PROXY header",
            Self::Line => "malformed PROXY line",
            Self::Unsupported => "unsupported PROXY version, command, family or transport",
            Self::TooShort => "PROXY header too short for its addresses",
            Self::TooLong => "PROXY header too long",
            Self::Tlv => "malformed PROXY TLV",
            Self::Checksum => "PROXY header checksum does not match",
        })
    }
}

impl std::error::Error for HeaderError {}

/// Reads the header at the start of `buf`, of either version. What a partial header does not show
/// yet is looked at again on the next call; headers are short.
///
/// # Errors
/// [`HeaderError`]: there is no acceptable header and cannot be one, however much is still read.
pub fn parse(buf: &[u8]) -> Result<Parsed, HeaderError> {
    if begins(buf, v2::SIGNATURE) {
        v2::parse(buf)
    } else if begins(buf, v1::START) {
        v1::parse(buf)
    } else {
        Err(HeaderError::NotProxy)
    }
}

/// Whether `buf` is a prefix of `start` or begins with it.
fn begins(buf: &[u8], start: &[u8]) -> bool {
    buf.iter().zip(start).all(|(a, b)| a == b)
}
