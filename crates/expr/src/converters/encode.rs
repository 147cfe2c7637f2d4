//! Converters between bytes and their printed forms: hex, base64, percent signs.
use super::{bytes, int_arg, str_arg};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::context::ParseContext;
use crate::sample::{Bytes, Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;

use Type::{Bin, Int, Str};

type Keyword = ConverterKeyword;

const CHUNKS: &[Param] =
    &[must("separator", Kind::Str), must("chunk_size", Kind::Int), may("truncate", Kind::Int)];

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new("hex", &[], Bin, Str, hex, "two hex digits for each byte"),
    Keyword::new("hex2i", &[], Str, Int, hex2i, "hex digits as an integer"),
    Keyword::new("htonl", &[], Int, Bin, htonl, "32 bits in network order"),
    Keyword::new("base64", &[], Bin, Str, |s, _, _| encoded(s, BASE64, true), "base64"),
    Keyword::new("b64dec", &[], Str, Bin, |s, _, _| decoded(s, BASE64, true), "from base64"),
    Keyword::new("ub64enc", &[], Bin, Str, |s, _, _| encoded(s, BASE64URL, false), "base64url"),
    Keyword::new(
        "ub64dec",
        &[],
        Str,
        Bin,
        |s, _, _| decoded(s, BASE64URL, false),
        "from base64url",
    ),
    Keyword::new("base2", &[], Bin, Str, base2, "eight binary digits for each byte"),
    Keyword::new(
        "be2hex",
        &[may("separator", Kind::Str), may("chunk_size", Kind::Int), may("truncate", Kind::Int)],
        Bin,
        Str,
        be2hex,
        "hex digits with a separator between chunks",
    )
    .checked(check_chunks),
    Keyword::new("be2dec", CHUNKS, Bin, Str, |s, a, _| decimal(s, a, true), "big-endian numbers")
        .checked(check_chunks),
    Keyword::new(
        "le2dec",
        CHUNKS,
        Bin,
        Str,
        |s, a, _| decimal(s, a, false),
        "little-endian numbers",
    )
    .checked(check_chunks),
    Keyword::new(
        "url_dec",
        &[may("in_form", Kind::Int)],
        Str,
        Str,
        url_dec,
        "percent signs decoded; plus signs too in a query string, or everywhere in a form",
    ),
    Keyword::new("url_enc", &[may("enc_type", Kind::Str)], Str, Str, url_enc, "percent-encoded")
        .checked(check_url_enc),
];

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    out.extend([digit(byte >> 4), digit(byte & 15)]);
}

fn hex<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let bytes = bytes(sample)?;
    let mut out = Vec::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| push_hex(*byte, &mut out));
    Some(Sample::Str(out.into()))
}

fn hex2i<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let mut value = 0i64;
    for byte in text.iter() {
        let digit = char::from(*byte).to_digit(16)?;
        value = value.wrapping_shl(4) | i64::from(digit);
    }
    Some(Sample::Int(value))
}

fn htonl<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let Sample::Int(value) = sample else { return None };
    Some(Sample::Bin((value as u32).to_be_bytes().to_vec().into()))
}

fn encoded<'a>(sample: Sample<'a>, alphabet: &[u8; 64], pad: bool) -> Option<Sample<'a>> {
    let bytes = bytes(sample)?;
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let index = bits >> (18 - 6 * place) & 63;
                out.push(alphabet.get(index as usize).copied().unwrap_or(b'='));
            } else if pad {
                out.push(b'=');
            }
        }
    }
    Some(Sample::Str(out.into()))
}

fn decode(text: &[u8], alphabet: &[u8; 64], padded: bool) -> Option<Vec<u8>> {
    let mut digits = text;
    if padded {
        if !text.len().is_multiple_of(4) {
            return None;
        }
        for _ in 0..2 {
            digits = digits.strip_suffix(b"=").unwrap_or(digits);
        }
    }
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut bits = 0u32;
        for byte in chunk {
            let value = alphabet.iter().position(|known| known == byte)?;
            bits = bits << 6 | value as u32;
        }
        bits <<= 6 * (4 - chunk.len());
        let whole = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        out.extend_from_slice(whole.get(..chunk.len() - 1)?);
    }
    Some(out)
}

/// Decodes base64 with padding.
pub(crate) fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    decode(text, BASE64, true)
}

/// Decodes base64url without padding.
pub(super) fn base64url_decode(text: &[u8]) -> Option<Vec<u8>> {
    decode(text, BASE64URL, false)
}

fn decoded<'a>(sample: Sample<'a>, alphabet: &[u8; 64], padded: bool) -> Option<Sample<'a>> {
    Some(Sample::Bin(decode(&bytes(sample)?, alphabet, padded)?.into()))
}

fn base2<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let mut out = Vec::new();
    for byte in bytes(sample)?.iter() {
        out.extend((0..8).rev().map(|bit| b'0' + (byte >> bit & 1)));
    }
    Some(Sample::Str(out.into()))
}

fn check_chunks(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match (int_arg(args, 1), int_arg(args, 2)) {
        (Some(i64::MIN..=0), _) => Err("the chunk size must be at least 1".to_owned()),
        (_, Some(i64::MIN..=-1 | 2..)) => Err("truncate is 0 or 1".to_owned()),
        _ => Ok(None),
    }
}

/// The chunks of a sample; an incomplete last one is left out if told so.
fn chunks<'b>(bytes: &'b [u8], args: &[Arg]) -> impl Iterator<Item = &'b [u8]> {
    let size = int_arg(args, 1).and_then(|size| usize::try_from(size).ok()).unwrap_or(1).max(1);
    let whole_only = int_arg(args, 2) == Some(1);
    bytes.chunks(size).filter(move |chunk| !whole_only || chunk.len() == size)
}

fn be2hex<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let bytes = bytes(sample)?;
    let mut out = Vec::new();
    for (nth, chunk) in chunks(&bytes, args).enumerate() {
        if nth > 0 {
            out.extend_from_slice(str_arg(args, 0).unwrap_or_default());
        }
        chunk.iter().for_each(|byte| push_hex(*byte, &mut out));
    }
    Some(Sample::Str(out.into()))
}

fn decimal<'a>(sample: Sample<'a>, args: &'a [Arg], big_endian: bool) -> Option<Sample<'a>> {
    let bytes = bytes(sample)?;
    let mut out = Vec::new();
    for (nth, chunk) in chunks(&bytes, args).enumerate() {
        if nth > 0 {
            out.extend_from_slice(str_arg(args, 0).unwrap_or_default());
        }
        let add = |sum: u64, byte: &u8| sum.wrapping_shl(8) | u64::from(*byte);
        let value = match big_endian {
            true => chunk.iter().fold(0, add),
            false => chunk.iter().rev().fold(0, add),
        };
        out.extend_from_slice(value.to_string().as_bytes());
    }
    Some(Sample::Str(out.into()))
}

fn url_dec<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Some(Sample::Str(text));
    }
    let mut in_form = int_arg(args, 0).is_some_and(|in_form| in_form != 0);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'+' if in_form => out.push(b' '),
            b'%' => {
                let digit =
                    |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
                let (high, low) = (digit(at)?, digit(at + 1)?);
                // HAProxy refuses an encoded NUL.
                let byte = (high << 4 | low) as u8;
                out.push((byte != 0).then_some(byte)?);
                at += 2;
            }
            _ => {
                in_form |= byte == b'?';
                out.push(byte);
            }
        }
    }
    Some(Sample::Str(Bytes::Owned(out)))
}

fn check_url_enc(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match str_arg(args, 0) {
        None | Some(b"" | b"query") => Ok(None),
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(format!("unknown kind of encoding '{other}': the only one is query"))
        }
    }
}

fn url_enc<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let mut out = Vec::new();
    for &byte in bytes(sample)?.iter() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.push(b'%');
            push_hex(byte, &mut out);
        }
    }
    Some(Sample::Str(out.into()))
}
