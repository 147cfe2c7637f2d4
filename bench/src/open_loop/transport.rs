//! A connection with a deadline, and reading one whole answer from it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Failure, Plan};
use crate::head::{self, Head};

/// Longest answer body taken.
const BODY_MAX: usize = 64 << 20;

/// A connection whose every wait ends at the deadline of the current request.
pub(super) struct Transport {
    stream: TcpStream,
    deadline: Instant,
    /// Bytes that came behind the last answer.
    rest: Vec<u8>,
    /// Bytes of the current answer that have come.
    received: usize,
}

/// A whole answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

impl Transport {
    pub(super) fn connect(plan: &Plan) -> Result<Self, Failure> {
        let stream = TcpStream::connect_timeout(&plan.target, plan.patience);
        let stream = stream.map_err(|error| Failure::from(&error))?;
        stream.set_nodelay(true).map_err(|error| Failure::from(&error))?;
        Ok(Self { stream, deadline: Instant::now() + plan.patience, rest: Vec::new(), received: 0 })
    }

    /// From now on every wait ends after `patience`.
    pub(super) fn renew(&mut self, patience: Duration) {
        self.deadline = Instant::now() + patience;
        self.received = 0;
    }

    /// Whether nothing of the current answer has come yet.
    pub(super) fn silent(&self) -> bool {
        self.received == 0
    }

    /// Whether the other side has ended this idle connection.
    pub(super) fn ended(&self) -> Result<bool, Failure> {
        let peeked = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut [0]));
        self.stream.set_nonblocking(false).map_err(|error| Failure::from(&error))?;
        match peeked {
            Ok(0) => Ok(true),
            Ok(_) => Err(Failure::Wrong("bytes nobody asked for".into())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Failure::from(&error)),
        }
    }

    /// Whether something (the end included) has come that was not read yet.
    pub(super) fn has_bytes(&self) -> Result<bool, Failure> {
        let peeked = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut [0]));
        self.stream.set_nonblocking(false).map_err(|error| Failure::from(&error))?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(!self.rest.is_empty()),
            Err(error) => Err(Failure::from(&error)),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes).map_err(|error| Failure::from(&error))
    }

    /// Reads a head, and the body it announces.
    pub(super) fn answer(&mut self) -> Result<Answer, Failure> {
        let mut data = std::mem::take(&mut self.rest);
        let head = loop {
            match head::parse(&data).map_err(Failure::Wrong)? {
                Some(head) => break head,
                None => self.more(&mut data)?,
            }
        };
        let mut body = data.split_off(head.length);
        if head.status == 101 {
            self.rest = body;
            return Ok(Answer { head, body: Vec::new() });
        }
        if head.chunked {
            self.chunks(&mut body)?;
        } else if let Some(length) = head.content_length {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            while body.len() < length {
                self.more(&mut body)?;
            }
            self.rest = body.split_off(length);
        } else {
            while self.try_more(&mut body)? {}
        }
        Ok(Answer { head, body })
    }

    /// Replaces chunked `body`, of which the start is there, by its data.
    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), Failure> {
        let wrong = |what: &str| Failure::Wrong(what.to_owned());
        let mut data = Vec::new();
        loop {
            let line = self.line(body)?;
            let size = std::str::from_utf8(&line).ok().and_then(|l| l.split(';').next());
            let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
            let size = size.ok_or_else(|| wrong("no chunk size"))?;
            if size == 0 {
                break;
            }
            if size > BODY_MAX {
                return Err(wrong("chunk too long"));
            }
            while body.len() < size + 2 {
                self.more(body)?;
            }
            let rest = body.split_off(size + 2);
            let chunk = std::mem::replace(body, rest);
            data.extend_from_slice(
                chunk.strip_suffix(b"\r\n").ok_or_else(|| wrong("no chunk end"))?,
            );
        }
        while !self.line(body)?.is_empty() {}
        self.rest = std::mem::replace(body, data);
        Ok(())
    }

    /// Takes a line, without its end, from the front of `data`.
    fn line(&mut self, data: &mut Vec<u8>) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(end) = memchr::memmem::find(data, b"\r\n") {
                let rest = data.split_off(end + 2);
                let mut line = std::mem::replace(data, rest);
                line.truncate(end);
                return Ok(line);
            }
            self.more(data)?;
        }
    }

    fn more(&mut self, data: &mut Vec<u8>) -> Result<(), Failure> {
        if self.try_more(data)? { Ok(()) } else { Err(Failure::Closed) }
    }

    fn try_more(&mut self, data: &mut Vec<u8>) -> Result<bool, Failure> {
        if data.len() > BODY_MAX {
            return Err(Failure::Wrong("answer too long".into()));
        }
        let mut scratch = [0; 16 * 1024];
        let length = self.read(&mut scratch).map_err(|error| Failure::from(&error))?;
        data.extend_from_slice(scratch.get(..length).unwrap_or_default());
        Ok(length > 0)
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Transport {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.rest.is_empty() {
            let length = self.rest.as_slice().read(into)?;
            self.rest.drain(..length);
            return Ok(length);
        }
        self.stream.set_read_timeout(Some(self.left()?))?;
        let length = self.stream.read(into)?;
        self.received += length;
        Ok(length)
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Answer {
    /// Whether a server of the right service answered.
    pub(super) fn is_of(&self, plan: &Plan) -> Result<(), Failure> {
        let Some(service) = &plan.service else { return Ok(()) };
        match &self.head.backend {
            Some(id) if id.starts_with(service) => Ok(()),
            other => Err(Failure::Stranger(format!("{other:?} answers for {service}"))),
        }
    }

    /// A 200 from a server of the right service that names itself the same way in head and body.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), Failure> {
        let Head { status, backend, .. } = &self.head;
        if *status != 200 {
            return Err(Failure::Wrong(format!("status {status}")));
        }
        self.is_of(plan)?;
        match backend {
            Some(id) if !self.body.starts_with(id.as_bytes()) => {
                Err(Failure::Wrong(format!("body is not of {id}")))
            }
            _ => Ok(()),
        }
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                Self::Reset
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Wrong(error.to_string()),
        }
    }
}
