//! What follows when a server goes down or comes up: queues, tracking servers, log lines.

use health::text::{self, Counts, Subject, Why};
use model::{AdminReason, Operational};
use tokio::time::Instant;

use crate::engine::Shared;
use crate::live::{Live, LiveBackend, LiveServer};

/// Syslog severities of state changes.
const LEVEL_EMERG: u8 = 0;
const LEVEL_ALERT: u8 = 1;
const LEVEL_NOTICE: u8 = 5;

/// Servers that track servers that track... are followed this far.
const MAX_TRACKING_DEPTH: usize = 16;

/// Whom a log line is about.
pub(super) fn subject<'a>(backend: &'a LiveBackend, server: &'a LiveServer) -> Subject<'a> {
    Subject {
        backend: &backend.model.name,
        server: &server.model.name,
        is_backup: server.model.backup,
    }
}

/// Sets what checks say about a server, and all that follows from it.
pub(super) fn set(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    to: Operational,
    why: Why<'_>,
) {
    let live = shared.live();
    change(shared, &live, backend, server, to, why, 0);
}

fn change(
    shared: &Shared,
    live: &Live,
    backend: &LiveBackend,
    server: &LiveServer,
    to: Operational,
    why: Why<'_>,
    depth: usize,
) {
    let now_ms = shared.now_ms(Instant::now());
    let transition = server.state.set_operational(to, now_ms);
    if transition.from.operational == transition.to.operational {
        return;
    }
    let mut requeued = 0;
    if to == Operational::Down {
        requeued = server.state.queued();
        backend.queue.evict(backend, &server.state);
        if backend.fleet.usable_count(now_ms) == 0 {
            backend.queue.evict_all(backend);
        }
    } else {
        backend.queue.serve(&server.state, now_ms);
    }
    if !transition.to.admin.is_maint() {
        report(shared, backend, server, to, why, requeued);
    }
    if depth < MAX_TRACKING_DEPTH {
        for (b, s) in trackers(live, backend, server) {
            let via = format!("{}/{}", backend.model.name, server.model.name);
            change(shared, live, b, s, to, Why::Tracked(&via), depth + 1);
        }
    }
}

fn report(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    to: Operational,
    why: Why<'_>,
    requeued: u32,
) {
    let subject = subject(backend, server);
    let counts = counts(backend, server, requeued);
    let (level, line) = match to {
        Operational::Down => (LEVEL_ALERT, text::down_line(&subject, why, &counts)),
        Operational::Stopping => (LEVEL_NOTICE, text::stopping_line(&subject, why, &counts)),
        _ => (LEVEL_NOTICE, text::up_line(&subject, why, &counts)),
    };
    shared.events.state(&backend.model.log, level, &line);
    let goes = matches!(to, Operational::Down | Operational::Stopping);
    if goes && counts.active + counts.backup == 0 {
        let line = text::nobody_line(&backend.model.name);
        shared.events.state(&backend.model.log, LEVEL_EMERG, &line);
    }
}

fn counts(backend: &LiveBackend, server: &LiveServer, requeued: u32) -> Counts {
    let usable = |backup: bool| {
        let of = backend.servers.iter().filter(|s| s.model.backup == backup);
        of.filter(|s| s.state.is_usable()).count() as u32
    };
    let (active, backups) = (usable(false), usable(true));
    Counts {
        active,
        backup: backups,
        on_backup: active == 0 && backups > 0,
        sessions: server.state.served(),
        requeued,
        queued: backend.fleet.shared().queued(),
    }
}

fn trackers<'a>(
    live: &'a Live,
    backend: &'a LiveBackend,
    server: &'a LiveServer,
) -> impl Iterator<Item = (&'a LiveBackend, &'a LiveServer)> {
    let all = live.backends.values().flat_map(|b| b.servers.iter().map(move |s| (&**b, &**s)));
    all.filter(move |(_, s)| {
        s.model
            .track
            .as_ref()
            .is_some_and(|(b, name)| *b == backend.model.name && *name == server.model.name)
    })
}

/// After a change of the configuration: servers that track another one take over its state, its
/// maintenance and its drain included (manual 5.2 `track`).
pub fn tracked_follow(shared: &Shared, live: &Live) {
    let now_ms = shared.now_ms(Instant::now());
    for backend in live.backends.values() {
        for server in &backend.servers {
            let Some((b, name)) = &server.model.track else { continue };
            let tracked =
                live.backends.get(b).and_then(|b| b.servers.iter().find(|s| s.model.name == *name));
            let Some(tracked) = tracked else { continue };
            let theirs = tracked.state.admin();
            let mut mine = server.state.admin();
            for (reason, holds) in [
                (AdminReason::InheritedMaint, theirs.is_maint()),
                (AdminReason::InheritedDrain, theirs.is_drain()),
            ] {
                mine = if holds { mine.with(reason) } else { mine.without(reason) };
            }
            server.state.set_admin(mine, now_ms);
            let to = match tracked.state.operational() {
                Operational::Starting => Operational::Running,
                other => other,
            };
            let via = format!("{b}/{name}");
            set(shared, backend, server, to, Why::Tracked(&via));
        }
    }
}
