//! The shape of an expression: `name(arg,arg),name(arg)...`, with quotes and escapes in arguments.
use crate::error::ParseError;

/// Longest expression that is read, bytes.
const MAX_LENGTH: usize = 65_536;

/// A keyword with its arguments, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call<'t> {
    pub(crate) name: &'t str,
    /// Byte offset of the name.
    pub(crate) at: usize,
    pub(crate) args: Vec<RawArg>,
    /// There are parentheses, perhaps with nothing between them.
    pub(crate) has_parentheses: bool,
    /// Byte offset of what follows the name, where a missing argument is reported.
    pub(crate) end: usize,
}

/// One argument without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawArg {
    pub(crate) at: usize,
    pub(crate) text: Vec<u8>,
    /// Given as nothing at all, as the second of `(a,,b)`.
    pub(crate) empty: bool,
}

/// Reads calls one after the other.
pub(crate) struct Calls<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Calls<'t> {
    pub(crate) fn new(text: &'t str) -> Result<Self, ParseError> {
        if text.len() > MAX_LENGTH {
            return Err(ParseError::at(MAX_LENGTH, "expression too long"));
        }
        Ok(Self { text, at: 0 })
    }

    /// The next call, or none at the end of the text.
    pub(crate) fn next_call(&mut self) -> Result<Option<Call<'t>>, ParseError> {
        let bytes = self.text.as_bytes();
        let mut after_comma = None;
        while bytes.get(self.at) == Some(&b',') {
            after_comma = Some(self.at);
            self.at += 1;
        }
        let at = self.at;
        while bytes.get(self.at).is_some_and(|b| !matches!(b, b'(' | b',' | b' ' | b'\t' | b')')) {
            self.at += 1;
        }
        let name = self.text.get(at..self.at).unwrap_or_default();
        if name.is_empty() {
            return match bytes.get(self.at) {
                None => match after_comma {
                    None => Ok(None),
                    Some(comma) => Err(ParseError::at(comma, "nothing follows the last comma")),
                },
                Some(b) => Err(ParseError::at(at, format!("unexpected '{}'", *b as char))),
            };
        }
        let end = self.at;
        let has_parentheses = bytes.get(self.at) == Some(&b'(');
        let args = if has_parentheses { self.args()? } else { Vec::new() };
        match bytes.get(self.at) {
            None | Some(b',') => Ok(Some(Call { name, at, args, has_parentheses, end })),
            Some(b) => {
                let message = format!("unexpected '{}' after '{name}'", *b as char);
                Err(ParseError::at(self.at, message))
            }
        }
    }

    /// Reads from the opening parenthesis to the one that closes it.
    fn args(&mut self) -> Result<Vec<RawArg>, ParseError> {
        let bytes = self.text.as_bytes();
        let open = self.at;
        let mut args = Vec::new();
        self.at += 1;
        loop {
            let at = self.at;
            let (text, quoted) = self.arg(open)?;
            let closing = bytes.get(self.at) == Some(&b')');
            self.at += 1;
            let empty = text.is_empty() && !quoted;
            if !(closing && args.is_empty() && empty) {
                args.push(RawArg { at, text, empty });
            }
            if closing {
                return Ok(args);
            }
        }
    }

    /// Reads one argument up to the comma or parenthesis that ends it.
    fn arg(&mut self, open: usize) -> Result<(Vec<u8>, bool), ParseError> {
        let bytes = self.text.as_bytes();
        let mut out = Vec::new();
        let mut quote: Option<u8> = None;
        let mut quoted = false;
        loop {
            let Some(&b) = bytes.get(self.at) else {
                let message = match quote {
                    Some(b'"') => "missing closing '\"' in an argument",
                    Some(_) => "missing closing \"'\" in an argument",
                    None => "missing closing ')'",
                };
                return Err(ParseError::at(open, message));
            };
            match (quote, b) {
                (None, b',' | b')') => return Ok((out, quoted)),
                (None, b'\'' | b'"') => {
                    quote = Some(b);
                    quoted = true;
                }
                (Some(q), _) if q == b => quote = None,
                (None | Some(b'"'), b'\\') => {
                    self.at += 1;
                    self.escape(open, &mut out)?;
                    continue;
                }
                _ => out.push(b),
            }
            self.at += 1;
        }
    }

    /// Takes what follows a backslash; before anything unknown the backslash stands for itself.
    fn escape(&mut self, open: usize, out: &mut Vec<u8>) -> Result<(), ParseError> {
        let Some(&b) = self.text.as_bytes().get(self.at) else {
            return Err(ParseError::at(open, "missing closing ')'"));
        };
        match b {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'\\' | b'"' | b'\'' | b' ' => out.push(b),
            _ => {
                out.push(b'\\');
                return Ok(());
            }
        }
        self.at += 1;
        Ok(())
    }
}
