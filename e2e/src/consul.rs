//! A real Consul: one agent that is server and client at once, in memory, on its own ports.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::binaries::Binary;
use crate::process::{Process, Scratch, Signal};

/// The variable that names Consul's binary.
pub const VARIABLE: &str = "EVENKEEL_CONSUL";
/// How long a start may take.
const START: Duration = Duration::from_secs(60);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Consul's binary, or why there is none. `.ci/run` fetches it; so does `e2e/scripts/consul DIR`.
pub fn binary() -> Result<PathBuf, String> {
    let path = match std::env::var_os(VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => crate::docker::images::cache().join("consul/consul"),
    };
    match path.is_file() {
        true => Ok(path),
        false => {
            Err(format!("no Consul at {} (e2e/scripts/consul DIR fetches one)", path.display()))
        }
    }
}

/// A running agent; killed when dropped.
pub struct Consul {
    /// Where its HTTP interface is.
    pub address: SocketAddr,
    /// Token of the operator.
    token: Option<&'static str>,
    arguments: Vec<String>,
    process: Option<Process>,
    dir: Scratch,
}

impl Consul {
    /// Starts one that everybody may ask.
    ///
    /// # Errors
    /// Why it does not run.
    pub fn start() -> Result<Self, String> {
        Self::with(&[], None)
    }

    /// Starts one that tells nobody anything without a token; the operator's is `root`.
    ///
    /// # Errors
    /// Why it does not run.
    pub fn closed() -> Result<Self, String> {
        let acl = "acl { enabled = true default_policy = \"deny\" tokens { master = \"root\" } }";
        Self::with(&["-hcl", acl], Some("root"))
    }

    fn with(more: &[&str], token: Option<&'static str>) -> Result<Self, String> {
        let io = |e: std::io::Error| e.to_string();
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io);
        let held = [free()?, free()?, free()?];
        let ports = held.each_ref().map(|l| l.local_addr().map(|a| a.port()).map_err(io));
        let [http, server, serf] = ports;
        let (http, server, serf) = (http?, server?, serf?);
        drop(held);
        let text = format!(
            "agent -dev -node here -bind 127.0.0.1 -client 127.0.0.1 -log-level warn \
             -http-port {http} -server-port {server} -serf-lan-port {serf} -serf-wan-port -1 \
             -dns-port -1 -grpc-port -1"
        );
        let arguments = text.split_whitespace().chain(more.iter().copied()).map(str::to_owned);
        let mut consul = Self {
            address: (Ipv4Addr::LOCALHOST, http).into(),
            token,
            arguments: arguments.collect(),
            process: None,
            dir: Scratch::new().map_err(io)?,
        };
        consul.begin()?;
        Ok(consul)
    }

    /// Starts it (again), with nothing in its memory.
    ///
    /// # Errors
    /// Why it does not run.
    pub fn begin(&mut self) -> Result<(), String> {
        let binary = Binary { path: binary()?, name: "consul" };
        let process = Process::start(&binary, &self.dir.path, &self.arguments);
        let process = self.process.insert(process.map_err(|e| e.to_string())?);
        let said = process.stdout();
        let deadline = Instant::now() + START;
        // A write that is taken shows that there is a leader.
        while !self.put("/v1/kv/ready", "1").is_ok_and(|said| said.trim() == "true") {
            if Instant::now() > deadline {
                return Err(format!("Consul has no leader in time: {said}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Ends it at once; what it knew is gone.
    pub fn end(&mut self) {
        self.process = None;
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Asks.
    ///
    /// # Errors
    /// Anything but an answer of status 200.
    pub fn get(&self, path: &str) -> Result<String, String> {
        self.ask("GET", path, "")
    }

    /// Writes.
    ///
    /// # Errors
    /// Anything but an answer of status 200.
    pub fn put(&self, path: &str, body: &str) -> Result<String, String> {
        self.ask("PUT", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String, String> {
        let token = self.token.map(|t| format!("X-Consul-Token: {t}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: consul\r\n{token}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = (|| {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer).into_owned())
        })();
        let answer = answer.map_err(|e: std::io::Error| e.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head.split(' ').nth(1) {
            Some("200") => Ok(body.to_owned()),
            _ => Err(format!("{method} {path}: {answer}")),
        }
    }

    /// Registers an instance; `more` are further fields of the registration. Its check `check:ID`
    /// is what the test says it is, and passes at first.
    pub fn register(&self, service: &str, id: &str, at: SocketAddr, more: &str) {
        let (ip, port) = (at.ip(), at.port());
        let body = format!(
            "{{\"Name\":\"{service}\",\"ID\":\"{id}\",\"Address\":\"{ip}\",\"Port\":{port}{more},\
             \"Check\":{{\"CheckID\":\"check:{id}\",\"TTL\":\"1h\",\"Status\":\"passing\"}}}}"
        );
        self.put("/v1/agent/service/register", &body).expect("Consul registers");
    }

    /// Takes an instance out.
    pub fn deregister(&self, id: &str) {
        let path = format!("/v1/agent/service/deregister/{id}");
        self.put(&path, "").expect("Consul deregisters");
    }

    /// Says how an instance is: `pass`, `warn` or `fail`, with a note.
    pub fn check(&self, id: &str, state: &str, note: &str) {
        let path = format!("/v1/agent/check/{state}/check:{id}?note={note}");
        self.put(&path, "").expect("Consul takes the state of a check");
    }
}
