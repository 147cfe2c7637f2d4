//! Source texts by number, and spans that point into them.
use std::sync::Arc;

/// Largest text taken, in bytes: offsets are 32 bits wide.
pub const MAX_TEXT_BYTES: usize = 256 << 20;
/// Most texts one configuration may consist of.
pub const MAX_FILES: usize = 4096;

/// Number of a text within its [`Files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u16);

impl FileId {
    /// Position in [`Files::iter`], from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A place in a text: one word, one line, or a part of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which text.
    pub file: FileId,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// Length in bytes; 0 marks a point.
    pub len: u32,
}

impl Span {
    /// The smallest span that covers both, when they are on one line; else `self`.
    pub fn to(self, end: Self) -> Self {
        if self.file != end.file || self.line != end.line {
            return self;
        }
        let column = self.column.min(end.column);
        let stop = (self.column + self.len).max(end.column + end.len);
        Self { column, len: stop - column, ..self }
    }

    /// A part of this span: `len` bytes from `offset`, clamped to the span.
    pub fn part(self, offset: u32, len: u32) -> Self {
        let offset = offset.min(self.len);
        Self { column: self.column + offset, len: len.min(self.len - offset), ..self }
    }
}

/// One text with its name: a file, standard input, or the labels of a container.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    /// The bytes as they were, when they were not valid UTF-8.
    original: Option<Arc<[u8]>>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// A text from its bytes. Invalid UTF-8 is kept for printing; words see U+FFFD in its place.
    pub fn new(name: impl Into<Arc<str>>, bytes: &[u8]) -> Self {
        let (text, original): (Arc<str>, _) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.into(), None),
            Err(_) => (String::from_utf8_lossy(bytes).into(), Some(bytes.into())),
        };
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(i, _)| i as u32 + 1)).collect();
        Self { name: name.into(), text, original, line_starts }
    }

    /// The name as the user gave it.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The text, with U+FFFD where the bytes were not UTF-8.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes as they were given.
    pub fn bytes(&self) -> &[u8] {
        self.original.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Whether every byte was valid UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.original.is_none()
    }

    /// Number of lines; a text that ends in LF has no extra empty line.
    pub fn line_count(&self) -> u32 {
        let starts = self.line_starts.len() as u32;
        if self.line_starts.last().is_some_and(|s| *s as usize == self.text.len()) {
            starts - 1
        } else {
            starts
        }
    }

    /// Offset of the first byte of `line` (from 1), clamped to the text.
    pub fn line_start(&self, line: u32) -> usize {
        let index = (line.max(1) - 1) as usize;
        self.line_starts.get(index).map_or(self.text.len(), |start| *start as usize)
    }

    /// `line` (from 1) without its LF or CRLF; empty when there is no such line.
    pub fn line(&self, line: u32) -> &str {
        let start = self.line_start(line);
        let end = self.line_start(line + 1);
        let raw = self.text.get(start..end).unwrap_or("");
        let raw = raw.strip_suffix('\n').unwrap_or(raw);
        raw.strip_suffix('\r').unwrap_or(raw)
    }
}

/// The texts of one configuration, in reading order.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<SourceFile>,
}

impl Files {
    /// Adds a text; `None` beyond [`MAX_FILES`] or [`MAX_TEXT_BYTES`].
    pub fn add(&mut self, file: SourceFile) -> Option<FileId> {
        if self.files.len() >= MAX_FILES || file.text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let id = FileId(u16::try_from(self.files.len()).ok()?);
        self.files.push(file);
        Some(id)
    }

    /// The text with this number, if it is one of ours.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.index())
    }

    /// The name of the text a span points into.
    pub fn name(&self, id: FileId) -> &str {
        self.file(id).map_or("", |file| &file.name)
    }

    /// The texts in order, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, file)| (FileId(i as u16), file))
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// Where the contents of files that a configuration names come from (error files, ACL patterns).
///
/// The crate itself opens nothing: the caller reads, caches and watches.
pub trait Sources {
    /// The bytes of the file at `path`, or a message fit to be shown to the user.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;

    /// The address of a host name that is needed while reading (binds, logs); servers' names are
    /// resolved later and elsewhere.
    fn resolve(&self, _host: &str) -> Option<std::net::IpAddr> {
        None
    }

    /// A variable of the environment, for the fetch `env()`.
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    /// The lists of patterns that live already, to be shared with what is read now.
    fn patterns(&self) -> Option<Arc<expr::PatternStore>> {
        None
    }

    /// Lists of files that are looked up as they are now, whatever the files say.
    fn running_patterns(&self) -> &[expr::PatternList] {
        &[]
    }
}

/// Sources that hold no file at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn read(&self, _path: &str) -> Result<Arc<[u8]>, String> {
        Err("no file can be read here".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_without_their_ends() {
        let file = SourceFile::new("a", b"one\r\ntwo\n\nfour");
        assert_eq!(file.line_count(), 4);
        assert_eq!(
            [file.line(1), file.line(2), file.line(3), file.line(4)],
            ["one", "two", "", "four"]
        );
        assert_eq!(file.line(9), "");
        assert_eq!(SourceFile::new("b", b"x\n").line_count(), 1);
        assert_eq!(SourceFile::new("c", b"").line_count(), 0);
    }

    #[test]
    fn bytes_that_are_not_utf8_survive() {
        let file = SourceFile::new("a", b"caf\xe9\n");
        assert!(!file.is_utf8());
        assert_eq!(file.bytes(), b"caf\xe9\n");
        assert_eq!(file.line(1), "caf\u{fffd}");
    }

    #[test]
    fn spans_join_on_one_line() {
        let mut files = Files::default();
        let file = files.add(SourceFile::new("a", b"x")).expect("one file fits");
        let a = Span { file, line: 1, column: 3, len: 2 };
        let b = Span { file, line: 1, column: 8, len: 4 };
        assert_eq!(a.to(b), Span { file, line: 1, column: 3, len: 9 });
        assert_eq!(b.to(a), a.to(b));
        assert_eq!(a.to(Span { line: 2, ..b }), a);
        assert_eq!(b.part(1, 99), Span { file, line: 1, column: 9, len: 3 });
    }
}
