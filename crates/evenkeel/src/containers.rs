//! Which Docker engines are watched, and who we are in them: the environment read for the
//! providers and for the dialects of intent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use control::intent::containers;
use discovery::docker::{DEFAULT_HOST, Endpoint, Followed, Settings};
use model::observed::{Freshness, Observation};
use tokio::sync::mpsc;

use crate::say::Voice;

/// Observations that wait for the control loop; the newest is complete, so few are enough.
const WAITING_MAX: usize = 4;
/// Engines that one process watches.
const ENGINES_MAX: usize = 256;
/// Where the local engine listens.
const LOCAL_SOCKET: &str = "/var/run/docker.sock";

/// How often a Swarm's manager is asked for tasks, in seconds: at most, at least.
const POLL_MAX_S: f64 = 1.0;
const POLL_MIN_S: f64 = 0.1;

/// Why nothing is known before an engine has answered.
pub const NOT_ASKED: &str = "not asked yet";

/// Port of the built-in frontend where the command line says nothing.
pub const DEFAULT_PORT: u16 = 80;

/// Containers take part.
#[derive(Clone, Debug)]
pub struct Containers {
    /// The engines; none when only links are known.
    pub docker: Vec<Settings>,
    /// What the environment says of classic links, when there is no engine.
    pub links: Option<Observation>,
    /// How containers become configuration.
    pub options: containers::Options,
}

/// What the command line says about containers.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `--docker[=HOST]`, empty for the usual one.
    pub docker: Vec<String>,
    /// `--no-docker`.
    pub none: bool,
    /// `--listen`.
    pub listen: Vec<SocketAddr>,
    /// `--consul`: its services take part, and engines only where they are named.
    pub consul: bool,
    /// Configuration files are named.
    pub files_named: bool,
}

/// The engines to watch; `None` when there is none to be seen or it is not wanted.
///
/// # Errors
/// What is wrong with the address of an engine.
pub fn find(wish: Wish) -> Result<Option<Containers>, String> {
    let no_engine = wish.none || (wish.files_named || wish.consul) && wish.docker.is_empty();
    if no_engine && !wish.consul {
        return Ok(None);
    }
    let links = links().filter(|_| !no_engine);
    // In a container without anything else, somebody forgot to mount the socket: it is waited for.
    let nothing_else = links.is_none() && contained() && crate::files::paths(&[]).is_err();
    let docker = match no_engine {
        true => Vec::new(),
        false => engines(&wish.docker, nothing_else)?,
    };
    // Without an engine the variables of classic links are all there is.
    let links = links.filter(|_| docker.is_empty());
    if docker.is_empty() && links.is_none() && !wish.consul {
        return Ok(None);
    }
    let listen = match wish.listen.is_empty() {
        true => vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT))],
        false => wish.listen,
    };
    let environment = environment();
    let hosts = hosts(&environment);
    let options = containers::Options { listen, environment, hosts, refused: BTreeSet::new() };
    Ok(Some(Containers { docker, links, options }))
}

/// Those that are asked for; `DOCKER_HOST`, a list, stands for one without a name, and where
/// neither says anything the local one is taken if it is there, or if there is `nothing_else`.
fn engines(asked: &[String], nothing_else: bool) -> Result<Vec<Settings>, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let usual: Vec<String> = match variable("DOCKER_HOST") {
        Some(list) => list.split(',').map(|host| host.trim().to_owned()).collect(),
        None if !asked.is_empty() || nothing_else || Path::new(LOCAL_SOCKET).exists() => {
            vec![DEFAULT_HOST.to_owned()]
        }
        None => Vec::new(),
    };
    let certificates = variable("DOCKER_TLS_VERIFY").map(|_| match variable("DOCKER_CERT_PATH") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&variable("HOME").unwrap_or_default()).join(".docker"),
    });
    let mut hosts: Vec<&String> = Vec::new();
    match asked {
        [] => hosts.extend(&usual),
        asked => asked.iter().for_each(|host| match host.is_empty() {
            true => hosts.extend(&usual),
            false => hosts.push(host),
        }),
    }
    let poll = poll(variable("SWARM_MODE_POLLING_INTERVAL").as_deref());
    let followed = Followed::default();
    let mut found: Vec<Settings> = Vec::new();
    for host in hosts {
        let endpoint = Endpoint::parse(host, certificates.as_deref())?;
        let name = discovery::docker::provider_name(&endpoint);
        if found.iter().any(|f| discovery::docker::provider_name(&f.endpoint) == name) {
            return Err(format!("Docker engine '{host}' is named twice"));
        }
        found.push(Settings {
            endpoint,
            own_candidates: own_candidates(),
            own_addresses: own_addresses(),
            followed: followed.clone(),
            poll,
            patience: discovery::docker::PATIENCE,
            seed: crate::run::random_bits(),
        });
    }
    if found.len() > ENGINES_MAX {
        return Err(format!("more than {ENGINES_MAX} Docker engines"));
    }
    Ok(found)
}

/// The one engine that a command is about: the named one, or `DOCKER_HOST`, or the local one.
///
/// # Errors
/// What is wrong with its address, or that several are named.
pub fn one_engine(named: Option<&str>) -> Result<Endpoint, String> {
    let mut found = engines(&[named.unwrap_or_default().to_owned()], false)?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one.endpoint),
        _ => Err("several Docker engines are meant: name one with --docker".to_owned()),
    }
}

/// The time between two looks at a Swarm's tasks; what is asked for is the longest that will do.
fn poll(asked: Option<&str>) -> Duration {
    let asked = asked.and_then(|s| s.trim().parse::<f64>().ok()).filter(|s| s.is_finite());
    Duration::from_secs_f64(asked.unwrap_or(POLL_MAX_S).clamp(POLL_MIN_S, POLL_MAX_S))
}

/// Whether this process is a container's own, as far as it can tell.
fn contained() -> bool {
    std::process::id() == 1 || Path::new("/.dockerenv").exists()
}

/// Whether a container was started for the sake of this process: it is the first one in there, or
/// the child of an init or a script that is.
pub fn is_containers_own() -> bool {
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    std::process::id() == 1 || Path::new("/.dockerenv").exists() && parent == Some(1)
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
fn hosts(environment: &BTreeMap<String, String>) -> BTreeMap<String, IpAddr> {
    let named = environment.get("RSYSLOG_DESTINATION").map(String::as_str).unwrap_or_default();
    let host = named.rsplit_once(':').map_or(named, |(host, _)| host).trim();
    let is_name = !host.is_empty() && host.parse::<IpAddr>().is_err();
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
    found.push(crate::run::hostname());
    found.extend(std::env::var("HOSTNAME"));
    found.retain(|f| f.len() >= 12);
    found
}

/// Addresses of this process's network other than loopback's, as the kernel lists them.
pub fn own_addresses() -> Vec<IpAddr> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    addresses(&read("/proc/net/fib_trie"), &read("/proc/net/if_inet6"))
}

/// The local addresses of the kernel's routing trie (IPv4: an address, then `/32 host LOCAL` on
/// the next line) and of its list of interface addresses (IPv6: 32 digits, the first word).
fn addresses(trie: &str, interfaces: &str) -> Vec<IpAddr> {
    let pairs = trie.lines().zip(trie.lines().skip(1));
    let local = pairs.filter(|(_, next)| next.contains("/32 host LOCAL"));
    let four = local.filter_map(|(line, _)| line.split_whitespace().last()?.parse().ok());
    let six = interfaces.lines().filter_map(|line| {
        let digits = line.split_whitespace().next()?;
        Some(IpAddr::from(u128::from_str_radix(digits, 16).ok()?.to_be_bytes()))
    });
    let mut found: Vec<IpAddr> = four.chain(six).filter(|ip| !ip.is_loopback()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl Containers {
    /// What is believed before the engines have answered.
    pub fn unseen(&self) -> Vec<Observation> {
        let engines = self.docker.iter().map(|docker| Observation {
            provider: discovery::docker::provider_name(&docker.endpoint),
            freshness: Freshness::Blind(NOT_ASKED.to_owned()),
            heard_ms: None,
            containers: Vec::new(),
            unreadable: Vec::new(),
            own: None,
            machine: None,
            node: None,
            swarm: None,
        });
        engines.chain(self.links.clone()).collect()
    }

    /// Starts watching on the present runtime; `None` when there is no engine.
    pub fn watch(&self) -> Option<mpsc::Receiver<Observation>> {
        if self.docker.is_empty() {
            return None;
        }
        let (send, receive) = mpsc::channel(WAITING_MAX);
        for docker in self.docker.clone() {
            tokio::spawn(discovery::docker::run(docker, send.clone()));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_looked_at_every_second_or_more_often() {
        let ms = |asked| poll(asked).as_millis();
        assert_eq!([None, Some("5"), Some("x"), Some("NaN")].map(ms), [1000; 4]);
        assert_eq!([Some("0.5"), Some("0"), Some("-1")].map(ms), [500, 100, 100]);
    }

    #[test]
    fn the_kernels_lists_give_our_addresses() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    Local:\n           |-- 127.0.0.1\n              /32 host LOCAL\n\
                    \u{20}          |-- 172.18.0.2\n              /32 host LOCAL\n\
                    \u{20}       |-- 172.18.255.255\n           /32 link BROADCAST\n";
        let six = "fe80000000000000004212fffe000002 02 40 20 80     eth0\n\
                   00000000000000000000000000000001 01 80 10 80       lo\n";
        let found: Vec<String> = addresses(trie, six).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["172.18.0.2", "fe80::42:12ff:fe00:2"]);
        assert!(addresses("", "garbage").is_empty());
    }
}
