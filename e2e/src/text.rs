//! Words of case files: bare words, quoted byte strings with escapes, and generators of bytes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// Strings longer than this are shown by length and hash.
const SHOWN_BYTES: usize = 300;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// An unquoted word.
    Bare(String),
    /// A quoted string, with its escapes resolved and its `*N` applied.
    Bytes(Vec<u8>),
}

/// Splits a line into words; `"..."*3` repeats, `hello(name)` and `proxy2(src,dst)` generate.
pub fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut out = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('"') {
            let (bytes, tail) = quoted(inner)?;
            let (times, tail) = multiplier(tail)?;
            out.push(Word::Bytes(bytes.repeat(times)));
            rest = tail.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            out.push(match generated(word)? {
                Some(bytes) => Word::Bytes(bytes),
                None => Word::Bare(word.to_owned()),
            });
            rest = tail.trim_start();
        }
    }
    Ok(out)
}

/// The bytes of a line that holds nothing but strings and generators.
pub fn bytes(line: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for word in words(line)? {
        match word {
            Word::Bytes(bytes) => out.extend_from_slice(&bytes),
            Word::Bare(word) => return Err(format!("not a string: {word}")),
        }
    }
    Ok(out)
}

fn quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut out = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((out, &text[at + 1..])),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('r') => out.push(b'\r'),
                Some('n') => out.push(b'\n'),
                Some('t') => out.push(b'\t'),
                Some('0') => out.push(0),
                Some('x') => {
                    let hex: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    out.push(u8::from_str_radix(&hex, 16).map_err(|e| format!("\\x{hex}: {e}"))?);
                }
                Some(other) => out.extend_from_slice(other.to_string().as_bytes()),
                None => break,
            },
            other => out.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    Err(format!("string without end: \"{text}"))
}

fn multiplier(tail: &str) -> Result<(usize, &str), String> {
    let Some(digits) = tail.strip_prefix('*') else { return Ok((1, tail)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let times = digits[..end].parse().map_err(|e| format!("{tail}: {e}"))?;
    Ok((times, &digits[end..]))
}

fn generated(word: &str) -> Result<Option<Vec<u8>>, String> {
    let Some((name, arguments)) = word.strip_suffix(')').and_then(|w| w.split_once('(')) else {
        return Ok(None);
    };
    match name {
        "hello" => Ok(Some(client_hello(arguments))),
        "proxy2" => {
            let (source, destination) = arguments.split_once(',').ok_or("proxy2(src,dst)")?;
            let address = |text: &str| -> Result<SocketAddr, String> {
                text.parse().map_err(|e| format!("{text}: {e}"))
            };
            Ok(Some(proxy_v2(address(source)?, address(destination)?)))
        }
        "proxy2local" => Ok(Some(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00".to_vec())),
        _ => Ok(None),
    }
}

/// A TLS 1.2 ClientHello record (RFC 8446 section 4.1.2), with a server name when one is given.
pub fn client_hello(name: &str) -> Vec<u8> {
    let two = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
    let mut extensions = Vec::new();
    if !name.is_empty() {
        extensions.extend([0, 0]);
        extensions.extend(two(name.len() + 5));
        extensions.extend(two(name.len() + 3));
        extensions.push(0);
        extensions.extend(two(name.len()));
        extensions.extend(name.as_bytes());
    }
    // supported_versions: TLS 1.3 and 1.2
    extensions.extend([0, 43, 0, 5, 4, 3, 4, 3, 3]);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 2, 0x13, 0x01]);
    body.extend([1, 0]);
    body.extend(two(extensions.len()));
    body.extend(extensions);
    let mut out = vec![22, 3, 1];
    out.extend(two(body.len() + 4));
    out.extend([1, 0]);
    out.extend(two(body.len()));
    out.extend(body);
    out
}

/// A PROXY protocol version 2 header of a TCP connection over IPv4 or IPv6.
fn proxy_v2(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let mut out = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    let mut addresses = Vec::new();
    for address in [source, destination] {
        match address {
            SocketAddr::V4(v4) => addresses.extend(v4.ip().octets()),
            SocketAddr::V6(v6) => addresses.extend(v6.ip().octets()),
        }
    }
    addresses.extend(source.port().to_be_bytes());
    addresses.extend(destination.port().to_be_bytes());
    out.push(if source.is_ipv4() { 0x11 } else { 0x21 });
    out.extend(u16::try_from(addresses.len()).unwrap_or(0).to_be_bytes());
    out.extend(addresses);
    out
}

/// `250ms`, `3s`, `2m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (digits, millis) = match text {
        t if t.ends_with("ms") => (&t[..t.len() - 2], 1),
        t if t.ends_with('s') => (&t[..t.len() - 1], 1_000),
        t if t.ends_with('m') => (&t[..t.len() - 1], 60_000),
        t => return Err(format!("a duration needs a unit: {t}")),
    };
    let count: u64 = digits.parse().map_err(|e| format!("{text}: {e}"))?;
    Ok(Duration::from_millis(count * millis))
}

/// Bytes as a quoted string; long ones as their length and a hash.
pub fn show(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_BYTES {
        return format!("{} bytes, fnv {:016x}", bytes.len(), fnv(bytes));
    }
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\r' => out.push_str("\\r"),
            b'\n' => out.push_str("\\n"),
            b'"' => out.push_str("\\\""),
            b' '..=b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "\\x{other:02x}");
            }
        }
    }
    out.push('"');
    out
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_take_escapes_and_multipliers() {
        assert_eq!(bytes(r#""a\r\n" "x"*3 "\x41\"""#).unwrap(), b"a\r\nxxxA\"");
        assert!(bytes("\"open").is_err());
        assert!(bytes("bare").is_err());
    }

    #[test]
    fn a_client_hello_states_its_own_length() {
        let hello = client_hello("one.test");
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])) + 5, hello.len());
    }
}
