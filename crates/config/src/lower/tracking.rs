//! `track`: the tracked server exists, is checked, and the chain has an end (manual 5.2).

use super::args::alert;
use super::context::Lowering;
use super::draft::{Draft, ServerDraft};
use super::verify::Index;

/// Longest chain of servers that track each other.
const MAX_CHAIN: usize = 64;

/// Checks every `track` of a backend.
pub(super) fn check(
    cx: &mut Lowering<'_>,
    drafts: &[Draft<'_>],
    index: &Index<'_>,
    draft: &Draft<'_>,
) {
    if !draft.is_back() {
        return;
    }
    for server in &draft.back.servers {
        let Some((_, span)) = &server.track else { continue };
        if server.checked {
            let reason = format!(
                "server '{}' cannot be checked and track another one at the same time",
                server.server.name
            );
            cx.diagnostics.push(*alert(*span, reason));
            continue;
        }
        if let Err(reason) = follow(drafts, index, draft, server) {
            cx.diagnostics.push(*alert(*span, reason));
        }
    }
}

/// Follows the chain to the server that is checked.
fn follow(
    drafts: &[Draft<'_>],
    index: &Index<'_>,
    draft: &Draft<'_>,
    start: &ServerDraft,
) -> Result<(), String> {
    let (mut of, mut server) = (draft, start);
    for _ in 0..MAX_CHAIN {
        let Some((written, _)) = &server.track else {
            return match server.checked {
                true => Ok(()),
                false => Err(format!(
                    "'{}/{}' cannot be tracked: it is not checked itself",
                    of.name, server.server.name
                )),
            };
        };
        let (backend, name) = split(written);
        if let Some(backend) = backend {
            let found = index.backend(backend).and_then(|at| drafts.get(at));
            of = found.ok_or_else(|| format!("there is no backend '{backend}' to track"))?;
        }
        let known = of.back.server_names.contains_key(name);
        let next = of.back.servers.iter().find(|server| known && &*server.server.name == name);
        server = next.ok_or_else(|| format!("there is no server '{}/{name}' to track", of.name))?;
        if std::ptr::eq(server, start) {
            break;
        }
    }
    Err(format!("server '{}' tracks itself through others", start.server.name))
}

/// `[BACKEND/]SERVER`.
pub(super) fn split(written: &str) -> (Option<&str>, &str) {
    match written.split_once('/') {
        Some((backend, server)) => (Some(backend), server),
        None => (None, written),
    }
}
