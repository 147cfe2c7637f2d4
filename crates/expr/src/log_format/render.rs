//! Turning pieces into text for one subject.
use std::io::Write;
use std::net::IpAddr;

use super::clock::{Civil, short, zone};
use super::variables::{DateKind, Facts, Field};
use super::{Encoding, Flags, Inner, Item, Piece, Style, json};
use crate::casts;
use crate::digits::{decimal, padded};
use crate::sample::{Fetch, Sample};
use crate::subject::{Side, Subject};

pub(super) fn format(format: &Inner, subject: &dyn Subject, out: &mut Vec<u8>) {
    let mut facts = None;
    let mut first = true;
    if format.encoding == Encoding::Json {
        out.push(b'{');
    }
    // Log lines begin as if a separator had been printed.
    let mut blank = format.style == Style::Log;
    for piece in &format.pieces {
        let (item, before) = match piece {
            Piece::Text(text) if format.encoding == Encoding::Text => {
                blank = literal(text, format.style, blank, out);
                continue;
            }
            Piece::Text(_) => continue,
            Piece::Expr(item, _) | Piece::Variable(item, _) => (item, out.len()),
        };
        if format.encoding == Encoding::Json && !json::key(item, &mut first, out) {
            continue;
        }
        let mut line = Line { item, style: format.style, subject, out: &mut *out };
        match piece {
            Piece::Text(_) => {}
            Piece::Expr(_, expr) => line.expression(expr.eval(subject)),
            Piece::Variable(_, variable) => {
                let facts = facts.get_or_insert_with(|| Facts {
                    subject,
                    log: subject.log().copied().unwrap_or_default(),
                });
                line.field((variable.field)(facts));
            }
        }
        blank &= out.len() == before;
    }
    if format.encoding == Encoding::Json {
        out.push(b'}');
    }
}

/// Appends text; in logs a separator that follows another is left out. Tells whether the output
/// now ends in a separator.
fn literal(text: &[u8], style: Style, blank: bool, out: &mut Vec<u8>) -> bool {
    if style != Style::Log {
        out.extend_from_slice(text);
        return false;
    }
    let text = match text {
        [b' ', rest @ ..] if blank => rest,
        text => text,
    };
    out.extend_from_slice(text);
    match text.last() {
        Some(byte) => *byte == b' ',
        None => blank,
    }
}

struct Line<'l> {
    item: &'l Item,
    style: Style,
    subject: &'l dyn Subject,
    out: &'l mut Vec<u8>,
}

impl Line<'_> {
    fn flags(&self) -> Flags {
        self.item.flags
    }

    /// Appends the result of an expression.
    fn expression(&mut self, result: Fetch<Sample<'_>>) {
        let flags = self.flags();
        if flags.json {
            return json::sample(self.item, result.found().as_ref(), self.out);
        }
        match result {
            Fetch::Is(Sample::Str(bytes) | Sample::Method(bytes)) => self.sample_text(&bytes),
            Fetch::Is(Sample::Bin(bytes)) if flags.bin => self.out.extend_from_slice(&bytes),
            Fetch::Is(Sample::Bin(bytes)) => {
                let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                self.sample_text(bytes.get(..end).unwrap_or_default());
            }
            Fetch::Is(other) => {
                self.quote();
                casts::print(&other, self.out);
                self.quote();
            }
            Fetch::Missing | Fetch::NotYet => self.absent(),
        }
    }

    fn quote(&mut self) {
        if self.flags().quote {
            self.out.push(b'"');
        }
    }

    /// What stands for a missing item.
    fn absent(&mut self) {
        if self.flags().json {
            json::string(b"", self.flags(), self.out);
        } else if self.flags().quote {
            self.out.extend_from_slice(b"\"\"");
        } else if self.style == Style::Log {
            self.out.push(b'-');
        }
    }

    /// The text of an expression: what could break a log line or a header is escaped.
    fn sample_text(&mut self, text: &[u8]) {
        let unsafe_byte: fn(u8) -> bool = match self.style {
            _ if self.flags().bin => |_| false,
            Style::Log => |b| b < 32 || b == 127,
            Style::Http => |b| (b < 32 && b != b'\t') || b == 127,
            Style::Raw => |_| false,
        };
        self.text(text, unsafe_byte);
    }

    /// The text of a variable.
    fn variable_text(&mut self, text: &[u8]) {
        let unsafe_byte: fn(u8) -> bool = match self.style {
            Style::Log => |b| !(32..127).contains(&b) || matches!(b, b'#' | b'"'),
            Style::Http => |b| (b < 32 && b != b'\t') || b == 127,
            Style::Raw => |_| false,
        };
        self.text(text, unsafe_byte);
    }

    fn text(&mut self, text: &[u8], unsafe_byte: fn(u8) -> bool) {
        if text.is_empty() {
            return self.absent();
        }
        self.quote();
        self.escaped(text, unsafe_byte);
        self.quote();
    }

    fn escaped(&mut self, text: &[u8], unsafe_byte: fn(u8) -> bool) {
        let escape = self.flags().escape;
        if !escape && !text.iter().any(|byte| unsafe_byte(*byte)) {
            return self.out.extend_from_slice(text);
        }
        let mark = if self.style == Style::Log { b'#' } else { b'%' };
        for &byte in text {
            if escape && matches!(byte, b'"' | b'\\' | b']') {
                self.out.extend([b'\\', byte]);
            } else if unsafe_byte(byte) {
                self.out.push(mark);
                self.print(format_args!("{byte:02X}"));
            } else {
                self.out.push(byte);
            }
        }
    }

    fn field(&mut self, field: Field<'_>) {
        let flags = self.flags();
        match field {
            Field::Absent => self.absent(),
            Field::Plain(text) if !flags.json => self.out.extend_from_slice(&text),
            Field::Text(text) | Field::Plain(text) if flags.json => {
                json::string(&text, flags, self.out)
            }
            Field::Text(text) | Field::Plain(text) => self.variable_text(&text),
            Field::State(state, length) => {
                let state = state.get(..length).unwrap_or_default();
                let mark: &[u8] = if flags.json { b"\"" } else { b"" };
                [mark, state, mark].iter().for_each(|part| self.out.extend_from_slice(part));
            }
            Field::Number(number) => self.number(number),
            Field::Growing(number, early) => {
                if early && !flags.json {
                    self.out.push(b'+');
                }
                self.number(number);
            }
            Field::Hexable(number) if flags.hex => self.print(format_args!("{number:04X}")),
            Field::Hexable(number) => self.number(number),
            Field::Port(port) if flags.hex => self.print(format_args!("{port:04X}")),
            Field::Port(port) => self.number(port.into()),
            Field::Ip(ip) => self.ip(ip),
            Field::Date(kind, micros) => {
                let mark = if flags.json { "\"" } else { "" };
                self.out.extend_from_slice(mark.as_bytes());
                self.date(kind, micros);
                self.out.extend_from_slice(mark.as_bytes());
            }
            Field::Captures(side, list) => self.captures(side, list),
        }
    }

    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a vector cannot fail.
        let _ = self.out.write_fmt(text);
    }

    fn number(&mut self, number: i64) {
        if self.flags().json {
            return json::sample(self.item, Some(&Sample::Int(number)), self.out);
        }
        decimal(number, self.out);
    }

    fn ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) if self.flags().hex => self.print(format_args!("{:08X}", u32::from(ip))),
            IpAddr::V6(ip) if self.flags().hex => {
                self.print(format_args!("{:032X}", u128::from(ip)));
            }
            ip => {
                let mark = if self.flags().quote || self.flags().json { "\"" } else { "" };
                self.out.extend_from_slice(mark.as_bytes());
                casts::print(&Sample::from(ip), self.out);
                self.out.extend_from_slice(mark.as_bytes());
            }
        }
    }

    fn date(&mut self, kind: DateKind, micros: i64) {
        let offset = match kind {
            DateKind::Utc => 0,
            DateKind::Local | DateKind::LocalMillis => self.subject.process().utc_offset_s,
        };
        let date = Civil::at(micros, offset);
        let out = &mut *self.out;
        padded(date.day.into(), 2, out);
        out.push(b'/');
        out.extend_from_slice(short(date.month_name()).as_bytes());
        out.push(b'/');
        decimal(date.year, out);
        for part in [date.hour, date.minute, date.second] {
            out.push(b':');
            padded(part.into(), 2, out);
        }
        if kind == DateKind::LocalMillis {
            out.push(b'.');
            padded(date.micros / 1_000, 3, out);
        } else {
            self.out.push(b' ');
            // Writing to a vector cannot fail.
            let _ = zone(offset, self.out);
        }
    }

    /// `{first|second}`, or each on its own for CLF. Nothing if nothing can be captured.
    fn captures(&mut self, side: Side, list: bool) {
        let count = self.subject.captures(side);
        let flags = self.flags();
        if count == 0 {
            if flags.json {
                self.out.extend_from_slice(b"null");
            }
            return;
        }
        let (open, between, close) = match (list, flags.json) {
            (false, true) => ("\"{", "|", "}\""),
            (false, false) if flags.quote => ("\"{", "|", "}\""),
            (false, false) => ("{", "|", "}"),
            (true, true) => ("[", ", ", "]"),
            (true, false) => ("", " ", ""),
        };
        self.print(format_args!("{open}"));
        for nth in 0..count {
            if nth > 0 {
                self.print(format_args!("{between}"));
            }
            match self.subject.capture(side, nth) {
                Some(value) => self.captured(value, list && (flags.quote || flags.json)),
                None if list => self.absent(),
                None => {}
            }
        }
        self.print(format_args!("{close}"));
    }

    /// A captured header: braces and bars are escaped too.
    fn captured(&mut self, text: &[u8], quoted: bool) {
        let mark = if quoted { "\"" } else { "" };
        self.print(format_args!("{mark}"));
        let unsafe_byte: fn(u8) -> bool = match self.style {
            Style::Log => {
                |b| !(32..127).contains(&b) || matches!(b, b'#' | b'"' | b'{' | b'|' | b'}')
            }
            Style::Http => |b| (b < 32 && b != b'\t') || b == 127,
            Style::Raw => |_| false,
        };
        self.escaped(text, unsafe_byte);
        self.print(format_args!("{mark}"));
    }
}
