//! Converters from text to text: case, cutting, joining, substitution.
use std::sync::Arc;

use super::{bytes, int_or_variable, int_value, str_arg};
use crate::arg::{Arg, Kind, integer, may, must};
use crate::casts;
use crate::context::ParseContext;
use crate::regex::Regex;
use crate::sample::{Bytes, Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;
use crate::variables::Variable;

use Type::{Bin, Bool, Int, Str};

type Keyword = ConverterKeyword;

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new("lower", &[], Str, Str, lower, "letters in lower case"),
    Keyword::new("upper", &[], Str, Str, upper, "letters in upper case"),
    Keyword::new(
        "length",
        &[],
        Str,
        Int,
        |s, _, _| Some(Sample::Int(i64::try_from(bytes(s)?.len()).unwrap_or(i64::MAX))),
        "number of bytes",
    ),
    Keyword::new(
        "bytes",
        &[must("offset", Kind::Str), may("length", Kind::Str)],
        Bin,
        Bin,
        cut,
        "bytes from an offset, as many as told",
    )
    .checked(check_cut),
    Keyword::new(
        "regsub",
        &[must("regex", Kind::Str), must("subst", Kind::Str), may("flags", Kind::Str)],
        Str,
        Str,
        regsub,
        "replaces the first match, or with flag g every match; flag i ignores case",
    )
    .checked(check_regsub),
    Keyword::new(
        "concat",
        &[may("start", Kind::Str), may("var", Kind::Str), may("end", Kind::Str)],
        Str,
        Str,
        concat,
        "appends text, a variable and text",
    )
    .checked(check_concat),
    Keyword::new(
        "add_item",
        &[must("delim", Kind::Str), may("var", Kind::Str), may("suff", Kind::Str)],
        Str,
        Str,
        add_item,
        "appends a variable and text behind a delimiter if there is something on both sides",
    )
    .checked(check_add_item),
    Keyword::new(
        "ltrim",
        &[must("chars", Kind::Str)],
        Str,
        Str,
        |s, a, _| Some(trimmed(bytes(s)?, str_arg(a, 0)?, true, false)),
        "drops characters at the start",
    ),
    Keyword::new(
        "rtrim",
        &[must("chars", Kind::Str)],
        Str,
        Str,
        |s, a, _| Some(trimmed(bytes(s)?, str_arg(a, 0)?, false, true)),
        "drops characters at the end",
    ),
    Keyword::new("cut_crlf", &[], Str, Str, cut_crlf, "cuts at the first CR or LF"),
    Keyword::new("host_only", &[], Str, Str, host_only, "host of a Host header, lower case"),
    Keyword::new("port_only", &[], Str, Int, port_only, "port of a Host header, 0 if none"),
    Keyword::new(
        "has_ctl",
        &[may("mask", Kind::Str)],
        Bin,
        Bool,
        has_ctl,
        "has control characters",
    )
    .checked(check_has_ctl),
    Keyword::new(
        "iif",
        &[must("true", Kind::Str), must("false", Kind::Str)],
        Bool,
        Str,
        iif,
        "one text for true, another for false",
    ),
];

fn lower<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    map_case(sample, u8::is_ascii_uppercase, <[u8]>::make_ascii_lowercase)
}

fn upper<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    map_case(sample, u8::is_ascii_lowercase, <[u8]>::make_ascii_uppercase)
}

/// Copies only if a letter has to change.
fn map_case(
    sample: Sample<'_>,
    differs: fn(&u8) -> bool,
    change: fn(&mut [u8]),
) -> Option<Sample<'_>> {
    let text = bytes(sample)?;
    if !text.iter().any(differs) {
        return Some(Sample::Str(text));
    }
    let mut text = text.into_vec();
    change(&mut text);
    Some(Sample::Str(Bytes::Owned(text)))
}

fn check_cut(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    int_or_variable(args, 0)?;
    int_or_variable(args, 1)?;
    match (args.first(), args.get(1)) {
        (Some(Arg::Int(i64::MIN..0)), _) => Err("the offset can't be negative".to_owned()),
        (_, Some(Arg::Int(i64::MIN..=0))) => Err("the length must be at least 1".to_owned()),
        _ => Ok(None),
    }
}

fn cut<'a>(sample: Sample<'a>, args: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let bytes = bytes(sample)?;
    let nothing = Some(Sample::Bin(Bytes::Borrowed(b"")));
    let offset = int_value(args, 0, subject).and_then(|offset| usize::try_from(offset).ok());
    let Some(offset) = offset.filter(|offset| *offset < bytes.len()) else { return nothing };
    let mut end = bytes.len();
    if args.get(1).is_some() {
        let length = int_value(args, 1, subject).and_then(|length| usize::try_from(length).ok());
        let Some(length) = length else { return nothing };
        end = end.min(offset.saturating_add(length));
    }
    Some(Sample::Bin(bytes.slice(offset, end)))
}

fn check_regsub(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let flags = str_arg(args, 2).unwrap_or_default().to_vec();
    if let Some(bad) = flags.iter().find(|flag| !matches!(flag, b'g' | b'i')) {
        return Err(format!("unknown flag '{}', flags are i and g", char::from(*bad)));
    }
    let pattern = String::from_utf8(str_arg(args, 0).unwrap_or_default().to_vec())
        .map_err(|_| "the regular expression is not valid UTF-8".to_owned())?;
    let regex = Regex::parse(&pattern, flags.contains(&b'i'))?;
    let template: Arc<[u8]> = str_arg(args, 1).unwrap_or_default().into();
    *args = vec![Arg::Regex(regex), Arg::Str(template), Arg::Bool(flags.contains(&b'g'))];
    Ok(None)
}

fn regsub<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let (Some(Arg::Regex(regex)), Some(Arg::Bool(every))) = (args.first(), args.get(2)) else {
        return None;
    };
    Some(Sample::Str(match regex.replace(&text, str_arg(args, 1)?, *every) {
        Some(replaced) => Bytes::Owned(replaced),
        None => text,
    }))
}

/// Turns the second argument into a variable if it is there.
fn variable_second(args: &mut [Arg]) -> Result<(), String> {
    let Some(text) = str_arg(args, 1).filter(|text| !text.is_empty()) else { return Ok(()) };
    let variable = Variable::parse(&String::from_utf8_lossy(text))?;
    if let Some(slot) = args.get_mut(1) {
        *slot = Arg::Var(variable);
    }
    Ok(())
}

fn check_concat(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    variable_second(args).map(|()| None)
}

fn check_add_item(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    variable_second(args)?;
    match (args.get(1), args.get(2)) {
        (Some(Arg::Var(_)), _) | (_, Some(Arg::Str(_))) => Ok(None),
        _ => Err("needs a variable or a suffix".to_owned()),
    }
}

/// The text of the variable in the second argument, empty if there is none.
fn second_variable<'a>(args: &[Arg], subject: &'a dyn Subject) -> Bytes<'a> {
    match args.get(1) {
        Some(Arg::Var(variable)) => {
            subject.variable(variable).map_or(Bytes::Borrowed(b""), casts::text)
        }
        _ => Bytes::Borrowed(b""),
    }
}

fn concat<'a>(sample: Sample<'a>, args: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let mut out = bytes(sample)?.into_vec();
    out.extend_from_slice(str_arg(args, 0).unwrap_or_default());
    out.extend_from_slice(&second_variable(args, subject));
    out.extend_from_slice(str_arg(args, 2).unwrap_or_default());
    Some(Sample::Str(out.into()))
}

fn add_item<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    subject: &'a dyn Subject,
) -> Option<Sample<'a>> {
    let mut out = bytes(sample)?.into_vec();
    let item = second_variable(args, subject);
    let found = match args.get(1) {
        Some(Arg::Var(variable)) => subject.variable(variable).is_some(),
        _ => false,
    };
    let suffix = str_arg(args, 2).unwrap_or_default();
    if !out.is_empty() && (found || !suffix.is_empty()) {
        out.extend_from_slice(str_arg(args, 0).unwrap_or_default());
    }
    out.extend_from_slice(&item);
    out.extend_from_slice(suffix);
    Some(Sample::Str(out.into()))
}

fn trimmed<'a>(text: Bytes<'a>, chars: &[u8], start: bool, end: bool) -> Sample<'a> {
    let keep = |byte: &u8| !chars.contains(byte);
    let from = if start { text.iter().position(keep).unwrap_or(text.len()) } else { 0 };
    let to = if end { text.iter().rposition(keep).map_or(0, |at| at + 1) } else { text.len() };
    Sample::Str(text.slice(from, to))
}

fn cut_crlf<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let end = text.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(text.len());
    Some(Sample::Str(text.slice(0, end)))
}

/// Where the port's colon stands in a Host header.
fn port_colon(text: &[u8]) -> Option<usize> {
    let colon = text.iter().rposition(|b| *b == b':')?;
    let digits = text.get(colon + 1..)?;
    let bracket = text.iter().rposition(|b| *b == b']');
    let after_bracket = bracket.is_none_or(|bracket| bracket + 1 == colon);
    (digits.iter().all(u8::is_ascii_digit) && after_bracket).then_some(colon)
}

fn host_only<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let end = port_colon(&text).unwrap_or(text.len());
    map_case(Sample::Str(text.slice(0, end)), u8::is_ascii_uppercase, <[u8]>::make_ascii_lowercase)
}

fn port_only<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let port = port_colon(&text).and_then(|colon| text.get(colon + 1..));
    Some(Sample::Int(port.and_then(casts::leading_integer).unwrap_or(0)))
}

/// All control characters but TAB.
const DEFAULT_CONTROLS: i64 = 0x1_ffff_fdff;

fn check_has_ctl(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let mask = match str_arg(args, 0) {
        None | Some(b"") => DEFAULT_CONTROLS,
        Some(b"any") => 0x1_ffff_ffff,
        Some(b"http") => 0x2401,
        Some(text) => {
            let text = String::from_utf8_lossy(text);
            let parsed = match text.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16).ok(),
                None => integer(&text),
            };
            parsed
                .filter(|mask| (0..=0x1_ffff_ffff).contains(mask))
                .ok_or_else(|| format!("'{text}' is not a mask of 33 bits, any or http"))?
        }
    };
    *args = vec![Arg::Int(mask)];
    Ok(None)
}

fn has_ctl<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let mask = super::int_arg(args, 0)?;
    let found = bytes(sample)?.iter().any(|byte| match byte {
        0..=31 => mask >> byte & 1 == 1,
        127 => mask >> 32 & 1 == 1,
        _ => false,
    });
    Some(Sample::Bool(found))
}

fn iif<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let Sample::Bool(holds) = sample else { return None };
    Some(Sample::Str(Bytes::Borrowed(str_arg(args, usize::from(!holds))?)))
}
