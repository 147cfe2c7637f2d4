//! The response head as the client gets it.

use wire::h1::framing::{self, BodyLength, ConnectionTokens, HOP_BY_HOP};
use wire::h1::write_field;
use wire::http::{Known, Version};

use crate::session::exchange::Exchange;

/// How the body of a response is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onward {
    /// A body that ends with the server's close is sent in chunks.
    pub rechunk: bool,
    /// The client connection stays open afterwards.
    pub keep: bool,
}

/// Decides how a response of this length is sent on.
pub fn onward(ex: &Exchange, length: BodyLength) -> Onward {
    let http11 = ex.memory.request.version() == Version::Http11;
    let until_close = length == BodyLength::UntilClose;
    let rechunk = until_close && http11;
    Onward { rechunk, keep: ex.client_keep && (!until_close || rechunk) }
}

/// Serialises the response head into the exchange's memory.
pub fn write(ex: &mut Exchange, length: BodyLength, onward: Onward) {
    let mut out = std::mem::take(&mut ex.memory.to_client);
    out.clear();
    let head = &mut ex.memory.response;
    let tokens = ConnectionTokens::of(head);
    if tokens.names_others {
        framing::remove_named_by_connection(head);
    }
    head.set_version(Version::Http11);
    // A 2xx to CONNECT may carry a length that means nothing (RFC 9110 section 9.3.6).
    let tunnel = length == BodyLength::Tunnel;
    let skip = if tunnel { HOP_BY_HOP.union(framing::FRAMING) } else { HOP_BY_HOP };
    head.write_open(&mut out, skip);
    if length == BodyLength::Tunnel {
        if let Some(protocol) = ex.memory.response.first(Known::Upgrade) {
            write_field(&mut out, b"upgrade", protocol);
            write_field(&mut out, b"connection", b"Upgrade");
        }
    } else {
        if onward.rechunk {
            write_field(&mut out, b"transfer-encoding", b"chunked");
        }
        connection_field(ex, onward.keep, &mut out);
    }
    out.extend_from_slice(b"\r\n");
    ex.memory.to_client = out;
}

/// `Connection`, where the version's default is not what is meant.
pub fn connection_field(ex: &Exchange, keep: bool, out: &mut Vec<u8>) {
    let http11 = !ex.has_request || ex.memory.request.version() == Version::Http11;
    match (keep, http11) {
        (true, false) => write_field(out, b"connection", b"keep-alive"),
        (false, true) => write_field(out, b"connection", b"close"),
        _ => {}
    }
}
