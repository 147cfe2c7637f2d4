//! A container's labels of Traefik: names without case, and which of them were understood.

use std::cell::Cell;
use std::collections::BTreeSet;

use model::observed::Container;

use super::super::said::{self, By, Said, Voice};
use super::Problem;

struct Label<'a> {
    /// In lower case.
    name: String,
    /// As it is written.
    full: &'a str,
    used: Cell<bool>,
}

/// Labels that begin with `traefik.`.
pub struct Labels<'a> {
    by: By,
    voice: Voice<'a>,
    list: Vec<Label<'a>>,
}

impl<'a> Labels<'a> {
    /// Those of a container.
    pub fn new(container: &'a Container) -> Self {
        let by = By::Container { id: container.id.clone(), name: container.name.clone() };
        let list = container.labels.keys().map(|full| Label {
            name: full.to_ascii_lowercase(),
            full,
            used: Cell::new(false),
        });
        Self {
            voice: Voice::exact(by.clone(), &container.labels),
            list: list.filter(|l| l.name.starts_with("traefik.")).collect(),
            by,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn find(&self, name: &str) -> Option<&Label<'a>> {
        let label = self.list.iter().find(|l| l.name == name)?;
        label.used.set(true);
        Some(label)
    }

    /// The value of a label; `None` when it is absent or empty.
    ///
    /// # Errors
    /// When it holds what no configuration line may hold.
    pub fn value(&self, name: &str) -> Result<Option<Said>, Problem> {
        self.find(name).map_or(Ok(None), |label| self.voice.value(label.full))
    }

    /// A label that is there: its name as it is written, and its value, which may be empty.
    ///
    /// # Errors
    /// When it is not there, or holds what no configuration line may hold.
    pub fn entry(&self, name: &str) -> Result<(&'a str, Said), String> {
        let label = self.find(name).ok_or("a label is missing")?;
        let empty = Said { by: self.by.clone(), label: label.full.into(), text: String::new() };
        let said = self.voice.value(label.full).map_err(|p| p.reason)?;
        Ok((label.full, said.unwrap_or(empty)))
    }

    /// This label and all below it.
    ///
    /// # Errors
    /// When one holds what no configuration line may hold.
    pub fn all(&self, name: &str) -> Result<Vec<Said>, String> {
        let below = format!("{name}.");
        let ours = |l: &&Label<'a>| l.name == name || l.name.starts_with(&below);
        let names: Vec<&str> = self.list.iter().filter(ours).map(|l| &*l.name).collect();
        names.into_iter().map(|name| self.entry(name).map(|(_, said)| said)).collect()
    }

    /// What follows this up to the next dot, in lower case.
    pub fn names(&self, prefix: &str) -> BTreeSet<String> {
        let rest = self.list.iter().filter_map(|l| l.name.strip_prefix(prefix));
        let first = rest.filter_map(|r| r.split('.').next());
        first.filter(|n| !n.is_empty()).map(str::to_owned).collect()
    }

    /// Labels below this one that nobody has asked for, as they are written.
    pub fn unused(&self, prefix: &str) -> Vec<&'a str> {
        let unused = |l: &&Label<'a>| !l.used.get() && l.name.starts_with(prefix);
        self.list.iter().filter(unused).map(|l| l.full).collect()
    }

    /// Takes these for understood: somebody else has said what is wrong with them.
    pub fn settled(&self, prefix: &str) {
        let below = self.list.iter().filter(|l| l.name.starts_with(prefix));
        below.for_each(|l| l.used.set(true));
    }

    /// What is to be said about a label.
    pub fn note(&self, full: &str, reason: &str) -> Problem {
        Problem { origin: said::origin(&self.by, full), reason: reason.to_owned() }
    }
}
