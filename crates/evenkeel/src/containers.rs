//! Which Docker engine is watched, and who we are in it: the environment read for the provider and
//! for the dialects of intent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use control::intent::containers;
use discovery::docker::{DEFAULT_HOST, Settings};
use model::observed::{Freshness, Observation};
use tokio::sync::mpsc;

use crate::say::Voice;

/// Observations that wait for the control loop; the newest is complete, so few are enough.
const WAITING_MAX: usize = 4;

/// Port of the built-in frontend where the command line says nothing.
pub const DEFAULT_PORT: u16 = 80;

/// Containers take part.
#[derive(Clone, Debug)]
pub struct Containers {
    /// The engine; `None` when only links are known.
    pub docker: Option<Settings>,
    /// What the environment says of classic links, when there is no engine.
    pub links: Option<Observation>,
    /// How containers become configuration.
    pub options: containers::Options,
}

/// What the command line says about containers.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `--docker[=HOST]`.
    pub docker: Option<Option<String>>,
    /// `--no-docker`.
    pub none: bool,
    /// `--listen`.
    pub listen: Vec<SocketAddr>,
    /// Configuration files are named.
    pub files_named: bool,
}

/// The engine to watch; `None` when there is none to be seen or it is not wanted.
pub fn find(wish: Wish) -> Option<Containers> {
    if wish.none {
        return None;
    }
    let variable = std::env::var("DOCKER_HOST").ok().filter(|v| !v.is_empty());
    let asked = wish.docker.is_some();
    let named = wish.docker.flatten().or(variable);
    if wish.files_named && !asked {
        return None;
    }
    let there = Path::new(DEFAULT_HOST.trim_start_matches("unix://")).exists();
    let host = named.or_else(|| (asked || there).then(|| DEFAULT_HOST.to_owned()));
    // Without an engine the variables of classic links are all there is.
    let links = if host.is_none() { links() } else { None };
    if host.is_none() && links.is_none() {
        return None;
    }
    let listen = match wish.listen.is_empty() {
        true => vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT))],
        false => wish.listen,
    };
    let docker = host.map(|host| Settings {
        host,
        own_candidates: own_candidates(),
        seed: crate::run::random_bits(),
    });
    let environment = environment();
    let hosts = hosts(&environment);
    let options = containers::Options { listen, environment, hosts, refused: BTreeSet::new() };
    Some(Containers { docker, links, options })
}

fn links() -> Option<Observation> {
    let text = |v: std::ffi::OsString| v.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    control::intent::links::observation(&all.collect())
}

/// The variables that the dialects know; those that name a file with the file's contents.
fn environment() -> BTreeMap<String, String> {
    let text = |v: std::ffi::OsString| v.to_string_lossy().into_owned();
    let ours = std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .filter(|(name, value)| containers::is_ours(name) && !value.is_empty());
    let mut found: BTreeMap<String, String> = ours.collect();
    found.retain(|name, value| {
        if !containers::is_file(name) {
            return true;
        }
        match std::fs::read(&*value) {
            Ok(bytes) => *value = String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) => {
                let reason = crate::load::plain_reason(&e);
                Voice::Native.warning(format!("variable {name}: {value}: {reason}"));
                return false;
            }
        }
        true
    });
    // Certificates of the balancer are variables that this one names.
    if let Some(names) = found.get("EXTRA_SSL_CERTS").cloned() {
        for name in names.split(',').map(str::trim) {
            if let Some(value) = std::env::var_os(name) {
                found.insert(name.to_owned(), text(value));
            }
        }
    }
    found
}

/// Addresses of the hosts that variables name.
fn hosts(environment: &BTreeMap<String, String>) -> BTreeMap<String, std::net::IpAddr> {
    let named = environment.get("RSYSLOG_DESTINATION").map(String::as_str).unwrap_or_default();
    let host = named.rsplit_once(':').map_or(named, |(host, _)| host).trim();
    let is_name = !host.is_empty() && host.parse::<std::net::IpAddr>().is_err();
    let names = BTreeSet::from_iter(is_name.then(|| host.to_owned()));
    crate::resolve::lookup(names).into_iter().collect()
}

/// What may be our own container's id: the mounts and control groups of this process name it, and
/// the host name is its short form unless somebody set another.
fn own_candidates() -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for text in [read("/proc/self/mountinfo"), read("/proc/self/cgroup")] {
        for word in text.split(|c: char| !c.is_ascii_hexdigit()) {
            if word.len() == 64 && !found.iter().any(|f| f == word) {
                found.push(word.to_owned());
            }
        }
    }
    found.push(read("/etc/hostname").trim().to_owned());
    found.retain(|f| f.len() >= 12);
    found
}

impl Containers {
    /// What is believed before the engine has answered.
    pub fn unseen(&self) -> Option<Observation> {
        let Some(docker) = &self.docker else { return self.links.clone() };
        Some(Observation {
            provider: discovery::docker::provider_name(&docker.host),
            freshness: Freshness::Blind("not asked yet".to_owned()),
            containers: Vec::new(),
            own: None,
        })
    }

    /// Starts watching on the present runtime; `None` when there is no engine.
    pub fn watch(&self) -> Option<mpsc::Receiver<Observation>> {
        let docker = self.docker.clone()?;
        let (send, receive) = mpsc::channel(WAITING_MAX);
        tokio::spawn(discovery::docker::run(docker, send));
        Some(receive)
    }
}

/// The next observation; for ever silent without a provider.
pub async fn next(watch: &mut Option<mpsc::Receiver<Observation>>) -> Observation {
    match watch {
        Some(receiver) => match receiver.recv().await {
            Some(observation) => observation,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
