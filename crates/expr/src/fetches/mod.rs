//! The table of sample fetches: one file per family, looked up by name at load.
pub(crate) mod auth;
mod connection;
mod cookies;
mod headers;
mod hello;
mod http;
mod internal;
mod later;
mod payload;
mod server;
mod ssl;

pub use connection::connection_error;

use crate::arg::Arg;
use crate::place::{Need, Place};
use crate::sample::{Bytes, Fetch, Sample};
use crate::subject::{Side, Subject};
use crate::table::FetchKeyword;

pub(crate) use http::path_and_query;

const TABLES: &[&[FetchKeyword]] = &[
    internal::TABLE,
    server::TABLE,
    connection::TABLE,
    ssl::TABLE,
    payload::TABLE,
    hello::TABLE,
    http::TABLE,
    headers::TABLE,
    cookies::TABLE,
    auth::TABLE,
    later::STICK,
    later::OTHER,
];

/// Older or shorter names with the name that is in the table.
const ALIASES: &[(&str, &str)] = &[
    ("cook", "req.cook"),
    ("cook_cnt", "req.cook_cnt"),
    ("cook_val", "req.cook_val"),
    ("hdr_cnt", "req.hdr_cnt"),
    ("hdr_ip", "req.hdr_ip"),
    ("hdr_val", "req.hdr_val"),
    ("rdp_cookie", "req.rdp_cookie"),
    ("rdp_cookie_cnt", "req.rdp_cookie_cnt"),
    ("req_len", "req.len"),
    ("req_proto_http", "req.proto_http"),
    ("rep_ssl_hello_type", "res.ssl_hello_type"),
    ("req_ssl_hello_type", "req.ssl_hello_type"),
    ("req_ssl_sni", "req.ssl_sni"),
    ("req_ssl_ver", "req.ssl_ver"),
    ("req_ver", "req.ver"),
    ("resp_ver", "res.ver"),
    ("scook", "res.cook"),
    ("scook_cnt", "res.cook_cnt"),
    ("scook_val", "res.cook_val"),
    ("set-cookie", "res.cook"),
    ("shdr", "res.hdr"),
    ("shdr_cnt", "res.hdr_cnt"),
    ("shdr_ip", "res.hdr_ip"),
    ("shdr_val", "res.hdr_val"),
    ("url_param", "urlp"),
];

/// Names that mean the request's or the response's, depending on the message being processed.
const SIDED: &[(&str, &str, &str)] = &[
    ("cookie", "req.cook", "res.cook"),
    ("hdr", "req.hdr", "res.hdr"),
    ("payload", "req.payload", "res.payload"),
    ("payload_lv", "req.payload_lv", "res.payload_lv"),
];

/// Every fetch that is known by name, supported or not.
pub fn fetches() -> impl Iterator<Item = &'static FetchKeyword> {
    TABLES.iter().copied().flatten()
}

/// Older or shorter names of fetches with the name they stand for. Names that mean the message
/// being processed are given with the request's.
pub fn fetch_aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sided = SIDED.iter().map(|(name, request, _)| (*name, *request));
    ALIASES.iter().copied().chain(sided)
}

pub(crate) fn fetch(name: &str, place: Place) -> Option<&'static FetchKeyword> {
    let alias = ALIASES.iter().find(|(old, _)| *old == name).map(|(_, modern)| *modern);
    let sided = SIDED.iter().find(|(short, ..)| *short == name).map(|(_, request, response)| {
        if place.offers(Need::Request) { *request } else { *response }
    });
    let name = alias.or(sided).unwrap_or(name);
    fetches().find(|known| known.name == name)
}

/// Whether a message's head is there.
fn head(subject: &dyn Subject, side: Side) -> Fetch<()> {
    match side {
        Side::Request => subject.request().map(|_| ()),
        Side::Response => subject.response().map(|_| ()),
    }
}
/// A text argument, or nothing where it was left out.
fn str_arg(args: &[Arg], nth: usize) -> Option<&[u8]> {
    match args.get(nth) {
        Some(Arg::Str(text)) => Some(text),
        _ => None,
    }
}

/// An integer argument.
fn int_arg(args: &[Arg], nth: usize) -> Option<i64> {
    match args.get(nth) {
        Some(Arg::Int(value)) => Some(*value),
        _ => None,
    }
}

/// A name argument.
fn name_arg(args: &[Arg], nth: usize) -> Option<&str> {
    match args.get(nth) {
        Some(Arg::Name(name)) => Some(name),
        _ => None,
    }
}

fn text<'a>(bytes: impl Into<Bytes<'a>>) -> Fetch<Sample<'a>> {
    Fetch::Is(Sample::Str(bytes.into()))
}

fn int<'a>(value: impl Into<i64>) -> Fetch<Sample<'a>> {
    Fetch::Is(Sample::Int(value.into()))
}
