//! The status line.

use super::fields::{line_end, nothing_new, parse_fields, partial};
use super::head::{Head, Slice};
use super::parse_request::skip_empty_lines;
use super::{HeadError, Limits, Parse, Reason, framing};
use crate::http::Version;
use crate::http::token::{is_ows, trim_ows};

/// Parses the head of a response at the start of `buf`, under the same rules as
/// [`parse_request`](super::parse_request).
///
/// # Errors
/// What RFC 9112 calls malformed; see [`Reason`]. Towards the client it is always a 502.
pub fn parse_response(buf: &[u8], limits: &Limits, head: &mut Head) -> Result<Parse, HeadError> {
    head.line.response = true;
    if nothing_new(buf, head) {
        return partial(buf, limits, head, head.progress.line);
    }
    if !head.progress.in_fields {
        let start = skip_empty_lines(buf, head.progress.line)?;
        match parse_status_line(buf, start, limits.lenient, head)? {
            Some(next) => {
                head.progress.in_fields = true;
                head.progress.line = next;
            }
            None => return partial(buf, limits, head, start),
        }
    }
    let parsed = parse_fields(buf, limits, head)?;
    if parsed != Parse::Partial {
        framing::settle(head);
    }
    Ok(parsed)
}

/// Parses the status line at `start`; gives the start of the next line, or none when the line is
/// not whole.
fn parse_status_line(
    buf: &[u8],
    start: usize,
    lenient: bool,
    head: &mut Head,
) -> Result<Option<usize>, HeadError> {
    let bad = |reason, at| Err(HeadError::new(reason, at));
    let rest = buf.get(start..).unwrap_or_default();
    if rest == b"\r" {
        return Ok(None);
    }
    // A peer that does not speak HTTP is known by its first bytes.
    if let Some(at) = rest.iter().zip(b"HTTP/").position(|(a, b)| a != b) {
        return bad(Reason::Version, start + at);
    }
    let Some((end, next)) = line_end(buf, start)? else { return Ok(None) };
    let line = buf.get(start..end).unwrap_or_default();
    let Some(version) = line.get(..8).and_then(Version::parse) else {
        return bad(Reason::Version, start);
    };
    let after = line.get(8..).unwrap_or_default();
    let spaces = after.iter().take_while(|&&b| is_ows(b)).count();
    let status_at = 8 + spaces;
    let most = if lenient { MAX_DIGITS } else { 3 };
    let (status, digits) = number(line.get(status_at..).unwrap_or_default(), most);
    let Some(status) = status.filter(|_| digits >= 3 && spaces > 0) else {
        return bad(Reason::Status, start + status_at);
    };
    let tail = line.get(status_at + digits..).unwrap_or_default();
    if tail.first().is_some_and(|&b| !is_ows(b)) {
        return bad(Reason::Status, start + status_at + digits);
    }
    let reason = trim_ows(tail);
    let skipped = tail.iter().take_while(|&&b| is_ows(b)).count();
    let reason_at = start + status_at + digits + if reason.is_empty() { 0 } else { skipped };
    head.line.version = version;
    head.line.status = status;
    head.line.reason = Slice::received(reason_at, reason_at + reason.len());
    head.line.clean = spaces == 1
        && digits == 3
        && after.first() == Some(&b' ')
        && tail.first() == Some(&b' ')
        && skipped == 1
        && tail.len() == reason.len() + 1
        && !reason.is_empty()
        && next == end + 2
        && line.get(..8) == Some(version.as_bytes());
    Ok(Some(next))
}

/// Digits of the longest status.
const MAX_DIGITS: usize = 5;

/// The number at the start of a text, without zeros before it and of at most so many digits, and
/// how many digits it has.
fn number(text: &[u8], most: usize) -> (Option<u16>, usize) {
    let digits = text.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    let add = |n: u16, b: &u8| n.checked_mul(10)?.checked_add(u16::from(b & 15));
    let number = text.get(..digits).unwrap_or_default().iter().try_fold(0, add);
    (number.filter(|_| text.first() != Some(&b'0')), digits)
}
