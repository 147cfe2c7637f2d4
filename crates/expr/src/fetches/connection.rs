//! The connections and what was chosen for them (manual 7.3.3).
use super::{int, text};
use crate::place::Need;
use crate::sample::{Fetch, Sample, Type};
use crate::subject::{End, Subject};
use crate::table::FetchKeyword;

use Need::{Backend, Client, ClientTls, Frontend, ResponseKept, Server};
use Type::{Addr, Bool, Int, Str};

pub(super) const TABLE: &[FetchKeyword] = &[
    FetchKeyword::new("src", &[], Addr, Client, |_, s| ip(s, End::Src), "client address"),
    FetchKeyword::new("src_port", &[], Int, Client, |_, s| port(s, End::Src), "client port"),
    FetchKeyword::new(
        "dst",
        &[],
        Addr,
        Client,
        |_, s| ip(s, End::Dst),
        "address the client called",
    ),
    FetchKeyword::new("dst_port", &[], Int, Client, |_, s| port(s, End::Dst), "port called"),
    FetchKeyword::new("fc_src", &[], Addr, Client, |_, s| ip(s, End::FrontSrc), "peer address"),
    FetchKeyword::new("fc_src_port", &[], Int, Client, |_, s| port(s, End::FrontSrc), "peer port"),
    FetchKeyword::new("fc_dst", &[], Addr, Client, |_, s| ip(s, End::FrontDst), "local address"),
    FetchKeyword::new("fc_dst_port", &[], Int, Client, |_, s| port(s, End::FrontDst), "local port"),
    FetchKeyword::new("bc_src", &[], Addr, ResponseKept, |_, s| ip(s, End::BackSrc), "own address"),
    FetchKeyword::new(
        "bc_src_port",
        &[],
        Int,
        ResponseKept,
        |_, s| port(s, End::BackSrc),
        "own port",
    ),
    FetchKeyword::new(
        "bc_dst",
        &[],
        Addr,
        ResponseKept,
        |_, s| ip(s, End::BackDst),
        "server address",
    ),
    FetchKeyword::new(
        "bc_dst_port",
        &[],
        Int,
        ResponseKept,
        |_, s| port(s, End::BackDst),
        "server port",
    ),
    FetchKeyword::new(
        "fe_name",
        &[],
        Str,
        Frontend,
        |_, s| s.frontend().map_or(Fetch::Missing, |named| text(named.name)),
        "name of the frontend",
    ),
    FetchKeyword::new(
        "be_name",
        &[],
        Str,
        Backend,
        |_, s| s.backend().map_or(Fetch::Missing, |named| text(named.name)),
        "name of the backend",
    ),
    FetchKeyword::new(
        "srv_name",
        &[],
        Str,
        Server,
        |_, s| s.server().map_or(Fetch::Missing, |named| text(named.name)),
        "name of the server",
    ),
    FetchKeyword::new(
        "ssl_fc",
        &[],
        Bool,
        ClientTls,
        |_, s| Fetch::Is(Sample::Bool(s.tls(crate::Side::Request).is_some())),
        "true if the client connection is TLS",
    ),
];

fn ip<'a>(subject: &'a dyn Subject, end: End) -> Fetch<Sample<'a>> {
    subject.address(end).map(|address| Sample::from(address.ip())).into()
}

fn port<'a>(subject: &'a dyn Subject, end: End) -> Fetch<Sample<'a>> {
    subject.address(end).map_or(Fetch::Missing, |address| int(address.port()))
}
