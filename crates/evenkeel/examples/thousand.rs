//! What one change of one container costs among a thousand, piece by piece, in CPU time of the
//! control thread: `cargo run --release -p evenkeel --example thousand [SERVICES]`. Each row once
//! for one engine and once for a Swarm of ten nodes that a manager tells of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use control::intent::Intent;
use control::intent::containers::Options;
use control::plan::Plan;
use model::observed::{
    Container, ContainerHealth, ContainerState, Freshness, Network, Node, Observation, Service,
    Swarm, Task,
};
use model::{Config, Name, Snapshot};

/// As the product has it.
#[global_allocator]
static ALLOCATOR: proxy::Allocator = proxy::Allocator;

/// Containers.
const CONTAINERS: usize = 1000;
/// Changes that are timed.
const ROUNDS: usize = 60;
/// Workers of the data plane.
const WORKERS: usize = 2;

fn main() {
    let only: Option<usize> = std::env::args().nth(1).and_then(|n| n.parse().ok());
    println!("services  change     observe  survey    plan    live  remember    sum  (median ms)");
    for services in [1, 50, 1000].into_iter().filter(|n| only.is_none_or(|only| only == *n)) {
        for (change, of_swarm) in [Change::State, Change::Label, Change::Restart]
            .into_iter()
            .flat_map(|change| [(change, false), (change, true)])
        {
            let mut rounds = Vec::new();
            let mut run = Run::new(services, of_swarm);
            for round in 0..ROUNDS {
                rounds.push(run.round(change, round));
            }
            let column = |piece: usize| {
                let mut all: Vec<f64> = rounds.iter().map(|r| r[piece]).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            let pieces: Vec<f64> = (0..PIECES).map(column).collect();
            let shown: Vec<String> = pieces.iter().map(|ms| format!("{ms:7.2}")).collect();
            let sum: f64 = pieces.iter().sum();
            let swarm = if of_swarm { "  Swarm" } else { "" };
            println!("{services:8}  {:8} {} {sum:7.2}{swarm}", change.name(), shown.join(" "));
        }
    }
}

/// What happens to one container.
#[derive(Clone, Copy)]
enum Change {
    /// Its HEALTHCHECK fails, or passes again.
    State,
    /// It is made anew with another label: another cookie for its service.
    Label,
    /// It starts anew with another address.
    Restart,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Label => "label",
            Self::Restart => "restart",
        }
    }
}

/// Pieces that are timed.
const PIECES: usize = 5;

struct Run {
    seen: Observation,
    of_swarm: bool,
    intent: Intent,
    running: Arc<Config>,
    live: Option<proxy::Live>,
    clock: Clock,
}

impl Run {
    fn new(services: usize, of_swarm: bool) -> Self {
        let containers = (0..CONTAINERS).map(|n| container(n, n % services).into()).collect();
        let seen = Observation {
            provider: "docker".into(),
            freshness: Freshness::Fresh(1),
            heard_ms: None,
            containers,
            unreadable: Vec::new(),
            own: None,
            machine: None,
            node: None,
            swarm: None,
        };
        let (intent, running) = (Intent::default(), Arc::default());
        let clock = Clock::default();
        let mut run = Self { seen, of_swarm, intent, running, live: None, clock };
        run.step();
        run
    }

    fn round(&mut self, change: Change, round: usize) -> [f64; PIECES] {
        let container = Arc::make_mut(&mut self.seen.containers[round * 7 % CONTAINERS]);
        match change {
            Change::State => {
                container.health = match container.health {
                    ContainerHealth::Healthy => ContainerHealth::Unhealthy,
                    _ => ContainerHealth::Healthy,
                };
            }
            Change::Label => {
                container.started_ns += 1_000_000 + round as u64;
                let cookie = format!("C{round} insert indirect");
                container.env.insert("COOKIE".to_owned(), cookie);
            }
            Change::Restart => {
                container.started_ns += 1;
                let ip = std::net::IpAddr::from([10, 9, (round >> 8) as u8, round as u8]);
                container.networks[0].ipv4 = Some(ip);
            }
        }
        self.step()
    }

    fn step(&mut self) -> [f64; PIECES] {
        let seen = if self.of_swarm { as_swarm(&self.seen) } else { self.seen.clone() };
        self.clock.lap();
        self.intent.observe(seen);
        let observe = self.clock.lap();
        let options = Options::default();
        let mut wanted = self.intent.configuration(&options).wanted();
        control::numbers::keep(&mut wanted.config, &self.running);
        let surveyed = self.clock.lap();
        let plan = Plan::make(1, &self.running, &wanted.config);
        assert!(!plan.is_empty(), "something has changed");
        let planned = self.clock.lap();
        let config = Arc::new(wanted.config);
        let snapshot = Snapshot { generation: 1, config: Arc::clone(&config) };
        self.live = Some(proxy::Live::build(&snapshot, self.live.as_ref(), WORKERS, 0));
        drop(std::mem::replace(&mut self.running, config));
        let built = self.clock.lap();
        let lines = plan.lines();
        drop((plan, lines));
        let remembered = self.clock.lap();
        [observe, surveyed, planned, built, remembered]
    }
}

/// The same containers as tasks on ten nodes.
fn as_swarm(seen: &Observation) -> Observation {
    let node = |n: usize| Name::from(format!("node{}", n % 10));
    let mut swarm = Swarm { nodes: (0..10).map(node).collect(), ..Swarm::default() };
    for (n, container) in seen.containers.iter().enumerate() {
        let mut container = Container::clone(container);
        let service = container.labels["com.docker.compose.service"].clone();
        let label = |name: &str| (format!("com.docker.swarm.service.{name}"), service.clone());
        container.labels = BTreeMap::from([label("id"), label("name")]);
        container.env.insert("SERVICE_PORTS".to_owned(), "8080".to_owned());
        // A state that changes is a task that runs or does not.
        if container.health == ContainerHealth::Unhealthy {
            container.state = ContainerState::Created;
        }
        swarm.tasks.push(Task { node: node(n), container: container.into() });
        let name = Name::from(service);
        swarm.services.entry(name.clone()).or_insert_with(|| Service {
            name,
            labels: BTreeMap::new(),
            virtual_addresses: Vec::new(),
        });
    }
    Observation {
        containers: Vec::new(),
        node: Some(Node { id: "manager".into(), manager: true }),
        swarm: Some(Arc::new(swarm)),
        ..seen.clone()
    }
}

/// CPU time of this thread.
#[derive(Default)]
struct Clock(Duration);

impl Clock {
    /// Milliseconds since it was asked before.
    fn lap(&mut self) -> f64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let now = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
        let lap = now - self.0;
        self.0 = now;
        lap.as_secs_f64() * 1e3
    }
}

fn container(n: usize, service: usize) -> Container {
    let text = |name: &str, value: String| (name.to_owned(), value);
    Container {
        id: format!("{n:064x}").into(),
        name: format!("shop-service{service}-{n}").into(),
        image: "image".into(),
        labels: BTreeMap::from([
            text("com.docker.compose.project", "shop".to_owned()),
            text("com.docker.compose.service", format!("service{service}")),
            text("com.docker.compose.container-number", n.to_string()),
        ]),
        env: BTreeMap::from([
            text("VIRTUAL_HOST", format!("service{service}.example")),
            text("PATH", "/usr/bin".to_owned()),
        ]),
        state: ContainerState::Running,
        health: ContainerHealth::Healthy,
        stopping: false,
        started_ns: 1,
        networks: vec![Network {
            id: "n".into(),
            name: "shop_default".into(),
            ipv4: Some(std::net::IpAddr::from([10, 0, (n >> 8) as u8, n as u8])),
            ipv6: None,
            gateway: None,
            aliases: Vec::new(),
            links: Vec::new(),
        }],
        host_network: false,
        exposed: vec![8080],
        published: Vec::new(),
    }
}
