//! The connection to an engine: list, follow events, and start over after every gap.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as ApiError;
use bollard::models::{EventMessage, LocalNodeState, SystemInfo};
use bollard::query_parameters::{EventsOptions, ListContainersOptions};
use futures_util::{FutureExt, Stream, StreamExt};
use model::observed::{Node, Observation, Unreadable};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::events::{ACTIONS, Event, Kind, of_swarm, read};
use super::looks::{Look, Looks, alive};
use super::observe::{Observer, Seen, Told};
use super::swarm::{Told as SwarmTold, Watch};
use super::{Settings, remedy, translate, version};
use crate::backoff::Backoff;

/// Events or answers that are taken together before an observation is sent.
const BATCH_MAX: usize = 256;
/// Events that may come while containers are listed.
const EARLY_MAX: usize = 65_536;
/// Time for the engine to answer when it is asked first.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// A listing of many containers may take so many times as long as another answer.
const LISTING_TIMES: u32 = 3;
/// A connection that lasts so long has worked: the next failure is a new one.
const STEADY: Duration = Duration::from_secs(10);
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
        let mut listed = None;
        let ended = follow(settings, observer, observations, &mut listed).await;
        if observations.is_closed() {
            return;
        }
        let Err(error) = ended else { continue };
        if listed.is_some() {
            reported.clear();
        }
        if listed.is_some_and(|at| at.elapsed() >= STEADY) {
            backoff.reset();
        }
        let reason = remedy::line(&settings.endpoint, &*error);
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

/// An answer that is complete in time.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::time::timeout(limit, answer).await.unwrap_or(Err(ApiError::RequestTimeoutError))
}

/// Ends when the engine no longer answers: an event stream is silent for long anyway.
async fn heart_stops(docker: &Docker, patience: Duration) -> ApiError {
    loop {
        tokio::time::sleep(patience / 2).await;
        if let Err(error) = alive(docker, patience).await {
            return error;
        }
    }
}

/// A connection to the engine, what it is in a Swarm, and what time it has.
async fn connected(
    settings: &Settings,
    observer: &mut Observer,
) -> Result<(Docker, Option<Node>, Option<u64>), Error> {
    let patience = settings.patience;
    let docker = settings.endpoint.connect(patience * LISTING_TIMES)?;
    let machine = settings.endpoint.machine().await;
    let docker = within(FIRST_ANSWER.min(patience), docker.negotiate_version()).await?;
    let docker = version::agreed(docker)?;
    let info = within(patience, docker.info()).await?;
    // By the engine's own clock: what happens until its event stream begins is repeated by it.
    let now = info.system_time.as_deref().and_then(translate::timestamp_ns);
    let node = node(&info);
    observer.set_machine(machine.map(|ip| node_address(&info).unwrap_or(ip)));
    observer.set_node(node.clone());
    Ok((docker, node, now))
}

/// One connection's life, until nobody listens; `listed` is set once everything was seen.
async fn follow(
    settings: &Settings,
    observer: &mut Observer,
    observations: &mpsc::Sender<Observation>,
    listed: &mut Option<Instant>,
) -> Result<(), Error> {
    let patience = settings.patience;
    let (docker, node, now) = connected(settings, observer).await?;
    let mut events = pin!(docker.events(Some(wanted_events(now))));
    let mut looks = Looks::new(&docker, patience);
    let listing = list(&docker, &mut looks, &mut events, observer, patience * LISTING_TIMES);
    let (mut batch, mut broken) = listing.await?;
    let mut swarm = whole(&docker, settings, observer, node.as_ref()).await;
    let mut following = None;
    *listed = Some(Instant::now());
    let mut heart = pin!(heart_stops(&docker, patience));
    let again = |o: &Observer| o.unreadable().next().map(|_| Instant::now() + patience / 2);
    let mut look_again = again(observer);
    let mut changed = true;
    loop {
        for event in batch.drain(..) {
            changed |= take(observer, &mut looks, &event);
        }
        if changed {
            observations.send(observer.tell()).await?;
        }
        changed = false;
        // Managers stop telling of this node only when its own word is out.
        if let Some(node) = node.as_ref().filter(|_| following.is_none()) {
            following = Some(settings.followed.follow(node.id.clone()));
        }
        if let Some(error) = broken.take() {
            return Err(error);
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
            () = observations.closed() => return Ok(()),
            error = &mut heart => return Err(error.into()),
            () = at(look_again) => {
                observer.unreadable().for_each(|id| looks.want(id.to_string(), None));
                look_again = again(observer);
            }
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
        look_again = look_again.or_else(|| again(observer));
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

/// Makes the listing, which may take so long, what is believed. Gives the events that came in the
/// meantime, and what became of their stream: without one, listing again and again is better than
/// nothing.
async fn list(
    docker: &Docker,
    looks: &mut Looks<'_>,
    mut events: impl Stream<Item = Result<EventMessage, ApiError>> + Unpin,
    observer: &mut Observer,
    limit: Duration,
) -> Result<(Vec<Event>, Option<Error>), Error> {
    let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
    let (mut early, mut broken) = (Vec::new(), None);
    let mut take = |event: Option<Result<EventMessage, ApiError>>, broken: &mut Option<Error>| {
        match event {
            Some(Ok(event)) => early.extend(read(&event)),
            Some(Err(error)) => *broken = Some(error.into()),
            None => *broken = Some(ENDED.into()),
        }
        if early.len() > EARLY_MAX {
            Err("too many events while containers are listed")
        } else {
            Ok(())
        }
    };
    let mut listing = pin!(within(limit, docker.list_containers(Some(options))));
    let summaries = loop {
        tokio::select! {
            summaries = &mut listing => break summaries?,
            event = events.next(), if broken.is_none() => take(event, &mut broken)?,
        }
    };
    for summary in summaries {
        let name = summary.names.as_ref().and_then(|names| names.first());
        if let Some(id) = summary.id {
            looks.want(id, name.map(String::as_str));
        }
    }
    let mut containers: Vec<Seen> = Vec::new();
    let mut unreadable: Vec<Unreadable> = Vec::new();
    while !looks.is_empty() {
        tokio::select! {
            look = looks.next() => match look? {
                Some(Look::Seen(seen)) => containers.push(*seen),
                Some(Look::Failed(one)) => unreadable.push(one),
                Some(Look::Missing(_)) | None => {}
            },
            event = events.next(), if broken.is_none() => take(event, &mut broken)?,
        }
    }
    if let (true, Some(first)) = (containers.is_empty(), unreadable.first()) {
        return Err(format!("no container can be read; of the first, {}", first.reason).into());
    }
    observer.replace(containers, unreadable);
    Ok((early, broken))
}

/// Takes an event in; whether something is believed now that was not before.
fn take(observer: &mut Observer, looks: &mut Looks<'_>, event: &Event) -> bool {
    let told = observer.handle(event);
    if told != Told::Nothing {
        observer.hear();
    }
    match told {
        Told::Look => looks.want(event.id.clone(), event.name.as_deref()),
        // Also of one that is not known yet: an answer that is under way would bring it to life.
        _ if matches!(event.kind, Kind::Ended | Kind::Removed) => looks.overtaken(&event.id),
        Told::Changed | Told::Nothing => {}
    }
    told == Told::Changed
}

fn learn(observer: &mut Observer, look: Option<Look>) -> bool {
    let changed = match look {
        Some(Look::Seen(seen)) => {
            observer.update(*seen);
            true
        }
        Some(Look::Missing(id)) => observer.removed(&id) == Told::Changed,
        Some(Look::Failed(one)) => observer.missed(one) == Told::Changed,
        None => return false,
    };
    if !changed {
        observer.forget_heard();
    }
    changed
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
