//! Casts between the types of samples, done silently where a converter or match wants another type.
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::digits::decimal;
use crate::sample::{Bytes, Sample, Type};

/// Whether a sample of one type can become another at all.
pub(crate) fn possible(from: Type, to: Type) -> bool {
    use Type as T;
    match (from, to) {
        (_, T::Any | T::Same | T::Str | T::Bin) | (T::Any | T::Same, _) => true,
        (a, b) if a == b => true,
        (T::Bool, T::Int)
        | (T::Int, T::Bool | T::V4 | T::Addr | T::V6)
        | (T::V4, T::Int | T::V6 | T::Addr)
        | (T::V6, T::V4 | T::Addr)
        | (T::Addr, T::V4 | T::V6 | T::Int)
        | (T::Str, _)
        | (T::Method, T::Method) => true,
        _ => false,
    }
}

/// Casts; `None` where the value has no such form.
pub(crate) fn cast(sample: Sample<'_>, to: Type) -> Option<Sample<'_>> {
    Some(match to {
        Type::Any | Type::Same => sample,
        Type::Str => Sample::Str(text(sample)),
        Type::Bin => Sample::Bin(binary(sample)),
        Type::Bool => Sample::Bool(boolean(&sample)?),
        Type::Int => Sample::Int(integer(&sample)?),
        Type::V4 => Sample::V4(v4(&sample)?),
        Type::V6 => Sample::V6(v6(&sample)?),
        Type::Addr => address(sample)?,
        Type::Method => match sample {
            Sample::Str(bytes) | Sample::Method(bytes) => Sample::Method(bytes),
            _ => return None,
        },
    })
}

/// The printed form. Binary ends at its first NUL.
pub(crate) fn text(sample: Sample<'_>) -> Bytes<'_> {
    match sample {
        Sample::Str(bytes) | Sample::Method(bytes) => bytes,
        Sample::Bin(bytes) => {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            bytes.slice(0, end)
        }
        Sample::Bool(value) => Bytes::Borrowed(if value { b"1" } else { b"0" }),
        other => {
            let mut out = Vec::new();
            print(&other, &mut out);
            Bytes::Owned(out)
        }
    }
}

/// Appends the printed form without allocating.
pub(crate) fn print(sample: &Sample<'_>, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = match sample {
        Sample::Bool(value) => {
            out.push(b'0' + u8::from(*value));
            Ok(())
        }
        Sample::Int(value) => {
            decimal(*value, out);
            Ok(())
        }
        Sample::V4(ip) => {
            for (nth, octet) in ip.octets().into_iter().enumerate() {
                if nth > 0 {
                    out.push(b'.');
                }
                decimal(octet.into(), out);
            }
            Ok(())
        }
        Sample::V6(ip) => match ip.segments() {
            // IPv4-compatible addresses have always been printed like this.
            [0, 0, 0, 0, 0, 0, high, low] if high > 0 => {
                let v4 = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
                write!(out, "::{v4}")
            }
            _ => write!(out, "{ip}"),
        },
        Sample::Str(bytes) | Sample::Method(bytes) => out.write_all(bytes),
        Sample::Bin(bytes) => {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            out.write_all(bytes.get(..end).unwrap_or_default())
        }
    };
}

/// The binary form: addresses in network order, integers as eight bytes big-endian.
pub(crate) fn binary(sample: Sample<'_>) -> Bytes<'_> {
    match sample {
        Sample::Str(bytes) | Sample::Bin(bytes) | Sample::Method(bytes) => bytes,
        Sample::V4(ip) => Bytes::Owned(ip.octets().to_vec()),
        Sample::V6(ip) => Bytes::Owned(ip.octets().to_vec()),
        Sample::Int(value) => Bytes::Owned(value.to_be_bytes().to_vec()),
        Sample::Bool(value) => Bytes::Owned(i64::from(value).to_be_bytes().to_vec()),
    }
}

fn boolean(sample: &Sample<'_>) -> Option<bool> {
    match sample {
        Sample::Bool(value) => Some(*value),
        other => integer(other).map(|value| value != 0),
    }
}

/// The integer form.
pub(crate) fn integer(sample: &Sample<'_>) -> Option<i64> {
    match sample {
        Sample::Bool(value) => Some(i64::from(*value)),
        Sample::Int(value) => Some(*value),
        Sample::V4(ip) => Some(i64::from(u32::from(*ip))),
        Sample::Str(bytes) => leading_integer(bytes),
        _ => None,
    }
}

/// The number a text starts with, 0 if there is none; `None` if the text is empty.
/// Too large values are clamped.
pub(crate) fn leading_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [] => return None,
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut value: i64 = 0;
    for digit in digits.iter().take_while(|b| b.is_ascii_digit()) {
        let digit = i64::from(digit - b'0');
        let next = value.checked_mul(10);
        let next = match negative {
            true => next.and_then(|v| v.checked_sub(digit)),
            false => next.and_then(|v| v.checked_add(digit)),
        };
        match next {
            Some(next) => value = next,
            None => return Some(if negative { i64::MIN } else { i64::MAX }),
        }
    }
    Some(value)
}

fn parsed<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn v4(sample: &Sample<'_>) -> Option<Ipv4Addr> {
    match sample {
        Sample::V4(ip) => Some(*ip),
        Sample::V6(ip) => embedded_v4(*ip),
        Sample::Int(value) => Some(Ipv4Addr::from(*value as u32)),
        Sample::Str(bytes) => parsed(bytes),
        _ => None,
    }
}

fn v6(sample: &Sample<'_>) -> Option<Ipv6Addr> {
    match sample {
        Sample::V6(ip) => Some(*ip),
        Sample::Str(bytes) => parsed(bytes),
        other => v4(other).map(|ip| ip.to_ipv6_mapped()),
    }
}

fn address(sample: Sample<'_>) -> Option<Sample<'_>> {
    match sample {
        Sample::V4(_) | Sample::V6(_) => Some(sample),
        Sample::Str(bytes) => parsed::<std::net::IpAddr>(&bytes).map(Sample::from),
        other => v4(&other).map(Sample::V4),
    }
}

/// The IPv4 address inside a mapped, compatible or 6to4 address.
pub(crate) fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let pair = |at: usize| {
        let high = segments.get(at).copied().unwrap_or(0);
        let low = segments.get(at + 1).copied().unwrap_or(0);
        Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
    };
    match segments {
        [0x2002, ..] => Some(pair(1)),
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] => Some(pair(6)),
        _ => None,
    }
}
