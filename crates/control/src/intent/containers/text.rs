//! Configuration text of which every word remembers who asked for it.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use config::SectionKind;
use config::text::lex;

use super::said::{By, Said};

/// Lines being written, in pieces that can be read one by one.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    /// From which byte of its line on whose words stand; the speakers without what they said.
    marks: Vec<(usize, Said)>,
    /// For each line: where it begins, and its first mark.
    lines: Vec<(usize, usize)>,
    pieces: Vec<(Kind, usize)>,
    /// Where words stand that nobody has taken apart.
    free: Vec<Range<usize>>,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What all proxies share.
    Prelude,
    /// The first lines of a proxy.
    Head,
    /// One line of the proxy above, of which there are many of a kind: a server, or a route.
    Item,
    /// What follows the items of a proxy.
    Tail,
}

impl Text {
    /// A line of ours.
    pub fn ours(&mut self, line: &str) {
        self.begin("");
        self.words(line);
        self.end();
    }

    /// A line that somebody asked for.
    pub fn theirs(&mut self, said: &Said) {
        self.begin("    ");
        self.said(said);
        self.end();
    }

    /// The next line begins a piece.
    pub fn piece(&mut self, kind: Kind) {
        self.pieces.push((kind, self.lines.len()));
    }

    /// Begins a line.
    pub fn begin(&mut self, indent: &str) {
        self.lines.push((self.text.len(), self.marks.len()));
        self.text.push_str(indent);
    }

    /// Words of ours.
    pub fn words(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Words of ours.
    pub fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(text);
    }

    /// Words of somebody, as they are.
    pub fn said(&mut self, said: &Said) {
        self.speaks(said);
        let from = self.text.len();
        self.text.push_str(&said.text);
        self.free.push(from..self.text.len());
    }

    /// The words that follow are there because somebody asked for them.
    pub fn speaks(&mut self, said: &Said) {
        self.speaks_by(&said.by, &said.label);
    }

    /// The same for what nobody has put into words.
    pub fn speaks_by(&mut self, by: &By, label: &Arc<str>) {
        let at = self.text.len() - self.lines.last().map_or(0, |(start, _)| *start);
        let (by, label, text) = (by.clone(), Arc::clone(label), String::new());
        self.marks.push((at, Said { by, label, text }));
    }

    /// Ends a line.
    pub fn end(&mut self) {
        self.text.push('\n');
    }

    /// The text so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many lines there are.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// Words that nobody has taken apart.
    pub fn free(&self) -> impl Iterator<Item = &str> {
        self.free.iter().map(|range| &self.text[range.clone()])
    }

    /// What each piece is.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.pieces.iter().map(|(kind, _)| *kind)
    }

    /// The text of a piece, by number.
    pub fn piece_text(&self, piece: usize) -> &str {
        let lines = self.piece_lines(piece);
        let start = |line: usize| self.lines.get(line).map_or(self.text.len(), |(at, _)| *at);
        &self.text[start(lines.start)..start(lines.end)]
    }

    /// Whether two pieces hold the same words of the same speakers.
    pub fn same_piece(&self, piece: usize, other: &Self, theirs: usize) -> bool {
        self.piece_text(piece) == other.piece_text(theirs)
            && self.piece_marks(piece) == other.piece_marks(theirs)
    }

    /// Takes a piece of another text.
    pub fn append(&mut self, other: &Self, piece: usize) {
        for line in other.piece_lines(piece) {
            self.lines.push((self.text.len(), self.marks.len()));
            self.marks.extend_from_slice(other.line_marks(line));
            let end = other.lines.get(line + 1).map_or(other.text.len(), |(at, _)| *at);
            self.text.push_str(&other.text[other.lines[line].0..end]);
        }
    }

    /// Numbers of the lines of a piece, from 0.
    pub fn piece_lines(&self, piece: usize) -> Range<usize> {
        let line = |n: usize| self.pieces.get(n).map_or(self.lines.len(), |(_, line)| *line);
        line(piece)..line(piece + 1)
    }

    fn piece_marks(&self, piece: usize) -> &[(usize, Said)] {
        let lines = self.piece_lines(piece);
        let mark = |line: usize| self.lines.get(line).map_or(self.marks.len(), |(_, mark)| *mark);
        &self.marks[mark(lines.start)..mark(lines.end)]
    }

    fn line_marks(&self, line: usize) -> &[(usize, Said)] {
        let mark = |line: usize| self.lines.get(line).map_or(self.marks.len(), |(_, mark)| *mark);
        &self.marks[mark(line)..mark(line + 1)]
    }

    /// Whoever speaks at a place; where nobody does, the first who speaks after it in its section.
    pub fn speaker_near(&self, line: u32, column: u32) -> Option<&Said> {
        let at = self.speaker(line, column);
        at.or_else(|| {
            let after = (line as usize..self.lines.len())
                .take_while(|n| self.text[self.lines[*n].0..].starts_with(' '));
            after.flat_map(|n| self.line_marks(n)).next().map(|(_, said)| said)
        })
    }

    /// Who asked for what stands at a line and column, both from 1.
    pub fn speaker(&self, line: u32, column: u32) -> Option<&Said> {
        let marks = self.line_marks((line as usize).checked_sub(1)?);
        let at = column as usize;
        let before = marks.iter().rev().find(|(from, _)| *from < at);
        before.or(marks.first()).map(|(_, said)| said)
    }
}

/// A text without variables.
struct NoVariables;

impl lex::Variables for NoVariables {
    fn variable(&self, _: &str) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

/// Why a line that somebody asked for cannot stand inside a section.
pub fn line_fault(line: &str) -> Option<String> {
    if line.ends_with('\\') {
        return Some("a line may not end in a backslash".to_owned());
    }
    let mut words = Vec::new();
    if let Err(e) = lex::split(line, &NoVariables, &mut words) {
        return Some(format!("{} in '{}'", e.kind.reason(), super::route::shown(line)));
    }
    let first = words.first()?;
    let (start, len) = (first.start as usize, first.len as usize);
    let raw = line.get(start..start + len).unwrap_or_default();
    let word = first.expanded.as_ref().map_or(raw, |e| &e.text);
    if raw.starts_with('.') {
        return Some(format!("'{}' is for files alone", super::route::shown(raw)));
    }
    SectionKind::from_keyword(word)
        .map(|_| format!("'{word}' would begin a section: only lines of this one are taken"))
}

/// The problem of a line, if it has one.
pub fn check(said: &Said) -> Result<(), super::Problem> {
    match line_fault(&said.text) {
        None => Ok(()),
        Some(reason) => Err(said.problem(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(label: &str, text: &str) -> Said {
        Said { by: By::Balancer, label: label.into(), text: text.to_owned() }
    }

    #[test]
    fn every_word_knows_its_speaker() {
        let mut text = Text::default();
        text.ours("backend b");
        text.begin("    ");
        text.words("server a 10.0.0.1:80 ");
        text.said(&said("HEALTH_CHECK", "check inter x"));
        text.words(" ");
        text.said(&said("EXTRA", "maxconn y"));
        text.end();
        let at = |line: usize, word: &str| {
            let full = text.as_str().lines().nth(line - 1).expect("a line");
            let column = full.find(word).expect("a word") + 1;
            text.speaker(line as u32, column as u32).map(|s| s.label.to_string())
        };
        assert_eq!(at(1, "backend"), None);
        let near = text.speaker_near(1, 1).map(|s| s.label.to_string());
        assert_eq!(near.as_deref(), Some("HEALTH_CHECK"), "the first of the section");
        assert_eq!(at(2, "inter").as_deref(), Some("HEALTH_CHECK"));
        assert_eq!(at(2, "maxconn").as_deref(), Some("EXTRA"));
        assert_eq!(at(2, "server").as_deref(), Some("HEALTH_CHECK"), "the first who spoke");
    }

    #[test]
    fn no_line_leaves_its_section() {
        for bad in ["frontend x", "'global'", "b\"ackend\" y", ".if 1", "x\\", "'x"] {
            assert!(line_fault(bad).is_some(), "{bad}");
        }
        assert_eq!(line_fault("option httpclose"), None);
        assert_eq!(line_fault(""), None);
    }
}
