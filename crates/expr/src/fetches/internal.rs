//! Constants, variables and facts about the process (manual 7.3.2).
use std::net::IpAddr;

use super::{int, int_arg, str_arg, text};
use crate::acl::{Condition, Verdict, from_hex};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::context::ParseContext;
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::Subject;
use crate::table::FetchKeyword;

use Kind::{Int, Str};
use Need::{Nothing, Process};

/// Up to twelve names, each perhaps with a `!` in front.
const ACL_NAMES: &[Param] = &[
    must("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
    may("name", Str),
];

pub(super) const TABLE: &[FetchKeyword] = &[
    FetchKeyword::new("always_false", &[], Type::Bool, Nothing, |_, _| bool(false), "false"),
    FetchKeyword::new("always_true", &[], Type::Bool, Nothing, |_, _| bool(true), "true"),
    FetchKeyword::new("bool", &[must("bool", Str)], Type::Bool, Nothing, constant, "a constant")
        .checked(check_bool),
    FetchKeyword::new("int", &[must("integer", Int)], Type::Int, Nothing, constant, "a constant"),
    FetchKeyword::new("str", &[must("string", Str)], Type::Str, Nothing, constant, "a constant"),
    FetchKeyword::new("bin", &[must("hex", Str)], Type::Bin, Nothing, binary, "constant bytes")
        .checked(check_bin),
    FetchKeyword::new("ipv4", &[must("ipv4", Kind::V4)], Type::V4, Nothing, constant, "a constant"),
    FetchKeyword::new("ipv6", &[must("ipv6", Kind::V6)], Type::V6, Nothing, constant, "a constant"),
    FetchKeyword::new(
        "meth",
        &[must("method", Str)],
        Type::Method,
        Nothing,
        |args, _| str_arg(args, 0).map(|name| Sample::Method(Bytes::Borrowed(name))).into(),
        "a constant method",
    ),
    FetchKeyword::new(
        "var",
        &[must("var-name", Kind::Var), may("default", Str)],
        Type::Any,
        Nothing,
        variable,
        "content of a variable, or the default if it is not set",
    ),
    FetchKeyword::new(
        "env",
        &[must("name", Str)],
        Type::Str,
        Nothing,
        constant,
        "a variable of the environment as it was at load",
    )
    .checked(check_env),
    FetchKeyword::new(
        "hostname",
        &[],
        Type::Str,
        Nothing,
        |_, s| text(&*s.process().hostname),
        "host name of the machine",
    ),
    FetchKeyword::new("pid", &[], Type::Int, Nothing, |_, s| int(s.process().pid), "process id"),
    FetchKeyword::new(
        "date",
        &[may("offset", Int), may("unit", Kind::Choice(&["s", "ms", "us"]))],
        Type::Int,
        Nothing,
        date,
        "the time now since 1970, with an offset",
    ),
    FetchKeyword::new(
        "date_us",
        &[],
        Type::Int,
        Nothing,
        |_, s| int(s.now_us().rem_euclid(1_000_000)),
        "microseconds of the second now",
    ),
    FetchKeyword::new(
        "uptime",
        &[],
        Type::Int,
        Nothing,
        |_, s| int(s.now_us().saturating_sub(s.process().started_us).div_euclid(1_000_000)),
        "seconds since the process started",
    ),
    FetchKeyword::new("rand", &[may("range", Int)], Type::Int, Nothing, rand, "a random integer"),
    FetchKeyword::new("uuid", &[may("version", Int)], Type::Str, Nothing, uuid, "a random UUID")
        .checked(check_uuid),
    FetchKeyword::new("nbproc", &[], Type::Int, Nothing, |_, _| int(1), "processes: always 1"),
    FetchKeyword::new("proc", &[], Type::Int, Nothing, |_, _| int(1), "number of the process"),
    FetchKeyword::new(
        "thread",
        &[],
        Type::Int,
        Nothing,
        |_, s| int(s.thread()),
        "number of the worker thread, from 0",
    ),
    FetchKeyword::new(
        "stopping",
        &[],
        Type::Bool,
        Process,
        |_, s| bool(s.is_stopping()),
        "true once the process no longer accepts",
    ),
    FetchKeyword::new("acl", ACL_NAMES, Type::Bool, Nothing, acl, "true if all ACLs named hold")
        .checked(check_acl),
    FetchKeyword::new(
        "wait_end",
        &[],
        Type::Bool,
        Process,
        wait_end,
        "true once no more data comes",
    ),
];

fn bool<'a>(value: bool) -> Fetch<Sample<'a>> {
    Fetch::Is(Sample::Bool(value))
}

fn constant<'a>(args: &'a [Arg], _: &'a dyn Subject) -> Fetch<Sample<'a>> {
    match args.first() {
        Some(Arg::Int(value)) => Fetch::Is(Sample::Int(*value)),
        Some(Arg::Bool(value)) => Fetch::Is(Sample::Bool(*value)),
        Some(Arg::Str(bytes)) => Fetch::Is(Sample::Str(Bytes::Borrowed(bytes))),
        Some(Arg::V4(ip)) => Fetch::Is(Sample::from(IpAddr::V4(*ip))),
        Some(Arg::V6(ip)) => Fetch::Is(Sample::from(IpAddr::V6(*ip))),
        _ => Fetch::Missing,
    }
}

fn binary<'a>(args: &'a [Arg], _: &'a dyn Subject) -> Fetch<Sample<'a>> {
    str_arg(args, 0).map(|bytes| Sample::Bin(Bytes::Borrowed(bytes))).into()
}

fn variable<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let Some(Arg::Var(variable)) = args.first() else { return Fetch::Missing };
    match subject.variable(variable) {
        Some(value) => Fetch::Is(value),
        None => str_arg(args, 1).map(|text| Sample::Str(Bytes::Borrowed(text))).into(),
    }
}

fn wait_end<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    if subject.is_final() { bool(true) } else { Fetch::NotYet }
}

fn date<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let now = match int_arg(args, 1) {
        Some(2) => subject.now_us(),
        Some(1) => subject.now_us().div_euclid(1_000),
        _ => subject.now_us().div_euclid(1_000_000),
    };
    int(now.saturating_add(int_arg(args, 0).unwrap_or(0)))
}

fn rand<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let random = subject.random() >> 32;
    match int_arg(args, 0).map(|range| range as u32) {
        Some(range) => int(((random * u64::from(range)) >> 32) as i64),
        None => int(random as i64),
    }
}

fn check_uuid(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match int_arg(args, 0) {
        None | Some(4 | 7) => Ok(None),
        Some(_) => Err("versions of UUIDs are 4 and 7".to_owned()),
    }
}

/// RFC 9562: version 4 is random, version 7 starts with the time in milliseconds.
fn uuid<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let version = if int_arg(args, 0) == Some(7) { 7 } else { 4 };
    let mut high = subject.random();
    let low = subject.random() >> 2 | 1 << 63;
    if version == 7 {
        let millis = subject.now_us().div_euclid(1_000) as u64;
        high = millis << 16 | high & 0xffff;
    }
    high = high & !0xf000 | version << 12;
    text(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    ))
}

fn check_acl(args: &mut Vec<Arg>, context: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let names: Vec<String> = (0..args.len())
        .filter_map(|nth| str_arg(args, nth))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let condition = Condition::parse_terms(&words, context).map_err(|error| error.to_string())?;
    *args = vec![Arg::Condition(Box::new(condition))];
    Ok(None)
}

fn acl<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let Some(Arg::Condition(condition)) = args.first() else { return Fetch::Missing };
    match condition.eval(subject) {
        Verdict::True => bool(true),
        Verdict::False => bool(false),
        Verdict::NotYet => Fetch::NotYet,
    }
}

fn check_bool(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let value = match str_arg(args, 0) {
        Some(b"1" | b"true") => true,
        Some(b"0" | b"false") => false,
        _ => return Err("expected true, false, 1 or 0".to_owned()),
    };
    *args = vec![Arg::Bool(value)];
    Ok(None)
}

fn check_bin(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let bytes = str_arg(args, 0).and_then(from_hex);
    let bytes = bytes.ok_or("expected an even number of hex digits")?;
    *args = vec![Arg::Str(bytes.into())];
    Ok(None)
}

fn check_env(args: &mut Vec<Arg>, context: &ParseContext<'_>) -> Result<Option<Type>, String> {
    let name = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    *args = match context.sources.env(&name) {
        Some(value) => vec![Arg::Str(value.into_bytes().into())],
        None => vec![Arg::Absent],
    };
    Ok(None)
}
