//! The table of sample fetches: one file per family, looked up by name at load.
mod connection;
mod http;
mod internal;

use crate::arg::Arg;
use crate::sample::{Bytes, Fetch, Sample};
use crate::table::FetchKeyword;

pub(crate) use http::path_and_query;

const TABLES: &[&[FetchKeyword]] = &[internal::TABLE, connection::TABLE, http::TABLE];

/// Every fetch that is known by name, supported or not.
pub fn fetches() -> impl Iterator<Item = &'static FetchKeyword> {
    TABLES.iter().copied().flatten()
}

pub(crate) fn fetch(name: &str) -> Option<&'static FetchKeyword> {
    fetches().find(|known| known.name == name)
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

/// A name argument.
fn name_arg(args: &[Arg], nth: usize) -> Option<&str> {
    match args.get(nth) {
        Some(Arg::Name(name)) => Some(name),
        _ => None,
    }
}

fn text<'a>(bytes: impl Into<Bytes<'a>>) -> Fetch<Sample<'a>> {
    Fetch::Is(Sample::Str(bytes.into()))
}

fn int<'a>(value: impl Into<i64>) -> Fetch<Sample<'a>> {
    Fetch::Is(Sample::Int(value.into()))
}
