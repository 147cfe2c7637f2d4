//! The whole configuration of one moment, numbered.

use std::sync::Arc;

use crate::{Backend, Frontend, Global, Name, Userlist};

/// Number of a snapshot; a lower one is refused by the data plane.
pub type Generation = u64;

/// What crosses the corridor from the control wing to the data wing: always whole.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Strictly growing.
    pub generation: Generation,
    /// The configuration.
    pub config: Arc<Config>,
}

/// A whole, consistent configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Process settings.
    pub global: Global,
    /// Frontends in the order written (a `listen` gives one of each).
    pub frontends: Vec<Arc<Frontend>>,
    /// Backends in the order written.
    pub backends: Vec<Arc<Backend>>,
    /// Userlists.
    pub userlists: Vec<Arc<Userlist>>,
    /// Every file that was read for it, besides the configuration files: to be watched.
    pub files: Vec<Name>,
}

impl Config {
    /// The backend of this name.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|b| &*b.name == name)
    }
    /// The frontend of this name.
    #[must_use]
    pub fn frontend(&self, name: &str) -> Option<&Arc<Frontend>> {
        self.frontends.iter().find(|f| &*f.name == name)
    }
}
