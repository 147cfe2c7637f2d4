//! As much of the Docker engine's API as the measurements need, over its unix socket: starting and
//! stopping by the command line tool costs more CPU than what is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// Old enough for every engine, new enough for what is asked.
const API: &str = "/v1.40";
/// How long one answer may take; stopping waits for the container.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer taken.
const ANSWER_MAX: u64 = 64 << 20;

/// An engine.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
}

/// What happened to a container, by the engine's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Container id.
    pub id: String,
    /// `start`, `kill`, `die`, ...
    pub action: String,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
}

/// Events, as they come.
pub type Events = Arc<Mutex<Vec<Happened>>>;

impl Engine {
    /// The one that `DOCKER_HOST` names (a unix socket), or the usual one.
    ///
    /// # Errors
    /// When it does not answer, or is not reached by a unix socket.
    pub fn here() -> Result<Self, String> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = match host.strip_prefix("unix://") {
            Some(path) => path.to_owned(),
            None if host.is_empty() => "/var/run/docker.sock".to_owned(),
            None => return Err(format!("DOCKER_HOST is {host}, not a unix socket")),
        };
        let engine = Self { socket: socket.into() };
        engine.call("GET", "/version", None).map_err(|e| format!("no Docker engine: {e}"))?;
        Ok(engine)
    }

    /// Its version.
    ///
    /// # Errors
    /// The engine's.
    pub fn version(&self) -> Result<String, String> {
        let answer = self.call("GET", "/version", None)?;
        Ok(answer.get("Version").and_then(Value::as_str).unwrap_or("?").to_owned())
    }

    /// Asks something; gives the answer, null where there is none.
    ///
    /// # Errors
    /// The engine's, in its words.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let bytes = self.exchange(method, path, "application/json", body.as_bytes())?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        // Some answers are one object a line; the last one says how it ended.
        let text = String::from_utf8_lossy(&bytes);
        let last = text.trim_end().lines().last().unwrap_or_default();
        serde_json::from_str(&text)
            .or_else(|_| serde_json::from_str(last))
            .map_err(|e| format!("{method} {path}: {e}"))
    }

    /// Sends a body as it is.
    ///
    /// # Errors
    /// The engine's, in its words.
    pub fn exchange(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, String> {
        let what = |e: std::io::Error| format!("{method} {path}: {e}");
        let mut reader = self.send(method, path, kind, body).map_err(what)?;
        let (status, head) = head(&mut reader).map_err(what)?;
        let mut bytes = Vec::new();
        if head.contains("transfer-encoding: chunked") {
            while let Some(chunk) = chunk(&mut reader).map_err(what)? {
                bytes.extend(chunk);
            }
        } else if status != 204 && status != 304 {
            reader.take(ANSWER_MAX).read_to_end(&mut bytes).map_err(what)?;
        }
        match status {
            200..=399 => Ok(bytes),
            _ => Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&bytes))),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> std::io::Result<BufReader<UnixStream>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = body.len();
        let head = format!(
            "{method} {API}{path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Ok(BufReader::new(stream))
    }

    /// Follows what happens to containers with this label, from now on, for as long as somebody
    /// holds the list.
    ///
    /// # Errors
    /// When the engine does not send events.
    pub fn follow(&self, label: &str) -> Result<Events, String> {
        let filters = format!("{{\"label\":[\"{label}\"],\"type\":[\"container\"]}}");
        let path = format!("/events?filters={}", encoded(&filters));
        let what = |e: std::io::Error| format!("events: {e}");
        let mut reader = self.send("GET", &path, "text/plain", b"").map_err(what)?;
        let (status, _) = head(&mut reader).map_err(what)?;
        if status != 200 {
            return Err(format!("events: status {status}"));
        }
        let events = Events::default();
        let list = Arc::downgrade(&events);
        std::thread::spawn(move || {
            let mut text = Vec::new();
            while let Some(list) = list.upgrade() {
                match chunk(&mut reader) {
                    Ok(Some(bytes)) => text.extend(bytes),
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(None) | Err(_) => return,
                }
                while let Some(end) = text.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = text.drain(..=end).collect();
                    let happened = serde_json::from_slice(&line).ok().and_then(|v| read(&v));
                    list.lock().unwrap_or_else(PoisonError::into_inner).extend(happened);
                }
            }
        });
        Ok(events)
    }
}

/// A filter as part of an address.
#[must_use]
pub fn encoded(text: &str) -> String {
    let byte = |b: u8| match b.is_ascii_alphanumeric() {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn read(event: &Value) -> Option<Happened> {
    let text = |v: &Value, name: &str| Some(v.get(name)?.as_str()?.to_owned());
    Some(Happened {
        id: text(event.get("Actor")?, "ID")?,
        action: text(event, "Action")?,
        at_ns: event.get("timeNano")?.as_u64()?,
    })
}

/// Status and fields, in lower case.
fn head(reader: &mut impl BufRead) -> std::io::Result<(u16, String)> {
    let mut text = String::new();
    loop {
        let before = text.len();
        reader.read_line(&mut text)?;
        if text.get(before..).is_none_or(|line| line.trim_end().is_empty()) {
            break;
        }
    }
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Ok((status, text.to_ascii_lowercase()))
}

fn chunk(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let size = u64::from_str_radix(line.trim_end(), 16).map_err(std::io::Error::other)?;
    let mut bytes = Vec::new();
    reader.take(size.min(ANSWER_MAX)).read_to_end(&mut bytes)?;
    reader.read_line(&mut line)?;
    Ok((size > 0).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::{chunk, encoded, head, read};

    #[test]
    fn answers_and_events() {
        let mut wire =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".as_bytes();
        let (status, fields) = head(&mut wire).expect("a head");
        assert!(status == 200 && fields.contains("transfer-encoding: chunked"));
        assert_eq!(chunk(&mut wire).expect("a chunk").as_deref(), Some(&b"abc"[..]));
        assert_eq!(chunk(&mut wire).expect("the end"), None);
        let event = serde_json::json!({"Action": "kill", "Actor": {"ID": "a"}, "timeNano": 7});
        let happened = read(&event).expect("an event");
        assert_eq!((&*happened.id, &*happened.action, happened.at_ns), ("a", "kill", 7));
        assert_eq!(encoded("{\"a\":1}"), "%7B%22a%22%3A1%7D");
    }
}
