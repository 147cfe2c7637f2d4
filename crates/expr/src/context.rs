//! What the parser of expressions may look at: the place, named ACLs, files, the environment.
use std::net::IpAddr;
use std::sync::Arc;

use crate::acl::Acls;
use crate::patterns::Registry;
use crate::place::Place;

/// The world as the configuration's reader hands it over; this crate touches none of it.
pub trait Sources {
    /// The content of a file named by `-f` or a map, or why it cannot be read.
    fn file(&self, name: &str) -> Result<Arc<[u8]>, String>;
    /// A variable of the environment.
    fn env(&self, name: &str) -> Option<String>;
    /// The address of a host name used as a pattern.
    fn resolve(&self, host: &str) -> Option<IpAddr>;
    /// Who keeps track of the lists of patterns, if anybody does.
    fn registry(&self) -> Option<&Registry> {
        None
    }
}

/// No files, no environment, no names.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn file(&self, _name: &str) -> Result<Arc<[u8]>, String> {
        Err("files can't be read here".to_owned())
    }
    fn env(&self, _name: &str) -> Option<String> {
        None
    }
    fn resolve(&self, _host: &str) -> Option<IpAddr> {
        None
    }
}

/// What the parser may look at.
#[derive(Clone, Copy)]
pub struct ParseContext<'c> {
    /// Where the expression stands.
    pub place: Place,
    /// The named ACLs of the section so far.
    pub acls: &'c Acls,
    /// Files and environment.
    pub sources: &'c dyn Sources,
}

impl<'c> ParseContext<'c> {
    /// A context.
    pub fn new(place: Place, acls: &'c Acls, sources: &'c dyn Sources) -> Self {
        Self { place, acls, sources }
    }

    /// The same in another place.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }
}
