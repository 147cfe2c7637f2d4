//! The client side of the proxy: frontend (and the front half of `listen`).

use std::net::IpAddr;
use std::sync::Arc;

use expr::{Condition, LogFormat};
use wire::http::FieldName;

use crate::{Bind, ErrorPages, Name, Origin, ProxyLog, Rule, RuleSet, Timeouts};

/// `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Relay bytes.
    Tcp,
    /// Speak HTTP.
    Http,
}

/// A frontend or backend as a session in progress names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyOf {
    /// Its name.
    pub name: Name,
    /// Its number (`id`).
    pub id: u32,
    /// Its mode.
    pub mode: Mode,
}

/// `option http-keep-alive | http-server-close | httpclose`; the stricter of both sides wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ConnectionMode {
    /// Keep both sides.
    #[default]
    KeepAlive,
    /// Close the server side after each response.
    ServerClose,
    /// Close both.
    Close,
}

/// `option forwardfor`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardFor {
    /// Header name, `X-Forwarded-For` unless given.
    pub header: FieldName,
    /// `except` network: address and prefix length.
    pub except: Option<(IpAddr, u8)>,
    /// `if-none`: not when the request has one.
    pub if_none: bool,
}

/// `monitor-uri` with its `monitor fail` conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    /// Exact target.
    pub uri: Name,
    /// Any true: 503 instead of 200.
    pub fail: Vec<Condition>,
}

/// Which backend a `use_backend` rule means.
#[derive(Clone, Debug, PartialEq)]
pub enum BackendTarget {
    /// A backend that exists.
    Static(Name),
    /// A name rendered for each request; unknown names go on to `default_backend`.
    Format(LogFormat),
}

/// A capture slot (`capture request header`, `declare capture`, `http-request capture`).
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Header to capture by itself, `None` = only filled by rules.
    pub header: Option<FieldName>,
    /// Longest value, bytes.
    pub len: usize,
}

/// A frontend.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontend {
    /// Name.
    pub name: Name,
    /// `id`, or numbered.
    pub id: u32,
    /// The front half of a `listen` section: its rules run once when its own back half serves.
    pub is_listen: bool,
    /// Mode.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// Listening addresses.
    pub binds: Vec<Bind>,
    /// `maxconn`; `None` = the process's.
    pub maxconn: Option<u32>,
    /// `rate-limit sessions`, per second.
    pub rate_limit_sessions: Option<u32>,
    /// Timeouts of the client side.
    pub timeouts: Timeouts,
    /// Rules.
    pub rules: RuleSet,
    /// `use_backend`, in order.
    pub use_backend: Vec<Rule<BackendTarget>>,
    /// `default_backend`.
    pub default_backend: Option<Name>,
    /// Connection mode.
    pub connection_mode: ConnectionMode,
    /// `option forwardfor`.
    pub forwardfor: Option<ForwardFor>,
    /// `option originalto` header and except.
    pub originalto: Option<ForwardFor>,
    /// `option http-ignore-probes`.
    pub ignore_probes: bool,
    /// `option http-buffer-request`.
    pub buffer_request: bool,
    /// `option clitcpka`/`tcpka`.
    pub tcp_keep_alive: bool,
    /// `option nolinger`.
    pub nolinger: bool,
    /// `option accept-unsafe-violations-in-http-request` (and the older name).
    pub accept_invalid_request: bool,
    /// `unique-id-format`.
    pub unique_id_format: Option<LogFormat>,
    /// `unique-id-header`.
    pub unique_id_header: Option<FieldName>,
    /// `monitor-uri`.
    pub monitor: Option<Monitor>,
    /// `capture request header` slots in order of declaration.
    pub request_captures: Vec<Capture>,
    /// `capture response header` slots.
    pub response_captures: Vec<Capture>,
    /// `capture cookie NAME len N`; a trailing `=` in the configuration means exact match.
    pub capture_cookie: Option<(Name, usize)>,
    /// Error answers.
    pub errors: Arc<ErrorPages>,
    /// Logs.
    pub log: ProxyLog,
    /// Where the section starts.
    pub origin: Origin,
}
