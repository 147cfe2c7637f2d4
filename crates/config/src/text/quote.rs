//! Values as words of a configuration line: what the cutter gives back is what went in.

use std::fmt::Write;

/// A word that stands for these bytes and for nothing else, in HAProxy's quoting (manual 2.2).
#[must_use]
pub fn quote(value: &[u8]) -> String {
    let special = |b: &u8| matches!(b, b' ' | b'#' | b'"' | b'\\');
    match std::str::from_utf8(value) {
        Ok("") => "\"\"".to_owned(),
        Ok(text) if value.iter().any(|b| b.is_ascii_control() || *b == b'\'') => escaped(text),
        Ok(text) if value.iter().any(special) => format!("'{text}'"),
        Ok(text) => text.to_owned(),
        Err(_) => value.utf8_chunks().fold(String::new(), |mut out, chunk| {
            out.push_str(&escaped(chunk.valid()));
            for byte in chunk.invalid() {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
            out
        }),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            ' ' | '#' | '"' | '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_they_must_be() {
        for (value, word) in [
            (&b""[..], "\"\""),
            (b"plain$1", "plain$1"),
            (b"two words", "'two words'"),
            (b"it's two", "it\\'s\\ two"),
            (b"a\r\nb", "a\\r\\nb"),
            (b"\xff x", "\\xff\\ x"),
            (b"\x00'", "\\x00\\'"),
        ] {
            assert_eq!(quote(value), word);
        }
    }
}
