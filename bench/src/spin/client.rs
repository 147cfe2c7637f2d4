//! The clients in front of the proxy: each sends its next request when the last was answered, and
//! checks every answer (status, length, which server).

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::{Owner, socket};
use crate::head;
use crate::latency::Latencies;

/// An answer that has not come after this long is an error.
const STALLED: Duration = Duration::from_secs(5);
/// Errors kept in words; all are counted.
const ERRORS_KEPT: usize = 8;

/// What the clients of a slice do.
#[derive(Debug, Clone)]
pub struct Load {
    /// The proxy.
    pub target: SocketAddr,
    /// Connections opened at the start.
    pub connections: usize,
    /// One connection per request.
    pub close: bool,
    /// Requests after which a connection stays open and silent.
    pub requests_each: Option<u64>,
    /// The request, ready to send.
    pub request: Vec<u8>,
}

impl Load {
    /// Keep-alive connections that send one request after the other.
    #[must_use]
    pub fn keep_alive(target: SocketAddr, host: &str, connections: usize) -> Self {
        let request = request(host, "keep-alive");
        Self { target, connections, close: false, requests_each: None, request }
    }

    /// As many clients, each request on a connection of its own.
    #[must_use]
    pub fn close(target: SocketAddr, host: &str, connections: usize) -> Self {
        let request = request(host, "close");
        Self { target, connections, close: true, requests_each: None, request }
    }

    /// A single request.
    pub(super) fn one(target: SocketAddr, host: &str) -> Self {
        Self { requests_each: Some(1), ..Self::keep_alive(target, host, 1) }
    }
}

/// A request as a browser sends it, about 400 bytes.
fn request(host: &str, connection: &str) -> Vec<u8> {
    format!(
        "GET /articles/2026/11/index.html?page=2 HTTP/1.1\r\nHost: {host}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
         Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n\
         Cookie: session=6f1ed002ab5595859014ebf0951522d9; theme=dark\r\n\
         Connection: {connection}\r\n\r\n"
    )
    .into_bytes()
}

/// What the clients counted.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Right answers.
    pub answers: u64,
    /// Body bytes of right answers.
    pub body_bytes: u64,
    /// Everything that went wrong.
    pub errors: u64,
    /// The first few errors in words.
    pub first_errors: Vec<String>,
    /// From the request's first byte to the answer's last.
    pub latencies: Latencies,
    /// The server that gave the last answer.
    pub last_backend: Option<usize>,
}

impl Tally {
    fn error(&mut self, what: impl FnOnce() -> String) {
        self.errors += 1;
        if self.first_errors.len() < ERRORS_KEPT {
            self.first_errors.push(what());
        }
    }
}

enum Phase {
    Connecting,
    /// Waiting for the end of the head; what has come of it so far.
    Head(Vec<u8>),
    /// Waiting for this many bytes of body from this server.
    Body(usize, usize),
    /// One connection per request: the proxy has to close.
    Closing,
    /// Has had all its answers.
    Silent,
}

struct Connection {
    socket: OwnedFd,
    phase: Phase,
    since: Instant,
    left: u64,
}

#[derive(Default)]
pub(super) struct Clients {
    load: Option<Load>,
    body_length: usize,
    connections: Vec<Option<Connection>>,
    stopped: bool,
    pub(super) tally: Tally,
}

impl Clients {
    pub(super) fn new(load: Load, body_length: usize) -> Self {
        Self { load: Some(load), body_length, ..Self::default() }
    }

    pub(super) fn add(&mut self, epoll: &OwnedFd, count: usize) {
        for slot in self.connections.len()..self.connections.len() + count {
            self.connections.push(None);
            self.connect(epoll, slot);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.connections.iter().flatten().filter(|c| !matches!(c.phase, Phase::Silent)).count()
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn close_all(&mut self) {
        self.connections.clear();
    }

    /// Ends connections that have waited too long.
    pub(super) fn sweep(&mut self, now: Instant) {
        for place in &mut self.connections {
            if let Some(connection) = place
                && !matches!(connection.phase, Phase::Silent)
                && now.duration_since(connection.since) > STALLED
            {
                let phase = connection.phase.name();
                self.tally.error(|| format!("nothing for {STALLED:?} while {phase}"));
                *place = None;
            }
        }
    }

    pub(super) fn ready(
        &mut self,
        epoll: &OwnedFd,
        slot: usize,
        flags: EventFlags,
        scratch: &mut [u8],
    ) {
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else {
            return;
        };
        match self.drive(&mut connection, flags, scratch) {
            Ok(true) => {
                if let Some(place) = self.connections.get_mut(slot) {
                    *place = Some(connection);
                }
                return;
            }
            Ok(false) => {}
            Err(what) => self.tally.error(|| format!("{what} while {}", connection.phase.name())),
        }
        drop(connection);
        // No new try after an error: the slice has failed, a refused port would be spun on.
        if !self.stopped && self.tally.errors == 0 {
            self.connect(epoll, slot);
        }
    }

    fn connect(&mut self, epoll: &OwnedFd, slot: usize) {
        let Some(load) = &self.load else { return };
        match socket::connect(epoll, load.target, Owner::Client(slot)) {
            Ok(socket) => {
                let left = load.requests_each.unwrap_or(u64::MAX);
                let since = Instant::now();
                let connection = Connection { socket, phase: Phase::Connecting, since, left };
                if let Some(place) = self.connections.get_mut(slot) {
                    *place = Some(connection);
                }
            }
            Err(error) => self.tally.error(|| format!("cannot connect: {error}")),
        }
    }

    /// Goes on with a connection: whether it stays open.
    fn drive(
        &mut self,
        connection: &mut Connection,
        flags: EventFlags,
        scratch: &mut [u8],
    ) -> Result<bool, String> {
        if matches!(connection.phase, Phase::Connecting) {
            if flags.intersects(EventFlags::ERR | EventFlags::HUP) {
                return Err("refused".into());
            }
            if !flags.contains(EventFlags::OUT) {
                return Ok(true);
            }
            self.send(connection)?;
        }
        loop {
            let read = socket::read(&connection.socket, scratch).map_err(|e| e.to_string())?;
            let Some(length) = read else { return Ok(true) };
            if length == 0 {
                return match connection.phase {
                    Phase::Closing => Ok(false),
                    _ => Err("closed by the proxy".into()),
                };
            }
            self.take(connection, scratch.get(..length).unwrap_or_default())?;
            if length < scratch.len() && !flags.contains(EventFlags::RDHUP) {
                return Ok(true);
            }
        }
    }

    fn send(&mut self, connection: &mut Connection) -> Result<(), String> {
        let Some(load) = &self.load else { return Ok(()) };
        connection.since = Instant::now();
        connection.phase = Phase::Head(Vec::new());
        let sent = socket::write(&connection.socket, &load.request).map_err(|e| e.to_string())?;
        if sent == load.request.len() { Ok(()) } else { Err("request does not fit".into()) }
    }

    fn take(&mut self, connection: &mut Connection, data: &[u8]) -> Result<(), String> {
        match &mut connection.phase {
            Phase::Head(partial) if partial.is_empty() => {
                if !self.take_head(connection, data)?
                    && let Phase::Head(partial) = &mut connection.phase
                {
                    partial.extend_from_slice(data);
                }
                Ok(())
            }
            Phase::Head(partial) => {
                partial.extend_from_slice(data);
                let all = std::mem::take(partial);
                if !self.take_head(connection, &all)? {
                    connection.phase = Phase::Head(all);
                }
                Ok(())
            }
            Phase::Body(left, backend) => {
                let backend = *backend;
                let rest = left.checked_sub(data.len()).ok_or("answer too long")?;
                if rest > 0 {
                    *left = rest;
                    return Ok(());
                }
                self.finish(connection, backend, data.last().copied())
            }
            phase => Err(format!("{} bytes nobody asked for, {}", data.len(), phase.name())),
        }
    }

    /// Takes a whole head and the body bytes behind it; false when the head is not whole yet.
    fn take_head(&mut self, connection: &mut Connection, data: &[u8]) -> Result<bool, String> {
        let Some(head) = head::parse(data)? else { return Ok(false) };
        if head.status != 200 {
            return Err(format!("status {}", head.status));
        }
        if head.content_length != Some(self.body_length as u64) {
            return Err(format!("length {:?} is not {}", head.content_length, self.body_length));
        }
        let id = head.backend.as_deref().ok_or("no X-Backend")?;
        let number = id.strip_prefix('b').and_then(|n| n.parse::<usize>().ok());
        let backend = number.ok_or_else(|| format!("backend {id:?}"))?;
        let body = data.get(head.length..).unwrap_or_default();
        if !body.is_empty() && !body.starts_with(id.get(..body.len()).unwrap_or(id).as_bytes()) {
            return Err(format!("body is not of backend {id}"));
        }
        let left = self.body_length.checked_sub(body.len()).ok_or("answer too long")?;
        if left == 0 {
            self.finish(connection, backend, body.last().copied())?;
        } else {
            connection.phase = Phase::Body(left, backend);
        }
        Ok(true)
    }

    fn finish(
        &mut self,
        connection: &mut Connection,
        backend: usize,
        last: Option<u8>,
    ) -> Result<(), String> {
        if last != Some(b'$') {
            return Err("body does not end as sent".into());
        }
        self.tally.latencies.record(connection.since.elapsed());
        self.tally.answers += 1;
        self.tally.body_bytes += self.body_length as u64;
        self.tally.last_backend = Some(backend);
        connection.left = connection.left.saturating_sub(1);
        if self.load.as_ref().is_some_and(|load| load.close) {
            connection.phase = Phase::Closing;
        } else if connection.left == 0 || self.stopped {
            connection.phase = Phase::Silent;
        } else {
            self.send(connection)?;
        }
        Ok(())
    }
}

impl Phase {
    fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Head(_) => "waiting for the head",
            Self::Body(..) => "waiting for the body",
            Self::Closing => "waiting for the close",
            Self::Silent => "silent",
        }
    }
}
