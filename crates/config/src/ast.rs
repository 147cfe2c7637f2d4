//! What the files say: sections, lines and words, each with the place it came from.
//!
//! Nodes are numbers into flat tables, and a word is a slice of its file unless quoting, variables
//! or a modernised spelling gave it another value; ten thousand lines cost some hundred kilobytes.
use crate::keyword::Keyword;
use crate::section::SectionKind;
use crate::source::{FileId, Files, SourceFile, Span};
use crate::text::lex::{Expansion, Token};

/// A configuration as text: every section, line and word that is in force.
#[derive(Clone, Debug, Default)]
pub struct Ast {
    files: Files,
    sections: Vec<SectionNode>,
    lines: Vec<LineNode>,
    words: Vec<WordNode>,
    expansions: Vec<Expansion>,
    /// Whether lines may be added to the last section.
    open: bool,
}

#[derive(Clone, Copy, Debug)]
struct SectionNode {
    kind: SectionKind,
    header: LineNode,
    first_line: u32,
    lines: u32,
}

/// A line: where it is and which words it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineNode {
    file: FileId,
    number: u32,
    first_word: u32,
    words: u16,
    modernised: bool,
    /// Words that the keyword's name takes.
    name_words: u8,
    /// Its entry in the keyword table.
    entry: Option<&'static Keyword>,
}

#[derive(Clone, Copy, Debug)]
struct WordNode {
    /// Offset of the first byte in the file.
    start: u32,
    len: u32,
    /// Index into `expansions` plus one; 0 when the value is what is written.
    expanded: u32,
}

/// What stands in front of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Nothing.
    None,
    /// `no`: the opposite.
    No,
    /// `default`: back to what HAProxy does by itself.
    Default,
}

/// A word that a rewrite puts into the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWord {
    /// The value.
    pub text: String,
    /// The old text that it stands for.
    pub span: Span,
}

impl Ast {
    /// A tree over these texts, with no sections yet.
    pub(crate) fn new(files: Files) -> Self {
        Self { files, ..Self::default() }
    }

    /// The texts.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The sections, in reading order.
    pub fn sections(&self) -> impl ExactSizeIterator<Item = Section<'_>> + Clone {
        (0..self.sections.len()).map(|index| Section { ast: self, index })
    }

    /// Number of lines within sections.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// Bytes of memory the tree occupies beside the texts themselves, roughly.
    pub fn footprint(&self) -> usize {
        let expansions: usize = self.expansions.iter().map(|e| e.text.len()).sum();
        self.sections.capacity() * size_of::<SectionNode>()
            + self.lines.capacity() * size_of::<LineNode>()
            + self.words.capacity() * size_of::<WordNode>()
            + self.expansions.capacity() * size_of::<Expansion>()
            + expansions
    }

    /// One file as it was read, byte for byte.
    pub fn print(&self, file: FileId) -> &[u8] {
        self.files.file(file).map_or(&[], SourceFile::bytes)
    }

    /// Stores the words of a line; the node belongs to no section yet.
    pub(crate) fn store(&mut self, file: FileId, number: u32, tokens: &mut Vec<Token>) -> LineNode {
        let first_word = self.words.len() as u32;
        let words = tokens.len() as u16;
        let line_start = self.line_start(file, number);
        for token in tokens.drain(..) {
            let expanded = token.expanded.map_or(0, |expansion| self.expand(expansion));
            let start = line_start + token.start;
            self.words.push(WordNode { start, len: token.len, expanded });
        }
        LineNode { file, number, first_word, words, modernised: false, name_words: 0, entry: None }
    }

    /// Stores a line that stands for old text.
    pub(crate) fn store_new(&mut self, place: Span, new: &[NewWord]) -> LineNode {
        let first_word = self.words.len() as u32;
        let line_start = self.line_start(place.file, place.line);
        for word in new {
            let expanded = self.expand(Expansion { text: word.text.as_str().into(), bytes: None });
            let start = line_start + word.span.column - 1;
            self.words.push(WordNode { start, len: word.span.len, expanded });
        }
        let (file, number) = (place.file, place.line);
        let words = new.len() as u16;
        LineNode { file, number, first_word, words, modernised: true, name_words: 0, entry: None }
    }

    fn line_start(&self, file: FileId, number: u32) -> u32 {
        self.files.file(file).map_or(0, |file| file.line_start(number) as u32)
    }

    fn expand(&mut self, expansion: Expansion) -> u32 {
        self.expansions.push(expansion);
        self.expansions.len() as u32
    }

    /// The node with what its keyword was found to be.
    pub(crate) fn with_entry(
        node: LineNode,
        keyword: &'static Keyword,
        name_words: usize,
    ) -> LineNode {
        LineNode { name_words: name_words as u8, entry: Some(keyword), ..node }
    }

    /// Opens a section; lines pushed after it are its own.
    pub(crate) fn push_section(&mut self, kind: SectionKind, header: LineNode) {
        let first_line = self.lines.len() as u32;
        self.sections.push(SectionNode { kind, header, first_line, lines: 0 });
        self.open = true;
    }

    /// Adds a line to the section opened last; without one it is dropped.
    pub(crate) fn push_line(&mut self, line: LineNode) {
        if let Some(section) = self.sections.last_mut() {
            section.lines += 1;
            self.lines.push(line);
        }
    }

    /// Ends the section opened last: no section reaches into the next file.
    pub(crate) fn close_section(&mut self) {
        self.open = false;
    }

    /// A view of a stored line.
    pub(crate) fn view(&self, node: LineNode) -> Line<'_> {
        Line { ast: self, node }
    }

    /// The kind of the section opened last.
    pub(crate) fn current_kind(&self) -> Option<SectionKind> {
        self.sections.last().filter(|_| self.open).map(|section| section.kind)
    }

    /// Takes sections and lines out, to be pushed again one by one by a rewrite.
    pub(crate) fn take_nodes(&mut self) -> Vec<(SectionKind, LineNode, Vec<LineNode>)> {
        let lines = std::mem::take(&mut self.lines);
        let sections = std::mem::take(&mut self.sections);
        let own = |s: &SectionNode| {
            let first = s.first_line as usize;
            lines[first..first + s.lines as usize].to_vec()
        };
        sections.iter().map(|s| (s.kind, s.header, own(s))).collect()
    }
}

/// A section with its lines.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    ast: &'a Ast,
    index: usize,
}

impl<'a> Section<'a> {
    fn node(&self) -> &'a SectionNode {
        &self.ast.sections[self.index]
    }

    /// Position among all sections, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What it is.
    pub fn kind(&self) -> SectionKind {
        self.node().kind
    }

    /// The line that opens it.
    pub fn header(&self) -> Line<'a> {
        Line { ast: self.ast, node: self.node().header }
    }

    /// Its name, unless it has none.
    pub fn name(&self) -> Option<Word<'a>> {
        self.header().word(1)
    }

    /// What follows `from` in the opening line.
    pub fn from(&self) -> Option<Word<'a>> {
        let header = self.header();
        let from = header.words().position(|word| word.value() == "from")?;
        if from == 0 { None } else { header.word(from + 1) }
    }

    /// Its lines, in order, the opening one not included.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'a>> + ExactSizeIterator + Clone {
        let (ast, node) = (self.ast, self.node());
        let first = node.first_line as usize;
        let lines = ast.lines.get(first..first + node.lines as usize).unwrap_or(&[]);
        lines.iter().map(move |node| Line { ast, node: *node })
    }
}

impl std::fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.header())
    }
}

/// A line with at least one word.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    ast: &'a Ast,
    node: LineNode,
}

impl<'a> Line<'a> {
    /// Number of words.
    pub fn len(&self) -> usize {
        usize::from(self.node.words)
    }

    /// Whether it has no word; such lines are not kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The word at this position, from 0.
    pub fn word(&self, index: usize) -> Option<Word<'a>> {
        if index >= self.len() {
            return None;
        }
        Some(Word { line: *self, index: self.node.first_word as usize + index })
    }

    /// The value of the word at this position; empty beyond the last, as HAProxy has it.
    pub fn value(&self, index: usize) -> &'a str {
        self.word(index).map_or("", |word| word.value())
    }

    /// The first word.
    pub fn keyword(&self) -> &'a str {
        self.value(0)
    }

    /// All words.
    pub fn words(
        &self,
    ) -> impl DoubleEndedIterator<Item = Word<'a>> + ExactSizeIterator + Clone + 'a {
        let line = *self;
        let first = line.node.first_word as usize;
        (first..first + line.len()).map(move |index| Word { line, index })
    }

    /// The keyword's entry in the table and how many words its name takes, a prefix not counted;
    /// `None` for opening lines.
    pub fn entry(&self) -> Option<(&'static Keyword, usize)> {
        self.node.entry.map(|keyword| (keyword, usize::from(self.node.name_words)))
    }

    /// The `no` or `default` in front, and the line without it.
    pub fn split_prefix(&self) -> (Prefix, Self) {
        let prefix = match self.keyword() {
            "no" => Prefix::No,
            "default" => Prefix::Default,
            _ => return (Prefix::None, *self),
        };
        let mut node = self.node;
        node.first_word += 1;
        node.words -= 1;
        (prefix, Self { ast: self.ast, node })
    }

    /// From the first word to the last.
    pub fn span(&self) -> Span {
        match (self.word(0), self.word(self.len().saturating_sub(1))) {
            (Some(first), Some(last)) => first.span().to(last.span()),
            _ => self.point(),
        }
    }

    /// The place right behind the last word, where something may be missing.
    pub fn end(&self) -> Span {
        let span = self.span();
        Span { column: span.column + span.len, len: 0, ..span }
    }

    fn point(&self) -> Span {
        Span { file: self.node.file, line: self.node.number, column: 1, len: 0 }
    }

    /// The file it is in.
    pub fn file(&self) -> FileId {
        self.node.file
    }

    /// Its number in the file, from 1.
    pub fn number(&self) -> u32 {
        self.node.number
    }

    /// The whole line as written, comment included, without its line end.
    pub fn raw(&self) -> &'a str {
        self.ast.files.file(self.node.file).map_or("", |file| file.line(self.node.number))
    }

    /// Whether it stands for an older spelling.
    pub fn is_modernised(&self) -> bool {
        self.node.modernised
    }
}

impl std::fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.words().map(|word| word.value())).finish()
    }
}

/// One word of a line.
#[derive(Clone, Copy)]
pub struct Word<'a> {
    line: Line<'a>,
    index: usize,
}

impl<'a> Word<'a> {
    fn node(&self) -> &'a WordNode {
        &self.line.ast.words[self.index]
    }

    fn expansion(&self) -> Option<&'a Expansion> {
        let index = self.node().expanded.checked_sub(1)?;
        self.line.ast.expansions.get(index as usize)
    }

    /// What it means: quotes gone, escapes and variables resolved.
    pub fn value(&self) -> &'a str {
        match self.expansion() {
            Some(expansion) => &expansion.text,
            None => self.raw(),
        }
    }

    /// The same as bytes; differs from [`Self::value`] where `\xNN` made it invalid UTF-8.
    pub fn bytes(&self) -> &'a [u8] {
        match self.expansion().and_then(|expansion| expansion.bytes.as_deref()) {
            Some(bytes) => bytes,
            None => self.value().as_bytes(),
        }
    }

    /// What is written in the file at this place.
    pub fn raw(&self) -> &'a str {
        let node = self.node();
        let start = node.start as usize;
        let text = self.line.ast.files.file(self.line.node.file).map_or("", SourceFile::text);
        text.get(start..start + node.len as usize).unwrap_or("")
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        let node = self.node();
        let LineNode { file, number, .. } = self.line.node;
        let column = node.start - self.line.ast.line_start(file, number) + 1;
        Span { file, line: number, column, len: node.len }
    }

    /// Where a part of the value is: exact for plain words, else the whole word.
    pub fn span_of(&self, offset: usize, len: usize) -> Span {
        match self.expansion() {
            Some(_) => self.span(),
            None => self.span().part(offset as u32, len as u32),
        }
    }

    /// The line it is in.
    pub fn line(&self) -> Line<'a> {
        self.line
    }
}

impl std::fmt::Debug for Word<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.value())
    }
}
