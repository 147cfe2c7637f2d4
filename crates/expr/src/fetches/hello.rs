//! The first TLS message of a client or server, read from raw bytes (manual 7.3.5).
use wire::tls::{Peek, peek};

use super::{int, text};
use crate::place::Need;
use crate::sample::{Fetch, Sample, Type};
use crate::subject::{Side, Subject};
use crate::table::FetchKeyword;

use Need::{Request, Response};
use Side::Request as Req;
use Side::Response as Res;
use Type::{Int, Str};

type Keyword = FetchKeyword;

const HELLO_TYPE: &str = "1 for a ClientHello, 2 for a ServerHello, 0 for other TLS";

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new("req.ssl_hello_type", &[], Int, Request, |_, s| hello_type(s, Req), HELLO_TYPE),
    Keyword::new("res.ssl_hello_type", &[], Int, Response, |_, s| hello_type(s, Res), HELLO_TYPE),
    Keyword::new("req.ssl_sni", &[], Str, Request, |_, s| sni(s), "server name asked for"),
    Keyword::new("req.ssl_alpn", &[], Str, Request, |_, s| alpn(s), "protocols asked for"),
    Keyword::new("req.ssl_ver", &[], Int, Request, |_, s| version(s), "version of the ClientHello"),
];

fn first_message(subject: &dyn Subject, side: Side) -> Fetch<Peek> {
    subject.payload(side).and_then(|payload| match peek(payload.bytes) {
        Ok(Peek::Partial) if payload.complete => Fetch::Missing,
        Ok(Peek::Partial) => Fetch::NotYet,
        Ok(seen) => Fetch::Is(seen),
        Err(_) => Fetch::Missing,
    })
}

fn hello_type(subject: &dyn Subject, side: Side) -> Fetch<Sample<'_>> {
    match first_message(subject, side) {
        Fetch::Is(Peek::Hello(_)) => int(1),
        Fetch::Is(Peek::Other(2)) => int(2),
        Fetch::Is(_) => int(0),
        Fetch::NotYet => Fetch::NotYet,
        Fetch::Missing => Fetch::Missing,
    }
}

fn sni(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    first_message(subject, Req).and_then(|seen| match seen {
        Peek::Hello(hello) => hello.sni().map_or(Fetch::Missing, |name| text(name.to_vec())),
        _ => Fetch::Missing,
    })
}

fn alpn(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    first_message(subject, Req).and_then(|seen| match seen {
        Peek::Hello(hello) => {
            let names: Vec<&[u8]> = hello.alpn().collect();
            if names.is_empty() { Fetch::Missing } else { text(names.join(&b","[..])) }
        }
        _ => Fetch::Missing,
    })
}

/// Major times 65536 plus minor, so that dotted patterns match.
fn version(subject: &dyn Subject) -> Fetch<Sample<'_>> {
    first_message(subject, Req).and_then(|seen| match seen {
        Peek::Hello(hello) => {
            let [major, minor] = hello.legacy_version.to_be_bytes();
            int(i64::from(major) << 16 | i64::from(minor))
        }
        _ => Fetch::Missing,
    })
}
