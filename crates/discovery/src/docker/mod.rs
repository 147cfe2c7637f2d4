//! Containers of one Docker engine: a complete list, kept up to date by its events.

mod endpoint;
mod events;
mod group;
mod looks;
mod observe;
mod remedy;
pub mod replicas;
mod swarm;
mod translate;
mod version;
mod watch;

use std::net::IpAddr;
use std::time::Duration;

use model::Name;
use model::observed::Observation;
use tokio::sync::mpsc;

use observe::Observer;
pub(crate) use observe::wall_ms;

pub use endpoint::{DEFAULT_HOST, Endpoint};
pub use swarm::Followed;

/// The provider's name for an engine.
#[must_use]
pub fn provider_name(endpoint: &Endpoint) -> Name {
    match endpoint.to_string().as_str() {
        DEFAULT_HOST => "docker".into(),
        host => format!("docker:{host}").into(),
    }
}

/// How long an engine may usually take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a provider needs to know; the environment is read by the caller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the engine is.
    pub endpoint: Endpoint,
    /// What may name our own container: its id or host name, most certain first.
    pub own_candidates: Vec<String>,
    /// Addresses of this process's network, without loopback: they name our own container on a
    /// local engine where nothing else does.
    pub own_addresses: Vec<IpAddr>,
    /// Nodes of a Swarm whose engines are followed, shared by all engines of a process.
    pub followed: Followed,
    /// How often a manager is asked for the tasks of the other nodes.
    pub poll: Duration,
    /// How long the engine may take for an answer.
    pub patience: Duration,
    /// Random bits for back-off.
    pub seed: u64,
}

/// Watches an engine, or all agents of a name, for as long as somebody listens. Each change gives
/// a complete observation; while an engine is away the last known set is sent once more, marked as
/// stale, and again when the reason is another one.
pub async fn run(settings: Settings, observations: mpsc::Sender<Observation>) {
    match settings.endpoint.group() {
        Some((host, port)) => group::run(settings, &host, port, observations).await,
        None => engine(settings, observations).await,
    }
}

async fn engine(settings: Settings, observations: mpsc::Sender<Observation>) {
    let mut observer = Observer::new(&settings);
    watch::run(&settings, &mut observer, &observations).await;
}
