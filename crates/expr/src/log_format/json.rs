//! Items as members of a JSON object (`%{+json}o`).
use std::io::Write;

use super::{Flags, Item, ItemKind};
use crate::casts;
use crate::sample::Sample;

/// Appends the key of an item; items without a name have no place in an object.
pub(super) fn key(item: &Item, first: &mut bool, out: &mut Vec<u8>) -> bool {
    let Some(name) = &item.name else { return false };
    if !std::mem::replace(first, false) {
        out.extend_from_slice(b", ");
    }
    string(name.as_bytes(), item.flags, out);
    out.extend_from_slice(b": ");
    true
}

/// Appends a value in its own type or in the one the item is forced to.
pub(super) fn sample(item: &Item, value: Option<&Sample<'_>>, out: &mut Vec<u8>) {
    let Some(value) = value else { return string(b"", item.flags, out) };
    let number = |out: &mut Vec<u8>, number: i64| {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{number}");
    };
    match (item.kind, value) {
        (Some(ItemKind::Int), value) => number(out, casts::integer(value).unwrap_or(0)),
        (Some(ItemKind::Bool), value) => boolean(casts::integer(value).unwrap_or(0) != 0, out),
        (None, Sample::Int(value)) => number(out, *value),
        (None, Sample::Bool(value)) => boolean(*value, out),
        (_, Sample::Bin(bytes)) => string(bytes, item.flags, out),
        (_, value) => string(&casts::text(value.borrowed()), item.flags, out),
    }
}

fn boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a string: printable ASCII as it is, with flag utf8 valid UTF-8 too.
pub(super) fn string(text: &[u8], flags: Flags, out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend([b'\\', character as u8]),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                ' '..='~' => out.push(character as u8),
                _ if flags.utf8 && character >= '\u{a0}' => {
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ if flags.utf8 => escape(character as u32, out),
                _ => {
                    let mut buffer = [0; 4];
                    let bytes = character.encode_utf8(&mut buffer).bytes();
                    bytes.for_each(|byte| escape(byte.into(), out));
                }
            }
        }
        chunk.invalid().iter().for_each(|byte| escape((*byte).into(), out));
    }
    out.push(b'"');
}

fn escape(code: u32, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "\\u{code:04X}");
}
