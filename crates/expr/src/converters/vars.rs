//! Converters that set, unset and compare variables, and that fill capture slots.
use super::{bytes, int_arg};
use crate::arg::{Arg, Kind, may, must};
use crate::auth::same;
use crate::casts;
use crate::context::ParseContext;
use crate::sample::{Sample, Type};
use crate::subject::{Side, Subject};
use crate::table::ConverterKeyword;

use Type::{Any, Bin, Bool, Int, Same, Str};

type Keyword = ConverterKeyword;

/// The conditions of `set-var`.
const CONDITIONS: &[&str] =
    &["ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"];

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new(
        "set-var",
        &[
            must("var", Kind::Var),
            may("cond", Kind::Choice(CONDITIONS)),
            may("cond", Kind::Choice(CONDITIONS)),
            may("cond", Kind::Choice(CONDITIONS)),
            may("cond", Kind::Choice(CONDITIONS)),
        ],
        Any,
        Same,
        set_var,
        "sets a variable if the conditions hold, and passes the sample on",
    ),
    Keyword::new(
        "unset-var",
        &[must("var", Kind::Var)],
        Any,
        Same,
        unset_var,
        "forgets a variable, and passes the sample on",
    ),
    Keyword::new(
        "strcmp",
        &[must("var", Kind::Var)],
        Str,
        Int,
        strcmp,
        "negative, 0 or positive as the text is before, equal to or after the variable",
    ),
    Keyword::new(
        "secure_memcmp",
        &[must("var", Kind::Var)],
        Bin,
        Bool,
        secure_memcmp,
        "true if equal to the variable; takes the same time for equal lengths",
    ),
    Keyword::new(
        "capture-req",
        &[must("id", Kind::Int)],
        Str,
        Str,
        |s, a, u| capture(s, a, u, Side::Request),
        "keeps the text in a request capture slot, and passes it on",
    )
    .checked(check_slot),
    Keyword::new(
        "capture-res",
        &[must("id", Kind::Int)],
        Str,
        Str,
        |s, a, u| capture(s, a, u, Side::Response),
        "keeps the text in a response capture slot, and passes it on",
    )
    .checked(check_slot),
];

/// Whether one condition of `set-var` lets the sample pass.
fn holds(condition: &str, sample: &Sample<'_>, old: Option<&Sample<'_>>) -> bool {
    let empty = match sample {
        Sample::Str(bytes) | Sample::Bin(bytes) | Sample::Method(bytes) => bytes.is_empty(),
        _ => false,
    };
    match (condition, sample, old) {
        ("ifexists" | "ifset", ..) => old.is_some(),
        ("ifnotexists" | "ifnotset", ..) => old.is_none(),
        ("ifempty", ..) => empty,
        ("ifnotempty", ..) => !empty,
        ("ifgt", Sample::Int(new), Some(Sample::Int(old))) => old > new,
        ("iflt", Sample::Int(new), Some(Sample::Int(old))) => old < new,
        _ => true,
    }
}

fn set_var<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    subject: &'a dyn Subject,
) -> Option<Sample<'a>> {
    let Some(Arg::Var(variable)) = args.first() else { return None };
    if args.len() > 1 {
        let old = subject.variable(variable);
        let mut conditions = (1..args.len()).filter_map(|nth| {
            let at = usize::try_from(int_arg(args, nth)?).ok()?;
            CONDITIONS.get(at)
        });
        if !conditions.all(|condition| holds(condition, &sample, old.as_ref())) {
            return None;
        }
    }
    let value = sample.into_value();
    subject.set_variable(variable, Some(value.clone()));
    Some(value)
}

fn unset_var<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    subject: &'a dyn Subject,
) -> Option<Sample<'a>> {
    let Some(Arg::Var(variable)) = args.first() else { return None };
    subject.set_variable(variable, None);
    Some(sample)
}

fn strcmp<'a>(sample: Sample<'a>, args: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let Some(Arg::Var(variable)) = args.first() else { return None };
    let other = casts::text(subject.variable(variable)?);
    let differing = text.iter().zip(other.iter()).find(|(a, b)| a != b);
    Some(Sample::Int(match differing {
        Some((a, b)) => i64::from(*a) - i64::from(*b),
        None => text.len().cmp(&other.len()) as i64,
    }))
}

fn secure_memcmp<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    subject: &'a dyn Subject,
) -> Option<Sample<'a>> {
    let ours = bytes(sample)?;
    let Some(Arg::Var(variable)) = args.first() else { return None };
    let theirs = casts::binary(subject.variable(variable)?);
    Some(Sample::Bool(same(&ours, &theirs)))
}

fn check_slot(args: &mut Vec<Arg>, _: &ParseContext<'_>) -> Result<Option<Type>, String> {
    match int_arg(args, 0) {
        Some(0..) => Ok(None),
        _ => Err("a capture slot can't be negative".to_owned()),
    }
}

fn capture<'a>(
    sample: Sample<'a>,
    args: &'a [Arg],
    subject: &'a dyn Subject,
    side: Side,
) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    let slot = usize::try_from(int_arg(args, 0)?).ok()?;
    subject.set_capture(side, slot, &text).then_some(Sample::Str(text))
}
