//! Turning pieces into text for one subject.
use std::io::Write;
use std::net::IpAddr;

use super::clock::{Civil, short, zone};
use super::variables::{DateKind, Facts, Field};
use super::{Flags, Inner, Piece, Style};
use crate::casts;
use crate::sample::{Fetch, Sample};
use crate::subject::{Side, Subject};

pub(super) fn format(format: &Inner, subject: &dyn Subject, out: &mut Vec<u8>) {
    let mut facts = None;
    for piece in &format.pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Expr(item, expr) => match expr.eval(subject) {
                Fetch::Is(sample) => self::sample(&sample, item.flags, format.style, out),
                Fetch::Missing | Fetch::NotYet => absent(item.flags, format.style, out),
            },
            Piece::Variable(item, variable) => {
                let facts = facts.get_or_insert_with(|| Facts {
                    subject,
                    log: subject.log().copied().unwrap_or_default(),
                });
                let mut line =
                    Line { flags: item.flags, style: format.style, subject, out: &mut *out };
                line.field((variable.field)(facts));
            }
        }
    }
}

/// Appends a sample as an expression's result.
fn sample(sample: &Sample<'_>, flags: Flags, style: Style, out: &mut Vec<u8>) {
    match sample {
        Sample::Str(bytes) | Sample::Method(bytes) => string(bytes, flags, style, out),
        Sample::Bin(bytes) if flags.bin => out.extend_from_slice(bytes),
        Sample::Bin(bytes) => {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            string(bytes.get(..end).unwrap_or_default(), flags, style, out);
        }
        other => {
            quote(flags, out);
            casts::print(other, out);
            quote(flags, out);
        }
    }
}

fn quote(flags: Flags, out: &mut Vec<u8>) {
    if flags.quote {
        out.push(b'"');
    }
}

/// What stands for a missing item.
fn absent(flags: Flags, style: Style, out: &mut Vec<u8>) {
    quote(flags, out);
    if style == Style::Log {
        out.push(b'-');
    }
    quote(flags, out);
}

fn string(text: &[u8], flags: Flags, style: Style, out: &mut Vec<u8>) {
    if text.is_empty() {
        return absent(flags, style, out);
    }
    quote(flags, out);
    if flags.bin {
        out.extend_from_slice(text);
    } else {
        escaped(text, flags, style, out);
    }
    quote(flags, out);
}

/// Appends text so that it can't break a line or a header.
fn escaped(text: &[u8], flags: Flags, style: Style, out: &mut Vec<u8>) {
    let safe = |byte: u8| match style {
        Style::Log => (32..127).contains(&byte) && !matches!(byte, b'#' | b'"'),
        Style::Http => !matches!(byte, 0 | b'\r' | b'\n'),
    };
    for &byte in text {
        if flags.escape && matches!(byte, b'"' | b'\\' | b']') {
            out.extend([b'\\', byte]);
        } else if safe(byte) {
            out.push(byte);
        } else {
            let mark = if style == Style::Log { b'#' } else { b'%' };
            let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
            out.extend([mark, digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

struct Line<'l> {
    flags: Flags,
    style: Style,
    subject: &'l dyn Subject,
    out: &'l mut Vec<u8>,
}

impl Line<'_> {
    fn field(&mut self, field: Field<'_>) {
        match field {
            Field::Absent => absent(self.flags, self.style, self.out),
            Field::Text(text) => string(&text, self.flags, self.style, self.out),
            Field::Number(number) => self.number(number),
            Field::Growing(number, early) => {
                if early {
                    self.out.push(b'+');
                }
                self.number(number);
            }
            Field::Hexable(number) if self.flags.hex => self.print(format_args!("{number:04X}")),
            Field::Hexable(number) => self.number(number),
            Field::Port(port) if self.flags.hex => self.print(format_args!("{port:04X}")),
            Field::Port(port) => self.number(port.into()),
            Field::Ip(ip) => self.ip(ip),
            Field::Date(kind, micros) => self.date(kind, micros),
            Field::Captures(side, list) => self.captures(side, list),
        }
    }

    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a vector cannot fail.
        let _ = self.out.write_fmt(text);
    }

    fn number(&mut self, number: i64) {
        self.print(format_args!("{number}"));
    }

    fn ip(&mut self, ip: IpAddr) {
        quote(self.flags, self.out);
        match ip {
            IpAddr::V4(ip) if self.flags.hex => self.print(format_args!("{:08X}", u32::from(ip))),
            IpAddr::V6(ip) if self.flags.hex => self.print(format_args!("{:032X}", u128::from(ip))),
            ip => self.print(format_args!("{ip}")),
        }
        quote(self.flags, self.out);
    }

    fn date(&mut self, kind: DateKind, micros: i64) {
        let offset = match kind {
            DateKind::Utc => 0,
            DateKind::Local | DateKind::LocalMillis => self.subject.process().utc_offset_s,
        };
        let date = Civil::at(micros, offset);
        let month = short(date.month_name());
        let (day, year) = (date.day, date.year);
        let (hour, minute, second) = (date.hour, date.minute, date.second);
        self.print(format_args!("{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02}"));
        if kind == DateKind::LocalMillis {
            let millis = date.micros / 1_000;
            self.print(format_args!(".{millis:03}"));
        } else {
            self.out.push(b' ');
            // Writing to a vector cannot fail.
            let _ = zone(offset, self.out);
        }
    }

    /// `{first|second}`, or each on its own for CLF.
    fn captures(&mut self, side: Side, list: bool) {
        let count = self.subject.captures(side);
        if count == 0 {
            return;
        }
        if !list {
            quote(self.flags, self.out);
            self.out.push(b'{');
        }
        for nth in 0..count {
            if nth > 0 {
                self.out.push(if list { b' ' } else { b'|' });
            }
            let value = self.subject.capture(side, nth).unwrap_or_default();
            if list {
                string(value, self.flags, self.style, self.out);
            } else {
                captured(value, self.flags, self.style, self.out);
            }
        }
        if !list {
            self.out.push(b'}');
            quote(self.flags, self.out);
        }
    }
}

/// A captured header between bars: braces and bars are escaped too.
fn captured(text: &[u8], flags: Flags, style: Style, out: &mut Vec<u8>) {
    for part in text.chunk_by(|a, b| is_bar(*a) == is_bar(*b)) {
        if part.first().is_some_and(|b| is_bar(*b)) && style == Style::Log {
            for byte in part {
                // Writing to a vector cannot fail.
                let _ = write!(out, "#{byte:02X}");
            }
        } else {
            escaped(part, flags, style, out);
        }
    }
}

fn is_bar(byte: u8) -> bool {
    matches!(byte, b'{' | b'|' | b'}')
}
