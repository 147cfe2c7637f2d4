//! How long a balancer takes to follow: from a container's start event to its first request, and
//! from the moment its stop signal comes to it to its last.
//!
//! Both ends are stamps of one machine's clock: `start` is the engine's event, the stop signal and
//! the requests are noted by the replica itself. A replica that is asked before its start event is
//! there counts below zero, one that is not asked after its stop signal counts as zero. Requests
//! come every few milliseconds to each replica, and that is part of the figures.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::balancers::Running;
use super::engine::Events;
use super::place::{Alive, Place, Started};
use super::replica::Note;
use super::table::Figures;
use super::{SERVICES, host};
use crate::account::{Reading, tree};
use crate::open_loop::{self, Clients};

/// What is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Starts and stops together.
    pub changes: usize,
    /// Replicas that serve while one comes and one goes.
    pub base: usize,
    /// From one start to the next; the engine may need longer.
    pub pace: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self { changes: 500, base: 4, pace: Duration::from_millis(350) }
    }
}

/// Changes one replica after another under load.
///
/// # Errors
/// The engine's.
pub fn measure(
    place: &Place,
    balancer: &Running,
    alive: &mut Alive,
    plan: &Plan,
) -> Result<Figures, String> {
    let [service, _] = SERVICES;
    while alive.of(service).len() < plan.base {
        let started = place.start(service)?;
        alive.of(service).push(started);
    }
    let events = place.engine.follow(&format!("{}={}", super::place::LABEL, place.name))?;
    thread::sleep(Duration::from_secs(2));
    let load = open_loop::start(load(balancer, service)).map_err(|e| e.to_string())?;
    let before = Reading::of(&tree(balancer.pid()));
    let (started, stopped) = change(place, alive.of(service), plan)?;
    let cpu = Reading::of(&tree(balancer.pid())).since(&before).total;
    // The last ones are due their first request.
    thread::sleep(Duration::from_secs(3));
    let report = load.stop();
    for replica in alive.of(service).drain(1..) {
        place.stop(&replica.id)?;
    }
    let noted = |s: &&Started| Note::of(place.notes(), &s.name);
    let begun = starts(&events);
    let mut figures = Figures { report, cpu, ..Figures::default() };
    for replica in &started {
        let Some(at) = begun.get(&replica.id) else { continue };
        // The one that stays has left no note.
        let Some(note) = noted(&replica) else { continue };
        figures.take_start(*at, note);
    }
    stopped.iter().filter_map(|s| noted(&s)).for_each(|note| figures.take_stop(note));
    Ok(figures)
}

fn load(balancer: &Running, service: &str) -> open_loop::Plan {
    let none = Clients::default();
    open_loop::Plan {
        service: Some(service.to_owned()),
        keep_alive: Clients { count: 8, per_second: 400.0 },
        short: Clients { count: 8, per_second: 100.0 },
        slow_body: none,
        websocket: none,
        duration: open_loop::DURATION_MAX,
        ..open_loop::Plan::mix(balancer.address, &host(service))
    }
}

/// One comes, the oldest goes, over and over: who came, and who went.
fn change(
    place: &Place,
    alive: &mut Vec<Started>,
    plan: &Plan,
) -> Result<(Vec<Started>, Vec<Started>), String> {
    let (mut started, mut stopped) = (Vec::new(), Vec::new());
    let failed = Mutex::new(Ok(()));
    let [service, _] = SERVICES;
    let begun = Instant::now();
    thread::scope(|scope| {
        for number in 0..plan.changes / 2 {
            let due = begun + plan.pace * u32::try_from(number).unwrap_or(u32::MAX);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let new = place.start(service)?;
            started.push(new.clone());
            alive.push(new);
            thread::sleep(plan.pace / 2);
            let old = alive.remove(0);
            stopped.push(old.clone());
            let failed = &failed;
            scope.spawn(move || {
                if let Err(why) = place.stop(&old.id) {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Err(why);
                }
            });
        }
        Ok::<(), String>(())
    })?;
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    Ok((started, stopped))
}

fn starts(events: &Events) -> BTreeMap<String, u64> {
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let starts = events.iter().filter(|h| h.action == "start");
    starts.map(|h| (h.id.clone(), h.at_ns)).collect()
}
