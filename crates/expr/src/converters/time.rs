//! Dates: integers into text and back.
use super::{bytes, int_arg, str_arg};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::log_format::{Civil, strftime};
use crate::sample::{Sample, Type};
use crate::subject::Subject;
use crate::table::ConverterKeyword;

use Type::{Int, Str};

type Keyword = ConverterKeyword;

const FORMAT: &[Param] = &[must("format", Kind::Str), may("offset", Kind::Int)];
const OFFSET: &[Param] = &[may("offset", Kind::Int), may("unit", Kind::Choice(&["s", "ms", "us"]))];

/// Microseconds in each unit of dates.
const SECOND: i64 = 1_000_000;
const MILLISECOND: i64 = 1_000;

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new("http_date", OFFSET, Int, Str, http_date, "date for HTTP headers"),
    Keyword::new("date", &[], Str, Int, date, "seconds since 1970 of a date in an HTTP header"),
    Keyword::new("ltime", FORMAT, Int, Str, |s, a, u| local(s, a, u, SECOND), "local date"),
    Keyword::new("utime", FORMAT, Int, Str, |s, a, _| utc(s, a, SECOND), "date in UTC"),
    Keyword::new(
        "ms_ltime",
        FORMAT,
        Int,
        Str,
        |s, a, u| local(s, a, u, MILLISECOND),
        "local date out of milliseconds",
    ),
    Keyword::new(
        "ms_utime",
        FORMAT,
        Int,
        Str,
        |s, a, _| utc(s, a, MILLISECOND),
        "date in UTC out of milliseconds",
    ),
    Keyword::new(
        "us_ltime",
        FORMAT,
        Int,
        Str,
        |s, a, u| local(s, a, u, 1),
        "local date out of microseconds",
    ),
    Keyword::new("us_utime", FORMAT, Int, Str, |s, a, _| utc(s, a, 1), "date out of microseconds"),
];

fn local<'a>(
    sample: Sample<'a>,
    args: &[Arg],
    subject: &dyn Subject,
    unit: i64,
) -> Option<Sample<'a>> {
    formatted(sample, args, unit, subject.process().utc_offset_s)
}

fn utc<'a>(sample: Sample<'a>, args: &[Arg], unit: i64) -> Option<Sample<'a>> {
    formatted(sample, args, unit, 0)
}

fn formatted<'a>(
    sample: Sample<'a>,
    args: &[Arg],
    unit: i64,
    utc_offset_s: i32,
) -> Option<Sample<'a>> {
    let Sample::Int(value) = sample else { return None };
    let value = value.saturating_add(int_arg(args, 1).unwrap_or(0));
    let date = Civil::at(value.saturating_mul(unit), utc_offset_s);
    let mut out = Vec::new();
    strftime(str_arg(args, 0)?, &date, &mut out);
    Some(Sample::Str(out.into()))
}

fn http_date<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let Sample::Int(value) = sample else { return None };
    let (unit, format): (i64, &[u8]) = match int_arg(args, 1) {
        Some(2) => (1, b"%a, %d %b %Y %H:%M:%S.%6N GMT"),
        Some(1) => (MILLISECOND, b"%a, %d %b %Y %H:%M:%S.%3N GMT"),
        _ => (SECOND, b"%a, %d %b %Y %H:%M:%S GMT"),
    };
    let value = value.saturating_add(int_arg(args, 0).unwrap_or(0));
    let date = Civil::at(value.saturating_mul(unit), 0);
    let mut out = Vec::new();
    strftime(format, &date, &mut out);
    Some(Sample::Str(out.into()))
}

fn date<'a>(sample: Sample<'a>, _: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    let text = bytes(sample)?;
    parse_http_date(std::str::from_utf8(&text).ok()?).map(Sample::Int)
}

/// Seconds since 1970 of one of the three forms of RFC 9110 5.6.7.
fn parse_http_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match *words.as_slice() {
        [_, day, month, year, time, "GMT"] if month.len() == 3 => (day, month, year, time),
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let months = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.chunks(3).position(|known| known == month.as_bytes())?;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let mut year_number: i64 = year.parse().ok().filter(|year| (0..=9999).contains(year))?;
    if year.len() == 2 {
        year_number += if year_number < 70 { 2000 } else { 1900 };
    }
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    let month = i64::try_from(month).ok()? + 1;
    let days = days_since_1970(year_number, month, day);
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days are counted in eras of 400 years that begin on 1 March, year 0.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms_of_dates() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_http_date(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 28:49:37 GMT"), None);
        assert_eq!(parse_http_date(""), None);
    }
}
