//! What looks patterns up in one way of matching.
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Entry;
use super::cell::PatternError;
use super::table::{List, Table};
pub(crate) use crate::acl::numbers::Operator;
use crate::acl::numbers::{Range, range};
use crate::acl::{Match, Net, from_hex, one_matches, trim, with_text};
use crate::casts;
use crate::regex::Regex;
use crate::sample::{Bytes, Sample, Value};

/// Samples up to this length are lower-cased on the stack, bytes.
const ON_STACK: usize = 256;

/// What the values of a map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// There are none: patterns of an ACL.
    None,
    /// Text.
    Str,
    /// An integer.
    Int,
    /// An address.
    Ip,
}

impl ValueKind {
    /// The value of a text; `None` when it is not of this kind.
    pub(crate) fn read(self, text: &Arc<[u8]>) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Str => Some(Sample::Str(Bytes::Shared(Arc::clone(text)))),
            Self::Int => crate::arg::integer(std::str::from_utf8(text).ok()?).map(Sample::Int),
            Self::Ip => std::str::from_utf8(text).ok()?.parse::<IpAddr>().ok().map(Sample::from),
        }
    }
}

/// How an index matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) method: Match,
    pub(crate) ignore_case: bool,
    /// Numbers are versions: `3.1`.
    pub(crate) dotted: bool,
    pub(crate) value: ValueKind,
    /// Values are templates for what a regular expression found.
    pub(crate) filled: bool,
}

/// An entry that was found by a command.
#[derive(Clone, Debug)]
pub struct Found {
    /// Name of the match method.
    pub method: &'static str,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
    /// By key, not one after the other.
    pub tree: bool,
    /// What its values are.
    pub value: ValueKind,
    /// The first entry that matches.
    pub entry: Option<Arc<Entry>>,
}

pub(super) struct Index {
    pub(super) kind: Kind,
    tables: ArcSwap<Tables>,
}

/// One pattern, read.
pub(super) enum Pattern {
    Nothing,
    Range(Range),
    Net(Net),
    Text(Arc<[u8]>),
    Regex(Regex),
}

type Nets<T> = BTreeMap<Reverse<T>, Table<T>>;

#[derive(Clone)]
pub(super) enum Tables {
    /// Existence and truth need no pattern.
    Nothing,
    Ranges(List<Range>),
    /// By mask, the longest first.
    Nets {
        v4: Nets<u32>,
        v6: Nets<u128>,
    },
    Exact(Table<Arc<[u8]>>),
    /// Beginnings or ends, by length.
    Parts(BTreeMap<usize, Table<Arc<[u8]>>>),
    Texts(List<Arc<[u8]>>),
    Regexes(List<Regex>),
}

impl Tables {
    pub(super) fn new(method: Match) -> Self {
        match method {
            Match::Found | Match::Bool => Self::Nothing,
            Match::Int | Match::Len => Self::Ranges(List::default()),
            Match::Ip => Self::Nets { v4: BTreeMap::new(), v6: BTreeMap::new() },
            Match::Str | Match::Bin => Self::Exact(Table::default()),
            Match::Beg | Match::End => Self::Parts(BTreeMap::new()),
            Match::Sub | Match::Dir | Match::Dom => Self::Texts(List::default()),
            Match::Reg => Self::Regexes(List::default()),
        }
    }

    pub(super) fn insert(&mut self, pattern: Pattern, entry: Arc<Entry>) {
        match (self, pattern) {
            (Self::Ranges(list), Pattern::Range(range)) => list.push(range, entry),
            (Self::Nets { v4, .. }, Pattern::Net(Net::V4 { net, mask })) => {
                v4.entry(Reverse(mask)).or_default().insert(net, entry);
            }
            (Self::Nets { v6, .. }, Pattern::Net(Net::V6 { net, mask })) => {
                v6.entry(Reverse(mask)).or_default().insert(net, entry);
            }
            (Self::Exact(table), Pattern::Text(text)) => table.insert(text, entry),
            (Self::Parts(tables), Pattern::Text(text)) => {
                tables.entry(text.len()).or_default().insert(text, entry);
            }
            (Self::Texts(list), Pattern::Text(text)) => list.push(text, entry),
            (Self::Regexes(list), Pattern::Regex(regex)) => list.push(regex, entry),
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, pattern: &Pattern, seq: u64) {
        match (self, pattern) {
            (Self::Ranges(list), _) => list.remove(seq),
            (Self::Texts(list), _) => list.remove(seq),
            (Self::Regexes(list), _) => list.remove(seq),
            (Self::Nets { v4, .. }, Pattern::Net(Net::V4 { net, mask })) => {
                remove(v4, &Reverse(*mask), net, seq);
            }
            (Self::Nets { v6, .. }, Pattern::Net(Net::V6 { net, mask })) => {
                remove(v6, &Reverse(*mask), net, seq);
            }
            (Self::Exact(table), Pattern::Text(text)) => table.remove(text, seq),
            (Self::Parts(tables), Pattern::Text(text)) => {
                remove(tables, &text.len(), text, seq);
            }
            _ => {}
        }
    }

    /// The entry of the same number takes another value.
    pub(super) fn replace(&mut self, pattern: &Pattern, with: &Arc<Entry>) {
        match (self, pattern) {
            (Self::Ranges(list), _) => list.replace(with),
            (Self::Texts(list), _) => list.replace(with),
            (Self::Regexes(list), _) => list.replace(with),
            (Self::Nets { v4, .. }, Pattern::Net(Net::V4 { net, mask })) => {
                if let Some(table) = v4.get_mut(&Reverse(*mask)) {
                    table.replace(net, with);
                }
            }
            (Self::Nets { v6, .. }, Pattern::Net(Net::V6 { net, mask })) => {
                if let Some(table) = v6.get_mut(&Reverse(*mask)) {
                    table.replace(net, with);
                }
            }
            (Self::Exact(table), Pattern::Text(text)) => table.replace(text, with),
            (Self::Parts(tables), Pattern::Text(text)) => {
                if let Some(table) = tables.get_mut(&text.len()) {
                    table.replace(text, with);
                }
            }
            _ => {}
        }
    }
}

/// Takes an entry from one of several tables, and the table with its last one.
fn remove<T: Ord, K: std::hash::Hash + Eq + Clone>(
    tables: &mut BTreeMap<T, Table<K>>,
    of: &T,
    key: &K,
    seq: u64,
) {
    let Some(table) = tables.get_mut(of) else { return };
    table.remove(key, seq);
    if table.is_empty() {
        tables.remove(of);
    }
}

impl Index {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, tables: ArcSwap::from_pointee(Tables::new(kind.method)) }
    }

    pub(super) fn tables(&self) -> Tables {
        Tables::clone(&self.tables.load())
    }

    pub(super) fn store(&self, tables: Tables) {
        self.tables.store(Arc::new(tables));
    }

    /// Reads a pattern; `resolve` gives the address of a host name.
    pub(super) fn pattern(
        &self,
        key: &Arc<[u8]>,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<Pattern, PatternError> {
        let Kind { method, ignore_case, dotted, .. } = self.kind;
        let wrong = |why: String| PatternError::pattern(method, key, why);
        let text = || {
            std::str::from_utf8(key).map_err(|_| wrong("the pattern is not valid UTF-8".to_owned()))
        };
        Ok(match method {
            Match::Found | Match::Bool => Pattern::Nothing,
            Match::Int | Match::Len => {
                Pattern::Range(range(text()?, Operator::Eq, dotted).map_err(wrong)?)
            }
            Match::Ip => Pattern::Net(Net::parse(text()?, resolve).map_err(wrong)?),
            Match::Bin => match from_hex(key) {
                Some(bytes) => Pattern::Text(bytes.into()),
                None => {
                    let shown = String::from_utf8_lossy(key);
                    return Err(wrong(format!("'{shown}' is not an even number of hex digits")));
                }
            },
            Match::Reg => Pattern::Regex(Regex::parse(text()?, ignore_case).map_err(wrong)?),
            Match::Dom | Match::Dir => {
                let trimmed = trim(key, method);
                Pattern::Text(match ignore_case {
                    true => trimmed.to_ascii_lowercase().into(),
                    false => trimmed.into(),
                })
            }
            _ if ignore_case => Pattern::Text(key.to_ascii_lowercase().into()),
            _ => Pattern::Text(Arc::clone(key)),
        })
    }

    /// The pattern of an entry that the tables hold.
    pub(super) fn known(&self, tables: &Tables, entry: &Entry) -> Option<Pattern> {
        // The names of hosts were resolved when the file was read.
        self.pattern(&entry.key, &|_| None).ok().or_else(|| tables.network(entry.seq))
    }

    /// Whether an entry matches.
    pub(super) fn matches(&self, sample: &Sample<'_>) -> bool {
        match self.kind.method {
            Match::Found => true,
            Match::Bool => match sample {
                Sample::Bool(value) => *value,
                other => casts::integer(other).is_some_and(|value| value != 0),
            },
            _ => self.look(sample, &mut |_, _| ()).is_some(),
        }
    }

    /// The first entry that matches, or the most exact one where there is an order of that kind,
    /// handed to `f` with the regular expression that it is.
    pub(super) fn look<R>(
        &self,
        sample: &Sample<'_>,
        f: &mut dyn FnMut(&Arc<Entry>, Option<&Regex>) -> R,
    ) -> Option<R> {
        let tables = self.tables.load();
        let method = self.kind.method;
        let found = match &**tables {
            Tables::Nothing => None,
            Tables::Ranges(list) => {
                let value = match method {
                    Match::Len => i64::try_from(with_text(sample, <[u8]>::len)).unwrap_or(i64::MAX),
                    _ => casts::integer(sample)?,
                };
                list.iter().find(|(r, _)| r.min <= value && value <= r.max).map(|(_, e)| e)
            }
            Tables::Nets { v4, v6 } => in_nets(v4, v6, sample),
            Tables::Regexes(list) => {
                let found =
                    with_text(sample, |text| list.iter().find(|(regex, _)| regex.is_match(text)));
                return found.map(|(regex, entry)| f(entry, Some(regex)));
            }
            Tables::Exact(table) if method == Match::Bin => {
                let bytes = casts::binary(sample.borrowed());
                table.get(&*bytes).and_then(|slots| slots.first())
            }
            tables => self.with_case(sample, |text| tables.of_text(text, method, self.is_tree())),
        };
        found.map(|entry| f(entry, None))
    }

    /// Hands over the text of a sample in the case in which patterns are kept.
    fn with_case<R>(&self, sample: &Sample<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
        with_text(sample, |text| {
            if !self.kind.ignore_case {
                return f(text);
            }
            let mut stack = [0; ON_STACK];
            match stack.get_mut(..text.len()) {
                Some(folded) => {
                    folded.copy_from_slice(text);
                    folded.make_ascii_lowercase();
                    f(folded)
                }
                None => f(&text.to_ascii_lowercase()),
            }
        })
    }

    fn is_tree(&self) -> bool {
        !self.kind.ignore_case && matches!(self.kind.method, Match::Str | Match::Beg | Match::Ip)
    }

    /// What a command finds for a text.
    pub(super) fn find(&self, text: &[u8]) -> Found {
        let sample = Sample::Str(Bytes::Borrowed(text));
        let Kind { method, ignore_case, value, filled, .. } = self.kind;
        Found {
            method: if filled { "regm" } else { method.name() },
            ignore_case,
            tree: self.is_tree(),
            value,
            entry: self.look(&sample, &mut |entry, _| Arc::clone(entry)),
        }
    }
}

impl Tables {
    /// The network of an entry.
    fn network(&self, seq: u64) -> Option<Pattern> {
        let Self::Nets { v4, v6 } = self else { return None };
        let small = v4.iter().find_map(|(Reverse(mask), table)| {
            table.key_of(seq).map(|net| Net::V4 { net, mask: *mask })
        });
        let large = || {
            v6.iter().find_map(|(Reverse(mask), table)| {
                table.key_of(seq).map(|net| Net::V6 { net, mask: *mask })
            })
        };
        small.or_else(large).map(Pattern::Net)
    }

    fn of_text(&self, text: &[u8], method: Match, longest: bool) -> Option<&Arc<Entry>> {
        match self {
            Self::Exact(table) => table.get(text)?.first(),
            Self::Texts(list) => {
                list.iter().find(|(pattern, _)| one_matches(text, pattern, method)).map(|(_, e)| e)
            }
            Self::Parts(tables) => {
                let mut found = tables.range(..=text.len()).rev().filter_map(|(length, table)| {
                    let part = match method {
                        Match::Beg => text.get(..*length),
                        _ => text.get(text.len() - length..),
                    };
                    table.get(part?)?.first()
                });
                if longest { found.next() } else { found.min_by_key(|entry| entry.seq) }
            }
            _ => None,
        }
    }
}

fn in_nets<'t>(
    v4: &'t Nets<u32>,
    v6: &'t Nets<u128>,
    sample: &Sample<'_>,
) -> Option<&'t Arc<Entry>> {
    match sample {
        Sample::V4(ip) => {
            net(v4, u32::from(*ip)).or_else(|| net(v6, u128::from(ip.to_ipv6_mapped())))
        }
        Sample::V6(ip) => net(v6, u128::from(*ip))
            .or_else(|| casts::embedded_v4(*ip).and_then(|ip| net(v4, u32::from(ip)))),
        Sample::Str(text) | Sample::Bin(text) => {
            let ip = std::str::from_utf8(text).ok()?.parse::<IpAddr>().ok()?;
            in_nets(v4, v6, &Sample::from(ip))
        }
        _ => None,
    }
}

/// The entry of the longest network around an address.
fn net<T>(tables: &Nets<T>, ip: T) -> Option<&Arc<Entry>>
where
    T: Copy + Ord + std::hash::Hash + std::ops::BitAnd<Output = T>,
{
    tables.iter().find_map(|(Reverse(mask), table)| table.get(&(ip & *mask))?.first())
}

/// A number or range under an operator as the range it means.
pub(crate) fn operand(word: &str, operator: Operator, dotted: bool) -> Result<String, String> {
    let bounds = range(word, operator, dotted)?;
    let text = |bound: i64| match dotted {
        true => format!("{}.{}", bound >> 16, bound & 0xffff),
        false => bound.to_string(),
    };
    Ok(match (operator, bounds) {
        (Operator::Eq, _) => word.to_owned(),
        _ if word.contains(':') => word.to_owned(),
        (_, Range { min, max: i64::MAX }) => format!("{}:", text(min)),
        (_, Range { max, .. }) => format!(":{}", text(max)),
    })
}
