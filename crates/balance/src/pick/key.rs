//! Which bytes of a request a hash algorithm looks at (manual 4.2, `balance`).

use std::net::IpAddr;

/// The options of `balance uri`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriOptions {
    /// Only the first bytes count.
    pub len: Option<u32>,
    /// Only the first directories count.
    pub depth: Option<u32>,
    /// The query counts too.
    pub whole: bool,
    /// Scheme and authority never count.
    pub path_only: bool,
}

/// The part of a request target that `balance uri` hashes.
#[must_use]
pub fn uri_key(target: &[u8], options: UriOptions) -> &[u8] {
    let mut key = if options.path_only { path_of(target) } else { target };
    if !options.whole
        && let Some(q) = key.iter().position(|&b| b == b'?')
    {
        key = &key[..q];
    }
    if let Some(len) = options.len {
        key = &key[..key.len().min(len as usize)];
    }
    if let Some(depth) = options.depth {
        let mut slashes = key.iter().enumerate().filter(|(_, b)| **b == b'/');
        if let Some((end, _)) = slashes.nth(depth as usize) {
            key = &key[..end];
        }
    }
    key
}

/// An absolute-form target from its path on; other targets as they are.
fn path_of(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(authority) = target.windows(3).position(|w| w == b"://").map(|i| i + 3) else {
        return target;
    };
    let path = target[authority..].iter().position(|&b| b == b'/');
    path.map_or(target, |i| &target[authority + i..])
}

/// What `use_domain_only` keeps of a host: the label before the last dot.
#[must_use]
pub fn host_domain_key(host: &[u8]) -> &[u8] {
    let Some(end) = host.iter().rposition(|&b| b == b'.') else { return host };
    let start = host[..end].iter().rposition(|&b| b == b'.').map_or(0, |i| i + 1);
    &host[start..end]
}

/// What `balance source` uses as the hash, before any avalanche: the address as a number; the
/// four words of an IPv6 address are folded together.
#[must_use]
pub fn source_key(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(a) => a.to_bits(),
        IpAddr::V6(a) => {
            let bits = a.to_bits();
            (bits ^ (bits >> 32) ^ (bits >> 64) ^ (bits >> 96)) as u32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(target: &str, options: UriOptions) -> &str {
        std::str::from_utf8(uri_key(target.as_bytes(), options)).unwrap()
    }

    /// As HAProxy 3.2 hashes them.
    #[test]
    fn uri_keys() {
        let target = "/a/b/c/d.html?q=1/2";
        let plain = UriOptions::default();
        let depth = |n| UriOptions { depth: Some(n), ..plain };
        assert_eq!(uri(target, plain), "/a/b/c/d.html");
        assert_eq!(uri(target, UriOptions { whole: true, ..plain }), target);
        assert_eq!(uri(target, UriOptions { len: Some(5), ..plain }), "/a/b/");
        assert_eq!(uri(target, depth(1)), "/a");
        assert_eq!(uri(target, depth(2)), "/a/b");
        assert_eq!(uri(target, depth(9)), "/a/b/c/d.html");
        assert_eq!(uri(target, UriOptions { len: Some(3), ..depth(2) }), "/a/");
        let absolute = "http://h.example/a/b?x";
        assert_eq!(uri(absolute, plain), "http://h.example/a/b");
        assert_eq!(uri(absolute, depth(2)), "http://h.example");
        assert_eq!(uri(absolute, UriOptions { path_only: true, ..plain }), "/a/b");
        assert_eq!(uri("*", UriOptions { path_only: true, ..plain }), "*");
    }

    /// As HAProxy 3.2 hashes them.
    #[test]
    fn domains() {
        for (host, expected) in [
            ("haproxy.1wt.eu", "1wt"),
            ("example.com", "example"),
            ("a.b.example.com:8080", "example"),
            ("localhost", "localhost"),
            ("localhost:80", "localhost:80"),
            ("192.168.1.2", "1"),
            ("example.com.", "com"),
            (".a.b", "a"),
            ("[::1]:80", "[::1]:80"),
            ("", ""),
        ] {
            assert_eq!(host_domain_key(host.as_bytes()), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn sources() {
        assert_eq!(source_key("127.0.0.1".parse().unwrap()), 0x7f00_0001);
        assert_eq!(source_key("2001:db8::1".parse().unwrap()), 0x2001_0db8 ^ 1);
    }
}
