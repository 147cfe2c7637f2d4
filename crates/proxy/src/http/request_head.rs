//! The request head as the server gets it.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use model::{ConnectionMode, ForwardFor};
use wire::h1::framing::{self, ConnectionTokens, HOP_BY_HOP};
use wire::h1::{Head, write_field};
use wire::http::{Known, Version};

use crate::session::exchange::Exchange;

/// Serialises the request head into the exchange's memory: hop-by-hop fields out, forwarding
/// fields in.
pub fn write(ex: &mut Exchange, mode: ConnectionMode) -> Vec<u8> {
    let mut out = std::mem::take(&mut ex.memory.to_server);
    out.clear();
    if let Some(name) = ex.backend.as_ref().and_then(|b| b.model.send_name_header.as_ref()) {
        ex.memory.request.remove(name);
    }
    let head = &mut ex.memory.request;
    let tokens = ConnectionTokens::of(head);
    if tokens.names_others {
        framing::remove_named_by_connection(head);
    }
    head.set_version(Version::Http11);
    let trailers = framing::accepts_trailers(head, tokens);
    head.write_open(&mut out, HOP_BY_HOP);
    if ex.upgrade {
        if let Some(protocol) = head.first(Known::Upgrade) {
            write_field(&mut out, b"upgrade", protocol);
        }
        write_field(&mut out, b"connection", b"Upgrade");
    } else if mode != ConnectionMode::KeepAlive && !pretends(ex) {
        write_field(&mut out, b"connection", b"close");
    }
    if trailers {
        write_field(&mut out, b"te", b"trailers");
    }
    add_forwarding(ex, &mut out);
    out.extend_from_slice(b"\r\n");
    out
}

/// `option http-pretend-keepalive`: the server is not told that its connection ends.
fn pretends(ex: &Exchange) -> bool {
    ex.backend.as_ref().is_some_and(|b| b.model.pretend_keepalive)
}

/// `option forwardfor`, `option originalto`, `unique-id-header`.
fn add_forwarding(ex: &Exchange, out: &mut Vec<u8>) {
    let frontend = &ex.frontend.model;
    let backend = ex.backend.as_ref().map(|b| &b.model);
    let head = &ex.memory.request;
    let forwardfor = pick(&frontend.forwardfor, backend.map(|b| &b.forwardfor));
    if let Some(option) = forwardfor {
        add_address(head, option, ex.facts.src.get(), out);
    }
    let originalto = pick(&frontend.originalto, backend.map(|b| &b.originalto));
    if let Some(option) = originalto {
        add_address(head, option, ex.facts.dst.get(), out);
    }
    if let Some(name) = &frontend.unique_id_header
        && let Some(id) = crate::session::subject::unique_id(ex)
    {
        write_field(out, name.as_bytes(), id);
    }
}

/// The backend's setting wins where both sides have one.
fn pick<'a, T>(frontend: &'a Option<T>, backend: Option<&'a Option<T>>) -> Option<&'a T> {
    backend.and_then(Option::as_ref).or(frontend.as_ref())
}

fn add_address(head: &Head, option: &ForwardFor, addr: Option<SocketAddr>, out: &mut Vec<u8>) {
    let Some(ip) = addr.map(|a| a.ip().to_canonical()) else { return };
    if option.except.is_some_and(|net| model::in_network(ip, net)) {
        return;
    }
    if option.if_none && head.values(&option.header).next().is_some() {
        return;
    }
    out.extend_from_slice(option.header.as_bytes());
    out.extend_from_slice(b": ");
    match ip {
        IpAddr::V4(v4) => write_ipv4(out, v4.octets()),
        IpAddr::V6(v6) => {
            let _ = write!(out, "{v6}");
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Once per request with `option forwardfor`: worth more than the general way to write numbers.
fn write_ipv4(out: &mut Vec<u8>, octets: [u8; 4]) {
    let mut text = [0; 16];
    let mut len = 0;
    for octet in octets {
        let (digits, count) = OCTETS[usize::from(octet)];
        text[len..len + 4].copy_from_slice(&digits);
        len += count + 1;
    }
    out.extend_from_slice(&text[..len - 1]);
}

/// Each octet in decimal with a point behind it, and how many digits it has.
static OCTETS: [([u8; 4], usize); 256] = {
    let mut table = [([b'.'; 4], 1); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let count = 1 + (octet > 9) as usize + (octet > 99) as usize;
        let mut at = 0;
        while at < count {
            table[octet].0[at] = b'0' + digits[3 - count + at] as u8;
            at += 1;
        }
        table[octet].1 = count;
        octet += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everywhere() {
        for ip in [[0, 9, 10, 99], [100, 255, 1, 109], [127, 0, 0, 1], [255; 4]] {
            let mut text = Vec::new();
            write_ipv4(&mut text, ip);
            assert_eq!(text, std::net::Ipv4Addr::from(ip).to_string().into_bytes());
        }
    }
}
