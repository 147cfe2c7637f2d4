//! What follows when a server's state changes: queues, sessions, tracking servers, log lines.

use health::text::{self, Counts, Subject, Why};
use model::{AdminReason, AdminReasons, Operational};
use tokio::time::Instant;

use super::Wish;
use crate::engine::Shared;
use crate::live::{Live, LiveBackend, LiveServer};
use crate::log::{LEVEL_ALERT, LEVEL_NOTICE};
use crate::termination::Cause;

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
    Transition { shared, live: &shared.live(), depth: 0 }.operational(backend, server, to, why);
}

/// Sets the reasons of administrators, and all that follows: those who wait are woken or go
/// elsewhere, servers that track this one take it over.
pub fn administer(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    reasons: AdminReasons,
) {
    Transition { shared, live: &shared.live(), depth: 0 }.admin(backend, server, reasons, None);
}

/// Sets the weight (0 to 256); those who wait get what is free now.
pub fn weigh(shared: &Shared, backend: &LiveBackend, server: &LiveServer, weight: u16) {
    server.state.set_weight(weight);
    backend.queue.serve(&server.state, shared.now_ms(Instant::now()));
}

/// The weight that so many percent of the configured one are, 0 to 256.
#[must_use]
pub fn share_of_weight(server: &LiveServer, percent: u16) -> u16 {
    (u32::from(server.model.weight) * u32::from(percent) / 100).min(256) as u16
}

/// The reasons of a server for which an operator or its agent asks this. `disabled` in the file
/// counts as an operator's: being ready ends it until the file changes.
#[must_use]
pub fn wished(now: AdminReasons, wish: Wish) -> AdminReasons {
    let without = now.without(AdminReason::RuntimeMaint).without(AdminReason::ConfigMaint);
    match wish {
        Wish::Ready => without.without(AdminReason::RuntimeDrain),
        Wish::Drain => without.with(AdminReason::RuntimeDrain),
        Wish::Maintenance => now.with(AdminReason::RuntimeMaint),
    }
}

/// Says in place of the checks that a server is up, down or stopping (runtime API).
pub fn force(shared: &Shared, backend: &LiveBackend, server: &LiveServer, to: Operational) {
    server.check.force(to != Operational::Down);
    set(shared, backend, server, to, Why::Command);
}

/// One change and those that it brings about.
struct Transition<'a> {
    shared: &'a Shared,
    live: &'a Live,
    depth: usize,
}

impl<'a> Transition<'a> {
    fn deeper(&self) -> Option<Self> {
        let depth = self.depth + 1;
        let further = Self { shared: self.shared, live: self.live, depth };
        (depth < MAX_TRACKING_DEPTH).then_some(further)
    }

    fn operational(
        &self,
        backend: &LiveBackend,
        server: &LiveServer,
        to: Operational,
        why: Why<'_>,
    ) {
        let now_ms = self.shared.now_ms(Instant::now());
        let change = server.state.set_operational(to, now_ms);
        if change.from.operational == change.to.operational {
            return;
        }
        let requeued = self.settle(backend, server, change, now_ms);
        if !change.to.admin.is_maint() {
            let subject = subject(backend, server);
            let counts = counts(backend, server, requeued);
            let (level, line) = match to {
                Operational::Down => (LEVEL_ALERT, text::down_line(&subject, why, &counts)),
                Operational::Stopping => {
                    (LEVEL_NOTICE, text::stopping_line(&subject, why, &counts))
                }
                _ => (LEVEL_NOTICE, text::up_line(&subject, why, &counts)),
            };
            let goes = matches!(to, Operational::Down | Operational::Stopping);
            self.report(backend, level, &line, goes, &counts);
        }
        let Some(deeper) = self.deeper() else { return };
        let via = format!("{}/{}", backend.model.name, server.model.name);
        for (b, s) in trackers(self.live, backend, server) {
            deeper.operational(b, s, to, Why::Tracked(&via));
        }
    }

    /// `tracked` is the server, as backend/server, whose reasons are taken over.
    fn admin(
        &self,
        backend: &LiveBackend,
        server: &LiveServer,
        reasons: AdminReasons,
        tracked: Option<&str>,
    ) {
        let now_ms = self.shared.now_ms(Instant::now());
        let before = server.state.admin();
        if before == reasons {
            return;
        }
        let change = server.state.set_admin(reasons, now_ms);
        if before.is_maint() && !reasons.is_maint() {
            server.check.restart(server.model.check.as_deref());
            if let Some((_, of)) = tracked_by(self.live, server)
                && of.state.operational() == Operational::Down
            {
                server.state.set_operational(Operational::Down, now_ms);
            }
        }
        let change = balance::Transition { from: change.from, to: server.state.status() };
        let requeued = self.settle(backend, server, change, now_ms);
        self.report_admin(backend, server, change, tracked, requeued);
        let Some(deeper) = self.deeper() else { return };
        let via = format!("{}/{}", backend.model.name, server.model.name);
        for (b, s) in trackers(self.live, backend, server) {
            deeper.admin(b, s, inherited(s.state.admin(), reasons), Some(&via));
            if before.is_maint() && !reasons.is_maint() {
                let to = running(server.state.operational());
                deeper.operational(b, s, to, Why::Tracked(&via));
            }
        }
    }

    /// Waiters and sessions after a change. Returns how many waiters had to leave.
    fn settle(
        &self,
        backend: &LiveBackend,
        server: &LiveServer,
        change: balance::Transition,
        now_ms: u64,
    ) -> u32 {
        let mut requeued = 0;
        server.standing.note(server.state.is_alive(), now_ms);
        let served = backend.servers.iter().any(|s| s.state.is_usable());
        backend.standing.note(served, now_ms);
        if change.went_down() {
            requeued = server.state.queued();
            backend.queue.evict(backend, &server.state);
            if server.model.on_marked.down_shutdown_sessions {
                self.shared.end_sessions(&[server.state.uid()], Cause::Down);
            }
            if backend.fleet.usable_count(now_ms) == 0 {
                backend.queue.evict_all(backend);
            }
        }
        if server.state.is_alive() {
            backend.queue.serve(&server.state, now_ms);
        }
        let on = server.model.on_marked.up_shutdown_backup_sessions;
        if on && change.came_up() && !server.model.backup && server.state.weight() > 0 {
            let backups = backend.servers.iter().filter(|s| s.model.backup);
            let backups: Vec<u64> = backups.map(|s| s.state.uid()).collect();
            self.shared.end_sessions(&backups, Cause::Up);
        }
        requeued
    }

    fn report_admin(
        &self,
        backend: &LiveBackend,
        server: &LiveServer,
        change: balance::Transition,
        tracked: Option<&str>,
        requeued: u32,
    ) {
        let subject = subject(backend, server);
        let counts = counts(backend, server, requeued);
        let (from, to) = (change.from.admin, change.to.admin);
        let was_up = change.from.operational != Operational::Down;
        let is_up = change.to.operational != Operational::Down;
        let say = |line: String, goes| {
            // Those that go where nothing was wrong are an alert.
            let alert = goes && to.is_maint() && !from.is_drain();
            let level = if alert { LEVEL_ALERT } else { LEVEL_NOTICE };
            self.report(backend, level, &line, goes, &counts);
        };
        match (from.is_maint(), to.is_maint()) {
            (false, true) => {
                say(text::maintenance_line(&subject, was_up, tracked, &counts), was_up);
            }
            (true, false) => {
                say(text::ready_line(&subject, is_up, to.is_drain(), tracked), false);
                if to.is_drain() {
                    say(text::still_drains_line(&subject, tracked), false);
                }
            }
            (true, true) => {
                let forced = |reasons: AdminReasons| reasons.has(AdminReason::RuntimeMaint);
                if let Some((b, s)) = tracked_by(self.live, server)
                    && forced(from)
                    && !forced(to)
                {
                    let via = format!("{}/{}", b.model.name, s.model.name);
                    say(text::still_maintained_line(&subject, &via), false);
                }
            }
            (false, false) => match (from.is_drain(), to.is_drain()) {
                (false, true) => {
                    say(text::drain_line(&subject, was_up, tracked, &counts), was_up);
                }
                (true, false) => say(text::undrained_line(&subject, is_up, tracked), false),
                _ => {}
            },
        }
    }

    fn report(&self, backend: &LiveBackend, level: u8, line: &str, goes: bool, counts: &Counts) {
        self.shared.events.state(&backend.model.log, level, line);
        if goes && counts.active + counts.backup == 0 {
            self.shared.events.nobody_left(&backend.model);
        }
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
            .as_deref()
            .is_some_and(|(b, name)| *b == backend.model.name && *name == server.model.name)
    })
}

fn tracked_by<'a>(
    live: &'a Live,
    server: &LiveServer,
) -> Option<(&'a LiveBackend, &'a LiveServer)> {
    let (backend, name) = server.model.track.as_deref()?;
    let backend = live.backends.get(backend)?;
    Some((backend, backend.servers.iter().find(|s| s.model.name == *name)?))
}

/// A server's own reasons with those of the server that it tracks.
fn inherited(own: AdminReasons, theirs: AdminReasons) -> AdminReasons {
    let mut reasons = own;
    for (reason, holds) in [
        (AdminReason::InheritedMaint, theirs.is_maint()),
        (AdminReason::InheritedDrain, theirs.is_drain()),
    ] {
        reasons = if holds { reasons.with(reason) } else { reasons.without(reason) };
    }
    reasons
}

/// Who follows warms up by itself.
fn running(of: Operational) -> Operational {
    if of == Operational::Starting { Operational::Running } else { of }
}

/// After a change of the configuration: servers that track another one take over its state, its
/// maintenance and its drain included (manual 5.2 `track`).
pub fn tracked_follow(shared: &Shared, live: &Live) {
    let transition = Transition { shared, live, depth: 0 };
    for backend in live.backends.values() {
        for server in &backend.servers {
            let Some((of_backend, of)) = tracked_by(live, server) else { continue };
            let via = format!("{}/{}", of_backend.model.name, of.model.name);
            let reasons = inherited(server.state.admin(), of.state.admin());
            transition.admin(backend, server, reasons, Some(&via));
            let to = running(of.state.operational());
            transition.operational(backend, server, to, Why::Tracked(&via));
        }
    }
}
