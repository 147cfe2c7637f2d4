//! Converters that look a sample up in a map file.
use std::net::IpAddr;

use super::str_arg;
use crate::acl::Match;
use crate::arg::{Arg, Kind, Param, integer, may, must};
use crate::context::ParseContext;
use crate::map::Map;
use crate::sample::{Bytes, Sample, Type, Value};
use crate::subject::Subject;
use crate::table::{CheckFn, ConverterKeyword};

use Type::{Addr, Int, Str};

const STR: &[Param] = &[must("map_name", Kind::Str), may("default_value", Kind::Str)];
const KEY: &[Param] = &[must("map_name", Kind::Str)];

const HELP: &str = "value of the map entry that matches, or the default";
const HELP_INT: &str = "value of the map entry that matches as an integer, or the default";
const HELP_IP: &str = "value of the map entry that matches as an address, or the default";
const HELP_KEY: &str = "key of the map entry that matches";

const fn keyword(
    name: &'static str,
    params: &'static [Param],
    input: Type,
    output: Type,
    check: CheckFn,
    help: &'static str,
) -> ConverterKeyword {
    ConverterKeyword::new(name, params, input, output, lookup, help).checked(check)
}

/// The four converters of a match method.
macro_rules! family {
    ($name:literal, $input:expr, $method:expr) => {
        [
            keyword($name, STR, $input, Str, |a, c| read(a, c, $method, text), HELP),
            keyword(
                concat!($name, "_int"),
                STR,
                $input,
                Int,
                |a, c| read(a, c, $method, int),
                HELP_INT,
            ),
            keyword(
                concat!($name, "_ip"),
                STR,
                $input,
                Addr,
                |a, c| read(a, c, $method, address),
                HELP_IP,
            ),
            keyword(
                concat!($name, "_key"),
                KEY,
                $input,
                Str,
                |a, c| read_keys(a, c, $method),
                HELP_KEY,
            ),
        ]
    };
}

const FAMILIES: [[ConverterKeyword; 4]; 9] = [
    family!("map_str", Str, Match::Str),
    family!("map_beg", Str, Match::Beg),
    family!("map_sub", Str, Match::Sub),
    family!("map_dir", Str, Match::Dir),
    family!("map_dom", Str, Match::Dom),
    family!("map_end", Str, Match::End),
    family!("map_reg", Str, Match::Reg),
    family!("map_int", Int, Match::Int),
    family!("map_ip", Addr, Match::Ip),
];

const SINGLE: [ConverterKeyword; 2] = [
    keyword("map", STR, Str, Str, |a, c| read(a, c, Match::Str, text), HELP),
    ConverterKeyword::new(
        "map_regm",
        STR,
        Str,
        Str,
        lookup_filled,
        "value of the map entry that matches, with \\1 to \\9 filled from the match",
    )
    .checked(|a, c| read(a, c, Match::Reg, text)),
];

const FAMILY_LIST: &[ConverterKeyword] = FAMILIES.as_flattened();
/// The families, one after the other.
pub(super) const TABLE: &[ConverterKeyword] = FAMILY_LIST;
/// The two that belong to no family.
pub(super) const TABLE_SINGLE: &[ConverterKeyword] = &SINGLE;

fn text(value: &[u8]) -> Option<Value> {
    Some(Sample::Str(Bytes::Shared(value.into())))
}

fn int(value: &[u8]) -> Option<Value> {
    integer(std::str::from_utf8(value).ok()?).map(Sample::Int)
}

fn address(value: &[u8]) -> Option<Value> {
    std::str::from_utf8(value).ok()?.parse::<IpAddr>().ok().map(Sample::from)
}

/// Reads the file; the arguments become the map and the default value in its final type.
fn read(
    args: &mut Vec<Arg>,
    context: &ParseContext<'_>,
    method: Match,
    value: fn(&[u8]) -> Option<Value>,
) -> Result<Option<Type>, String> {
    let map = open(args, context, |content, resolve| {
        Map::read(content, method, |(_, text)| value(text), resolve)
    })?;
    let default = match str_arg(args, 1) {
        None => None,
        Some(text) => Some(value(text).ok_or_else(|| {
            format!("default value '{}' is invalid", String::from_utf8_lossy(text))
        })?),
    };
    *args = vec![map];
    args.extend(default.map(|default| Arg::Value(Box::new(default))));
    Ok(None)
}

fn read_keys(
    args: &mut Vec<Arg>,
    context: &ParseContext<'_>,
    method: Match,
) -> Result<Option<Type>, String> {
    let map = open(args, context, |content, resolve| {
        Map::read(content, method, |(key, _)| text(key.as_bytes()), resolve)
    })?;
    *args = vec![map];
    Ok(None)
}

fn open(
    args: &[Arg],
    context: &ParseContext<'_>,
    read: impl Fn(&[u8], &dyn Fn(&str) -> Option<IpAddr>) -> Result<Map, String>,
) -> Result<Arg, String> {
    let name = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let content =
        context.sources.file(&name).map_err(|why| format!("cannot read '{name}': {why}"))?;
    let map = read(&content, &|host| context.sources.resolve(host))
        .map_err(|why| format!("'{name}' {why}"))?;
    Ok(Arg::Map(map.into()))
}

fn lookup<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let Some(Arg::Map(map)) = args.first() else { return None };
    match (map.lookup(&sample), args.get(1)) {
        (Some((value, _)), _) => Some(value.borrowed()),
        (None, Some(Arg::Value(default))) => Some(default.borrowed()),
        _ => None,
    }
}

fn lookup_filled<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    _: &'a dyn Subject,
) -> Option<Sample<'a>> {
    let Some(Arg::Map(map)) = args.first() else { return None };
    match (map.lookup(&sample), args.get(1)) {
        (Some((Sample::Str(template), Some(patterns))), _) => {
            let text = super::bytes(sample)?;
            patterns.expand(&text, template).map(|filled| Sample::Str(filled.into()))
        }
        (None, Some(Arg::Value(default))) => Some(default.borrowed()),
        _ => None,
    }
}
