//! Which Docker engine is watched, and who we are in it: the environment read for the provider.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use control::intent::containers;
use discovery::docker::{DEFAULT_HOST, Settings};
use model::observed::{Freshness, Observation};
use tokio::sync::mpsc;

/// Observations that wait for the control loop; the newest is complete, so few are enough.
const WAITING_MAX: usize = 4;

/// Port of the built-in frontend where the command line says nothing.
pub const DEFAULT_PORT: u16 = 80;

/// Containers take part.
#[derive(Clone, Debug)]
pub struct Containers {
    /// The engine.
    pub docker: Settings,
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
    let host = match named {
        Some(host) => host,
        None => {
            let path = DEFAULT_HOST.trim_start_matches("unix://");
            if !asked && (wish.files_named || !Path::new(path).exists()) {
                return None;
            }
            DEFAULT_HOST.to_owned()
        }
    };
    if wish.files_named && !asked {
        return None;
    }
    let listen = match wish.listen.is_empty() {
        true => vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT))],
        false => wish.listen,
    };
    let docker =
        Settings { host, own_candidates: own_candidates(), seed: crate::run::random_bits() };
    Some(Containers { docker, options: containers::Options { listen } })
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
    pub fn unseen(&self) -> Observation {
        Observation {
            provider: discovery::docker::provider_name(&self.docker.host),
            freshness: Freshness::Blind("not asked yet".to_owned()),
            containers: Vec::new(),
            own: None,
        }
    }

    /// Starts watching on the present runtime.
    pub fn watch(&self) -> mpsc::Receiver<Observation> {
        let (send, receive) = mpsc::channel(WAITING_MAX);
        tokio::spawn(discovery::docker::run(self.docker.clone(), send));
        receive
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
