//! Converters that look a sample up in a map file.
use std::sync::Arc;

use super::str_arg;
use crate::acl::Match;
use crate::arg::{self, Arg, Param, may, must};
use crate::context::ParseContext;
use crate::patterns::{Kind, ValueKind, alone};
use crate::sample::{Bytes, Sample, Type};
use crate::subject::Subject;
use crate::table::{CheckFn, ConverterKeyword};

use Type::{Addr, Int, Str};

const STR: &[Param] = &[must("map_name", arg::Kind::Str), may("default_value", arg::Kind::Str)];
const KEY: &[Param] = &[must("map_name", arg::Kind::Str)];

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
            keyword(
                $name,
                STR,
                $input,
                Str,
                |a, c| read(a, c, $method, ValueKind::Str, false),
                HELP,
            ),
            keyword(
                concat!($name, "_int"),
                STR,
                $input,
                Int,
                |a, c| read(a, c, $method, ValueKind::Int, false),
                HELP_INT,
            ),
            keyword(
                concat!($name, "_ip"),
                STR,
                $input,
                Addr,
                |a, c| read(a, c, $method, ValueKind::Ip, false),
                HELP_IP,
            ),
            ConverterKeyword::new(concat!($name, "_key"), KEY, $input, Str, lookup_key, HELP_KEY)
                .checked(|a, c| read(a, c, $method, ValueKind::Str, false)),
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
    keyword("map", STR, Str, Str, |a, c| read(a, c, Match::Str, ValueKind::Str, false), HELP),
    ConverterKeyword::new(
        "map_regm",
        STR,
        Str,
        Str,
        lookup_filled,
        "value of the map entry that matches, with \\1 to \\9 filled from the match",
    )
    .checked(|a, c| read(a, c, Match::Reg, ValueKind::Str, true)),
];

const FAMILY_LIST: &[ConverterKeyword] = FAMILIES.as_flattened();
/// The families, one after the other.
pub(super) const TABLE: &[ConverterKeyword] = FAMILY_LIST;
/// The two that belong to no family.
pub(super) const TABLE_SINGLE: &[ConverterKeyword] = &SINGLE;

/// Opens the file; the arguments become the map and the default value in its final type.
fn read(
    args: &mut Vec<Arg>,
    context: &ParseContext<'_>,
    method: Match,
    value: ValueKind,
    filled: bool,
) -> Result<Option<Type>, String> {
    let name = String::from_utf8_lossy(str_arg(args, 0).unwrap_or_default()).into_owned();
    let cell = match context.sources.registry() {
        Some(registry) => registry.file(&name, true, true, context)?,
        None => alone(&name, true, context)?,
    };
    let kind = Kind { method, ignore_case: false, dotted: false, value, filled };
    let map = cell
        .index(kind, &|host| context.sources.resolve(host))
        .map_err(|(line, why)| format!("'{name}' line {line}: {why}"))?;
    let default = match str_arg(args, 1) {
        None => None,
        Some(text) => Some(value.read(&text.into()).ok_or_else(|| {
            format!("default value '{}' is invalid", String::from_utf8_lossy(text))
        })?),
    };
    *args = vec![Arg::Map(map)];
    args.extend(default.map(|default| Arg::Value(Box::new(default))));
    Ok(None)
}

/// What the map says, or the default.
fn lookup<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let Some(Arg::Map(map)) = args.first() else { return None };
    let kind = map.value_kind();
    let found = map.look(&sample, &mut |entry, _| kind.read(entry.value.as_ref()?));
    found.flatten().or_else(|| default(args))
}

fn default(args: &[Arg]) -> Option<Sample<'_>> {
    match args.get(1) {
        Some(Arg::Value(default)) => Some(default.borrowed()),
        _ => None,
    }
}

fn lookup_key<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let Some(Arg::Map(map)) = args.first() else { return None };
    map.look(&sample, &mut |entry, _| Sample::Str(Bytes::Shared(Arc::clone(&entry.key))))
}

fn lookup_filled<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    _: &'a dyn Subject,
) -> Option<Sample<'a>> {
    let Some(Arg::Map(map)) = args.first() else { return None };
    let text = super::bytes(sample)?;
    let sample = Sample::Str(Bytes::Borrowed(&text));
    let found = map.look(&sample, &mut |entry, regex| {
        regex?.expand(&text, entry.value.as_deref()?).map(|filled| Sample::Str(filled.into()))
    });
    match found {
        Some(filled) => filled,
        None => default(args),
    }
}
