//! Headers of requests and responses (manual 7.3.6): single values, counts, whole blocks.
use std::net::{IpAddr, Ipv4Addr};

use super::{head, int, int_arg, str_arg, text};
use crate::arg::{Arg, Kind, Param, may};
use crate::casts::leading_integer;
use crate::context::ParseContext;
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{Side, Subject};
use crate::table::FetchKeyword;

use Kind::{Int, Str};
use Need::{Request, Response};
use Side::Request as Req;
use Side::Response as Res;

/// Farthest occurrence that can be asked for from the end.
const MAX_FROM_END: i64 = 10;

const NAME: &[Param] = &[may("name", Str)];
const NAME_OCC: &[Param] = &[may("name", Str), may("occ", Int)];
const DELIMITER: &[Param] = &[may("delim", Str)];

const VALUE: &str = "last comma-separated value of a header, or the one numbered";
const FULL: &str = "last whole value of a header, or the one numbered";
const COUNT: &str = "number of comma-separated values of a header, or of all";
const FULL_COUNT: &str = "number of headers of a name, or of all";
const ADDRESS: &str = "value of a header as an address";
const NUMBER: &str = "value of a header as an integer";
const NAMES: &str = "names of the headers in order";
const BLOCK: &str = "all headers as one text";
const BLOCK_BIN: &str = "all headers, names and values with their lengths in front";

type Keyword = FetchKeyword;

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("req.hdr", NAME_OCC, Type::Str, Request, |a, s| one(a, s, Req, true), VALUE)
        .checked(check_occurrence)
        .each(|a, s, f| each(a, s, Req, true, f)),
    Keyword::new("res.hdr", NAME_OCC, Type::Str, Response, |a, s| one(a, s, Res, true), VALUE)
        .checked(check_occurrence)
        .each(|a, s, f| each(a, s, Res, true, f)),
    Keyword::new("req.fhdr", NAME_OCC, Type::Str, Request, |a, s| one(a, s, Req, false), FULL)
        .checked(check_occurrence)
        .each(|a, s, f| each(a, s, Req, false, f)),
    Keyword::new("res.fhdr", NAME_OCC, Type::Str, Response, |a, s| one(a, s, Res, false), FULL)
        .checked(check_occurrence)
        .each(|a, s, f| each(a, s, Res, false, f)),
    Keyword::new("req.hdr_cnt", NAME, Type::Int, Request, |a, s| count(a, s, Req, true), COUNT),
    Keyword::new("res.hdr_cnt", NAME, Type::Int, Response, |a, s| count(a, s, Res, true), COUNT),
    Keyword::new(
        "req.fhdr_cnt",
        NAME,
        Type::Int,
        Request,
        |a, s| count(a, s, Req, false),
        FULL_COUNT,
    ),
    Keyword::new(
        "res.fhdr_cnt",
        NAME,
        Type::Int,
        Response,
        |a, s| count(a, s, Res, false),
        FULL_COUNT,
    ),
    Keyword::new(
        "req.hdr_ip",
        NAME_OCC,
        Type::Addr,
        Request,
        |a, s| one(a, s, Req, true).and_then(address),
        ADDRESS,
    )
    .checked(check_occurrence)
    .each(|a, s, f| each(a, s, Req, true, &mut |v| address(v).found().is_some_and(&mut *f))),
    Keyword::new(
        "res.hdr_ip",
        NAME_OCC,
        Type::Addr,
        Response,
        |a, s| one(a, s, Res, true).and_then(address),
        ADDRESS,
    )
    .checked(check_occurrence)
    .each(|a, s, f| each(a, s, Res, true, &mut |v| address(v).found().is_some_and(&mut *f))),
    Keyword::new(
        "req.hdr_val",
        NAME_OCC,
        Type::Int,
        Request,
        |a, s| one(a, s, Req, true).and_then(number),
        NUMBER,
    )
    .checked(check_occurrence)
    .each(|a, s, f| each(a, s, Req, true, &mut |v| number(v).found().is_some_and(&mut *f))),
    Keyword::new(
        "res.hdr_val",
        NAME_OCC,
        Type::Int,
        Response,
        |a, s| one(a, s, Res, true).and_then(number),
        NUMBER,
    )
    .checked(check_occurrence)
    .each(|a, s, f| each(a, s, Res, true, &mut |v| number(v).found().is_some_and(&mut *f))),
    Keyword::new("req.hdr_names", DELIMITER, Type::Str, Request, |a, s| names(a, s, Req), NAMES),
    Keyword::new("res.hdr_names", DELIMITER, Type::Str, Response, |a, s| names(a, s, Res), NAMES),
    Keyword::new("req.hdrs", &[], Type::Bin, Request, |_, s| block(s, Req), BLOCK),
    Keyword::new("res.hdrs", &[], Type::Bin, Response, |_, s| block(s, Res), BLOCK),
    Keyword::new("req.hdrs_bin", &[], Type::Bin, Request, |_, s| binary(s, Req), BLOCK_BIN),
    Keyword::new("res.hdrs_bin", &[], Type::Bin, Response, |_, s| binary(s, Res), BLOCK_BIN),
];

/// An occurrence needs a name and may not lie too far from the end.
fn check_occurrence(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match int_arg(args, 1) {
        Some(occurrence) if occurrence < -MAX_FROM_END => {
            Err(format!("occurrence too far from the end, at least -{MAX_FROM_END} expected"))
        }
        Some(_) if name(args).is_none() => Err("an occurrence needs a header name".to_owned()),
        _ => Ok(None),
    }
}

fn name(args: &[Arg]) -> Option<&[u8]> {
    str_arg(args, 0).filter(|name| !name.is_empty())
}

/// The elements of a comma-separated value; commas in quotes don't separate.
pub(super) struct Elements<'a>(Option<&'a [u8]>);

impl<'a> Elements<'a> {
    pub(super) fn of(value: &'a [u8]) -> Self {
        Self(Some(value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let mut quoted = false;
        let mut escaped = false;
        let comma = rest.iter().position(|byte| {
            let separates = !quoted && *byte == b',';
            match (quoted, escaped, byte) {
                (true, false, b'\\') => escaped = true,
                (_, false, b'"') => quoted = !quoted,
                _ => escaped = false,
            }
            separates
        });
        self.0 = comma.and_then(|comma| rest.get(comma + 1..));
        Some(rest.get(..comma.unwrap_or(rest.len())).unwrap_or_default().trim_ascii())
    }
}

/// Hands over each value of a header in order, or of all headers without a name.
pub(super) fn values<'a>(
    subject: &'a dyn Subject,
    side: Side,
    name: Option<&[u8]>,
    split: bool,
    f: &mut dyn FnMut(&'a [u8]) -> bool,
) {
    let mut nth = 0;
    while let Some((known, value)) = subject.header(side, nth) {
        nth += 1;
        if name.is_some_and(|name| !name.eq_ignore_ascii_case(known)) {
            continue;
        }
        if !split {
            if f(value) {
                return;
            }
            continue;
        }
        for part in Elements::of(value) {
            if f(part) {
                return;
            }
        }
    }
}

/// The value of an occurrence: from 1 forwards, from -1 (or 0) backwards.
fn occurrence<'a>(
    subject: &'a dyn Subject,
    side: Side,
    name: &[u8],
    split: bool,
    wanted: i64,
) -> Option<&'a [u8]> {
    let mut found = None;
    if matches!(wanted, 0 | -1) {
        values(subject, side, Some(name), split, &mut |value| {
            found = Some(value);
            false
        });
        return found;
    }
    let mut left = wanted;
    if wanted < 0 {
        let mut count: i64 = 0;
        values(subject, side, Some(name), split, &mut |_| {
            count += 1;
            false
        });
        left = count.checked_add(wanted)?.checked_add(1)?;
    }
    if left < 1 {
        return None;
    }
    values(subject, side, Some(name), split, &mut |value| {
        left -= 1;
        if left == 0 {
            found = Some(value);
        }
        left == 0
    });
    found
}

/// The first whole value of a header.
pub(super) fn first<'a>(subject: &'a dyn Subject, side: Side, name: &[u8]) -> Option<&'a [u8]> {
    occurrence(subject, side, name, false, 1)
}

fn one<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    side: Side,
    split: bool,
) -> Fetch<Sample<'a>> {
    let wanted = int_arg(args, 1).unwrap_or(0);
    head(subject, side).and_then(|()| {
        let value = name(args).and_then(|name| occurrence(subject, side, name, split, wanted));
        value.map(|value| Sample::Str(Bytes::Borrowed(value))).into()
    })
}

fn each<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    side: Side,
    split: bool,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    if int_arg(args, 1).is_some_and(|occurrence| occurrence != 0) {
        return one(args, subject, side, split).map(|sample| {
            f(sample);
        });
    }
    head(subject, side).map(|()| {
        values(subject, side, name(args), split, &mut |value| {
            f(Sample::Str(Bytes::Borrowed(value)))
        });
    })
}

fn count<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    side: Side,
    split: bool,
) -> Fetch<Sample<'a>> {
    head(subject, side).and_then(|()| {
        let mut count = 0i64;
        values(subject, side, name(args), split, &mut |_| {
            count += 1;
            false
        });
        int(count)
    })
}

fn number(sample: Sample<'_>) -> Fetch<Sample<'_>> {
    match sample {
        Sample::Str(bytes) => int(leading_integer(&bytes).unwrap_or(0)),
        _ => Fetch::Missing,
    }
}

fn address(sample: Sample<'_>) -> Fetch<Sample<'_>> {
    match sample {
        Sample::Str(bytes) => ip_and_port(&bytes).map(Sample::from).into(),
        _ => Fetch::Missing,
    }
}

/// An address, with a port behind IPv4 and with brackets around IPv6 if need be.
fn ip_and_port(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Some((ip, port)) = text.split_once(':')
        && let Ok(ip) = ip.parse::<Ipv4Addr>()
    {
        port.parse::<u16>().ok()?;
        return Some(ip.into());
    }
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    inside.parse().ok().map(IpAddr::V6)
}

fn names<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    let delimiter = str_arg(args, 0).and_then(|delimiter| delimiter.first()).unwrap_or(&b',');
    head(subject, side).and_then(|()| {
        let mut out = Vec::new();
        let mut nth = 0;
        while let Some((name, _)) = subject.header(side, nth) {
            if nth > 0 {
                out.push(*delimiter);
            }
            out.extend(name.iter().map(u8::to_ascii_lowercase));
            nth += 1;
        }
        text(out)
    })
}

fn block(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    head(subject, side).and_then(|()| {
        let mut out = Vec::new();
        let mut nth = 0;
        while let Some((name, value)) = subject.header(side, nth) {
            out.extend(name.iter().map(u8::to_ascii_lowercase));
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
            nth += 1;
        }
        out.extend_from_slice(b"\r\n");
        Fetch::Is(Sample::Bin(out.into()))
    })
}

/// Each name and value behind its length (variable-length integer), two empty ones at the end.
fn binary(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    head(subject, side).and_then(|()| {
        let mut out = Vec::new();
        let mut nth = 0;
        while let Some((name, value)) = subject.header(side, nth) {
            prefixed(&name.to_ascii_lowercase(), &mut out);
            prefixed(value, &mut out);
            nth += 1;
        }
        out.extend([0, 0]);
        Fetch::Is(Sample::Bin(out.into()))
    })
}

/// Length below 240 as one byte; above, the low four bits stay and the rest follows in groups
/// of seven bits, as in the protocol of peers.
fn prefixed(bytes: &[u8], out: &mut Vec<u8>) {
    let mut length = bytes.len() as u64;
    if length < 240 {
        out.push(length as u8);
    } else {
        out.push(length as u8 | 240);
        length = (length - 240) >> 4;
        while length >= 128 {
            out.push(length as u8 | 128);
            length = (length - 128) >> 7;
        }
        out.push(length as u8);
    }
    out.extend_from_slice(bytes);
}
