//! Numbers of frontends, backends and servers (manual 7.3.2).
use super::{int, name_arg};
use crate::arg::{Arg, Kind, Param, may, must};
use crate::place::Need;
use crate::sample::{Fetch, Sample, Type};
use crate::subject::{Count, ServerName, Subject};
use crate::table::{FetchFn, FetchKeyword};

use Need::{Frontend, Nothing, Process};

const BACKEND: &[Param] = &[may("backend", Kind::Backend)];
const FRONTEND: &[Param] = &[may("frontend", Kind::Frontend)];
const SERVER: &[Param] = &[must("server", Kind::Server)];

const fn counter(
    name: &'static str,
    params: &'static [Param],
    run: FetchFn,
    help: &'static str,
) -> FetchKeyword {
    FetchKeyword::new(name, params, Type::Int, Process, run, help)
}

pub(super) const TABLE: &[FetchKeyword] = &[
    FetchKeyword::new(
        "act_conn",
        &[],
        Type::Int,
        Nothing,
        |_, s| count(s, Count::ActConn),
        "connections of the process",
    ),
    counter("fe_conn", FRONTEND, |a, s| named(a, s, Count::FeConn), "connections of a frontend"),
    counter(
        "fe_sess_rate",
        FRONTEND,
        |a, s| named(a, s, Count::FeSessRate),
        "sessions per second of a frontend",
    ),
    counter(
        "fe_req_rate",
        FRONTEND,
        |a, s| named(a, s, Count::FeReqRate),
        "requests per second of a frontend",
    ),
    counter("be_conn", BACKEND, |a, s| named(a, s, Count::BeConn), "connections of a backend"),
    counter(
        "be_conn_free",
        BACKEND,
        |a, s| named(a, s, Count::BeConnFree),
        "free connection slots of a backend's servers",
    ),
    counter(
        "be_sess_rate",
        BACKEND,
        |a, s| named(a, s, Count::BeSessRate),
        "sessions per second of a backend",
    ),
    counter(
        "connslots",
        BACKEND,
        |a, s| named(a, s, Count::ConnSlots),
        "free connection and queue slots of a backend's servers",
    ),
    counter("queue", BACKEND, |a, s| named(a, s, Count::Queue), "waiting requests of a backend"),
    counter(
        "avg_queue",
        BACKEND,
        |a, s| named(a, s, Count::AvgQueue),
        "waiting requests of a backend for each usable server",
    ),
    counter("nbsrv", BACKEND, |a, s| named(a, s, Count::NbSrv), "usable servers of a backend"),
    counter("srv_conn", SERVER, |a, s| of_server(a, s, Count::SrvConn), "connections of a server"),
    counter(
        "srv_conn_free",
        SERVER,
        |a, s| of_server(a, s, Count::SrvConnFree),
        "free connection slots of a server",
    ),
    counter(
        "srv_queue",
        SERVER,
        |a, s| of_server(a, s, Count::SrvQueue),
        "waiting requests of a server",
    ),
    counter(
        "srv_sess_rate",
        SERVER,
        |a, s| of_server(a, s, Count::SrvSessRate),
        "sessions per second of a server",
    ),
    counter("srv_weight", SERVER, |a, s| of_server(a, s, Count::SrvWeight), "weight in use"),
    counter(
        "srv_uweight",
        SERVER,
        |a, s| of_server(a, s, Count::SrvUserWeight),
        "weight as set by the user",
    ),
    counter(
        "srv_iweight",
        SERVER,
        |a, s| of_server(a, s, Count::SrvInitialWeight),
        "weight as configured",
    ),
    FetchKeyword::new(
        "srv_is_up",
        SERVER,
        Type::Bool,
        Process,
        |a, s| of_server(a, s, Count::SrvIsUp).map(|n| Sample::Bool(n != Sample::Int(0))),
        "true if the server is up",
    ),
    FetchKeyword::new(
        "dst_conn",
        &[],
        Type::Int,
        Frontend,
        |_, s| count(s, Count::DstConn),
        "connections on the same listening address",
    ),
];

fn count<'a>(subject: &'a dyn Subject, what: Count<'_>) -> Fetch<Sample<'a>> {
    subject.count(what).map_or(Fetch::Missing, int)
}

fn named<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    what: fn(Option<&'a str>) -> Count<'a>,
) -> Fetch<Sample<'a>> {
    count(subject, what(name_arg(args, 0)))
}

fn of_server<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    what: fn(ServerName<'a>) -> Count<'a>,
) -> Fetch<Sample<'a>> {
    let Some(Arg::Server { backend, server }) = args.first() else { return Fetch::Missing };
    count(subject, what(ServerName { backend: backend.as_deref(), server }))
}
