//! Reading an answer's head: an own reader, so that it cannot share an error with the product's.

use memchr::memmem;

/// No proxy under test sends a head this long; more is an error.
pub const HEAD_MAX: usize = 16 * 1024;

/// What the clients check in an answer's head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Bytes of the head, the empty line included.
    pub length: usize,
    /// Content-Length, when there is one.
    pub content_length: Option<u64>,
    /// Transfer-Encoding is chunked.
    pub chunked: bool,
    /// Connection says close.
    pub close: bool,
    /// The server that answered, from `X-Backend`.
    pub backend: Option<String>,
    /// The key of a WebSocket handshake, from `Sec-WebSocket-Accept`.
    pub websocket_accept: Option<String>,
    /// Bytes of request body that the server saw, from `X-Body-Length`.
    pub body_seen: Option<u64>,
}

/// Reads the head at the start of `bytes`: `None` while the empty line has not come.
///
/// # Errors
/// What is wrong with the head, in words.
pub fn parse(bytes: &[u8]) -> Result<Option<Head>, String> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > HEAD_MAX { Err("head too long".into()) } else { Ok(None) };
    };
    let (text, _) = bytes.split_at(end);
    let text = std::str::from_utf8(text).map_err(|_| "head is not text".to_owned())?;
    let (first, fields) = text.split_once("\r\n").unwrap_or((text, ""));
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| format!("no status line: {first:?}"))?;
    let mut head = Head { status, length: end + 4, ..Head::default() };
    for field in fields.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = field.split_once(':').ok_or_else(|| format!("no field: {field:?}"))?;
        take_field(&mut head, name, value.trim())?;
    }
    Ok(Some(head))
}

fn take_field(head: &mut Head, name: &str, value: &str) -> Result<(), String> {
    let number = || value.parse::<u64>().map_err(|_| format!("{name} is not a number: {value:?}"));
    if name.eq_ignore_ascii_case("content-length") {
        if head.content_length.replace(number()?).is_some() {
            return Err("two Content-Length fields".into());
        }
    } else if name.eq_ignore_ascii_case("transfer-encoding") {
        head.chunked = value.eq_ignore_ascii_case("chunked");
    } else if name.eq_ignore_ascii_case("connection") {
        head.close = value.eq_ignore_ascii_case("close");
    } else if name.eq_ignore_ascii_case("x-backend") {
        head.backend = Some(value.to_owned());
    } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
        head.websocket_accept = Some(value.to_owned());
    } else if name.eq_ignore_ascii_case("x-body-length") {
        head.body_seen = Some(number()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn fields_are_found_whatever_their_case() {
        let head = parse(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nX-BACKEND:b1\r\n\r\nhello")
            .expect("a head")
            .expect("whole");
        assert_eq!((head.status, head.content_length, head.length), (200, Some(5), 52));
        assert_eq!(head.backend.as_deref(), Some("b1"));
        assert!(!head.close && !head.chunked);
    }

    #[test]
    fn a_part_of_a_head_is_not_yet_one() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), Ok(None));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(parse(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
        assert!(
            parse(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").is_err()
        );
        assert!(parse(&vec![b'a'; 20_000]).is_err());
    }
}
