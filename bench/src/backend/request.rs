//! A request as the backend reads it, its body counted and thrown away.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Longest head taken.
const HEAD_MAX: u64 = 128 * 1024;

/// What the backend needs to know of a request.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) close: bool,
    pub(super) websocket_key: Option<String>,
    content_length: u64,
    chunked: bool,
    expects_continue: bool,
}

/// Reads a head; `None` when the connection has ended before it.
pub(super) fn read(from: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut from = from.take(HEAD_MAX);
    let first = line(&mut from)?;
    if first.is_empty() {
        return Ok(None);
    }
    let mut words = first.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        close: words.next().is_some_and(|version| version == "HTTP/1.0"),
        ..Request::default()
    };
    loop {
        let line = line(&mut from)?;
        if line.is_empty() {
            return Ok(Some(request));
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => request.content_length = value.parse().map_err(io::Error::other)?,
            "transfer-encoding" => request.chunked = true,
            "connection" => request.close |= value.eq_ignore_ascii_case("close"),
            "expect" => request.expects_continue = true,
            "sec-websocket-key" => request.websocket_key = Some(value.to_owned()),
            _ => {}
        }
    }
}

impl Request {
    /// Reads the body to its end: how many bytes it had.
    pub(super) fn drain(&self, from: &mut BufReader<&TcpStream>) -> io::Result<u64> {
        if self.expects_continue {
            let mut stream: &TcpStream = from.get_ref();
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if !self.chunked {
            return skip(from, self.content_length);
        }
        let mut sum = 0;
        loop {
            let size = line(from)?;
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                break;
            }
            sum += skip(from, size)?;
            line(from)?;
        }
        while !line(from)?.is_empty() {}
        Ok(sum)
    }

    /// The value of `name` in the query; empty when it stands there without one.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }
}

fn skip(from: &mut impl Read, length: u64) -> io::Result<u64> {
    let skipped = io::copy(&mut from.take(length), &mut io::sink())?;
    if skipped == length { Ok(skipped) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}
