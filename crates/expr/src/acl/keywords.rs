//! Criteria that only ACLs know: a fetch under an older or shorter name with its match method.
use super::Match;

/// A criterion for ACLs only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclKeyword {
    /// The criterion.
    pub name: &'static str,
    /// The fetch behind it.
    pub fetch: &'static str,
    /// How it is matched without `-m` and without converters.
    pub method: Match,
}

macro_rules! family {
    ($name:literal, $fetch:literal) => {
        (
            $fetch,
            [
                $name,
                concat!($name, "_beg"),
                concat!($name, "_dir"),
                concat!($name, "_dom"),
                concat!($name, "_end"),
                concat!($name, "_len"),
                concat!($name, "_reg"),
                concat!($name, "_sub"),
            ],
        )
    };
}

/// Fetches that exist with every suffix.
const FAMILIES: &[(&str, [&str; 8])] = &[
    family!("base", "base"),
    family!("cook", "req.cook"),
    family!("hdr", "req.hdr"),
    family!("path", "path"),
    family!("scook", "res.cook"),
    family!("shdr", "res.hdr"),
    family!("url", "url"),
    family!("urlp", "urlp"),
];

/// The suffixes in the order of the names in a family.
const SUFFIXES: [Match; 8] = [
    Match::Str,
    Match::Beg,
    Match::Dir,
    Match::Dom,
    Match::End,
    Match::Len,
    Match::Reg,
    Match::Sub,
];

const SINGLE: &[AclKeyword] = &[
    single("http_auth_group", "http_auth_group", Match::Str),
    single("method", "method", Match::Str),
    single("payload", "req.payload", Match::Bin),
    single("payload_lv", "req.payload_lv", Match::Bin),
    single("req.ssl_ver", "req.ssl_ver", Match::Int),
    single("req_rdp_cookie", "req.rdp_cookie", Match::Str),
    single("req_rdp_cookie_cnt", "req.rdp_cookie_cnt", Match::Int),
    single("req_ssl_sni", "req.ssl_sni", Match::Str),
    single("req_ssl_ver", "req.ssl_ver", Match::Int),
    single("req_ver", "req.ver", Match::Str),
    single("resp_ver", "res.ver", Match::Str),
    single("ssl_fc_sni_end", "ssl_fc_sni", Match::End),
    single("ssl_fc_sni_reg", "ssl_fc_sni", Match::Reg),
];

const fn single(name: &'static str, fetch: &'static str, method: Match) -> AclKeyword {
    AclKeyword { name, fetch, method }
}

/// Every criterion that only ACLs know.
pub fn acl_keywords() -> impl Iterator<Item = AclKeyword> {
    let families = FAMILIES.iter().flat_map(|(fetch, names)| {
        names.iter().zip(SUFFIXES).map(|(name, method)| single(name, fetch, method))
    });
    families.chain(SINGLE.iter().copied())
}

/// The criterion of a name.
pub(super) fn acl_keyword(name: &str) -> Option<AclKeyword> {
    acl_keywords().find(|known| known.name == name)
}
