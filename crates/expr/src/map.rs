//! Files of patterns and maps: lines, columns, and the lookup behind the `map` converters.
use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;

use crate::acl::{Match, PatternSet, Patterns};
use crate::sample::{Sample, Value};

/// The lines of a file that count, with their numbers: no empty ones, no comments, without
/// leading blanks.
pub(crate) fn lines(content: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    content.split(|b| *b == b'\n').enumerate().filter_map(|(nth, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            return None;
        }
        let line = line.trim_ascii_start();
        (!line.is_empty()).then_some((nth + 1, line))
    })
}

/// A line's first word and the rest.
pub(crate) fn columns(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    (key, rest.trim_ascii())
}

/// A file of patterns, each with a value. The first that matches in file order counts.
pub(crate) struct Map {
    entries: Vec<(Patterns, Value)>,
    content: u64,
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Map({} entries)", self.entries.len())
    }
}

impl Map {
    pub(crate) fn read(
        content: &[u8],
        method: Match,
        value: impl Fn(&[u8], &[u8]) -> Option<Value>,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<Self, String> {
        let mut entries = Vec::new();
        for (nth, line) in lines(content) {
            let (key_bytes, text) = columns(line);
            let key = std::str::from_utf8(key_bytes)
                .map_err(|_| format!("line {nth}: the pattern is not valid UTF-8"))?;
            let mut set = PatternSet::new(method, false);
            set.add_one(key, false, resolve).map_err(|why| format!("line {nth}: {why}"))?;
            let value = value(key_bytes, text).ok_or_else(|| {
                format!("line {nth}: value '{}' is invalid", String::from_utf8_lossy(text))
            })?;
            entries.push((set.finish(), value));
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Ok(Self { entries, content: hasher.finish() })
    }

    /// The value of the first entry that matches, and its pattern.
    pub(crate) fn lookup(&self, sample: &Sample<'_>) -> Option<(&Value, &Patterns)> {
        let found = self.entries.iter().find(|(key, _)| key.matches(sample));
        found.map(|(key, value)| (value, key))
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.content
    }
}
