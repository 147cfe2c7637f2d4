//! Requests and responses (manual 7.3.6).
use super::{int, int_arg, str_arg, text};
use crate::arg::{Arg, Kind, may};
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{RequestLine, Side, Subject};
use crate::table::FetchKeyword;

use Kind::{Int, Str};
use Need::{Request, RequestKept, Response, ResponseKept};

const NAME_OCC: &[crate::arg::Param] = &[may("name", Str), may("occ", Int)];

pub(super) const TABLE: &[FetchKeyword] = &[
    FetchKeyword::new("method", &[], Type::Method, RequestKept, method, "method of the request"),
    FetchKeyword::new("path", &[], Type::Str, Request, |_, s| path(s), "path without query string"),
    FetchKeyword::new("url", &[], Type::Str, Request, url, "target of the request"),
    FetchKeyword::new("query", &[may("options", Str)], Type::Str, Request, query, "query string"),
    FetchKeyword::new("req.ver", &[], Type::Str, Request, version, "HTTP version, as in 1.1"),
    FetchKeyword::new("req.hdr", NAME_OCC, Type::Str, Request, header, "a header's value")
        .each(each_request_value),
    FetchKeyword::new("res.hdr", NAME_OCC, Type::Str, Response, res_header, "a header's value")
        .each(each_response_value),
    FetchKeyword::new("status", &[], Type::Int, ResponseKept, status, "status of the response"),
];

fn with_request<'a>(
    subject: &'a dyn Subject,
    f: impl FnOnce(RequestLine<'a>) -> Fetch<Sample<'a>>,
) -> Fetch<Sample<'a>> {
    subject.request().and_then(f)
}

fn method<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    with_request(subject, |line| Fetch::Is(Sample::Method(Bytes::Borrowed(line.method))))
}

fn url<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    with_request(subject, |line| text(line.target))
}

fn version<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    with_request(subject, |line| match line.version {
        (1, 0) => text("1.0"),
        (1, 1) => text("1.1"),
        (major, minor) => text(format!("{major}.{minor}")),
    })
}

fn status<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    subject.response().and_then(|line| int(line.status))
}

/// From the first slash of the path on, query string included; none for `*` and authorities.
pub(crate) fn path_and_query(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') {
        return Some(target);
    }
    let scheme = target.windows(3).position(|window| window == b"://")?;
    let authority = target.get(scheme + 3..)?;
    let slash = authority.iter().position(|b| *b == b'/')?;
    authority.get(slash..)
}

/// The part before the question mark.
pub(crate) fn before_query(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|b| *b == b'?').unwrap_or(target.len());
    target.get(..end).unwrap_or_default()
}

fn path(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    with_request(subject, |line| match path_and_query(line.target) {
        Some(path) => text(before_query(path)),
        None => Fetch::Missing,
    })
}

fn query<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    with_request(subject, |line| {
        let mark = line.target.iter().position(|b| *b == b'?');
        match mark.and_then(|mark| line.target.get(mark + 1..)) {
            Some(query) => text(query),
            None => Fetch::Missing,
        }
    })
}

/// Hands over each comma-separated value of a header in order, or of all headers without a name.
fn values<'a>(
    subject: &'a dyn Subject,
    side: Side,
    name: Option<&[u8]>,
    f: &mut dyn FnMut(&'a [u8]) -> bool,
) {
    let mut nth = 0;
    while let Some((known, value)) = subject.header(side, nth) {
        nth += 1;
        if name.is_some_and(|name| !name.eq_ignore_ascii_case(known)) {
            continue;
        }
        for part in Elements(Some(value)) {
            if f(part) {
                return;
            }
        }
    }
}

/// The elements of a comma-separated value; commas in quotes don't separate.
struct Elements<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let mut quoted = false;
        let mut escaped = false;
        let comma = rest.iter().position(|b| {
            let separates = !quoted && *b == b',';
            match (quoted, escaped, b) {
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

/// The value of an occurrence: from 1 forwards, from -1 backwards.
fn occurrence<'a>(
    subject: &'a dyn Subject,
    side: Side,
    name: Option<&[u8]>,
    occurrence: i64,
) -> Option<&'a [u8]> {
    let mut found = None;
    if occurrence > 0 {
        let mut left = occurrence;
        values(subject, side, name, &mut |value| {
            left -= 1;
            if left == 0 {
                found = Some(value);
            }
            left == 0
        });
        return found;
    }
    if occurrence == -1 {
        values(subject, side, name, &mut |value| {
            found = Some(value);
            false
        });
        return found;
    }
    let mut count: i64 = 0;
    values(subject, side, name, &mut |_| {
        count += 1;
        false
    });
    let wanted = count.checked_add(occurrence)?.checked_add(1)?;
    if wanted < 1 { None } else { self::occurrence(subject, side, name, wanted) }
}

fn one_value<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    if let Fetch::NotYet = head(subject, side) {
        return Fetch::NotYet;
    }
    let name = str_arg(args, 0).filter(|name| !name.is_empty());
    occurrence(subject, side, name, int_arg(args, 1).unwrap_or(-1))
        .map(|value| Sample::Str(Bytes::Borrowed(value)))
        .into()
}

/// Whether the message's head is there.
fn head(subject: &dyn Subject, side: Side) -> Fetch<()> {
    match side {
        Side::Request => subject.request().map(|_| ()),
        Side::Response => subject.response().map(|_| ()),
    }
}

fn header<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    one_value(args, subject, Side::Request)
}

fn res_header<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    one_value(args, subject, Side::Response)
}

fn each_value<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    side: Side,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    if int_arg(args, 1).is_some_and(|occurrence| occurrence != 0) {
        return one_value(args, subject, side).map(|sample| {
            f(sample);
        });
    }
    let answer = head(subject, side);
    if let Fetch::Is(()) = answer {
        let name = str_arg(args, 0).filter(|name| !name.is_empty());
        values(subject, side, name, &mut |value| f(Sample::Str(Bytes::Borrowed(value))));
    }
    answer
}

fn each_request_value<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    each_value(args, subject, Side::Request, f)
}

fn each_response_value<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    each_value(args, subject, Side::Response, f)
}
