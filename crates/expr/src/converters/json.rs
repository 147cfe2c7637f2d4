//! JSON: escaping text, and looking values up in a document.
use super::encode::base64url_decode;
use super::{bytes, int_arg, str_arg};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::casts::leading_integer;
use crate::context::ParseContext;
use crate::json::{Found, Path, find, text_of};
use crate::sample::{Bytes, Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;

use Type::{Any, Str};

type Keyword = ConverterKeyword;

const QUERY: &[Param] = &[must("json_path", Kind::Str), may("output_type", Kind::Choice(&["int"]))];
const JWT: &[Param] = &[may("json_path", Kind::Str), may("output_type", Kind::Choice(&["int"]))];

/// How text is decoded before it is escaped, as the bits below.
const CODES: &[(&str, i64)] = &[
    ("", ASCII),
    ("ascii", ASCII),
    ("utf8", 0),
    ("utf8s", SILENT),
    ("utf8p", PERMISSIVE),
    ("utf8ps", SILENT | PERMISSIVE),
];
const ASCII: i64 = 1;
/// Bad sequences are dropped instead of failing.
const SILENT: i64 = 2;
/// Overlong sequences are taken.
const PERMISSIVE: i64 = 4;

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new("json", &[may("input-code", Kind::Str)], Str, Str, json, "escaped for JSON")
        .checked(check_json),
    Keyword::new("json_query", QUERY, Str, Any, json_query, "value at a path of a JSON document")
        .checked(check_path),
    Keyword::new(
        "jwt_header_query",
        JWT,
        Str,
        Any,
        |s, a, _| jwt(s, a, 0),
        "header of a JSON Web Token, or the value at a path of it",
    )
    .checked(check_path),
    Keyword::new(
        "jwt_payload_query",
        JWT,
        Str,
        Any,
        |s, a, _| jwt(s, a, 1),
        "payload of a JSON Web Token, or the value at a path of it",
    )
    .checked(check_path),
];

fn check_json(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let name = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let Some((_, code)) = CODES.iter().find(|(known, _)| *known == name) else {
        return Err("the code is ascii, utf8, utf8s, utf8p or utf8ps".to_owned());
    };
    *args = vec![Arg::Int(*code)];
    Ok(None)
}

fn json<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let code = int_arg(args, 0).unwrap_or(ASCII);
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut rest: &[u8] = &text;
    while let Some(&first) = rest.first() {
        let (character, length) = match code & ASCII {
            0 => character(rest, code & PERMISSIVE != 0),
            _ => (Some(u32::from(first)), 1),
        };
        match character {
            Some(character @ 0..=0xffff) => push(character, &mut out),
            _ if code & SILENT != 0 => {}
            _ => return None,
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Some(Sample::Str(out.into()))
}

/// The character a text starts with, `None` if it is bad, and how many bytes it takes.
fn character(text: &[u8], permissive: bool) -> (Option<u32>, usize) {
    let first = text.first().copied().unwrap_or(0);
    let (length, bits, smallest) = match first {
        0..=0x7f => return (Some(first.into()), 1),
        0xc0..=0xdf => (2, first & 0x1f, 0x80),
        0xe0..=0xef => (3, first & 0x0f, 0x800),
        0xf0..=0xf7 => (4, first & 0x07, 0x1_0000),
        _ => return (None, 1),
    };
    let mut value = u32::from(bits);
    for at in 1..length {
        match text.get(at) {
            Some(byte) if byte & 0xc0 == 0x80 => value = value << 6 | u32::from(byte & 0x3f),
            _ => return (None, at.max(2).min(text.len())),
        }
    }
    let surrogate = (0xd800..=0xdfff).contains(&value);
    let good = !surrogate && (value >= smallest || permissive);
    (good.then_some(value), length)
}

/// Appends one escaped character below 0x10000.
fn push(character: u32, out: &mut Vec<u8>) {
    match u8::try_from(character) {
        Ok(byte @ (b'"' | b'\\' | b'/')) => out.extend([b'\\', byte]),
        Ok(8) => out.extend(b"\\b"),
        Ok(12) => out.extend(b"\\f"),
        Ok(b'\n') => out.extend(b"\\n"),
        Ok(b'\r') => out.extend(b"\\r"),
        Ok(b'\t') => out.extend(b"\\t"),
        Ok(byte @ 32..=126) => out.push(byte),
        _ => out.extend_from_slice(format!("\\u{character:04x}").as_bytes()),
    }
}

fn check_path(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    if let Some(path) = str_arg(args, 0) {
        let path = Path::parse(path)?;
        if let Some(slot) = args.first_mut() {
            *slot = Arg::Path(path);
        }
    }
    Ok(None)
}

/// Text that may stand in for the document of a query.
fn query<'a>(document: &[u8], args: &[Arg]) -> Option<Sample<'a>> {
    let Some(Arg::Path(path)) = args.first() else { return None };
    let as_integer = args.len() > 1;
    Some(match find(document, path)? {
        Found::String(raw) => Sample::Str(Bytes::Owned(text_of(raw)?)),
        Found::Array(raw) => Sample::Str(Bytes::Owned(raw.to_vec())),
        Found::Bool(value) => Sample::Bool(value),
        Found::Number(text) if as_integer => Sample::Int(leading_integer(text)?),
        Found::Number(text) => {
            let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            let plain = text.iter().all(|b| b.is_ascii_digit() || *b == b'-');
            match std::str::from_utf8(text).ok()?.parse::<i64>() {
                Ok(value) if plain => Sample::Int(value),
                _ => Sample::Str(Bytes::Owned(shortest(number))),
            }
        }
        Found::Object | Found::Null => return None,
    })
}

/// A number with at most six significant digits, as C's `%g` prints it.
fn shortest(number: f64) -> Vec<u8> {
    if number == 0.0 || !number.is_finite() {
        return number.to_string().into_bytes();
    }
    let scientific = format!("{number:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        return trim(&format!("{number:.decimals$}")).into_bytes();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs()).into_bytes()
}

fn json_query<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    query(&bytes(sample)?, args)
}

fn jwt<'a>(sample: Sample<'a>, args: &[Arg], part: usize) -> Option<Sample<'a>> {
    let token = bytes(sample)?;
    let parts: Vec<&[u8]> = token.split(|b| *b == b'.').collect();
    if parts.len() != 3 {
        return None;
    }
    let document = base64url_decode(parts.get(part)?)?;
    if args.is_empty() { Some(Sample::Str(document.into())) } else { query(&document, args) }
}
