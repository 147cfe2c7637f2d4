//! The entries of one list, their versions, and every change of them.
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Entry;
use super::index::{Found, Index, Kind, Tables, ValueKind};
use super::table::Table;
use crate::acl::Match;
use crate::regex::Regex;
use crate::sample::Sample;

/// Most entries that wait in versions that are not committed, so that forgotten ones have a bound.
const PREPARED_MAX: usize = 10_000_000;

/// Why an entry cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// The pattern does not suit the way of matching.
    Pattern {
        /// The match method.
        method: Match,
        /// The pattern.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// The value is not of the map's kind.
    Value(String),
    /// No entry has this key or number.
    NotFound,
    /// The version was not prepared.
    Version,
    /// Too many entries wait in prepared versions.
    Full,
}

impl PatternError {
    pub(super) fn pattern(method: Match, key: &[u8], why: String) -> Self {
        Self::Pattern { method, key: String::from_utf8_lossy(key).into_owned(), why }
    }

    /// Whether this pattern is the one that is wrong.
    pub(crate) fn is_about(&self, pattern: &str) -> bool {
        matches!(self, Self::Pattern { key, .. } if key == pattern)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { why, .. } => f.write_str(why),
            Self::Value(value) => write!(f, "value '{value}' is invalid"),
            Self::NotFound => f.write_str("there is no such entry"),
            Self::Version => f.write_str("the version was not prepared"),
            Self::Full => f.write_str("too many entries in prepared versions"),
        }
    }
}

/// Which entries a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternKey<'k> {
    /// All with this pattern.
    Key(&'k [u8]),
    /// The one with this number.
    Seq(u64),
}

/// Entries of one version.
#[derive(Default)]
struct Entries {
    list: BTreeMap<u64, Arc<Entry>>,
    by_key: Table<Arc<[u8]>>,
}

impl Entries {
    fn insert(&mut self, entry: &Arc<Entry>) {
        self.list.insert(entry.seq, Arc::clone(entry));
        self.by_key.insert(Arc::clone(&entry.key), Arc::clone(entry));
    }

    fn remove(&mut self, entry: &Entry) {
        self.list.remove(&entry.seq);
        self.by_key.remove(&entry.key, entry.seq);
    }

    fn named(&self, key: PatternKey<'_>) -> Vec<Arc<Entry>> {
        match key {
            PatternKey::Key(key) => {
                self.by_key.get(key).map(|s| s.all().to_vec()).unwrap_or_default()
            }
            PatternKey::Seq(seq) => self.list.get(&seq).cloned().into_iter().collect(),
        }
    }
}

struct State {
    next_seq: u64,
    version: u32,
    newest: u32,
    entries: Entries,
    /// Versions that are not looked up (yet), by number.
    prepared: BTreeMap<u32, Entries>,
    /// What looks the entries up; an index lives as long as a configuration that uses it.
    indexes: Vec<Weak<Index>>,
}

/// A list of patterns that can be changed while it is looked up.
pub struct PatternCell {
    /// Each entry has a value.
    columns: bool,
    content: u64,
    touched: AtomicBool,
    state: Mutex<State>,
}

impl PatternCell {
    /// An empty list; `content` stands for what it was made of, for comparisons.
    pub(super) fn new(columns: bool, content: u64) -> Self {
        Self {
            columns,
            content,
            touched: AtomicBool::new(false),
            state: Mutex::new(State {
                next_seq: 1,
                version: 0,
                newest: 0,
                entries: Entries::default(),
                prepared: BTreeMap::new(),
                indexes: Vec::new(),
            }),
        }
    }

    /// The lines of a file; of two columns the second is a value.
    pub(super) fn read(content: &[u8], columns: bool) -> Self {
        let cell = Self::new(columns, fingerprint(content, columns));
        let mut state = cell.lock();
        for (line, text) in crate::map::lines(content) {
            let (key, value) = match columns {
                true => {
                    let (key, value) = crate::map::columns(text);
                    (key, Some(value.into()))
                }
                false => (text, None),
            };
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            state.push(line, key.into(), value);
        }
        drop(state);
        cell
    }

    /// Patterns of a line of the configuration.
    pub(crate) fn words<'w>(words: impl Iterator<Item = &'w str> + Clone) -> Self {
        let mut hasher = DefaultHasher::new();
        words.clone().for_each(|word| word.hash(&mut hasher));
        let cell = Self::new(false, hasher.finish());
        let mut state = cell.lock();
        for word in words {
            state.push(0, word.as_bytes().into(), None);
        }
        drop(state);
        cell
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether each entry has a value.
    pub fn has_values(&self) -> bool {
        self.columns
    }

    /// What it was made of, for comparisons.
    pub(super) fn content(&self) -> u64 {
        self.content
    }

    /// Whether it was changed since it was made.
    pub fn is_touched(&self) -> bool {
        self.touched.load(Ordering::Acquire)
    }

    /// Whether both mean the same: the same list, or two that hold what the same files said.
    pub(crate) fn same(a: &Arc<Self>, b: &Arc<Self>) -> bool {
        Arc::ptr_eq(a, b) || (a.content == b.content && !a.is_touched() && !b.is_touched())
    }

    /// What looks it up in a way of matching.
    pub(crate) fn index(
        self: &Arc<Self>,
        kind: Kind,
        resolve: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Result<PatternUse, (u32, PatternError)> {
        let mut state = self.lock();
        let known = state.indexes.iter().filter_map(Weak::upgrade).find(|i| i.kind == kind);
        let index = match known {
            Some(index) => index,
            None => {
                let index = Arc::new(Index::new(kind));
                index.store(filled(&index, &state.entries, resolve)?);
                state.indexes.retain(|i| i.strong_count() > 0);
                state.indexes.push(Arc::downgrade(&index));
                index
            }
        };
        Ok(PatternUse { cell: Arc::clone(self), index })
    }

    /// Version that is looked up, newest version that was prepared, and entries in all indexes.
    pub fn figures(&self) -> (u32, u32, usize) {
        let state = self.lock();
        let prepared: usize = state.prepared.values().map(|e| e.list.len()).sum();
        let indexes = state.indexes.iter().filter(|i| i.strong_count() > 0).count();
        (state.version, state.newest, (state.entries.list.len() + prepared) * indexes)
    }

    /// The entries of a version; of the one that is looked up when none is named.
    pub fn entries(&self, version: Option<u32>) -> Vec<Arc<Entry>> {
        let state = self.lock();
        let entries = match version.filter(|v| *v != state.version) {
            Some(version) => state.prepared.get(&version),
            None => Some(&state.entries),
        };
        entries.map(|e| e.list.values().cloned().collect()).unwrap_or_default()
    }

    /// What every way of matching finds for a text.
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        self.lock().live().iter().map(|index| index.find(text)).collect()
    }

    /// Adds entries; those before the first that is refused stay.
    pub fn add<'e>(
        &self,
        version: Option<u32>,
        entries: impl IntoIterator<Item = (&'e [u8], Option<&'e [u8]>)>,
    ) -> Result<(), PatternError> {
        let mut state = self.lock();
        let now = version.filter(|v| *v != state.version);
        if now.is_some_and(|v| v > state.newest) {
            return Err(PatternError::Version);
        }
        self.touched.store(true, Ordering::Release);
        let live = state.live();
        let mut tables: Vec<Tables> = match now {
            None => live.iter().map(|index| index.tables()).collect(),
            Some(_) => Vec::new(),
        };
        let mut outcome = Ok(());
        for (key, value) in entries {
            outcome = state.add(now, &live, &mut tables, key, value);
            if outcome.is_err() {
                break;
            }
        }
        for (index, tables) in live.iter().zip(tables) {
            index.store(tables);
        }
        outcome
    }

    /// Gives entries another value.
    pub fn set(&self, key: PatternKey<'_>, value: &[u8]) -> Result<(), PatternError> {
        let mut state = self.lock();
        let concerned = state.entries.named(key);
        if concerned.is_empty() {
            return Err(PatternError::NotFound);
        }
        let live = state.live();
        let value: Arc<[u8]> = value.into();
        live.iter().try_for_each(|index| check_value(index, Some(&value)))?;
        self.touched.store(true, Ordering::Release);
        let mut tables: Vec<Tables> = live.iter().map(|index| index.tables()).collect();
        for old in concerned {
            let (seq, line, key) = (old.seq, old.line, Arc::clone(&old.key));
            let entry = Arc::new(Entry { seq, line, key, value: Some(Arc::clone(&value)) });
            for (index, tables) in live.iter().zip(&mut tables) {
                if let Some(pattern) = index.known(tables, &entry) {
                    tables.replace(&pattern, &entry);
                }
            }
            state.entries.by_key.replace(&entry.key, &entry);
            state.entries.list.insert(seq, entry);
        }
        for (index, tables) in live.iter().zip(tables) {
            index.store(tables);
        }
        Ok(())
    }

    /// Takes entries away.
    pub fn delete(&self, key: PatternKey<'_>) -> Result<(), PatternError> {
        let mut state = self.lock();
        let concerned = state.entries.named(key);
        if concerned.is_empty() {
            return Err(PatternError::NotFound);
        }
        self.touched.store(true, Ordering::Release);
        let live = state.live();
        let mut tables: Vec<Tables> = live.iter().map(|index| index.tables()).collect();
        for entry in concerned {
            for (index, tables) in live.iter().zip(&mut tables) {
                if let Some(pattern) = index.known(tables, &entry) {
                    tables.remove(&pattern, entry.seq);
                }
            }
            state.entries.remove(&entry);
        }
        for (index, tables) in live.iter().zip(tables) {
            index.store(tables);
        }
        Ok(())
    }

    /// `http-request set-map`: another value for a key, or an entry more.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<(), PatternError> {
        match self.set(PatternKey::Key(key), value) {
            Err(PatternError::NotFound) => self.add(None, [(key, Some(value))]),
            outcome => outcome,
        }
    }

    /// `http-request add-acl`: an entry more unless there is one.
    pub fn ensure(&self, key: &[u8]) -> Result<(), PatternError> {
        if !self.lock().entries.named(PatternKey::Key(key)).is_empty() {
            return Ok(());
        }
        self.add(None, [(key, None)])
    }

    /// Empties a version; the one that is looked up when none is named.
    pub fn clear(&self, version: Option<u32>) {
        let mut state = self.lock();
        self.touched.store(true, Ordering::Release);
        match version.filter(|v| *v != state.version) {
            Some(version) => drop(state.prepared.remove(&version)),
            None => state.replace(Entries::default()),
        }
    }

    /// A new version.
    pub fn prepare(&self) -> u32 {
        let mut state = self.lock();
        self.touched.store(true, Ordering::Release);
        state.newest = state.newest.saturating_add(1);
        state.newest
    }

    /// From now on this version is looked up; older ones are forgotten.
    pub fn commit(&self, version: u32) -> Result<(), PatternError> {
        let mut state = self.lock();
        if version <= state.version || version > state.newest {
            return Err(PatternError::Version);
        }
        self.touched.store(true, Ordering::Release);
        let entries = state.prepared.remove(&version).unwrap_or_default();
        state.prepared = state.prepared.split_off(&version);
        state.version = version;
        state.replace(entries);
        Ok(())
    }
}

impl State {
    /// What looks the entries up now.
    fn live(&self) -> Vec<Arc<Index>> {
        self.indexes.iter().filter_map(Weak::upgrade).collect()
    }

    /// An entry of a list that nothing looks up yet.
    fn push(&mut self, line: u32, key: Arc<[u8]>, value: Option<Arc<[u8]>>) {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.entries.insert(&Arc::new(Entry { seq, line, key, value }));
    }

    /// An entry more, checked by every index; `version` is one that is not looked up.
    fn add(
        &mut self,
        version: Option<u32>,
        live: &[Arc<Index>],
        tables: &mut [Tables],
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), PatternError> {
        let (key, value) = (Arc::from(key), value.map(Arc::from));
        let mut patterns = Vec::with_capacity(live.len());
        for index in live {
            check_value(index, value.as_ref())?;
            patterns.push(index.pattern(&key, &|_| None)?);
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        let entry = Arc::new(Entry { seq, line: 0, key, value });
        match version {
            None => {
                for (tables, pattern) in tables.iter_mut().zip(patterns) {
                    tables.insert(pattern, Arc::clone(&entry));
                }
                self.entries.insert(&entry);
            }
            Some(version) => {
                if self.prepared.values().map(|e| e.list.len()).sum::<usize>() >= PREPARED_MAX {
                    return Err(PatternError::Full);
                }
                self.prepared.entry(version).or_default().insert(&entry);
            }
        }
        Ok(())
    }

    /// These entries are looked up from now on. They were checked when they came.
    fn replace(&mut self, entries: Entries) {
        for index in self.live() {
            if let Ok(tables) = filled(&index, &entries, &|_| None) {
                index.store(tables);
            }
        }
        self.entries = entries;
    }
}

fn check_value(index: &Index, value: Option<&Arc<[u8]>>) -> Result<(), PatternError> {
    let kind = index.kind.value;
    match value {
        Some(text) if kind != ValueKind::None && kind.read(text).is_none() => {
            Err(PatternError::Value(String::from_utf8_lossy(text).into_owned()))
        }
        _ => Ok(()),
    }
}

/// The entries as an index keeps them, or the line that does not suit it.
fn filled(
    index: &Index,
    entries: &Entries,
    resolve: &dyn Fn(&str) -> Option<IpAddr>,
) -> Result<Tables, (u32, PatternError)> {
    let mut tables = Tables::new(index.kind.method);
    for entry in entries.list.values() {
        let wrong = |why| (entry.line, why);
        check_value(index, entry.value.as_ref()).map_err(wrong)?;
        let pattern = index.pattern(&entry.key, resolve).map_err(wrong)?;
        tables.insert(pattern, Arc::clone(entry));
    }
    Ok(tables)
}

/// Stands for a file's content in comparisons.
pub(super) fn fingerprint(content: &[u8], columns: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (content, columns).hash(&mut hasher);
    hasher.finish()
}

/// A list as one expression looks it up.
#[derive(Clone)]
pub struct PatternUse {
    cell: Arc<PatternCell>,
    index: Arc<Index>,
}

impl PatternUse {
    /// The list.
    pub fn cell(&self) -> &Arc<PatternCell> {
        &self.cell
    }

    pub(crate) fn matches(&self, sample: &Sample<'_>) -> bool {
        self.index.matches(sample)
    }

    /// What is found is handed to `f`, with the regular expression that it is.
    pub(crate) fn look<R>(
        &self,
        sample: &Sample<'_>,
        f: &mut dyn FnMut(&Arc<Entry>, Option<&Regex>) -> R,
    ) -> Option<R> {
        self.index.look(sample, f)
    }

    pub(crate) fn value_kind(&self) -> ValueKind {
        self.index.kind.value
    }
}

impl PartialEq for PatternUse {
    fn eq(&self, other: &Self) -> bool {
        self.index.kind == other.index.kind && PatternCell::same(&self.cell, &other.cell)
    }
}

impl fmt::Debug for PatternUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:016x}", self.index.kind, self.cell.content)
    }
}

impl fmt::Debug for PatternCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatternCell({:016x})", self.content)
    }
}
