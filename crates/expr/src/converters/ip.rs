//! Converters of addresses, and of names into facts about servers.
use super::bytes;
use crate::arg::{Arg, Kind, may, must};
use crate::sample::{Sample, Type};
use crate::subject::{Count, ServerName, Subject};
use crate::table::ConverterKeyword;

use Type::{Addr, Bool, Int, Str};

type Keyword = ConverterKeyword;

pub(super) const TABLE: &[ConverterKeyword] = &[
    Keyword::new(
        "ipmask",
        &[must("mask4", Kind::Mask4), may("mask6", Kind::Mask6)],
        Addr,
        Addr,
        ipmask,
        "network of an address; IPv6 needs a mask of its own",
    ),
    Keyword::new("nbsrv", &[], Str, Int, nbsrv, "usable servers of the backend named"),
    Keyword::new(
        "srv_is_up",
        &[],
        Str,
        Bool,
        |s, _, u| of_server(s, u, |name| Count::SrvIsUp(name)).map(|n| Sample::Bool(n != 0)),
        "true if the server named is up",
    ),
    Keyword::new(
        "srv_queue",
        &[],
        Str,
        Int,
        |s, _, u| of_server(s, u, |name| Count::SrvQueue(name)).map(Sample::Int),
        "waiting requests of the server named",
    ),
];

fn ipmask<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Subject) -> Option<Sample<'a>> {
    match (sample, args.first(), args.get(1)) {
        (Sample::V4(ip), Some(Arg::V4(mask)), _) => Some(Sample::V4(ip & *mask)),
        (Sample::V6(ip), _, Some(Arg::V6(mask))) => Some(Sample::V6(ip & *mask)),
        _ => None,
    }
}

fn nbsrv<'a>(sample: Sample<'a>, _: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let name = bytes(sample)?;
    let name = std::str::from_utf8(&name).ok()?;
    subject.count(Count::NbSrv(Some(name))).map(Sample::Int)
}

fn of_server(
    sample: Sample<'_>,
    subject: &dyn Subject,
    count: for<'n> fn(ServerName<'n>) -> Count<'n>,
) -> Option<i64> {
    let name = bytes(sample)?;
    let name = std::str::from_utf8(&name).ok()?;
    let (backend, server) = match name.split_once('/') {
        Some((backend, server)) => (Some(backend), server),
        None => (None, name),
    };
    subject.count(count(ServerName { backend, server }))
}
