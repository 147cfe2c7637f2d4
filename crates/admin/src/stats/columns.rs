//! The columns of HAProxy's CSV, in its order, each with where its value comes from.
//!
//! Source: manual of management 9.1. Columns about features that are not there yet are empty, as
//! HAProxy leaves those that do not apply.

use model::Mode;

use super::{CheckFacts, Row, ServerFacts};

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Does not apply.
    Empty,
    /// A number.
    Number(u64),
    /// Text.
    Text(String),
    /// Minus one: never.
    Never,
}

impl From<u32> for Cell {
    fn from(n: u32) -> Self {
        Self::Number(u64::from(n))
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// Name and value of a column.
pub struct Column {
    /// As in the header.
    pub name: &'static str,
    /// The value of a row.
    pub cell: fn(&Row) -> Cell,
}

const fn column(name: &'static str, cell: fn(&Row) -> Cell) -> Column {
    Column { name, cell }
}

const fn empty(name: &'static str) -> Column {
    Column { name, cell: |_| Cell::Empty }
}

/// All columns, in order.
pub const COLUMNS: &[Column] = &[
    column("pxname", |r| text(&r.proxy)),
    column("svname", |r| text(&r.service)),
    column("qcur", |r| r.queue.map(|q| q.0).into()),
    column("qmax", |r| r.queue.map(|q| q.1).into()),
    column("scur", |r| r.sessions.0.into()),
    column("smax", |r| r.sessions.1.into()),
    column("slim", |r| r.session_limit.into()),
    column("stot", |r| r.sessions_total.into()),
    column("bin", |r| r.bytes_in.into()),
    column("bout", |r| r.bytes_out.into()),
    column("dreq", |r| r.denied_requests.into()),
    column("dresp", |r| r.denied_responses.into()),
    column("ereq", |r| r.request_errors.into()),
    column("econ", |r| r.connect_errors.into()),
    column("eresp", |r| r.response_errors.into()),
    column("wretr", |r| r.retries.into()),
    column("wredis", |r| r.redispatches.into()),
    column("status", |r| text(&r.status)),
    column("weight", |r| r.weight.into()),
    column("act", |r| active(r).into()),
    column("bck", |r| backup(r).into()),
    empty("chkfail"),
    empty("chkdown"),
    column("lastchg", |r| r.last_change_s.into()),
    empty("downtime"),
    column("qlimit", |r| r.queue_limit.into()),
    column("pid", |_| 1u32.into()),
    column("iid", |r| r.proxy_id.into()),
    column("sid", |r| r.server_id.into()),
    empty("throttle"),
    column("lbtot", |r| r.balanced_total.into()),
    column("tracked", |r| server(r, |s| s.tracked.clone().map_or(Cell::Empty, Cell::Text))),
    column("type", |r| r.kind.map(|k| k as u32).into()),
    column("rate", |r| r.session_rate.0.into()),
    column("rate_lim", |r| r.session_rate_limit.into()),
    column("rate_max", |r| r.session_rate.1.into()),
    column("check_status", |r| check(r, |c| text(&c.status))),
    column("check_code", |r| check(r, |c| c.code.map(u32::from).into())),
    column("check_duration", |r| check(r, |c| c.duration_ms.into())),
    column("hrsp_1xx", |r| r.statuses.map(|s| s[0]).into()),
    column("hrsp_2xx", |r| r.statuses.map(|s| s[1]).into()),
    column("hrsp_3xx", |r| r.statuses.map(|s| s[2]).into()),
    column("hrsp_4xx", |r| r.statuses.map(|s| s[3]).into()),
    column("hrsp_5xx", |r| r.statuses.map(|s| s[4]).into()),
    column("hrsp_other", |r| r.statuses.map(|s| s[5]).into()),
    empty("hanafail"),
    column("req_rate", |r| r.request_rate.map(|q| q.0).into()),
    column("req_rate_max", |r| r.request_rate.map(|q| q.1).into()),
    column("req_tot", |r| r.requests_total.into()),
    column("cli_abrt", |r| r.client_aborts.into()),
    column("srv_abrt", |r| r.server_aborts.into()),
    empty("comp_in"),
    empty("comp_out"),
    empty("comp_byp"),
    empty("comp_rsp"),
    column("lastsess", last_session),
    column("last_chk", |r| check(r, |c| text(&c.text))),
    empty("last_agt"),
    empty("qtime"),
    empty("ctime"),
    empty("rtime"),
    empty("ttime"),
    empty("agent_status"),
    empty("agent_code"),
    empty("agent_duration"),
    empty("check_desc"),
    empty("agent_desc"),
    column("check_rise", |r| check(r, |c| c.rise.into())),
    column("check_fall", |r| check(r, |c| c.fall.into())),
    column("check_health", |r| check(r, |c| c.health.into())),
    empty("agent_rise"),
    empty("agent_fall"),
    empty("agent_health"),
    column("addr", |r| server(r, address)),
    column("cookie", |r| server(r, |s| s.cookie.as_deref().map_or(Cell::Empty, text))),
    column("mode", |r| r.mode.map_or(Cell::Empty, |m| text(mode(m)))),
    column("algo", |r| r.algorithm.map_or(Cell::Empty, text)),
    column("conn_rate", |r| r.connection_rate.map(|q| q.0).into()),
    column("conn_rate_max", |r| r.connection_rate.map(|q| q.1).into()),
    column("conn_tot", |r| r.connections_total.into()),
    empty("intercepted"),
    column("dcon", |r| r.denied_connections.into()),
    empty("dses"),
    empty("wrew"),
    column("connect", |r| r.connects.into()),
    column("reuse", |r| r.reuses.into()),
    empty("cache_lookups"),
    empty("cache_hits"),
    column("srv_icur", |r| r.idle.into()),
    empty("src_ilim"),
    empty("qtime_max"),
    empty("ctime_max"),
    empty("rtime_max"),
    empty("ttime_max"),
    empty("eint"),
    column("idle_conn_cur", |r| r.idle.into()),
    empty("safe_conn_cur"),
    column("used_conn_cur", |r| server(r, |_| r.sessions.0.into())),
    empty("need_conn_est"),
    column("uweight", |r| server(r, |s| u32::from(s.weight).into())),
    empty("agg_server_status"),
    empty("agg_server_check_status"),
    empty("agg_check_status"),
    empty("srid"),
    empty("sess_other"),
    empty("h1sess"),
    empty("h2sess"),
    empty("h3sess"),
    empty("req_other"),
    empty("h1req"),
    empty("h2req"),
    empty("h3req"),
    empty("proto"),
];

fn text(s: &str) -> Cell {
    if s.is_empty() { Cell::Empty } else { Cell::Text(s.to_owned()) }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Tcp => "tcp",
        Mode::Http => "http",
    }
}

fn server(row: &Row, cell: impl FnOnce(&ServerFacts) -> Cell) -> Cell {
    row.server.as_ref().map_or(Cell::Empty, cell)
}

fn check(row: &Row, cell: impl FnOnce(&CheckFacts) -> Cell) -> Cell {
    row.server.as_ref().and_then(|s| s.check.as_ref()).map_or(Cell::Empty, cell)
}

fn active(row: &Row) -> Option<u32> {
    row.active_backup
        .map(|(active, _)| active)
        .or_else(|| row.server.as_ref().map(|s| u32::from(!s.backup)))
}

fn backup(row: &Row) -> Option<u32> {
    row.active_backup
        .map(|(_, backup)| backup)
        .or_else(|| row.server.as_ref().map(|s| u32::from(s.backup)))
}

fn last_session(row: &Row) -> Cell {
    match row.kind {
        Some(super::Kind::Frontend) | None => Cell::Empty,
        _ => row.last_session_s.map_or(Cell::Never, Cell::Number),
    }
}

fn address(server: &ServerFacts) -> Cell {
    if server.address.contains('/') || server.port == 0 {
        return text(&server.address);
    }
    if server.address.contains(':') {
        return Cell::Text(format!("[{}]:{}", server.address, server.port));
    }
    Cell::Text(format!("{}:{}", server.address, server.port))
}
