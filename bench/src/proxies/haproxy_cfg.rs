//! The haproxy.cfg that HAProxy and evenkeel are given, the same file for both.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::Features;

/// Connections a proxy must be able to hold; more than any scenario opens.
pub const CONNECTIONS_MAX: usize = 10_500;

/// One frontend on `bind`, one backend with all of `servers`.
#[must_use]
pub fn small(
    bind: SocketAddr,
    statistics: SocketAddr,
    servers: &[SocketAddr],
    f: Features,
) -> String {
    let mut text = preamble(f);
    let _ = write!(text, "\nfrontend www\n    bind {bind}\n    default_backend app\n");
    let _ = write!(text, "\nbackend app\n    balance roundrobin\n");
    for (number, address) in servers.iter().enumerate() {
        let check = if f.checks { " check inter 1s" } else { "" };
        let _ = writeln!(text, "    server b{number} {address}{check}");
    }
    if f.statistics {
        let _ = write!(text, "\nlisten statistics\n    bind {statistics}\n");
        text.push_str("    stats enable\n    stats uri /\n");
    }
    text
}

/// `backends` backends of `each` servers chosen by host name, and `probe.test`, whose only server
/// is `probe`: what changes from one configuration to the next.
#[must_use]
pub fn large(
    bind: SocketAddr,
    servers: &[SocketAddr],
    (backends, each): (usize, usize),
    probe: SocketAddr,
) -> String {
    let mut text = preamble(Features::default());
    let _ = write!(text, "\nfrontend www\n    bind {bind}\n");
    text.push_str("    use_backend probe if { hdr(host) -i probe.test }\n");
    for backend in 0..backends {
        let _ =
            writeln!(text, "    use_backend app{backend} if {{ hdr(host) -i app{backend}.test }}");
    }
    let _ = write!(text, "\nbackend probe\n    server probe {probe}\n");
    for backend in 0..backends {
        let _ = write!(text, "\nbackend app{backend}\n    balance roundrobin\n");
        for (number, address) in servers.iter().cycle().take(each).enumerate() {
            let _ = writeln!(text, "    server s{number} {address}");
        }
    }
    text
}

fn preamble(f: Features) -> String {
    // Without this HAProxy counts two descriptors for each of its connections and refuses to start.
    let limits = format!("    maxconn {CONNECTIONS_MAX}\n    no strict-limits\n");
    let workers = format!("    nbthread {}\n", f.workers);
    let forwarded_for = if f.forwarded_for { "    option forwardfor\n" } else { "" };
    let reuse = if f.reuse_always { "    http-reuse always\n" } else { "" };
    format!(
        "global\n{limits}{workers}\ndefaults\n    mode http\n    maxconn {CONNECTIONS_MAX}\n\
         \x20   timeout connect 5s\n    timeout client 5m\n    timeout server 5m\n\
         \x20   timeout http-keep-alive 5m\n{forwarded_for}{reuse}"
    )
}

#[cfg(test)]
mod tests {
    use super::{large, small};
    use crate::proxies::Features;

    #[test]
    fn features_are_lines() {
        let address = "127.0.0.1:80".parse().expect("address");
        let all = small(address, address, &[address; 4], Features::default());
        for line in
            ["option forwardfor", "nbthread 1", "stats enable", "server b3 127.0.0.1:80 check"]
        {
            assert!(all.contains(line), "{line} is missing:\n{all}");
        }
        let off = Features {
            forwarded_for: false,
            checks: false,
            statistics: false,
            ..Features::default()
        };
        let none = small(address, address, &[address], off);
        assert!(!none.contains("forwardfor") && !none.contains("check") && !none.contains("stats"));
    }

    #[test]
    fn a_large_file_has_all_its_servers() {
        let address = "127.0.0.1:80".parse().expect("address");
        let text = large(address, &[address; 4], (1000, 10), address);
        assert_eq!(text.matches("\n    server ").count(), 10_001);
        assert_eq!(text.matches("\nbackend ").count(), 1_001);
    }
}
