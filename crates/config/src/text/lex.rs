//! One line into words: quotes, escapes, comments and variables (manual chapter 2.2 and 2.3).

/// Most words on a line; HAProxy refuses more as well.
pub const MAX_WORDS: usize = 64;
/// Longest line after expansion, in bytes.
pub const MAX_EXPANDED_BYTES: usize = 1 << 20;

/// A word as it stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Offset of its first byte in the line, quotes included.
    pub start: u32,
    /// Bytes it occupies in the line.
    pub len: u32,
    /// What it means, unless that is just what is written.
    pub expanded: Option<Expansion>,
}

/// What a word with quotes, escapes or variables comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The value; U+FFFD stands where `\xNN` made it invalid UTF-8.
    pub text: Box<str>,
    /// The exact bytes when they are not UTF-8.
    pub bytes: Option<Box<[u8]>>,
}

impl Expansion {
    fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: text.into(), bytes: None },
            Err(_) => {
                Self { text: String::from_utf8_lossy(bytes).into(), bytes: Some(bytes.into()) }
            }
        }
    }
}

/// Why a line cannot be cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexError {
    /// Offset in the line, in bytes.
    pub at: u32,
    /// What is wrong there.
    pub kind: LexErrorKind,
}

/// What may be wrong with the writing of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexErrorKind {
    /// A quote that is opened and never closed.
    UnmatchedQuote,
    /// `\x` without two hexadecimal digits.
    BadHex,
    /// `${` without its `}`.
    UnmatchedBrace,
    /// A variable name that starts with neither letter nor underscore.
    BadVariableName,
    /// `[` in a variable that is not `[*]`.
    BadWordExpansion,
    /// More than [`MAX_WORDS`].
    TooManyWords,
    /// More than [`MAX_EXPANDED_BYTES`].
    TooLong,
}

impl LexErrorKind {
    /// HAProxy's name for it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnmatchedQuote => "unmatched quote",
            Self::BadHex => "truncated or invalid hexadecimal sequence",
            Self::UnmatchedBrace => "unmatched brace in environment variable name",
            Self::BadVariableName => "forbidden first char in environment variable name",
            Self::BadWordExpansion => "truncated or invalid word expansion sequence",
            Self::TooManyWords => "too many words (a line may have 64)",
            Self::TooLong => "the line is too long after variables were expanded",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::UnmatchedQuote => "close the quote on the same line, or escape it as \\\" or \\'",
            Self::BadHex => "write two hexadecimal digits after \\x, such as \\x0a",
            Self::UnmatchedBrace => "write \"${NAME}\", \"${NAME-default}\" or \"${NAME[*]}\"",
            Self::BadVariableName => "inside double quotes write \\$ for a plain dollar",
            Self::BadWordExpansion => "only [*] may follow a variable's name",
            Self::TooManyWords => "split the line; for patterns use a file (-f)",
            Self::TooLong => "use a shorter value",
        }
    }
}

/// Where variables come from while a line is cut.
pub trait Variables {
    /// Value of a variable; names that start with a dot are the pseudo-variables.
    fn variable(&self, name: &str) -> Option<std::borrow::Cow<'_, str>>;
}

/// Cuts `line` (without its line end) into `words`, which is emptied first.
///
/// # Errors
/// [`LexError`] with the offset; `words` then holds what came before.
pub fn split(
    line: &str,
    variables: &dyn Variables,
    words: &mut Vec<Token>,
) -> Result<(), LexError> {
    words.clear();
    let mut cutter = Cutter {
        line,
        bytes: line.as_bytes(),
        at: 0,
        word: None,
        buffer: Vec::new(),
        total: 0,
        variables,
        words,
    };
    cutter.run()
}

/// Bytes that mean more than themselves outside quotes.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let bytes = b" \t#'\"\\";
    let mut i = 0;
    while i < bytes.len() {
        special[bytes[i] as usize] = true;
        i += 1;
    }
    special
};

struct Cutter<'a> {
    line: &'a str,
    bytes: &'a [u8],
    at: usize,
    word: Option<Pending>,
    /// The value of the pending word, once it differs from what is written.
    buffer: Vec<u8>,
    total: usize,
    variables: &'a dyn Variables,
    words: &'a mut Vec<Token>,
}

#[derive(Clone, Copy)]
struct Pending {
    start: usize,
    rewritten: bool,
    /// Consists of nothing but unset `"${NAME[*]}"` so far.
    void: bool,
}

impl Cutter<'_> {
    fn run(&mut self) -> Result<(), LexError> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' => {
                    self.finish_word()?;
                    self.at += 1;
                }
                b'#' => break,
                b'\'' => self.strong_quote()?,
                b'"' => self.weak_quote()?,
                b'\\' => self.escape(false)?,
                _ => self.plain(),
            }
        }
        self.finish_word()
    }

    /// A run of bytes that mean themselves.
    fn plain(&mut self) {
        self.begin();
        let rest = &self.bytes[self.at..];
        let run = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]).unwrap_or(rest.len());
        if self.rewriting() {
            self.buffer.extend_from_slice(&rest[..run]);
        }
        self.at += run;
    }

    fn error<T>(&self, at: usize, kind: LexErrorKind) -> Result<T, LexError> {
        Err(LexError { at: at as u32, kind })
    }

    fn begin(&mut self) {
        if self.word.is_none() {
            self.word = Some(Pending { start: self.at, rewritten: false, void: false });
        }
    }

    fn rewriting(&self) -> bool {
        self.word.is_some_and(|word| word.rewritten)
    }

    /// From here on the word is not what is written: start a buffer with what was, so far.
    fn rewrite(&mut self) {
        self.begin();
        if let Some(word) = &mut self.word
            && !word.rewritten
        {
            word.rewritten = true;
            self.buffer.clear();
            self.buffer.extend_from_slice(&self.bytes[word.start..self.at]);
        }
    }

    fn put(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    fn finish_word(&mut self) -> Result<(), LexError> {
        let Some(word) = self.word.take() else { return Ok(()) };
        if word.void && self.buffer.is_empty() {
            return Ok(());
        }
        self.emit(word)
    }

    fn emit(&mut self, word: Pending) -> Result<(), LexError> {
        if self.words.len() >= MAX_WORDS {
            return self.error(word.start, LexErrorKind::TooManyWords);
        }
        self.total += self.buffer.len();
        if self.total > MAX_EXPANDED_BYTES {
            return self.error(word.start, LexErrorKind::TooLong);
        }
        let expanded = word.rewritten.then(|| Expansion::from_bytes(&self.buffer));
        self.words.push(Token {
            start: word.start as u32,
            len: (self.at - word.start) as u32,
            expanded,
        });
        self.buffer.clear();
        Ok(())
    }

    fn strong_quote(&mut self) -> Result<(), LexError> {
        let open = self.at;
        self.rewrite();
        let rest = &self.bytes[open + 1..];
        let Some(len) = rest.iter().position(|b| *b == b'\'') else {
            return self.error(open, LexErrorKind::UnmatchedQuote);
        };
        self.buffer.extend_from_slice(&rest[..len]);
        self.at = open + len + 2;
        Ok(())
    }

    fn weak_quote(&mut self) -> Result<(), LexError> {
        let open = self.at;
        self.rewrite();
        self.at += 1;
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return self.error(open, LexErrorKind::UnmatchedQuote);
            };
            match byte {
                b'"' => break,
                b'\\' => self.escape(true)?,
                b'$' => self.variable()?,
                _ => {
                    self.put(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self, quoted: bool) -> Result<(), LexError> {
        self.rewrite();
        let Some(&next) = self.bytes.get(self.at + 1) else {
            // A backslash that ends the line stands for itself.
            self.put(b'\\');
            self.at += 1;
            return Ok(());
        };
        match next {
            b' ' | b'#' | b'\\' | b'\'' | b'"' => self.put(next),
            b'$' if quoted => self.put(b'$'),
            b'n' => self.put(b'\n'),
            b'r' => self.put(b'\r'),
            b't' => self.put(b'\t'),
            b'x' => {
                let digits = self.bytes.get(self.at + 2..self.at + 4);
                let Some(byte) = digits.and_then(hex_byte) else {
                    return self.error(self.at, LexErrorKind::BadHex);
                };
                self.put(byte);
                self.at += 4;
                return Ok(());
            }
            _ => {
                // No escape that we know: the backslash stays.
                self.put(b'\\');
                self.at += 1;
                return Ok(());
            }
        }
        self.at += 2;
        Ok(())
    }

    fn variable(&mut self) -> Result<(), LexError> {
        let reference = Reference::parse(self.line, self.at)
            .or_else(|error: LexError| self.error(error.at as usize, error.kind))?;
        self.at = reference.end;
        let variables = self.variables;
        let found = variables.variable(reference.name);
        let value = found.as_deref().or(reference.default);
        let Some(value) = value else {
            if let Some(word) = &mut self.word
                && reference.split
                && self.buffer.is_empty()
            {
                word.void = true;
            }
            return Ok(());
        };
        if self.total + self.buffer.len() + value.len() > MAX_EXPANDED_BYTES {
            return self.error(self.at - 1, LexErrorKind::TooLong);
        }
        if !reference.split {
            self.buffer.extend_from_slice(value.as_bytes());
            return Ok(());
        }
        self.put_several(value)
    }

    /// `[*]`: every run of blanks in the value ends a word.
    fn put_several(&mut self, value: &str) -> Result<(), LexError> {
        let blank = |c: char| c.is_ascii_whitespace();
        let mut rest = value;
        while let Some(end) = rest.find(blank) {
            self.buffer.extend_from_slice(&rest.as_bytes()[..end]);
            if let Some(word) = self.word {
                // Blanks in front of the first value make no word of their own.
                if !self.buffer.is_empty() {
                    self.emit(word)?;
                }
            }
            rest = rest[end..].trim_start_matches(blank);
        }
        self.buffer.extend_from_slice(rest.as_bytes());
        if self.buffer.is_empty()
            && let Some(word) = &mut self.word
        {
            word.void = true;
        }
        Ok(())
    }
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(text, 16).ok()
}

/// `$NAME`, `${NAME}`, `${NAME[*]}`, each of the latter with `-default`.
struct Reference<'a> {
    name: &'a str,
    default: Option<&'a str>,
    split: bool,
    end: usize,
}

impl<'a> Reference<'a> {
    fn parse(line: &'a str, dollar: usize) -> Result<Self, LexError> {
        let fail = |at: usize, kind| Err(LexError { at: at as u32, kind });
        let bytes = line.as_bytes();
        let braced = bytes.get(dollar + 1) == Some(&b'{');
        let start = dollar + 1 + usize::from(braced);
        let first = bytes.get(start).copied();
        let dotted = first == Some(b'.');
        if !dotted && !first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            return fail(start, LexErrorKind::BadVariableName);
        }
        let mut at = start + 1;
        while bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            at += 1;
        }
        let name = &line[start..at];
        if dotted && !matches!(name, ".FILE" | ".LINE" | ".SECTION") {
            return fail(start, LexErrorKind::BadVariableName);
        }
        if !braced {
            return Ok(Self { name, default: None, split: false, end: at });
        }
        let mut split = false;
        if bytes.get(at) == Some(&b'[') {
            if bytes.get(at..at + 3) != Some(b"[*]") {
                return fail(at, LexErrorKind::BadWordExpansion);
            }
            split = true;
            at += 3;
        }
        let mut default = None;
        if bytes.get(at) == Some(&b'-') {
            let Some(len) = bytes[at + 1..].iter().position(|b| *b == b'}') else {
                return fail(dollar + 1, LexErrorKind::UnmatchedBrace);
            };
            default = Some(&line[at + 1..at + 1 + len]);
            at += 1 + len;
        }
        if bytes.get(at) != Some(&b'}') {
            return fail(dollar + 1, LexErrorKind::UnmatchedBrace);
        }
        Ok(Self { name, default, split, end: at + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    struct Sample;
    impl Variables for Sample {
        fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(match name {
                "A" => " a b  c ",
                "B" => "one",
                "E" => "",
                ".LINE" => "3",
                _ => return None,
            }))
        }
    }

    fn words(line: &str) -> Result<Vec<String>, (u32, LexErrorKind)> {
        let mut words = Vec::new();
        split(line, &Sample, &mut words).map_err(|e| (e.at, e.kind))?;
        let value = |t: &Token| match &t.expanded {
            Some(expansion) => expansion.text.to_string(),
            None => line[t.start as usize..(t.start + t.len) as usize].to_owned(),
        };
        Ok(words.iter().map(value).collect())
    }

    /// What HAProxy 3.2 makes of the same lines.
    #[test]
    fn quoting_matches_haproxy() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t # x", &[]),
            ("a\tb  c", &["a", "b", "c"]),
            ("a\\ b", &["a b"]),
            ("a\\qb", &["a\\qb"]),
            ("\"a\\qb\"", &["a\\qb"]),
            ("\"a\\'b\"", &["a'b"]),
            ("a\\\"b", &["a\"b"]),
            ("\"$A\"", &[" a b  c "]),
            ("${A} $A", &["${A}", "$A"]),
            ("\"${B}tail\" \"$Btail\"", &["onetail", ""]),
            ("\"${NOPE-default}\"", &["default"]),
            ("\"${NOPE-def ault}\"", &["def ault"]),
            ("\"[${E-default}]\"", &["[]"]),
            ("\"${NOPE-\"x\"}\"", &["\"x\""]),
            ("\"${NOPE-$B}\"", &["$B"]),
            ("\"${NOPE-a\\}b}\"", &["a\\b}"]),
            ("\"${B-c}d-e}\"", &["oned-e}"]),
            ("\"x${NOPE-}y\"", &["xy"]),
            ("\"$NOPE-a\"", &["-a"]),
            ("\"\\$A\" \\$A", &["$A", "\\$A"]),
            ("'a\\nb' a\\nb", &["a\\nb", "a\nb"]),
            ("\"\\x41\\\"\\\\\"", &["A\"\\"]),
            ("a\\\tb", &["a\\", "b"]),
            ("\"${.LINE}\" \"$.LINE\" \"${.LINE-x}\"", &["3", "3", "3"]),
            ("\"${B}}\"", &["one}"]),
            ("a#b", &["a"]),
            ("a\\#b \"a#b\"", &["a#b", "a#b"]),
            ("a'b c'd\"e f\"", &["ab cde f"]),
            ("\"x${A[*]}y\"", &["x", "a", "b", "c", "y"]),
            ("\"x${E[*]}y\"", &["xy"]),
            ("\"${NOPE[*]}\" z", &["z"]),
            ("\"${NOPE[*]-x  y}\"", &["x", "y"]),
            ("a\\", &["a\\"]),
            ("\"\" q", &["", "q"]),
        ];
        for (line, expected) in table {
            assert_eq!(words(line).unwrap_or_default(), *expected, "{line}");
        }
    }

    #[test]
    fn errors_point_where_haproxy_points() {
        use LexErrorKind::*;
        let table = [
            ("\"a\\nb\\x41\\x4\"", 9, BadHex),
            ("'a\\'b'", 5, UnmatchedQuote),
            ("\"a", 0, UnmatchedQuote),
            ("\"a\\", 0, UnmatchedQuote),
            ("a\\x4g", 1, BadHex),
            ("\"${A\"", 2, UnmatchedBrace),
            ("\"${A:-x}\"", 2, UnmatchedBrace),
            ("\"${A-x", 2, UnmatchedBrace),
            ("\"${1A}\"", 3, BadVariableName),
            ("\"$1A\"", 2, BadVariableName),
            ("\"a$\"", 3, BadVariableName),
            ("\"${.FOO}\"", 3, BadVariableName),
            ("\"$.LINEX\"", 2, BadVariableName),
            ("\"${A[0]}\"", 4, BadWordExpansion),
        ];
        for (line, at, kind) in table {
            assert_eq!(words(line), Err((at, kind)), "{line}");
        }
        assert_eq!(words(&"b ".repeat(64)).map(|w| w.len()), Ok(64));
        assert_eq!(words(&"b ".repeat(65)), Err((128, TooManyWords)));
    }

    #[test]
    fn bytes_beyond_utf8_are_kept() {
        let mut words = Vec::new();
        assert_eq!(split("a\\xe9", &Sample, &mut words), Ok(()));
        let expansion = words[0].expanded.as_ref().expect("an escape expands");
        assert_eq!(expansion.bytes.as_deref(), Some(&b"a\xe9"[..]));
        assert_eq!(&*expansion.text, "a\u{fffd}");
    }
}
