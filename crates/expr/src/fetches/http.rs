//! First lines, targets and captures of requests and responses (manual 7.3.6).
use std::net::{IpAddr, Ipv4Addr};

use super::headers::first;
use super::{int, int_arg, str_arg, text};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::casts::leading_integer;
use crate::context::ParseContext;
use crate::converters::{avalanche, sdbm};
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{End, RequestLine, Side, Subject};
use crate::table::FetchKeyword;

use Kind::{Int, Str};
use Need::{Nothing, Request, RequestKept, Response, ResponseKept};

type Keyword = FetchKeyword;

const PARAM: &[Param] = &[may("name", Str), may("delim", Str), may("i", Str)];
const INDEX: &[Param] = &[must("idx", Int)];

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("method", &[], Type::Method, RequestKept, method, "method of the request"),
    Keyword::new("path", &[], Type::Str, Request, path, "path without query string"),
    Keyword::new("pathq", &[], Type::Str, Request, pathq, "path with query string"),
    Keyword::new("url", &[], Type::Str, Request, url, "target of the request"),
    Keyword::new("query", &[may("options", Str)], Type::Str, Request, query, "query string")
        .checked(check_query),
    Keyword::new("base", &[], Type::Str, Request, |_, s| base(s, false), "host and path"),
    Keyword::new("baseq", &[], Type::Str, Request, |_, s| base(s, true), "host, path and query"),
    Keyword::new("base32", &[], Type::Int, Request, |_, s| hashed(base(s, false)), "hash of base"),
    Keyword::new(
        "base32+src",
        &[],
        Type::Bin,
        Request,
        |_, s| with_source(base(s, false), s),
        "hash of base followed by the client address",
    ),
    Keyword::new(
        "url32",
        &[],
        Type::Int,
        Request,
        |_, s| hashed(host_url(s)),
        "hash of host and url",
    ),
    Keyword::new(
        "url32+src",
        &[],
        Type::Bin,
        Request,
        |_, s| with_source(host_url(s), s),
        "hash of host and url followed by the client address",
    ),
    Keyword::new("url_ip", &[], Type::V4, Request, url_ip, "address in an absolute target"),
    Keyword::new("url_port", &[], Type::Int, Request, url_port, "port in an absolute target"),
    Keyword::new("urlp", PARAM, Type::Str, Request, url_param, "parameter of the query string")
        .checked(check_param)
        .each(each_param),
    Keyword::new(
        "urlp_val",
        PARAM,
        Type::Int,
        Request,
        |a, s| url_param(a, s).and_then(as_integer),
        "parameter of the query string as an integer",
    )
    .checked(check_param)
    .each(|a, s, f| each_param(a, s, &mut |v| as_integer(v).found().is_some_and(&mut *f))),
    Keyword::new("req.ver", &[], Type::Str, Request, request_version, "HTTP version, as in 1.1"),
    Keyword::new("res.ver", &[], Type::Str, Response, response_version, "HTTP version, as in 1.1"),
    Keyword::new("status", &[], Type::Int, ResponseKept, status, "status of the response"),
    Keyword::new("server_status", &[], Type::Int, ResponseKept, status, "status by the server"),
    Keyword::new("txn.status", &[], Type::Int, ResponseKept, final_status, "status of the answer"),
    Keyword::new(
        "http_first_req",
        &[],
        Type::Bool,
        RequestKept,
        |_, s| Fetch::Is(Sample::Bool(s.is_first_request())),
        "true for the first request of a connection",
    ),
    Keyword::new(
        "req.proto_http",
        &[],
        Type::Bool,
        RequestKept,
        |_, s| s.request().map(|_| Sample::Bool(true)),
        "true once a valid HTTP request is there",
    ),
    Keyword::new(
        "capture.req.hdr",
        INDEX,
        Type::Str,
        RequestKept,
        |a, s| captured(a, s, Side::Request),
        "content of a capture slot",
    ),
    Keyword::new(
        "capture.res.hdr",
        INDEX,
        Type::Str,
        ResponseKept,
        |a, s| captured(a, s, Side::Response),
        "content of a capture slot",
    ),
    Keyword::new("capture.req.method", &[], Type::Str, RequestKept, kept_method, "method kept"),
    Keyword::new("capture.req.uri", &[], Type::Str, RequestKept, kept_target, "target kept"),
    Keyword::new("capture.req.ver", &[], Type::Str, RequestKept, kept_version, "version kept"),
    Keyword::new("capture.res.ver", &[], Type::Str, RequestKept, kept_response, "version kept"),
    Keyword::new(
        "unique-id",
        &[],
        Type::Str,
        Nothing,
        |_, s| s.unique_id().map(|id| Sample::Str(id.into())).into(),
        "the unique id",
    ),
];

fn line<'a>(
    subject: &'a dyn Subject,
    f: impl FnOnce(RequestLine<'a>) -> Fetch<Sample<'a>>,
) -> Fetch<Sample<'a>> {
    subject.request().and_then(f)
}

fn method<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    match subject.request() {
        Fetch::Is(line) => Fetch::Is(Sample::Method(Bytes::Borrowed(line.method))),
        Fetch::NotYet => Fetch::NotYet,
        Fetch::Missing => {
            let kept = subject.captured_request().and_then(|kept| kept.split(is_blank).next());
            kept.map(|method| Sample::Method(Bytes::Borrowed(method))).into()
        }
    }
}

fn is_blank(byte: &u8) -> bool {
    *byte == b' '
}

fn url<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| text(line.target))
}

/// From the first slash of the path on, query string included; none for `*` and authorities.
pub(crate) fn path_and_query(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') {
        return Some(target);
    }
    let authority = after_scheme(target)?;
    let slash = authority.iter().position(|b| *b == b'/')?;
    authority.get(slash..)
}

/// What follows `scheme://`.
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(b))?;
    target.get(colon..)?.strip_prefix(b"://")
}

/// The part before the question mark.
fn before_query(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|b| *b == b'?').unwrap_or(target.len());
    target.get(..end).unwrap_or_default()
}

fn path<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| match path_and_query(line.target) {
        Some(path) => text(before_query(path)),
        None => Fetch::Missing,
    })
}

fn pathq<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| path_and_query(line.target).map_or(Fetch::Missing, text))
}

fn check_query(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match str_arg(args, 0) {
        None | Some(b"") => args.clear(),
        Some(b"with_qm") => *args = vec![Arg::Bool(true)],
        Some(_) => return Err("the only option is with_qm".to_owned()),
    }
    Ok(None)
}

fn query<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| {
        let Some(mark) = line.target.iter().position(|b| *b == b'?') else {
            return Fetch::Missing;
        };
        let query = line.target.get(mark + 1..).unwrap_or_default();
        match args.first() {
            Some(Arg::Bool(true)) if !query.is_empty() => {
                text(line.target.get(mark..).unwrap_or_default())
            }
            _ => text(query),
        }
    })
}

fn base(subject: &dyn Subject, query: bool) -> Fetch<Sample<'_>> {
    line(subject, |line| {
        let path = path_and_query(line.target).unwrap_or_default();
        let path = if query { path } else { before_query(path) };
        match first(subject, Side::Request, b"host") {
            Some(host) => text([host, path].concat()),
            None => text(path),
        }
    })
}

fn host_url(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    line(subject, |line| {
        let Some(path) = path_and_query(line.target) else { return Fetch::Missing };
        let host = first(subject, Side::Request, b"host").unwrap_or_default();
        text([host, path].concat())
    })
}

fn hash(bytes: &[u8]) -> u32 {
    avalanche(sdbm(bytes))
}

fn hashed(sample: Fetch<Sample<'_>>) -> Fetch<Sample<'_>> {
    sample.and_then(|sample| match sample {
        Sample::Str(bytes) => int(hash(&bytes)),
        _ => Fetch::Missing,
    })
}

fn with_source<'a>(sample: Fetch<Sample<'a>>, subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    sample.and_then(|sample| {
        let (Sample::Str(bytes), Some(source)) = (sample, subject.address(End::Src)) else {
            return Fetch::Missing;
        };
        let mut out = hash(&bytes).to_be_bytes().to_vec();
        match source.ip() {
            IpAddr::V4(ip) => out.extend(ip.octets()),
            IpAddr::V6(ip) => out.extend(ip.octets()),
        }
        Fetch::Is(Sample::Bin(out.into()))
    })
}

/// Address and port of an absolute target whose host is an IPv4 address.
fn authority(target: &[u8]) -> Option<(Ipv4Addr, u16)> {
    let rest = after_scheme(target)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let authority = std::str::from_utf8(rest.get(..end)?).ok()?;
    let secure = target.starts_with(b"https:");
    match authority.split_once(':') {
        Some((ip, port)) => Some((ip.parse().ok()?, port.parse().ok()?)),
        None => Some((authority.parse().ok()?, if secure { 443 } else { 80 })),
    }
}

fn url_ip<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| authority(line.target).map(|(ip, _)| Sample::V4(ip)).into())
}

fn url_port<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| authority(line.target).map_or(Fetch::Missing, |(_, port)| int(port)))
}

/// The third argument may only be `i`: ignore the case of names.
fn check_param(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    if str_arg(args, 1).is_some_and(|delimiter| delimiter.len() > 1) {
        return Err("the delimiter is one character".to_owned());
    }
    match str_arg(args, 2) {
        None | Some(b"" | b"i") => Ok(None),
        Some(_) => Err("the only option is i".to_owned()),
    }
}

/// Hands over the values of parameters in order: those of a name, or all.
pub(super) fn parameters<'a>(
    text: &'a [u8],
    name: Option<&[u8]>,
    any_case: bool,
    ends: fn(u8, u8) -> bool,
    delimiter: u8,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) {
    for pair in text.split(|b| ends(*b, delimiter)) {
        let equals = pair.iter().position(|b| *b == b'=');
        let (key, value) = match equals {
            Some(at) => (pair.get(..at), pair.get(at + 1..)),
            None => (Some(pair), None),
        };
        let key = key.unwrap_or_default();
        let wanted = name.is_none_or(|name| match any_case {
            true => name.eq_ignore_ascii_case(key),
            false => name == key,
        });
        let Some(value) = value else { continue };
        if wanted && f(Sample::Str(Bytes::Borrowed(value))) {
            return;
        }
    }
}

fn each_param<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    subject.request().map(|line| {
        let delimiter = str_arg(args, 1).and_then(|d| d.first().copied());
        let start = delimiter.unwrap_or(b'?');
        let Some(mark) = line.target.iter().position(|b| *b == start) else { return };
        let query = line.target.get(mark + 1..).unwrap_or_default();
        let name = str_arg(args, 0).filter(|name| !name.is_empty());
        let any_case = str_arg(args, 2) == Some(b"i");
        let ends = |b, delimiter| matches!(b, b'&' | b';') || b == delimiter;
        parameters(query, name, any_case, ends, delimiter.unwrap_or(b'&'), f);
    })
}

fn url_param<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let mut found = None;
    let answer = each_param(args, subject, &mut |sample| {
        found = Some(sample);
        true
    });
    answer.and_then(|()| found.into())
}

fn as_integer(sample: Sample<'_>) -> Fetch<Sample<'_>> {
    match sample {
        Sample::Str(bytes) => int(leading_integer(&bytes).unwrap_or(0)),
        _ => Fetch::Missing,
    }
}

fn version_text<'a>(version: (u8, u8)) -> Fetch<Sample<'a>> {
    match version {
        (1, 0) => text("1.0"),
        (1, 1) => text("1.1"),
        (2, 0) => text("2.0"),
        (3, 0) => text("3.0"),
        (major, minor) => text(format!("{major}.{minor}")),
    }
}

fn request_version<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    line(subject, |line| version_text(line.version))
}

fn response_version<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    subject.response().and_then(|line| version_text(line.version))
}

fn status<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    subject.response().and_then(|line| int(line.status))
}

fn final_status<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    match subject.log().and_then(|log| log.status) {
        Some(status) => int(status),
        None => subject.response().and_then(|line| int(line.status)),
    }
}

fn captured<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    let index = int_arg(args, 0).and_then(|index| usize::try_from(index).ok());
    match index.and_then(|index| subject.capture(side, index)) {
        Some(value) => text(value),
        None => Fetch::Missing,
    }
}

fn kept_method<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    match subject.captured_request() {
        Some(kept) => text(kept.split(is_blank).next().unwrap_or_default()),
        None => line(subject, |line| text(line.method)),
    }
}

fn kept_target<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    match subject.captured_request() {
        Some(kept) => kept.split(is_blank).nth(1).map_or(Fetch::Missing, text),
        None => line(subject, |line| text(line.target)),
    }
}

/// Versions that are kept are either 1.0 or 1.1.
fn kept<'a>(version: (u8, u8)) -> Fetch<Sample<'a>> {
    text(if version < (1, 1) { "HTTP/1.0" } else { "HTTP/1.1" })
}

fn kept_version<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    match (subject.request(), subject.captured_request()) {
        (Fetch::Is(line), _) => kept(line.version),
        (_, Some(line)) => text(if line.ends_with(b"HTTP/1.0") { "HTTP/1.0" } else { "HTTP/1.1" }),
        (Fetch::NotYet, None) => Fetch::NotYet,
        (Fetch::Missing, None) => Fetch::Missing,
    }
}

fn kept_response<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    subject.response().and_then(|line| kept(line.version))
}
