//! Log lines of checks and state changes, word for word as HAProxy 3.2 writes them.

use std::fmt::Write;

use crate::rise_fall::Health;
use crate::status::{CheckResult, CheckStatus, Outcome};

/// How many servers are left, and what became of the sessions of one that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Usable active servers.
    pub active: u32,
    /// Usable backup servers.
    pub backup: u32,
    /// Whether backups stand in for the actives now.
    pub on_backup: bool,
    /// Sessions the server has.
    pub sessions: u32,
    /// Waiters that went to other servers.
    pub requeued: u32,
    /// Waiters of the backend.
    pub queued: u32,
}

/// Which server.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Backend.
    pub backend: &'a str,
    /// Server.
    pub server: &'a str,
    /// It is a backup.
    pub is_backup: bool,
}

impl Subject<'_> {
    fn kind(&self) -> &'static str {
        if self.is_backup { "Backup Server" } else { "Server" }
    }
}

/// "reason: ..., code: ..., info: ..., check duration: ...".
fn reason(result: &CheckResult) -> String {
    let mut out = format!("reason: {}", result.status.description());
    if let Some(code) = result.code {
        let _ = write!(out, ", code: {code}");
    }
    if !result.info.is_empty() {
        let _ = write!(out, ", info: \"{}\"", result.info);
    }
    if result.status != CheckStatus::Hana {
        let _ = write!(out, ", check duration: {}ms", result.duration_ms);
    }
    out
}

/// The line of `option log-health-checks`.
#[must_use]
pub fn check_line(subject: &Subject<'_>, result: &CheckResult, health: &Health) -> String {
    let outcome = match result.status.outcome() {
        Outcome::Passed => "succeeded",
        Outcome::Conditional => "conditionally succeeded",
        Outcome::Failed => "failed",
    };
    let (done, needed) = health.progress();
    format!(
        "Health check for {}server {}/{} {outcome}, {}, status: {done}/{needed} {}.",
        if subject.is_backup { "backup " } else { "" },
        subject.backend,
        subject.server,
        reason(result),
        if health.is_up() { "UP" } else { "DOWN" },
    )
}

/// The line of `option log-health-checks` for what an agent said.
#[must_use]
pub fn agent_line(subject: &Subject<'_>, result: &CheckResult, up: bool) -> String {
    let (outcome, status) = if up { ("succeeded", "1/1 UP") } else { ("failed", "0/1 DOWN") };
    format!(
        "Agent check for {}server {}/{} {outcome}, {}, status: {status}.",
        if subject.is_backup { "backup " } else { "" },
        subject.backend,
        subject.server,
        reason(result),
    )
}

/// Why a server's state changed.
#[derive(Clone, Copy, Debug)]
pub enum Why<'a> {
    /// A check; `None` when it was logged already.
    Check(Option<&'a CheckResult>),
    /// The server it tracks, as backend/server.
    Tracked(&'a str),
    /// The runtime API.
    Command,
}

fn why_text(why: Why<'_>) -> String {
    match why {
        Why::Check(Some(result)) => format!(", {}", reason(result)),
        Why::Check(None) => String::new(),
        Why::Tracked(server) => format!(" via {server}"),
        Why::Command => ", changed from CLI".to_owned(),
    }
}

fn left(counts: &Counts) -> String {
    format!(
        "{} active and {} backup servers left.{} {} sessions active, {} requeued, {} remaining in \
         queue.",
        counts.active,
        counts.backup,
        if counts.on_backup { " Running on backup." } else { "" },
        counts.sessions,
        counts.requeued,
        counts.queued,
    )
}

fn online(counts: &Counts) -> String {
    format!(
        "{} active and {} backup servers online.{} {} sessions requeued, {} total in queue.",
        counts.active,
        counts.backup,
        if counts.on_backup { " Running on backup." } else { "" },
        counts.requeued,
        counts.queued,
    )
}

/// "Server bk/s1 is DOWN, ...".
#[must_use]
pub fn down_line(subject: &Subject<'_>, why: Why<'_>, counts: &Counts) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    format!("{kind} {backend}/{server} is DOWN{}. {}", why_text(why), left(counts))
}

/// "Server bk/s1 is UP, ...".
#[must_use]
pub fn up_line(subject: &Subject<'_>, why: Why<'_>, counts: &Counts) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    format!("{kind} {backend}/{server} is UP{}. {}", why_text(why), online(counts))
}

/// "Server bk/s1 is stopping...".
#[must_use]
pub fn stopping_line(subject: &Subject<'_>, why: Why<'_>, counts: &Counts) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    format!("{kind} {backend}/{server} is stopping{}. {}", why_text(why), online(counts))
}

/// A reason of an administrator, and whether it comes from the server that this one tracks.
fn via(tracked: Option<&str>) -> String {
    tracked.map(|server| format!(" via {server}")).unwrap_or_default()
}

const fn forced(tracked: Option<&str>) -> &'static str {
    if tracked.is_none() { "forced " } else { "" }
}

/// A server that enters maintenance. `tracked` is the server, as backend/server, whose maintenance
/// it takes over.
#[must_use]
pub fn maintenance_line(
    subject: &Subject<'_>,
    was_up: bool,
    tracked: Option<&str>,
    counts: &Counts,
) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    let via = via(tracked);
    if was_up {
        format!("{kind} {backend}/{server} is going DOWN for maintenance{via}. {}", left(counts))
    } else {
        format!("{kind} {backend}/{server} was DOWN and now enters maintenance{via}.")
    }
}

/// A server that leaves maintenance, up or down, perhaps into drain.
#[must_use]
pub fn ready_line(
    subject: &Subject<'_>,
    is_up: bool,
    drains: bool,
    tracked: Option<&str>,
) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    let state = if is_up { "UP" } else { "DOWN" };
    let admin = if drains { "DRAIN" } else { "READY" };
    let forced = forced(tracked);
    format!("{kind} {backend}/{server} is {state}/{admin} (leaving {forced}maintenance).")
}

/// A server that stays in maintenance because the server that it tracks is.
#[must_use]
pub fn still_maintained_line(subject: &Subject<'_>, tracked: &str) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    format!(
        "{kind} {backend}/{server} is leaving forced maintenance but remains in maintenance via \
         {tracked}."
    )
}

/// A server that enters drain.
#[must_use]
pub fn drain_line(
    subject: &Subject<'_>,
    was_up: bool,
    tracked: Option<&str>,
    counts: &Counts,
) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    let rest = if was_up { online(counts) } else { left(counts) };
    format!("{kind} {backend}/{server} enters drain state{}. {rest}", via(tracked))
}

/// A server that stays in drain when its maintenance ends.
#[must_use]
pub fn still_drains_line(subject: &Subject<'_>, tracked: Option<&str>) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    format!("{kind} {backend}/{server} remains in {}drain mode{}.", forced(tracked), via(tracked))
}

/// A server that leaves drain, up or down.
#[must_use]
pub fn undrained_line(subject: &Subject<'_>, is_up: bool, tracked: Option<&str>) -> String {
    let (kind, backend, server) = (subject.kind(), subject.backend, subject.server);
    let state = if is_up { "UP" } else { "DOWN" };
    let (forced, via) = (forced(tracked), via(tracked));
    format!("{kind} {backend}/{server} is {state} (leaving {forced}drain){via}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Subject<'_> = Subject { backend: "conn", server: "refused", is_backup: false };

    /// Recorded from HAProxy 3.2.
    #[test]
    fn lines_are_haproxys() {
        let check: model::ServerCheck = crate::script::tests_support::check(2, 2);
        let mut health = Health::new(&check);
        let refused = CheckResult::with(CheckStatus::L4Con, None, "Connection refused");
        health.apply(refused.clone());
        assert_eq!(
            check_line(&S, &refused, &health),
            "Health check for server conn/refused failed, reason: Layer4 connection problem, \
             info: \"Connection refused\", check duration: 0ms, status: 0/2 DOWN."
        );
        let counts = Counts { active: 1, ..Counts::default() };
        assert_eq!(
            down_line(&S, Why::Check(None), &counts),
            "Server conn/refused is DOWN. 1 active and 0 backup servers left. 0 sessions active, \
             0 requeued, 0 remaining in queue."
        );
        assert_eq!(
            up_line(&S, Why::Check(None), &counts),
            "Server conn/refused is UP. 1 active and 0 backup servers online. 0 sessions \
             requeued, 0 total in queue."
        );
        let backup = Counts { backup: 1, on_backup: true, ..Counts::default() };
        assert!(down_line(&S, Why::Tracked("http/refused"), &backup).starts_with(
            "Server conn/refused is DOWN via http/refused. 0 active and 1 backup servers left. \
             Running on backup. 0 sessions active"
        ));
        let b = Subject { is_backup: true, ..S };
        health.force(true);
        let passed = CheckResult { duration_ms: 5, ..CheckResult::new(CheckStatus::L4Ok) };
        assert_eq!(
            check_line(&b, &passed, &health),
            "Health check for backup server conn/refused succeeded, reason: Layer4 check passed, \
             check duration: 5ms, status: 2/2 UP."
        );
    }

    /// Recorded from HAProxy 3.2.
    #[test]
    fn lines_of_administrators_are_haproxys() {
        let counts = Counts { active: 1, ..Counts::default() };
        let via = Some("be/s1");
        let left = "1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 \
                    remaining in queue.";
        let online = "1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.";
        let lines = [
            (
                maintenance_line(&S, true, via, &counts),
                format!("is going DOWN for maintenance via be/s1. {left}"),
            ),
            (
                maintenance_line(&S, false, None, &counts),
                "was DOWN and now enters maintenance.".into(),
            ),
            (ready_line(&S, true, false, None), "is UP/READY (leaving forced maintenance).".into()),
            (ready_line(&S, true, true, via), "is UP/DRAIN (leaving maintenance).".into()),
            (ready_line(&S, false, false, via), "is DOWN/READY (leaving maintenance).".into()),
            (drain_line(&S, true, None, &counts), format!("enters drain state. {online}")),
            (drain_line(&S, false, via, &counts), format!("enters drain state via be/s1. {left}")),
            (still_drains_line(&S, None), "remains in forced drain mode.".into()),
            (still_drains_line(&S, via), "remains in drain mode via be/s1.".into()),
            (undrained_line(&S, true, None), "is UP (leaving forced drain).".into()),
            (undrained_line(&S, false, via), "is DOWN (leaving drain) via be/s1.".into()),
        ];
        for (line, end) in lines {
            assert_eq!(line, format!("Server conn/refused {end}"));
        }
    }
}
