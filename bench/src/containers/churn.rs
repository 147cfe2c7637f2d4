//! What fails while two services grow from one replica to many, are replaced and shrink again, each
//! getting the addresses that the other gives up.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::balancers::Running;
use super::place::{Alive, Place, Started};
use super::{SERVICES, host};
use crate::open_loop::{self, Clients, Report};

/// Starts under way at once.
const STARTS: usize = 3;
/// Ends under way at once; most of their time is waiting.
const ENDS: usize = 6;
/// How long a balancer may take to know everybody.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// How replicas end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By their stop signal, after which they serve on for a while.
    Stop,
    /// At once.
    Kill,
}

/// What is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// From one to many and back, so often.
    pub rounds: usize,
    /// Most replicas of each service.
    pub replicas: usize,
    /// Replicas of each service that are replaced in each round.
    pub replaced: usize,
    /// How they end.
    pub how: How,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rounds: 20, replicas: 50, replaced: 10, how: How::Stop }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What the clients of each service have counted.
    pub reports: [Report; 2],
    /// From before to after each kill.
    pub kills: Vec<(Instant, Instant)>,
    /// Containers that were started.
    pub started: usize,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Requests sent, and those that failed.
    #[must_use]
    pub fn requests(&self) -> (u64, u64) {
        let totals = self.reports.iter().map(Report::total);
        totals.fold((0, 0), |(sent, failed), t| (sent + t.sent, failed + t.failed() - t.never_sent))
    }

    /// Answers of a container of the other service.
    #[must_use]
    pub fn strangers(&self) -> u64 {
        self.reports.iter().map(|r| r.total().strangers).sum()
    }

    /// Idempotent requests (GET, on kept and on new connections) that failed.
    #[must_use]
    pub fn idempotent_failed(&self) -> u64 {
        let one = |r: &Report| [&r.keep_alive, &r.short].map(|t| t.failed() - t.never_sent);
        self.reports.iter().flat_map(one).sum()
    }

    /// Failures that were not under way while a replica was killed.
    #[must_use]
    pub fn unexcused(&self) -> usize {
        let killed = |(sent, failed): &(Instant, Instant)| {
            self.kills.iter().any(|(from, to)| sent <= to && failed >= from)
        };
        let failures = self.reports.iter().flat_map(|r| r.total().failures);
        failures.filter(|f| !killed(f)).count()
    }
}

/// Does it under load.
///
/// # Errors
/// The engine's.
pub fn run(
    place: &Place,
    balancer: &Running,
    alive: &mut Alive,
    plan: &Plan,
) -> Result<Outcome, String> {
    let begun = Instant::now();
    let loads = SERVICES.map(|service| open_loop::start(load(balancer, service)));
    let churn = Churn { place, balancer, plan, kills: Mutex::default() };
    let mut started = 0;
    let done = (0..plan.rounds).try_for_each(|_| churn.round(alive, &mut started));
    let mut reports = Vec::new();
    for load in loads {
        reports.push(load.map_err(|e| e.to_string())?.stop());
    }
    done?;
    let reports = <[Report; 2]>::try_from(reports).unwrap_or_default();
    let kills = churn.kills.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Outcome { reports, kills, started, took: begun.elapsed() })
}

fn load(balancer: &Running, service: &str) -> open_loop::Plan {
    open_loop::Plan {
        service: Some(service.to_owned()),
        keep_alive: Clients { count: 8, per_second: 60.0 },
        short: Clients { count: 8, per_second: 40.0 },
        slow_body: Clients { count: 4, per_second: 6.0 },
        websocket: Clients { count: 8, per_second: 30.0 },
        duration: open_loop::DURATION_MAX,
        patience: Duration::from_secs(30),
        ..open_loop::Plan::mix(balancer.address, &host(service))
    }
}

struct Churn<'a> {
    place: &'a Place,
    balancer: &'a Running,
    plan: &'a Plan,
    kills: Mutex<Vec<(Instant, Instant)>>,
}

impl Churn<'_> {
    fn round(&self, alive: &mut Alive, started: &mut usize) -> Result<(), String> {
        let Plan { replicas, replaced, .. } = *self.plan;
        // They take turns, so that each gets what the other gave up.
        let turns = |count: usize| (0..count).flat_map(|_| SERVICES).collect::<Vec<_>>();
        let missing: Vec<&str> = SERVICES
            .iter()
            .flat_map(|s| vec![*s; replicas.saturating_sub(alive.of(s).len())])
            .collect();
        let mut grown = turns(missing.len() / SERVICES.len());
        grown.extend(missing.get(grown.len()..).unwrap_or_default());
        *started += grown.len();
        for (service, new) in together(STARTS, &grown, |s| Ok((*s, self.place.start(s)?)))? {
            alive.of(service).push(new);
        }
        self.settle(alive);
        let one_each: Vec<(&str, Started)> =
            turns(replaced).into_iter().map(|s| (s, alive.of(s).remove(0))).collect();
        *started += one_each.len();
        let other = |service: &str| SERVICES.iter().find(|s| **s != service).copied();
        let exchanged = together(STARTS, &one_each, |(service, old)| {
            self.end(old)?;
            let service = other(service).unwrap_or_default();
            Ok((service, self.place.start(service)?))
        })?;
        for (service, new) in exchanged {
            alive.of(service).push(new);
        }
        self.settle(alive);
        let gone: Vec<Started> =
            turns(replicas - 1).into_iter().map(|s| alive.of(s).remove(0)).collect();
        together(ENDS, &gone, |old| self.end(old))?;
        self.settle(alive);
        Ok(())
    }

    fn end(&self, old: &Started) -> Result<(), String> {
        if self.plan.how == How::Stop {
            return self.place.stop(&old.id);
        }
        let before = Instant::now();
        self.place.kill(&old.id)?;
        let removed = self.place.remove(&old.id);
        // A client may write once more on its connection before it hears of the end.
        let mut kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
        kills.push((before, Instant::now()));
        removed
    }

    /// Waits until everybody who is alive has answered: whoever ends one now leaves somebody
    /// behind. A balancer that takes too long has to live with it.
    fn settle(&self, alive: &mut Alive) {
        for service in SERVICES {
            let begun = Instant::now();
            let mut missing: BTreeSet<String> =
                alive.of(service).iter().map(|s| s.name.clone()).collect();
            while !missing.is_empty() && begun.elapsed() < SETTLE_MAX {
                match who(self.balancer.address, service) {
                    Some(name) => drop(missing.remove(&name)),
                    None => thread::sleep(Duration::from_millis(10)),
                }
            }
        }
    }
}

/// Who answers one request.
fn who(address: SocketAddr, service: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let host = host(service);
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Does something with each, in order, so many at a time.
fn together<T: Sync, R: Send>(
    count: usize,
    list: &[T],
    act: impl Fn(&T) -> Result<R, String> + Sync,
) -> Result<Vec<R>, String> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                while let Some(item) = list.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = act(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}
