//! Evenkeel with a configuration file that the test edits.

use crate::binaries::{Binary, evenkeel};
use crate::client::{self, PATIENCE, Socket};
use crate::http::{Message, Reader};
use crate::ports::{Address, Reservation};
use crate::process::{Process, Scratch, Signal};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

/// How long an edit may take to become active on an idle machine; tests allow twice that.
pub const EDIT: Duration = Duration::from_secs(1);

/// A running balancer, its file and its address.
pub struct Balancer {
    /// The process.
    pub process: Process,
    /// The configuration file.
    pub file: PathBuf,
    /// The address of its main bind.
    pub address: SocketAddr,
    /// The folder for the test's files.
    pub dir: Scratch,
    reservations: Vec<Reservation>,
}

/// The name of the control socket in the test's folder.
const CONTROL: &str = "control.sock";

/// What stands before the frontends of every configuration here.
pub const DEFAULTS: &str = "defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
";

impl Balancer {
    /// Starts `evenkeel run -f FILE`; the text is made from the address of the main bind.
    pub fn start(text: impl Fn(SocketAddr) -> String) -> Result<Self, String> {
        Self::start_in("etc/haproxy.cfg", text)
    }

    /// The same with more arguments.
    pub fn start_with(
        more: &[String],
        text: impl Fn(SocketAddr) -> String,
    ) -> Result<Self, String> {
        Self::start_at("etc/haproxy.cfg", more, text)
    }

    /// The same with a chosen place of the file inside of the test's folder.
    pub fn start_in(place: &str, text: impl Fn(SocketAddr) -> String) -> Result<Self, String> {
        Self::start_at(place, &[], text)
    }

    fn start_at(
        place: &str,
        more: &[String],
        text: impl Fn(SocketAddr) -> String,
    ) -> Result<Self, String> {
        let io = |e: std::io::Error| e.to_string();
        let dir = Scratch::new().map_err(io)?;
        let reservation = Reservation::new().map_err(io)?;
        let address = reservation.address;
        let file = dir.path.join(place);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        if !file.exists() {
            std::fs::write(&file, text(address)).map_err(io)?;
        }
        let binary = Binary { name: "evenkeel", ..evenkeel()? };
        let control = dir.path.join(CONTROL);
        let arguments = ["run".as_ref(), "-f".as_ref(), file.as_os_str(), "--control".as_ref()];
        let rest = [control.as_os_str(), "--stop-grace".as_ref(), "2s".as_ref()];
        let more = more.iter().map(std::ffi::OsStr::new);
        let arguments = arguments.into_iter().chain(rest).chain(more);
        let process = Process::start(&binary, &dir.path, arguments).map_err(io)?;
        let mut balancer = Self { process, file, address, dir, reservations: vec![reservation] };
        balancer.process.wait_listening(&[Address::Tcp(address)])?;
        Ok(balancer)
    }

    /// One more address that a bind may use.
    pub fn another_address(&mut self) -> std::io::Result<SocketAddr> {
        let reservation = Reservation::new()?;
        let address = reservation.address;
        self.reservations.push(reservation);
        Ok(address)
    }

    /// Writes the file in place, as an editor that truncates does.
    pub fn save(&self, text: &str) {
        std::fs::write(&self.file, text).expect("the test's own file is writable");
    }

    /// Replaces the file by rename.
    pub fn replace(&self, text: &str) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, text).expect("the test's own folder is writable");
        std::fs::rename(&next, &self.file).expect("a rename inside of one folder works");
    }

    /// Asks once on a new connection.
    pub fn get(&self, target: &str, fields: &str) -> Result<Message, String> {
        get(self.address, target, fields)
    }

    /// The body of the answer to `/`, or what went wrong.
    pub fn name(&self) -> String {
        match self.get("/", "") {
            Ok(message) => body(&message),
            Err(why) => why,
        }
    }

    /// The status of the answer to `/`, 0 without one.
    pub fn status(&self) -> u16 {
        self.get("/", "").ok().and_then(|m| m.head.word(1).parse().ok()).unwrap_or(0)
    }

    /// Runs `evenkeel VERB ... --control SOCKET` to its end.
    pub fn command(&self, words: &[&str]) -> Result<Output, String> {
        let mut command = std::process::Command::new(evenkeel()?.path);
        command.args(words).arg("--control").arg(self.dir.path.join(CONTROL));
        command.output().map_err(|e| e.to_string())
    }

    /// One command of the runtime API and its answer.
    pub fn runtime(&self, command: &str) -> Result<String, String> {
        client::command(&self.dir.path.join(CONTROL), command).map_err(|e| e.to_string())
    }

    /// A column of a server's line in `show stat`.
    pub fn statistic(&self, backend: &str, server: &str, column: &str) -> Option<String> {
        let table = self.runtime("show stat").ok()?;
        let mut lines = table.lines();
        let at = lines.next()?.trim_start_matches("# ").split(',').position(|c| c == column)?;
        let start = format!("{backend},{server},");
        let line = lines.find(|line| line.starts_with(&start))?;
        line.split(',').nth(at).map(str::to_owned)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }
}

/// The body as text.
pub fn body(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

/// One request on a new connection.
pub fn get(address: SocketAddr, target: &str, fields: &str) -> Result<Message, String> {
    let socket = Socket::connect(&Address::Tcp(address), None).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(socket, PATIENCE);
    ask(&mut reader, target, fields)
}

/// One request on a connection that stays open.
pub fn ask(reader: &mut Reader, target: &str, fields: &str) -> Result<Message, String> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
    reader.socket.write_all(request.as_bytes()).map_err(|e| format!("sending: {e}"))?;
    let head = reader.head().map_err(|end| format!("no answer: {}", end.word()))?;
    let message = reader.response_body(head, "GET");
    match message.end.word() {
        "complete" => Ok(message),
        other => Err(format!("the answer was cut: {other}")),
    }
}
