//! Patterns of one test and how samples are matched against them (manual 7.1.1 to 7.1.6).
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;

use crate::regex::Regex;

use super::nets::{Net, Nets};
use super::numbers::{Operator, Range, range};
use crate::casts;
use crate::sample::{Bytes, Sample};

/// From this many patterns on, exact, prefix and suffix matches use hash tables.
const HASHED_FROM: usize = 8;
/// Samples up to this length are lower-cased on the stack, bytes.
const ON_STACK: usize = 256;

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

/// Patterns while they are read.
pub(crate) struct PatternSet {
    method: Match,
    dotted: bool,
    operator: Operator,
    exact: Vec<Vec<u8>>,
    folded: Vec<Vec<u8>>,
    regexes: Vec<Regex>,
    ranges: Vec<Range>,
    nets: Nets,
    content: DefaultHasher,
}

/// Patterns ready for matching.
pub(crate) struct Patterns {
    method: Match,
    exact: Strings,
    folded: Strings,
    regexes: Vec<Regex>,
    ranges: Vec<Range>,
    nets: Nets,
    content: u64,
}

/// Strings of one case rule.
enum Strings {
    Few(Vec<Vec<u8>>),
    /// By length, so that a prefix or suffix of each length is looked up once.
    Many(BTreeMap<usize, HashSet<Vec<u8>>>),
}

impl PatternSet {
    pub(crate) fn new(method: Match, dotted: bool) -> Self {
        Self {
            method,
            dotted,
            operator: Operator::Eq,
            exact: Vec::new(),
            folded: Vec::new(),
            regexes: Vec::new(),
            ranges: Vec::new(),
            nets: Nets::default(),
            content: DefaultHasher::new(),
        }
    }

    /// Takes a word of the configuration: a pattern, or an operator for those that follow.
    pub(crate) fn add(
        &mut self,
        word: &str,
        ignore_case: bool,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<(), String> {
        match Operator::named(word) {
            Some(operator) if matches!(self.method, Match::Int | Match::Len) => {
                self.operator = operator;
                Ok(())
            }
            _ => self.add_one(word, ignore_case, resolve),
        }
    }

    /// Takes one pattern.
    pub(crate) fn add_one(
        &mut self,
        word: &str,
        ignore_case: bool,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<(), String> {
        match self.method {
            Match::Found | Match::Bool => {}
            Match::Int | Match::Len => {
                self.ranges.push(range(word, self.operator, self.dotted)?);
            }
            Match::Ip => self.nets.add(Net::parse(word, resolve)?),
            Match::Bin => {
                let bytes = from_hex(word.as_bytes())
                    .ok_or_else(|| format!("'{word}' is not an even number of hex digits"))?;
                self.exact.push(bytes);
            }
            Match::Reg => self.regexes.push(Regex::parse(word, ignore_case)?),
            Match::Dom | Match::Dir => {
                let trimmed = trim(word.as_bytes(), self.method).to_vec();
                self.push_string(trimmed, ignore_case);
            }
            _ => self.push_string(word.as_bytes().to_vec(), ignore_case),
        }
        Ok(())
    }

    fn push_string(&mut self, bytes: Vec<u8>, ignore_case: bool) {
        if ignore_case {
            self.folded.push(bytes.to_ascii_lowercase());
        } else {
            self.exact.push(bytes);
        }
    }

    /// Lets a file's content count in comparisons.
    pub(crate) fn mix_content(&mut self, content: &[u8]) {
        self.content.write(content);
    }

    pub(crate) fn finish(self) -> Patterns {
        let hashed = matches!(self.method, Match::Str | Match::Bin | Match::Beg | Match::End);
        Patterns {
            method: self.method,
            exact: Strings::new(self.exact, hashed),
            folded: Strings::new(self.folded, hashed),
            regexes: self.regexes,
            ranges: self.ranges,
            nets: self.nets,
            content: self.content.finish(),
        }
    }
}

impl Patterns {
    pub(crate) fn matches(&self, sample: &Sample<'_>) -> bool {
        match self.method {
            Match::Found => true,
            Match::Bool => match sample {
                Sample::Bool(value) => *value,
                other => casts::integer(other).is_some_and(|value| value != 0),
            },
            Match::Int => casts::integer(sample).is_some_and(|value| self.in_range(value)),
            Match::Len => {
                let length = with_text(sample, <[u8]>::len);
                self.in_range(i64::try_from(length).unwrap_or(i64::MAX))
            }
            Match::Ip => self.nets.contains(sample),
            Match::Reg => with_text(sample, |text| self.regexes.iter().any(|r| r.is_match(text))),
            Match::Bin => {
                let bytes = casts::binary(sample.borrowed());
                self.exact.matches(&bytes, Match::Str)
            }
            method => with_text(sample, |text| self.matches_text(text, method)),
        }
    }

    fn matches_text(&self, text: &[u8], method: Match) -> bool {
        if self.exact.matches(text, method) {
            return true;
        }
        if self.folded.is_empty() {
            return false;
        }
        let mut stack = [0; ON_STACK];
        match stack.get_mut(..text.len()) {
            Some(folded) => {
                folded.copy_from_slice(text);
                folded.make_ascii_lowercase();
                self.folded.matches(folded, method)
            }
            None => self.folded.matches(&text.to_ascii_lowercase(), method),
        }
    }

    fn in_range(&self, value: i64) -> bool {
        self.ranges.iter().any(|range| range.min <= value && value <= range.max)
    }

    /// A template filled from the first regular expression that matches.
    pub(crate) fn expand(&self, text: &[u8], template: &[u8]) -> Option<Vec<u8>> {
        self.regexes.iter().find_map(|regex| regex.expand(text, template))
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.content
    }
}

impl Strings {
    fn new(list: Vec<Vec<u8>>, hashed: bool) -> Self {
        if !hashed || list.len() < HASHED_FROM {
            return Self::Few(list);
        }
        let mut by_length = BTreeMap::<usize, HashSet<Vec<u8>>>::new();
        for string in list {
            by_length.entry(string.len()).or_default().insert(string);
        }
        Self::Many(by_length)
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Few(list) => list.is_empty(),
            Self::Many(map) => map.is_empty(),
        }
    }

    fn matches(&self, text: &[u8], method: Match) -> bool {
        match self {
            Self::Few(list) => list.iter().any(|pattern| one_matches(text, pattern, method)),
            Self::Many(map) if method == Match::Str => {
                map.get(&text.len()).is_some_and(|set| set.contains(text))
            }
            Self::Many(map) => map.range(..=text.len()).any(|(length, set)| {
                let part = match method {
                    Match::Beg => text.get(..*length),
                    _ => text.get(text.len() - length..),
                };
                part.is_some_and(|part| set.contains(part))
            }),
        }
    }
}

fn one_matches(text: &[u8], pattern: &[u8], method: Match) -> bool {
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

fn trim(mut text: &[u8], method: Match) -> &[u8] {
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
