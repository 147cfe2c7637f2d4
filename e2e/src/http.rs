//! A reader of HTTP/1 messages that keeps what it sees exactly, independent of the product's own.

use crate::client::Socket;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

/// Bytes kept of one connection's unread input.
const BUFFER_LIMIT: usize = 64 << 20;

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The message's own framing said so.
    Complete,
    /// The peer closed.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// Nothing came for the whole time allowed.
    Silent,
}

impl End {
    /// The word used in transcripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Silent => "silent",
        }
    }
}

/// Start line and header fields, as received.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The start line without its line end.
    pub start: String,
    /// Names and values, trimmed, in order.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The first value of a field, by case-insensitive name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Whether a field lists the token.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .any(|(_, value)| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    }

    /// Word `at` of the start line, counted from 0.
    pub fn word(&self, at: usize) -> &str {
        self.start.split(' ').nth(at).unwrap_or_default()
    }

    fn parse(block: &[u8]) -> Self {
        let text = String::from_utf8_lossy(block);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut head = Self { start: lines.next().unwrap_or_default().to_owned(), fields: vec![] };
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or((line, "<no colon>"));
            head.fields.push((name.to_owned(), value.trim().to_owned()));
        }
        head
    }
}

/// A whole message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its head.
    pub head: Head,
    /// Its body without chunk framing.
    pub body: Vec<u8>,
    /// Trailer fields of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// How the body ended.
    pub end: End,
}

/// A socket with the bytes that were read from it and not used yet.
pub struct Reader {
    /// The connection.
    pub socket: Socket,
    buffer: Vec<u8>,
    ended: Option<End>,
    /// The peer has reset the connection; the system says so once, and not always to who reads.
    reset: bool,
}

impl Reader {
    /// Wraps a connection; every wait for input is bounded by `patience`.
    pub fn new(socket: Socket, patience: Duration) -> Self {
        socket.set_read_timeout(patience);
        Self { socket, buffer: Vec::new(), ended: None, reset: false }
    }

    /// Of a connection that was reset while it was made.
    pub fn reset() -> std::io::Result<Self> {
        let reader = Self::new(Socket::closed()?, Duration::ZERO);
        Ok(Self { reset: true, ..reader })
    }

    /// Writes everything; false when the peer does not take it any more.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let written = self.socket.write_all(bytes);
        self.reset |= written.as_ref().is_err_and(|e| e.kind() == ErrorKind::ConnectionReset);
        written.is_ok()
    }

    /// Bytes that are buffered and unread.
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads once more; false when no more will come (or came in time).
    pub fn fill(&mut self) -> Result<(), End> {
        if let Some(end) = self.ended {
            return Err(end);
        }
        let mut chunk = [0; 16 << 10];
        let end = match self.socket.read(&mut chunk) {
            Ok(0) if self.reset => End::Reset,
            Ok(0) => End::Closed,
            Ok(count) if self.buffer.len() + count <= BUFFER_LIMIT => {
                self.buffer.extend_from_slice(&chunk[..count]);
                return Ok(());
            }
            Ok(_) => End::Silent,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(End::Silent);
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(_) => End::Reset,
        };
        self.ended = Some(end);
        Err(end)
    }

    /// Takes exactly `count` bytes, or what came before the end.
    pub fn take(&mut self, count: usize) -> (Vec<u8>, End) {
        while self.buffer.len() < count {
            if let Err(end) = self.fill() {
                return (std::mem::take(&mut self.buffer), end);
            }
        }
        (self.buffer.drain(..count).collect(), End::Complete)
    }

    /// Drops input up to and with these bytes.
    pub fn skip_to(&mut self, wanted: &[u8]) -> End {
        loop {
            let found = self.buffer.windows(wanted.len().max(1)).position(|part| part == wanted);
            if let Some(at) = found {
                self.buffer.drain(..at + wanted.len());
                return End::Complete;
            }
            if let Err(end) = self.fill() {
                return end;
            }
        }
    }

    /// Takes all until the peer closes.
    pub fn take_rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.fill() {
                return (std::mem::take(&mut self.buffer), end);
            }
        }
    }

    /// Takes one line with its end.
    pub fn take_line(&mut self) -> Result<Vec<u8>, End> {
        loop {
            if let Some(at) = self.buffer.iter().position(|&b| b == b'\n') {
                return Ok(self.buffer.drain(..=at).collect());
            }
            self.fill()?;
        }
    }

    /// Reads a head up to its empty line; leading empty lines are skipped.
    pub fn head(&mut self) -> Result<Head, End> {
        let mut block = Vec::new();
        loop {
            let line = self.take_line()?;
            let empty = line == b"\r\n" || line == b"\n";
            match (empty, block.is_empty()) {
                (true, true) => {}
                (true, false) => return Ok(Head::parse(&block)),
                (false, _) => block.extend_from_slice(&line),
            }
        }
    }

    /// Reads the body that follows the head of a request.
    pub fn request_body(&mut self, head: Head) -> Message {
        let framed =
            head.field("transfer-encoding").is_some() || head.field("content-length").is_some();
        if framed { self.body(head) } else { Self::bodiless(head) }
    }

    /// Reads the body that follows the head of an answer to `method`.
    pub fn response_body(&mut self, head: Head, method: &str) -> Message {
        let status: u16 = head.word(1).parse().unwrap_or(0);
        let tunnel = method == "CONNECT" && (200..300).contains(&status);
        if method == "HEAD" || tunnel || status < 200 || status == 204 || status == 304 {
            return Self::bodiless(head);
        }
        self.body(head)
    }

    fn bodiless(head: Head) -> Message {
        Message { head, body: vec![], trailers: vec![], end: End::Complete }
    }

    fn body(&mut self, head: Head) -> Message {
        if head.has_token("transfer-encoding", "chunked") {
            return self.chunked(head);
        }
        let length = head.field("content-length").and_then(|v| v.parse().ok());
        let (body, end) = match length {
            Some(length) => self.take(length),
            None => self.take_rest(),
        };
        Message { head, body, trailers: vec![], end }
    }

    fn chunked(&mut self, head: Head) -> Message {
        let mut message = Message { head, body: vec![], trailers: vec![], end: End::Complete };
        loop {
            let line = match self.take_line() {
                Ok(line) => String::from_utf8_lossy(&line).trim().to_owned(),
                Err(end) => return Message { end, ..message },
            };
            let size = line.split(';').next().unwrap_or_default();
            let Ok(size) = usize::from_str_radix(size.trim(), 16) else {
                message.body.extend_from_slice(format!("<bad chunk {line:?}>").as_bytes());
                return message;
            };
            if size == 0 {
                break;
            }
            let (chunk, end) = self.take(size);
            message.body.extend_from_slice(&chunk);
            if end != End::Complete {
                return Message { end, ..message };
            }
            let _ = self.take_line();
        }
        loop {
            match self.take_line() {
                Ok(line) if line == b"\r\n" || line == b"\n" => return message,
                Ok(line) => {
                    let line = String::from_utf8_lossy(&line).trim().to_owned();
                    let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                    message.trailers.push((name.to_owned(), value.trim().to_owned()));
                }
                Err(end) => return Message { end, ..message },
            }
        }
    }
}
