//! Files of patterns and maps: lines, columns, and the lookup behind the `map` converters.
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;

use crate::acl::{Match, Net, PatternSet, Patterns, with_text};
use crate::casts::embedded_v4;
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

/// A file of patterns, each with a value.
///
/// Exact strings and networks are looked up by hash, and of several networks or prefixes the
/// longest counts; everything else is tried in the order of the file.
pub(crate) struct Map {
    index: Index,
    content: u64,
}

enum Index {
    Exact(HashMap<Box<[u8]>, Value>),
    /// By length.
    Prefixes(BTreeMap<usize, HashMap<Box<[u8]>, Value>>),
    /// By mask, the longest first.
    Nets {
        v4: NetTables<u32>,
        v6: NetTables<u128>,
    },
    List(Vec<(Patterns, Value)>),
}

type NetTables<T> = BTreeMap<Reverse<T>, HashMap<T, Value>>;

/// What a map is told about its lines: key and value as text.
type Line<'l> = (&'l str, &'l [u8]);

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Map({:016x})", self.content)
    }
}

impl Map {
    /// Reads a file's content. Of two equal keys the first counts.
    pub(crate) fn read(
        content: &[u8],
        method: Match,
        value: impl Fn(Line<'_>) -> Option<Value>,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<Self, String> {
        let mut index = match method {
            Match::Str => Index::Exact(HashMap::new()),
            Match::Beg => Index::Prefixes(BTreeMap::new()),
            Match::Ip => Index::Nets { v4: BTreeMap::new(), v6: BTreeMap::new() },
            _ => Index::List(Vec::new()),
        };
        for (nth, line) in lines(content) {
            let (key, text) = columns(line);
            let key = std::str::from_utf8(key)
                .map_err(|_| format!("line {nth}: the pattern is not valid UTF-8"))?;
            let value = value((key, text)).ok_or_else(|| {
                format!("line {nth}: value '{}' is invalid", String::from_utf8_lossy(text))
            })?;
            index.add(key, method, value, resolve).map_err(|why| format!("line {nth}: {why}"))?;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Ok(Self { index, content: hasher.finish() })
    }

    /// The value of the entry that matches, and its pattern where patterns are a list.
    pub(crate) fn lookup(&self, sample: &Sample<'_>) -> Option<(&Value, Option<&Patterns>)> {
        match &self.index {
            Index::List(entries) => {
                let found = entries.iter().find(|(key, _)| key.matches(sample));
                found.map(|(key, value)| (value, Some(key)))
            }
            Index::Exact(table) => {
                with_text(sample, |text| table.get(text)).map(|value| (value, None))
            }
            Index::Prefixes(tables) => with_text(sample, |text| {
                tables.range(..=text.len()).rev().find_map(|(length, table)| {
                    text.get(..*length).and_then(|prefix| table.get(prefix))
                })
            })
            .map(|value| (value, None)),
            Index::Nets { v4, v6 } => {
                let value = match *sample {
                    Sample::V4(ip) => {
                        net(v4, ip.into()).or_else(|| net(v6, ip.to_ipv6_mapped().into()))
                    }
                    Sample::V6(ip) => net(v6, ip.into())
                        .or_else(|| embedded_v4(ip).and_then(|ip| net(v4, ip.into()))),
                    _ => None,
                };
                value.map(|value| (value, None))
            }
        }
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.content
    }
}

impl Index {
    fn add(
        &mut self,
        key: &str,
        method: Match,
        value: Value,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<(), String> {
        match self {
            Self::Exact(table) => {
                table.entry(key.as_bytes().into()).or_insert(value);
            }
            Self::Prefixes(tables) => {
                let table = tables.entry(key.len()).or_default();
                table.entry(key.as_bytes().into()).or_insert(value);
            }
            Self::Nets { v4, v6 } => match Net::parse(key, resolve)? {
                Net::V4 { net, mask } => {
                    v4.entry(Reverse(mask)).or_default().entry(net).or_insert(value);
                }
                Net::V6 { net, mask } => {
                    v6.entry(Reverse(mask)).or_default().entry(net).or_insert(value);
                }
            },
            Self::List(entries) => {
                let mut set = PatternSet::new(method, false);
                set.add_one(key, false, resolve)?;
                entries.push((set.finish(), value));
            }
        }
        Ok(())
    }
}

/// The value of the longest network around an address.
fn net<T>(tables: &NetTables<T>, ip: T) -> Option<&Value>
where
    T: Copy + Ord + std::hash::Hash + std::ops::BitAnd<Output = T>,
{
    tables.iter().find_map(|(Reverse(mask), table)| table.get(&(ip & *mask)))
}
