//! Containers of one Docker engine: a complete list, kept up to date by its events.

mod events;
mod looks;
mod observe;
mod translate;
mod watch;

use model::Name;
use model::observed::Observation;
use tokio::sync::mpsc;

use observe::Observer;

/// Where the engine listens when nothing else is said.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The provider's name for an engine.
#[must_use]
pub fn provider_name(host: &str) -> Name {
    match host {
        DEFAULT_HOST => "docker".into(),
        host => format!("docker:{host}").into(),
    }
}

/// What a provider needs to know; the environment is read by the caller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `DOCKER_HOST`: `unix://PATH` or `tcp://HOST:PORT`.
    pub host: String,
    /// What may name our own container: its id or host name, most certain first.
    pub own_candidates: Vec<String>,
    /// Random bits for back-off.
    pub seed: u64,
}

/// Watches an engine for as long as somebody listens. Each change gives a complete observation;
/// while the engine is away the last known set is sent once more, marked as stale.
pub async fn run(settings: Settings, observations: mpsc::Sender<Observation>) {
    let mut observer = Observer::new(&settings);
    watch::run(&settings, &mut observer, &observations).await;
}
