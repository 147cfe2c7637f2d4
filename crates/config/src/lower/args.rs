//! A cursor over the words of one line, with the complaints that every keyword needs.

use std::time::Duration;

use crate::ast::{Line, Prefix, Word};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::Span;
use crate::text::units::{TimeUnit, UnitError, size_bytes, time_ms};

/// What lowering a line gives; a failure is the line's one alert.
pub(crate) type Outcome<T = ()> = Result<T, Box<Diagnostic>>;

/// An alert at a place.
pub(crate) fn alert(span: Span, reason: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(Severity::Alert, span, reason))
}

/// The words of a line that are still to be read.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a> {
    line: Line<'a>,
    at: usize,
    /// Where the keyword starts that messages name: the line's own or that of an option in it.
    keyword_at: usize,
    prefix: Prefix,
}

impl<'a> Args<'a> {
    /// The words of `line`, which has no prefix any more, after its first `skip`.
    pub(crate) fn new(line: Line<'a>, skip: usize, prefix: Prefix) -> Self {
        Self { line, at: skip, keyword_at: 0, prefix }
    }

    /// Whether `no` stands before the keyword.
    pub(crate) fn is_negated(&self) -> bool {
        self.prefix == Prefix::No
    }

    /// What a switch becomes: on, off after `no`, and `default` after `default`.
    pub(crate) fn switch(&self, default: bool) -> bool {
        match self.prefix {
            Prefix::None => true,
            Prefix::No => false,
            Prefix::Default => default,
        }
    }

    /// The word that the keyword's name ends with; `http-request set-var(txn.x)` has its
    /// parameter there.
    pub(crate) fn name_word(&self) -> Option<Word<'a>> {
        self.line.word(self.at.checked_sub(1)?)
    }

    /// The line.
    pub(crate) fn line(&self) -> Line<'a> {
        self.line
    }

    /// The keyword as a user would name it: the words read since it began.
    pub(crate) fn keyword(&self) -> String {
        let count = self.at.saturating_sub(self.keyword_at).max(1);
        let words = self.line.words().skip(self.keyword_at).take(count);
        words.map(|word| word.value()).collect::<Vec<_>>().join(" ")
    }

    /// The word read last begins an option of its own; messages name that from here on.
    pub(crate) fn begin_option(&mut self) {
        self.keyword_at = self.at.saturating_sub(1);
    }

    /// The word to be read next begins what messages name.
    pub(crate) fn begin_here(&mut self) {
        self.keyword_at = self.at;
    }

    /// The next word's value without reading it; empty at the end.
    pub(crate) fn peek(&self) -> &'a str {
        self.line.value(self.at)
    }

    /// The next word without reading it.
    pub(crate) fn peek_word(&self) -> Option<Word<'a>> {
        self.line.word(self.at)
    }

    /// Reads the next word.
    pub(crate) fn next(&mut self) -> Option<Word<'a>> {
        let word = self.line.word(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// Reads the next word if it is `text`.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        let hit = self.line.word(self.at).is_some_and(|word| word.value() == text);
        self.at += usize::from(hit);
        hit
    }

    /// Reads `count` words.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.line.len());
    }

    /// Whether every word was read.
    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.line.len()
    }

    /// The words not read yet.
    pub(crate) fn rest(&self) -> impl Iterator<Item = Word<'a>> + use<'a> {
        let line = self.line;
        (self.at..line.len()).filter_map(move |at| line.word(at))
    }

    /// The last word read, or the place behind the line when nothing was.
    pub(crate) fn last_span(&self) -> Span {
        match self.at.checked_sub(1).and_then(|at| self.line.word(at)) {
            Some(word) => word.span(),
            None => self.line.end(),
        }
    }

    /// Where the next word is, or the place behind the line.
    pub(crate) fn span(&self) -> Span {
        self.peek_word().map_or_else(|| self.line.end(), |word| word.span())
    }

    /// From the next word to the end of the line.
    pub(crate) fn rest_span(&self) -> Span {
        match (self.peek_word(), self.line.word(self.line.len().saturating_sub(1))) {
            (Some(first), Some(last)) => first.span().to(last.span()),
            _ => self.line.end(),
        }
    }

    /// The next word, which must be there: `what` says what is missing.
    pub(crate) fn require(&mut self, what: &str) -> Outcome<Word<'a>> {
        match self.next() {
            Some(word) => Ok(word),
            None => Err(alert(self.line.end(), format!("'{}' expects {what}", self.keyword()))),
        }
    }

    /// The next word's value, which must be there and not empty.
    pub(crate) fn text(&mut self, what: &str) -> Outcome<&'a str> {
        let before = *self;
        let word = self.require(what)?;
        match word.value() {
            "" => Err(alert(
                word.span(),
                format!("'{}' expects {what}, not an empty word", before.keyword()),
            )),
            text => Ok(text),
        }
    }

    /// A header name: a token of RFC 9110.
    pub(crate) fn header(&mut self) -> Outcome<model::FieldName> {
        let before = *self;
        let word = self.require("a header name")?;
        header_name(word, word.value()).map_err(|mut found| {
            found.reason = format!("'{}': {}", before.keyword(), found.reason);
            found
        })
    }

    /// A whole number within `range`.
    pub(crate) fn number(&mut self, range: std::ops::RangeInclusive<i64>) -> Outcome<i64> {
        let before = *self;
        let word = self.require("a number")?;
        let text = word.value();
        let number: i64 = text.parse().map_err(|_| {
            let keyword = before.keyword();
            alert(word.span(), format!("'{keyword}' expects a number, not '{text}'"))
        })?;
        if range.contains(&number) {
            return Ok(number);
        }
        let (from, to) = (range.start(), range.end());
        let bounds = match (*from, *to) {
            (from, i64::MAX) => format!("at least {from}"),
            (from, to) => format!("between {from} and {to}"),
        };
        let keyword = before.keyword();
        Err(alert(word.span(), format!("'{keyword}' must be {bounds}, not {number}")))
    }

    /// A number that fits 32 bits, at least `from`.
    pub(crate) fn u32_from(&mut self, from: u32) -> Outcome<u32> {
        let number = self.number(i64::from(from)..=i64::from(u32::MAX))?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A port, 1 to 65535.
    pub(crate) fn port(&mut self) -> Outcome<u16> {
        let number = self.number(1..=65_535)?;
        Ok(u16::try_from(number).unwrap_or(u16::MAX))
    }

    /// A size in bytes.
    pub(crate) fn size(&mut self) -> Outcome<u64> {
        let before = *self;
        let word = self.require("a size in bytes")?;
        size_bytes(word.value())
            .map_err(|error| bad_unit(word, &before.keyword(), error, "k, m and g"))
    }

    /// A time; a bare number counts in `bare`.
    pub(crate) fn time(
        &mut self,
        bare: TimeUnit,
        diagnostics: &mut Diagnostics,
    ) -> Outcome<Duration> {
        let before = *self;
        let word = self.require(match bare {
            TimeUnit::S => "a time (a bare number counts seconds)",
            _ => "a time (a bare number counts milliseconds)",
        })?;
        let text = word.value();
        let time = time_ms(text, bare)
            .map_err(|error| bad_unit(word, &before.keyword(), error, "us, ms, s, m, h and d"))?;
        if let Some((at, c)) = time.trailing {
            let reason = format!("unexpected character '{c}' after the time '{text}'");
            let kept = text.get(..at).unwrap_or(text);
            diagnostics.push(
                Diagnostic::new(Severity::Warning, word.span_of(at, text.len() - at), reason)
                    .hint(format!("it is read as '{kept}'; units are us, ms, s, m, h and d")),
            );
        }
        Ok(Duration::from_millis(time.value))
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Outcome {
        match self.peek_word() {
            None => Ok(()),
            Some(word) => Err(alert(
                word.span(),
                format!("'{}' takes nothing more, but '{}' follows", self.keyword(), word.value()),
            )),
        }
    }

    /// The complaint about the word read last: `what` was expected in its place.
    pub(crate) fn unexpected(&self, what: &str) -> Box<Diagnostic> {
        let at = self.at.saturating_sub(1);
        let found = self.line.value(at);
        let reason = match at > self.keyword_at {
            true => {
                let keyword = Self { at, ..*self }.keyword();
                format!("'{keyword}' expects {what}, not '{found}'")
            }
            false => format!("'{found}' is unknown here: expected is {what}"),
        };
        alert(self.last_span(), reason)
    }
}

fn bad_unit(word: Word<'_>, keyword: &str, error: UnitError, units: &str) -> Box<Diagnostic> {
    let text = word.value();
    let at = error.offset();
    let reason = format!("'{keyword}': '{text}': {error}");
    let mut found = alert(word.span_of(at, text.len() - at), reason);
    match error {
        UnitError::UnknownUnit(..) => found.hint = Some(format!("units are {units}")),
        UnitError::Overflow if units.contains("ms") => {
            found.hint = Some("the longest time is 2147483647 ms, about 24.8 days".to_owned());
        }
        _ => {}
    }
    found
}

/// The header name that `text`, a part of the word, is.
pub(crate) fn header_name(word: Word<'_>, text: &str) -> Outcome<model::FieldName> {
    model::FieldName::new(text.as_bytes())
        .ok_or_else(|| alert(word.span(), format!("'{text}' is not a header name")))
}
