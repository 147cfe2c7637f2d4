//! The connections, what was chosen for them, and times (manual 7.3.3).
use super::{int, text};
use crate::arg::{Arg, Kind, Param, may};
use crate::place::Need;
use crate::sample::{Fetch, Sample, Type};
use crate::subject::{End, LogFacts, Named, Side, Subject, Timers};
use crate::table::FetchKeyword;

use Need::{Backend, Client, Frontend, Request, RequestKept, Response, ResponseKept};
use Need::{End as AtEnd, Process, Server};
use Type::{Addr, Bool, Int, Str};

type Keyword = FetchKeyword;

const UNIT: &[Param] = &[may("unit", Kind::Choice(&["s", "ms", "us"]))];

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("src", &[], Addr, Client, |_, s| ip(s, End::Src), "client address"),
    Keyword::new("src_port", &[], Int, Client, |_, s| port(s, End::Src), "client port"),
    Keyword::new("src_is_local", &[], Bool, Client, |_, s| local(s, End::Src), "client is local"),
    Keyword::new("dst", &[], Addr, Client, |_, s| ip(s, End::Dst), "address the client called"),
    Keyword::new("dst_port", &[], Int, Client, |_, s| port(s, End::Dst), "port called"),
    Keyword::new("dst_is_local", &[], Bool, Client, |_, s| local(s, End::Dst), "called is local"),
    Keyword::new("fc_src", &[], Addr, Client, |_, s| ip(s, End::FrontSrc), "peer address"),
    Keyword::new("fc_src_port", &[], Int, Client, |_, s| port(s, End::FrontSrc), "peer port"),
    Keyword::new(
        "fc_src_is_local",
        &[],
        Bool,
        Client,
        |_, s| local(s, End::FrontSrc),
        "peer is local",
    ),
    Keyword::new("fc_dst", &[], Addr, Client, |_, s| ip(s, End::FrontDst), "local address"),
    Keyword::new("fc_dst_port", &[], Int, Client, |_, s| port(s, End::FrontDst), "local port"),
    Keyword::new("fc_dst_is_local", &[], Bool, Client, |_, s| local(s, End::FrontDst), "is local"),
    Keyword::new("bc_src", &[], Addr, ResponseKept, |_, s| ip(s, End::BackSrc), "own address"),
    Keyword::new("bc_src_port", &[], Int, ResponseKept, |_, s| port(s, End::BackSrc), "own port"),
    Keyword::new("bc_dst", &[], Addr, ResponseKept, |_, s| ip(s, End::BackDst), "server address"),
    Keyword::new(
        "bc_dst_port",
        &[],
        Int,
        ResponseKept,
        |_, s| port(s, End::BackDst),
        "server port",
    ),
    Keyword::new("fc_http_major", &[], Int, Client, |_, s| major(s, Side::Request), "1, 2 or 3"),
    Keyword::new(
        "bc_http_major",
        &[],
        Int,
        ResponseKept,
        |_, s| major(s, Side::Response),
        "1 or 2",
    ),
    Keyword::new(
        "fc_rcvd_proxy",
        &[],
        Bool,
        Client,
        |_, s| Fetch::Is(Sample::Bool(s.received_proxy())),
        "true if a PROXY header came",
    ),
    Keyword::new("fc_err", &[], Int, Client, |_, s| error(s), "error code of the connection"),
    Keyword::new("fc_err_name", &[], Str, Client, |_, s| error_name(s), "short name of fc_err"),
    Keyword::new("fc_err_str", &[], Str, Client, |_, s| error_text(s), "fc_err in words"),
    Keyword::new("fe_name", &[], Str, Frontend, |_, s| name(s.frontend()), "name of the frontend"),
    Keyword::new("fe_id", &[], Int, Frontend, |_, s| id(s.frontend()), "id of the frontend"),
    Keyword::new(
        "fe_defbe",
        &[],
        Str,
        Frontend,
        |_, s| s.default_backend().map_or(Fetch::Missing, text),
        "name of the default backend",
    ),
    Keyword::new("so_name", &[], Str, Frontend, |_, s| name(s.listener()), "name of the bind line"),
    Keyword::new("so_id", &[], Int, Frontend, |_, s| id(s.listener()), "id of the bind line"),
    Keyword::new("be_name", &[], Str, Backend, |_, s| name(backend(s)), "name of the backend"),
    Keyword::new("be_id", &[], Int, Backend, |_, s| id(backend(s)), "id of the backend"),
    Keyword::new("srv_name", &[], Str, Server, |_, s| name(s.server()), "name of the server"),
    Keyword::new("srv_id", &[], Int, Server, |_, s| id(s.server()), "id of the server"),
    Keyword::new("accept_date", UNIT, Int, Client, accept_date, "when the connection was accepted"),
    Keyword::new("request_date", UNIT, Int, RequestKept, request_date, "when the request began"),
    Keyword::new(
        "bytes_in",
        &[],
        Int,
        RequestKept,
        |_, s| log(s, |l| size(l.bytes_in)),
        "bytes from the client",
    ),
    Keyword::new(
        "bytes_out",
        &[],
        Int,
        AtEnd,
        |_, s| log(s, |l| size(l.bytes_out)),
        "bytes to the client",
    ),
    Keyword::new(
        "bc_be_queue",
        &[],
        Int,
        ResponseKept,
        |_, s| log(s, |l| l.be_queue.into()),
        "requests ahead in the backend queue",
    ),
    Keyword::new(
        "bc_srv_queue",
        &[],
        Int,
        ResponseKept,
        |_, s| log(s, |l| l.srv_queue.into()),
        "requests ahead in the server queue",
    ),
    Keyword::new(
        "txn.conn_retries",
        &[],
        Int,
        ResponseKept,
        |_, s| log(s, |l| l.retries.into()),
        "connection attempts repeated",
    ),
    Keyword::new(
        "txn.redispatched",
        &[],
        Bool,
        ResponseKept,
        |_, s| s.log().map(|log| Sample::Bool(log.redispatched)).into(),
        "true if another server was tried in the end",
    ),
    Keyword::new(
        "txn.id32",
        &[],
        Int,
        Process,
        |_, s| log(s, |l| l.request_counter.into()),
        "number of the request",
    ),
    Keyword::new("txn.sess_term_state", &[], Str, Process, termination, "termination state"),
    Keyword::new("fc.timer.handshake", &[], Int, Client, |_, s| timer(s, |t| t.handshake), "Th"),
    Keyword::new("fc.timer.total", &[], Int, Frontend, |_, s| timer(s, |t| t.total), "Tt"),
    Keyword::new("bc.timer.connect", &[], Int, ResponseKept, |_, s| timer(s, |t| t.connect), "Tc"),
    Keyword::new("req.timer.idle", &[], Int, Request, |_, s| timer(s, |t| t.idle), "Ti"),
    Keyword::new("req.timer.hdr", &[], Int, Request, |_, s| timer(s, |t| t.request), "TR"),
    Keyword::new("req.timer.tq", &[], Int, Request, |_, s| timer(s, whole_request), "Tq"),
    Keyword::new("req.timer.queue", &[], Int, ResponseKept, |_, s| timer(s, |t| t.queue), "Tw"),
    Keyword::new("res.timer.hdr", &[], Int, Response, |_, s| timer(s, |t| t.response), "Tr"),
    Keyword::new("res.timer.data", &[], Int, AtEnd, |_, s| timer(s, |t| t.data), "Td"),
    Keyword::new("txn.timer.total", &[], Int, RequestKept, |_, s| timer(s, |t| t.active), "Ta"),
    Keyword::new("txn.timer.user", &[], Int, RequestKept, |_, s| timer(s, |t| t.user), "Tu"),
];

fn ip<'a>(subject: &'a dyn Subject, end: End) -> Fetch<Sample<'a>> {
    subject.address(end).map(|address| Sample::from(address.ip())).into()
}

fn port<'a>(subject: &'a dyn Subject, end: End) -> Fetch<Sample<'a>> {
    subject.address(end).map_or(Fetch::Missing, |address| int(address.port()))
}

fn local<'a>(subject: &'a dyn Subject, end: End) -> Fetch<Sample<'a>> {
    subject.address(end).map(|address| Sample::Bool(subject.is_local(address.ip()))).into()
}

fn major<'a>(subject: &'a dyn Subject, side: Side) -> Fetch<Sample<'a>> {
    subject.http_major(side).map_or(Fetch::Missing, int)
}

fn error<'a>(subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    int(subject.connection_error(Side::Request))
}

/// Numbers, short names and words of what ends a connection before it brings a request.
const CONNECTION_ERRORS: &[(u32, &str, &str)] = &[
    (11, "PRX_EMPTY", "Connection closed while waiting for PROXY protocol header"),
    (12, "PRX_ABORT", "Connection error while waiting for PROXY protocol header"),
    (13, "PRX_TIMEOUT", "Timeout while waiting for PROXY protocol header"),
    (14, "PRX_TRUNCATED", "Truncated PROXY protocol header received"),
    (15, "PRX_NOT_HDR", "Received something which does not look like a PROXY protocol header"),
    (16, "PRX_BAD_HDR", "Received an invalid PROXY protocol header"),
    (17, "PRX_BAD_PROTO", "Received an unhandled protocol in the PROXY protocol header"),
];

/// Short name and words of a connection error; 0 is none.
pub fn connection_error(number: u32) -> Option<(&'static str, &'static str)> {
    CONNECTION_ERRORS.iter().find(|(n, ..)| *n == number).map(|(_, name, words)| (*name, *words))
}

fn error_name(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    let known = connection_error(subject.connection_error(Side::Request));
    known.map_or(Fetch::Missing, |(name, _)| text(name))
}

fn error_text(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    match subject.connection_error(Side::Request) {
        0 => text("Success"),
        number => connection_error(number).map_or(Fetch::Missing, |(_, words)| text(words)),
    }
}

fn name(named: Option<Named<'_>>) -> Fetch<Sample<'_>> {
    named.map_or(Fetch::Missing, |named| text(named.name))
}

fn id<'a>(named: Option<Named<'_>>) -> Fetch<Sample<'a>> {
    named.map_or(Fetch::Missing, |named| int(named.id))
}

/// The backend; before one is chosen, what stands for it is the frontend.
fn backend(subject: &dyn Subject) -> Option<Named<'_>> {
    subject.backend().or_else(|| subject.frontend())
}

fn in_unit<'a>(micros: i64, args: &[Arg]) -> Fetch<Sample<'a>> {
    int(match args.first() {
        Some(Arg::Int(2)) => micros,
        Some(Arg::Int(1)) => micros.div_euclid(1_000),
        _ => micros.div_euclid(1_000_000),
    })
}

fn accept_date<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    subject.log().map_or(Fetch::Missing, |log| in_unit(log.accept_us, args))
}

fn request_date<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let began = subject.log().and_then(|log| log.request_us);
    began.map_or(Fetch::Missing, |began| in_unit(began, args))
}

fn log<'a>(subject: &'a dyn Subject, f: fn(&LogFacts) -> i64) -> Fetch<Sample<'a>> {
    subject.log().map_or(Fetch::Missing, |log| int(f(log)))
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn timer<'a>(subject: &'a dyn Subject, f: fn(&Timers) -> Option<u32>) -> Fetch<Sample<'a>> {
    log_timer(subject, f).map_or(Fetch::Missing, int)
}

fn log_timer(subject: &dyn Subject, f: fn(&Timers) -> Option<u32>) -> Option<i64> {
    subject.log().map(|log| f(&log.timers).map_or(-1, i64::from))
}

fn whole_request(timers: &Timers) -> Option<u32> {
    let before = timers.handshake.unwrap_or(0).saturating_add(timers.idle.unwrap_or(0));
    timers.request.map(|request| request.saturating_add(before))
}

fn termination<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    subject.log().map_or(Fetch::Missing, |log| {
        let [cause, phase, ..] = log.termination.map(|b| if b == 0 { b'-' } else { b });
        text(vec![cause, phase])
    })
}
