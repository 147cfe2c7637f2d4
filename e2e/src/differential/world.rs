//! What one side of a comparison needs: addresses, servers, files, a log listener, the program.

use super::case::Case;
use crate::backend::Backend;
use crate::binaries::Binary;
use crate::ports::{Address, Reservation};
use crate::process::{Process, Scratch};
use crate::syslog::LogListener;
use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<([a-z][a-z0-9_-]*)(\.port)?>").expect("the placeholder pattern is valid")
});

/// One side, running.
pub struct World {
    /// The program under test.
    pub process: Process,
    /// Its listening addresses, by name.
    pub listeners: BTreeMap<String, Address>,
    /// The servers, by name.
    pub servers: BTreeMap<String, Backend>,
    /// Where log messages arrive.
    pub log: LogListener,
    /// The folder of this side.
    pub dir: Scratch,
    /// Port numbers and what transcripts call them.
    pub port_names: BTreeMap<u16, String>,
    _reservations: Vec<Reservation>,
}

impl World {
    /// Starts servers and program, and waits until all binds listen.
    pub fn start(case: &Case, binary: &Binary) -> Result<Self, String> {
        let io = |e: std::io::Error| e.to_string();
        let dir = Scratch::new().map_err(io)?;
        let mut reservations = Vec::new();
        let listeners = listeners(&case.config, &dir.path, &mut reservations).map_err(io)?;
        let servers = servers(case, &listeners, &dir.path)?;
        let log = LogListener::start(&dir.path).map_err(io)?;
        let port_names = port_names(&listeners, &servers);
        for (name, content) in &case.files {
            let content = fill(content, &listeners, &servers, &log, &dir.path);
            let content = content.replace("<crlf>", "\r");
            std::fs::write(dir.path.join(name), content).map_err(io)?;
        }
        let config = fill(&case.config, &listeners, &servers, &log, &dir.path);
        let file = dir.path.join("haproxy.cfg");
        std::fs::write(&file, config).map_err(io)?;
        let arguments = ["-f".as_ref(), file.as_os_str(), "-db".as_ref()];
        let mut process = Process::start(binary, &dir.path, arguments).map_err(io)?;
        let all: Vec<_> = listeners.values().cloned().collect();
        process.wait_listening(&all)?;
        let _reservations = reservations;
        Ok(Self { process, listeners, servers, log, dir, port_names, _reservations })
    }

    /// A text with its placeholders replaced by this side's addresses.
    pub fn fill(&self, text: &str) -> String {
        fill(text, &self.listeners, &self.servers, &self.log, &self.dir.path)
    }
}

/// Names in angle brackets on lines whose first word is this one.
fn names<'a>(config: &'a str, keyword: &str) -> Vec<&'a str> {
    let lines = config.lines().filter(|line| line.split_whitespace().next() == Some(keyword));
    lines
        .flat_map(|line| PLACEHOLDER.captures_iter(line))
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str())
        .filter(|name| !matches!(*name, "dir" | "log" | "logsock"))
        .collect()
}

fn listeners(
    config: &str,
    dir: &Path,
    reservations: &mut Vec<Reservation>,
) -> std::io::Result<BTreeMap<String, Address>> {
    let mut out = BTreeMap::new();
    for name in names(config, "bind") {
        if out.contains_key(name) {
            continue;
        }
        let address = if name.starts_with("unix") {
            Address::Unix(dir.join(format!("{name}.sock")))
        } else {
            let reservation = Reservation::new()?;
            let address = Address::Tcp(reservation.address);
            reservations.push(reservation);
            address
        };
        out.insert(name.to_owned(), address);
    }
    Ok(out)
}

fn servers(
    case: &Case,
    listeners: &BTreeMap<String, Address>,
    dir: &Path,
) -> Result<BTreeMap<String, Backend>, String> {
    let mut out = BTreeMap::new();
    let scripted = case.servers.keys().map(String::as_str);
    let used = names(&case.config, "server").into_iter();
    for name in used.chain(scripted) {
        if listeners.contains_key(name) || out.contains_key(name) {
            continue;
        }
        let server = Backend::start(name, case.script(name)?, dir).map_err(|e| e.to_string())?;
        out.insert(name.to_owned(), server);
    }
    Ok(out)
}

fn port_names(
    listeners: &BTreeMap<String, Address>,
    servers: &BTreeMap<String, Backend>,
) -> BTreeMap<u16, String> {
    let servers = servers.iter().map(|(name, server)| (name, &server.address));
    let mut out = BTreeMap::new();
    for (name, address) in listeners.iter().chain(servers) {
        if let Address::Tcp(address) = address {
            out.insert(address.port(), format!("<{name}>"));
        }
    }
    out
}

fn fill(
    text: &str,
    listeners: &BTreeMap<String, Address>,
    servers: &BTreeMap<String, Backend>,
    log: &LogListener,
    dir: &Path,
) -> String {
    let replace = |found: &Captures<'_>| {
        let (name, port_only) = (&found[1], found.get(2).is_some());
        let address = listeners.get(name).or_else(|| servers.get(name).map(|s| &s.address));
        match (name, address) {
            (_, Some(Address::Tcp(address))) if port_only => address.port().to_string(),
            (_, Some(Address::Tcp(address))) => address.to_string(),
            (_, Some(Address::Unix(path))) => path.display().to_string(),
            ("dir", None) => dir.display().to_string(),
            ("logsock", None) => dir.join("log.sock").display().to_string(),
            ("log", None) => format!("127.0.0.1:{}", log.port().unwrap_or_default()),
            _ => found[0].to_owned(),
        }
    };
    PLACEHOLDER.replace_all(text, replace).into_owned()
}
