//! Headers that stand before a log line on the wire (RFC 3164, RFC 5424, and HAProxy's others).

use std::io::Write;

use model::LogWireFormat;

/// What a header says about when and who.
pub struct Stamp<'a> {
    /// Microseconds since 1970.
    pub wall_us: i64,
    /// Seconds that local time is ahead of UTC.
    pub utc_offset_s: i32,
    /// Host name, empty for none.
    pub hostname: &'a str,
    /// Process name (`log-tag`).
    pub tag: &'a str,
    /// Process id.
    pub pid: u32,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Date {
    year: i64,
    month: usize,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
}

/// Civil date of microseconds since 1970 (days-from-civil algorithm, proleptic Gregorian).
fn date(us: i64) -> Date {
    let seconds = us.div_euclid(1_000_000);
    let days = seconds.div_euclid(86_400);
    let of_day = seconds.rem_euclid(86_400) as u32;
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    Date {
        year: yoe + era * 400 + i64::from(month <= 2),
        month: (month - 1) as usize,
        day: (doy - (153 * mp + 2) / 5 + 1) as u32,
        hour: of_day / 3600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
        micros: us.rem_euclid(1_000_000) as u32,
    }
}

fn rfc3164_date(out: &mut Vec<u8>, stamp: &Stamp<'_>) {
    let d = date(stamp.wall_us + i64::from(stamp.utc_offset_s) * 1_000_000);
    let month = MONTHS.get(d.month).copied().unwrap_or("Jan");
    let _ = write!(out, "{month} {:2} {:02}:{:02}:{:02} ", d.day, d.hour, d.minute, d.second);
}

fn iso_date(out: &mut Vec<u8>, stamp: &Stamp<'_>) {
    let d = date(stamp.wall_us + i64::from(stamp.utc_offset_s) * 1_000_000);
    let (sign, offset) = match stamp.utc_offset_s {
        o if o < 0 => ('-', o.unsigned_abs()),
        o => ('+', o.unsigned_abs()),
    };
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{sign}{:02}:{:02} ",
        d.year,
        d.month + 1,
        d.day,
        d.hour,
        d.minute,
        d.second,
        d.micros,
        offset / 3600,
        offset / 60 % 60
    );
}

/// Appends what stands before the text for this format, facility and level.
pub fn write_header(
    out: &mut Vec<u8>,
    format: LogWireFormat,
    facility: u8,
    level: u8,
    stamp: &Stamp<'_>,
) {
    let priority = u32::from(facility) * 8 + u32::from(level);
    let who = |out: &mut Vec<u8>| {
        let _ = write!(out, "{}[{}]: ", stamp.tag, stamp.pid);
    };
    match format {
        LogWireFormat::Raw => {}
        LogWireFormat::Short => {
            let _ = write!(out, "<{level}>");
        }
        LogWireFormat::Priority => {
            let _ = write!(out, "<{priority}>");
        }
        LogWireFormat::Timed => {
            let _ = write!(out, "<{level}>");
            rfc3164_date(out, stamp);
        }
        LogWireFormat::Iso => {
            iso_date(out, stamp);
        }
        LogWireFormat::Local => {
            let _ = write!(out, "<{priority}>");
            rfc3164_date(out, stamp);
            who(out);
        }
        LogWireFormat::Rfc3164 => {
            let _ = write!(out, "<{priority}>");
            rfc3164_date(out, stamp);
            if !stamp.hostname.is_empty() {
                let _ = write!(out, "{} ", stamp.hostname);
            }
            who(out);
        }
        LogWireFormat::Rfc5424 => {
            let _ = write!(out, "<{priority}>1 ");
            iso_date(out, stamp);
            let host = if stamp.hostname.is_empty() { "-" } else { stamp.hostname };
            let _ = write!(out, "{host} {} {} - - ", stamp.tag, stamp.pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(format: LogWireFormat) -> String {
        let stamp = Stamp {
            wall_us: 951_827_696_123_456, // 29 February 2000
            utc_offset_s: 3600,
            hostname: "box",
            tag: "evenkeel",
            pid: 7,
        };
        let mut out = Vec::new();
        write_header(&mut out, format, 16, 6, &stamp);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn headers_by_format() {
        assert_eq!(header(LogWireFormat::Raw), "");
        assert_eq!(header(LogWireFormat::Rfc3164), "<134>Feb 29 13:34:56 box evenkeel[7]: ");
        assert_eq!(header(LogWireFormat::Local), "<134>Feb 29 13:34:56 evenkeel[7]: ");
        assert_eq!(
            header(LogWireFormat::Rfc5424),
            "<134>1 2000-02-29T13:34:56.123456+01:00 box evenkeel 7 - - "
        );
        assert_eq!(header(LogWireFormat::Short), "<6>");
    }
}
