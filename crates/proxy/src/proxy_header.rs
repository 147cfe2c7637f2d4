//! The PROXY header that tells a server who the client is (`send-proxy`, `send-proxy-v2`).

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
