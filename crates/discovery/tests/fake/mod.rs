//! An engine of API 1.24 with containers that a test makes up, and manners to break.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Good,
    /// Every answer is 500.
    Failing,
    /// Answers are no JSON.
    Garbage,
    /// Connections are closed at once.
    Refusing,
}

struct State {
    manner: Manner,
    /// State by id; an empty one cannot be described.
    containers: BTreeMap<String, String>,
    /// It is a manager of a Swarm with these tasks: id, node, address.
    swarm: Option<Vec<(String, String, String)>>,
    listeners: Vec<UnixStream>,
    asked: Vec<String>,
    time_ns: u64,
}

/// The engine; its socket is removed at the end.
pub struct Engine {
    dir: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Engine {
    /// Starts one.
    pub fn start() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("evk-engine-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let state = State {
            manner: Manner::Good,
            containers: BTreeMap::new(),
            swarm: None,
            listeners: Vec::new(),
            asked: Vec::new(),
            time_ns: 2_000_000_000,
        };
        let engine = Self { dir, state: Arc::new(Mutex::new(state)) };
        engine.show();
        engine
    }

    /// Its socket.
    pub fn path(&self) -> PathBuf {
        socket(&self.dir)
    }

    /// Listens on a new socket.
    pub fn show(&self) {
        let listener = UnixListener::bind(self.path()).expect("a socket");
        let state = Arc::clone(&self.state);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
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

    /// A container is there, in this state.
    pub fn put(&self, id: &str, state: &str) {
        self.state().containers.insert(id.to_owned(), state.to_owned());
    }

    /// A container is there no more.
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
        let actor = format!(r#"{{"ID":"{id}","Attributes":{{"name":"{id}"{attributes}}}}}"#);
        let kind = format!(r#""Type":"{kind}","Action":"{action}","timeNano":{time}"#);
        let text = format!("{{{kind},\"Actor\":{actor}}}\n");
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        state.listeners.retain_mut(|s| s.write_all(chunk.as_bytes()).is_ok());
    }

    /// Ends all event streams after this beginning of a message.
    pub fn cut(&self, text: &str) {
        let chunk = format!("{:x}\r\n{text}", text.len() + 100);
        for mut stream in self.state().listeners.drain(..) {
            let _ = stream.write_all(chunk.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("docker.sock")
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection.
fn serve(stream: UnixStream, state: &Mutex<State>) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(first)) = lines.next() {
        while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut state = lock(state);
        state.asked.push(path.clone());
        match state.manner {
            Manner::Refusing => return,
            Manner::Failing => answer(&mut writer, 500, r#"{"message":"out of order"}"#),
            Manner::Garbage => answer(&mut writer, 200, "\u{1}<html>{{{"),
            Manner::Good if path.contains("/events") => {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                            Transfer-Encoding: chunked\r\n\r\n";
                if writer.write_all(head.as_bytes()).is_ok()
                    && let Ok(clone) = writer.try_clone()
                {
                    state.listeners.push(clone);
                }
            }
            Manner::Good => {
                let (status, body) = described(&state, &path);
                answer(&mut writer, status, &body);
            }
        }
    }
}

fn described(state: &State, path: &str) -> (u16, String) {
    let path = path.split('?').next().unwrap_or_default();
    if path.ends_with("/version") {
        return (200, r#"{"ApiVersion":"1.24","Version":"1.12.6"}"#.to_owned());
    }
    if path.ends_with("/info") {
        let swarm = match state.swarm {
            Some(_) => r#"{"NodeID":"a","LocalNodeState":"active","ControlAvailable":true}"#,
            None => "{}",
        };
        return (200, format!(r#"{{"SystemTime":"1970-01-01T00:00:02Z","Swarm":{swarm}}}"#));
    }
    if let Some((list, tasks)) = path.rsplit_once('/').map(|p| p.1).zip(state.swarm.as_ref()) {
        match list {
            "services" => return (200, SERVICES.to_owned()),
            "nodes" => return (200, r#"[{"ID":"a"},{"ID":"b"}]"#.to_owned()),
            "tasks" => return (200, format!("[{}]", described_tasks(tasks).join(","))),
            _ => {}
        }
    }
    if path.ends_with("/containers/json") {
        let list: Vec<String> =
            state.containers.keys().map(|id| format!(r#"{{"Id":"{id}"}}"#)).collect();
        return (200, format!("[{}]", list.join(",")));
    }
    let id = path.trim_end_matches("/json").rsplit('/').next().unwrap_or_default();
    match state.containers.get(id).map(String::as_str) {
        None => (404, r#"{"message":"no such container"}"#.to_owned()),
        Some("") => (500, r#"{"message":"cannot be read"}"#.to_owned()),
        Some(status) => {
            let started = "1970-01-01T00:00:01Z";
            let state = format!(r#"{{"Status":"{status}","StartedAt":"{started}"}}"#);
            (200, format!(r#"{{"Id":"{id}","Name":"/{id}","State":{state},"Config":{{}}}}"#))
        }
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

fn answer(writer: &mut UnixStream, status: u16, body: &str) {
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = writer.write_all(text.as_bytes());
}
