//! Which host a request is for: one answer, or the request is refused (RFC 9112 section 3.2).

use super::head::{Head, TargetKind};
use super::{HeadError, Reason};
use crate::http::token::is_host;
use crate::http::{Known, Method};

/// Refuses a request whose Host fields are malformed or differ from each other or from the target;
/// makes one of equal ones. A missing Host is accepted, as HAProxy does, and with `lenient` one
/// that differs from the target.
#[inline]
pub(super) fn settle_host(head: &mut Head, lenient: bool) -> Result<(), HeadError> {
    if head.line.target_kind == TargetKind::Absolute {
        tidy_absolute_target(head);
    }
    if !head.has(Known::Host) {
        return Ok(());
    }
    let mut hosts = head.fields.iter().filter(|f| f.known == Known::Host);
    let Some(first) = hosts.next() else { return Ok(()) };
    let host = head.bytes(first.value);
    let at = first.value.start();
    let refused = Err(HeadError::new(Reason::Host, at));
    if !is_host(host) {
        return refused;
    }
    let mut repeated = false;
    for other in hosts {
        if !head.bytes(other.value).eq_ignore_ascii_case(host) {
            return refused;
        }
        repeated = true;
    }
    let authority = head.authority();
    if !lenient && !authority.is_empty() && !same_host(host, authority, head) {
        return refused;
    }
    if repeated {
        let mut seen = false;
        head.fields.retain(|f| f.known != Known::Host || !std::mem::replace(&mut seen, true));
    }
    Ok(())
}

/// Whether Host and the authority of the target mean the same, a default port given or not.
#[cold]
fn same_host(host: &[u8], authority: &[u8], head: &Head) -> bool {
    let authority = without_userinfo(authority);
    let strip = |bytes| without_default_port(bytes, head.target(), head.method());
    host.eq_ignore_ascii_case(authority) || strip(host).eq_ignore_ascii_case(strip(authority))
}

fn without_userinfo(authority: &[u8]) -> &[u8] {
    authority.rsplit(|&b| b == b'@').next().unwrap_or(authority)
}

/// `host` without the port that the scheme of `target` implies; CONNECT has no scheme and takes
/// either.
fn without_default_port<'a>(host: &'a [u8], target: &[u8], method: Method) -> &'a [u8] {
    let begins = |scheme: &[u8]| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let connect = method == Method::Connect;
    match (host.strip_suffix(b":80"), host.strip_suffix(b":443")) {
        (Some(bare), _) if connect || begins(b"http://") => bare,
        (_, Some(bare)) if connect || begins(b"https://") => bare,
        _ => host,
    }
}

/// Gives an absolute target without path the path `/` (but OPTIONS, where it means the server as a
/// whole) and takes a default port away, as HAProxy writes them.
#[cold]
fn tidy_absolute_target(head: &mut Head) {
    let authority = head.authority();
    let bare = without_default_port(authority, head.target(), head.method());
    let no_path =
        head.path().is_empty() && head.line.query.is_none() && head.line.method != Method::Options;
    if bare.len() == authority.len() && !no_path {
        return;
    }
    let scheme = head.line.authority.start().saturating_sub(head.line.target.start());
    let after = scheme + authority.len();
    let target = head.target();
    let mut tidy = target.get(..scheme).unwrap_or_default().to_vec();
    tidy.extend_from_slice(bare);
    tidy.extend_from_slice(target.get(after..).unwrap_or_default());
    if no_path {
        tidy.push(b'/');
    }
    // It fails where rules may not add bytes; the target then stays as it was sent.
    let _ = head.set_target(&tidy);
}
