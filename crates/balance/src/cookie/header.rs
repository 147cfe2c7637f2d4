//! Cookies in a `Cookie` header: where each name and value begins and ends.

use std::ops::Range;

/// One cookie with a value, as positions in the header's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Name.
    pub(crate) name: Range<usize>,
    /// Value, quotes included.
    pub(crate) value: Range<usize>,
    /// Everything between two separators.
    pub(crate) whole: Range<usize>,
}

/// Splits at semicolons (and commas, the old separator) outside of quotes. Parts without an
/// equals sign come with an empty name.
pub(crate) fn parts(text: &[u8]) -> impl Iterator<Item = Part> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at > text.len() {
            return None;
        }
        let start = at;
        let end = start + end_of_part(&text[start..]);
        at = end + 1;
        let equals = text[start..end].iter().position(|&b| b == b'=').map(|i| start + i);
        let (name, value) = match equals {
            Some(e) => (trimmed(text, start..e), trimmed(text, e + 1..end)),
            None => (start..start, trimmed(text, start..end)),
        };
        Some(Part { name, value, whole: start..end })
    })
}

fn end_of_part(text: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (i, &b) in text.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

fn trimmed(text: &[u8], mut range: Range<usize>) -> Range<usize> {
    let blank = |b: u8| b == b' ' || b == b'\t';
    while range.start < range.end && blank(text[range.start]) {
        range.start += 1;
    }
    while range.start < range.end && blank(text[range.end - 1]) {
        range.end -= 1;
    }
    range
}
