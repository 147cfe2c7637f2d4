//! Which requests a service asks for, and whose turn it is when several do.

use std::collections::BTreeMap;

use model::Origin;

use super::{Problem, Service};

/// A host as labels name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// Exactly this name.
    Exact(String),
    /// `*.name`: everything that ends with the rest.
    Ending(String),
    /// `name.*`: everything that begins with the rest.
    Beginning(String),
}

impl Host {
    /// A host name, perhaps with a star in front or behind; case and a final dot do not matter.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        let (kind, name): (fn(String) -> Self, &str) = if let Some(rest) = text.strip_prefix('*') {
            (Self::Ending, rest)
        } else if let Some(rest) = text.strip_suffix('*') {
            (Self::Beginning, rest)
        } else {
            (Self::Exact, &text)
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        match name.chars().find(|c| !good(*c)) {
            Some(bad) => Err(format!("the host '{text}' holds {bad:?}")),
            None if name.is_empty() => Err(format!("the host '{text}' is empty")),
            None => Ok(kind(name.to_owned())),
        }
    }
}

/// Host and path prefix; `None` = any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Host.
    pub host: Option<Host>,
    /// Path without a slash at its end; empty and `None` = any.
    pub path: Option<String>,
}

impl Route {
    /// The more specific comes first: exact host, then wildcard (longer first), then none; within
    /// these the longer path.
    pub fn rank(&self) -> (u8, usize, usize) {
        let path = usize::MAX - self.path.as_ref().map_or(0, String::len);
        match &self.host {
            Some(Host::Exact(_)) => (0, 0, path),
            Some(Host::Ending(n) | Host::Beginning(n)) => (1, usize::MAX - n.len(), path),
            None => (2, 0, path),
        }
    }

    /// The condition on requests, in configuration language.
    pub fn condition(&self) -> String {
        let host = "req.hdr(host),host_only,rtrim(.) -m";
        let host = self.host.as_ref().map(|h| match h {
            Host::Exact(name) => format!("{{ {host} str {name} }}"),
            Host::Ending(name) => format!("{{ {host} end {name} }}"),
            Host::Beginning(name) => format!("{{ {host} beg {name} }}"),
        });
        let path = self.path.as_ref().filter(|p| !p.is_empty());
        match (host, path) {
            (Some(h), None) => h,
            (h, Some(p)) => {
                let h = h.unwrap_or_default();
                let quoted = p.replace('\'', "'\\''");
                format!("{h} {{ path '{quoted}' }} || {h} {{ path_beg '{quoted}/' }}")
            }
            (None, None) => "{ always_true }".to_owned(),
        }
    }
}

/// The service that gets what nobody asked for: the only one that asked for nothing in
/// particular, when no service asked for a host; none otherwise.
pub fn default_service(
    services: &BTreeMap<String, Service>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let somebody_asks = services.values().any(|s| !s.routes.is_empty());
    let open: Vec<&Service> = services.values().filter(|s| s.default).collect();
    match open.as_slice() {
        [] => None,
        [one] if !somebody_asks => Some(one.backend.clone()),
        _ if somebody_asks => None,
        many => {
            let names: Vec<&str> = many.iter().map(|s| s.backend.as_str()).collect();
            problems.push(Problem {
                origin: Origin::BuiltIn,
                reason: format!(
                    "services {} name no host: give each a label evenkeel.host or evenkeel.path, \
                     or evenkeel.enable=false to all but one",
                    names.join(", ")
                ),
            });
            None
        }
    }
}
