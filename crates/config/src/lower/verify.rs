//! Complete proxies against each other: names that must exist, modes that must agree, settings
//! that are missing.

use std::collections::HashMap;

use expr::Reference;
use model::{Mode, Name};

use super::args::alert;
use super::context::{Asked, Lowering};
use super::draft::Draft;
use crate::diagnostic::{Diagnostic, Severity};
use crate::section::SectionKind;
use crate::source::Span;
use expr::suggest::did_you_mean;

/// Proxies by name, for each side.
pub(super) struct Index<'d> {
    fronts: HashMap<&'d str, usize>,
    backs: HashMap<&'d str, usize>,
}

impl<'d> Index<'d> {
    /// An index of these drafts; the first of a name counts.
    pub(super) fn new(drafts: &'d [Draft<'_>]) -> Self {
        let mut index = Self { fronts: HashMap::new(), backs: HashMap::new() };
        for (at, draft) in drafts.iter().enumerate() {
            if draft.is_front() {
                index.fronts.entry(&*draft.name).or_insert(at);
            }
            if draft.is_back() {
                index.backs.entry(&*draft.name).or_insert(at);
            }
        }
        index
    }
}

/// Checks all of them; disabled ones are not looked at, as in HAProxy.
pub(crate) fn all(cx: &mut Lowering<'_>, drafts: &[Draft<'_>], userlists: &[Name]) {
    let index = Index::new(drafts);
    for draft in drafts.iter().filter(|draft| !draft.disabled) {
        routes(cx, drafts, &index, draft);
        chosen_servers(cx, draft);
        super::tracking::check(cx, drafts, &index, draft);
        server_ids(cx, draft);
        captures(cx, draft);
        cookies(cx, draft);
        missing(cx, draft);
    }
    references(cx, drafts, &index, userlists);
}

impl Index<'_> {
    /// Position of the backend of this name.
    pub(super) fn backend(&self, name: &str) -> Option<usize> {
        self.backs.get(name).copied()
    }
}

fn unknown(what: &str, name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    Diagnostic::new(Severity::Alert, span, format!("unknown {what} '{name}'")).did_you_mean(meant)
}

/// Backends that a frontend names: they exist and speak its mode.
fn routes(cx: &mut Lowering<'_>, drafts: &[Draft<'_>], index: &Index<'_>, draft: &Draft<'_>) {
    if !draft.is_front() {
        return;
    }
    let own = &draft.front;
    let default = own.default_backend.iter().map(|route| (route, "as its default backend"));
    let rules = own.use_backend_names.iter().map(|route| (route, "in a 'use_backend' rule"));
    for ((name, span), role) in default.chain(rules) {
        let Some(target) = index.backend(name).and_then(|at| drafts.get(at)) else {
            let names = index.backs.keys().copied();
            let mut found = unknown("backend", name, *span, did_you_mean(name, names));
            if let Some(front) = index.fronts.get(&**name).and_then(|at| drafts.get(*at)) {
                found = found.related(front.header, "this is a frontend, not a backend");
            }
            cx.diagnostics.push(found);
            continue;
        };
        if target.mode != draft.mode {
            let reason = format!(
                "{} {} uses the {} backend '{name}' {role}: their modes must agree",
                mode(draft.mode),
                draft.title(),
                mode(target.mode),
            );
            let found = Diagnostic::new(Severity::Alert, *span, reason)
                .hint(format!("write 'mode {}' in the backend", mode(draft.mode)))
                .related(target.header, "the backend");
            cx.diagnostics.push(found);
        }
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Http => "http",
        Mode::Tcp => "tcp",
    }
}

fn chosen_servers(cx: &mut Lowering<'_>, draft: &Draft<'_>) {
    for (name, span) in &draft.back.use_server_names {
        if draft.is_back() && !draft.back.server_names.contains_key(name) {
            let names = draft.back.server_names.keys().map(|name| &**name);
            cx.diagnostics.push(unknown("server", name, *span, did_you_mean(name, names)));
        }
    }
}

fn server_ids(cx: &mut Lowering<'_>, draft: &Draft<'_>) {
    let mut seen: HashMap<u32, Span> = HashMap::new();
    for (id, span) in draft.back.servers.iter().filter_map(|server| server.explicit_id) {
        if let Some(first) = seen.insert(id, span) {
            let reason = format!("server id {id} is already used at {}", cx.place(first));
            cx.diagnostics
                .push(Diagnostic::new(Severity::Alert, span, reason).related(first, "first used"));
        }
    }
}

fn captures(cx: &mut Lowering<'_>, draft: &Draft<'_>) {
    if !draft.is_front() {
        return;
    }
    let fields = &draft.front.model;
    for (is_response, slot, span) in &draft.front.capture_uses {
        let slots = match is_response {
            true => &fields.response_captures,
            false => &fields.request_captures,
        };
        if *slot >= slots.len() {
            let side = if *is_response { "response" } else { "request" };
            let mut found = alert(*span, format!("there is no {side} capture with id {slot}"));
            found.hint = Some(format!("'declare capture {side} len <length>' makes one"));
            cx.diagnostics.push(*found);
        }
    }
}

fn cookies(cx: &mut Lowering<'_>, draft: &Draft<'_>) {
    let back = &draft.back;
    if let (Some(span), None, true) = (back.cookie_dynamic, &back.dynamic_key, draft.is_back()) {
        let found = Diagnostic::new(
            Severity::Warning,
            span,
            "'dynamic' has no key to derive values with: servers without a value stay without",
        );
        cx.diagnostics.push(found.hint("add 'dynamic-cookie-key <key>'"));
    }
    if let Some((span, keyword, option)) = back.check.unused().filter(|_| draft.is_back()) {
        let reason =
            format!("{} uses '{keyword}' without '{option}': it is ignored", draft.title());
        cx.warn(span, reason);
    }
    if !draft.is_back() {
        return;
    }
    for server in back.servers.iter().filter(|server| server.checked) {
        let own_port = server.server.port != model::Port::Client
            || server.server.consul.is_some()
            || server.check.port.is_some();
        if !own_port && !back.check.has_port() {
            let span = server.span.unwrap_or(draft.header);
            let reason = format!("server '{}' has no port to be checked on", server.server.name);
            let mut found = alert(span, reason);
            found.hint = Some("give its address a port, or add 'port <number>'".to_owned());
            cx.diagnostics.push(*found);
        }
    }
}

/// Settings without which a proxy hardly works.
fn missing(cx: &mut Lowering<'_>, draft: &Draft<'_>) {
    let timeouts = &draft.timeouts;
    let front = draft.is_front() && timeouts.client.is_none();
    let back = draft.is_back()
        && !draft.back.servers.is_empty()
        && (timeouts.connect.is_none() || timeouts.server.is_none());
    if front || back {
        let reason = format!("missing timeouts for {}", draft.title());
        cx.diagnostics.push(Diagnostic::new(Severity::Warning, draft.header, reason).hint(
            "all of 'timeout client', 'timeout connect' and 'timeout server' should be set and \
             not zero",
        ));
    }
    if draft.is_front() && draft.front.binds.is_empty() {
        let reason = format!("{} has no 'bind'", draft.title());
        let found = Diagnostic::new(Severity::Warning, draft.header, reason);
        let hint = match draft.kind {
            SectionKind::Listen => "call it a backend if this is meant so",
            _ => "give it one, or call it a backend if this is meant so",
        };
        cx.diagnostics.push(found.hint(hint));
    }
    if let Some((_, span)) = draft.log.kind.filter(|_| draft.is_front()) {
        let targets =
            draft.log.targets.len() + if draft.log.global { cx.global_log_targets } else { 0 };
        if targets == 0 {
            let reason = format!("log format ignored for {}: it has no log address", draft.title());
            let found = Diagnostic::new(Severity::Warning, span, reason);
            let hint = match draft.log.global {
                true => "'log global' needs a 'log' line in 'global'",
                false => "add 'log global', or 'log <address> <facility>'",
            };
            cx.diagnostics.push_once("log format", || found.hint(hint));
        }
    }
}

/// What expressions name.
fn references(cx: &mut Lowering<'_>, drafts: &[Draft<'_>], index: &Index<'_>, userlists: &[Name]) {
    for Asked { reference, span, section } in std::mem::take(&mut cx.references) {
        let found = match &reference {
            Reference::Frontend(name) => (!index.fronts.contains_key(&**name))
                .then(|| unknown("frontend", name, span, near(name, &index.fronts))),
            Reference::Backend(name) => (!index.backs.contains_key(&**name))
                .then(|| unknown("backend", name, span, near(name, &index.backs))),
            Reference::Userlist(name) => (!userlists.contains(name)).then(|| {
                let meant = did_you_mean(name, userlists.iter().map(|name| &**name));
                unknown("userlist", name, span, meant)
            }),
            Reference::Server { backend, server } => {
                let of = backend.as_deref().or(section.as_deref()).unwrap_or("");
                match index.backend(of).and_then(|at| drafts.get(at)) {
                    None => Some(unknown("backend", of, span, near(of, &index.backs))),
                    Some(draft) if draft.back.server_names.contains_key(&**server) => None,
                    Some(draft) => {
                        let names = draft.back.server_names.keys().map(|name| &**name);
                        Some(unknown("server", server, span, did_you_mean(server, names)))
                    }
                }
            }
        };
        if let Some(found) = found {
            cx.diagnostics.push(found);
        }
    }
}

fn near<'n>(name: &str, names: &HashMap<&'n str, usize>) -> Option<&'n str> {
    did_you_mean(name, names.keys().copied())
}
