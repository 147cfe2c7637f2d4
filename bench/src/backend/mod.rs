//! Small HTTP/1.1 servers for tests: each answers with its own id, in the way it is told to.
//!
//! A request can ask for another way by its query: `delay_ms=N`, `bytes=N`, `status=N`,
//! `chunked`, `until-close`, `close`, joined by `&`.

mod connection;
mod request;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::websocket::{self, Frame};

/// Connections a backend serves at a time; more are closed at once.
pub const CONNECTIONS_MAX: usize = 4096;

/// Where an answer's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Content-Length.
    #[default]
    Length,
    /// Chunks of at most 1000 bytes.
    Chunked,
    /// The end of the connection.
    UntilClose,
}

/// How a backend answers.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// First word of each body, and `X-Backend`.
    pub id: String,
    /// Status code.
    pub status: u16,
    /// Between the request's last byte and the answer's first.
    pub delay: Duration,
    /// Length of the body, the id included; shorter than the id means just the id.
    pub body_length: usize,
    /// Where the body ends.
    pub framing: Framing,
    /// Say `Connection: close` and close after each answer.
    pub close: bool,
}

impl Behaviour {
    /// Answers 200 at once, with the id as body.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            status: 200,
            delay: Duration::ZERO,
            body_length: 0,
            framing: Framing::Length,
            close: false,
        }
    }
}

/// A running server; it ends, with all its connections, when dropped.
pub struct Backend {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    behaviour: Mutex<Behaviour>,
    requests: AtomicU64,
    accepted: AtomicU64,
    /// When the first and the last request came, [`now_ns`]; 0 before any.
    first_ns: AtomicU64,
    last_ns: AtomicU64,
    stopping: AtomicBool,
    /// Open connections, so that a stop can end them.
    open: Mutex<HashMap<u64, Open>>,
}

struct Open {
    stream: TcpStream,
    websocket: bool,
}

/// Nanoseconds since 1970 by the machine's clock, which its containers share.
#[must_use]
pub fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

impl Backend {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(behaviour: Behaviour) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), behaviour)
    }

    /// Starts at `address`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start_at(address: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            behaviour: Mutex::new(behaviour),
            requests: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            first_ns: AtomicU64::new(0),
            last_ns: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            open: Mutex::new(HashMap::new()),
        });
        let accepting = Arc::clone(&shared);
        let accepting = std::thread::Builder::new()
            .name("backend".into())
            .spawn(move || accept(&listener, &accepting))?;
        Ok(Self { shared, accepting: Some(accepting) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Requests taken so far, WebSocket handshakes included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Connections accepted so far, those of health checks included.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// When the first and the last request so far came, as [`now_ns`]; 0 before any.
    #[must_use]
    pub fn first_and_last_ns(&self) -> (u64, u64) {
        let Shared { first_ns, last_ns, .. } = &*self.shared;
        (first_ns.load(Ordering::Relaxed), last_ns.load(Ordering::Relaxed))
    }

    /// Says to every WebSocket that the server goes away (RFC 6455 section 7.4.1, code 1001). What
    /// comes on them is still read.
    pub fn farewell(&self) {
        let payload = 1001_u16.to_be_bytes().to_vec();
        let close = Frame { opcode: websocket::CLOSE, payload };
        let open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        for Open { stream, .. } in open.values().filter(|o| o.websocket) {
            let mut stream = stream;
            // Who is gone already needs no farewell.
            let _ = websocket::write(&mut stream, &close, None);
        }
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Answers differently from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which then sees the flag.
        let _ = TcpStream::connect_timeout(&self.shared.address, Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        for Open { stream, .. } in open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        // Out of descriptors for a moment: the next connection may find some.
        let Ok(stream) = stream else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let Ok(handle) = stream.try_clone() else { continue };
        {
            let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.len() >= CONNECTIONS_MAX {
                continue;
            }
            open.insert(number, Open { stream: handle, websocket: false });
        }
        let served = Arc::clone(shared);
        let spawned = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            // A client that goes away is no error of the server.
            let _ = connection::serve(&stream, number, &served);
            let _ = stream.shutdown(Shutdown::Both);
            served.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        });
        if spawned.is_err() {
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backend, Behaviour, Framing};
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn ask(backend: &Backend, request: &str) -> String {
        let mut stream = TcpStream::connect(backend.address()).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    }

    #[test]
    fn it_answers_as_it_is_told() {
        let backend = Backend::start(Behaviour::new("a1")).expect("started");
        let answer = ask(&backend, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\na1"));
        backend.behave(Behaviour { framing: Framing::Chunked, close: true, ..Behaviour::new("b") });
        let answer = ask(&backend, "GET /?bytes=1003&status=503 HTTP/1.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(
            answer.contains("\r\n3e8\r\nb...") && answer.ends_with("\r\n3\r\n...\r\n0\r\n\r\n")
        );
        assert_eq!((backend.requests(), backend.accepted()), (2, 2));
    }

    #[test]
    fn it_counts_bodies_of_both_kinds() {
        let backend = Backend::start(Behaviour::new("a")).expect("started");
        let answer = ask(
            &backend,
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\
             POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
             3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
        );
        assert!(
            answer.contains("X-Body-Length: 5\r\n") && answer.contains("X-Body-Length: 13\r\n")
        );
    }

    #[test]
    fn dropping_it_ends_its_connections() {
        let backend = Backend::start(Behaviour::new("a")).expect("started");
        let mut stream = TcpStream::connect(backend.address()).expect("connected");
        stream.write_all(b"HEAD / HTTP/1.1\r\n\r\n").expect("sent");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("answered");
        let address = backend.address();
        drop(backend);
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("the end");
        assert!(rest.ends_with("\r\n\r\n"));
        assert!(TcpStream::connect(address).is_err());
    }
}
