//! The server side of the proxy: backend (and the back half of `listen`).

use std::sync::Arc;
use std::time::Duration;

use expr::LogFormat;

use crate::{
    Algorithm, CheckKind, ConnectionMode, CookiePersistence, ErrorPages, ForwardFor, Frontend,
    HashType, Mode, Name, Origin, ProxyLog, Rule, RuleSet, Server, Timeouts,
};

/// `http-reuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HttpReuse {
    /// Connections are not shared between sessions.
    Never,
    /// Shared except for a session's first request.
    #[default]
    Safe,
    /// First requests use connections that proved reusable.
    Aggressive,
    /// Always.
    Always,
}

/// `use-server NAME if ...`.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerRule {
    /// A server of this backend.
    Static(Name),
    /// A name rendered for each request.
    Format(LogFormat),
}

/// `force-persist` or `ignore-persist`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersistRule {
    /// Stick even to a server that is down.
    Force,
    /// Do not stick.
    Ignore,
}

impl Backend {
    /// `fullconn` where it is not written: a tenth, rounded up, of what the frontends that lead
    /// there take together (manual 4.2).
    #[must_use]
    pub fn default_fullconn(taken: u64) -> u32 {
        u32::try_from(taken.div_ceil(10)).unwrap_or(u32::MAX).max(1)
    }

    /// Whether both are halves of one `listen` section, whose rules run once.
    #[must_use]
    pub fn is_half_of(&self, frontend: &Frontend) -> bool {
        self.is_listen && frontend.is_listen && self.name == frontend.name
    }
}

/// A backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Name.
    pub name: Name,
    /// `id`, or numbered.
    pub id: u32,
    /// The back half of a `listen` section; see `Frontend::is_listen`.
    pub is_listen: bool,
    /// Mode.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// `balance`.
    pub algorithm: Algorithm,
    /// `hash-type`.
    pub hash_type: HashType,
    /// `hash-balance-factor`, percent; 0 = off.
    pub hash_balance_factor: u32,
    /// Servers, in the order written.
    pub servers: Vec<Arc<Server>>,
    /// `cookie`.
    pub cookie: Option<CookiePersistence>,
    /// `force-persist`, `ignore-persist`.
    pub persist_rules: Vec<Rule<PersistRule>>,
    /// `use-server`.
    pub use_server: Vec<Rule<ServerRule>>,
    /// Timeouts of the server side.
    pub timeouts: Timeouts,
    /// Rules.
    pub rules: RuleSet,
    /// `retries` (default 3).
    pub retries: u32,
    /// `retry-on`: the failures that may be retried, as a set of names; `conn-failure` default.
    pub retry_on: Vec<Name>,
    /// `option redispatch [N]`: `None` = off; -1 = last retry (default), N = every Nth.
    pub redispatch: Option<i32>,
    /// `option allbackups`.
    pub allbackups: bool,
    /// `option persist`: stick to a server although it is down.
    pub persist: bool,
    /// `option prefer-last-server`.
    pub prefer_last_server: bool,
    /// `option abortonclose`.
    pub abortonclose: bool,
    /// `fullconn`.
    pub fullconn: Option<u32>,
    /// `http-reuse`.
    pub http_reuse: HttpReuse,
    /// Connection mode.
    pub connection_mode: ConnectionMode,
    /// `option http-pretend-keepalive`.
    pub pretend_keepalive: bool,
    /// `option forwardfor`.
    pub forwardfor: Option<ForwardFor>,
    /// `option originalto`.
    pub originalto: Option<ForwardFor>,
    /// `option http-buffer-request`.
    pub buffer_request: bool,
    /// `option srvtcpka`/`tcpka`.
    pub tcp_keep_alive: bool,
    /// `option nolinger`.
    pub nolinger: bool,
    /// `option accept-unsafe-violations-in-http-response` (and the older name).
    pub accept_invalid_response: bool,
    /// `http-send-name-header`.
    pub send_name_header: Option<wire::http::FieldName>,
    /// `option httpchk`, `option tcp-check`, or a bare connect.
    pub check: CheckKind,
    /// `option log-health-checks`.
    pub log_health_checks: bool,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    /// `http-check send-state`.
    pub check_send_state: bool,
    /// `spread-checks` of global, percent.
    pub spread_checks_percent: u32,
    /// Removed servers and stopped ones finish within this; `None` = no deadline.
    pub drain_timeout: Option<Duration>,
    /// Error answers.
    pub errors: Arc<ErrorPages>,
    /// Log settings of the backend half (health state changes).
    pub log: ProxyLog,
    /// Where the section starts.
    pub origin: Origin,
}
