//! Where containers are reached on the real engine: other networks, published ports, the host's
//! network, the network of another container, IPv6, and why one cannot be reached.

use e2e::docker::scenario::expect;
use e2e::docker::town::Town;
use e2e::docker::{docker, skip};

/// Runs a scenario in a town of its own; skipped, with the reason, where there can be none.
fn in_town(scenario: fn(&mut Town) -> Result<(), String>) {
    let mut town = match Town::found() {
        Ok(town) => town,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = scenario(&mut town) {
        panic!("{why}");
    }
}

#[test]
fn containers_are_reached_wherever_they_are() {
    in_town(wherever);
}

fn wherever(town: &mut Town) -> Result<(), String> {
    town.balancer(&[], &[])?;
    town.service("near", &["8000"], &["evenkeel.host=near.test", "evenkeel.address=published"])?;
    let joined = format!("container:{}", town.container_name("near"));
    let places: &[(&str, &str, &[&str])] = &[
        ("published", "8000", &["--network", "bridge", "-p", "8000"]),
        ("mine", "8000", &["--network", "bridge", "-p", "127.0.0.1::8000"]),
        ("alone", "8000", &["--network", "bridge"]),
        ("joined", "8001", &["--network", &joined]),
        ("host", "18999", &["--network", "host"]),
    ];
    for (name, port, network) in places {
        let says = [format!("evenkeel.host={name}.test"), format!("evenkeel.port={port}")];
        town.elsewhere(name, &[port], network, &[&says[0], &says[1]])?;
    }
    town.expect(&[
        ("published.test", "published"),
        ("host.test", "host"),
        ("joined.test", "joined"),
    ])?;
    let shown = town.command(&["containers"])?;
    let says = |name: &str, word: &str| {
        let line = shown.lines().find(|l| l.contains(&town.container_name(name)));
        line.is_some_and(|l| l.starts_with("OUT") && l.contains(word))
    };
    for (name, word) in [
        ("alone", "shares no network with the balancer (it is on bridge, the balancer on"),
        ("alone", "and it publishes no port"),
        ("mine", "and what it publishes is out of reach from here"),
        ("near", "it publishes no port"),
    ] {
        expect(says(name, word), || format!("{name}: not '{word}':\n{shown}"))?;
    }
    Ok(())
}

#[test]
fn a_network_without_ipv4_will_do() {
    in_town(|town| {
        town.balancer(&[], &[])?;
        let net = town.network(&["--ipv6", "--subnet", "fd00:ec:1::/64"])?;
        docker(&["network", "connect", &net, &town.container_name("lb")])?;
        let says = ["evenkeel.host=six.test", "V6=1"];
        town.elsewhere("six", &["8000"], &["--network", &net], &says)?;
        town.expect(&[("six.test", "six")])
    });
}
