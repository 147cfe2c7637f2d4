//! Arguments of fetches and converters: what is expected, and what was read.
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::regex::Regex;

use crate::acl::Condition;
use crate::casts::leading_integer;
use crate::context::ParseContext;
use crate::json::Path;
use crate::patterns::PatternUse;
use crate::program::Reference;
use crate::sample::Value;
use crate::variables::Variable;

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A decimal integer.
    Int,
    /// Any text.
    Str,
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// An IPv4 mask, dotted or as a number of bits.
    Mask4,
    /// An IPv6 mask, as a number of bits or an address.
    Mask6,
    /// The name of a frontend.
    Frontend,
    /// The name of a backend.
    Backend,
    /// The name of a server, `backend/server` or `server`.
    Server,
    /// The name of a userlist.
    Userlist,
    /// A regular expression.
    Regex,
    /// A variable with its scope.
    Var,
    /// A file with patterns and values.
    Map,
    /// The name of a stick table.
    Table,
    /// One of some words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// What it is, for messages and help.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Int => "an integer",
            Self::Str => "a string",
            Self::V4 => "an IPv4 address",
            Self::V6 => "an IPv6 address",
            Self::Mask4 => "an IPv4 mask",
            Self::Mask6 => "an IPv6 mask",
            Self::Frontend => "a frontend",
            Self::Backend => "a backend",
            Self::Server => "a server",
            Self::Userlist => "a userlist",
            Self::Regex => "a regular expression",
            Self::Var => "a variable",
            Self::Map => "a map",
            Self::Table => "a stick table",
            Self::Choice(_) => "one of several words",
        }
    }
}

/// One argument in a keyword's table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name as help shows it.
    pub name: &'static str,
    /// What it must be.
    pub kind: Kind,
    /// May be left out.
    pub optional: bool,
}

/// A mandatory argument.
pub(crate) const fn must(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: false }
}

/// An argument that may be left out.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, optional: true }
}

/// An argument as prepared at load.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    /// Left out before a later one that is there.
    Absent,
    Int(i64),
    Bool(bool),
    Str(Arc<[u8]>),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// A proxy, userlist or table.
    Name(Arc<str>),
    Server {
        backend: Option<Arc<str>>,
        server: Arc<str>,
    },
    Regex(Regex),
    Var(Variable),
    Map(PatternUse),
    Condition(Box<Condition>),
    Value(Box<Value>),
    Path(Path),
}

/// Reads an argument's text as what it must be.
pub(crate) fn read(
    kind: Kind,
    text: &[u8],
    context: &ParseContext<'_>,
    references: &mut Vec<Reference>,
) -> Result<Arg, String> {
    if kind == Kind::Str {
        return Ok(Arg::Str(text.into()));
    }
    let shown = String::from_utf8_lossy(text);
    let bad = || format!("'{shown}' is not {}", kind.describe());
    let text = std::str::from_utf8(text).map_err(|_| bad())?;
    Ok(match kind {
        Kind::Int => Arg::Int(integer(text).ok_or_else(bad)?),
        Kind::Str => Arg::Str(text.as_bytes().into()),
        Kind::V4 => Arg::V4(text.parse().map_err(|_| bad())?),
        Kind::V6 => Arg::V6(text.parse().map_err(|_| bad())?),
        Kind::Mask4 => Arg::V4(mask4(text).ok_or_else(bad)?),
        Kind::Mask6 => Arg::V6(mask6(text).ok_or_else(bad)?),
        Kind::Frontend => {
            references.push(Reference::Frontend(text.into()));
            Arg::Name(text.into())
        }
        Kind::Backend => {
            references.push(Reference::Backend(text.into()));
            Arg::Name(text.into())
        }
        Kind::Userlist => {
            references.push(Reference::Userlist(text.into()));
            Arg::Name(text.into())
        }
        Kind::Server => {
            let (backend, server) = match text.split_once('/') {
                Some((backend, server)) => (Some(Arc::from(backend)), Arc::from(server)),
                None => (None, Arc::from(text)),
            };
            references
                .push(Reference::Server { backend: backend.clone(), server: Arc::clone(&server) });
            Arg::Server { backend, server }
        }
        Kind::Regex => Arg::Regex(Regex::parse(text, false)?),
        Kind::Var => Arg::Var(Variable::parse(text)?),
        Kind::Map => Arg::Str(text.as_bytes().into()),
        Kind::Table => Arg::Name(text.into()),
        Kind::Choice(words) => {
            let at = words
                .iter()
                .position(|word| *word == text)
                .ok_or_else(|| format!("'{text}' is none of {}", words.join(", ")))?;
            let _ = context;
            Arg::Int(i64::try_from(at).unwrap_or(0))
        }
    })
}

/// A decimal integer with an optional sign and nothing else. Too large ones are clamped.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if valid { leading_integer(text.as_bytes()) } else { None }
}

/// A mask as bits or dotted.
fn mask4(text: &str) -> Option<Ipv4Addr> {
    match text.parse::<u32>() {
        Ok(bits @ 0..=32) => Some(u32::MAX.checked_shl(32 - bits).unwrap_or(0).into()),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    }
}

/// A mask as bits or as an address.
fn mask6(text: &str) -> Option<Ipv6Addr> {
    match text.parse::<u32>() {
        Ok(bits @ 0..=128) => Some(u128::MAX.checked_shl(128 - bits).unwrap_or(0).into()),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    }
}
