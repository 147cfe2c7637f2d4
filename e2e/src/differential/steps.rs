//! The client steps of a case.

use super::world::World;
use crate::backend::{Backend, PROBE_MARK};
use crate::client::{PATIENCE, Socket, command, state};
use crate::http::{End, Message, Reader};
use crate::text::{bytes, duration, show};
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// How long a connection is watched at the end to see whether it stays open.
const SETTLE: Duration = Duration::from_millis(150);
/// How long the close that an answer announces may take.
const CLOSE: Duration = Duration::from_secs(2);
/// How long `until` tries.
const UNTIL: Duration = Duration::from_secs(8);
const UNTIL_PAUSE: Duration = Duration::from_millis(25);
/// How often a state that is waited for is looked at.
const STATE_PAUSE: Duration = Duration::from_millis(3);

/// The state of the client side.
pub struct Steps<'a> {
    world: &'a mut World,
    connections: BTreeMap<String, Connection>,
    lines: Vec<String>,
}

struct Connection {
    reader: Reader,
    methods: VecDeque<String>,
}

/// A request as a step describes it: `METHOD TARGET | Name: value | ... = "body"`.
struct Request {
    method: String,
    bytes: Vec<u8>,
}

impl<'a> Steps<'a> {
    /// No connection yet.
    pub fn new(world: &'a mut World) -> Self {
        Self { world, connections: BTreeMap::new(), lines: Vec::new() }
    }

    /// Does one step; `at` is its number.
    pub fn step(&mut self, at: usize, step: &str) -> Result<(), String> {
        let (times, step) = repetition(step);
        let step = self.world.fill(step);
        for turn in 1..=times {
            let label = if times > 1 { format!("{at}.{turn}") } else { at.to_string() };
            self.once(&label, &step)?;
        }
        Ok(())
    }

    /// Notes how the connections are left, closes them and gives what was written down.
    pub fn finish(mut self) -> Vec<String> {
        let deadline = Instant::now() + SETTLE;
        for (name, connection) in &mut self.connections {
            let left = deadline.saturating_duration_since(Instant::now());
            let state = state(&mut connection.reader, left.max(Duration::from_millis(5)));
            self.lines.push(format!("{name} is left {state}"));
        }
        self.connections.clear();
        self.lines
    }

    fn once(&mut self, label: &str, step: &str) -> Result<(), String> {
        let (verb, rest) = step.split_once(char::is_whitespace).unwrap_or((step, ""));
        let rest = rest.trim();
        if let Some(name) = verb.strip_suffix(':') {
            return self.on_connection(name, rest);
        }
        match verb {
            "wait" => std::thread::sleep(duration(rest)?),
            "stop" => self.server(rest)?.stop(),
            "start" => self.server(rest)?.listen().map_err(|e| e.to_string())?,
            "check" => {
                let (name, status) = rest.split_once(' ').ok_or("check SERVER STATUS")?;
                let status = status.parse().map_err(|e| format!("{status}: {e}"))?;
                self.server(name)?.answer_checks_with(status);
            }
            "until" => self.until(rest)?,
            "await" => {
                let (name, text) = rest.split_once(' ').ok_or("await SERVER TEXT")?;
                self.server(name)?;
                let holds = |world: &World| {
                    let records = world.servers.get(name).map(Backend::records).unwrap_or_default();
                    records.iter().any(|(_, line)| line.contains(text.trim()))
                };
                self.wait_for(holds, rest);
            }
            "logged" => {
                let holds =
                    |world: &World| world.log.messages().iter().any(|line| line.contains(rest));
                self.wait_for(holds, rest);
            }
            "command" => {
                let path = self.world.dir.path.join("admin.sock");
                let answer = command(&path, rest).map_err(|e| format!("{rest}: {e}"))?;
                let lines = answer.lines().filter(|line| !line.is_empty());
                self.lines.extend(lines.map(|line| format!("{label} < {line}")));
            }
            "raw" => {
                let (listener, text) = rest.split_once(' ').ok_or("raw LISTENER \"...\"")?;
                let mut connection = self.connect(listener)?;
                let sent = bytes(text)?;
                connection.reader.write(&sent);
                connection.methods.extend(method_of(&sent));
                let lines = connection.all_answers();
                self.lines.extend(lines.into_iter().map(|line| format!("{label} {line}")));
            }
            method => {
                let (listener, request) = rest.split_once(' ').ok_or("METHOD LISTENER TARGET")?;
                let request = Request::parse(method, request)?;
                let mut connection = self.connect(listener)?;
                connection.send(&request);
                let (lines, last) = connection.answers();
                self.lines.extend(lines.into_iter().map(|line| format!("{label} {line}")));
                match last.filter(|m| m.end == End::Complete) {
                    Some(m) if m.head.has_token("connection", "close") => {
                        let state = state(&mut connection.reader, CLOSE);
                        self.lines.push(format!("{label} is left {state}"));
                    }
                    Some(m) if m.head.word(1) != "101" => connection.leave(),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn on_connection(&mut self, name: &str, step: &str) -> Result<(), String> {
        let (verb, rest) = step.split_once(char::is_whitespace).unwrap_or((step, ""));
        let rest = rest.trim();
        if verb == "open" {
            let connection = self.connect(rest)?;
            if let Some(local) = connection.reader.socket.local() {
                self.world.port_names.insert(local.port(), format!("<{name}>"));
            }
            self.connections.insert(name.to_owned(), connection);
            return Ok(());
        }
        let connection = self.connections.get_mut(name).ok_or(format!("{name} is not open"))?;
        let mut lines = Vec::new();
        match verb {
            "send" => {
                let sent = bytes(rest)?;
                if !connection.reader.write(&sent) {
                    lines.push("cannot send".into());
                }
                if let Some(method) = method_of(&sent) {
                    connection.methods.push_back(method);
                }
            }
            "recv" => lines = connection.answers().0,
            "recv-one" => lines = connection.answer().0,
            "read" => {
                let count = rest.parse().map_err(|e| format!("{rest}: {e}"))?;
                let (received, end) = connection.reader.take(count);
                lines.push(format!("< {} {}", show(&received), end.word()));
            }
            "upto" => {
                let wanted = bytes(rest)?;
                let end = connection.reader.skip_to(&wanted);
                lines.push(format!("< ... {} {}", show(&wanted), end.word()));
            }
            "rest" => {
                let (received, end) = connection.reader.take_rest();
                lines.push(format!("< {} {}", show(&received), end.word()));
            }
            "state" => {
                let patience = if rest.is_empty() { SETTLE } else { duration(rest)? };
                lines.push(format!("is {}", state(&mut connection.reader, patience)));
            }
            "shut" => connection.reader.socket.shutdown(Shutdown::Write),
            "close" => drop(self.connections.remove(name)),
            "reset" => {
                connection.reader.socket.linger_none();
                self.connections.remove(name);
            }
            method => connection.send(&Request::parse(method, rest)?),
        }
        self.lines.extend(lines.into_iter().map(|line| format!("{name} {line}")));
        Ok(())
    }

    /// `LISTENER` or `LISTENER@SOURCE`.
    fn connect(&mut self, place: &str) -> Result<Connection, String> {
        let (name, source) = place.split_once('@').map_or((place, None), |(n, s)| (n, Some(s)));
        let source = source.map(|s| s.parse().map_err(|e| format!("{s}: {e}"))).transpose()?;
        let address = self.world.listeners.get(name).ok_or(format!("no listener {name}"))?;
        let reader = match Socket::connect(address, source) {
            // Accepted and reset before anybody could look.
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Reader::reset(),
            other => other.map(|socket| Reader::new(socket, PATIENCE)),
        };
        let reader = reader.map_err(|e| format!("{place}: {e}"))?;
        if let Some(local) = reader.socket.local() {
            self.world.port_names.insert(local.port(), "<client>".into());
        }
        Ok(Connection { reader, methods: VecDeque::new() })
    }

    fn server(&mut self, name: &str) -> Result<&mut crate::backend::Backend, String> {
        self.world.servers.get_mut(name.trim()).ok_or(format!("no server {name}"))
    }

    /// Waits for a state of this side, and writes down when it does not come.
    fn wait_for(&mut self, holds: impl Fn(&World) -> bool, what: &str) {
        let deadline = Instant::now() + UNTIL;
        while !holds(self.world) {
            if Instant::now() > deadline {
                self.lines.push(format!("never: {what}"));
                return;
            }
            std::thread::sleep(STATE_PAUSE);
        }
    }

    /// `until LISTENER TARGET | fields => TEXT`: asks until the answer holds the text.
    fn until(&mut self, rest: &str) -> Result<(), String> {
        let (question, wanted) = rest.split_once("=>").ok_or("until ... => TEXT")?;
        let (listener, request) = question.split_once(' ').ok_or("until LISTENER TARGET")?;
        if !request.contains(PROBE_MARK) {
            return Err(format!("the target of an until holds {PROBE_MARK}"));
        }
        let request = Request::parse("GET", request)?;
        let deadline = Instant::now() + UNTIL;
        loop {
            let mut connection = self.connect(listener)?;
            connection.send(&request);
            let (lines, _) = connection.answers();
            if lines.join("\n").contains(wanted.trim()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                self.lines
                    .push(format!("until {question}=>{wanted}: never; last {}", lines.join(" | ")));
                return Ok(());
            }
            std::thread::sleep(UNTIL_PAUSE);
        }
    }
}

impl Connection {
    fn send(&mut self, request: &Request) {
        self.reader.write(&request.bytes);
        self.methods.push_back(request.method.clone());
    }

    /// Closes, and waits until the other end has seen it: then it counts this connection no more.
    fn leave(mut self) {
        self.reader.socket.shutdown(Shutdown::Write);
        state(&mut self.reader, CLOSE);
    }

    /// The next answer, with the interim ones before it.
    fn answers(&mut self) -> (Vec<String>, Option<Message>) {
        let mut lines = Vec::new();
        loop {
            let (more, message) = self.answer();
            lines.extend(more);
            let interim = message.as_ref().is_some_and(|message| {
                let status = message.head.word(1);
                status.starts_with('1') && status != "101"
            });
            if !interim {
                self.methods.pop_front();
                return (lines, message);
            }
        }
    }

    /// Every answer until the other end closes, or bytes that are none.
    fn all_answers(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            while self.reader.pending().is_empty() {
                if let Err(end) = self.reader.fill() {
                    lines.push(format!("is left {}", end.word()));
                    return lines;
                }
            }
            if !b"HTTP/1.".starts_with(&self.reader.pending()[..self.reader.pending().len().min(7)])
            {
                let (rest, end) = self.reader.take_rest();
                lines.push(format!("< {} {}", show(&rest), end.word()));
                return lines;
            }
            let (more, message) = self.answers();
            lines.extend(more);
            if message.is_none_or(|message| message.end != End::Complete) {
                return lines;
            }
        }
    }

    fn answer(&mut self) -> (Vec<String>, Option<Message>) {
        let head = match self.reader.head() {
            Ok(head) => head,
            Err(end) => {
                let partial = show(self.reader.pending());
                return (vec![format!("< {partial} {}", end.word())], None);
            }
        };
        let method = self.methods.front().cloned().unwrap_or_default();
        let message = self.reader.response_body(head, &method);
        (message_lines(&message), Some(message))
    }
}

fn message_lines(message: &Message) -> Vec<String> {
    let page = error_page(&message.body);
    let mut fields: Vec<String> = Vec::new();
    for (name, value) in &message.head.fields {
        let name = name.to_ascii_lowercase();
        match (page, name.as_str()) {
            (true, "content-length") => fields.push("<   content-length: L".into()),
            _ => fields.push(format!("<   {name}: {value}")),
        }
    }
    if page {
        fields.sort();
    }
    let start = match page {
        true => format!("{} {} R", message.head.word(0), message.head.word(1)),
        false => message.head.start.clone(),
    };
    let mut lines = vec![format!("< {start}")];
    lines.extend(fields);
    if page {
        lines.push(format!("<   body of an error page {}", message.end.word()));
    } else if !message.body.is_empty() || message.end != End::Complete {
        lines.push(format!("<   body {} {}", show(&message.body), message.end.word()));
    }
    for (name, value) in &message.trailers {
        lines.push(format!("<   trailer {}: {value}", name.to_ascii_lowercase()));
    }
    lines
}

/// Whether a body is a built-in error page, whose words and order of fields are each program's
/// own: a heading that begins with a status, then text.
fn error_page(body: &[u8]) -> bool {
    let status = body.strip_prefix(b"<html><body><h1>").and_then(|rest| rest.get(..4));
    status.is_some_and(|s| s[..3].iter().all(u8::is_ascii_digit) && s[3] == b' ')
}

impl Request {
    fn parse(method: &str, text: &str) -> Result<Self, String> {
        let (text, body) = match text.split_once(" = ") {
            Some((text, body)) => (text, Some(bytes(body)?)),
            None => (text, None),
        };
        let mut parts = text.split(" | ").map(str::trim);
        let target = parts.next().unwrap_or_default();
        let (target, version) = target.split_once(' ').unwrap_or((target, "HTTP/1.1"));
        let method = method.to_ascii_uppercase();
        let mut head = format!("{method} {target} {version}\r\n");
        let fields: Vec<&str> = parts.collect();
        let has = |name: &str| fields.iter().any(|f| f.to_ascii_lowercase().starts_with(name));
        if !has("host:") && !has("-host") {
            head.push_str("Host: test\r\n");
        }
        for field in fields.iter().filter(|field| **field != "-host") {
            head.push_str(field);
            head.push_str("\r\n");
        }
        if let Some(body) = body.as_ref().filter(|_| !has("transfer-encoding:")) {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(body.unwrap_or_default());
        Ok(Self { method, bytes })
    }
}

fn repetition(step: &str) -> (usize, &str) {
    let counted = step.split_once("x ").and_then(|(n, rest)| Some((n.parse().ok()?, rest)));
    counted.unwrap_or((1, step))
}

/// The method, when sent bytes begin like a request.
fn method_of(sent: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(sent.split(|&b| b == b'\r' || b == b'\n').next()?);
    let looks = line.contains(" HTTP/") && line.starts_with(|c: char| c.is_ascii_uppercase());
    let method = line.split(' ').next().map(str::to_owned);
    looks.then_some(method).flatten()
}
