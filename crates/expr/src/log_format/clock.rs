//! Dates out of microseconds since 1970: the calendar, and strftime's conversions in English.
use std::io::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A moment in the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// 1 to 12
    pub(crate) month: u8,
    /// 1 to 31
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    pub(crate) micros: u32,
    /// 0 is Sunday
    pub(crate) weekday: u8,
    /// 1 to 366
    pub(crate) yearday: u16,
    /// Seconds ahead of UTC.
    pub(crate) offset_s: i32,
    /// Seconds since 1970.
    pub(crate) unix_s: i64,
}

impl Civil {
    /// The calendar at a place `offset_s` seconds ahead of UTC.
    pub(crate) fn at(micros: i64, offset_s: i32) -> Self {
        let unix_s = micros.div_euclid(1_000_000);
        let local = unix_s.saturating_add(i64::from(offset_s));
        let days = local.div_euclid(86_400);
        let rest = local.rem_euclid(86_400);
        // Days are counted in eras of 400 years that begin on 1 March, year 0.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let yearday = match month {
            1 | 2 => day_of_year - 305,
            _ => day_of_year + 60 + i64::from(leap),
        };
        Self {
            year,
            month: month as u8,
            day: day as u8,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            micros: micros.rem_euclid(1_000_000) as u32,
            weekday: (days + 4).rem_euclid(7) as u8,
            yearday: yearday.max(1) as u16,
            offset_s,
            unix_s,
        }
    }

    pub(crate) fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month.saturating_sub(1))).copied().unwrap_or("")
    }

    pub(crate) fn day_name(&self) -> &'static str {
        DAYS.get(usize::from(self.weekday)).copied().unwrap_or("")
    }
}

/// The first letters of a name.
pub(crate) fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

/// Appends the date as `format` says. `%N` gives nanoseconds, `%3N` milliseconds.
pub(crate) fn strftime(format: &[u8], date: &Civil, out: &mut Vec<u8>) {
    let mut bytes = format.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            None => out.push(b'%'),
            Some(b'N') => nanos(9, date, out),
            Some(digit @ b'1'..=b'9') => {
                let rest = bytes.clone();
                if bytes.next() == Some(b'N') {
                    nanos(usize::from(digit - b'0'), date, out);
                } else {
                    bytes = rest;
                    out.extend([b'%', digit]);
                }
            }
            Some(conversion) => one(conversion, date, out),
        }
    }
}

/// The first digits of the nanoseconds.
fn nanos(digits: usize, date: &Civil, out: &mut Vec<u8>) {
    let text = format!("{:06}000", date.micros);
    out.extend_from_slice(text.as_bytes().get(..digits).unwrap_or_default());
}

fn one(conversion: u8, date: &Civil, out: &mut Vec<u8>) {
    let hour12 = match date.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let Civil { year, month, day, hour, minute, second, .. } = *date;
    // Writing to a vector cannot fail.
    let _ = match conversion {
        b'Y' => write!(out, "{year}"),
        b'y' => write!(out, "{:02}", year.rem_euclid(100)),
        b'C' => write!(out, "{:02}", year.div_euclid(100)),
        b'm' => write!(out, "{month:02}"),
        b'd' => write!(out, "{day:02}"),
        b'e' => write!(out, "{day:2}"),
        b'H' => write!(out, "{hour:02}"),
        b'k' => write!(out, "{hour:2}"),
        b'I' => write!(out, "{hour12:02}"),
        b'l' => write!(out, "{hour12:2}"),
        b'M' => write!(out, "{minute:02}"),
        b'S' => write!(out, "{second:02}"),
        b'p' => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
        b'P' => write!(out, "{}", if hour < 12 { "am" } else { "pm" }),
        b'j' => write!(out, "{:03}", date.yearday),
        b'u' => write!(out, "{}", if date.weekday == 0 { 7 } else { date.weekday }),
        b'w' => write!(out, "{}", date.weekday),
        b'a' => write!(out, "{}", short(date.day_name())),
        b'A' => write!(out, "{}", date.day_name()),
        b'b' | b'h' => write!(out, "{}", short(date.month_name())),
        b'B' => write!(out, "{}", date.month_name()),
        b's' => write!(out, "{}", date.unix_s),
        b'U' => write!(out, "{:02}", (date.yearday + 6 - u16::from(date.weekday)) / 7),
        b'W' => {
            let since_monday = (u16::from(date.weekday) + 6) % 7;
            write!(out, "{:02}", (date.yearday + 6 - since_monday) / 7)
        }
        b'z' => zone(date.offset_s, out),
        b'Z' => write!(out, "{}", if date.offset_s == 0 { "UTC" } else { "" }),
        b'n' => out.write_all(b"\n"),
        b't' => out.write_all(b"\t"),
        b'%' => out.write_all(b"%"),
        b'D' | b'x' => write!(out, "{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
        b'F' => write!(out, "{year}-{month:02}-{day:02}"),
        b'T' | b'X' => write!(out, "{hour:02}:{minute:02}:{second:02}"),
        b'R' => write!(out, "{hour:02}:{minute:02}"),
        b'r' => {
            let half = if hour < 12 { "AM" } else { "PM" };
            write!(out, "{hour12:02}:{minute:02}:{second:02} {half}")
        }
        b'c' => {
            let (weekday, month) = (short(date.day_name()), short(date.month_name()));
            write!(out, "{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
        }
        other => {
            out.extend([b'%', other]);
            Ok(())
        }
    };
}

/// `+0100`.
pub(crate) fn zone(offset_s: i32, out: &mut Vec<u8>) -> std::io::Result<()> {
    let sign = if offset_s < 0 { '-' } else { '+' };
    let minutes = offset_s.unsigned_abs() / 60;
    write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        let text = |micros, format: &str| {
            let mut out = Vec::new();
            strftime(format.as_bytes(), &Civil::at(micros, 0), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(0, "%a %d %b %Y %T %j"), "Thu 01 Jan 1970 00:00:00 001");
        assert_eq!(text(1_709_164_800_123_456, "%F %j %3N %6N"), "2024-02-29 060 123 123456");
        assert_eq!(text(1_704_067_199_000_000, "%F %j"), "2023-12-31 365");
        assert_eq!(text(1_735_689_599_000_000, "%F %j"), "2024-12-31 366");
        assert_eq!(text(-1_000_000, "%F %T"), "1969-12-31 23:59:59");
    }
}
