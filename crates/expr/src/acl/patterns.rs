//! How samples are matched against one pattern (manual 7.1.1 to 7.1.6).
use crate::casts;
use crate::sample::{Bytes, Sample};

/// How a sample is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// It exists.
    Found,
    /// It is true.
    Bool,
    /// It is one of some integers or in one of some ranges.
    Int,
    /// It is in one of some networks.
    Ip,
    /// It equals bytes given in hexadecimal.
    Bin,
    /// Its length, as an integer.
    Len,
    /// It equals a string.
    Str,
    /// It begins with a string.
    Beg,
    /// It contains a string.
    Sub,
    /// It contains a string between slashes.
    Dir,
    /// It contains a string between the delimiters of domains and URLs.
    Dom,
    /// It ends with a string.
    End,
    /// A regular expression matches.
    Reg,
}

impl Match {
    /// Every method.
    pub const ALL: &'static [Self] = &[
        Self::Found,
        Self::Bool,
        Self::Int,
        Self::Ip,
        Self::Bin,
        Self::Len,
        Self::Str,
        Self::Beg,
        Self::Sub,
        Self::Dir,
        Self::Dom,
        Self::End,
        Self::Reg,
    ];

    /// The word after `-m`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Ip => "ip",
            Self::Bin => "bin",
            Self::Len => "len",
            Self::Str => "str",
            Self::Beg => "beg",
            Self::Sub => "sub",
            Self::Dir => "dir",
            Self::Dom => "dom",
            Self::End => "end",
            Self::Reg => "reg",
        }
    }

    /// The method of a word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }
}

/// Whether one pattern matches a text.
pub(crate) fn one_matches(text: &[u8], pattern: &[u8], method: Match) -> bool {
    match method {
        Match::Beg => text.starts_with(pattern),
        Match::End => text.ends_with(pattern),
        Match::Sub => memchr::memmem::find(text, pattern).is_some(),
        Match::Dir | Match::Dom => delimited(text, pattern, method),
        _ => text == pattern,
    }
}

fn is_delimiter(byte: u8, method: Match) -> bool {
    match method {
        Match::Dir => matches!(byte, b'/' | b'?'),
        _ => matches!(byte, b'/' | b'?' | b'.' | b':'),
    }
}

/// A pattern without delimiters at its ends.
pub(crate) fn trim(mut text: &[u8], method: Match) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_delimiter(*first, method) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_delimiter(*last, method) {
            break;
        }
        text = rest;
    }
    text
}

/// Whether the pattern stands in the text with delimiters or nothing on both sides.
fn delimited(text: &[u8], pattern: &[u8], method: Match) -> bool {
    if pattern.is_empty() {
        return false;
    }
    text.windows(pattern.len()).enumerate().any(|(at, window)| {
        window == pattern
            && at.checked_sub(1).and_then(|b| text.get(b)).is_none_or(|b| is_delimiter(*b, method))
            && text.get(at + pattern.len()).is_none_or(|b| is_delimiter(*b, method))
    })
}

/// Hands the text of a sample to `f`: binary ends at its first NUL, numbers and addresses are
/// printed.
pub(crate) fn with_text<R>(sample: &Sample<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
    match sample {
        Sample::Str(bytes) | Sample::Method(bytes) => f(bytes),
        Sample::Bin(bytes) => {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            f(bytes.get(..end).unwrap_or_default())
        }
        other => {
            let text: Bytes<'_> = casts::text(other.clone());
            f(&text)
        }
    }
}

/// Bytes written in hexadecimal.
pub(crate) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
