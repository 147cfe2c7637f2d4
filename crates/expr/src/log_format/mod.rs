//! Formats: text with `%[expressions]` and `%variables` (manual 8.2.6), for logs and for headers.
mod builtin;
mod clock;
mod json;
mod parse;
mod render;
mod variables;

use std::fmt;
use std::sync::Arc;

use crate::context::ParseContext;
use crate::error::ParseError;
use crate::program::{Expr, Reference};
use crate::subject::Subject;

pub use builtin::{CLF, ERROR, HTTP, HTTP_CLF, HTTPS, TCP, TCP_CLF};
pub use variables::{LogVariable, log_variables};

pub(crate) use clock::{Civil, strftime};

/// How the text is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Log lines and unique ids: blanks merge, missing items print as `-`, unsafe bytes as `#XX`.
    Log,
    /// Headers and names: missing items print as nothing, bytes that headers can't have as `%XX`.
    Http,
    /// Bodies and variables: verbatim, missing items print as nothing.
    Raw,
}

/// A format, read once.
#[derive(Clone)]
pub struct LogFormat(Arc<Inner>);

struct Inner {
    source: Box<str>,
    style: Style,
    pieces: Vec<Piece>,
    encoding: Encoding,
}

/// The form of the whole output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Text,
    Json,
}

#[derive(Debug)]
enum Piece {
    Text(Box<[u8]>),
    Expr(Item, Expr),
    Variable(Item, &'static LogVariable),
}

/// What stands around a piece: its name and flags.
#[derive(Clone, Debug, Default)]
struct Item {
    name: Option<Box<str>>,
    kind: Option<ItemKind>,
    flags: Flags,
}

/// The type an item is forced to when encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ItemKind {
    Str,
    Int,
    Bool,
}

/// Flags of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags {
    quote: bool,
    hex: bool,
    escape: bool,
    bin: bool,
    json: bool,
    utf8: bool,
}

impl LogFormat {
    /// Reads a format; the place decides on the style.
    pub fn parse(text: &str, context: &ParseContext<'_>) -> Result<Self, ParseError> {
        let style = if context.place.is_log() { Style::Log } else { Style::Http };
        Self::parse_as(style, text, context)
    }

    /// Reads a format in a style (`unique-id-format` is a log format used during requests).
    pub fn parse_as(
        style: Style,
        text: &str,
        context: &ParseContext<'_>,
    ) -> Result<Self, ParseError> {
        let (pieces, encoding) = parse::format(style, text, context)?;
        Ok(Self(Arc::new(Inner { source: text.into(), style, pieces, encoding })))
    }

    /// The expressions in it.
    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.0.pieces.iter().filter_map(|piece| match piece {
            Piece::Expr(_, expr) => Some(expr),
            _ => None,
        })
    }

    /// A format that is its text, without items.
    pub fn literal(text: &[u8]) -> Self {
        let source = String::from_utf8_lossy(text).replace('%', "%%").into();
        let pieces = vec![Piece::Text(text.into())];
        let (style, encoding) = (Style::Http, Encoding::Text);
        Self(Arc::new(Inner { source, style, pieces, encoding }))
    }

    /// Appends the text for a subject.
    pub fn render(&self, subject: &dyn Subject, out: &mut Vec<u8>) {
        render::format(&self.0, subject, out);
    }

    /// The text, if it is the same for every subject.
    pub fn constant(&self) -> Option<&[u8]> {
        match self.0.pieces.as_slice() {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is the same for every subject.
    pub fn is_constant(&self) -> bool {
        self.constant().is_some()
    }

    /// The text it was made from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What it names that must exist once all of the configuration is read.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.pieces.iter().flat_map(|piece| match piece {
            Piece::Expr(_, expr) => expr.references(),
            _ => &[],
        })
    }

    /// Log variables that only make sense in `mode http`.
    pub fn http_only(&self) -> impl Iterator<Item = &'static str> {
        self.0.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(_, variable) if variable.http_only => Some(variable.name),
            _ => None,
        })
    }
}

impl PartialEq for LogFormat {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.source == other.0.source
                && self.0.style == other.0.style
                && self.exprs().eq(other.exprs()))
    }
}
impl Eq for LogFormat {}

impl fmt::Debug for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogFormat({})", self.0.source)
    }
}
impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.source)
    }
}
