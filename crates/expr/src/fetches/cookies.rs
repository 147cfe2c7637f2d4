//! Cookies of requests (`Cookie`) and responses (`Set-Cookie`).
use super::headers::{Elements, values};
use super::{head, int, str_arg, text};
use crate::arg::{Arg, Kind, Param, may};
use crate::casts::leading_integer;
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{Side, Subject};
use crate::table::FetchKeyword;

use Kind::Str;
use Need::{Request, Response};
use Side::Request as Req;
use Side::Response as Res;

type Keyword = FetchKeyword;

const NAME: &[Param] = &[may("name", Str)];
const DELIMITER: &[Param] = &[may("delim", Str)];
const VALUE: &str = "last value of a cookie, or the first of all without a name";
const COUNT: &str = "number of cookies of a name, or of all";
const NUMBER: &str = "value of a cookie as an integer";
const NAMES: &str = "names of the cookies in order";

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("req.cook", NAME, Type::Str, Request, |a, s| one(a, s, Req), VALUE)
        .each(|a, s, f| each(a, s, Req, f)),
    Keyword::new("res.cook", NAME, Type::Str, Response, |a, s| one(a, s, Res), VALUE)
        .each(|a, s, f| each(a, s, Res, f)),
    Keyword::new("req.cook_cnt", NAME, Type::Int, Request, |a, s| count(a, s, Req), COUNT),
    Keyword::new("res.cook_cnt", NAME, Type::Int, Response, |a, s| count(a, s, Res), COUNT),
    Keyword::new(
        "req.cook_val",
        NAME,
        Type::Int,
        Request,
        |a, s| one(a, s, Req).and_then(number),
        NUMBER,
    )
    .each(|a, s, f| each(a, s, Req, &mut |v| number(v).found().is_some_and(&mut *f))),
    Keyword::new(
        "res.cook_val",
        NAME,
        Type::Int,
        Response,
        |a, s| one(a, s, Res).and_then(number),
        NUMBER,
    )
    .each(|a, s, f| each(a, s, Res, &mut |v| number(v).found().is_some_and(&mut *f))),
    Keyword::new("req.cook_names", DELIMITER, Type::Str, Request, |a, s| names(a, s, Req), NAMES),
    Keyword::new("res.cook_names", DELIMITER, Type::Str, Response, |a, s| names(a, s, Res), NAMES),
];

/// Splits at a byte outside of double quotes.
fn split_outside_quotes(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    text.split(move |byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == separator
    })
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = text.iter().position(|b| *b == b'=')?;
    let name = text.get(..equals)?.trim_ascii();
    Some((name, text.get(equals + 1..)?.trim_ascii()))
}

/// Hands over name and value of every cookie in order.
fn cookies<'a>(
    subject: &'a dyn Subject,
    side: Side,
    f: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool,
) {
    match side {
        Side::Request => values(subject, side, Some(b"cookie"), false, &mut |line| {
            split_outside_quotes(line, b';').filter_map(pair).any(|(name, value)| f(name, value))
        }),
        Side::Response => values(subject, side, Some(b"set-cookie"), false, &mut |line| {
            // A comma may stand in the date of `expires`, so only one cookie a line is taken
            // unless what follows the comma looks like a pair.
            let first = split_outside_quotes(line, b';').next().unwrap_or_default();
            Elements::of(first).filter_map(pair).any(|(name, value)| f(name, value))
        }),
    }
}

fn wanted(args: &[Arg]) -> Option<&[u8]> {
    str_arg(args, 0).filter(|name| !name.is_empty())
}

fn one<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    head(subject, side).and_then(|()| {
        let wanted = wanted(args);
        let mut found = None;
        cookies(subject, side, &mut |name, value| {
            if wanted.is_none_or(|wanted| wanted == name) {
                found = Some(value);
            }
            wanted.is_none()
        });
        found.map_or(Fetch::Missing, text)
    })
}

fn each<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    side: Side,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    head(subject, side).map(|()| {
        let wanted = wanted(args);
        cookies(subject, side, &mut |name, value| {
            wanted.is_none_or(|wanted| wanted == name) && f(Sample::Str(Bytes::Borrowed(value)))
        });
    })
}

fn count<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    head(subject, side).and_then(|()| {
        let wanted = wanted(args);
        let mut count = 0i64;
        cookies(subject, side, &mut |name, _| {
            count += i64::from(wanted.is_none_or(|wanted| wanted == name));
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

fn names<'a>(args: &'a [Arg], subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    let delimiter = str_arg(args, 0).and_then(|delimiter| delimiter.first()).unwrap_or(&b',');
    head(subject, side).and_then(|()| {
        let mut out = Vec::new();
        cookies(subject, side, &mut |name, _| {
            if !out.is_empty() {
                out.push(*delimiter);
            }
            out.extend_from_slice(name);
            false
        });
        text(out)
    })
}
