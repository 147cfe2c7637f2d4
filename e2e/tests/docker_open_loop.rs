//! Two services that grow from one replica to many, are replaced and shrink, each getting the
//! addresses that the other gives up, under clients that send on a schedule: kept and new
//! connections, WebSockets, bodies in pieces.
//!
//! `EVENKEEL_CHURN=20x50` is the full length; `evenkeel-bench churn` is the same beside others.

use bench::containers::SERVICES;
use bench::containers::balancers::{Balancer, Kind};
use bench::containers::churn::{self, How, Outcome, Plan};
use bench::containers::engine::Engine;
use bench::containers::image;
use bench::containers::place::{Alive, Place};
use e2e::binaries;
use e2e::docker::scenario::expect;
use e2e::docker::{engine, skip};
use std::time::Duration;

/// How long a replica serves after its stop signal.
const LINGER: Duration = Duration::from_secs(1);

#[test]
fn replicas_that_are_stopped_cost_no_request() {
    check(How::Stop, |outcome| {
        let (_, failed) = outcome.requests();
        expect(failed == 0, || format!("{failed} requests failed"))
    });
}

/// What was under way on the killed one may fail, unless it can be sent again.
#[test]
fn replicas_that_are_killed_cost_only_what_cannot_be_repeated() {
    check(How::Kill, |outcome| {
        expect(!outcome.kills.is_empty(), || "nobody was killed".to_owned())?;
        let repeatable = outcome.idempotent_failed();
        expect(repeatable == 0, || format!("{repeatable} requests with GET failed"))?;
        let unexcused = outcome.unexcused();
        expect(unexcused == 0, || format!("{unexcused} failed though nobody was killed just then"))
    });
}

fn check(how: How, right: impl Fn(&Outcome) -> Result<(), String>) {
    if let Err(reason) = engine() {
        return skip(&reason);
    }
    let outcome = run(how).unwrap_or_else(|why| panic!("{why}"));
    outcome.reports.iter().for_each(|report| println!("{report}"));
    println!("{} containers in {:?}", outcome.started, outcome.took);
    let (sent, _) = outcome.requests();
    let strangers = outcome.strangers();
    let every = expect(sent > 0 && outcome.started > 0, || "nothing happened".to_owned())
        .and_then(|()| expect(strangers == 0, || format!("{strangers} answers of another service")))
        .and_then(|()| right(&outcome));
    every.unwrap_or_else(|why| panic!("{why}"));
}

fn run(how: How) -> Result<Outcome, String> {
    let text = std::env::var("EVENKEEL_CHURN").unwrap_or_else(|_| "1x5".to_owned());
    let sizes = text.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let (rounds, replicas): (usize, usize) = sizes.ok_or("EVENKEEL_CHURN is ROUNDSxREPLICAS")?;
    let plan = Plan { rounds, replicas, replaced: (replicas / 2).min(10), how };
    let engine = Engine::here()?;
    image::make(&engine, &binaries::bench()?)?;
    let place = Place::new(&engine, LINGER)?;
    let mut alive = Alive::default();
    for service in SERVICES {
        let started = place.start(service)?;
        alive.of(service).push(started);
    }
    let program = binaries::evenkeel()?.path;
    let running = Balancer { kind: Kind::Evenkeel, program }.start(&place)?;
    churn::run(&place, &running, &mut alive, &plan).map_err(|e| format!("{e}\n{}", running.said()))
}
