//! A small reader of JSON that finds the value at a path without building a tree.

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

/// Where a value is: `$.key[3].other`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(Vec<u8>),
    Index(usize),
}

impl Path {
    /// Reads a path. A backslash protects a dot or bracket in a key.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let bad = |what: &str| format!("JSON path '{}' {what}", String::from_utf8_lossy(text));
        let Some(mut rest) = text.strip_prefix(b"$") else {
            return Err(bad("does not start with '$'"));
        };
        let mut steps = Vec::new();
        while let Some((first, after)) = rest.split_first() {
            if steps.len() >= MAX_DEPTH {
                return Err(bad("is too deep"));
            }
            match first {
                b'.' => {
                    let mut key = Vec::new();
                    let mut at = 0;
                    while let Some(&byte) = after.get(at) {
                        match byte {
                            b'.' | b'[' => break,
                            b'\\' => {
                                at += 1;
                                key.extend(after.get(at));
                            }
                            _ => key.push(byte),
                        }
                        at += 1;
                    }
                    if key.is_empty() {
                        return Err(bad("has an empty key"));
                    }
                    steps.push(Step::Key(key));
                    rest = after.get(at..).unwrap_or_default();
                }
                b'[' => {
                    let end = after.iter().position(|b| *b == b']');
                    let Some(end) = end else { return Err(bad("lacks a ']'")) };
                    let inside = after.get(..end).unwrap_or_default();
                    steps.push(bracket(inside).ok_or_else(|| bad("has a bad index"))?);
                    rest = after.get(end + 1..).unwrap_or_default();
                }
                _ => return Err(bad("needs '.' or '[' between steps")),
            }
        }
        Ok(Self(steps))
    }
}

fn bracket(inside: &[u8]) -> Option<Step> {
    for quote in *b"'\"" {
        if let [first, key @ .., last] = inside
            && *first == quote
            && *last == quote
        {
            return Some(Step::Key(key.to_vec()));
        }
    }
    std::str::from_utf8(inside).ok()?.parse().ok().map(Step::Index)
}

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'j> {
    /// Between its quotes, escapes as they are.
    String(&'j [u8]),
    Number(&'j [u8]),
    Bool(bool),
    /// With its brackets.
    Array(&'j [u8]),
    Object,
    Null,
}

/// The value at a path.
pub(crate) fn find<'j>(document: &'j [u8], path: &Path) -> Option<Found<'j>> {
    let mut reader = Reader { text: document, at: 0 };
    for step in &path.0 {
        reader.blanks();
        match step {
            Step::Key(key) => reader.enter_key(key)?,
            Step::Index(index) => reader.enter_index(*index)?,
        }
    }
    reader.blanks();
    let start = reader.at;
    let first = *document.get(start)?;
    reader.skip_value(0)?;
    let raw = document.get(start..reader.at)?;
    Some(match first {
        b'"' => Found::String(raw.get(1..raw.len() - 1)?),
        b'[' => Found::Array(raw),
        b'{' => Found::Object,
        b't' => Found::Bool(true),
        b'f' => Found::Bool(false),
        b'n' => Found::Null,
        _ => Found::Number(raw),
    })
}

struct Reader<'j> {
    text: &'j [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Steps over a string and gives what is between its quotes.
    fn string(&mut self) -> Option<(usize, usize)> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some((start, self.at - 1));
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn skip_value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.skip_members(b'}', depth),
            b'[' => self.skip_members(b']', depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => {
                while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
                    self.at += 1;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at + word.len();
        (self.text.get(self.at..end)? == word).then(|| self.at = end)
    }

    fn skip_members(&mut self, close: u8, depth: usize) -> Option<()> {
        self.at += 1;
        self.blanks();
        if self.peek()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            if close == b'}' {
                self.string()?;
                self.expect(b':')?;
            }
            self.skip_value(depth + 1)?;
            self.blanks();
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b',' => {}
                byte if byte == close => return Some(()),
                _ => return None,
            }
        }
    }

    fn enter_key(&mut self, key: &[u8]) -> Option<()> {
        self.expect(b'{')?;
        loop {
            self.blanks();
            let (start, end) = self.string()?;
            let known = self.text.get(start..end)?;
            let same = known == key || (known.contains(&b'\\') && text_of(known)? == key);
            self.expect(b':')?;
            if same {
                return Some(());
            }
            self.skip_value(0)?;
            self.expect(b',')?;
        }
    }

    fn enter_index(&mut self, index: usize) -> Option<()> {
        self.expect(b'[')?;
        for _ in 0..index {
            self.skip_value(0)?;
            self.expect(b',')?;
        }
        self.blanks();
        (self.peek()? != b']').then_some(())
    }
}

/// A string's text, its escapes resolved into UTF-8.
pub(crate) fn text_of(raw: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let escape = *raw.get(at)?;
        at += 1;
        match escape {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let mut code = hex4(raw, at)?;
                at += 4;
                if (0xd800..0xdc00).contains(&code) && raw.get(at..at + 2) == Some(b"\\u") {
                    let low = hex4(raw, at + 2)?;
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        at += 6;
                    }
                }
                let character = char::from_u32(code)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => out.push(other),
        }
    }
    Some(out)
}

fn hex4(raw: &[u8], at: usize) -> Option<u32> {
    let digits = raw.get(at..at + 4)?;
    digits.iter().try_fold(0, |sum, byte| Some(sum << 4 | char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'j>(document: &'j str, path: &str) -> Option<Found<'j>> {
        find(document.as_bytes(), &Path::parse(path.as_bytes()).unwrap())
    }

    #[test]
    fn finds_values_at_paths() {
        let document = r#" {"a":{"b":[1, 2,{"c":"x"}]},"t":true,"k.y":null} "#;
        assert_eq!(at(document, "$.a.b[0]"), Some(Found::Number(b"1")));
        assert_eq!(at(document, "$.a.b[2].c"), Some(Found::String(b"x")));
        assert_eq!(at(document, "$.a.b[3]"), None);
        assert_eq!(at(document, "$['t']"), Some(Found::Bool(true)));
        assert_eq!(at(document, r"$.k\.y"), Some(Found::Null));
        assert_eq!(at(document, "$.zz"), None);
        assert_eq!(at("{", "$.a"), None);
        assert_eq!(at("[", "$[0]"), None);
    }

    #[test]
    fn resolves_escapes() {
        let text = text_of(br#"a\"\u0041\ud83d\ude00\n"#).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "a\"A\u{1f600}\n");
        assert_eq!(text_of(br"\u00"), None);
    }
}
