//! The table of log variables, `%ci` and the like (manual 8.2.6).
use std::net::IpAddr;

use crate::sample::{Bytes, Fetch};
use crate::subject::{End, LogFacts, Origin, Side, Subject};

/// What a variable gives; the renderer turns it into text.
pub(super) enum Field<'a> {
    Absent,
    Text(Bytes<'a>),
    /// Text that is never escaped nor quoted.
    Plain(Bytes<'a>),
    /// The first letters of a termination state.
    State([u8; 4], usize),
    Date(DateKind, i64),
    Number(i64),
    /// A number that may still grow where the line is made early.
    Growing(i64, bool),
    Ip(IpAddr),
    Port(u16),
    /// Numbers that flag X prints in hexadecimal.
    Hexable(i64),
    Captures(Side, bool),
}

/// How a date is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateKind {
    /// `[03/Dec/2012:17:35:10.380]` without the brackets, local.
    LocalMillis,
    /// With the zone, UTC.
    Utc,
    /// With the zone, local.
    Local,
}

/// A log variable.
pub struct LogVariable {
    /// Name after the percent sign.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Makes sense in `mode http` only.
    pub http_only: bool,
    pub(super) field: for<'a> fn(&Facts<'a>) -> Field<'a>,
}

impl std::fmt::Debug for LogVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "%{}", self.name)
    }
}

/// What the variables of one line look at.
pub(super) struct Facts<'a> {
    pub(super) subject: &'a dyn Subject,
    pub(super) log: LogFacts,
}

/// Every log variable.
pub fn log_variables() -> impl Iterator<Item = &'static LogVariable> {
    TABLE.iter()
}

pub(super) fn log_variable(name: &str) -> Option<&'static LogVariable> {
    TABLE.iter().find(|known| known.name == name)
}

type FieldFn = for<'a> fn(&Facts<'a>) -> Field<'a>;

const fn any(name: &'static str, field: FieldFn, help: &'static str) -> LogVariable {
    LogVariable { name, help, http_only: false, field }
}

const fn http(name: &'static str, field: FieldFn, help: &'static str) -> LogVariable {
    LogVariable { name, help, http_only: true, field }
}

const TABLE: &[LogVariable] = &[
    any("T", |f| Field::Date(DateKind::Utc, f.log.accept_us), "accept date, UTC"),
    any("Tl", |f| Field::Date(DateKind::Local, f.log.accept_us), "accept date, local"),
    any("Ts", |f| Field::Hexable(f.log.accept_us.div_euclid(1_000_000)), "accept date, seconds"),
    any("t", |f| Field::Date(DateKind::LocalMillis, f.log.accept_us), "accept date with ms"),
    any("ms", millis, "milliseconds of the accept date"),
    http("tr", |f| Field::Date(DateKind::LocalMillis, request_us(f)), "request date with ms"),
    http("trg", |f| Field::Date(DateKind::Utc, request_us(f)), "request date, UTC"),
    http("trl", |f| Field::Date(DateKind::Local, request_us(f)), "request date, local"),
    http("Ta", |f| growing(f.log.timers.active, f), "active time of the request, ms"),
    any("Tc", |f| timer(f.log.timers.connect), "time to connect, ms"),
    any("Td", |f| timer(f.log.timers.data), "data transfer time, ms"),
    any("Th", |f| timer(f.log.timers.handshake), "handshake time, ms"),
    http("Ti", |f| timer(f.log.timers.idle), "idle time before the request, ms"),
    http("Tq", whole_request, "Th + Ti + TR, ms"),
    http("TR", |f| timer(f.log.timers.request), "time to receive the request, ms"),
    http("Tr", |f| timer(f.log.timers.response), "time to the response head, ms"),
    any("Tt", |f| growing(f.log.timers.total, f), "total time, ms"),
    any("Tu", |f| growing(f.log.timers.user, f), "total time as the user sees it, ms"),
    any("Tw", |f| timer(f.log.timers.queue), "time in queues, ms"),
    any("B", |f| Field::Growing(count(f.log.bytes_out), f.log.early), "bytes to the client"),
    any("U", |f| Field::Number(count(f.log.bytes_in)), "bytes from the client"),
    http("CC", |f| cookie(f, Side::Request), "captured request cookie"),
    http("CS", |f| cookie(f, Side::Response), "captured response cookie"),
    any("H", |f| Field::Text(f.subject.process().hostname.as_bytes().into()), "host name"),
    http("HM", |f| request_part(f, Part::Method), "HTTP method"),
    http("HP", |f| request_part(f, Part::Path), "request target without query string"),
    http("HPO", |f| request_part(f, Part::PathOnly), "path without host and query string"),
    http("HQ", |f| request_part(f, Part::Query), "query string with its question mark"),
    http("HU", |f| request_part(f, Part::Target), "request target"),
    http("HV", |f| request_part(f, Part::Version), "HTTP version"),
    any("ID", |f| or_absent(f.subject.unique_id()), "unique id"),
    any("ST", |f| Field::Number(f.log.status.map_or(-1, i64::from)), "status"),
    any("ac", |f| Field::Number(f.log.act_conn.into()), "connections of the process"),
    any("b", backend, "backend"),
    any("bc", |f| Field::Number(f.log.be_conn.into()), "connections of the backend"),
    any("bi", |f| ip(f, End::BackSrc), "own address towards the server"),
    any("bp", |f| port(f, End::BackSrc), "own port towards the server"),
    any("bq", |f| Field::Number(f.log.be_queue.into()), "requests ahead in the backend queue"),
    any("ci", |f| client_ip(f, End::Src), "client address"),
    any("cp", |f| client_port(f, End::Src), "client port"),
    any("f", |f| frontend(f, false), "frontend"),
    any("fc", |f| Field::Number(f.log.fe_conn.into()), "connections of the frontend"),
    any("fi", |f| client_ip(f, End::Dst), "address the client called"),
    any("fp", |f| client_port(f, End::Dst), "port the client called"),
    any("ft", |f| frontend(f, true), "frontend with ~ for TLS"),
    any("lc", |f| Field::Number(f.log.log_counter.into()), "number of the line in the frontend"),
    any("hr", |_| Field::Captures(Side::Request, false), "captured request headers"),
    any("hrl", |_| Field::Captures(Side::Request, true), "captured request headers, CLF"),
    any("hs", |_| Field::Captures(Side::Response, false), "captured response headers"),
    any("hsl", |_| Field::Captures(Side::Response, true), "captured response headers, CLF"),
    any("OG", |f| Field::Text(origin(f.log.origin).into()), "why the line is made now"),
    any("pid", |f| Field::Hexable(f.subject.process().pid.into()), "process id"),
    http("r", request_line, "request line"),
    any("rc", retries, "connection retries, + after a redispatch"),
    any("rt", |f| Field::Hexable(f.log.request_counter.into()), "number of the request"),
    any("s", server, "server"),
    any("sc", |f| Field::Number(f.log.srv_conn.into()), "connections of the server"),
    any("si", |f| ip(f, End::BackDst), "server address"),
    any("sp", |f| port(f, End::BackDst), "server port"),
    any("sq", |f| Field::Number(f.log.srv_queue.into()), "requests ahead in the server queue"),
    any("sslc", |f| tls(f, |t| t.cipher.as_deref()), "TLS cipher"),
    any("sslv", |f| tls(f, |t| t.version.as_deref()), "TLS version"),
    any("ts", |f| termination(f, 2), "termination state"),
    http("tsc", |f| termination(f, 4), "termination state with cookie status"),
];

fn millis<'a>(facts: &Facts<'a>) -> Field<'a> {
    let millis = facts.log.accept_us.rem_euclid(1_000_000) / 1_000;
    Field::Plain(format!("{millis:03}").into())
}

fn request_us(facts: &Facts<'_>) -> i64 {
    facts.log.request_us.unwrap_or(facts.log.accept_us)
}

fn count(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn timer<'a>(millis: Option<u32>) -> Field<'a> {
    Field::Number(millis.map_or(-1, i64::from))
}

fn growing<'a>(millis: Option<u32>, facts: &Facts<'a>) -> Field<'a> {
    Field::Growing(millis.map_or(-1, i64::from), facts.log.early)
}

fn whole_request<'a>(facts: &Facts<'a>) -> Field<'a> {
    let timers = &facts.log.timers;
    let sum = timers.request.map(|request| {
        i64::from(request)
            + timers.handshake.map_or(0, i64::from)
            + timers.idle.map_or(0, i64::from)
    });
    Field::Number(sum.unwrap_or(-1))
}

fn or_absent<'a>(bytes: Option<&'a [u8]>) -> Field<'a> {
    bytes.map_or(Field::Absent, |bytes| Field::Text(bytes.into()))
}

fn cookie<'a>(facts: &Facts<'a>, side: Side) -> Field<'a> {
    or_absent(facts.subject.captured_cookie(side))
}

/// The client's end of its connection; unix sockets have a word and the listener's id instead.
fn client_ip<'a>(facts: &Facts<'a>, end: End) -> Field<'a> {
    match facts.subject.address(end) {
        Some(address) => Field::Ip(address.ip()),
        None => Field::Text("unix".into()),
    }
}

fn client_port<'a>(facts: &Facts<'a>, end: End) -> Field<'a> {
    match (facts.subject.address(end), facts.subject.listener()) {
        (Some(address), _) => Field::Port(address.port()),
        (None, Some(listener)) => Field::Number(listener.id.into()),
        (None, None) => Field::Absent,
    }
}

fn ip<'a>(facts: &Facts<'a>, end: End) -> Field<'a> {
    facts.subject.address(end).map_or(Field::Absent, |address| Field::Ip(address.ip()))
}

fn port<'a>(facts: &Facts<'a>, end: End) -> Field<'a> {
    facts.subject.address(end).map_or(Field::Absent, |address| Field::Port(address.port()))
}

fn frontend<'a>(facts: &Facts<'a>, transport: bool) -> Field<'a> {
    let Some(named) = facts.subject.frontend() else { return Field::Absent };
    if transport && facts.subject.tls(Side::Request).is_some() {
        return Field::Text(format!("{}~", named.name).into());
    }
    Field::Text(named.name.into())
}

fn backend<'a>(facts: &Facts<'a>) -> Field<'a> {
    match facts.subject.backend() {
        Some(named) => Field::Text(named.name.into()),
        None => frontend(facts, false),
    }
}

fn server<'a>(facts: &Facts<'a>) -> Field<'a> {
    let name = facts.subject.server().map(|named| named.name);
    Field::Text(name.or_else(|| facts.subject.service()).unwrap_or("<NOSRV>").into())
}

fn retries<'a>(facts: &Facts<'a>) -> Field<'a> {
    Field::Growing(facts.log.retries.into(), facts.log.redispatched)
}

fn termination<'a>(facts: &Facts<'a>, length: usize) -> Field<'a> {
    let state = facts.log.termination.map(|b| if b == 0 { b'-' } else { b });
    Field::State(state, length)
}

fn tls<'a>(facts: &Facts<'a>, part: fn(&crate::subject::TlsFacts) -> Option<&str>) -> Field<'a> {
    let part = facts.subject.tls(Side::Request).and_then(part);
    part.map_or(Field::Absent, |text| Field::Text(text.into()))
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Unspecified => "unspec",
        Origin::SessionError => "sess_error",
        Origin::SessionKilled => "sess_killed",
        Origin::Accept => "txn_accept",
        Origin::Request => "txn_request",
        Origin::Connect => "txn_connect",
        Origin::Response => "txn_response",
        Origin::Close => "txn_close",
    }
}

enum Part {
    Method,
    Target,
    Path,
    PathOnly,
    Query,
    Version,
}

/// The request as it was captured, or as it is while it is being processed.
fn captured<'a>(subject: &'a dyn Subject) -> Option<Bytes<'a>> {
    if let Some(line) = subject.captured_request() {
        return Some(Bytes::Borrowed(line));
    }
    let Fetch::Is(line) = subject.request() else { return None };
    let (major, minor) = line.version;
    let mut text = Vec::with_capacity(line.method.len() + line.target.len() + 10);
    text.extend_from_slice(line.method);
    text.push(b' ');
    text.extend_from_slice(line.target);
    text.extend_from_slice(format!(" HTTP/{major}.{minor}").as_bytes());
    Some(Bytes::Owned(text))
}

fn request_line<'a>(facts: &Facts<'a>) -> Field<'a> {
    match captured(facts.subject) {
        Some(line) => Field::Text(line),
        None => Field::Text("<BADREQ>".into()),
    }
}

fn request_part<'a>(facts: &Facts<'a>, part: Part) -> Field<'a> {
    let Some(line) = captured(facts.subject) else { return Field::Text("<BADREQ>".into()) };
    let first = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    let last = line.iter().rposition(|b| *b == b' ').filter(|last| *last > first);
    let target_end = last.unwrap_or(line.len());
    let target = line.get(first + 1..target_end).unwrap_or_default();
    let query = target.iter().position(|b| *b == b'?').unwrap_or(target.len());
    let start = first + 1;
    let (from, to) = match part {
        Part::Method => (0, first),
        Part::Target => (start, target_end),
        Part::Path => (start, start + query),
        Part::PathOnly => {
            let path = crate::fetches::path_and_query(target).unwrap_or_default();
            let skipped = target.len() - path.len();
            (start + skipped, start + query.max(skipped))
        }
        Part::Query => (start + query, target_end),
        Part::Version => (last.map_or(line.len(), |last| last + 1), line.len()),
    };
    match part {
        // No query is an empty one, not a missing item.
        Part::Query if from == to => Field::Plain(line.slice(from, to)),
        _ => Field::Text(line.slice(from, to)),
    }
}
