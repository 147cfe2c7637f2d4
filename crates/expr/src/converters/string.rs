//! Converters from text to text.
use crate::arg::Arg;
use crate::sample::{Bytes, Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;

use Type::Str;

pub(super) const TABLE: &[ConverterKeyword] = &[
    ConverterKeyword::new("lower", &[], Str, Str, lower, "letters in lower case"),
    ConverterKeyword::new("upper", &[], Str, Str, upper, "letters in upper case"),
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
    let Sample::Str(bytes) = sample else { return None };
    if !bytes.iter().any(differs) {
        return Some(Sample::Str(bytes));
    }
    let mut bytes = bytes.into_vec();
    change(&mut bytes);
    Some(Sample::Str(Bytes::Owned(bytes)))
}
