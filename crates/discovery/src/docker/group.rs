//! The agents of a Swarm's nodes: every address of one name, each followed as an engine by itself,
//! while nodes come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use model::Name;
use model::observed::{Freshness, Observation};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::observe::wall_ms;
use super::{Endpoint, Settings, engine, provider_name};

/// How often the name is looked up.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time for an answer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an address that the name has lost still counts: an agent that is replaced comes back
/// under another one, and a manager tells meanwhile what became of the node.
const LINGER: Duration = Duration::from_secs(60);

/// An agent.
struct Agent {
    provider: Name,
    life: Option<Life>,
}

enum Life {
    /// The name has its address.
    Followed(AbortHandle),
    /// The name has lost it, then.
    Lost(Instant),
}

/// Follows every address of `host` until nobody listens any more.
pub async fn run(
    settings: Settings,
    host: &str,
    port: u16,
    observations: mpsc::Sender<Observation>,
) {
    let mut agents: BTreeMap<SocketAddr, Agent> = BTreeMap::new();
    // All end with this.
    let mut tasks = JoinSet::new();
    let mut count = 0;
    let mut told = None;
    loop {
        let lookup = tokio::net::lookup_host((host, port));
        let found = match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
            Ok(Ok(found)) => Ok(found.collect::<BTreeSet<SocketAddr>>()),
            Ok(Err(e)) => Err(format!("{host}: {e}")),
            Err(_) => Err(format!("{host}: no answer in time")),
        };
        if told.as_ref() != Some(&found) {
            let seen = view(&settings, told.is_some(), &found);
            told = Some(found.clone());
            if observations.send(seen).await.is_err() {
                return;
            }
        }
        // Without an answer all stay as they are.
        if let Ok(found) = found {
            for address in &found {
                let provider = provider_name(&Endpoint::tcp(*address));
                if !agents.contains_key(address) {
                    let unseen = Freshness::Blind("not asked yet".to_owned());
                    if observations.send(empty(provider.clone(), unseen)).await.is_err() {
                        return;
                    }
                }
                let agent = agents.entry(*address).or_insert(Agent { provider, life: None });
                if let Some(Life::Followed(_)) = agent.life {
                    continue;
                }
                count += 1;
                let endpoint = Endpoint::tcp(*address);
                let seed = settings.seed.wrapping_add(count);
                let settings = Settings { endpoint, seed, ..settings.clone() };
                let task = tasks.spawn(engine(settings, observations.clone()));
                agent.life = Some(Life::Followed(task));
            }
            for lost in without(&mut agents, &found) {
                if observations.send(lost).await.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = observations.closed() => return,
        }
    }
}

/// Ends those whose address was lost, at once for the engine and after a while for what it said;
/// what to tell of them.
fn without(
    agents: &mut BTreeMap<SocketAddr, Agent>,
    found: &BTreeSet<SocketAddr>,
) -> Vec<Observation> {
    let now = Instant::now();
    let mut told = Vec::new();
    agents.retain(|address, agent| {
        if found.contains(address) {
            return true;
        }
        let freshness = match &agent.life {
            Some(Life::Lost(since)) if now < *since + LINGER => return true,
            Some(Life::Lost(_)) | None => Freshness::Gone,
            Some(Life::Followed(task)) => {
                task.abort();
                agent.life = Some(Life::Lost(now));
                let reason = "the name no longer leads to it".to_owned();
                Freshness::Stale { since_ms: wall_ms(), reason }
            }
        };
        let stays = freshness != Freshness::Gone;
        told.push(empty(agent.provider.clone(), freshness));
        stays
    });
    told
}

/// The name itself as a source: up to date, away, or never answered.
fn view(
    settings: &Settings,
    was_told: bool,
    found: &Result<BTreeSet<SocketAddr>, String>,
) -> Observation {
    let freshness = match found {
        Ok(found) => Freshness::Fresh(found.len() as u64),
        Err(reason) if was_told => Freshness::Stale { since_ms: wall_ms(), reason: reason.clone() },
        Err(reason) => Freshness::Blind(reason.clone()),
    };
    empty(provider_name(&settings.endpoint), freshness)
}

fn empty(provider: Name, freshness: Freshness) -> Observation {
    Observation {
        provider,
        freshness,
        heard_ms: None,
        containers: Vec::new(),
        unreadable: Vec::new(),
        own: None,
        machine: None,
        node: None,
        swarm: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_agent_whose_address_is_lost_lingers() {
        let mut tasks = JoinSet::new();
        let address = |n| SocketAddr::from(([10, 0, 0, n], 2375));
        let mut agents: BTreeMap<SocketAddr, Agent> = (1..=2)
            .map(|n| {
                let life = Life::Followed(tasks.spawn(std::future::pending::<()>()));
                let provider = provider_name(&Endpoint::tcp(address(n)));
                (address(n), Agent { provider, life: Some(life) })
            })
            .collect();
        let found = BTreeSet::from([address(1)]);
        let lost = without(&mut agents, &found);
        assert_eq!(&*lost[0].provider, "docker:tcp://10.0.0.2:2375");
        assert!(matches!(lost[0].freshness, Freshness::Stale { .. }), "it keeps its containers");
        tokio::time::advance(LINGER / 2).await;
        assert_eq!((without(&mut agents, &found), agents.len()), (vec![], 2));
        tokio::time::advance(LINGER).await;
        let gone = without(&mut agents, &found);
        assert_eq!((&gone[0].provider, &gone[0].freshness), (&lost[0].provider, &Freshness::Gone));
        assert_eq!(agents.keys().collect::<Vec<_>>(), [&address(1)]);
    }
}
