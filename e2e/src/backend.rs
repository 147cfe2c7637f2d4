//! Scripted servers that record what reaches them.

use crate::client::{PATIENCE, Socket, state};
use crate::http::{End, Head, Message, Reader};
use crate::ports::{Address, Reservation};
use crate::script::{Action, Script};
use crate::text::show;
use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests to targets that start so are health checks: answered by status, recorded once.
pub const CHECK_TARGET: &str = "/health";
/// Requests whose target holds this only wait for a state and are not recorded.
pub const PROBE_MARK: &str = "__until";
/// How long a server waits on an idle connection.
const IDLE: Duration = Duration::from_secs(20);
/// Connections that fill the backlog of a server that never answers.
const HOLE_FILLERS: usize = 8;

/// A scripted server.
pub struct Backend {
    /// Its name in the case.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    shared: Arc<Shared>,
    reservation: Option<Reservation>,
    listening: bool,
    hole: Vec<Socket>,
    hole_listener: Option<TcpListener>,
}

struct Shared {
    name: String,
    script: Script,
    stopped: AtomicBool,
    check_status: AtomicU16,
    connections: AtomicUsize,
    live: Mutex<Vec<Socket>>,
    records: Mutex<Vec<(usize, String)>>,
    check: Mutex<Option<String>>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn accept(&self) -> std::io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (socket, _) = listener.accept()?;
                socket.set_nodelay(true)?;
                Ok(Socket::Tcp(socket))
            }
            Self::Unix(listener) => listener.accept().map(|(socket, _)| Socket::Unix(socket)),
        }
    }
}

impl Backend {
    /// Reserves an address and starts listening there unless the script says otherwise.
    pub fn start(name: &str, script: Script, dir: &Path) -> std::io::Result<Self> {
        let (reservation, address) = if script.unix {
            (None, Address::Unix(dir.join(format!("{name}.sock"))))
        } else {
            let reservation = Reservation::new()?;
            let address = Address::Tcp(reservation.address);
            (Some(reservation), address)
        };
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            script,
            stopped: AtomicBool::new(true),
            check_status: AtomicU16::new(200),
            connections: AtomicUsize::new(0),
            live: Mutex::default(),
            records: Mutex::default(),
            check: Mutex::default(),
        });
        let name = name.to_owned();
        let (hole, hole_listener) = (Vec::new(), None);
        let mut backend =
            Self { name, address, shared, reservation, listening: false, hole, hole_listener };
        if backend.shared.script.hole {
            backend.dig()?;
        } else if !backend.shared.script.refuses {
            backend.listen()?;
        }
        Ok(backend)
    }

    /// Starts (again) to accept connections.
    pub fn listen(&mut self) -> std::io::Result<()> {
        if self.listening {
            return Ok(());
        }
        let listener = match (&self.reservation, &self.address) {
            (Some(reservation), _) => Listener::Tcp(reservation.listen(128)?),
            (None, Address::Unix(path)) => Listener::Unix(bind_unix(path)?),
            (None, Address::Tcp(_)) => return Err(std::io::ErrorKind::AddrNotAvailable.into()),
        };
        self.listening = true;
        self.shared.stopped.store(false, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            while let Ok(socket) = listener.accept() {
                if shared.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(socket));
            }
        });
        Ok(())
    }

    /// Stops accepting and cuts every connection, as the end of its process would.
    pub fn stop(&mut self) {
        if !self.listening {
            return;
        }
        self.listening = false;
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(Socket::connect(&self.address, None));
        if let Address::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
        for socket in lock(&self.shared.live).drain(..) {
            socket.shutdown(Shutdown::Both);
        }
    }

    /// The status that health checks get from now on.
    pub fn answer_checks_with(&self, status: u16) {
        self.shared.check_status.store(status, Ordering::SeqCst);
    }

    /// What was recorded, one line each, with the number of its connection.
    pub fn records(&self) -> Vec<(usize, String)> {
        lock(&self.shared.records).clone()
    }

    /// The first health check request that came.
    pub fn check_request(&self) -> Option<String> {
        lock(&self.shared.check).clone()
    }

    /// How many connections have brought at least one byte or were answered at connect.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    fn dig(&mut self) -> std::io::Result<()> {
        let Some(reservation) = &self.reservation else { return Ok(()) };
        let listener = reservation.listen(0)?;
        for _ in 0..HOLE_FILLERS {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            let full =
                socket.connect_timeout(&reservation.address.into(), Duration::from_millis(60));
            self.hole.push(Socket::Tcp(socket.into()));
            if full.is_err() {
                break;
            }
        }
        self.hole_listener = Some(listener);
        Ok(())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A lock that is usable even after a panic of another holder.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bind_unix(path: &PathBuf) -> std::io::Result<UnixListener> {
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path)
}

/// Whether a connection goes on after what was done.
#[derive(PartialEq, Eq)]
enum Next {
    Request,
    Stop,
}

impl Shared {
    fn serve(&self, socket: Socket) {
        if let Ok(clone) = socket.try_clone() {
            lock(&self.live).push(clone);
        }
        let mut reader = Reader::new(socket, IDLE);
        let number = usize::MAX;
        let mut session = Session { server: self, number };
        if self.script.accept_proxy && !session.proxy_header(&mut reader) {
            return;
        }
        if let Some(actions) = self.script.at_connect() {
            session.number();
            session.act(&mut reader, actions, None);
        } else {
            while session.request(&mut reader) == Next::Request {}
        }
        reader.socket.shutdown(Shutdown::Both);
    }
}

struct Session<'a> {
    server: &'a Shared,
    number: usize,
}

impl Session<'_> {
    /// This connection's number, given when it is first of use.
    fn number(&mut self) -> usize {
        if self.number == usize::MAX {
            self.number = self.server.connections.fetch_add(1, Ordering::SeqCst) + 1;
        }
        self.number
    }

    fn record(&mut self, line: String) {
        let number = self.number();
        lock(&self.server.records).push((number, line));
    }

    fn request(&mut self, reader: &mut Reader) -> Next {
        let head = match reader.head() {
            Ok(head) => head,
            Err(_) if reader.pending().is_empty() => return Next::Stop,
            Err(end) => {
                let bytes = show(reader.pending());
                self.record(format!("> broken head {bytes} {}", end.word()));
                return Next::Stop;
            }
        };
        let target = head.word(1).to_owned();
        if target.starts_with(CHECK_TARGET) || head.word(0) == "OPTIONS" && target == "/" {
            return self.check(reader, head);
        }
        if let Some(actions) = self.server.script.at_head(&target) {
            self.record_lines(head_lines(&head));
            return self.act(reader, actions, Some(&head));
        }
        let message = reader.request_body(head);
        if !target.contains(PROBE_MARK) {
            self.record_lines(message_lines(&message));
        }
        if message.end != End::Complete {
            return Next::Stop;
        }
        match self.server.script.at_request(&target) {
            Some(actions) => self.act(reader, actions, Some(&message.head)),
            None => {
                let body = self.server.name.clone().into_bytes();
                self.reply(reader, &message.head, (200, b"", &body))
            }
        }
    }

    fn record_lines(&mut self, lines: Vec<String>) {
        let number = self.number();
        lock(&self.server.records).extend(lines.into_iter().map(|line| (number, line)));
    }

    fn check(&mut self, reader: &mut Reader, head: Head) -> Next {
        let message = reader.request_body(head);
        let lines = message_lines(&message).join(" | ");
        lock(&self.server.check).get_or_insert(lines);
        let status = self.server.check_status.load(Ordering::SeqCst);
        self.reply(reader, &message.head, (status, b"", b"checked"))
    }

    fn reply(&self, reader: &mut Reader, request: &Head, answer: (u16, &[u8], &[u8])) -> Next {
        let (status, fields, body) = answer;
        let last = request.has_token("connection", "close")
            || request.word(2) == "HTTP/1.0" && !request.has_token("connection", "keep-alive");
        let close = if last { "Connection: close\r\n" } else { "" };
        let mut out = format!(
            "HTTP/1.1 {status} {}\r\nContent-Length: {}\r\nX-Server: {}\r\n{close}",
            reason(status),
            body.len(),
            self.server.name
        )
        .into_bytes();
        out.extend_from_slice(fields);
        out.extend_from_slice(b"\r\n");
        if request.word(0) != "HEAD" && status != 204 && status != 304 {
            out.extend_from_slice(body);
        }
        match reader.socket.write_all(&out) {
            Ok(()) if !last => Next::Request,
            _ => Next::Stop,
        }
    }

    fn act(&mut self, reader: &mut Reader, actions: &[Action], request: Option<&Head>) -> Next {
        for action in actions {
            match action {
                Action::Send(bytes) => {
                    if reader.socket.write_all(bytes).is_err() {
                        return Next::Stop;
                    }
                }
                Action::Wait(time) => std::thread::sleep(*time),
                Action::Reply(status, fields, body) => {
                    let none = Head::default();
                    let answer = (*status, &**fields, &**body);
                    if self.reply(reader, request.unwrap_or(&none), answer) == Next::Stop {
                        return Next::Stop;
                    }
                }
                Action::Close => return Next::Stop,
                Action::Reset => {
                    reader.socket.linger_none();
                    self.forget(&reader.socket);
                    return Next::Stop;
                }
                Action::Shut => reader.socket.shutdown(Shutdown::Write),
                Action::Read(count) => {
                    let (bytes, end) = reader.take(*count);
                    self.record(format!("> {} {}", show(&bytes), end.word()));
                }
                Action::ReadBody => {
                    let message = reader.request_body(request.cloned().unwrap_or_default());
                    self.record_lines(body_lines(&message));
                }
                Action::ReadRest => {
                    let (bytes, end) = reader.take_rest();
                    self.record(format!("> {} {}", show(&bytes), end.word()));
                }
                Action::Echo => echo(reader),
                Action::Hang => {
                    state(reader, PATIENCE * 2);
                }
            }
        }
        Next::Request
    }

    /// Drops the second handle of a connection, so that closing the first ends it.
    fn forget(&self, socket: &Socket) {
        let peer = |s: &Socket| match s {
            Socket::Tcp(s) => s.peer_addr().ok(),
            Socket::Unix(_) => None,
        };
        let this = peer(socket);
        lock(&self.server.live).retain(|other| peer(other) != this);
    }

    fn proxy_header(&mut self, reader: &mut Reader) -> bool {
        while reader.pending().is_empty() {
            if reader.fill().is_err() {
                return false;
            }
        }
        let text = if reader.pending()[0] == b'P' {
            let line = reader.take_line().unwrap_or_default();
            String::from_utf8_lossy(&line).trim_end().to_owned()
        } else {
            let (header, _) = reader.take(16);
            let length = header.get(14..16).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
            let (block, _) = reader.take(usize::from(length));
            proxy_v2_text(&header, &block)
        };
        self.record(format!("> {text}"));
        true
    }
}

fn proxy_v2_text(header: &[u8], block: &[u8]) -> String {
    let (command, family) = (header.get(12).copied(), header.get(13).copied());
    match (command, family, block) {
        (Some(0x21), Some(0x11), [a, b, c, d, e, f, g, h, p, q, r, s, rest @ ..]) => format!(
            "PROXYv2 {a}.{b}.{c}.{d}:{} {e}.{f}.{g}.{h}:{} {}",
            u16::from_be_bytes([*p, *q]),
            u16::from_be_bytes([*r, *s]),
            show(rest)
        ),
        _ => format!("PROXYv2 {command:02x?} {family:02x?} {}", show(block)),
    }
}

fn echo(reader: &mut Reader) {
    loop {
        let waiting = reader.pending().len();
        if waiting > 0 {
            let (bytes, _) = reader.take(waiting);
            if reader.socket.write_all(&bytes).is_err() {
                return;
            }
        } else if reader.fill().is_err() {
            return;
        }
    }
}

fn head_lines(head: &Head) -> Vec<String> {
    let fields = head.fields.iter().map(|(n, v)| format!(">   {}: {v}", n.to_ascii_lowercase()));
    std::iter::once(format!("> {}", head.start)).chain(fields).collect()
}

fn body_lines(message: &Message) -> Vec<String> {
    let mut lines = Vec::new();
    if !message.body.is_empty() || message.end != End::Complete {
        lines.push(format!(">   body {} {}", show(&message.body), message.end.word()));
    }
    for (name, value) in &message.trailers {
        lines.push(format!(">   trailer {}: {value}", name.to_ascii_lowercase()));
    }
    lines
}

fn message_lines(message: &Message) -> Vec<String> {
    let mut lines = head_lines(&message.head);
    lines.extend(body_lines(message));
    lines
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Scripted",
    }
}
