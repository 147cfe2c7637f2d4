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
    Keyword::new("srv_is_up", &[], Str, Bool, srv_is_up, "true if the server named is up"),
    Keyword::new("srv_queue", &[], Str, Int, srv_queue, "waiting requests of the server named"),
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

/// The server of a name, `backend/server` or `server`.
fn server(name: &str) -> ServerName<'_> {
    match name.split_once('/') {
        Some((backend, server)) => ServerName { backend: Some(backend), server },
        None => ServerName { backend: None, server: name },
    }
}

fn srv_is_up<'a>(sample: Sample<'a>, _: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let name = bytes(sample)?;
    let server = server(std::str::from_utf8(&name).ok()?);
    subject.count(Count::SrvIsUp(server)).map(|up| Sample::Bool(up != 0))
}

fn srv_queue<'a>(sample: Sample<'a>, _: &'a [Arg], subject: &'a dyn Subject) -> Option<Sample<'a>> {
    let name = bytes(sample)?;
    let server = server(std::str::from_utf8(&name).ok()?);
    subject.count(Count::SrvQueue(server)).map(Sample::Int)
}
