//! Field lines, shared by requests, responses and trailers.

use super::head::{Field, Head, Slice};
use super::{HeadError, Limits, Parse, Reason};
use crate::http::token::{is_ows, is_tchar, is_token};
use crate::http::{Known, scan};

/// Parses field lines from where `head` stopped. On `Complete` the head owns its bytes.
#[inline]
pub(super) fn parse_fields(
    buf: &[u8],
    limits: &Limits,
    head: &mut Head,
) -> Result<Parse, HeadError> {
    let mut at = head.progress.line;
    loop {
        let next = match buf.get(at) {
            None => return partial(buf, limits, head, at),
            Some(b'\r') => match buf.get(at + 1) {
                Some(b'\n') => return complete(buf, limits, head, at + 2),
                Some(_) => return Err(HeadError::new(Reason::BareCr, at)),
                None => return partial(buf, limits, head, at),
            },
            Some(b'\n') => return complete(buf, limits, head, at + 1),
            Some(b' ' | b'\t') => match parse_continuation(buf, at, limits.lenient, head)? {
                Some(next) => next,
                None => return partial(buf, limits, head, at),
            },
            Some(_) => match parse_field(buf, at, limits, head)? {
                Some(next) => next,
                None => return partial(buf, limits, head, at),
            },
        };
        at = next;
    }
}

/// Notes that the line at `line` is not whole, or refuses a head that has grown too large.
pub(super) fn partial(
    buf: &[u8],
    limits: &Limits,
    head: &mut Head,
    line: usize,
) -> Result<Parse, HeadError> {
    if buf.len() >= limits.head_bytes() {
        return Err(too_large(limits, head));
    }
    head.progress.line = line;
    // Behind the colon only a control character can end or spoil the line; before it, and in the
    // start line, any byte can be wrong and is to be refused at once. A final CR must be looked at
    // again together with what follows it.
    let in_value = head.progress.in_fields && scan::colon(buf, line) < buf.len();
    let settled = buf.len() - usize::from(buf.last() == Some(&b'\r'));
    head.progress.seen = if in_value { settled } else { 0 };
    Ok(Parse::Partial)
}

#[cold]
fn too_large(limits: &Limits, head: &Head) -> HeadError {
    let limit = limits.head_bytes();
    let line_fits = head.progress.in_fields && head.line.target.end() <= limit;
    let reason =
        if line_fits || head.line.response { Reason::TooLarge } else { Reason::TargetTooLong };
    HeadError::new(reason, limit)
}

/// Whether the bytes that came since the last call cannot end the line that was not whole; then
/// nothing needs to be parsed again.
#[inline]
pub(super) fn nothing_new(buf: &[u8], head: &Head) -> bool {
    let mut at = head.progress.seen;
    if at == 0 {
        return false;
    }
    loop {
        at = scan::control(buf, at);
        if buf.get(at) != Some(&b'\t') {
            return at >= buf.len();
        }
        at += 1;
    }
}

fn complete(
    buf: &[u8],
    limits: &Limits,
    head: &mut Head,
    head_len: usize,
) -> Result<Parse, HeadError> {
    if head_len > limits.head_bytes() {
        return Err(too_large(limits, head));
    }
    head.raw.clear();
    head.raw.extend_from_slice(buf.get(..head_len).unwrap_or_default());
    head.added_limit = limits.added_bytes.min(Limits::MAX_BYTES);
    let folded = if head.progress.folded { head.fields.as_slice() } else { &[] };
    for field in folded.iter().filter(|f| f.folded) {
        let value = head.raw.get_mut(field.value.start()..field.value.end()).unwrap_or_default();
        for byte in value.iter_mut().filter(|b| matches!(b, b'\r' | b'\n')) {
            *byte = b' ';
        }
    }
    Ok(Parse::Complete { head_len })
}

/// Takes the field line at `start` into the head; gives the start of the next line, none when the
/// line is not whole.
#[inline(always)]
fn parse_field(
    buf: &[u8],
    start: usize,
    limits: &Limits,
    head: &mut Head,
) -> Result<Option<usize>, HeadError> {
    let colon = scan::colon(buf, start);
    let known = Known::from_buffer(buf, start, colon);
    if known == Known::Other && !is_token(buf.get(start..colon).unwrap_or_default()) {
        return no_name(buf, start, colon, limits.lenient);
    }
    // Nearly every line came as it is written: `name: value CR LF`.
    if let Some([b':', b' ', first]) = buf.get(colon..).and_then(<[u8]>::first_chunk)
        && !is_ows(*first)
    {
        let end = scan::control(buf, colon + 2);
        if let Some([last, b'\r', b'\n']) = buf.get(end - 1..).and_then(<[u8]>::first_chunk)
            && !is_ows(*last)
        {
            let name = Slice::received(start, colon);
            let value = Slice::received(colon + 2, end);
            let field = Field { name, value, known, clean: true, folded: false };
            push(head, limits, field)?;
            return Ok(Some(end + 2));
        }
    }
    let Some((field, next)) = parse_untidy(buf, start, colon, known, limits.lenient)? else {
        return Ok(None);
    };
    push(head, limits, field)?;
    Ok(Some(next))
}

#[inline(always)]
fn push(head: &mut Head, limits: &Limits, field: Field) -> Result<(), HeadError> {
    if head.fields.len() + 1 >= limits.fields {
        return Err(HeadError::new(Reason::TooManyFields, field.name.start()));
    }
    head.present = head.present.with(field.known);
    head.fields.push(field);
    Ok(())
}

/// A name that is none, or of which more is to come.
#[cold]
fn no_name(
    buf: &[u8],
    start: usize,
    colon: usize,
    lenient: bool,
) -> Result<Option<usize>, HeadError> {
    let name = buf.get(start..colon).unwrap_or_default();
    let is_bad = |b: &u8| if lenient { matches!(b, b'\r' | b'\n') } else { !is_tchar(*b) };
    match name.iter().position(is_bad) {
        None if colon >= buf.len() => Ok(None),
        None if lenient && !name.is_empty() => dropped_line(buf, colon + 1),
        bad => Err(HeadError::new(Reason::FieldName, start + bad.unwrap_or_default())),
    }
}

/// Where the line after a field begins that nobody is to see, its continuations included; none
/// while it is not clear that there are no more of them.
fn dropped_line(buf: &[u8], mut from: usize) -> Result<Option<usize>, HeadError> {
    loop {
        let Some((_, next)) = value_end(buf, from, true)? else { return Ok(None) };
        match buf.get(next) {
            Some(b' ' | b'\t') => from = next,
            Some(_) => return Ok(Some(next)),
            None => return Ok(None),
        }
    }
}

/// As [`line_end`]; with `lenient` a value may hold control characters.
fn value_end(
    buf: &[u8],
    mut from: usize,
    lenient: bool,
) -> Result<Option<(usize, usize)>, HeadError> {
    loop {
        match line_end(buf, from) {
            Err(HeadError { reason: Reason::Control, at }) if lenient => from = at + 1,
            other => return other,
        }
    }
}

/// The rest of a line in any form that is allowed, or only a part of a line.
#[cold]
fn parse_untidy(
    buf: &[u8],
    start: usize,
    colon: usize,
    known: Known,
    lenient: bool,
) -> Result<Option<(Field, usize)>, HeadError> {
    if colon >= buf.len() {
        return Ok(None);
    }
    let mut from = colon + 1;
    while buf.get(from).is_some_and(|&b| is_ows(b)) {
        from += 1;
    }
    let Some((end, next)) = value_end(buf, from, lenient)? else { return Ok(None) };
    let to = trim_end(buf, from, end);
    // `name: CR LF` without a value is written as it came, too.
    let clean =
        from == colon + 2 && to == end && next == end + 2 && buf.get(colon + 1) == Some(&b' ');
    let field = Field {
        name: Slice::received(start, colon),
        value: Slice::received(from, to),
        known,
        clean,
        folded: false,
    };
    Ok(Some((field, next)))
}

/// Joins a line that begins with white space (obs-fold) to the field before it; gives the start of
/// the next line.
#[cold]
fn parse_continuation(
    buf: &[u8],
    start: usize,
    lenient: bool,
    head: &mut Head,
) -> Result<Option<usize>, HeadError> {
    let mut from = start;
    while buf.get(from).is_some_and(|&b| is_ows(b)) {
        from += 1;
    }
    let Some((end, next)) = value_end(buf, from, lenient)? else { return Ok(None) };
    let Some(field) = head.fields.last_mut() else {
        return Err(HeadError::new(Reason::LeadingSpace, start));
    };
    let to = trim_end(buf, from, end);
    field.clean = false;
    if to > from {
        let first = if field.value.is_empty() { from } else { field.value.start() };
        field.value = Slice::received(first, to);
        field.folded = true;
        head.progress.folded = true;
    }
    Ok(Some(next))
}

/// End of the line that `from` is in and start of the next one; none when it is not whole.
#[inline]
pub(super) fn line_end(buf: &[u8], from: usize) -> Result<Option<(usize, usize)>, HeadError> {
    let mut at = from;
    loop {
        at = scan::control(buf, at);
        return match buf.get(at) {
            None => Ok(None),
            Some(b'\r') => match buf.get(at + 1) {
                Some(b'\n') => Ok(Some((at, at + 2))),
                Some(_) => Err(HeadError::new(Reason::BareCr, at)),
                None => Ok(None),
            },
            Some(b'\n') => Ok(Some((at, at + 1))),
            Some(b'\t') => {
                at += 1;
                continue;
            }
            Some(_) => Err(HeadError::new(Reason::Control, at)),
        };
    }
}

#[inline]
fn trim_end(buf: &[u8], from: usize, mut end: usize) -> usize {
    while end > from && buf.get(end - 1).is_some_and(|&b| is_ows(b)) {
        end -= 1;
    }
    end
}
