//! Figures of frontends, backends and servers, and the table of their columns.

mod columns;
pub mod csv;
pub mod servers_state;

pub use columns::{COLUMNS, Cell};

use model::{AdminReason, AdminReasons, Mode, Name, Operational};

/// What a row is about; the number is HAProxy's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A frontend.
    Frontend = 0,
    /// A backend.
    Backend = 1,
    /// A server.
    Server = 2,
}

/// One line of the statistics. Counters that make no sense for its kind are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Proxy name.
    pub proxy: String,
    /// Server name, or FRONTEND or BACKEND.
    pub service: String,
    /// What it is about.
    pub kind: Option<Kind>,
    /// Proxy id.
    pub proxy_id: u32,
    /// Server id; 0 for proxies.
    pub server_id: u32,
    /// Mode of the proxy.
    pub mode: Option<Mode>,
    /// `balance` of a backend.
    pub algorithm: Option<&'static str>,
    /// Facts of a server.
    pub server: Option<ServerFacts>,
    /// Waiting in the queue, and the most so far.
    pub queue: Option<(u32, u32)>,
    /// Longest queue allowed.
    pub queue_limit: Option<u32>,
    /// Sessions now and the most so far.
    pub sessions: (u32, u32),
    /// Most sessions allowed.
    pub session_limit: Option<u32>,
    /// Sessions since the start.
    pub sessions_total: u64,
    /// Sessions given by the algorithm rather than by stickiness.
    pub balanced_total: Option<u64>,
    /// Sessions in the last second, and the most so far.
    pub session_rate: (u32, u32),
    /// `rate-limit sessions`.
    pub session_rate_limit: Option<u32>,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Requests denied by rules.
    pub denied_requests: Option<u64>,
    /// Responses denied by rules.
    pub denied_responses: Option<u64>,
    /// Connections denied by rules.
    pub denied_connections: Option<u64>,
    /// Invalid or timed-out requests.
    pub request_errors: Option<u64>,
    /// Connections to servers that failed.
    pub connect_errors: Option<u64>,
    /// Responses that failed.
    pub response_errors: Option<u64>,
    /// Connection attempts repeated.
    pub retries: Option<u64>,
    /// Requests that went to another server.
    pub redispatches: Option<u64>,
    /// Transfers given up by clients.
    pub client_aborts: Option<u64>,
    /// Transfers given up by servers.
    pub server_aborts: Option<u64>,
    /// Answers by class 1xx to 5xx and others; HTTP only.
    pub statuses: Option<[u64; 6]>,
    /// HTTP requests, in the last second and the most so far.
    pub request_rate: Option<(u32, u32)>,
    /// HTTP requests since the start.
    pub requests_total: Option<u64>,
    /// Connections in the last second and the most so far.
    pub connection_rate: Option<(u32, u32)>,
    /// Connections since the start.
    pub connections_total: Option<u64>,
    /// Connections opened to servers.
    pub connects: Option<u64>,
    /// Requests on server connections that were open.
    pub reuses: Option<u64>,
    /// Idle server connections.
    pub idle: Option<u32>,
    /// OPEN, UP, DOWN ... as HAProxy words it.
    pub status: String,
    /// Weight in effect.
    pub weight: Option<u32>,
    /// Active and backup servers that are usable.
    pub active_backup: Option<(u32, u32)>,
    /// Seconds since the last change of state.
    pub last_change_s: Option<u64>,
    /// Seconds since the last session; `None` when there was none.
    pub last_session_s: Option<u64>,
}

/// What is known about a server besides its counters.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerFacts {
    /// Address as text, and port.
    pub address: String,
    /// Port; 0 when the client's is used.
    pub port: u16,
    /// Name it was resolved from.
    pub fqdn: Option<Name>,
    /// Persistence cookie.
    pub cookie: Option<Name>,
    /// Reasons to keep traffic away.
    pub admin: AdminReasons,
    /// What checks say.
    pub operational: Operational,
    /// Whether it is checked, and the streak of equal results with the number that is needed.
    pub check: Option<CheckFacts>,
    /// `backup`.
    pub backup: bool,
    /// Weight of the configuration.
    pub initial_weight: u16,
    /// Weight in effect.
    pub weight: u16,
    /// `track`.
    pub tracked: Option<String>,
}

/// Health check of a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckFacts {
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// HAProxy's single number: below `rise` down, from `rise` up.
    pub health: u32,
    /// Short status such as `L4OK`.
    pub status: String,
    /// HTTP status, when there was one.
    pub code: Option<u16>,
    /// How long the last one took, milliseconds.
    pub duration_ms: Option<u64>,
    /// Text of the last failure.
    pub text: String,
    /// Port other than the server's; 0 = the same.
    pub port: u16,
}

impl ServerFacts {
    /// The status as HAProxy's pages show it (manual of management 9.1, field 17).
    #[must_use]
    pub fn status(&self) -> String {
        if self.admin.is_maint() {
            let text = if self.admin.has(AdminReason::Unresolved) {
                "MAINT (resolution)"
            } else if self.admin.has(AdminReason::InheritedMaint) {
                "MAINT (via)"
            } else {
                "MAINT"
            };
            return text.to_owned();
        }
        let progress = |n: u32, of: u32| format!(" {n}/{of}");
        match (self.operational, &self.check) {
            (Operational::Down, Some(c)) if c.health > 0 => {
                format!("DOWN{}", progress(c.health, c.rise))
            }
            (Operational::Down, _) => "DOWN".to_owned(),
            _ if self.admin.is_drain() => "DRAIN".to_owned(),
            (Operational::Stopping, _) => "NOLB".to_owned(),
            (_, None) if self.tracked.is_none() => "no check".to_owned(),
            (_, Some(c)) if c.health + 1 < c.rise + c.fall => {
                format!("UP{}", progress((c.health + 1).saturating_sub(c.rise), c.fall))
            }
            _ => "UP".to_owned(),
        }
    }

    /// The administrative state as HAProxy's bits (manual of management 9.3,
    /// `show servers state`).
    #[must_use]
    pub fn admin_bits(&self) -> u8 {
        [
            (AdminReason::RuntimeMaint, 0x01),
            (AdminReason::InheritedMaint, 0x02),
            // `disabled` in the file counts as forced too, as long as nobody enabled it.
            (AdminReason::ConfigMaint, 0x05),
            (AdminReason::RuntimeDrain, 0x08),
            (AdminReason::InheritedDrain, 0x10),
            (AdminReason::Unresolved, 0x20),
        ]
        .into_iter()
        .filter(|(reason, _)| self.admin.has(*reason))
        .fold(0, |bits, (_, bit)| bits | bit)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn facts() -> ServerFacts {
        ServerFacts {
            address: "127.0.0.1".to_owned(),
            port: 9,
            fqdn: None,
            cookie: None,
            admin: AdminReasons::default(),
            operational: Operational::Running,
            check: Some(CheckFacts { rise: 2, fall: 3, health: 4, ..CheckFacts::default() }),
            backup: false,
            initial_weight: 1,
            weight: 1,
            tracked: None,
        }
    }

    #[test]
    fn statuses_are_worded_as_haproxy_words_them() {
        let mut f = facts();
        let mut status = |operational, health, admin: Option<AdminReason>| {
            f.operational = operational;
            f.check = f.check.clone().map(|c| CheckFacts { health, ..c });
            f.admin = admin.map_or(AdminReasons::default(), |a| AdminReasons::default().with(a));
            f.status()
        };
        assert_eq!(status(Operational::Running, 4, None), "UP");
        assert_eq!(status(Operational::Running, 3, None), "UP 2/3");
        assert_eq!(status(Operational::Running, 2, None), "UP 1/3");
        assert_eq!(status(Operational::Down, 0, None), "DOWN");
        assert_eq!(status(Operational::Down, 1, None), "DOWN 1/2");
        assert_eq!(status(Operational::Running, 4, Some(AdminReason::ConfigMaint)), "MAINT");
        assert_eq!(status(Operational::Running, 4, Some(AdminReason::RuntimeDrain)), "DRAIN");
        f.check = None;
        f.admin = AdminReasons::default();
        assert_eq!(f.status(), "no check");
    }

    #[test]
    fn disabled_in_the_file_has_both_bits() {
        let mut f = facts();
        f.admin = AdminReasons::default().with(AdminReason::ConfigMaint);
        assert_eq!(f.admin_bits(), 5);
    }
}
