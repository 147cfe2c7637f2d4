//! A small web application: it answers with its own name and counts what reaches it.

use crate::client::Socket;
use crate::http::Reader;
use crate::ports::Reservation;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// The pieces of a slow body.
const SLOW_PIECES: u32 = 20;

/// A running application. It stops when dropped.
pub struct Application {
    /// Its name, which is also the body of its answers.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    reservation: Reservation,
}

struct Shared {
    name: String,
    slow: Duration,
    stopped: AtomicBool,
    listening: AtomicBool,
    requests: AtomicU64,
    checks: AtomicU64,
    busy: AtomicU64,
    live: Mutex<Vec<Socket>>,
}

impl Application {
    /// Starts one; bodies of `/slow` take this long.
    pub fn start(name: &str, slow: Duration) -> std::io::Result<Self> {
        let reservation = Reservation::new()?;
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            slow,
            stopped: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            checks: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            live: Mutex::default(),
        });
        let address = reservation.address;
        let application = Self { name: name.to_owned(), address, shared, reservation };
        application.listen()?;
        Ok(application)
    }

    /// Listens (again).
    pub fn listen(&self) -> std::io::Result<()> {
        let listener = self.reservation.listen(1024)?;
        self.shared.stopped.store(false, Ordering::SeqCst);
        self.shared.listening.store(true, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                if shared.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let _ = socket.set_nodelay(true);
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(Socket::Tcp(socket)));
            }
        });
        Ok(())
    }

    /// Requests that came, without health checks.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections that brought no request: TCP health checks.
    pub fn checks(&self) -> u64 {
        self.shared.checks.load(Ordering::SeqCst)
    }

    /// Requests being answered now.
    pub fn busy(&self) -> u64 {
        self.shared.busy.load(Ordering::SeqCst)
    }

    /// Stops as a process does: nothing listens any more, connections are cut.
    pub fn stop(&self) {
        if !self.shared.listening.swap(false, Ordering::SeqCst) {
            return;
        }
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(Socket::connect(&crate::ports::Address::Tcp(self.address), None));
        let mut live = self.shared.live.lock().unwrap_or_else(PoisonError::into_inner);
        for socket in live.drain(..) {
            socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn serve(&self, socket: Socket) {
        if let Ok(clone) = socket.try_clone() {
            self.live.lock().unwrap_or_else(PoisonError::into_inner).push(clone);
        }
        let mut reader = Reader::new(socket, IDLE);
        let mut first = true;
        loop {
            let Ok(head) = reader.head() else {
                if first {
                    self.checks.fetch_add(1, Ordering::SeqCst);
                }
                return reader.socket.shutdown(Shutdown::Both);
            };
            first = false;
            self.requests.fetch_add(1, Ordering::SeqCst);
            self.busy.fetch_add(1, Ordering::SeqCst);
            let message = reader.request_body(head);
            let more = self.answer(&mut reader, message.head.word(1));
            self.busy.fetch_sub(1, Ordering::SeqCst);
            if !more {
                return reader.socket.shutdown(Shutdown::Both);
            }
        }
    }

    fn answer(&self, reader: &mut Reader, target: &str) -> bool {
        if target.starts_with("/ws") {
            return self.tunnel(reader);
        }
        if target.starts_with("/slow") {
            return self.slow_body(reader);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", self.name.len());
        reader.socket.write_all(format!("{head}{}", self.name).as_bytes()).is_ok()
    }

    /// The name, once per piece, spread over the slow time.
    fn slow_body(&self, reader: &mut Reader) -> bool {
        let length = self.name.len() * SLOW_PIECES as usize;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        if reader.socket.write_all(head.as_bytes()).is_err() {
            return false;
        }
        for _ in 0..SLOW_PIECES {
            std::thread::sleep(self.slow / SLOW_PIECES);
            if reader.socket.write_all(self.name.as_bytes()).is_err() {
                return false;
            }
        }
        true
    }

    /// Accepts the upgrade, says its name and sends back what comes.
    fn tunnel(&self, reader: &mut Reader) -> bool {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let head = format!("{head}X-Name: {}\r\n\r\n", self.name);
        let mut going = reader.socket.write_all(head.as_bytes()).is_ok();
        while going {
            let waiting = reader.pending().len();
            if waiting == 0 {
                going = reader.fill().is_ok();
            } else {
                let (bytes, _) = reader.take(waiting);
                going = reader.socket.write_all(&bytes).is_ok();
            }
        }
        false
    }
}
