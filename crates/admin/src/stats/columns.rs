//! The columns of HAProxy's statistics, in its order, each with what it is and where its value
//! comes from.
//!
//! Source: manual of management 9.1 and 9.2. The column table feeds CSV, typed and JSON output,
//! the page and the Prometheus exporter.

use model::Mode;

use super::{Cell, CheckFacts, Kind, Row, ServerFacts, Tags};

/// A column.
pub struct Column {
    /// As in the header.
    pub name: &'static str,
    /// Origin, nature, scope.
    pub tags: Tags,
    /// Kinds of rows (`F`, `L`, `B`, `S`) that Prometheus gets it for.
    pub scopes: &'static str,
    /// Its name there, without prefix and scope.
    pub metric: &'static str,
    /// What it says, in one line.
    pub help: &'static str,
    /// The value of a row.
    pub cell: fn(&Row) -> Cell,
}

macro_rules! columns {
    ($(
        $name:literal $tags:literal $scopes:literal $metric:literal $help:literal: $cell:expr;
    )*) => {
        &[$(Column {
            name: $name,
            tags: Tags($tags),
            scopes: $scopes,
            metric: $metric,
            help: $help,
            cell: $cell,
        }),*]
    };
}

/// The columns that every version has, in order.
pub const COLUMNS: &[Column] = columns! {
    "pxname" "KNS" "" "" "Name of the proxy": |r| (*r.proxy).into();
    "svname" "KNS" "" "" "FRONTEND, BACKEND, or the name of the server or listener":
        |r| (*r.service).into();
    "qcur" "MGP" "BS" "current_queue" "Requests in the queue now": |r| r.queue.map(|q| q.0).into();
    "qmax" "MMP" "BS" "max_queue" "Most requests in the queue so far":
        |r| r.queue.map(|q| q.1).into();
    "scur" "MGP" "FLBS" "current_sessions" "Sessions now": |r| r.sessions.0.into();
    "smax" "MMP" "FLBS" "max_sessions" "Most sessions at a time so far": |r| r.sessions.1.into();
    "slim" "CLP" "FLBS" "limit_sessions" "Most sessions allowed (maxconn, fullconn)":
        |r| r.session_limit.into();
    "stot" "MCP" "FLBS" "sessions_total" "Sessions since the start": |r| r.sessions_total.into();
    "bin" "MCP" "FLBS" "bytes_in_total" "Bytes of requests": |r| r.bytes_in.into();
    "bout" "MCP" "FLBS" "bytes_out_total" "Bytes of responses": |r| r.bytes_out.into();
    "dreq" "MCP" "FLB" "requests_denied_total" "Requests that rules denied":
        |r| r.denied_requests.into();
    "dresp" "MCP" "FLBS" "responses_denied_total" "Responses that rules denied":
        |r| r.denied_responses.into();
    "ereq" "MCP" "FL" "request_errors_total" "Requests that were invalid, cut or late":
        |r| r.request_errors.into();
    "econ" "MCP" "BS" "connection_errors_total" "Requests that found no connection to a server":
        |r| r.connect_errors.into();
    "eresp" "MCP" "BS" "response_errors_total" "Responses that were invalid, cut or late":
        |r| r.response_errors.into();
    "wretr" "MCP" "BS" "retry_warnings_total" "Connection attempts that were repeated":
        |r| r.retries.into();
    "wredis" "MCP" "BS" "redispatch_warnings_total" "Requests sent to another server after all":
        |r| r.redispatches.into();
    "status" "SGP" "FLBS" "status" "State: 1 for the one that holds": |r| (*r.status).into();
    "weight" "MaP" "BS" "weight" "Weight in effect": |r| r.weight.into();
    "act" "MGP" "BS" "active_servers" "Usable servers that are no backups": |r| active(r).into();
    "bck" "MGP" "BS" "backup_servers" "Usable servers that are backups": |r| backup(r).into();
    "chkfail" "MCP" "S" "check_failures_total" "Checks that failed while the server was up":
        |r| r.check_failures.into();
    "chkdown" "MCP" "BS" "check_up_down_total" "Changes from up to down": |r| r.downs.into();
    "lastchg" "MAP" "BS" "check_last_change_seconds" "Seconds since the last change of state":
        |r| r.last_change_s.into();
    "downtime" "MCP" "BS" "downtime_seconds_total" "Seconds spent down": |r| r.downtime_s.into();
    "qlimit" "CGS" "S" "queue_limit" "Longest queue allowed (maxqueue)": |r| r.queue_limit.into();
    "pid" "KGP" "" "" "Number of the process, always 1": |_| 1_u32.into();
    "iid" "KGS" "" "" "Number of the proxy": |r| r.proxy_id.into();
    "sid" "KGS" "" "" "Number of the server or listener, 0 for a proxy": |r| r.server_id.into();
    "throttle" "MaP" "S" "current_throttle" "Percent of the weight while warming up (slowstart)":
        |r| r.throttle.into();
    "lbtot" "MCP" "BS" "loadbalanced_total" "Requests that the algorithm gave it":
        |r| r.balanced_total.into();
    "tracked" "CNS" "" "" "Server whose state it takes (track)":
        |r| server(r, |s| s.tracked.as_deref().into());
    "type" "CGS" "" "" "0 frontend, 1 backend, 2 server, 3 listener":
        |r| r.kind.map(|k| k as u32).into();
    "rate" "MRP" "FBS" "current_session_rate" "Sessions in the last second":
        |r| r.session_rate.map(|q| q.0).into();
    "rate_lim" "CLP" "F" "limit_session_rate" "Most sessions per second (rate-limit sessions)":
        |r| r.session_rate_limit.into();
    "rate_max" "MMP" "FBS" "max_session_rate" "Most sessions in a second so far":
        |r| r.session_rate.map(|q| q.1).into();
    "check_status" "MOP" "S" "check_status" "Outcome of the last check: 1 for the one that holds":
        |r| check(r, |c| (*c.status).into());
    "check_code" "MOP" "S" "check_code" "Status code of the last check":
        |r| check(r, |c| c.code.map(u32::from).into());
    "check_duration" "MDP" "S" "check_duration_seconds" "Time that the last check took":
        |r| check(r, |c| c.duration_ms.into());
    "hrsp_1xx" "MCP" "FBS" "http_responses_total" "HTTP responses by class":
        |r| r.statuses.map(|s| s[0]).into();
    "hrsp_2xx" "MCP" "FBS" "http_responses_total" "HTTP responses of class 2xx":
        |r| r.statuses.map(|s| s[1]).into();
    "hrsp_3xx" "MCP" "FBS" "http_responses_total" "HTTP responses of class 3xx":
        |r| r.statuses.map(|s| s[2]).into();
    "hrsp_4xx" "MCP" "FBS" "http_responses_total" "HTTP responses of class 4xx":
        |r| r.statuses.map(|s| s[3]).into();
    "hrsp_5xx" "MCP" "FBS" "http_responses_total" "HTTP responses of class 5xx":
        |r| r.statuses.map(|s| s[4]).into();
    "hrsp_other" "MCP" "FBS" "http_responses_total" "HTTP responses of no known class":
        |r| r.statuses.map(|s| s[5]).into();
    "hanafail" "MCP" "" "" "Failures that traffic showed (observe)":
        |r| r.observed_failures.into();
    "req_rate" "MRP" "" "" "HTTP requests in the last second":
        |r| r.request_rate.map(|q| q.0).into();
    "req_rate_max" "MMP" "F" "http_requests_rate_max" "Most HTTP requests in a second so far":
        |r| r.request_rate.map(|q| q.1).into();
    "req_tot" "MCP" "FBS" "http_requests_total" "HTTP requests since the start":
        |r| r.requests_total.into();
    "cli_abrt" "MCP" "BS" "client_aborts_total" "Transfers that clients gave up":
        |r| r.client_aborts.into();
    "srv_abrt" "MCP" "BS" "server_aborts_total" "Transfers that servers gave up":
        |r| r.server_aborts.into();
    "comp_in" "MCP" "FB" "http_comp_bytes_in_total" "Bytes given to compression": |r| proxy(r);
    "comp_out" "MCP" "FB" "http_comp_bytes_out_total" "Bytes that compression gave":
        |r| proxy(r);
    "comp_byp" "MCP" "FB" "http_comp_bytes_bypassed_total" "Bytes that went past compression":
        |r| proxy(r);
    "comp_rsp" "MCP" "FB" "http_comp_responses_total" "Responses that were compressed":
        |r| proxy(r);
    "lastsess" "MAP" "BS" "last_session_seconds" "Seconds since the last session": last_session;
    "last_chk" "MOP" "" "" "Text of the last check": |r| check(r, |c| (*c.text).into());
    "last_agt" "MOP" "" "" "Text of the last agent check": |r| agent(r, |c| (*c.text).into());
    "qtime" "MaP" "BS" "queue_time_average_seconds" "Time in the queue, last 1024 requests":
        |r| r.times.map(|t| t.average[0]).into();
    "ctime" "MaP" "BS" "connect_time_average_seconds" "Time to connect, last 1024 requests":
        |r| r.times.map(|t| t.average[1]).into();
    "rtime" "MaP" "BS" "response_time_average_seconds"
        "Time until the response head, last 1024 requests":
            |r| r.times.map(|t| t.average[2]).into();
    "ttime" "MaP" "BS" "total_time_average_seconds" "Time of a session, last 1024 requests":
        |r| r.times.map(|t| t.average[3]).into();
    "agent_status" "MOP" "S" "agent_status" "Outcome of the last agent check":
        |r| agent(r, |c| (*c.status).into());
    "agent_code" "MOP" "S" "agent_code" "Status code of the last agent check":
        |r| agent(r, |c| c.code.map(u32::from).into());
    "agent_duration" "MDP" "S" "agent_duration_seconds" "Time that the last agent check took":
        |r| agent(r, |c| c.duration_ms.into());
    "check_desc" "MOP" "" "" "Outcome of the last check in words":
        |r| check(r, |c| (*c.description).into());
    "agent_desc" "MOP" "" "" "Outcome of the last agent check in words":
        |r| agent(r, |c| (*c.description).into());
    "check_rise" "CGS" "" "" "Good checks to come up (rise)": |r| check(r, |c| c.rise.into());
    "check_fall" "CGS" "" "" "Bad checks to go down (fall)": |r| check(r, |c| c.fall.into());
    "check_health" "CGS" "" "" "Standing of the checks, 0 to rise + fall - 1":
        |r| check(r, |c| c.health.into());
    "agent_rise" "CGS" "" "" "Good agent checks to come up": |r| agent(r, |c| c.rise.into());
    "agent_fall" "CGS" "" "" "Bad agent checks to go down": |r| agent(r, |c| c.fall.into());
    "agent_health" "CGS" "" "" "Standing of the agent checks": |r| agent(r, |c| c.health.into());
    "addr" "CGS" "" "" "Address and port": |r| (*r.address).into();
    "cookie" "CNS" "" "" "Value of the persistence cookie": cookie;
    "mode" "CGS" "" "" "Mode": |r| r.mode.map(mode).into();
    "algo" "CGS" "" "" "Algorithm of the backend": |r| r.algorithm.into();
    "conn_rate" "MRP" "" "" "Connections in the last second":
        |r| r.connection_rate.map(|q| q.0).into();
    "conn_rate_max" "MMP" "F" "connections_rate_max" "Most connections in a second so far":
        |r| r.connection_rate.map(|q| q.1).into();
    "conn_tot" "MCP" "FL" "connections_total" "Connections since the start":
        |r| r.connections_total.into();
    "intercepted" "MCP" "F" "intercepted_requests_total" "Requests answered here":
        |r| r.intercepted.into();
    "dcon" "MCP" "FL" "denied_connections_total" "Connections that rules denied":
        |r| r.denied_connections.into();
    "dses" "MCP" "FL" "denied_sessions_total" "Sessions that rules denied":
        |r| r.denied_sessions.into();
    "wrew" "MCP" "FLBS" "failed_header_rewriting_total" "Headers that could not be rewritten":
        |r| r.rewrite_failures.into();
    "connect" "MCP" "BS" "connection_attempts_total" "Connections opened to servers":
        |r| r.connects.into();
    "reuse" "MCP" "BS" "connection_reuses_total" "Requests on connections that were open":
        |r| r.reuses.into();
    "cache_lookups" "MCP" "FB" "http_cache_lookups_total" "Questions to the cache":
        |r| http_proxy(r);
    "cache_hits" "MCP" "FB" "http_cache_hits_total" "Answers of the cache": |r| http_proxy(r);
    "srv_icur" "MGP" "S" "idle_connections_current" "Idle connections":
        |r| of_server(r, r.idle);
    "src_ilim" "CLP" "S" "idle_connections_limit" "Most idle connections (pool-max-conn)":
        |r| r.idle_limit.into();
    "qtime_max" "MMP" "BS" "max_queue_time_seconds" "Longest time in the queue":
        |r| r.times.map(|t| t.longest[0]).into();
    "ctime_max" "MMP" "BS" "max_connect_time_seconds" "Longest time to connect":
        |r| r.times.map(|t| t.longest[1]).into();
    "rtime_max" "MMP" "BS" "max_response_time_seconds" "Longest time until a response head":
        |r| r.times.map(|t| t.longest[2]).into();
    "ttime_max" "MMP" "BS" "max_total_time_seconds" "Longest session":
        |r| r.times.map(|t| t.longest[3]).into();
    "eint" "MCP" "FLBS" "internal_errors_total" "Errors of the proxy itself":
        |r| r.internal_errors.into();
    "idle_conn_cur" "MGP" "S" "unsafe_idle_connections_current"
        "Idle connections not known to be reusable": |r| r.idle_unproven.into();
    "safe_conn_cur" "MGP" "S" "safe_idle_connections_current" "Idle connections known as reusable":
        |r| r.idle_unproven.map(|n| r.idle.unwrap_or(0).saturating_sub(n)).into();
    "used_conn_cur" "MGP" "S" "used_connections_current" "Connections in use":
        |r| of_server(r, r.used);
    "need_conn_est" "MGP" "S" "need_connections_current" "Connections that will be needed":
        |r| r.needed.into();
    "uweight" "MaP" "BS" "uweight" "Weight without slow start": |r| r.configured_weight.into();
    "agg_server_status" "MGP" "B" "agg_server_status" "Servers by state": aggregate;
    "agg_server_check_status" "MGP" "B" "agg_server_check_status" "Servers by state (old name)":
        aggregate;
    "agg_check_status" "MGP" "B" "agg_check_status" "Servers by outcome of their last check":
        aggregate;
    "srid" "MCP" "" "" "Revision of the server's slot": |r| server(r, |_| 0_u32.into());
    "sess_other" "MCP" "" "" "Sessions that speak no HTTP": |r| sessions(r, Mode::Tcp);
    "h1sess" "MCP" "" "" "Sessions that speak HTTP/1": |r| sessions(r, Mode::Http);
    "h2sess" "MCP" "" "" "Sessions that speak HTTP/2": |r| frontend(r, 0);
    "h3sess" "MCP" "" "" "Sessions that speak HTTP/3": |r| frontend(r, 0);
    "req_other" "MCP" "" "" "Requests in other protocols": |r| frontend(r, 0);
    "h1req" "MCP" "" "" "HTTP/1 requests": |r| frontend(r, r.requests_total.unwrap_or(0));
    "h2req" "MCP" "" "" "HTTP/2 requests": |r| frontend(r, 0);
    "h3req" "MCP" "" "" "HTTP/3 requests": |r| frontend(r, 0);
    "proto" "SGP" "" "" "Protocol of a listener": |r| r.protocol.into();
};

impl Column {
    /// The name that Prometheus gets for a row of this kind.
    #[must_use]
    pub fn metric_of(&self, kind: Kind) -> Option<&'static str> {
        if self.metric.is_empty() || !self.scopes.contains(kind.letter()) {
            return None;
        }
        Some(match (self.name, kind) {
            ("act", Kind::Server) => "active",
            ("bck", Kind::Server) => "backup",
            _ => self.metric,
        })
    }

    /// Tags for a row of this kind.
    #[must_use]
    pub fn tags_of(&self, kind: Option<Kind>) -> Tags {
        match (self.name, kind) {
            ("act" | "bck", Some(Kind::Server)) => Tags("SGP"),
            // As HAProxy has it, a maximum or not.
            ("rate_max", Some(Kind::Backend)) => Tags("MGP"),
            _ => self.tags,
        }
    }
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

fn agent(row: &Row, cell: impl FnOnce(&CheckFacts) -> Cell) -> Cell {
    row.server.as_ref().and_then(|s| s.agent.as_ref()).map_or(Cell::Empty, cell)
}

fn of_server(row: &Row, value: Option<u32>) -> Cell {
    if row.kind == Some(Kind::Server) { value.into() } else { Cell::Empty }
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
        Some(Kind::Backend | Kind::Server) => {
            let since = row.last_session_s.map(|s| i32::try_from(s).unwrap_or(i32::MAX));
            Cell::S32(since.unwrap_or(-1))
        }
        _ => Cell::Empty,
    }
}

fn cookie(row: &Row) -> Cell {
    let of_server = row.server.as_ref().and_then(|s| s.cookie.as_deref());
    of_server.or(row.cookie.as_deref()).into()
}

/// What this process does not do is zero where the proxy could do it.
fn proxy(row: &Row) -> Cell {
    match row.kind {
        Some(Kind::Frontend | Kind::Backend) => Cell::U64(0),
        _ => Cell::Empty,
    }
}

fn http_proxy(row: &Row) -> Cell {
    if row.mode == Some(Mode::Http) { proxy(row) } else { Cell::Empty }
}

fn frontend(row: &Row, value: u64) -> Cell {
    if row.kind == Some(Kind::Frontend) { Cell::U64(value) } else { Cell::Empty }
}

fn sessions(row: &Row, mode: Mode) -> Cell {
    frontend(row, if row.mode == Some(mode) { row.sessions_total } else { 0 })
}

/// Only Prometheus has these figures, by state; the other outputs have zero there.
fn aggregate(row: &Row) -> Cell {
    if row.kind == Some(Kind::Backend) { Cell::U32(0) } else { Cell::Empty }
}
