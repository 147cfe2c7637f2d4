//! Addresses as words: of binds, servers, logs and sources (manual 4.2 `bind`, 5.2, 11.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest abstract socket name, in bytes.
const MAX_ABSTRACT: usize = 107;
/// Longest path of a unix socket, in bytes (the kernel has 108 with the final NUL).
const MAX_UNIX_PATH: usize = 107;

/// An address as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written<'t> {
    /// Host and port.
    Inet {
        /// Host.
        host: WrittenHost<'t>,
        /// Port.
        ports: Ports,
    },
    /// A path.
    Unix(&'t str),
    /// `abns@`.
    Abstract(&'t str),
    /// `abnsz@`.
    AbstractZ(&'t str),
    /// `fd@`.
    Fd(i32),
}

/// A host as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenHost<'t> {
    /// A literal address, or the wildcard of a family.
    Ip(IpAddr),
    /// A name.
    Name(&'t str),
    /// Nothing before the colon, no family given.
    Empty,
}

/// Ports as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// None.
    Absent,
    /// One.
    One(u16),
    /// From, to; both included.
    Range(u16, u16),
    /// `+n` or `-n`.
    Offset(i32),
}

/// What is wrong with an address and where in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadAddress {
    /// Offset of the offending part, in bytes.
    pub at: usize,
    /// Why.
    pub reason: String,
}

fn bad<T>(at: usize, reason: impl Into<String>) -> Result<T, BadAddress> {
    Err(BadAddress { at, reason: reason.into() })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Any,
    V4,
    V6,
}

/// Reads one address.
pub(crate) fn parse(text: &str) -> Result<Written<'_>, BadAddress> {
    if text.starts_with('/') {
        return unix(text, 0);
    }
    let (prefix, rest) = match text.split_once('@') {
        Some((prefix, rest)) => (Some(prefix), rest),
        None => (None, text),
    };
    let at = text.len() - rest.len();
    let family = match prefix {
        None | Some("tcp") => Family::Any,
        Some("ipv4" | "tcp4") => Family::V4,
        Some("ipv6" | "tcp6") => Family::V6,
        Some("unix" | "stream+unix" | "uxst") => return unix(rest, at),
        Some("abns") => return abstract_name(rest, at).map(Written::Abstract),
        Some("abnsz") => return abstract_name(rest, at).map(Written::AbstractZ),
        Some("fd") => return fd(rest, at),
        Some("stream+ipv4") => Family::V4,
        Some("stream+ipv6") => Family::V6,
        Some("udp" | "udp4" | "udp6" | "dgram+ipv4" | "dgram+ipv6" | "dgram+unix" | "dgram+fd") => {
            return bad(0, "a datagram address cannot stand here");
        }
        Some(
            other @ ("sockpair" | "quic4" | "quic6" | "rhttp" | "mptcp" | "mptcp4" | "mptcp6"),
        ) => {
            return bad(0, format!("'{other}@' addresses are not supported yet"));
        }
        Some(other) => return bad(0, format!("unknown address family '{other}@'")),
    };
    inet(rest, at, family)
}

fn unix(path: &str, at: usize) -> Result<Written<'_>, BadAddress> {
    match path.len() {
        0 => bad(at, "the path of the unix socket is missing"),
        1..=MAX_UNIX_PATH => Ok(Written::Unix(path)),
        _ => bad(at, format!("the path is longer than {MAX_UNIX_PATH} bytes")),
    }
}

fn abstract_name(name: &str, at: usize) -> Result<&str, BadAddress> {
    match name.len() {
        0 => bad(at, "the name of the abstract socket is missing"),
        1..=MAX_ABSTRACT => Ok(name),
        _ => bad(at, format!("the name is longer than {MAX_ABSTRACT} bytes")),
    }
}

fn fd(number: &str, at: usize) -> Result<Written<'_>, BadAddress> {
    match number.parse::<i32>() {
        Ok(fd) if fd >= 0 => Ok(Written::Fd(fd)),
        _ => bad(at, format!("'fd@' expects the number of a descriptor, not '{number}'")),
    }
}

fn inet(text: &str, at: usize, family: Family) -> Result<Written<'_>, BadAddress> {
    let (host, port, port_at) = split(text, at)?;
    let ports = match port {
        None => Ports::Absent,
        Some(port) => ports(port, port_at)?,
    };
    let wrong = |kind: &str| bad(at, format!("'{host}' is not an {kind} address"));
    let literal = host.parse::<IpAddr>().ok();
    let host = match (host, family, literal) {
        ("" | "*", Family::V6, _) => WrittenHost::Ip(Ipv6Addr::UNSPECIFIED.into()),
        ("*", _, _) | ("", Family::V4, _) => WrittenHost::Ip(Ipv4Addr::UNSPECIFIED.into()),
        ("", ..) => WrittenHost::Empty,
        (_, Family::V4, Some(IpAddr::V6(_))) => return wrong("IPv4"),
        (_, Family::V6, Some(IpAddr::V4(_))) => return wrong("IPv6"),
        (.., Some(ip)) => WrittenHost::Ip(ip),
        (name, ..) => host_name(name, at)?,
    };
    Ok(Written::Inet { host, ports })
}

/// Host and port text; IPv6 without brackets ends at the last colon.
fn split(text: &str, at: usize) -> Result<(&str, Option<&str>, usize), BadAddress> {
    if let Some(inner) = text.strip_prefix('[') {
        let Some((host, rest)) = inner.split_once(']') else {
            return bad(at, "the closing ']' is missing");
        };
        let rest_at = at + host.len() + 2;
        if host.parse::<Ipv6Addr>().is_err() {
            return bad(at + 1, format!("'{host}' is not an IPv6 address"));
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port), rest_at + 1)),
            None if rest.is_empty() => Ok((host, None, rest_at)),
            None => bad(rest_at, "only ':' and a port may follow ']'"),
        };
    }
    match text.rsplit_once(':') {
        None => Ok((text, None, at + text.len())),
        Some((host, _))
            if host.ends_with(':') && host != "::" && text.parse::<Ipv6Addr>().is_ok() =>
        {
            Ok((text, None, at + text.len()))
        }
        Some((":", _)) if text.parse::<Ipv6Addr>().is_ok() => Ok((text, None, at + text.len())),
        Some((host, port)) => Ok((host, Some(port), at + host.len() + 1)),
    }
}

fn ports(text: &str, at: usize) -> Result<Ports, BadAddress> {
    let number = |text: &str, at: usize| match text.parse::<u32>() {
        Ok(port @ 0..=65_535) => Ok(u16::try_from(port).unwrap_or(u16::MAX)),
        Ok(_) => bad(at, format!("port {text} is not between 0 and 65535")),
        Err(_) => bad(at, format!("'{text}' is not a port number")),
    };
    if text.is_empty() {
        return Ok(Ports::Absent);
    }
    if let Some(digits) = text.strip_prefix(['+', '-']) {
        let offset = i32::from(number(digits, at + 1)?);
        return Ok(Ports::Offset(if text.starts_with('-') { -offset } else { offset }));
    }
    match text.split_once('-') {
        None => number(text, at).map(Ports::One),
        Some((from, to)) => {
            let (first, last) = (number(from, at)?, number(to, at + from.len() + 1)?);
            match first <= last {
                true => Ok(Ports::Range(first, last)),
                false => bad(at, format!("the port range {text} goes backwards")),
            }
        }
    }
}

fn host_name(name: &str, at: usize) -> Result<WrittenHost<'_>, BadAddress> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match name.char_indices().find(|(_, c)| !fits(*c)) {
        None if name.len() <= 255 => Ok(WrittenHost::Name(name)),
        None => bad(at, "the host name is longer than 255 bytes"),
        Some((offset, c)) => {
            bad(at + offset, format!("'{name}' is no address: a host name cannot contain '{c}'"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> WrittenHost<'static> {
        WrittenHost::Ip(text.parse().expect("the test's own address"))
    }

    #[test]
    fn every_form_is_read() {
        let inet = |host, ports| Ok(Written::Inet { host, ports });
        let table = [
            ("*:80", inet(ip("0.0.0.0"), Ports::One(80))),
            (":80", inet(WrittenHost::Empty, Ports::One(80))),
            ("127.0.0.1:8000-8010", inet(ip("127.0.0.1"), Ports::Range(8000, 8010))),
            ("[::1]:443", inet(ip("::1"), Ports::One(443))),
            (":::80", inet(ip("::"), Ports::One(80))),
            ("::1:80", inet(ip("::1"), Ports::One(80))),
            ("::1", inet(ip("::1"), Ports::Absent)),
            ("ipv6@:80", inet(ip("::"), Ports::One(80))),
            ("ipv4@app:80", inet(WrittenHost::Name("app"), Ports::One(80))),
            ("app", inet(WrittenHost::Name("app"), Ports::Absent)),
            ("app:+10", inet(WrittenHost::Name("app"), Ports::Offset(10))),
            ("10.0.0.1:-1", inet(ip("10.0.0.1"), Ports::Offset(-1))),
            ("/run/x.sock", Ok(Written::Unix("/run/x.sock"))),
            ("unix@run/x", Ok(Written::Unix("run/x"))),
            ("abns@x", Ok(Written::Abstract("x"))),
            ("abnsz@x", Ok(Written::AbstractZ("x"))),
            ("fd@5", Ok(Written::Fd(5))),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_say_where_they_are() {
        let table = [
            ("1.2.3.4:x", 8),
            ("1.2.3.4:70000", 8),
            ("a b:80", 1),
            ("[::1:80", 0),
            ("[::1]80", 5),
            ("fd@x", 3),
            ("ipv4@::1:80", 5),
            ("10.0.0.1:20-10", 9),
            ("sockpair@3", 0),
            ("what@x", 0),
            ("unix@", 5),
        ];
        for (text, at) in table {
            assert_eq!(parse(text).map_err(|e| e.at), Err(at), "{text}");
        }
    }
}
