//! The request line and its target.

use super::fields::{line_end, nothing_new, parse_fields, partial};
use super::head::{Head, Slice, TargetKind};
use super::host::settle_host;
use super::{HeadError, Limits, Parse, Reason, framing};
use crate::http::token::{is_digits, is_host, is_ows, is_tchar};
use crate::http::{Known, Method, Version, scan};

/// Parses the head of a request at the start of `buf`.
///
/// `head` must be clear on the first call for a message. After [`Parse::Partial`] call again with
/// the same `head` and a buffer that begins with the same bytes. After an error the head's content
/// is meaningless; clear it.
///
/// # Errors
/// What RFC 9112 calls malformed; see [`Reason`].
pub fn parse_request(buf: &[u8], limits: &Limits, head: &mut Head) -> Result<Parse, HeadError> {
    if nothing_new(buf, head) {
        return partial(buf, limits, head, head.progress.line);
    }
    if !head.progress.in_fields {
        let start = skip_empty_lines(buf, head.progress.line)?;
        match parse_request_line(buf, start, limits.lenient, head)? {
            Some(next) => {
                head.progress.in_fields = true;
                head.progress.line = next;
            }
            None => return partial(buf, limits, head, start),
        }
    }
    let parsed = parse_fields(buf, limits, head)?;
    if parsed != Parse::Partial {
        settle_host(head, limits.lenient)?;
        framing::settle(head);
        let websocket = head.has(Known::Upgrade) && !limits.lenient;
        if websocket && !framing::websocket_key_valid(head) {
            return Err(HeadError::new(Reason::WebSocketKey, 0));
        }
    }
    Ok(parsed)
}

/// Skips empty lines before a message (RFC 9112 section 2.2).
pub(super) fn skip_empty_lines(buf: &[u8], mut at: usize) -> Result<usize, HeadError> {
    loop {
        match (buf.get(at), buf.get(at + 1)) {
            (Some(b'\n'), _) => at += 1,
            (Some(b'\r'), Some(b'\n')) => at += 2,
            (Some(b'\r'), Some(_)) => return Err(HeadError::new(Reason::BareCr, at)),
            _ => return Ok(at),
        }
    }
}

/// Parses the request line at `start`; gives the start of the next line, or none when the line is
/// not whole.
fn parse_request_line(
    buf: &[u8],
    start: usize,
    lenient: bool,
    head: &mut Head,
) -> Result<Option<usize>, HeadError> {
    let rest = buf.get(start..).unwrap_or_default();
    let Some(len) = rest.iter().position(|&b| !is_tchar(b)) else { return Ok(None) };
    let method_end = start + len;
    let bad = |reason, at| Err(HeadError::new(reason, at));
    match buf.get(method_end) {
        Some(b' ' | b'\t') if len > 0 => {}
        Some(b'\r') if buf.len() == method_end + 1 && len == 0 => return Ok(None),
        _ => return bad(Reason::Method, method_end),
    }
    let target_start = skip_ows(buf, method_end);
    let mut target_end = scan::target_end(buf, target_start);
    while lenient && target_end > target_start && buf.get(target_end).is_some_and(|b| *b > 127) {
        target_end = scan::target_end(buf, target_end + 1);
    }
    match buf.get(target_end) {
        None => return Ok(None),
        Some(b' ' | b'\t') if target_end > target_start => {}
        Some(b'\r' | b'\n') if target_end > target_start => {
            return bad(Reason::Version, target_end);
        }
        Some(_) => return bad(Reason::Target, target_end),
    }
    let version_start = skip_ows(buf, target_end);
    let Some((version_end, next)) = line_end(buf, version_start)? else { return Ok(None) };
    let version_bytes = buf.get(version_start..version_end).unwrap_or_default();
    let Some(version) = Version::parse(version_bytes) else {
        return bad(Reason::Version, version_start);
    };
    let line = &mut head.line;
    line.response = false;
    line.version = version;
    line.method = Method::from_bytes(buf.get(start..method_end).unwrap_or_default());
    line.method_bytes = Slice::received(start, method_end);
    line.clean = target_start == method_end + 1
        && version_start == target_end + 1
        && next == version_end + 2
        && buf.get(method_end) == Some(&b' ')
        && buf.get(target_end) == Some(&b' ')
        && version_bytes == version.as_bytes();
    let target = buf.get(target_start..target_end).unwrap_or_default();
    let Some(parts) = Target::parse(target, line.method, lenient) else {
        return bad(Reason::Target, target_start);
    };
    parts.store(Slice::received(target_start, target_end), line);
    Ok(Some(next))
}

fn skip_ows(buf: &[u8], mut at: usize) -> usize {
    while buf.get(at).is_some_and(|&b| is_ows(b)) {
        at += 1;
    }
    at
}

/// A target taken apart; offsets are within it.
pub(super) struct Target {
    kind: TargetKind,
    authority: (usize, usize),
    path: (usize, usize),
    query: Option<usize>,
}

impl Target {
    /// Takes apart a target whose bytes are all visible; none when it has no known form. A fragment
    /// belongs to what it stands behind, where `lenient` takes any.
    #[inline]
    pub(super) fn parse(target: &[u8], method: Method, lenient: bool) -> Option<Self> {
        let mut parts =
            Self { kind: TargetKind::Origin, authority: (0, 0), path: (0, 0), query: None };
        if method == Method::Connect {
            parts.kind = TargetKind::Authority;
            parts.authority.1 = target.len();
            let fits = is_connect_target(target) || lenient && is_authority(target);
            return fits.then_some(parts);
        }
        match target {
            [b'/', ..] => {}
            b"*" if method == Method::Options => {
                parts.kind = TargetKind::Asterisk;
                parts.path.1 = 1;
                return Some(parts);
            }
            _ => {
                parts.kind = TargetKind::Absolute;
                parts.authority = absolute_authority(target)?;
            }
        }
        let from = parts.authority.1;
        let mut end = scan::query_start(target, from);
        if lenient {
            while target.get(end) == Some(&b'#') {
                end = scan::query_start(target, end + 1);
            }
        }
        parts.path = (from, end);
        match target.get(end) {
            Some(b'?') => {
                let query = target.get(end + 1..)?;
                if query.contains(&b'#') && !lenient {
                    return None;
                }
                parts.query = Some(end + 1);
            }
            Some(_) => return None,
            None => {}
        }
        Some(parts)
    }

    /// Notes the parts of `target` in the start line.
    #[inline]
    pub(super) fn store(&self, target: Slice, line: &mut super::head::StartLine) {
        line.target = target;
        line.target_kind = self.kind;
        line.authority = target.part(self.authority.0, self.authority.1);
        line.path = target.part(self.path.0, self.path.1);
        line.query = self.query.map(|from| target.part(from, target.len()));
    }
}

/// Where the authority of an absolute target begins and ends.
fn absolute_authority(target: &[u8]) -> Option<(usize, usize)> {
    let scheme = target.iter().position(|&b| b == b':')?;
    let name = target.get(..scheme)?;
    let valid = name.first()?.is_ascii_alphabetic()
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !valid || target.get(scheme..scheme + 3)? != b"://" {
        return None;
    }
    let start = scheme + 3;
    let rest = target.get(start..)?;
    let len = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    is_authority(rest.get(..len)?).then_some((start, start + len))
}

/// Whether `bytes` can be an authority: a host that is not empty, user information before it.
fn is_authority(bytes: &[u8]) -> bool {
    let host = bytes.rsplit(|&b| b == b'@').next().unwrap_or_default();
    let user = bytes.get(..bytes.len() - host.len()).unwrap_or_default();
    // HAProxy takes an empty host only behind user information; here it is refused.
    !host.is_empty() && is_host(host) && !user.iter().any(|b| matches!(b, b'\\' | b','))
}

/// Whether `bytes` is `host:port` (RFC 9110 section 9.3.6).
fn is_connect_target(bytes: &[u8]) -> bool {
    let Some(colon) = bytes.iter().rposition(|&b| b == b':') else { return false };
    bytes.get(colon + 1..).is_some_and(is_digits) && bytes.get(..colon).is_some_and(is_authority)
}
