//! Converters that look for parts of a text: fields, words, parameters, languages.
use super::{bytes, int_arg, str_arg};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::context::ParseContext;
use crate::sample::{Bytes, Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;

use Type::Str;

type Keyword = ConverterKeyword;

const PARTS: &[Param] =
    &[must("index", Kind::Int), must("delimiters", Kind::Str), may("count", Kind::Int)];

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new(
        "field",
        PARTS,
        Str,
        Str,
        |s, a, _| Some(Sample::Str(part(bytes(s)?, a, true)?)),
        "field by number from the start or (negative) the end; empty fields count",
    )
    .checked(check_part),
    Keyword::new(
        "word",
        PARTS,
        Str,
        Str,
        |s, a, _| Some(Sample::Str(part(bytes(s)?, a, false)?)),
        "word by number from the start or (negative) the end; delimiters in a row count once",
    )
    .checked(check_part),
    Keyword::new(
        "param",
        &[must("name", Kind::Str), may("delim", Kind::Str)],
        Str,
        Str,
        param,
        "value of a parameter in name=value pairs",
    )
    .checked(check_param),
    Keyword::new(
        "language",
        &[must("value", Kind::Str), may("default", Kind::Str)],
        Str,
        Str,
        language,
        "best language of an Accept-Language header out of a list",
    ),
];

fn check_part(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    if str_arg(args, 1).is_none_or(<[u8]>::is_empty) {
        return Err("needs at least one delimiter".to_owned());
    }
    match (int_arg(args, 0), int_arg(args, 2)) {
        (Some(0), _) => Err("the index counts from 1, or from -1 backwards".to_owned()),
        (_, Some(i64::MIN..0)) => Err("the count can't be negative".to_owned()),
        _ => Ok(None),
    }
}

/// Cuts fields out of a text: `index` from 1 or -1, `count` of them, all remaining for 0.
fn part<'a>(text: Bytes<'a>, args: &[Arg], empty_counts: bool) -> Option<Bytes<'a>> {
    let index = int_arg(args, 0)?;
    let delimiters = str_arg(args, 1)?;
    let count = usize::try_from(int_arg(args, 2).unwrap_or(1)).ok()?;
    let mut spans = Vec::new();
    let mut start = 0;
    for at in 0..=text.len() {
        if text.get(at).is_none_or(|byte| delimiters.contains(byte)) {
            if empty_counts || at > start {
                spans.push((start, at));
            }
            start = at + 1;
        }
    }
    let nth = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let (first, last) = if index > 0 {
        let last = if count == 0 { usize::MAX } else { nth.saturating_add(count - 1) };
        (nth, last.min(spans.len().saturating_sub(1)))
    } else {
        let last = spans.len().checked_sub(nth + 1);
        match last {
            None => return Some(Bytes::Borrowed(b"")),
            Some(last) if count == 0 => (0, last),
            Some(last) => (last.saturating_sub(count - 1), last),
        }
    };
    match (spans.get(first), spans.get(last)) {
        (Some((_, _)), Some((_, to))) if count == 0 && index < 0 => Some(text.slice(0, *to)),
        (Some((from, _)), Some(_)) if count == 0 => Some(text.slice(*from, usize::MAX)),
        (Some((from, _)), Some((_, to))) if first <= last => Some(text.slice(*from, *to)),
        _ => Some(Bytes::Borrowed(b"")),
    }
}

fn check_param(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    if str_arg(args, 1).is_some_and(|delimiter| delimiter.len() != 1) {
        return Err("the delimiter is one character".to_owned());
    }
    Ok(None)
}

fn param<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let name = str_arg(args, 0)?;
    let delimiter = str_arg(args, 1).and_then(|d| d.first().copied()).unwrap_or(b'&');
    let mut start = 0;
    for pair in text.split(|b| *b == delimiter) {
        let end = start + pair.len();
        if pair == name {
            return Some(Sample::Str(Bytes::Borrowed(b"")));
        }
        let value = pair.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"="));
        if let Some(value) = value {
            let start = end - value.len();
            return Some(Sample::Str(text.slice(start, end)));
        }
        start = end + 1;
    }
    None
}

/// A quality in thousandths, 1000 if none is given or it can't be read.
fn quality(parameters: &[u8]) -> u32 {
    let q = parameters.split(|b| *b == b';').find_map(|parameter| {
        let parameter = parameter.trim_ascii();
        let rest = parameter.strip_prefix(b"q").or_else(|| parameter.strip_prefix(b"Q"))?;
        rest.trim_ascii().strip_prefix(b"=").map(<[u8]>::trim_ascii)
    });
    let Some(q) = q else { return 1_000 };
    let digit = |at: usize| q.get(at).filter(|b| b.is_ascii_digit()).map_or(0, |b| b - b'0');
    if digit(0) >= 1 {
        return 1_000;
    }
    u32::from(digit(2)) * 100 + u32::from(digit(3)) * 10 + u32::from(digit(4))
}

fn language<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let header = bytes(sample)?;
    let known = str_arg(args, 0)?;
    let mut best: Option<(u32, &'a [u8])> = None;
    for wish in header.split(|b| *b == b',') {
        let wish = wish.trim_ascii();
        let end = wish.iter().position(|b| matches!(b, b';' | b' ')).unwrap_or(wish.len());
        let (tag, parameters) = wish.split_at(end);
        let quality = quality(parameters);
        if quality == 0 || best.is_some_and(|(best, _)| best >= quality) {
            continue;
        }
        let exact = known.split(|b| *b == b';').find(|language| *language == tag);
        let base = tag.split(|b| *b == b'-').next().unwrap_or_default();
        let found = exact.or_else(|| known.split(|b| *b == b';').find(|l| *l == base));
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            best = Some((quality, found));
        }
    }
    let found = best.map(|(_, language)| language).or_else(|| str_arg(args, 1))?;
    Some(Sample::Str(Bytes::Borrowed(found)))
}
