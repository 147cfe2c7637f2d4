//! ACLs that exist without being declared (manual 7.4).
use super::{Acl, Acls};
use crate::context::{NoSources, ParseContext};
use crate::place::Place;
use std::sync::{Arc, OnceLock};

/// Name and test of each.
const PREDEFINED: &[(&str, &[&str])] = &[
    ("FALSE", &["always_false"]),
    ("HTTP", &["req.proto_http"]),
    ("HTTP_1.0", &["req.ver", "-m", "str", "1.0"]),
    ("HTTP_1.1", &["req.ver", "-m", "str", "1.1"]),
    ("HTTP_2.0", &["req.ver", "-m", "str", "2.0"]),
    ("HTTP_3.0", &["req.ver", "-m", "str", "3.0"]),
    ("HTTP_CONTENT", &["req.hdr_val(content-length)", "gt", "0"]),
    ("HTTP_URL_ABS", &["url_reg", "^[^/:]*://"]),
    ("HTTP_URL_SLASH", &["url_beg", "/"]),
    ("HTTP_URL_STAR", &["url", "*"]),
    ("LOCALHOST", &["src", "127.0.0.1/8", "::1"]),
    ("METH_CONNECT", &["method", "CONNECT"]),
    ("METH_DELETE", &["method", "DELETE"]),
    ("METH_GET", &["method", "GET", "HEAD"]),
    ("METH_HEAD", &["method", "HEAD"]),
    ("METH_OPTIONS", &["method", "OPTIONS"]),
    ("METH_POST", &["method", "POST"]),
    ("METH_PUT", &["method", "PUT"]),
    ("METH_TRACE", &["method", "TRACE"]),
    ("RDP_COOKIE", &["req.rdp_cookie_cnt", "gt", "0"]),
    ("REQ_CONTENT", &["req.len", "gt", "0"]),
    ("TRUE", &["always_true"]),
    ("WAIT_END", &["wait_end"]),
];

/// One of them. Where a configuration keeps track of its patterns, it has lists of its own.
pub(super) fn shared(name: &str, context: &ParseContext<'_>) -> Option<Arc<Vec<Acl>>> {
    let Some(registry) = context.sources.registry() else { return predefined().shared(name) };
    let (_, words) = PREDEFINED.iter().find(|(known, _)| *known == name)?;
    let context = context.at(Place::ANYWHERE);
    registry.predefined(name, || Acl::parse(words, &context).ok())
}

/// All of them, read once per process from the constant table above.
fn predefined() -> &'static Acls {
    static ACLS: OnceLock<Acls> = OnceLock::new();
    ACLS.get_or_init(|| {
        let none = Acls::new();
        let context = ParseContext::new(Place::ANYWHERE, &none, &NoSources);
        let mut acls = Acls::new();
        for (name, words) in PREDEFINED {
            if let Ok(acl) = Acl::parse(words, &context) {
                acls.add(name, acl);
            }
        }
        acls
    })
}

/// Name and equivalent of every ACL that exists without being declared.
pub fn predefined_acls() -> impl Iterator<Item = (&'static str, String)> {
    PREDEFINED.iter().map(|(name, words)| (*name, words.join(" ")))
}

/// The names, for suggestions.
pub(super) fn names<'n>() -> impl Iterator<Item = &'n str> {
    PREDEFINED.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_predefined_acl_can_be_read() {
        let none = Acls::new();
        let context = ParseContext::new(Place::ANYWHERE, &none, &NoSources);
        for (name, words) in PREDEFINED {
            if let Err(error) = Acl::parse(words, &context) {
                panic!("{name}: {error}");
            }
        }
    }
}
