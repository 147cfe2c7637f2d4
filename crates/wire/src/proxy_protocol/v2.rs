//! Version 2: a binary header with TLVs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::tlv::{self, Tlvs, tlv_type};
use super::{Header, HeaderError, MAX_HEADER_BYTES, Parsed, Peer};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;
const UNIX_PATH: usize = 108;

pub(super) fn parse(buf: &[u8]) -> Result<Parsed, HeaderError> {
    // What cannot become a header is refused as soon as it shows.
    let command = match buf.get(12) {
        None => return Ok(Parsed::Partial),
        Some(byte @ (0x20 | 0x21)) => byte & 0xf,
        Some(_) => return Err(HeaderError::Unsupported),
    };
    let Some(fixed) = buf.first_chunk::<FIXED>() else { return Ok(Parsed::Partial) };
    let [.., family, high, low] = *fixed;
    let len = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_HEADER_BYTES {
        return Err(HeaderError::TooLong);
    }
    let Some(whole) = buf.get(..len) else { return Ok(Parsed::Partial) };
    let body = whole.get(FIXED..).unwrap_or_default();
    if command == 0 {
        // LOCAL: whatever the sender put behind the fixed part is to be ignored.
        let (peer, tlvs) = (Peer::Local, Vec::new());
        return Ok(Parsed::Complete(Header { len, version: 2, peer, tlvs }));
    }
    let expected = address_len(family).ok_or(HeaderError::Unsupported)?;
    let block = body.get(..expected).ok_or(HeaderError::TooShort)?;
    let tlvs = body.get(expected..).unwrap_or_default();
    check_tlvs(whole, FIXED + expected, tlvs)?;
    let peer = peer(family, block);
    Ok(Parsed::Complete(Header { len, version: 2, peer, tlvs: tlvs.to_vec() }))
}

/// Bytes of the address block; none for a family or transport that does not exist.
fn address_len(family: u8) -> Option<usize> {
    if family & 0xf > 2 {
        return None;
    }
    match family >> 4 {
        0 => Some(0),
        1 => Some(12),
        2 => Some(36),
        3 => Some(2 * UNIX_PATH),
        _ => None,
    }
}

/// Reads an address block of the length its family has.
fn peer(family: u8, block: &[u8]) -> Peer {
    let datagram = family & 0xf == 2;
    let port = |at: usize| match block.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    let v4 =
        |at: usize| block.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|&b| Ipv4Addr::from(b));
    let v6 =
        |at: usize| block.get(at..).and_then(<[u8]>::first_chunk::<16>).map(|&b| Ipv6Addr::from(b));
    let inet = |source: IpAddr, destination: IpAddr, ports: usize| Peer::Inet {
        source: SocketAddr::new(source, port(ports)),
        destination: SocketAddr::new(destination, port(ports + 2)),
        datagram,
    };
    match family >> 4 {
        1 => match (v4(0), v4(4)) {
            (Some(source), Some(destination)) => inet(source.into(), destination.into(), 8),
            _ => Peer::Unknown,
        },
        2 => match (v6(0), v6(16)) {
            (Some(source), Some(destination)) => inet(source.into(), destination.into(), 32),
            _ => Peer::Unknown,
        },
        3 => Peer::Unix {
            source: path(block.get(..UNIX_PATH).unwrap_or_default()),
            destination: path(block.get(UNIX_PATH..).unwrap_or_default()),
        },
        _ => Peer::Unknown,
    }
}

/// A path up to its first NUL; an abstract name (leading NUL) up to its trailing ones.
fn path(field: &[u8]) -> Box<[u8]> {
    let from = usize::from(field.first() == Some(&0));
    let rest = field.get(from..).unwrap_or_default();
    let len = rest.iter().position(|&b| b == 0).unwrap_or(rest.len());
    if len == 0 { Box::default() } else { field.get(..from + len).unwrap_or_default().into() }
}

fn check_tlvs(whole: &[u8], tlvs_at: usize, tlvs: &[u8]) -> Result<(), HeaderError> {
    if !Tlvs::well_formed(tlvs) {
        return Err(HeaderError::Tlv);
    }
    let mut at = tlvs_at;
    for tlv in Tlvs::new(tlvs) {
        if tlv.kind == tlv_type::CRC32C {
            let sum = *tlv.value.first_chunk::<4>().ok_or(HeaderError::Tlv)?;
            if tlv.value.len() != 4 {
                return Err(HeaderError::Tlv);
            }
            if tlv::crc32c(whole, at + 3) != u32::from_be_bytes(sum) {
                return Err(HeaderError::Checksum);
            }
        }
        if tlv.kind == tlv_type::UNIQUE_ID && tlv.value.len() > 128 {
            return Err(HeaderError::Tlv);
        }
        at += 3 + tlv.value.len();
    }
    Ok(())
}

/// What a version 2 header shall say.
#[derive(Clone, Debug, Default)]
pub struct V2<'a> {
    /// Source and destination of the client; without them the header says `LOCAL`. Addresses of two
    /// families are both sent as IPv6.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    /// TLVs to add, in order. Values that would exceed the greatest header are left out.
    pub tlvs: &'a [(u8, &'a [u8])],
    /// Whether to protect the header with a checksum TLV.
    pub crc32c: bool,
}

/// Appends a version 2 header.
pub fn write_v2(out: &mut Vec<u8>, header: &V2<'_>) {
    let start = out.len();
    out.extend_from_slice(SIGNATURE);
    let (command, family) = match header.addresses {
        None => (0x20, 0x00),
        Some((SocketAddr::V4(_), SocketAddr::V4(_))) => (0x21, 0x11),
        Some(_) => (0x21, 0x21),
    };
    out.extend_from_slice(&[command, family, 0, 0]);
    if let Some((source, destination)) = header.addresses {
        match (source.ip(), destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                out.extend_from_slice(&source.octets());
                out.extend_from_slice(&destination.octets());
            }
            (source, destination) => {
                out.extend_from_slice(&as_v6(source).octets());
                out.extend_from_slice(&as_v6(destination).octets());
            }
        }
        out.extend_from_slice(&source.port().to_be_bytes());
        out.extend_from_slice(&destination.port().to_be_bytes());
    }
    // The checksum TLV takes 7 bytes.
    let room = start + MAX_HEADER_BYTES - 7;
    for (kind, value) in header.tlvs {
        if let Ok(len) = u16::try_from(value.len())
            && out.len() + 3 + value.len() <= room
        {
            out.push(*kind);
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(value);
        }
    }
    let sum_at = out.len() + 3;
    if header.crc32c {
        out.extend_from_slice(&[tlv_type::CRC32C, 0, 4, 0, 0, 0, 0]);
    }
    let len = (out.len() - start - FIXED) as u16;
    if let Some(field) = out.get_mut(start + 14..start + 16) {
        field.copy_from_slice(&len.to_be_bytes());
    }
    if header.crc32c {
        let sum = tlv::crc32c(out.get(start..).unwrap_or_default(), sum_at - start);
        if let Some(field) = out.get_mut(sum_at..sum_at + 4) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
    }
}

const fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
