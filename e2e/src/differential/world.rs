//! What one side of a comparison needs: addresses, servers, files, a log listener, the program.

use super::case::Case;
use crate::backend::Backend;
use crate::binaries::Binary;
use crate::ports::{Address, Reservation};
use crate::process::{Process, Scratch};
use crate::syslog::LogListener;
use regex::{Captures, Regex};
use rustix::io::FdFlags;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::LazyLock;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<([a-z][a-z0-9_-]*)(\.port|\.fd)?>").expect("the placeholder pattern is valid")
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
    _places: Places,
}

/// Sockets that keep addresses for a side.
#[derive(Default)]
struct Places {
    reservations: Vec<Reservation>,
    /// Listening sockets that the program inherits, by name.
    inherited: BTreeMap<String, TcpListener>,
}

impl World {
    /// Starts servers and program, and waits until all binds listen.
    pub fn start(case: &Case, binary: &Binary) -> Result<Self, String> {
        let io = |e: std::io::Error| e.to_string();
        let dir = Scratch::new().map_err(io)?;
        let mut places = Places::default();
        let listeners = listeners(&case.config, &dir.path, &mut places).map_err(io)?;
        let servers = servers(case, &listeners, &dir.path)?;
        let log = LogListener::start(&dir.path).map_err(io)?;
        let port_names = port_names(&listeners, &servers);
        for (name, content) in &case.files {
            let content = fill(content, &listeners, &servers, &log, &dir.path);
            let content = content.replace("<crlf>", "\r");
            std::fs::write(dir.path.join(name), content).map_err(io)?;
        }
        let config = fill(&places.fill(&case.config), &listeners, &servers, &log, &dir.path);
        let file = dir.path.join("haproxy.cfg");
        std::fs::write(&file, config).map_err(io)?;
        let arguments = ["-f".as_ref(), file.as_os_str(), "-db".as_ref()];
        places.inherit(true).map_err(io)?;
        let started = Process::start(binary, &dir.path, arguments);
        places.inherit(false).map_err(io)?;
        let mut process = started.map_err(io)?;
        // The program alone holds them now.
        places.inherited.clear();
        let all: Vec<_> = listeners.values().cloned().collect();
        process.wait_listening(&all)?;
        let _places = places;
        Ok(Self { process, listeners, servers, log, dir, port_names, _places })
    }

    /// A text with its placeholders replaced by this side's addresses.
    pub fn fill(&self, text: &str) -> String {
        fill(text, &self.listeners, &self.servers, &self.log, &self.dir.path)
    }
}

impl Places {
    /// Says whether a program that is started gets the listening sockets.
    fn inherit(&self, yes: bool) -> std::io::Result<()> {
        let flags = if yes { FdFlags::empty() } else { FdFlags::CLOEXEC };
        for listener in self.inherited.values() {
            rustix::io::fcntl_setfd(listener, flags)?;
        }
        Ok(())
    }

    /// `<name.fd>`: the number of a listening socket.
    fn fill(&self, config: &str) -> String {
        let mut out = config.to_owned();
        for (name, listener) in &self.inherited {
            out = out.replace(&format!("<{name}.fd>"), &listener.as_raw_fd().to_string());
        }
        out
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
    places: &mut Places,
) -> std::io::Result<BTreeMap<String, Address>> {
    let mut out = BTreeMap::new();
    for name in names(config, "bind") {
        if out.contains_key(name) {
            continue;
        }
        let address = if name.starts_with("unix") {
            Address::Unix(dir.join(format!("{name}.sock")))
        } else {
            let reservation = if name.starts_with("range") {
                let (first, second) = Reservation::pair()?;
                out.insert(format!("{name}-b"), Address::Tcp(second.address));
                places.reservations.push(second);
                first
            } else {
                Reservation::new()?
            };
            if name.starts_with("fd-") {
                places.inherited.insert(name.to_owned(), reservation.listen(128)?);
            }
            let address = Address::Tcp(reservation.address);
            places.reservations.push(reservation);
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
