//! Proxy sections one after the other: what they inherit, and that their names are their own.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Backend, Frontend, Name};

use super::args::alert;
use super::context::Lowering;
use super::draft::Draft;
use super::finish::{self, Ids, Shared};
use super::{dispatch, modes, proxy, verify};
use crate::ast::Section;
use crate::diagnostic::{Diagnostic, Severity};
use crate::section::SectionKind;
use crate::source::Span;

/// `defaults` sections seen so far.
#[derive(Default)]
struct DefaultsSeen<'a> {
    named: HashMap<Name, Draft<'a>>,
    /// The one written last.
    last: Option<Draft<'a>>,
}

/// Reads every `defaults`, `frontend`, `backend` and `listen` section; gives the latter three.
pub(crate) fn proxies<'a>(cx: &mut Lowering<'a>) -> Vec<Draft<'a>> {
    let mut seen = DefaultsSeen::default();
    let mut drafts = Vec::new();
    for section in cx.ast.sections() {
        match section.kind() {
            SectionKind::Defaults => defaults(cx, &mut seen, section),
            SectionKind::Frontend | SectionKind::Backend | SectionKind::Listen => {
                if let Some(draft) = proxy(cx, &seen, section) {
                    drafts.push(draft);
                }
            }
            _ => {}
        }
    }
    drafts
}

fn defaults<'a>(cx: &mut Lowering<'a>, seen: &mut DefaultsSeen<'a>, section: Section<'a>) {
    let name = proxy::section_name(cx, section);
    let header = section.header().span();
    let mut draft = match parent(cx, seen, section, false) {
        Some(parent) => parent.inherited(SectionKind::Defaults, name.clone(), header),
        None => Draft::new(SectionKind::Defaults, name.clone(), header),
    };
    lines(cx, &mut draft, section);
    draft.bind_conditions();
    // Built once here, shared by all heirs that add nothing of their own.
    draft.back.check.kind();
    draft.errors.pages(&Arc::default());
    if !name.is_empty() {
        seen.named.insert(name, draft.clone());
    }
    seen.last = Some(draft);
}

fn proxy<'a>(
    cx: &mut Lowering<'a>,
    seen: &DefaultsSeen<'a>,
    section: Section<'a>,
) -> Option<Draft<'a>> {
    let name = proxy::section_name(cx, section);
    let header = section.header();
    let mut draft = match parent(cx, seen, section, true) {
        Some(parent) => parent.inherited(section.kind(), name, header.span()),
        None => Draft::new(section.kind(), name, header.span()),
    };
    lines(cx, &mut draft, section);
    Some(draft)
}

/// The section that `from` names, or the `defaults` written last.
fn parent<'s, 'a>(
    cx: &mut Lowering<'a>,
    seen: &'s DefaultsSeen<'a>,
    section: Section<'a>,
    inherits_last: bool,
) -> Option<&'s Draft<'a>> {
    let Some(word) = section.from() else {
        return seen.last.as_ref().filter(|_| inherits_last);
    };
    let found = seen.named.get(word.value());
    if found.is_none() {
        let reason = format!("there is no 'defaults' section named '{}' above", word.value());
        let names = seen.named.keys().map(|name| &**name);
        let meant = expr::suggest::did_you_mean(word.value(), names);
        cx.diagnostics
            .push(Diagnostic::new(Severity::Alert, word.span(), reason).did_you_mean(meant));
    }
    found
}

fn lines<'a>(cx: &mut Lowering<'a>, draft: &mut Draft<'a>, section: Section<'a>) {
    cx.begin_section(Some(draft.name.clone()));
    for line in section.lines() {
        let Some((lower, mut args)) = dispatch::find(&proxy::KEYWORDS, line) else {
            continue;
        };
        let outcome = lower(cx, draft, &mut args).and_then(|()| args.end());
        cx.note(outcome);
    }
}

/// Names, identifiers and the two halves of every proxy.
pub(crate) fn finish<'a>(
    cx: &mut Lowering<'a>,
    mut drafts: Vec<Draft<'a>>,
    userlists: &[Name],
    shared: &Shared,
) -> (Vec<Arc<Frontend>>, Vec<Arc<Backend>>) {
    for draft in &mut drafts {
        draft.bind_conditions();
        modes::settle(cx, draft);
    }
    verify::all(cx, &drafts, userlists);
    default_fullconn(&mut drafts, shared.maxconn);
    let mut ids = proxy_ids(cx, &drafts).from(1 + u32::from(shared.stats_socket));
    let mut frontends = Vec::new();
    let mut backends = Vec::with_capacity(drafts.len());
    for draft in &mut drafts {
        let id = draft.id.map_or_else(|| ids.take(), |(id, _)| id);
        if draft.is_front() {
            frontends.push(Arc::new(finish::frontend(cx, draft, id, shared)));
        }
        if draft.is_back() {
            let load = (draft.name.clone(), draft.back.state_load, draft.back.state_name.take());
            cx.state_loads.push(load);
            backends.push(Arc::new(finish::backend(cx, draft, id, shared)));
        }
    }
    (frontends, backends)
}

/// `fullconn` where it counts and is not written: a tenth of what the frontends that lead there
/// take (manual 4.2).
fn default_fullconn(drafts: &mut [Draft<'_>], process: Option<u32>) {
    let mut taken: HashMap<Name, u64> = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.is_front() && !draft.disabled) {
        let Some(most) = draft.front.model.maxconn.or(process) else { continue };
        let named = draft.front.default_backend.iter().chain(&draft.front.use_backend_names);
        let own = draft.is_back().then_some(&draft.name);
        for name in named.map(|(name, _)| name).chain(own) {
            let sum = taken.entry(name.clone()).or_default();
            *sum += u64::from(most);
        }
    }
    for draft in drafts.iter_mut().filter(|draft| draft.back.fullconn.is_none()) {
        let dynamic = draft.back.servers.iter().any(|server| server.server.minconn.is_some());
        let sum = taken.get(&draft.name).filter(|_| dynamic);
        draft.back.fullconn = sum.map(|sum| Backend::default_fullconn(*sum));
    }
}

fn proxy_ids(cx: &mut Lowering<'_>, drafts: &[Draft<'_>]) -> Ids {
    let mut used: HashMap<u32, Span> = HashMap::new();
    for (id, span) in drafts.iter().filter_map(|draft| draft.id) {
        if let Some(first) = used.insert(id, span) {
            let reason = format!("proxy id {id} is already used at {}", cx.place(first));
            cx.diagnostics.push(*alert(span, reason));
        }
    }
    Ids::new(used.into_keys())
}
