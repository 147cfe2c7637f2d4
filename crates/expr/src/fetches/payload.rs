//! Raw bytes of connections, and bodies of messages (manual 7.3.5 and 7.3.6).
use super::http::parameters;
use super::{int, int_arg, str_arg};
use crate::arg::{Arg, Kind, Param, integer, may, must};
use crate::context::ParseContext;
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{Body, Payload, Side, Subject};
use crate::table::FetchKeyword;

use Kind::{Int, Str};
use Need::{Request, Response};
use Side::Request as Req;
use Side::Response as Res;

/// Longest length field of `payload_lv`, bytes.
const MAX_LENGTH_FIELD: usize = 8;

type Keyword = FetchKeyword;

const RANGE: &[Param] = &[must("offset", Int), must("length", Int)];
const PREFIXED: &[Param] = &[must("offset1", Int), must("length", Int), may("offset2", Str)];
const LENGTH: &str = "number of raw bytes in the buffer";
const PAYLOAD: &str = "raw bytes from an offset; length 0 means all that are there";
const PAYLOAD_LV: &str = "raw bytes whose length stands before them";
const BODY: &str = "body as far as it has arrived";
const BODY_LEN: &str = "length of the body that has arrived";
const BODY_SIZE: &str = "length of the body as announced";

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("req.len", &[], Type::Int, Request, |_, s| length(s, Req), LENGTH)
        .growing(|_, s| grows(s, Req)),
    Keyword::new("res.len", &[], Type::Int, Response, |_, s| length(s, Res), LENGTH)
        .growing(|_, s| grows(s, Res)),
    Keyword::new("req.payload", RANGE, Type::Bin, Request, |a, s| range(a, s, Req), PAYLOAD)
        .checked(check_range)
        .growing(|a, s| int_arg(a, 1) == Some(0) && grows(s, Req)),
    Keyword::new("res.payload", RANGE, Type::Bin, Response, |a, s| range(a, s, Res), PAYLOAD)
        .checked(check_range)
        .growing(|a, s| int_arg(a, 1) == Some(0) && grows(s, Res)),
    Keyword::new(
        "req.payload_lv",
        PREFIXED,
        Type::Bin,
        Request,
        |a, s| prefixed(a, s, Req),
        PAYLOAD_LV,
    )
    .checked(check_prefixed),
    Keyword::new(
        "res.payload_lv",
        PREFIXED,
        Type::Bin,
        Response,
        |a, s| prefixed(a, s, Res),
        PAYLOAD_LV,
    )
    .checked(check_prefixed),
    Keyword::new("req.body", &[], Type::Bin, Request, |_, s| body(s, Req), BODY),
    Keyword::new("res.body", &[], Type::Bin, Response, |_, s| body(s, Res), BODY),
    Keyword::new("req.body_len", &[], Type::Int, Request, |_, s| body_len(s, Req), BODY_LEN),
    Keyword::new("res.body_len", &[], Type::Int, Response, |_, s| body_len(s, Res), BODY_LEN),
    Keyword::new("req.body_size", &[], Type::Int, Request, |_, s| body_size(s, Req), BODY_SIZE),
    Keyword::new("res.body_size", &[], Type::Int, Response, |_, s| body_size(s, Res), BODY_SIZE),
    Keyword::new(
        "req.body_param",
        &[may("name", Str), may("i", Str)],
        Type::Bin,
        Request,
        body_param,
        "parameter of a form sent as body",
    )
    .checked(check_body_param)
    .each(each_body_param),
    Keyword::new(
        "req.rdp_cookie",
        &[may("name", Str)],
        Type::Str,
        Request,
        |a, s| rdp_cookie(a, s).map(|value| Sample::Str(Bytes::Borrowed(value))),
        "cookie of an RDP connection request",
    ),
    Keyword::new(
        "req.rdp_cookie_cnt",
        &[may("name", Str)],
        Type::Int,
        Request,
        |a, s| match rdp_cookie(a, s) {
            Fetch::Is(_) => int(1),
            Fetch::Missing => int(0),
            Fetch::NotYet => Fetch::NotYet,
        },
        "number of cookies of an RDP connection request",
    ),
];

fn grows(subject: &dyn Subject, side: Side) -> bool {
    matches!(subject.payload(side), Fetch::NotYet)
        || subject.payload(side).found().is_some_and(|payload| !payload.complete)
}

fn length(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    subject
        .payload(side)
        .and_then(|payload| int(i64::try_from(payload.bytes.len()).unwrap_or(i64::MAX)))
}

fn check_range(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match (int_arg(args, 0), int_arg(args, 1)) {
        (Some(0..), Some(0..)) => Ok(None),
        _ => Err("offset and length can't be negative".to_owned()),
    }
}

/// Bytes from an offset, with "not yet" while more may come.
fn cut(payload: Payload<'_>, offset: usize, length: usize) -> Fetch<&[u8]> {
    let end =
        if length == 0 { payload.bytes.len().max(offset) } else { offset.saturating_add(length) };
    match payload.bytes.get(offset..end) {
        Some(bytes) if !(length == 0 && bytes.is_empty()) => Fetch::Is(bytes),
        _ if payload.complete => Fetch::Missing,
        _ => Fetch::NotYet,
    }
}

fn size(args: &[Arg], nth: usize) -> usize {
    int_arg(args, nth).and_then(|value| usize::try_from(value).ok()).unwrap_or(usize::MAX)
}

fn range<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    subject.payload(side).and_then(|payload| {
        cut(payload, size(args, 0), size(args, 1)).map(|bytes| Sample::Bin(bytes.into()))
    })
}

/// The second offset becomes a number, with a mark whether it is relative.
fn check_prefixed(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    if !matches!(int_arg(args, 0), Some(0..)) {
        return Err("the offset can't be negative".to_owned());
    }
    if !matches!(int_arg(args, 1), Some(1..=8)) {
        return Err(format!("the length field has 1 to {MAX_LENGTH_FIELD} bytes"));
    }
    let Some(text) = str_arg(args, 2).map(|text| String::from_utf8_lossy(text).into_owned()) else {
        return Ok(None);
    };
    let offset = integer(&text).ok_or_else(|| format!("'{text}' is not an offset"))?;
    let relative = text.starts_with(['+', '-']);
    args.truncate(2);
    args.extend([Arg::Int(offset), Arg::Bool(relative)]);
    Ok(None)
}

fn prefixed<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    let (at, width) = (size(args, 0), size(args, 1).min(MAX_LENGTH_FIELD));
    subject.payload(side).and_then(|payload| {
        cut(payload, at, width).and_then(|field| {
            let length = field.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let after = at.saturating_add(width);
            let start = match (int_arg(args, 2), args.get(3)) {
                (Some(offset), Some(Arg::Bool(true))) => {
                    let offset = isize::try_from(offset).unwrap_or(isize::MAX);
                    after.checked_add_signed(offset)
                }
                (Some(offset), _) => usize::try_from(offset).ok(),
                (None, _) => Some(after),
            };
            match start {
                Some(_) if length == 0 => Fetch::Missing,
                Some(start) => cut(payload, start, length).map(|bytes| Sample::Bin(bytes.into())),
                None => Fetch::Missing,
            }
        })
    })
}

fn body(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    subject.body(side).map(|body| Sample::Bin(body.bytes.into()))
}

fn body_len(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    subject.body(side).and_then(|body| int(i64::try_from(body.bytes.len()).unwrap_or(i64::MAX)))
}

fn body_size(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    subject.body(side).and_then(|Body { bytes, length, .. }| {
        let size = length.unwrap_or(bytes.len() as u64);
        int(i64::try_from(size).unwrap_or(i64::MAX))
    })
}

fn check_body_param(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match str_arg(args, 1) {
        None | Some(b"" | b"i") => Ok(None),
        Some(_) => Err("the only option is i".to_owned()),
    }
}

fn each_body_param<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    subject.body(Req).map(|body| {
        let name = str_arg(args, 0).filter(|name| !name.is_empty());
        let any_case = str_arg(args, 1) == Some(b"i");
        parameters(body.bytes, name, any_case, |b, _| b == b'&', b'&', f);
    })
}

fn body_param<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let mut found = None;
    let answer = each_body_param(args, subject, &mut |sample| {
        found = Some(sample);
        true
    });
    answer.and_then(|()| found.into())
}

/// Length of the headers of TPKT and X.224 before the cookie.
const RDP_HEADER: usize = 11;

/// `Cookie: name=value` in the first packet of RDP (MS-RDPBCGR 2.2.1.1).
fn rdp_cookie<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<&'a [u8]> {
    subject.payload(Req).and_then(|payload| {
        let more = if payload.complete { Fetch::Missing } else { Fetch::NotYet };
        let Some(header) = payload.bytes.get(..RDP_HEADER) else { return more };
        let [3, 0, high, low, length, 0xe0, ..] = *header else { return Fetch::Missing };
        let whole = usize::from(high) << 8 | usize::from(low);
        if whole != usize::from(length) + 5 {
            return Fetch::Missing;
        }
        let Some(packet) = payload.bytes.get(RDP_HEADER..whole) else { return more };
        let cookie = packet.split(|b| *b == b'\r').next().unwrap_or_default();
        let label = b"Cookie:";
        let Some(found) = cookie.get(..label.len()).filter(|l| l.eq_ignore_ascii_case(label))
        else {
            return Fetch::Missing;
        };
        let pair = cookie.get(found.len()..).unwrap_or_default().trim_ascii_start();
        let Some(equals) = pair.iter().position(|b| *b == b'=') else { return Fetch::Missing };
        let name = pair.get(..equals).unwrap_or_default();
        match str_arg(args, 0).filter(|wanted| !wanted.is_empty()) {
            Some(wanted) if !wanted.eq_ignore_ascii_case(name) => Fetch::Missing,
            _ => Fetch::Is(pair.get(equals + 1..).unwrap_or_default()),
        }
    })
}
