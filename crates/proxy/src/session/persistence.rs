//! Stickiness: `use-server`, `force-persist`, `ignore-persist` and the persistence cookie.

use std::sync::Arc;

use balance::cookie::{self, Edit, Persist, RequestCookie, ResponseCookie};
use expr::Verdict;
use model::{PersistRule, ServerRule};
use wire::http::{Known, Method};

use super::exchange::Exchange;
use crate::live::LiveBackend;
use crate::queue::Slot;

/// What is known of the persistence cookie of an exchange.
#[derive(Debug, Default)]
pub struct CookieFacts {
    request: RequestCookie,
    letters: Option<(char, char)>,
}

impl CookieFacts {
    /// The two letters for the log; zero bytes (printed as dashes) without a cookie.
    #[must_use]
    pub fn letters(&self) -> [u8; 2] {
        self.letters.map_or([0, 0], |(a, b)| [a as u8, b as u8])
    }

    /// The server that the cookie led to is not used after all.
    pub fn redispatched(&mut self) {
        self.request.redispatched();
    }
}

fn now_s(ex: &Exchange) -> u64 {
    let now = tokio::time::Instant::now();
    u64::try_from(ex.worker.shared.wall_us(now) / 1_000_000).unwrap_or(0)
}

/// Where the request must go, if anywhere. Edits the request's cookies on the way.
pub fn of_request(ex: &mut Exchange) -> bool {
    let sticks = |b: &LiveBackend| {
        b.model.cookie.is_some() || !b.model.use_server.is_empty() || b.model.prefer_last_server
    };
    let Some(backend) = ex.backend.as_deref().filter(|b| sticks(b)).cloned() else { return false };
    let backend = &backend;
    let mut sticky = None;
    if let Some(cookie) = &backend.model.cookie {
        let persist = persist(ex, backend);
        let values = ex.memory.request.all(Known::Cookie);
        let read = cookie::read_request(cookie, values, &backend.fleet, persist, now_s(ex));
        sticky = read.server;
        ex.cookie.letters = Some((read.state.letter(), 'N'));
        ex.cookie.request = read;
        edit_request(ex, cookie);
    }
    if use_server(ex, backend) {
        ex.cookie.request.chosen_by_rule();
        return true;
    }
    if let Some(server) = sticky.and_then(|i| backend.servers.get(i)) {
        ex.server = Some(Arc::clone(server));
        return true;
    }
    prefer_last(ex, backend)
}

fn persist(ex: &Exchange, backend: &LiveBackend) -> Persist {
    let holds = |c: &expr::Condition| c.eval(ex) == Verdict::True;
    let rule = backend
        .model
        .persist_rules
        .iter()
        .find(|r| r.condition.as_ref().is_none_or(holds))
        .map(|r| r.action);
    match rule {
        Some(PersistRule::Ignore) => Persist::Ignore,
        Some(PersistRule::Force) => Persist::Force,
        None if backend.model.persist => Persist::Force,
        None => Persist::Normal,
    }
}

fn edit_request(ex: &mut Exchange, cookie: &model::CookiePersistence) {
    let head = &mut ex.memory.request;
    let mut value = Vec::new();
    let mut index = 0;
    while let Some(field) = head.fields().get(index).copied() {
        index += 1;
        if field.known != Known::Cookie {
            continue;
        }
        match cookie::edit_request_cookie(cookie, head.bytes(field.value), &mut value) {
            Edit::Keep => {}
            Edit::Replace => drop(head.replace(index - 1, &value)),
            Edit::Remove => {
                index -= 1;
                head.remove_at(index);
            }
        }
    }
}

/// `use-server` rules: the first whose condition holds names the server. Says whether one does.
pub fn use_server(ex: &mut Exchange, backend: &Arc<LiveBackend>) -> bool {
    for rule in &backend.model.use_server {
        let holds = |c: &expr::Condition| c.eval(&*ex) == Verdict::True;
        if !rule.condition.as_ref().is_none_or(holds) {
            continue;
        }
        let server = match &rule.action {
            ServerRule::Static(name) => backend.servers.iter().find(|s| s.model.name == *name),
            ServerRule::Format(format) => {
                let mut name = Vec::new();
                format.render(&*ex, &mut name);
                backend.servers.iter().find(|s| s.model.name.as_bytes() == name)
            }
        };
        if let Some(server) = server.filter(|s| s.state.is_alive() || backend.model.persist) {
            ex.server = Some(Arc::clone(server));
            return true;
        }
        return false;
    }
    false
}

/// `option prefer-last-server`: the one that served this client before, while it may.
fn prefer_last(ex: &mut Exchange, backend: &Arc<LiveBackend>) -> bool {
    if !backend.model.prefer_last_server {
        return false;
    }
    let last = ex.last_server.take();
    let server = last.and_then(|uid| backend.servers.iter().find(|s| s.uid == uid));
    match server.filter(|s| s.state.is_usable()) {
        Some(server) => {
            ex.server = Some(Arc::clone(server));
            true
        }
        None => false,
    }
}

/// What the response says to keep the client at its server.
pub fn of_response(ex: &mut Exchange, slot: &Slot) {
    let backend = &slot.backend;
    let Some(cookie) = &backend.model.cookie else { return };
    let value = backend.fleet.members().get(slot.index()).and_then(|m| m.cookie.as_deref());
    let is_post = ex.memory.request.method() == Method::Post;
    let now_s = now_s(ex);
    let request = ex.cookie.request;
    let mut work = ResponseCookie::new(cookie, &request, value, is_post);
    let head = &mut ex.memory.response;
    let mut text = Vec::new();
    let mut at = 0;
    while let Some(field) = head.fields().get(at).copied() {
        at += 1;
        if field.known != Known::SetCookie {
            continue;
        }
        match work.edit(head.bytes(field.value), &mut text) {
            Edit::Keep => {}
            Edit::Replace => drop(head.replace(at - 1, &text)),
            Edit::Remove => {
                at -= 1;
                head.remove_at(at);
            }
        }
    }
    let cacheable = cookie.nocache && cookie::is_cacheable(head.iter());
    let mut added = String::new();
    if work.insertion(now_s, &mut added) {
        let _ = head.append_known(Known::SetCookie, added.as_bytes());
    }
    if work.keeps_caches_away(cacheable) {
        let _ = head.append_known(Known::CacheControl, b"private");
    }
    ex.cookie.letters = Some(work.letters());
}
