//! What differs between two configurations, as a printable list.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::{Address, Backend, Bind, Config, Frontend, Name, Server};

/// What a [`Change`] is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Process settings.
    Global,
    /// A frontend.
    Frontend(Name),
    /// A listening address of a frontend.
    Bind(Name, Address),
    /// A backend.
    Backend(Name),
    /// A server of a backend.
    Server(Name, Name),
    /// A userlist.
    Userlist(Name),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Frontend(n) => write!(f, "frontend {n}"),
            Self::Bind(n, a) => write!(f, "bind {a} of frontend {n}"),
            Self::Backend(n) => write!(f, "backend {n}"),
            Self::Server(b, s) => write!(f, "server {b}/{s}"),
            Self::Userlist(n) => write!(f, "userlist {n}"),
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It comes.
    Add(Subject),
    /// It goes.
    Remove(Subject),
    /// It stays and these aspects change.
    Modify(Subject, Vec<&'static str>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(s) => write!(f, "+ {s}"),
            Self::Remove(s) => write!(f, "- {s}"),
            Self::Modify(s, what) => write!(f, "~ {s}: {}", what.join(", ")),
        }
    }
}

/// All differences from `old` to `new`: global, frontends with binds, backends with servers,
/// userlists; each in the order of the newer file, removals after additions.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Vec<Change> {
    let mut out = Vec::new();
    if old.global != new.global {
        out.push(Change::Modify(Subject::Global, vec!["settings"]));
    }
    pair(
        &old.frontends,
        &new.frontends,
        |f| f.name.clone(),
        |step| match step {
            Step::Add(f) => out.push(Change::Add(Subject::Frontend(f.name.clone()))),
            Step::Remove(f) => out.push(Change::Remove(Subject::Frontend(f.name.clone()))),
            Step::Both(a, b) => diff_frontend(a, b, &mut out),
        },
    );
    pair(
        &old.backends,
        &new.backends,
        |b| b.name.clone(),
        |step| match step {
            Step::Add(b) => out.push(Change::Add(Subject::Backend(b.name.clone()))),
            Step::Remove(b) => out.push(Change::Remove(Subject::Backend(b.name.clone()))),
            Step::Both(a, b) => diff_backend(a, b, &mut out),
        },
    );
    pair(
        &old.userlists,
        &new.userlists,
        |u| u.name.clone(),
        |step| match step {
            Step::Add(u) => out.push(Change::Add(Subject::Userlist(u.name.clone()))),
            Step::Remove(u) => out.push(Change::Remove(Subject::Userlist(u.name.clone()))),
            Step::Both(a, b) if a != b => {
                out.push(Change::Modify(Subject::Userlist(b.name.clone()), vec!["users"]));
            }
            Step::Both(..) => {}
        },
    );
    out
}

enum Step<'a, T> {
    Add(&'a T),
    Remove(&'a T),
    Both(&'a T, &'a T),
}

fn pair<'a, T, K: std::hash::Hash + Eq>(
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&T) -> K,
    mut visit: impl FnMut(Step<'a, T>),
) {
    let mut left: HashMap<K, &T> = old.iter().map(|t| (key(t), t)).collect();
    for t in new {
        match left.remove(&key(t)) {
            Some(o) => visit(Step::Both(o, t)),
            None => visit(Step::Add(t)),
        }
    }
    for t in old {
        if left.contains_key(&key(t)) {
            visit(Step::Remove(t));
        }
    }
}

fn diff_frontend(old: &Arc<Frontend>, new: &Arc<Frontend>, out: &mut Vec<Change>) {
    if Arc::ptr_eq(old, new) || old == new {
        return;
    }
    let mut what = Vec::new();
    let mut note = |differs: bool, aspect: &'static str| {
        if differs {
            what.push(aspect);
        }
    };
    note(old.mode != new.mode, "mode");
    note(old.rules != new.rules, "rules");
    note(
        old.use_backend != new.use_backend || old.default_backend != new.default_backend,
        "routing",
    );
    note(old.timeouts != new.timeouts, "timeouts");
    note(old.maxconn != new.maxconn, "maxconn");
    note(old.log != new.log, "log");
    note(old.errors != new.errors, "error pages");
    let mut binds = Vec::new();
    pair(
        &old.binds,
        &new.binds,
        |b: &Bind| b.address.clone(),
        |step| {
            let subject = |b: &Bind| Subject::Bind(new.name.clone(), b.address.clone());
            match step {
                Step::Add(b) => binds.push(Change::Add(subject(b))),
                Step::Remove(b) => binds.push(Change::Remove(subject(b))),
                Step::Both(a, b) if a != b => {
                    binds.push(Change::Modify(subject(b), vec!["options"]));
                }
                Step::Both(..) => {}
            }
        },
    );
    if what.is_empty() && binds.is_empty() && !same_but_binds(old, new) {
        what.push("options");
    }
    if !what.is_empty() {
        out.push(Change::Modify(Subject::Frontend(new.name.clone()), what));
    }
    out.append(&mut binds);
}

fn same_but_binds(a: &Frontend, b: &Frontend) -> bool {
    Frontend { binds: b.binds.clone(), ..a.clone() } == *b
}

fn diff_backend(old: &Arc<Backend>, new: &Arc<Backend>, out: &mut Vec<Change>) {
    if Arc::ptr_eq(old, new) || old == new {
        return;
    }
    let mut what = Vec::new();
    let mut note = |differs: bool, aspect: &'static str| {
        if differs {
            what.push(aspect);
        }
    };
    note(old.mode != new.mode, "mode");
    note(old.algorithm != new.algorithm || old.hash_type != new.hash_type, "balance");
    note(old.rules != new.rules || old.use_server != new.use_server, "rules");
    note(old.timeouts != new.timeouts, "timeouts");
    note(old.cookie != new.cookie, "cookie");
    note(old.check != new.check, "health check");
    note(old.errors != new.errors, "error pages");
    note(old.log != new.log, "log");
    let mut servers = Vec::new();
    pair(
        &old.servers,
        &new.servers,
        |s| (s.identity.clone(), s.name.clone()),
        |step| {
            let subject = |s: &Server| Subject::Server(new.name.clone(), s.name.clone());
            match step {
                Step::Add(s) => servers.push(Change::Add(subject(s))),
                Step::Remove(s) => servers.push(Change::Remove(subject(s))),
                Step::Both(a, b) if Arc::ptr_eq(a, b) => {}
                Step::Both(a, b) => {
                    let what = server_aspects(a, b);
                    if !what.is_empty() {
                        servers.push(Change::Modify(subject(b), what));
                    }
                }
            }
        },
    );
    if what.is_empty() && servers.is_empty() && !same_but_servers(old, new) {
        what.push("options");
    }
    if !what.is_empty() {
        out.push(Change::Modify(Subject::Backend(new.name.clone()), what));
    }
    out.append(&mut servers);
}

fn same_but_servers(a: &Backend, b: &Backend) -> bool {
    Backend { servers: b.servers.clone(), ..a.clone() } == *b
}

fn server_aspects(a: &Server, b: &Server) -> Vec<&'static str> {
    let mut what = Vec::new();
    let mut note = |differs: bool, aspect: &'static str| {
        if differs {
            what.push(aspect);
        }
    };
    note(a.host != b.host || a.port != b.port, "address");
    note(a.weight != b.weight, "weight");
    note(a.disabled != b.disabled, "disabled");
    note(a.stopping != b.stopping, "stopping");
    note(a.backup != b.backup, "backup");
    note(a.maxconn != b.maxconn, "maxconn");
    note(a.cookie != b.cookie, "cookie");
    note(a.check != b.check, "health check");
    if what.is_empty() && a != b {
        what.push("options");
    }
    what
}
