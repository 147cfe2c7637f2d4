//! A Docker engine of API 1.24 with containers that a test makes up, and manners to break.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::process::Scratch;

/// Between two pieces of an answer that never ends.
const DRIP: Duration = Duration::from_millis(50);
/// Pieces of it; far more than anybody waits for.
const DRIPS: u32 = 2_000;

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Good,
    /// Every answer is 500.
    Failing,
    /// Answers are no JSON.
    Garbage,
    /// Answers are no HTTP.
    Nonsense,
    /// Connections are closed at once.
    Refusing,
    /// Nothing is ever answered.
    Silent,
    /// Header fields of answers have no end.
    EndlessHead,
    /// Bodies of answers have no end.
    EndlessBody,
    /// Every answer comes after this time.
    Slow(Duration),
    /// Events are no JSON.
    GarbledEvents,
    /// It speaks the API up to 1.23.
    TooOld,
    /// Every version that anybody asks for is refused as too old.
    TooNew,
    /// Nobody may ask anything.
    Forbidding,
}

/// A container that is there.
#[derive(Clone, Debug)]
pub struct Container {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// State, as the engine calls it.
    pub state: String,
    /// Start, seconds since 1970 (less than 60).
    pub started_s: u32,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Variables.
    pub env: Vec<(String, String)>,
    /// A port of it, and where on this machine it is published.
    pub published: Option<(u16, u16)>,
    /// Its address on the network `net`.
    pub address: Option<String>,
    /// What is answered instead of its description.
    pub instead: Option<(u16, Vec<u8>)>,
}

impl Container {
    /// A running one without anything special.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            state: "running".to_owned(),
            started_s: 1,
            labels: Vec::new(),
            env: Vec::new(),
            published: None,
            address: None,
            instead: None,
        }
    }

    /// The same with a label.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, answering at this address through a port that it publishes.
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.published = Some((8000, address.port()));
        self.label("evenkeel.address", "published")
    }

    /// As `inspect` tells it.
    fn described(&self) -> String {
        let pairs = |list: &[(String, String)]| {
            let all = list.iter().map(|(k, v)| format!("{}:{}", quoted(k), quoted(v)));
            all.collect::<Vec<_>>().join(",")
        };
        let variables = self.env.iter().map(|(k, v)| quoted(&format!("{k}={v}")));
        let ports = self.published.map(|(inner, outer)| {
            format!(r#""{inner}/tcp":[{{"HostIp":"127.0.0.1","HostPort":"{outer}"}}]"#)
        });
        let network = self
            .address
            .as_ref()
            .map(|ip| format!(r#""net":{{"NetworkID":"net","IPAddress":{}}}"#, quoted(ip)));
        format!(
            r#"{{"Id":{id},"Name":{name},"State":{{"Status":{state},"StartedAt":
            "1970-01-01T00:00:{started:02}Z"}},"Config":{{"Image":"app","Labels":{{{labels}}},
            "Env":[{env}],"ExposedPorts":{{"8000/tcp":{{}}}}}},"HostConfig":{{}},
            "NetworkSettings":{{"Ports":{{{ports}}},"Networks":{{{network}}}}}}}"#,
            id = quoted(&self.id),
            name = quoted(&format!("/{}", self.name)),
            state = quoted(&self.state),
            started = self.started_s,
            labels = pairs(&self.labels),
            env = variables.collect::<Vec<_>>().join(","),
            ports = ports.unwrap_or_default(),
            network = network.unwrap_or_default(),
        )
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

struct State {
    manner: Manner,
    containers: BTreeMap<String, Container>,
    /// It is a manager of a Swarm with these tasks: id, node, address.
    swarm: Option<Vec<(String, String, String)>>,
    listeners: Vec<Line>,
    asked: Vec<String>,
    time_ns: u64,
    /// Every event as a chunk, and its time: who asks for those since a time gets them.
    past: Vec<(u64, String)>,
}

/// The engine; its socket is removed at the end.
pub struct Engine {
    dir: Scratch,
    state: Arc<Mutex<State>>,
}

impl Engine {
    /// Starts one.
    pub fn start() -> Self {
        let engine = Self::absent();
        engine.show();
        engine
    }

    /// One that nobody can reach yet.
    pub fn absent() -> Self {
        let state = State {
            manner: Manner::Good,
            containers: BTreeMap::new(),
            swarm: None,
            listeners: Vec::new(),
            asked: Vec::new(),
            time_ns: 60_000_000_000,
            past: Vec::new(),
        };
        let dir = Scratch::new().expect("a folder");
        Self { dir, state: Arc::new(Mutex::new(state)) }
    }

    /// Its socket.
    pub fn path(&self) -> PathBuf {
        self.dir.path.join("docker.sock")
    }

    /// Its socket, as `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    /// Listens on a new socket.
    pub fn show(&self) {
        let listener = UnixListener::bind(self.path()).expect("a socket");
        let state = Arc::clone(&self.state);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                attend(Line::Unix(stream), &state);
            }
        });
    }

    /// Listens by TCP, too.
    pub fn listen_tcp(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::clone(&self.state);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                attend(Line::Tcp(stream), &state);
            }
        });
        address
    }

    /// Removes the socket.
    pub fn hide(&self) {
        let _ = std::fs::remove_file(self.path());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Behaves like this from now on.
    pub fn set(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// A container is there, and nobody is told.
    pub fn put(&self, container: Container) {
        self.state().containers.insert(container.id.clone(), container);
    }

    /// A container is there, and that it started is told.
    pub fn run(&self, container: Container) {
        let id = container.id.clone();
        self.put(container);
        self.event(&id, "start", "");
    }

    /// A container is there no more, and nobody is told.
    pub fn remove(&self, id: &str) {
        self.state().containers.remove(id);
    }

    /// It is the node `a` and manager of a Swarm of the nodes `a` and `b` with these tasks of the
    /// service `web`: id, node, address.
    pub fn lead(&self, tasks: &[(&str, &str, &str)]) {
        let owned = |(id, node, address): &(&str, &str, &str)| {
            ((*id).to_owned(), (*node).to_owned(), (*address).to_owned())
        };
        self.state().swarm = Some(tasks.iter().map(owned).collect());
    }

    /// Tells an event, with further attributes.
    pub fn event(&self, id: &str, action: &str, attributes: &str) {
        self.event_of("container", id, action, attributes);
    }

    /// Tells an event of something else.
    pub fn event_of(&self, kind: &str, id: &str, action: &str, attributes: &str) {
        let mut state = self.state();
        state.time_ns += 1;
        let time = state.time_ns;
        let name = quoted(state.containers.get(id).map_or(id, |c| &c.name));
        let actor =
            format!(r#"{{"ID":{},"Attributes":{{"name":{name}{attributes}}}}}"#, quoted(id));
        let kind = format!(r#""Type":"{kind}","Action":"{action}","timeNano":{time}"#);
        let text = format!("{{{kind},\"Actor\":{actor}}}\n");
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        state.listeners.retain_mut(|s| s.write_all(chunk.as_bytes()).is_ok());
        state.past.push((time, chunk));
    }

    /// Ends all event streams after this beginning of a message.
    pub fn cut(&self, text: &str) {
        let chunk = format!("{:x}\r\n{text}", text.len() + 100);
        for mut stream in self.state().listeners.drain(..) {
            let _ = stream.write_all(chunk.as_bytes());
            stream.end();
        }
    }

    /// Paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection.
enum Line {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Line {
    fn try_clone(&self) -> std::io::Result<Self> {
        Ok(match self {
            Self::Unix(s) => Self::Unix(s.try_clone()?),
            Self::Tcp(s) => Self::Tcp(s.try_clone()?),
        })
    }

    fn end(&self) {
        // It may be over already.
        let _ = match self {
            Self::Unix(s) => s.shutdown(Shutdown::Both),
            Self::Tcp(s) => s.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(s) => s.read(buffer),
            Self::Tcp(s) => s.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(s) => s.write(bytes),
            Self::Tcp(s) => s.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn attend(line: Line, state: &Arc<Mutex<State>>) {
    let state = Arc::clone(state);
    std::thread::spawn(move || serve(line, &state));
}

/// Answers the requests of one connection.
fn serve(line: Line, state: &Mutex<State>) {
    let Ok(mut writer) = line.try_clone() else { return };
    let mut lines = BufReader::new(line).lines();
    while let Some(Ok(first)) = lines.next() {
        while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let manner = {
            let mut state = lock(state);
            state.asked.push(path.clone());
            state.manner
        };
        match manner {
            Manner::Refusing => return writer.end(),
            Manner::Silent => continue,
            Manner::Nonsense => {
                let _ = writer.write_all(b"\x16\x03\x01\x00\x02\x02\x28");
                return writer.end();
            }
            Manner::Failing => answer(&mut writer, 500, br#"{"message":"out of order"}"#),
            Manner::Forbidding => answer(&mut writer, 403, b"Forbidden"),
            Manner::Garbage => answer(&mut writer, 200, b"\x01<html>{{{"),
            Manner::EndlessHead => {
                return drip(&mut writer, "HTTP/1.1 200 OK\r\n", "X-More: x\r\n");
            }
            Manner::EndlessBody => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n";
                return drip(&mut writer, head, "1\r\n \r\n");
            }
            Manner::TooNew if !path.ends_with("/version") => {
                let text = "client version 1.24 is too old. Minimum supported API version is \
                            9.99, please upgrade your client to a newer version";
                answer(&mut writer, 400, format!(r#"{{"message":"{text}"}}"#).as_bytes());
            }
            manner => {
                if let Manner::Slow(time) = manner {
                    std::thread::sleep(time);
                }
                if path.contains("/events") {
                    events(&mut writer, state, manner, since(&path));
                } else {
                    let (status, body) = described(&lock(state), &path);
                    answer(&mut writer, status, &body);
                }
            }
        }
    }
}

/// Nanoseconds of `since=SECONDS.NANOSECONDS`.
fn since(path: &str) -> Option<u64> {
    let (_, value) = path.split_once("since=")?;
    let (seconds, rest) = value.split('&').next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000_000 + rest.parse::<u64>().ok()?)
}

/// Begins an event stream, with what has happened since then.
fn events(writer: &mut Line, state: &Mutex<State>, manner: Manner, since: Option<u64>) {
    let mut head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n"
        .to_owned();
    if manner == Manner::GarbledEvents {
        head.push_str("7\r\n{\"a\x02\"]\n\r\n");
    }
    let mut state = lock(state);
    let missed = state.past.iter().filter(|(time, _)| since.is_some_and(|since| *time > since));
    missed.for_each(|(_, chunk)| head.push_str(chunk));
    if writer.write_all(head.as_bytes()).is_ok()
        && let Ok(clone) = writer.try_clone()
    {
        state.listeners.push(clone);
    }
}

fn described(state: &State, path: &str) -> (u16, Vec<u8>) {
    let path = path.split('?').next().unwrap_or_default();
    let found = |text: &str| (200, text.as_bytes().to_vec());
    if path.ends_with("/_ping") {
        return found("OK");
    }
    if path.ends_with("/version") {
        let version = match state.manner {
            Manner::TooNew => "9.99",
            Manner::TooOld => "1.23",
            _ => "1.24",
        };
        return found(&format!(r#"{{"ApiVersion":"{version}","Version":"1.12.6"}}"#));
    }
    if path.ends_with("/info") {
        let swarm = match state.swarm {
            Some(_) => r#"{"NodeID":"a","LocalNodeState":"active","ControlAvailable":true}"#,
            None => "{}",
        };
        let (s, ns) = (state.time_ns / 1_000_000_000, state.time_ns % 1_000_000_000);
        let time = format!("1970-01-01T00:{:02}:{:02}.{ns:09}Z", s / 60 % 60, s % 60);
        return found(&format!(r#"{{"SystemTime":"{time}","Swarm":{swarm}}}"#));
    }
    if let Some((list, tasks)) = path.rsplit_once('/').map(|p| p.1).zip(state.swarm.as_ref()) {
        match list {
            "services" => return found(SERVICES),
            "nodes" => return found(r#"[{"ID":"a"},{"ID":"b"}]"#),
            "tasks" => return found(&format!("[{}]", described_tasks(tasks).join(","))),
            _ => {}
        }
    }
    if path.ends_with("/containers/json") {
        let one = |c: &Container| {
            format!(r#"{{"Id":{},"Names":[{}]}}"#, quoted(&c.id), quoted(&format!("/{}", c.name)))
        };
        let list: Vec<String> = state.containers.values().map(one).collect();
        return found(&format!("[{}]", list.join(",")));
    }
    let id = path.trim_end_matches("/json").rsplit('/').next().unwrap_or_default();
    match state.containers.get(id) {
        None => (404, br#"{"message":"no such container"}"#.to_vec()),
        Some(container) => match &container.instead {
            Some(answer) => answer.clone(),
            None => found(&container.described()),
        },
    }
}

/// The one service of the Swarm.
const SERVICES: &str = r#"[{"ID":"s","Version":{"Index":5},"Spec":{"Name":"web"}}]"#;

fn described_tasks(tasks: &[(String, String, String)]) -> Vec<String> {
    let described = |(id, node, address): &(String, String, String)| {
        let network = r#""Network":{"ID":"n","Spec":{"Name":"apps"}}"#;
        format!(
            r#"{{"ID":"{id}","ServiceID":"s","NodeID":"{node}","Slot":1,
            "Status":{{"State":"running"}},
            "NetworksAttachments":[{{{network},"Addresses":["{address}/24"]}}]}}"#
        )
    };
    tasks.iter().map(described).collect()
}

fn answer(writer: &mut Line, status: u16, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = writer.write_all(&[head.as_bytes(), body].concat());
}

/// Writes without an end, as long as anybody reads.
fn drip(writer: &mut Line, head: &str, piece: &str) {
    let mut wrote = writer.write_all(head.as_bytes());
    for _ in 0..DRIPS {
        std::thread::sleep(DRIP);
        wrote = wrote.and_then(|()| writer.write_all(piece.as_bytes()));
        if wrote.is_err() {
            break;
        }
    }
}
