//! The connection to an engine: list, follow events, and start over after every gap.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::{EventsOptions, ListContainersOptions};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{FutureExt, StreamExt};
use model::observed::{Container, Observation};
use tokio::sync::mpsc;

use super::observe::Observer;
use super::{Settings, translate};
use crate::backoff::Backoff;

/// Seconds that one call to the engine may take.
const CALL_TIMEOUT_S: u64 = 20;
/// Events that are taken together before an observation is sent.
const BATCH_MAX: usize = 256;
/// Containers that are looked at together.
const INSPECTIONS_AT_ONCE: usize = 16;
/// Time for the engine to answer when it is asked first.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Watches until nobody listens any more.
pub async fn run(
    settings: &Settings,
    observer: &mut Observer,
    observations: &mpsc::Sender<Observation>,
) {
    let mut backoff = Backoff::default();
    let mut random = settings.seed | 1;
    let mut reported = String::new();
    loop {
        let ended = follow(settings, observer, observations, &mut backoff).await;
        let reason = match ended {
            Ok(()) => "the engine ended its event stream".to_owned(),
            Err(e) => e.to_string(),
        };
        if observations.is_closed() {
            return;
        }
        if reason != reported {
            reported.clone_from(&reason);
            if observations.send(observer.away(reason)).await.is_err() {
                return;
            }
        }
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        tokio::time::sleep(backoff.next(random >> 33)).await;
    }
}

fn connect(host: &str) -> Result<Docker, bollard::errors::Error> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Docker::connect_with_unix(path, CALL_TIMEOUT_S, API_DEFAULT_VERSION);
    }
    Docker::connect_with_http(host, CALL_TIMEOUT_S, API_DEFAULT_VERSION)
}

/// One connection's life.
async fn follow(
    settings: &Settings,
    observer: &mut Observer,
    observations: &mpsc::Sender<Observation>,
    backoff: &mut Backoff,
) -> Result<(), Error> {
    let docker = connect(&settings.host)?;
    let docker = tokio::time::timeout(FIRST_ANSWER, docker.negotiate_version()).await??;
    // Events first, then the list: what happens in between is seen twice rather than never.
    let filters = [("type".to_owned(), vec!["container".to_owned(), "network".to_owned()])];
    let options = EventsOptions { filters: Some(filters.into()), ..EventsOptions::default() };
    let mut events = pin!(docker.events(Some(options)));
    let mut first = events.next().now_or_never().flatten();
    list(&docker, settings, observer).await?;
    backoff.reset();
    observations.send(observer.fresh()).await?;
    loop {
        let mut batch = Vec::new();
        match first.take() {
            Some(event) => batch.push(event?),
            None => {
                let next = tokio::select! {
                    next = events.next() => next,
                    () = observations.closed() => return Ok(()),
                };
                match next {
                    Some(event) => batch.push(event?),
                    None => return Ok(()),
                }
            }
        }
        while batch.len() < BATCH_MAX
            && let Some(Some(event)) = events.next().now_or_never()
        {
            batch.push(event?);
        }
        // Those that stop are told at once; looking at the others takes a call each.
        let looks = digest(observer, &batch);
        observations.send(observer.fresh()).await?;
        if !looks.is_empty() {
            look(&docker, settings, observer, looks).await?;
            observations.send(observer.fresh()).await?;
        }
    }
}

/// Applies what events say by themselves; gives the containers that have to be looked at.
fn digest(observer: &mut Observer, batch: &[EventMessage]) -> BTreeSet<String> {
    let mut looks = BTreeSet::new();
    for event in batch {
        let Some(actor) = &event.actor else { continue };
        let attribute = |name: &str| actor.attributes.as_ref().and_then(|a| a.get(name));
        let action = event.action.as_deref().unwrap_or_default();
        if event.typ == Some(EventMessageTypeEnum::NETWORK) {
            // The actor is the network; the container is an attribute.
            if let Some(id) = attribute("container") {
                looks.insert(id.clone());
            }
            continue;
        }
        let Some(id) = &actor.id else { continue };
        match action {
            "kill" => {
                let signal = attribute("signal").map_or("15", String::as_str);
                if observer.is_stop_signal(id, signal, None) {
                    observer.stopping(id);
                } else {
                    looks.insert(id.clone());
                }
            }
            "stop" | "die" => observer.exited(id),
            "destroy" => {
                looks.remove(id);
                observer.removed(id);
            }
            "create" | "start" | "restart" | "pause" | "unpause" | "rename" | "update" => {
                looks.insert(id.clone());
            }
            other if other.starts_with("health_status") => {
                looks.insert(id.clone());
            }
            _ => {}
        }
    }
    looks
}

async fn list(docker: &Docker, settings: &Settings, observer: &mut Observer) -> Result<(), Error> {
    let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
    let ids: Vec<String> = docker
        .list_containers(Some(options))
        .await?
        .into_iter()
        .filter_map(|summary| summary.id)
        .collect();
    let containers: Vec<Container> = inspect(docker, ids).await?;
    let own = settings
        .own_candidates
        .iter()
        .find_map(|name| containers.iter().find(|c| is_named(c, name)))
        .map(translate::own);
    observer.replace(containers, own);
    Ok(())
}

/// Whether a candidate is this container's id (or the beginning of it).
fn is_named(container: &Container, candidate: &str) -> bool {
    candidate.len() >= 12 && container.id.starts_with(candidate)
}

async fn look(
    docker: &Docker,
    settings: &Settings,
    observer: &mut Observer,
    ids: BTreeSet<String>,
) -> Result<(), Error> {
    let ids: Vec<String> = ids.into_iter().collect();
    let ours = |id: &str| {
        settings.own_candidates.iter().any(|c| c.len() >= 12 && id.starts_with(c.as_str()))
    };
    if ids.iter().any(|id| ours(id)) {
        // Our own networks changed: every address may have to be chosen anew.
        return list(docker, settings, observer).await;
    }
    for container in inspect(docker, ids).await? {
        observer.update(container);
    }
    Ok(())
}

/// Looks at containers; those that vanished meanwhile are left out.
async fn inspect(docker: &Docker, ids: Vec<String>) -> Result<Vec<Container>, Error> {
    let mut answers = futures_util::stream::iter(ids)
        .map(|id| async move { docker.inspect_container(&id, None).await })
        .buffer_unordered(INSPECTIONS_AT_ONCE);
    let mut containers = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => containers.extend(translate::container(answer)),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(containers)
}
