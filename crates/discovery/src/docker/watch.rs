//! The connection to an engine: list, follow events, and start over after every gap.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{EventMessage, LocalNodeState, SystemInfo};
use bollard::query_parameters::{EventsOptions, ListContainersOptions};
use futures_util::{FutureExt, Stream, StreamExt};
use model::observed::{Node, Observation};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::events::{ACTIONS, Event, Kind, of_swarm, read};
use super::looks::{Look, Looks};
use super::observe::{Observer, Seen, Told};
use super::swarm::{Told as SwarmTold, Watch};
use super::{Settings, translate};
use crate::backoff::Backoff;

/// Events or answers that are taken together before an observation is sent.
const BATCH_MAX: usize = 256;
/// Events that may come while containers are listed.
const EARLY_MAX: usize = 65_536;
/// Time for the engine to answer when it is asked first.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// When to ask anew for containers that the engine could not say anything about.
const ASK_ANEW: Duration = Duration::from_secs(30);
/// How often an engine on another machine is asked whether it is still there: one that loses its
/// power ends no connection.
const PULSE_EVERY: Duration = Duration::from_secs(10);
/// Time for it to answer.
const PULSE_TIMEOUT: Duration = Duration::from_secs(20);
/// What is said of an event stream that ends in order.
const ENDED: &str = "the engine ended its event stream";

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
        if observations.is_closed() {
            return;
        }
        let Err(reason) = ended.map_err(|e| reason(&e)) else { continue };
        if backoff.is_reset() {
            // It had worked in between.
            reported.clear();
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

/// What went wrong, down to its cause.
fn reason(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// One connection's life, until nobody listens or a new listing is due.
async fn follow(
    settings: &Settings,
    observer: &mut Observer,
    observations: &mpsc::Sender<Observation>,
    backoff: &mut Backoff,
) -> Result<(), Error> {
    let docker = settings.endpoint.connect()?;
    let machine = settings.endpoint.machine().await;
    let docker = tokio::time::timeout(FIRST_ANSWER, docker.negotiate_version()).await??;
    let info = docker.info().await?;
    // By the engine's own clock: what happens until its event stream begins is repeated by it.
    let now = info.system_time.as_deref().and_then(translate::timestamp_ns);
    let node = node(&info);
    observer.set_machine(machine.map(|ip| node_address(&info).unwrap_or(ip)));
    observer.set_node(node.clone());
    let mut events = pin!(docker.events(Some(wanted_events(now))));
    let mut looks = Looks::new(&docker);
    let (mut batch, everything) = list(&docker, &mut looks, &mut events, observer).await?;
    let ask_anew = (!everything).then(|| Instant::now() + ASK_ANEW);
    let mut swarm = whole(&docker, settings, observer, node.as_ref()).await;
    let mut following = None;
    let mut silent = pin!(silent(&docker, settings.endpoint.is_socket()));
    backoff.reset();
    let mut changed = true;
    loop {
        for event in batch.drain(..) {
            changed |= take(observer, &mut looks, &event);
        }
        if changed {
            observations.send(observer.fresh()).await?;
        }
        changed = false;
        // Managers stop telling of this node only when its own word is out.
        if let Some(node) = node.as_ref().filter(|_| following.is_none()) {
            following = Some(settings.followed.follow(node.id.clone()));
        }
        // Events of the whole Swarm come from managers: it may have become one. Or it has joined.
        let (mut of_whole, mut joined) = (false, false);
        let mut learn = |observer: &mut Observer, look: Option<Look>| {
            let seen = if let Some(Look::Seen(seen)) = &look { Some(seen) } else { None };
            joined |= seen.is_some_and(|s| observer.is_elsewhere(s));
            learn(observer, look)
        };
        tokio::select! {
            event = events.next() => {
                let event = event.ok_or(ENDED)??;
                of_whole |= of_swarm(&event);
                batch.extend(read(&event));
            }
            look = looks.next() => changed |= learn(observer, look?),
            told = swarm.next() => changed |= hear(observer, told),
            reason = &mut silent => return Err(reason),
            () = observations.closed() => return Ok(()),
            () = at(ask_anew) => return Ok(()),
        }
        // What is there already is told together.
        for _ in 0..BATCH_MAX {
            if let Some(event) = events.next().now_or_never() {
                let event = event.ok_or(ENDED)??;
                of_whole |= of_swarm(&event);
                batch.extend(read(&event));
            } else if let Some(look) = looks.next().now_or_never() {
                changed |= learn(observer, look?);
            } else {
                break;
            }
        }
        if joined || of_whole && !swarm.is_some() {
            return Ok(());
        }
        if of_whole {
            swarm.wake();
        }
    }
}

/// What the engine is in a Swarm.
fn node(info: &SystemInfo) -> Option<Node> {
    let swarm = info.swarm.as_ref()?;
    let inside = matches!(
        swarm.local_node_state,
        Some(LocalNodeState::ACTIVE | LocalNodeState::PENDING | LocalNodeState::ERROR)
    );
    let id = swarm.node_id.as_deref().filter(|id| inside && !id.is_empty())?;
    Some(Node { id: id.into(), manager: swarm.control_available == Some(true) })
}

/// The address of an engine in a Swarm: what passes on its answers is not always on its machine.
fn node_address(info: &SystemInfo) -> Option<IpAddr> {
    node(info)?;
    info.swarm.as_ref()?.node_addr.as_ref()?.parse().ok()
}

/// Watches the whole Swarm where the engine is a manager; the first answer is taken in.
async fn whole(
    docker: &Docker,
    settings: &Settings,
    observer: &mut Observer,
    node: Option<&Node>,
) -> Watch {
    let Some(node) = node.filter(|n| n.manager) else { return Watch::default() };
    let mut swarm = Watch::start(docker, &settings.followed, &node.id, settings.poll);
    if let Ok(told) = tokio::time::timeout(FIRST_ANSWER, swarm.next()).await {
        hear(observer, told);
    }
    swarm
}

/// What a manager says; whether something is believed now that was not before.
fn hear(observer: &mut Observer, told: SwarmTold) -> bool {
    match told {
        Ok(swarm) => {
            observer.set_swarm(swarm);
            true
        }
        Err(reason) => observer.swarm_failed(reason),
    }
}

fn wanted_events(since_ns: Option<u64>) -> EventsOptions {
    let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let filters = [
        ("type".to_owned(), words(&["container", "network", "service", "node"])),
        ("event".to_owned(), words(&ACTIONS)),
    ];
    let since = since_ns.map(|ns| format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000));
    EventsOptions { since, filters: Some(filters.into()), ..EventsOptions::default() }
}

/// Makes the listing what is believed. Gives the events that came in the meantime, and whether
/// every container could be looked at.
async fn list(
    docker: &Docker,
    looks: &mut Looks<'_>,
    mut events: impl Stream<Item = Result<EventMessage, bollard::errors::Error>> + Unpin,
    observer: &mut Observer,
) -> Result<(Vec<Event>, bool), Error> {
    let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
    let mut early = Vec::new();
    let mut listing = pin!(docker.list_containers(Some(options)));
    let summaries = loop {
        tokio::select! {
            summaries = &mut listing => break summaries?,
            event = events.next() => early.extend(read(&event.ok_or(ENDED)??)),
        }
        if early.len() > EARLY_MAX {
            return Err("too many events while containers are listed".into());
        }
    };
    summaries.into_iter().filter_map(|s| s.id).for_each(|id| looks.want(id));
    let mut containers: Vec<Seen> = Vec::new();
    let mut unsaid: Vec<String> = Vec::new();
    while !looks.is_empty() {
        tokio::select! {
            look = looks.next() => match look? {
                Some(Look::Seen(seen)) => containers.push(*seen),
                Some(Look::Failed(id)) => unsaid.push(id),
                Some(Look::Missing(_)) | None => {}
            },
            event = events.next() => early.extend(read(&event.ok_or(ENDED)??)),
        }
        if early.len() > EARLY_MAX {
            return Err("too many events while containers are listed".into());
        }
    }
    observer.replace(containers, &unsaid);
    Ok((early, unsaid.is_empty()))
}

/// Takes an event in; whether something is believed now that was not before.
fn take(observer: &mut Observer, looks: &mut Looks<'_>, event: &Event) -> bool {
    let told = observer.handle(event);
    if told == Told::Look {
        looks.want(event.id.clone());
    } else if matches!(event.kind, Kind::Ended | Kind::Removed) {
        // Also of one that is not known yet: an answer that is under way would bring it to life.
        looks.overtaken(&event.id);
    }
    told == Told::Changed
}

fn learn(observer: &mut Observer, look: Option<Look>) -> bool {
    match look {
        Some(Look::Seen(seen)) => {
            observer.update(*seen);
            true
        }
        Some(Look::Missing(id)) => observer.removed(&id) == Told::Changed,
        Some(Look::Failed(_)) | None => false,
    }
}

/// Ends when the engine does not answer any more, which a local one cannot do silently.
async fn silent(docker: &Docker, is_local: bool) -> Error {
    if is_local {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(PULSE_EVERY).await;
        match tokio::time::timeout(PULSE_TIMEOUT, docker.ping()).await {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => return e.into(),
            Err(_) => return "it does not answer any more".into(),
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
