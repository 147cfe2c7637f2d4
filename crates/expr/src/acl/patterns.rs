//! Patterns of one test and how samples are matched against them (manual 7.1.1 to 7.1.6).
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::regex::Regex;

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
        if matches!(self.method, Match::Int | Match::Len) {
            if let Some(operator) = Operator::named(word) {
                self.operator = operator;
                return Ok(());
            }
        }
        self.add_one(word, ignore_case, resolve)
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
            Match::Ip => self.nets.add(word, resolve)?,
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
        Match::Sub => contains(text, pattern),
        Match::Dir | Match::Dom => delimited(text, pattern, method),
        _ => text == pattern,
    }
}

/// Whether `part` is somewhere inside `text`.
pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
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
fn with_text<R>(sample: &Sample<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
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

/// Networks of both families.
#[derive(Clone, Debug, Default)]
struct Nets {
    /// By mask: the networks under it.
    v4: Vec<(u32, HashSet<u32>)>,
    v6: Vec<(u128, HashSet<u128>)>,
}

impl Nets {
    fn add(&mut self, word: &str, resolve: &dyn Fn(&str) -> Option<IpAddr>) -> Result<(), String> {
        let bad = || format!("'{word}' is neither an address nor a network");
        let (address, bits) = match word.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (word, None),
        };
        if let Some(ip) = short_v4(address) {
            let mask = match bits {
                None => u32::MAX,
                Some(bits) => match bits.parse::<u32>() {
                    Ok(bits @ 0..=32) => u32::MAX.checked_shl(32 - bits).unwrap_or(0),
                    Ok(_) => return Err(bad()),
                    Err(_) => u32::from(bits.parse::<Ipv4Addr>().map_err(|_| bad())?),
                },
            };
            insert(&mut self.v4, mask, u32::from(ip) & mask);
            return Ok(());
        }
        if let Ok(ip) = address.parse::<Ipv6Addr>() {
            let bits = bits.map_or(Ok(128), str::parse::<u32>).map_err(|_| bad())?;
            if bits > 128 {
                return Err(bad());
            }
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            insert(&mut self.v6, mask, u128::from(ip) & mask);
            return Ok(());
        }
        match (bits, resolve(address)) {
            (None, Some(IpAddr::V4(ip))) => insert(&mut self.v4, u32::MAX, ip.into()),
            (None, Some(IpAddr::V6(ip))) => insert(&mut self.v6, u128::MAX, ip.into()),
            _ => return Err(bad()),
        }
        Ok(())
    }

    fn contains(&self, sample: &Sample<'_>) -> bool {
        match sample {
            Sample::V4(ip) => self.has_v4(*ip) || self.has_v6(ip.to_ipv6_mapped()),
            Sample::V6(ip) => {
                self.has_v6(*ip) || casts::embedded_v4(*ip).is_some_and(|ip| self.has_v4(ip))
            }
            Sample::Str(text) | Sample::Bin(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|ip| self.contains(&Sample::from(ip))),
            _ => false,
        }
    }

    fn has_v4(&self, ip: Ipv4Addr) -> bool {
        let ip = u32::from(ip);
        self.v4.iter().any(|(mask, nets)| nets.contains(&(ip & mask)))
    }

    fn has_v6(&self, ip: Ipv6Addr) -> bool {
        let ip = u128::from(ip);
        self.v6.iter().any(|(mask, nets)| nets.contains(&(ip & mask)))
    }
}

fn insert<T: Copy + Eq + std::hash::Hash>(nets: &mut Vec<(T, HashSet<T>)>, mask: T, net: T) {
    match nets.iter_mut().find(|(known, _)| *known == mask) {
        Some((_, set)) => drop(set.insert(net)),
        None => nets.push((mask, HashSet::from([net]))),
    }
}

/// Dotted IPv4 in which zero bytes before the last may be left out: `127.1`, `10.12`.
fn short_v4(text: &str) -> Option<Ipv4Addr> {
    let parts = text.split('.').map(|part| part.parse::<u8>().ok()).collect::<Option<Vec<_>>>()?;
    Some(match *parts.as_slice() {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d),
        [a, b, d] => Ipv4Addr::new(a, b, 0, d),
        [a, d] => Ipv4Addr::new(a, 0, 0, d),
        _ => return None,
    })
}
