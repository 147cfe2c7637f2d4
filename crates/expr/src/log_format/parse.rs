//! Reading a format into pieces.
use super::variables::{log_variable, log_variables};
use super::{Encoding, Flags, Item, ItemKind, Piece, Style};
use crate::context::ParseContext;
use crate::error::ParseError;
use crate::program::Expr;
use crate::suggest::did_you_mean;

/// Most pieces in one format.
const MAX_PIECES: usize = 4_096;

/// Older spellings of variables, still found in files.
const RENAMED: &[(&str, &str)] = &[("Bi", "bi"), ("Bp", "bp"), ("Ci", "ci"), ("Cp", "cp")];

struct Reader<'t, 'c> {
    text: &'t str,
    at: usize,
    style: Style,
    context: &'c ParseContext<'c>,
    pieces: Vec<Piece>,
    literal: Vec<u8>,
    defaults: Flags,
    encoding: Encoding,
}

pub(super) fn format(
    style: Style,
    text: &str,
    context: &ParseContext<'_>,
) -> Result<(Vec<Piece>, Encoding), ParseError> {
    let mut reader = Reader {
        text,
        at: 0,
        style,
        context,
        pieces: Vec::new(),
        literal: Vec::new(),
        defaults: Flags::default(),
        encoding: Encoding::Text,
    };
    reader.read()?;
    reader.flush();
    Ok((reader.pieces, reader.encoding))
}

impl Reader<'_, '_> {
    fn read(&mut self) -> Result<(), ParseError> {
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'%', Some(b'%')) => {
                    self.literal.push(b'%');
                    self.at += 2;
                }
                (b'%', _) => self.item()?,
                (b' ', _) if self.style == Style::Log => {
                    if self.literal.last() != Some(&b' ') {
                        self.literal.push(b' ');
                    }
                    self.at += 1;
                }
                _ => {
                    self.literal.push(byte);
                    self.at += 1;
                }
            }
            if self.pieces.len() > MAX_PIECES {
                return Err(ParseError::at(self.at, "format too long"));
            }
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            let text = std::mem::take(&mut self.literal);
            self.pieces.push(Piece::Text(text.into()));
        }
    }

    /// Reads what follows a percent sign: name, flags, then expression or variable.
    fn item(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        self.at += 1;
        let mut item = Item { flags: self.defaults, ..Item::default() };
        if self.peek(0) == Some(b'(') {
            self.name(&mut item)?;
        }
        let flagged = self.peek(0) == Some(b'{');
        if flagged {
            self.flags(&mut item.flags)?;
        }
        match self.peek(0) {
            Some(b'[') => self.expression(item),
            Some(byte) if byte.is_ascii_alphanumeric() => self.variable(item),
            _ if flagged || item.name.is_some() => {
                let message = "a variable or '[' must follow the flags";
                Err(ParseError::at(self.at, message))
            }
            _ => {
                let message = "'%' stands alone: write '%%' for a percent sign";
                Err(ParseError::at(start, message))
            }
        }
    }

    fn name(&mut self, item: &mut Item) -> Result<(), ParseError> {
        let open = self.at;
        let rest = self.text.get(open + 1..).unwrap_or_default();
        let Some(length) = rest.find(')') else {
            return Err(ParseError::at(open, "missing ')' after the name of an item"));
        };
        let inside = rest.get(..length).unwrap_or_default();
        let (name, kind) = match inside.split_once(':') {
            Some((name, kind)) => (name, Some(kind)),
            None => (inside, None),
        };
        item.kind = match kind {
            None => None,
            Some("str") => Some(ItemKind::Str),
            Some("sint") => Some(ItemKind::Int),
            Some("bool") => Some(ItemKind::Bool),
            Some(other) => {
                let message = format!("unknown type '{other}': types are str, sint and bool");
                return Err(ParseError::at(open + 2 + name.len(), message));
            }
        };
        if !name.is_empty() {
            item.name = Some(name.into());
        }
        self.at = open + length + 2;
        Ok(())
    }

    fn flags(&mut self, flags: &mut Flags) -> Result<(), ParseError> {
        let open = self.at;
        let rest = self.text.get(open + 1..).unwrap_or_default();
        let Some(length) = rest.find('}') else {
            return Err(ParseError::at(open, "missing '}' after flags"));
        };
        // Flags without a sign and unknown ones have no effect in HAProxy either.
        for word in rest.get(..length).unwrap_or_default().split(',') {
            let (on, name) = match word.as_bytes().first() {
                Some(b'+') => (true, word.get(1..)),
                Some(b'-') => (false, word.get(1..)),
                _ => continue,
            };
            match name.unwrap_or_default() {
                "Q" => flags.quote = on,
                "X" => flags.hex = on,
                "E" => flags.escape = on,
                "bin" => flags.bin = on,
                "json" => flags.json = on,
                "utf8" => flags.utf8 = on,
                "cbor" if on => {
                    return Err(ParseError::at(open, "flag 'cbor' is not supported yet"));
                }
                _ => {}
            }
        }
        self.at = open + length + 2;
        Ok(())
    }

    /// Reads from the opening bracket to the closing one outside of quotes and parentheses.
    fn expression(&mut self, item: Item) -> Result<(), ParseError> {
        let open = self.at;
        let inside = self.text.get(open + 1..).unwrap_or_default();
        let Some(length) = closing_bracket(inside.as_bytes()) else {
            return Err(ParseError::at(open, "missing ']'"));
        };
        let text = inside.get(..length).unwrap_or_default();
        let expr = Expr::parse(text, self.context).map_err(|error| error.shifted(open + 1))?;
        self.at = open + length + 2;
        self.flush();
        self.pieces.push(Piece::Expr(item, expr));
        Ok(())
    }

    fn variable(&mut self, item: Item) -> Result<(), ParseError> {
        let at = self.at;
        let rest = self.text.get(at..).unwrap_or_default();
        let length = rest.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        if name == "o" {
            self.at += length;
            self.defaults = item.flags;
            if item.flags.json {
                self.encoding = Encoding::Json;
            }
            return Ok(());
        }
        let modern = RENAMED.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new);
        let Some(variable) = log_variable(modern) else {
            let message = format!("unknown log variable '%{name}'");
            let known = log_variables().map(|known| known.name);
            return Err(ParseError::at(at, message).meant(did_you_mean(name, known)));
        };
        self.at += length;
        self.flush();
        self.pieces.push(Piece::Variable(item, variable));
        Ok(())
    }
}

/// Where the bracket closes that opened before the text.
fn closing_bracket(text: &[u8]) -> Option<usize> {
    let mut in_arguments = false;
    let mut quote = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => at += 1,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => in_arguments = true,
            (None, b')') => in_arguments = false,
            (None, b']') if !in_arguments => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
