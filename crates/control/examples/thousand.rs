//! How long one change takes with a thousand containers: `cargo run --release -p evenkeel-control
//! --example thousand`.

use std::collections::BTreeMap;
use std::time::Instant;

use evenkeel_control::intent::containers::{Options, survey};
use model::Config;
use model::observed::{
    Container, ContainerHealth, ContainerState, Freshness, Network, Observation,
};

/// Changes that are timed.
const ROUNDS: u32 = 50;

fn main() {
    for (services, replicas) in [(1, 1000), (50, 20), (1000, 1)] {
        let seen = vec![Observation {
            provider: "docker".into(),
            freshness: Freshness::Fresh(1),
            containers: (0..services * replicas).map(|n| container(n, n / replicas)).collect(),
            own: None,
            machine: None,
        }];
        let (base, options) = (Config::default(), Options::default());
        let begun = Instant::now();
        let mut servers = 0;
        for _ in 0..ROUNDS {
            let survey = survey(&base, &seen, &options);
            servers = survey.config.backends.iter().map(|b| b.servers.len()).sum();
        }
        let each = begun.elapsed() / ROUNDS;
        println!("{services} services of {replicas}: {servers} servers, {each:?} for each change");
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
