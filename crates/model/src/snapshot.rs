//! The whole configuration of one moment, numbered.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Backend, Frontend, Global, Name, Resolvers, Userlist};

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
    /// DNS servers, by the names that servers ask for.
    pub resolvers: Vec<Arc<Resolvers>>,
    /// The lists of patterns that its expressions look up, by number.
    pub patterns: Vec<expr::PatternList>,
    /// Every file that was read for it, besides the configuration files: to be watched.
    pub files: Vec<Name>,
}

impl Config {
    /// Takes every backend and server that is equal to one of `running` from there, so that a
    /// reload does not hold in memory twice what has not changed. Origins of what is shared stay
    /// those of the first reading.
    pub fn share(&mut self, running: &Self) {
        let known: HashMap<&str, &Arc<Backend>> =
            running.backends.iter().map(|b| (&*b.name, b)).collect();
        for backend in &mut self.backends {
            let Some(before) = known.get(&*backend.name) else { continue };
            if backend == *before {
                *backend = Arc::clone(before);
                continue;
            }
            let Some(changed) = Arc::get_mut(backend) else { continue };
            for (server, old) in changed.servers.iter_mut().zip(&before.servers) {
                if server == old {
                    *server = Arc::clone(old);
                }
            }
        }
    }

    /// The backend of this name.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|b| &*b.name == name)
    }
    /// The `resolvers` of this name.
    #[must_use]
    pub fn resolvers(&self, name: &str) -> Option<&Arc<Resolvers>> {
        self.resolvers.iter().find(|r| &*r.name == name)
    }
    /// The frontend of this name.
    #[must_use]
    pub fn frontend(&self, name: &str) -> Option<&Arc<Frontend>> {
        self.frontends.iter().find(|f| &*f.name == name)
    }
}
