//! Character classes of HTTP as one lookup table, and the checks built on it.

const TCHAR: u8 = 1;
const TARGET: u8 = 2;
const VALUE: u8 = 4;
const DIGIT: u8 = 8;
const HOST: u8 = 16;
const NAME: u8 = 32;

const fn class(byte: u8) -> u8 {
    let mut class = 0;
    if byte.is_ascii_alphanumeric() {
        class |= TCHAR;
    }
    if matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) {
        class |= TCHAR;
    }
    if byte > b' ' && byte < 0x7f && byte != b'#' {
        class |= TARGET;
    }
    if byte > b' ' && byte < 0x7f && !matches!(byte, b',' | b'/' | b'?' | b'#' | b'@' | b'\\') {
        class |= HOST;
    }
    if class & HOST != 0 && !matches!(byte, b'[' | b']') {
        class |= NAME;
    }
    if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
        class |= VALUE;
    }
    if byte.is_ascii_digit() {
        class |= DIGIT;
    }
    class
}

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = class(i as u8);
        i += 1;
    }
    table
};

#[inline]
fn all(bytes: &[u8], wanted: u8) -> bool {
    // To the end whatever is found: nearly always everything is right, and a branch per byte is
    // what would cost.
    bytes.iter().fold(wanted, |all, &b| all & CLASS[b as usize]) != 0
}

/// Whether `byte` may stand in a token (RFC 9110 section 5.6.2).
#[must_use]
#[inline]
pub fn is_tchar(byte: u8) -> bool {
    CLASS[byte as usize] & TCHAR != 0
}

/// Whether `bytes` is a token: at least one character, all of them tchars.
#[must_use]
#[inline]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TCHAR)
}

/// Whether every byte may stand in a request target: visible ASCII without `#`.
#[must_use]
pub fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TARGET)
}

/// Whether every byte may stand in a field value: no control character except the tab
/// (RFC 9110 section 5.5).
#[must_use]
pub fn is_field_value(bytes: &[u8]) -> bool {
    all(bytes, VALUE)
}

/// Whether `bytes` is one or more decimal digits.
#[must_use]
pub fn is_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, DIGIT)
}

/// Whether `bytes` can be a host with or without port: visible ASCII without what would end it or
/// give it another meaning elsewhere, brackets only around an address at its start. It may be empty
/// (RFC 9110 section 7.2).
#[must_use]
pub fn is_host(bytes: &[u8]) -> bool {
    if all(bytes, NAME) {
        return true;
    }
    if !all(bytes, HOST) {
        return false;
    }
    let name = match bytes {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&b| b == b']') else { return false };
            match rest.split_at_checked(end + 1) {
                Some((_, [] | [b':', ..])) => rest.get(end + 1..).unwrap_or_default(),
                _ => return false,
            }
        }
        _ => bytes,
    };
    !name.iter().any(|b| matches!(b, b'[' | b']'))
}

/// Whether `byte` is optional white space: a space or a tab.
#[must_use]
#[inline]
pub const fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `bytes` without spaces and tabs at either end.
#[must_use]
pub fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The items of a comma-separated list (RFC 9110 section 5.6.1), white space trimmed. Commas inside
/// quoted strings do not separate. Empty items are given as empty slices.
#[must_use]
pub const fn list_items(value: &[u8]) -> ListItems<'_> {
    ListItems { rest: Some(value) }
}

/// Iterator of [`list_items`].
#[derive(Clone, Debug)]
pub struct ListItems<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for ListItems<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut quoted = false;
        let mut escaped = false;
        let comma = rest.iter().position(|&b| {
            match b {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b',' if !quoted => return true,
                _ => {}
            }
            false
        });
        let item = match comma.and_then(|at| rest.split_at_checked(at)) {
            Some((item, tail)) => {
                self.rest = tail.get(1..);
                item
            }
            None => {
                self.rest = None;
                rest
            }
        };
        Some(trim_ows(item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_items_respect_quotes_and_keep_empty_ones() {
        let items = |v: &'static str| -> Vec<&str> {
            list_items(v.as_bytes()).map(|i| std::str::from_utf8(i).unwrap()).collect()
        };
        assert_eq!(items("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(items("a=\"x,\\\",y\", b"), ["a=\"x,\\\",y\"", "b"]);
        assert_eq!(items(",a,"), ["", "a", ""]);
        assert_eq!(items(""), [""]);
    }

    #[test]
    fn classes_follow_the_grammar() {
        assert!(is_token(b"X-a_1!") && !is_token(b"") && !is_token(b"a b") && !is_token(b"a:"));
        assert!(is_target(b"/a?b") && !is_target(b"/a#b") && !is_target(b"/\x80"));
        assert!(is_field_value(b"a\tb\xff") && !is_field_value(b"a\0") && !is_field_value(b"\x7f"));
        assert!(is_digits(b"012") && !is_digits(b"") && !is_digits(b"+1"));
    }
}
