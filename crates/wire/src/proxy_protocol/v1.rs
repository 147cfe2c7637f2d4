//! Version 1: one readable line of at most 107 bytes.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, HeaderError, Parsed, Peer};

pub(super) const START: &[u8] = b"PROXY ";
/// Longest line, CR LF included (specification, section 2.1).
const MAX_LINE: usize = 107;

pub(super) fn parse(buf: &[u8]) -> Result<Parsed, HeaderError> {
    let window = buf.get(..MAX_LINE).unwrap_or(buf);
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        // A bare CR can only be the last byte so far; a bare LF never becomes part of a line.
        let cr_inside = window.iter().rev().skip(1).any(|&b| b == b'\r');
        let full = window.len() >= MAX_LINE;
        if full || cr_inside || window.contains(&b'\n') {
            return Err(HeaderError::Line);
        }
        return Ok(Parsed::Partial);
    };
    let line = window.get(START.len()..end).ok_or(HeaderError::Line)?;
    let peer = peer(line).ok_or(HeaderError::Line)?;
    Ok(Parsed::Complete(Header { len: end + 2, version: 1, peer, tlvs: Vec::new() }))
}

fn peer(line: &[u8]) -> Option<Peer> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        // Whatever follows on the line is to be ignored.
        return Some(Peer::Unknown);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let (source_port, destination_port) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    let (source, destination): (IpAddr, IpAddr) = match family {
        "TCP4" => {
            (source.parse::<Ipv4Addr>().ok()?.into(), destination.parse::<Ipv4Addr>().ok()?.into())
        }
        "TCP6" => {
            (source.parse::<Ipv6Addr>().ok()?.into(), destination.parse::<Ipv6Addr>().ok()?.into())
        }
        _ => return None,
    };
    Some(Peer::Inet {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
        datagram: false,
    })
}

/// Decimal digits only, without leading zeros.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// Appends a version 1 header. Without addresses, or with addresses of two families, it says
/// `UNKNOWN`.
pub fn write_v1(out: &mut Vec<u8>, addresses: Option<(SocketAddr, SocketAddr)>) {
    let family = match addresses {
        Some((SocketAddr::V4(_), SocketAddr::V4(_))) => "TCP4",
        Some((SocketAddr::V6(_), SocketAddr::V6(_))) => "TCP6",
        _ => {
            out.extend_from_slice(b"PROXY UNKNOWN\r\n");
            return;
        }
    };
    if let Some((source, destination)) = addresses {
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "PROXY {family} {} {} {} {}\r\n",
            source.ip(),
            destination.ip(),
            source.port(),
            destination.port()
        );
    }
}
