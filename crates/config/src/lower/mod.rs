//! From the tree to the model: sections inherit, lines are lowered, names are checked.

mod address;
mod args;
mod balance;
mod bind;
mod captures;
mod check;
pub mod consul;
mod context;
mod cookie;
mod dispatch;
mod draft;
mod errors;
mod finish;
mod global;
mod guid;
mod log;
mod logging;
mod modes;
mod options;
mod order;
mod persist;
mod proxy;
mod resolvers;
mod routing;
mod rules;
mod sections;
mod server;
mod server_options;
mod state;
mod stats;
mod table;
#[cfg(test)]
mod tests;
mod timeouts;
mod tracking;
mod unsupported;
mod userlist;
mod verify;

use std::sync::Arc;

use model::{Config, ErrorPages, Global};

use crate::ast::Ast;
use crate::diagnostic::Diagnostics;
use crate::section::SectionKind;
use crate::source::Sources;
use context::Lowering;
use global::GlobalDraft;

/// Settings that only the start of the process needs (manual 3.1, 3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// `master-worker`.
    pub master_worker: bool,
    /// `quiet`: no messages at start.
    pub quiet: bool,
    /// `no strict-limits` gives false: go on when limits cannot be raised.
    pub strict_limits: bool,
    /// `zero-warning`: a warning is as bad as an alert.
    pub zero_warning: bool,
    /// Files with the state of servers, to be read once.
    pub state_files: Vec<StateFile>,
    /// Listening addresses of enabled proxies; with none HAProxy does not start.
    pub listeners: usize,
}

/// A file with the state of servers (manual 3.1 `server-state-file`, 4.2
/// `load-server-state-from-file`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFile {
    /// Where it is.
    pub path: String,
    /// The backends whose servers it is read for.
    pub backends: Vec<model::Name>,
    /// It is one backend's own.
    pub local: bool,
}

/// What lowering gives.
#[derive(Debug)]
pub struct Lowered {
    /// The model; `None` when there is an alert.
    pub config: Option<Config>,
    /// Everything found, in reading order.
    pub diagnostics: Diagnostics,
    /// For the start of the process.
    pub process: ProcessFacts,
}

/// Lowers a tree.
pub fn lower(ast: &Ast, sources: &dyn Sources) -> Lowered {
    let mut cx = Lowering::new(ast, sources);
    let mut draft = GlobalDraft {
        global: Global::default(),
        log: Vec::new(),
        state_base: None,
        state_file: None,
        process: ProcessFacts { strict_limits: true, ..ProcessFacts::default() },
    };
    for section in ast.sections().filter(|s| s.kind() == SectionKind::Global) {
        global::section(&mut cx, &mut draft, section);
    }
    for section in ast.sections().filter(|s| s.kind() == SectionKind::HttpErrors) {
        errors::read_section(&mut cx, section);
    }
    let userlists = ast
        .sections()
        .filter(|s| s.kind() == SectionKind::Userlist)
        .filter_map(|section| userlist::section(&mut cx, section))
        .map(Arc::new)
        .collect::<Vec<_>>();
    let GlobalDraft { mut global, log, mut process, state_base, state_file } = draft;
    global.log = log.into();
    let shared = finish::Shared {
        global_log: global.log.clone(),
        no_log: Arc::from([]),
        no_errors: Arc::new(ErrorPages::default()),
        spread_checks_percent: global.spread_checks_percent,
        drain_timeout: global.hard_stop_after,
        maxconn: global.maxconn,
        stats_socket: !global.stats_sockets.is_empty(),
    };
    cx.global_log_targets = shared.global_log.len();
    let proxies = sections::proxies(&mut cx);
    let resolvers = resolvers::sections(&mut cx, &proxies);
    let names: Vec<model::Name> = userlists.iter().map(|list| list.name.clone()).collect();
    let (frontends, backends) = sections::finish(&mut cx, proxies, &names, &shared);
    process.listeners = frontends.iter().filter(|f| !f.disabled).map(|f| f.binds.len()).sum();
    process.state_files = state::files(&cx.state_loads, state_base.as_deref(), state_file);
    let files = cx.files_read();
    let patterns = cx.take_patterns();
    let mut diagnostics = cx.diagnostics;
    diagnostics.sort();
    let config = (!diagnostics.has_alerts()).then(|| Config {
        global,
        frontends,
        backends,
        userlists,
        resolvers,
        patterns,
        files,
    });
    Lowered { config, diagnostics, process }
}
