//! TLS of the connections (manual 7.3.4). Without TLS nothing is found, and flags are false.
use super::{int, text};
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{Side, Subject, TlsFacts};
use crate::table::FetchKeyword;

use Need::{ClientTls, ResponseKept};
use Side::Request as Req;
use Side::Response as Res;
use Type::{Bin, Bool, Int, Str};

type Keyword = FetchKeyword;

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("ssl_fc", &[], Bool, ClientTls, |_, s| is_tls(s, Req), "client uses TLS"),
    Keyword::new("ssl_bc", &[], Bool, ResponseKept, |_, s| is_tls(s, Res), "server uses TLS"),
    Keyword::new(
        "ssl_fc_sni",
        &[],
        Str,
        ClientTls,
        |_, s| str(s, Req, |t| t.sni.as_deref()),
        "server name asked for",
    ),
    Keyword::new(
        "ssl_bc_sni",
        &[],
        Str,
        ResponseKept,
        |_, s| str(s, Res, |t| t.sni.as_deref()),
        "server name sent",
    ),
    Keyword::new(
        "ssl_fc_has_sni",
        &[],
        Bool,
        ClientTls,
        |_, s| flag(s, |t| t.sni.is_some()),
        "a server name was asked for",
    ),
    Keyword::new(
        "ssl_fc_alpn",
        &[],
        Str,
        ClientTls,
        |_, s| str(s, Req, |t| t.alpn.as_deref()),
        "application protocol",
    ),
    Keyword::new(
        "ssl_bc_alpn",
        &[],
        Str,
        ResponseKept,
        |_, s| str(s, Res, |t| t.alpn.as_deref()),
        "application protocol",
    ),
    Keyword::new(
        "ssl_fc_protocol",
        &[],
        Str,
        ClientTls,
        |_, s| str(s, Req, |t| t.version.as_deref()),
        "protocol version",
    ),
    Keyword::new(
        "ssl_bc_protocol",
        &[],
        Str,
        ResponseKept,
        |_, s| str(s, Res, |t| t.version.as_deref()),
        "protocol version",
    ),
    Keyword::new(
        "ssl_fc_cipher",
        &[],
        Str,
        ClientTls,
        |_, s| str(s, Req, |t| t.cipher.as_deref()),
        "cipher suite",
    ),
    Keyword::new(
        "ssl_bc_cipher",
        &[],
        Str,
        ResponseKept,
        |_, s| str(s, Res, |t| t.cipher.as_deref()),
        "cipher suite",
    ),
    Keyword::new(
        "ssl_fc_alg_keysize",
        &[],
        Int,
        ClientTls,
        |_, s| num(s, Req, |t| t.alg_keysize),
        "bits of the key",
    ),
    Keyword::new(
        "ssl_bc_alg_keysize",
        &[],
        Int,
        ResponseKept,
        |_, s| num(s, Res, |t| t.alg_keysize),
        "bits of the key",
    ),
    Keyword::new(
        "ssl_fc_use_keysize",
        &[],
        Int,
        ClientTls,
        |_, s| num(s, Req, |t| t.use_keysize),
        "secret bits",
    ),
    Keyword::new(
        "ssl_bc_use_keysize",
        &[],
        Int,
        ResponseKept,
        |_, s| num(s, Res, |t| t.use_keysize),
        "secret bits",
    ),
    Keyword::new("ssl_fc_session_id", &[], Bin, ClientTls, |_, s| session(s, Req), "session id"),
    Keyword::new("ssl_bc_session_id", &[], Bin, ResponseKept, |_, s| session(s, Res), "session id"),
    Keyword::new(
        "ssl_fc_is_resumed",
        &[],
        Bool,
        ClientTls,
        |_, s| flag(s, |t| t.resumed),
        "abbreviated handshake",
    ),
    Keyword::new(
        "ssl_bc_is_resumed",
        &[],
        Bool,
        ResponseKept,
        |_, s| resumed_to_server(s),
        "abbreviated handshake",
    ),
    Keyword::new(
        "ssl_fc_has_crt",
        &[],
        Bool,
        ClientTls,
        |_, s| flag(s, |t| t.client_certificate.is_some()),
        "client certificate",
    ),
    Keyword::new(
        "ssl_c_used",
        &[],
        Bool,
        ClientTls,
        |_, s| used(s),
        "client certificate is in use",
    ),
    Keyword::new("ssl_c_der", &[], Bin, ClientTls, |_, s| certificate(s), "client certificate"),
    Keyword::new(
        "ssl_c_verify",
        &[],
        Int,
        ClientTls,
        |_, s| tls(s, Req, |t| int(t.verify)),
        "result of verification",
    ),
    Keyword::new(
        "ssl_c_err",
        &[],
        Int,
        ClientTls,
        |_, s| tls(s, Req, |t| int(t.verify)),
        "error at depth 0",
    ),
    Keyword::new(
        "ssl_c_ca_err",
        &[],
        Int,
        ClientTls,
        |_, s| tls(s, Req, |t| int(t.ca_error)),
        "error of the CA",
    ),
    Keyword::new(
        "ssl_fc_err",
        &[],
        Int,
        ClientTls,
        |_, s| tls(s, Req, |t| int(t.error)),
        "error of the handshake",
    ),
];

fn tls<'a>(
    subject: &'a dyn Subject,
    side: Side,
    f: impl FnOnce(&'a TlsFacts) -> Fetch<Sample<'a>>,
) -> Fetch<Sample<'a>> {
    subject.tls(side).map_or(Fetch::Missing, f)
}

fn is_tls(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    Fetch::Is(Sample::Bool(subject.tls(side).is_some()))
}

fn str<'a>(
    subject: &'a dyn Subject,
    side: Side,
    f: fn(&TlsFacts) -> Option<&str>,
) -> Fetch<Sample<'a>> {
    tls(subject, side, |facts| f(facts).map_or(Fetch::Missing, text))
}

fn num<'a>(
    subject: &'a dyn Subject,
    side: Side,
    f: fn(&TlsFacts) -> Option<u32>,
) -> Fetch<Sample<'a>> {
    tls(subject, side, |facts| f(facts).map_or(Fetch::Missing, int))
}

fn flag<'a>(subject: &'a dyn Subject, f: fn(&TlsFacts) -> bool) -> Fetch<Sample<'a>> {
    Fetch::Is(Sample::Bool(subject.tls(Req).is_some_and(f)))
}

fn resumed_to_server(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    Fetch::Is(Sample::Bool(subject.tls(Res).is_some_and(|facts| facts.resumed)))
}

fn session(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    tls(subject, side, |facts| Fetch::Is(Sample::Bin(Bytes::Borrowed(&facts.session_id))))
}

fn used(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    tls(subject, Req, |facts| Fetch::Is(Sample::Bool(facts.client_certificate.is_some())))
}

fn certificate(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    tls(subject, Req, |facts| match &facts.client_certificate {
        Some(der) => Fetch::Is(Sample::Bin(Bytes::Borrowed(der))),
        None => Fetch::Missing,
    })
}
