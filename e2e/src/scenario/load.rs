//! Steady load while a scenario runs: keep-alive clients, one slow request, one tunnel.

use super::balancer::{ask, body};
use crate::client::{PATIENCE, Socket};
use crate::http::Reader;
use crate::ports::Address;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Failures whose reasons are kept.
const KEPT_FAILURES: usize = 20;
/// Time between two requests of one keep-alive client.
const PACE: Duration = Duration::from_millis(20);

/// Load in the background, until it is stopped or dropped.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    answered: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Requests with a whole answer of status 200.
    pub answered: u64,
    /// Requests without.
    pub failed: u64,
    /// Why, for the first ones.
    pub failures: Vec<String>,
}

impl Load {
    /// Starts so many keep-alive clients.
    pub fn start(address: SocketAddr, clients: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let spawn = |_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.keep_alive(address))
        };
        let threads = (0..clients).map(spawn).collect();
        Self { shared, threads }
    }

    /// Requests answered so far.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// Stops and tells.
    pub fn stop(mut self) -> Outcome {
        self.shared.stopped.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        Outcome {
            answered: self.answered(),
            failed: self.shared.failed.load(Ordering::SeqCst),
            failures: self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn keep_alive(&self, address: SocketAddr) {
        let mut connection: Option<Reader> = None;
        while !self.stopped.load(Ordering::SeqCst) {
            let due = Instant::now() + PACE;
            let reader = match connection.take() {
                Some(reader) => Ok(reader),
                None => Socket::connect(&Address::Tcp(address), None)
                    .map(|socket| Reader::new(socket, PATIENCE))
                    .map_err(|e| format!("connecting: {e}")),
            };
            match reader.and_then(|mut reader| Ok((ask(&mut reader, "/", "")?, reader))) {
                Ok((message, reader)) if message.head.word(1) == "200" => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                    if !message.head.has_token("connection", "close") {
                        connection = Some(reader);
                    }
                }
                Ok((message, _)) => self.fail(message.head.start),
                Err(why) => self.fail(why),
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    fn fail(&self, why: String) {
        self.failed.fetch_add(1, Ordering::SeqCst);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < KEPT_FAILURES {
            failures.push(why);
        }
    }
}

/// One long request in the background: its whole body, or what went wrong.
pub fn slow_request(address: SocketAddr) -> JoinHandle<Result<String, String>> {
    std::thread::spawn(move || {
        let message = super::balancer::get(address, "/slow", "")?;
        Ok(body(&message))
    })
}

/// An upgraded connection that echoes.
pub struct Tunnel {
    reader: Reader,
    /// The name of the application at its other end.
    pub name: String,
}

impl Tunnel {
    /// Opens one.
    pub fn open(address: SocketAddr) -> Result<Self, String> {
        let socket = Socket::connect(&Address::Tcp(address), None).map_err(|e| e.to_string())?;
        let mut reader = Reader::new(socket, PATIENCE);
        let request = "GET /ws HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        reader.socket.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
        let head = reader.head().map_err(|end| format!("no answer: {}", end.word()))?;
        if head.word(1) != "101" {
            return Err(head.start);
        }
        let name = head.field("x-name").unwrap_or_default().to_owned();
        Ok(Self { reader, name })
    }

    /// Sends a few bytes and waits for them to come back.
    pub fn echo(&mut self) -> Result<(), String> {
        let ping = b"\x81\x04ping";
        self.reader.socket.write_all(ping).map_err(|e| e.to_string())?;
        let (back, end) = self.reader.take(ping.len());
        if back == ping { Ok(()) } else { Err(format!("{back:?} {}", end.word())) }
    }

    /// Whether the other end closes in this time, and how.
    pub fn end(&mut self, patience: Duration) -> &'static str {
        crate::client::state(&mut self.reader, patience)
    }
}
