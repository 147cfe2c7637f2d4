//! The table of converters: one file per family, looked up by name at load.
mod encode;
mod hash;
mod int;
mod ip;
mod json;
mod later;
mod map;
mod string;
mod time;
mod vars;
mod words;

use crate::arg::{Arg, integer};
use crate::sample::{Bytes, Sample};
use crate::subject::Subject;
use crate::table::ConverterKeyword;
use crate::variables::Variable;

pub(crate) use encode::base64_decode;
pub(crate) use hash::{avalanche, sdbm};

const TABLES: &[&[ConverterKeyword]] = &[
    string::TABLE,
    words::TABLE,
    encode::TABLE,
    hash::TABLE,
    int::TABLE,
    ip::TABLE,
    json::TABLE,
    map::TABLE,
    map::TABLE_SINGLE,
    time::TABLE,
    vars::TABLE,
    later::TABLE,
];

/// Every converter that is known by name, supported or not.
pub fn converters() -> impl Iterator<Item = &'static ConverterKeyword> {
    TABLES.iter().copied().flatten()
}

pub(crate) fn converter(name: &str) -> Option<&'static ConverterKeyword> {
    converters().find(|known| known.name == name)
}

/// A text argument, or nothing where it was left out.
fn str_arg(args: &[Arg], nth: usize) -> Option<&[u8]> {
    match args.get(nth) {
        Some(Arg::Str(text)) => Some(text),
        _ => None,
    }
}

/// An integer argument.
fn int_arg(args: &[Arg], nth: usize) -> Option<i64> {
    match args.get(nth) {
        Some(Arg::Int(value)) => Some(*value),
        _ => None,
    }
}

/// The bytes of a text or binary sample.
fn bytes(sample: Sample<'_>) -> Option<Bytes<'_>> {
    match sample {
        Sample::Str(bytes) | Sample::Bin(bytes) => Some(bytes),
        _ => None,
    }
}

/// Turns a text argument into an integer or, failing that, a variable.
fn int_or_variable(args: &mut [Arg], nth: usize) -> Result<(), String> {
    let Some(text) = str_arg(args, nth) else { return Ok(()) };
    let text = String::from_utf8_lossy(text).into_owned();
    let prepared = match integer(&text) {
        Some(value) => Arg::Int(value),
        None => Arg::Var(Variable::parse(&text).map_err(|_| {
            format!("'{text}' is neither an integer nor a variable with its scope")
        })?),
    };
    if let Some(slot) = args.get_mut(nth) {
        *slot = prepared;
    }
    Ok(())
}

/// The value of an argument that is an integer or a variable that holds one.
fn int_value(args: &[Arg], nth: usize, subject: &dyn Subject) -> Option<i64> {
    match args.get(nth)? {
        Arg::Int(value) => Some(*value),
        Arg::Var(variable) => crate::casts::integer(&subject.variable(variable)?),
        _ => None,
    }
}
