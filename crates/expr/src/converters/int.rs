//! Arithmetic and logic on integers. Nothing wraps around: results are clamped.
use super::{int_or_variable, int_value};
use crate::arg::{Arg, Kind, Param, must};
use crate::context::ParseContext;
use crate::sample::{Sample, Type};
use crate::subject::Subject;
use crate::table::{ConvertFn, ConverterKeyword};

use Type::{Bool, Int};

const VALUE: &[Param] = &[must("value", Kind::Str)];

const fn binary(name: &'static str, run: ConvertFn, help: &'static str) -> ConverterKeyword {
    ConverterKeyword::new(name, VALUE, Int, Int, run, help).checked(check)
}

const fn unary(
    name: &'static str,
    output: Type,
    run: ConvertFn,
    help: &'static str,
) -> ConverterKeyword {
    ConverterKeyword::new(name, &[], Int, output, run, help)
}

pub(super) const TABLE: &[ConverterKeyword] = &[
    binary("add", |s, a, u| with(s, a, u, i64::saturating_add), "sum"),
    binary("sub", |s, a, u| with(s, a, u, i64::saturating_sub), "difference"),
    binary("mul", |s, a, u| with(s, a, u, i64::saturating_mul), "product"),
    binary("div", |s, a, u| with(s, a, u, div), "quotient; the largest integer for 0"),
    binary("mod", |s, a, u| with(s, a, u, modulo), "remainder; 0 for 0"),
    binary("and", |s, a, u| with(s, a, u, |x, y| x & y), "bits in both"),
    binary("or", |s, a, u| with(s, a, u, |x, y| x | y), "bits in either"),
    binary("xor", |s, a, u| with(s, a, u, |x, y| x ^ y), "bits in one only"),
    unary("neg", Int, |s, _, _| Some(Sample::Int(int(&s)?.saturating_neg())), "opposite"),
    unary("cpl", Int, |s, _, _| Some(Sample::Int(!int(&s)?)), "all bits flipped"),
    unary("bool", Bool, |s, _, _| Some(Sample::Bool(int(&s)? != 0)), "true unless 0"),
    unary("not", Bool, |s, _, _| Some(Sample::Bool(int(&s)? == 0)), "true for 0"),
    unary("odd", Bool, |s, _, _| Some(Sample::Bool(int(&s)? & 1 == 1)), "true if odd"),
    unary("even", Bool, |s, _, _| Some(Sample::Bool(int(&s)? & 1 == 0)), "true if even"),
];

fn int(sample: &Sample<'_>) -> Option<i64> {
    match sample {
        Sample::Int(value) => Some(*value),
        _ => None,
    }
}

fn check(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    int_or_variable(args, 0).map(|()| None)
}

fn with<'a>(
    sample: Sample<'a>,
    args: &[Arg],
    subject: &dyn Subject,
    f: fn(i64, i64) -> i64,
) -> Option<Sample<'a>> {
    Some(Sample::Int(f(int(&sample)?, int_value(args, 0, subject)?)))
}

fn div(a: i64, b: i64) -> i64 {
    if b == 0 { i64::MAX } else { a.saturating_div(b) }
}

fn modulo(a: i64, b: i64) -> i64 {
    a.checked_rem(b).unwrap_or(0)
}
