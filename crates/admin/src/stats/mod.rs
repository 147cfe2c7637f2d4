//! Figures of the process, of frontends, backends, servers and listeners, and the tables of what
//! each figure is.

mod cell;
mod columns;
pub mod csv;
mod filter;
pub mod info;
pub mod json;
pub(crate) mod modules;
pub mod servers_conn;
pub mod servers_state;
pub mod typed;

pub use cell::{Cell, Tags};
pub use columns::{COLUMNS, Column};
pub use filter::Filter;
pub use modules::{MODULES, Module};

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
    /// A listener (`option socket-stats`).
    Listener = 3,
}

impl Kind {
    /// The letter of typed output.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Frontend => 'F',
            Self::Backend => 'B',
            Self::Server => 'S',
            Self::Listener => 'L',
        }
    }

    /// The word of JSON output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Frontend => "Frontend",
            Self::Backend => "Backend",
            Self::Server => "Server",
            Self::Listener => "Listener",
        }
    }
}

/// Times of queue, connect, response and the whole session, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Average over the last requests.
    pub average: [u32; 4],
    /// Longest so far.
    pub longest: [u32; 4],
}

/// One line of the statistics. Counters that make no sense for its kind are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Proxy name.
    pub proxy: String,
    /// Server or listener name, or FRONTEND or BACKEND.
    pub service: String,
    /// What it is about.
    pub kind: Option<Kind>,
    /// Proxy id.
    pub proxy_id: u32,
    /// Server or listener id; 0 for proxies.
    pub server_id: u32,
    /// Mode of the proxy.
    pub mode: Option<Mode>,
    /// `balance` of a backend.
    pub algorithm: Option<&'static str>,
    /// Name of the persistence cookie of a backend.
    pub cookie: Option<Name>,
    /// Address and port of a server or listener.
    pub address: String,
    /// Protocol of a listener.
    pub protocol: Option<&'static str>,
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
    pub session_rate: Option<(u32, u32)>,
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
    /// Sessions denied by rules.
    pub denied_sessions: Option<u64>,
    /// Invalid or timed-out requests.
    pub request_errors: Option<u64>,
    /// Requests answered by the proxy itself.
    pub intercepted: Option<u64>,
    /// Rewritings that failed.
    pub rewrite_failures: Option<u64>,
    /// Errors of the proxy itself.
    pub internal_errors: Option<u64>,
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
    /// Of those, what connections are counted for that brought nothing.
    pub empty_requests: u64,
    /// Messages that rules kept out before they were requests.
    pub kept_out: u64,
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
    /// Those of them that have carried one request only.
    pub idle_unproven: Option<u32>,
    /// `pool-max-conn`.
    pub idle_limit: Option<u32>,
    /// Server connections in use.
    pub used: Option<u32>,
    /// Server connections that will be needed, as an estimate.
    pub needed: Option<u32>,
    /// OPEN, UP, DOWN ... as HAProxy words it.
    pub status: String,
    /// Weight in effect.
    pub weight: Option<u32>,
    /// Weight without slow start.
    pub configured_weight: Option<u32>,
    /// Percent of the weight while warming up.
    pub throttle: Option<u32>,
    /// Active and backup servers that are usable.
    pub active_backup: Option<(u32, u32)>,
    /// Checks that failed while the server was up.
    pub check_failures: Option<u64>,
    /// Connections over which a backend's checks spoke HTTP.
    pub http_checks: u64,
    /// Failures that traffic showed.
    pub observed_failures: Option<u64>,
    /// Changes from up to down.
    pub downs: Option<u64>,
    /// Seconds spent down.
    pub downtime_s: Option<u32>,
    /// Seconds since the last change of state.
    pub last_change_s: Option<u32>,
    /// Seconds since the last session; `None` when there was none.
    pub last_session_s: Option<u32>,
    /// Servers of a backend by state, as the Prometheus exporter names states.
    pub servers_by_state: Vec<(String, u32)>,
    /// Servers of a backend by outcome of their last check.
    pub servers_by_check: Vec<(String, u32)>,
    /// How long requests take.
    pub times: Option<Times>,
}

/// What is known about a server besides its counters.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerFacts {
    /// Address as text; empty while its name does not resolve.
    pub host: String,
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
    /// Its health check.
    pub check: Option<CheckFacts>,
    /// Its agent check.
    pub agent: Option<CheckFacts>,
    /// `backup`.
    pub backup: bool,
    /// `disabled` in the configuration, whatever was ordered since.
    pub disabled: bool,
    /// Weight of the configuration.
    pub initial_weight: u16,
    /// Weight in effect.
    pub weight: u16,
    /// `track`.
    pub tracked: Option<String>,
    /// Longest time an idle connection is kept, milliseconds.
    pub purge_delay_ms: u64,
    /// Where it comes from: a line of a file or a container.
    pub origin: String,
    /// The container it is, as provider and id.
    pub container: Option<(Name, Name)>,
}

/// A check of a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckFacts {
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// HAProxy's single number: below `rise` down, from `rise` up.
    pub health: u32,
    /// Short status such as `L4OK`; empty before the first check.
    pub status: String,
    /// The status in words.
    pub description: String,
    /// Status code, when there was one.
    pub code: Option<u16>,
    /// How long the last one took, milliseconds.
    pub duration_ms: Option<u64>,
    /// Text of the last one.
    pub text: String,
    /// `disable health`: not checked for now.
    pub paused: bool,
    /// Port other than the server's; 0 = the same.
    pub port: u16,
    /// Address other than the server's.
    pub address: Option<String>,
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
            (Operational::Down, _) if self.agent.as_ref().is_some_and(|a| a.health == 0) => {
                "DOWN (agent)".to_owned()
            }
            (Operational::Down, Some(c)) if c.health > 0 => {
                format!("DOWN{}", progress(c.health, c.rise))
            }
            (Operational::Down, _) => "DOWN".to_owned(),
            _ if self.admin.is_drain() && self.agent.is_some() => "DRAIN (agent)".to_owned(),
            _ if self.admin.is_drain() => "DRAIN".to_owned(),
            (Operational::Stopping, _) => "NOLB".to_owned(),
            (_, None) if self.tracked.is_none() => "no check".to_owned(),
            (_, Some(c)) if c.health + 1 < c.rise + c.fall => {
                format!("UP{}", progress((c.health + 1).saturating_sub(c.rise), c.fall))
            }
            _ => "UP".to_owned(),
        }
    }

    /// Who or what keeps traffic away, for people.
    #[must_use]
    pub fn reasons(&self) -> Vec<&'static str> {
        [
            (AdminReason::ConfigMaint, "disabled in the configuration"),
            (AdminReason::RuntimeMaint, "taken out by an operator"),
            (AdminReason::InheritedMaint, "the server it follows is out"),
            (AdminReason::Unresolved, "its name does not resolve"),
            (AdminReason::RuntimeDrain, "drained by an operator"),
            (AdminReason::InheritedDrain, "the server it follows drains"),
            (AdminReason::Stopping, "its container is stopping"),
        ]
        .into_iter()
        .filter(|(reason, _)| self.admin.has(*reason))
        .map(|(_, text)| text)
        .collect()
    }

    /// The administrative state as HAProxy's bits (manual of management 9.3,
    /// `show servers state`).
    #[must_use]
    pub fn admin_bits(&self) -> u8 {
        let configured = if self.disabled { 0x04 } else { 0 };
        [
            (AdminReason::RuntimeMaint, 0x01),
            (AdminReason::InheritedMaint, 0x02),
            // `disabled` in the file counts as forced, as long as nobody enabled it.
            (AdminReason::ConfigMaint, 0x01),
            (AdminReason::RuntimeDrain, 0x08),
            (AdminReason::InheritedDrain, 0x10),
            (AdminReason::Unresolved, 0x20),
        ]
        .into_iter()
        .filter(|(reason, _)| self.admin.has(*reason))
        .fold(configured, |bits, (_, bit)| bits | bit)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn facts() -> ServerFacts {
        ServerFacts {
            host: "127.0.0.1".to_owned(),
            port: 9,
            fqdn: None,
            cookie: None,
            admin: AdminReasons::default(),
            operational: Operational::Running,
            check: Some(CheckFacts { rise: 2, fall: 3, health: 4, ..CheckFacts::default() }),
            agent: None,
            backup: false,
            disabled: false,
            initial_weight: 1,
            weight: 1,
            tracked: None,
            purge_delay_ms: 5000,
            origin: "a.cfg:1".to_owned(),
            container: None,
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
        f.disabled = true;
        assert_eq!(f.admin_bits(), 5);
        f.admin = AdminReasons::default();
        assert_eq!(f.admin_bits(), 4, "an operator enabled it");
    }
}
