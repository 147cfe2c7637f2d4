//! Rules: an action and the condition under which it runs (manual 4.3, 4.4).

use std::sync::Arc;
use std::time::Duration;

use expr::{Condition, Expr, LogFormat, Regex, Variable};
use wire::http::FieldName;

use crate::{Name, Origin, PatternFile, Reply, ServiceName, Stats};

/// An action with its condition; `None` = always.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<A> {
    /// What to do.
    pub action: A,
    /// `if` / `unless`.
    pub condition: Option<Condition>,
    /// Where it was written.
    pub origin: Origin,
}

/// A rule on connections or raw content.
pub type TcpRule = Rule<TcpAction>;
/// A rule on requests or responses.
pub type HttpRule = Rule<HttpAction>;

/// The rule lists of one proxy; unused lists are empty and cost nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSet {
    /// `tcp-request connection` (frontends only).
    pub tcp_connection: Vec<TcpRule>,
    /// `tcp-request session` (frontends only).
    pub tcp_session: Vec<TcpRule>,
    /// `tcp-request content`.
    pub tcp_content: Vec<TcpRule>,
    /// `tcp-request inspect-delay`.
    pub inspect_delay: Option<Duration>,
    /// `tcp-response content` (backends only).
    pub tcp_response: Vec<TcpRule>,
    /// `tcp-response inspect-delay`.
    pub response_inspect_delay: Option<Duration>,
    /// `http-request`.
    pub http_request: Vec<HttpRule>,
    /// `redirect`, evaluated after `http-request`.
    pub redirects: Vec<Rule<Arc<Redirect>>>,
    /// `stats X`: the page, answered after the rules above.
    pub stats: Option<Arc<Stats>>,
    /// `http-response`.
    pub http_response: Vec<HttpRule>,
    /// `http-after-response`.
    pub http_after_response: Vec<HttpRule>,
}

/// `do-resolve(VAR,RESOLVERS[,FAMILY]) EXPR`: the rules wait for the DNS.
#[derive(Clone, Debug, PartialEq)]
pub struct DoResolve {
    /// Gets the address; as it was where there is none.
    pub variable: Variable,
    /// The `resolvers` section whose servers are asked.
    pub resolvers: Name,
    /// Family that counts where there are both.
    pub prefer_ipv6: bool,
    /// The name, without a port.
    pub name: Expr,
}

/// Actions of tcp-request and tcp-response rules.
#[derive(Clone, Debug, PartialEq)]
pub enum TcpAction {
    /// Stop evaluating and go on.
    Accept,
    /// Close.
    Reject,
    /// `tcp-response content close`.
    Close,
    /// `expect-proxy layer4`.
    ExpectProxy,
    /// Close without telling the peer.
    SilentDrop,
    /// `set-var(SCOPE.NAME) EXPR`.
    SetVar(Variable, Expr),
    /// `set-var-fmt`.
    SetVarFmt(Variable, LogFormat),
    /// `unset-var`.
    UnsetVar(Variable),
    /// `capture EXPR len N`: slot of the frontend's request captures.
    Capture {
        /// What.
        sample: Expr,
        /// Slot.
        slot: usize,
        /// Longest value, bytes.
        len: usize,
    },
    /// `do-resolve` (content rules of requests only).
    DoResolve(Box<DoResolve>),
    /// `set-src EXPR`.
    SetSrc(Expr),
    /// `set-src-port EXPR`.
    SetSrcPort(Expr),
    /// `set-dst EXPR`.
    SetDst(Expr),
    /// `set-dst-port EXPR`.
    SetDstPort(Expr),
    /// `set-log-level`; `None` = silent.
    SetLogLevel(Option<u8>),
    /// `set-nice`, `set-tos`, `set-mark` and their newer spellings: accepted, without effect.
    NoOp,
}

/// Actions of http-request, http-response and http-after-response rules.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAction {
    /// Stop evaluating this list.
    Allow,
    /// `deny`: answer (request: 403, response: 502 unless given).
    Deny(Arc<Reply>),
    /// `tarpit`: hold for `timeout tarpit`, then answer (500 unless given).
    Tarpit(Arc<Reply>),
    /// `return`.
    Return(Arc<Reply>),
    /// `auth realm X`: 401 (or 407) with a challenge.
    Auth {
        /// Realm; `None` = the proxy's name.
        realm: Option<LogFormat>,
    },
    /// `redirect`.
    Redirect(Arc<Redirect>),
    /// `reject`: close the connection without an answer.
    Reject,
    /// `silent-drop`.
    SilentDrop,
    /// `set-header`: remove all, then add.
    SetHeader(FieldName, LogFormat),
    /// `add-header`.
    AddHeader(FieldName, LogFormat),
    /// `del-header NAME [-m METH]`.
    DelHeader(HeaderMatch),
    /// `replace-header NAME REGEX FMT`: on whole values.
    ReplaceHeader(FieldName, Regex, LogFormat),
    /// `replace-value`: on comma-separated items.
    ReplaceValue(FieldName, Regex, LogFormat),
    /// `set-method`.
    SetMethod(LogFormat),
    /// `set-path`: path without query.
    SetPath(LogFormat),
    /// `set-pathq`: path with query.
    SetPathQuery(LogFormat),
    /// `set-query`: without the question mark.
    SetQuery(LogFormat),
    /// `set-uri`: the whole target.
    SetUri(LogFormat),
    /// `replace-path`.
    ReplacePath(Regex, LogFormat),
    /// `replace-pathq`.
    ReplacePathQuery(Regex, LogFormat),
    /// `replace-uri`.
    ReplaceUri(Regex, LogFormat),
    /// `set-status N [reason X]` (responses).
    SetStatus(u16, Option<Name>),
    /// `set-var(SCOPE.NAME) EXPR`.
    SetVar(Variable, Expr),
    /// `set-var-fmt`.
    SetVarFmt(Variable, LogFormat),
    /// `unset-var`.
    UnsetVar(Variable),
    /// `capture EXPR len N` or `capture EXPR id N`.
    Capture {
        /// What.
        sample: Expr,
        /// Slot of the frontend's request (or response) captures.
        slot: usize,
        /// Longest value, bytes.
        len: usize,
    },
    /// `do-resolve` (content rules of requests only).
    DoResolve(Box<DoResolve>),
    /// `set-src EXPR`.
    SetSrc(Expr),
    /// `set-src-port EXPR`.
    SetSrcPort(Expr),
    /// `set-dst EXPR`.
    SetDst(Expr),
    /// `set-dst-port EXPR`.
    SetDstPort(Expr),
    /// `set-log-level`; `None` = silent.
    SetLogLevel(Option<u8>),
    /// `set-timeout NAME VALUE|EXPR`; the expression gives milliseconds.
    SetTimeout(TimeoutName, Result<Duration, Expr>),
    /// `wait-for-body time T [at-least N]`.
    WaitForBody {
        /// Longest wait.
        time: Duration,
        /// Enough once this many bytes are there; `None` = the buffer is full or the body ended.
        at_least: Option<u64>,
    },
    /// `set-map`, `del-map`, `add-acl`, `del-acl`: changes the list of a file.
    Patterns(PatternFile, PatternAction),
    /// `early-hint NAME FMT`.
    EarlyHint(FieldName, LogFormat),
    /// `disable-l7-retry`.
    DisableL7Retry,
    /// `use-service NAME`.
    UseService(ServiceName),
    /// `do-log`.
    DoLog,
    /// `set-nice`, `set-tos`, `set-mark`, priority hints: accepted, without effect here.
    NoOp,
}

/// How a rule changes a list of patterns.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternAction {
    /// `add-acl`: this pattern, unless it is there.
    AddAcl(LogFormat),
    /// `del-acl`, `del-map`: all with this pattern.
    Delete(LogFormat),
    /// `set-map`: this pattern has this value.
    SetMap(LogFormat, LogFormat),
}

/// Which headers `del-header` removes.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderMatch {
    /// The exact name.
    Name(FieldName),
    /// `-m beg`.
    Beg(Name),
    /// `-m end`.
    End(Name),
    /// `-m sub`.
    Sub(Name),
    /// `-m reg`.
    Reg(Regex),
}

/// `set-timeout NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutName {
    /// `client`.
    Client,
    /// `server`.
    Server,
    /// `tunnel`.
    Tunnel,
    /// `connect`.
    Connect,
    /// `queue`.
    Queue,
    /// `tarpit`.
    Tarpit,
}

/// `redirect location|prefix|scheme X ...`.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// Where to.
    pub target: RedirectTarget,
    /// 301, 302 (default), 303, 307 or 308.
    pub code: u16,
    /// `drop-query`.
    pub drop_query: bool,
    /// `keep-query` (for `location`).
    pub keep_query: bool,
    /// `append-slash`.
    pub append_slash: bool,
    /// `ignore-empty`: no redirect when the format renders empty.
    pub ignore_empty: bool,
    /// `set-cookie NAME[=VALUE]` or `set-cookie-fmt`.
    pub set_cookie: Option<LogFormat>,
    /// `clear-cookie NAME[=]`.
    pub clear_cookie: Option<Name>,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq)]
pub enum RedirectTarget {
    /// The exact location.
    Location(LogFormat),
    /// Prepended to the request's path.
    Prefix(LogFormat),
    /// Another scheme, same host.
    Scheme(LogFormat),
}
