//! PROXY headers: the one that tells a server who the client is (`send-proxy`, `send-proxy-v2`),
//! and why one that was expected is refused.

use model::ProxyHeader;
use wire::proxy_protocol::{V2, write_v1, write_v2};

use crate::client::ClientFacts;

/// The header for a client connection, in the version that the server wants.
#[must_use]
pub fn write(facts: &ClientFacts, kind: ProxyHeader) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    let addresses = facts.src.get().zip(facts.dst.get());
    match kind {
        ProxyHeader::V1 => write_v1(&mut out, addresses),
        ProxyHeader::V2 => write_v2(&mut out, &V2 { addresses, ..V2::default() }),
    }
    out
}

/// Why a connection without a good PROXY header is closed: the numbers of `fc_err` (manual 7.3.3).
pub mod refused {
    /// The client closed before it.
    pub const CLOSED: u8 = 11;
    /// The connection broke.
    pub const BROKEN: u8 = 12;
    /// Nothing came in time.
    pub const TIMEOUT: u8 = 13;
    /// The rest of it did not come in time.
    pub const CUT: u8 = 14;
    /// What came is none.
    pub const OTHER: u8 = 15;
    /// What came is a wrong one.
    pub const BAD: u8 = 16;
}
