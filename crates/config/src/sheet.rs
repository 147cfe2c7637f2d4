//! Sections as words that can be changed, and back to text.

use std::fmt::Write;

use crate::ast::{Ast, Line};
use crate::keyword::{Context, named};
use crate::source::FileId;
use crate::text::quote::quote;

/// A section: its opening line and the lines below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Words of the opening line.
    pub header: Vec<Vec<u8>>,
    /// The lines below it.
    pub lines: Vec<SheetLine>,
}

/// A line of a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetLine {
    /// Its words, the keyword first.
    pub words: Vec<Vec<u8>>,
    /// A remark behind it.
    pub note: Option<String>,
    /// It stands there as a remark alone.
    pub muted: bool,
    /// Where it was written.
    pub place: Option<(FileId, u32)>,
}

impl SheetLine {
    /// A line of these words.
    pub fn new(words: &[&str]) -> Self {
        let words = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        Self { words, ..Self::default() }
    }

    fn of(line: Line<'_>) -> Self {
        let words = line.words().map(|w| w.bytes().to_vec()).collect();
        Self { words, place: Some((line.file(), line.number())), ..Self::default() }
    }

    /// The word at a position; empty where there is none or it is no text.
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).and_then(|w| std::str::from_utf8(w).ok()).unwrap_or("")
    }

    /// Whether it begins with these words.
    pub fn is(&self, keyword: &str) -> bool {
        !self.muted && keyword.split(' ').enumerate().all(|(at, word)| self.word(at) == word)
    }

    /// How many words of a `server`, `server-template` or `bind` line stand before its options,
    /// and what the options are.
    fn options(&self) -> Option<(usize, Context)> {
        match self.word(0) {
            "bind" => Some((2, Context::Bind)),
            "server" => Some((3, Context::Server)),
            "server-template" => Some((4, Context::Server)),
            _ => None,
        }
    }

    /// Position of an option, and how many words it has.
    pub fn option(&self, name: &str) -> Option<(usize, usize)> {
        let (mut at, context) = self.options()?;
        while at < self.words.len() {
            let word = self.word(at);
            let len = 1 + named(context, word).map_or(0, |k| usize::from(k.min_args));
            if word == name {
                return Some((at, len.min(self.words.len() - at)));
            }
            at += len;
        }
        None
    }

    /// Takes an option away; whether it was there.
    pub fn drop_option(&mut self, name: &str) -> bool {
        let mut was = false;
        while let Some((at, len)) = self.option(name) {
            self.words.drain(at..at + len);
            was = true;
        }
        was
    }

    /// Gives an option another value, or puts it at the end.
    pub fn set_option(&mut self, name: &str, value: &str) {
        self.drop_option(name);
        self.words.extend([name, value].map(|w| w.as_bytes().to_vec()));
    }

    /// Puts a remark behind it, after those that are there.
    pub fn remark(&mut self, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match &mut self.note {
            Some(note) => note.extend(["; ", &text]),
            None => self.note = Some(text),
        }
    }

    fn print(&self, out: &mut String) {
        let words: Vec<String> = self.words.iter().map(|w| quote(w)).collect();
        let mute = if self.muted { "# " } else { "" };
        let _ = write!(out, "    {mute}{}", words.join(" "));
        if let Some(note) = &self.note {
            let _ = write!(out, "    # {note}");
        }
        out.push('\n');
    }
}

impl Sheet {
    /// All sections of a tree, in order.
    pub fn all(ast: &Ast) -> Vec<Self> {
        let sheet = |section: crate::ast::Section<'_>| Self {
            header: section.header().words().map(|w| w.bytes().to_vec()).collect(),
            lines: section.lines().map(SheetLine::of).collect(),
        };
        ast.sections().map(sheet).collect()
    }

    /// A section of these words, without lines.
    pub fn new(header: &[&str]) -> Self {
        Self { header: SheetLine::new(header).words, lines: Vec::new() }
    }

    fn header_word(&self, at: usize) -> &str {
        self.header.get(at).and_then(|w| std::str::from_utf8(w).ok()).unwrap_or("")
    }

    /// What opens it: `frontend`, `backend`...
    pub fn keyword(&self) -> &str {
        self.header_word(0)
    }

    /// Its name; empty where it has none.
    pub fn name(&self) -> &str {
        let name = self.header_word(1);
        if self.keyword() == "defaults" && name == "from" { "" } else { name }
    }

    /// The `defaults` that it names.
    pub fn from(&self) -> Option<&str> {
        let at = self.header.iter().skip(1).position(|w| w == b"from")? + 1;
        Some(self.header_word(at + 1))
    }

    /// Whether it has a client side.
    pub fn is_front(&self) -> bool {
        matches!(self.keyword(), "frontend" | "listen")
    }

    /// Whether it has servers.
    pub fn is_back(&self) -> bool {
        matches!(self.keyword(), "backend" | "listen")
    }

    /// Gives a line that may stand once another value, or puts it first.
    pub fn set(&mut self, keyword: &str, value: &str) {
        let at = self.lines.iter().position(|l| l.is(keyword)).unwrap_or(0);
        self.lines.retain(|l| !l.is(keyword));
        let words: Vec<&str> = keyword.split(' ').chain([value]).collect();
        self.lines.insert(at.min(self.lines.len()), SheetLine::new(&words));
    }

    /// The section as text.
    pub fn print(&self, out: &mut String) {
        let words: Vec<String> = self.header.iter().map(|w| quote(w)).collect();
        let _ = writeln!(out, "{}", words.join(" "));
        self.lines.iter().for_each(|line| line.print(out));
    }
}

/// Every section of a tree as text: variables resolved, older spellings in today's, without
/// remarks.
pub fn print(ast: &Ast) -> String {
    let mut out = String::new();
    for sheet in Sheet::all(ast) {
        if !out.is_empty() {
            out.push('\n');
        }
        sheet.print(&mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> SheetLine {
        SheetLine::new(&text.split(' ').collect::<Vec<_>>())
    }

    fn text(line: &SheetLine) -> String {
        let mut out = String::new();
        line.print(&mut out);
        out.trim().to_owned()
    }

    #[test]
    fn an_option_is_told_from_a_value_that_reads_like_one() {
        let mut server = line("server a 127.0.0.1:1 cookie maxconn maxconn 5 check");
        assert_eq!(server.option("maxconn"), Some((5, 2)));
        server.set_option("maxconn", "7");
        assert_eq!(text(&server), "server a 127.0.0.1:1 cookie maxconn check maxconn 7");
        assert!(server.drop_option("check") && !server.drop_option("disabled"));
    }

    #[test]
    fn a_remark_ends_with_its_line() {
        let mut bind = line("bind :80");
        bind.remark("closed\nglobal");
        bind.remark("again");
        bind.muted = true;
        assert_eq!(text(&bind), "# bind :80    # closed global; again");
        assert!(!bind.is("bind"));
    }

    #[test]
    fn a_line_that_stands_once_is_replaced_or_put_first() {
        let mut sheet = Sheet::new(&["frontend", "f", "from", "d"]);
        sheet.lines = vec![line("bind :80"), line("maxconn 1"), line("maxconn 2")];
        sheet.set("maxconn", "9");
        sheet.set("id", "3");
        let mut out = String::new();
        sheet.print(&mut out);
        assert_eq!(out, "frontend f from d\n    id 3\n    bind :80\n    maxconn 9\n");
        assert_eq!((sheet.from(), sheet.is_front(), sheet.is_back()), (Some("d"), true, false));
    }
}
