//! Which lists of patterns a configuration has: shared by all lines that name the same file, kept
//! from one reading of the configuration to the next as long as they say the same.
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::cell::{PatternCell, fingerprint};
use crate::acl::{Acl, Acls};
use crate::context::ParseContext;

/// Every list that lives in the process, by what names it.
#[derive(Default)]
pub struct PatternStore(Mutex<HashMap<String, Vec<Weak<PatternCell>>>>);

impl PatternStore {
    /// The list of this name and content that nobody changed, or a new one. A list that was
    /// changed while it ran belongs to the configuration it ran in.
    fn find_or(
        &self,
        name: String,
        content: u64,
        make: impl FnOnce() -> PatternCell,
    ) -> Arc<PatternCell> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(name).or_default();
        known.retain(|cell| cell.strong_count() > 0);
        let mut living = known.iter().filter_map(Weak::upgrade);
        if let Some(cell) = living.find(|c| c.content() == content && !c.is_touched()) {
            return cell;
        }
        let cell = Arc::new(make());
        known.push(Arc::downgrade(&cell));
        all.retain(|_, cells| cells.iter().any(|c| c.strong_count() > 0));
        cell
    }
}

impl fmt::Debug for PatternStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatternStore")
    }
}

/// A list of a configuration, as commands name it.
#[derive(Clone, Debug)]
pub struct PatternList {
    /// Its number: chosen by `-u`, or counted from 0 in the order of the configuration.
    pub id: u32,
    /// The file, as it was written; `None` for the patterns of an ACL's line.
    pub file: Option<Arc<str>>,
    /// Maps use it.
    pub is_map: bool,
    /// ACLs use it.
    pub is_acl: bool,
    /// What it is and where it is used, as HAProxy says it.
    pub description: String,
    /// Its entries.
    pub cell: Arc<PatternCell>,
}

impl PatternList {
    /// The file without what says how it is read (`virt@`, which stays, `opt@`, `file@`).
    pub fn name(&self) -> &str {
        let file = self.file.as_deref().unwrap_or_default();
        file.strip_prefix("opt@").or_else(|| file.strip_prefix("file@")).unwrap_or(file)
    }
}

/// Where it is used changes nothing of what is done.
impl PartialEq for PatternList {
    fn eq(&self, other: &Self) -> bool {
        (self.id, &self.file, self.is_map, self.is_acl)
            == (other.id, &other.file, other.is_map, other.is_acl)
            && PatternCell::same(&self.cell, &other.cell)
    }
}

/// The list that an action changes, known when all of the configuration is read.
#[derive(Clone)]
pub struct PatternFile {
    name: Arc<str>,
    cell: Arc<OnceLock<Arc<PatternCell>>>,
}

impl PatternFile {
    /// The file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its entries; `None` when nothing looks the file up.
    pub fn cell(&self) -> Option<&Arc<PatternCell>> {
        self.cell.get()
    }
}

impl PartialEq for PatternFile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && match (self.cell(), other.cell()) {
                (Some(a), Some(b)) => PatternCell::same(a, b),
                (a, b) => a.is_none() && b.is_none(),
            }
    }
}

impl fmt::Debug for PatternFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatternFile({})", self.name)
    }
}

/// What is found while one configuration is read.
#[derive(Default)]
pub struct Registry {
    store: Arc<PatternStore>,
    running: HashMap<Arc<str>, Arc<PatternCell>>,
    found: RefCell<Finding>,
}

#[derive(Default)]
struct Finding {
    file: Arc<str>,
    line: u32,
    lists: Vec<(Option<u32>, PatternList)>,
    /// Where the list of a file is among them.
    files: HashMap<Arc<str>, usize>,
    /// How often the same words were seen.
    seen: HashMap<String, u32>,
    predefined: Acls,
    actions: HashMap<Arc<str>, PatternFile>,
}

impl Registry {
    /// Nothing found yet; lists are shared with what `store` knows.
    pub fn new(store: Arc<PatternStore>) -> Self {
        Self { store, ..Self::default() }
    }

    /// The files of these lists are not read: what runs goes on.
    #[must_use]
    pub fn going_on(mut self, running: &[PatternList]) -> Self {
        let files = running.iter().filter_map(|l| Some((l.file.clone()?, Arc::clone(&l.cell))));
        self.running = files.collect();
        self
    }

    /// What is read from here on stands in this line.
    pub fn at(&self, file: &Arc<str>, line: u32) {
        let mut found = self.found.borrow_mut();
        found.line = line;
        if found.file != *file {
            found.file = Arc::clone(file);
        }
    }

    /// A section begins.
    pub fn section(&self) {
        self.found.borrow_mut().predefined = Acls::new();
    }

    /// An ACL that need not be declared, read once in each section that uses it.
    pub(crate) fn predefined(
        &self,
        name: &str,
        read: impl FnOnce() -> Option<Acl>,
    ) -> Option<Arc<Vec<Acl>>> {
        if let Some(known) = self.found.borrow().predefined.shared(name) {
            return Some(known);
        }
        let acl = read()?;
        let mut found = self.found.borrow_mut();
        found.predefined.add(name, acl);
        found.predefined.shared(name)
    }

    /// The list of a file that is looked up as a map or by an ACL; `columns` says whether its
    /// lines have values.
    pub(crate) fn file(
        &self,
        name: &str,
        columns: bool,
        is_map: bool,
        context: &ParseContext<'_>,
    ) -> Result<Arc<PatternCell>, String> {
        let mut found = self.found.borrow_mut();
        let by = if columns { "map" } else { "acl" };
        let place = format!("by {by} at file '{}' line {}", found.file, found.line);
        let known = found.files.get(name).copied();
        if let Some((_, list)) = known.and_then(|at| found.lists.get_mut(at)) {
            if list.cell.has_values() != columns {
                let (one, other) = if columns { ("one", "two") } else { ("two", "one") };
                return Err(format!(
                    "the file '{name}' is already used as {one} column file and cannot be used \
                     as {other} column file"
                ));
            }
            list.is_map |= is_map;
            list.is_acl |= !is_map;
            list.description.push_str(", ");
            list.description.push_str(&place);
            return Ok(Arc::clone(&list.cell));
        }
        let cell = match self.running.get(name).filter(|c| c.has_values() == columns) {
            Some(cell) => Arc::clone(cell),
            None => {
                let content = read(name, context)?;
                let print = fingerprint(&content, columns);
                self.store.find_or(name.to_owned(), print, || PatternCell::read(&content, columns))
            }
        };
        let description = format!("pattern loaded from file '{name}' used {place}");
        let file: Arc<str> = name.into();
        let at = found.lists.len();
        found.files.insert(Arc::clone(&file), at);
        let list = PatternList {
            id: 0,
            file: Some(file),
            is_map,
            is_acl: !is_map,
            description,
            cell: Arc::clone(&cell),
        };
        found.lists.push((None, list));
        Ok(cell)
    }

    /// The list of the patterns in an ACL's line.
    pub(crate) fn words(
        &self,
        criterion: &str,
        words: &[String],
        id: Option<u32>,
    ) -> Result<Arc<PatternCell>, String> {
        let mut found = self.found.borrow_mut();
        if id.is_some() && found.lists.iter().any(|(known, _)| *known == id) {
            return Err("the id is already used".to_owned());
        }
        let key = format!("{criterion} {}", words.join(" "));
        let nth = found.seen.entry(key.clone()).or_default();
        *nth += 1;
        // A blank begins no file's name.
        let key = format!(" {nth} {key}");
        let made = PatternCell::words(words.iter().map(String::as_str));
        let cell = self.store.find_or(key, made.content(), || made);
        let name = criterion.split(['(', ',']).next().unwrap_or_default();
        let description = format!("acl '{name}' file '{}' line {}", found.file, found.line);
        let list = PatternList {
            id: 0,
            file: None,
            is_map: false,
            is_acl: true,
            description,
            cell: Arc::clone(&cell),
        };
        found.lists.push((id, list));
        Ok(cell)
    }

    /// The list that an action changes.
    pub fn action(&self, name: &str) -> PatternFile {
        let mut found = self.found.borrow_mut();
        if let Some(known) = found.actions.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        let file = PatternFile { name: Arc::clone(&name), cell: Arc::default() };
        found.actions.insert(name, file.clone());
        file
    }

    /// All lists, numbered, in the order of their numbers.
    pub fn finish(self) -> Vec<PatternList> {
        let Finding { lists, actions, .. } = self.found.into_inner();
        let taken: Vec<u32> = lists.iter().filter_map(|(id, _)| *id).collect();
        let mut free = (0..).filter(|id| !taken.contains(id));
        let mut all: Vec<PatternList> = Vec::with_capacity(lists.len());
        for (id, mut list) in lists {
            list.id = id.or_else(|| free.next()).unwrap_or(u32::MAX);
            if let Some(action) = list.file.as_ref().and_then(|file| actions.get(file)) {
                // It was empty: this is the only place that fills it.
                let _ = action.cell.set(Arc::clone(&list.cell));
            }
            all.push(list);
        }
        all.sort_by_key(|list| list.id);
        all
    }
}

/// The list of a file where no configuration keeps track.
pub(crate) fn alone(
    name: &str,
    columns: bool,
    context: &ParseContext<'_>,
) -> Result<Arc<PatternCell>, String> {
    Ok(Arc::new(PatternCell::read(&read(name, context)?, columns)))
}

/// The content of a file; `virt@` names none, `opt@` one that need not be there (manual 2.7).
fn read(name: &str, context: &ParseContext<'_>) -> Result<Arc<[u8]>, String> {
    if name.starts_with("virt@") {
        return Ok(Arc::from([]));
    }
    if let Some(path) = name.strip_prefix("opt@") {
        return Ok(context.sources.file(path).unwrap_or_else(|_| Arc::from([])));
    }
    let path = name.strip_prefix("file@").unwrap_or(name);
    context.sources.file(path).map_err(|why| format!("cannot read '{name}': {why}"))
}
