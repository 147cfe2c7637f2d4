//! Health checks as configured (manual 4.2 `option httpchk`, `http-check`, 5.2 server options).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use expr::{LogFormat, Regex};

use crate::{Name, Source};

/// What a backend's checks do.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    /// A TCP connection that opens is enough.
    Connect,
    /// `option httpchk` with its `http-check` steps. `option tcp-check` steps share the type.
    Script(Arc<[CheckStep]>),
    /// A protocol of its own.
    Protocol(Protocol),
}

/// A protocol with a check of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `option redis-check`.
    Redis,
    /// `option smtpchk`.
    Smtp {
        /// The greeting: "HELO localhost" unless given.
        hello: Name,
    },
    /// `option pgsql-check user NAME`.
    Pgsql {
        /// User name.
        user: Name,
    },
    /// `option ldap-check`.
    Ldap,
    /// `option ssl-hello-chk`.
    SslHello,
    /// `option mysql-check [user NAME [post-41|pre-41]]`.
    Mysql {
        /// User name, and whether the login is that of 4.1 and later.
        login: Option<(Name, bool)>,
    },
}

/// One step of a check script.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckStep {
    /// `http-check connect` / `tcp-check connect`.
    Connect {
        /// Other port than the server's.
        port: Option<u16>,
        /// Other address.
        addr: Option<SocketAddr>,
        /// `send-proxy`.
        send_proxy: bool,
        /// `linger`: close with FIN rather than RST.
        linger: bool,
    },
    /// `http-check send`.
    HttpSend(HttpSend),
    /// `tcp-check send`, `send-binary`, `send-lf`, `send-binary-lf`.
    Send(LogFormat),
    /// `http-check expect` / `tcp-check expect`.
    Expect(Expect),
    /// `comment` of the step before it is stored with that step; this one sets a variable.
    SetVar(expr::Variable, expr::Expr),
    /// `set-var-fmt`.
    SetVarFmt(expr::Variable, LogFormat),
    /// `unset-var`.
    UnsetVar(expr::Variable),
}

/// The request of an HTTP check.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSend {
    /// Method, `OPTIONS` unless given.
    pub method: Name,
    /// Target, `/` unless given.
    pub uri: LogFormat,
    /// Version text, `HTTP/1.0` unless given.
    pub version: Name,
    /// Headers, in order.
    pub headers: Vec<(Name, LogFormat)>,
    /// Body.
    pub body: Option<LogFormat>,
}

/// What the answer has to look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// `!`: must not match.
    pub negate: bool,
    /// What is compared.
    pub matcher: Match,
    /// `min-recv`: wait for this many bytes before comparing.
    pub min_recv: Option<usize>,
    /// `comment`.
    pub comment: Option<Name>,
    /// `on-error FMT`: text of a failed check.
    pub on_error: Option<LogFormat>,
    /// `on-success FMT`.
    pub on_success: Option<LogFormat>,
    /// `status-code EXPR`: reported in place of the code that the answer has.
    pub status_code: Option<expr::Expr>,
    /// `ok-status`, the name that is reported for a success.
    pub ok_status: Option<Name>,
    /// `error-status`, for an answer that does not match.
    pub error_status: Option<Name>,
    /// `tout-status`, for no answer in time.
    pub tout_status: Option<Name>,
}

/// What an [`Expect`] compares.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// HTTP status within one of these ranges.
    Status(Vec<StatusRange>),
    /// HTTP status text by regex.
    RStatus(Regex),
    /// Bytes within the body (HTTP) or the input (TCP).
    String(Arc<[u8]>),
    /// `tcp-check expect binary`: bytes within the input.
    Binary(Arc<[u8]>),
    /// Regex on the body or the input.
    RString(Regex),
    /// Format rendered, then searched.
    StringLf(LogFormat),
    /// `hdr name ... value ...`.
    Header {
        /// Header name to find.
        name: Name,
        /// How the name matches: "str", "beg", "end", "sub", "reg".
        name_method: Name,
        /// The name as a regular expression, for "reg".
        name_regex: Option<Regex>,
        /// Value to find in it.
        value: Option<Name>,
        /// How the value matches.
        value_method: Name,
        /// The value as a regular expression, for "reg".
        value_regex: Option<Regex>,
        /// `full`: the whole line rather than list items.
        full: bool,
    },
}

/// An inclusive range of HTTP statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// First.
    pub from: u16,
    /// Last, included.
    pub to: u16,
}

/// `check` and what belongs to it, of one server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerCheck {
    /// Interval in a stable state (default 2 s).
    pub inter: Duration,
    /// Interval in a transition; `None` = `inter`.
    pub fastinter: Option<Duration>,
    /// Interval while down; `None` = `inter`.
    pub downinter: Option<Duration>,
    /// Successes to be up (default 2).
    pub rise: u32,
    /// Failures to be down (default 3).
    pub fall: u32,
    /// `port`.
    pub port: Option<u16>,
    /// `addr`.
    pub addr: Option<std::net::IpAddr>,
    /// `check-send-proxy`, or inherited from `send-proxy` where nothing else is given.
    pub send_proxy: bool,
    /// Source address of checks.
    pub source: Option<Source>,
    /// `observe layer4|layer7`.
    pub observe: Option<Observe>,
    /// `error-limit` (default 10).
    pub error_limit: u32,
    /// `on-error`.
    pub on_error: OnError,
    /// `init-state`.
    pub init_state: InitState,
}

impl Default for ServerCheck {
    /// What `check` alone says (manual 5.2).
    fn default() -> Self {
        Self {
            inter: Duration::from_secs(2),
            fastinter: None,
            downinter: None,
            rise: 2,
            fall: 3,
            port: None,
            addr: None,
            send_proxy: false,
            source: None,
            observe: None,
            error_limit: 10,
            on_error: OnError::default(),
            init_state: InitState::default(),
        }
    }
}

/// `init-state`: what is believed of a new server, or of one that leaves maintenance, before its
/// checks have said anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InitState {
    /// Up until `fall` checks have failed.
    FullyUp,
    /// Up until one check has failed.
    #[default]
    Up,
    /// Down until one check has passed.
    Down,
    /// Down until `rise` checks have passed.
    FullyDown,
}

impl InitState {
    /// Whether the server may be used before its first check.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Self::FullyUp | Self::Up)
    }
}

/// `agent-check` and what belongs to it, of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCheck {
    /// `agent-inter`; the check's `inter` unless given.
    pub inter: Duration,
    /// `agent-addr`; the server's own unless given.
    pub addr: Option<std::net::IpAddr>,
    /// `agent-port`.
    pub port: u16,
    /// `agent-send`.
    pub send: Option<Name>,
}

/// `observe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observe {
    /// Connections.
    Layer4,
    /// Responses.
    Layer7,
}

/// `on-error` when `error-limit` observed errors came in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// Check faster.
    FastInter,
    /// Count as one failed check.
    #[default]
    FailCheck,
    /// One failed check away from down.
    SuddenDeath,
    /// Down at once.
    MarkDown,
}

/// `on-marked-down`, `on-marked-up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OnMarked {
    /// `on-marked-down shutdown-sessions`.
    pub down_shutdown_sessions: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub up_shutdown_backup_sessions: bool,
}
