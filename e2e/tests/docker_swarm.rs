//! Swarms of one and two nodes on engines of their own: tasks become servers, scaled, replaced and
//! drained under load; a balancer beside the Swarm, on a worker, and examples/swarm word for word.

use bench::open_loop::{Clients, Plan, Running, start};
use e2e::client::{PATIENCE, Socket};
use e2e::docker::pool::{get, good, wait_cycle};
use e2e::docker::scenario::expect;
use e2e::docker::swarm::{Machines, SOON};
use e2e::docker::{images, skip};
use e2e::http::Reader;
use e2e::ports::Address;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

const HOST: &str = "web.test";
const IMAGE: &str = "evenkeel:latest";
const SOCKET: &str = "/var/run/docker.sock:/var/run/docker.sock:ro";
/// The binary within its image.
const EVENKEEL: &str = "/usr/local/bin/evenkeel";

/// Runs a scenario on so many machines; skipped, with the reason, where there can be none.
fn on_machines(machines: Result<Machines, String>, scenario: fn(&Machines) -> Result<(), String>) {
    let machines = match machines {
        Ok(machines) => machines,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = scenario(&machines) {
        panic!("{why}\n{}", machines.log());
    }
}

/// Words that make containers answer with their name: of `docker run` or `service create`.
fn app(create: &[&str], mount: &str) -> Vec<String> {
    let server = images::root().join("examples/scaling/server/server.py");
    let words = [create, &[mount, "IMAGE", "python3", "/server.py"]].concat();
    let put = |word: &&str| match *word {
        "IMAGE" => "python:3-slim".to_owned(),
        word => word.replace("SERVER", &server.to_string_lossy()),
    };
    words.iter().map(put).collect()
}

/// Creates the service `web` on the network `apps`.
fn web(machines: &Machines, words: &[&str]) -> Result<(), String> {
    let create = ["service", "create", "-d", "--no-resolve-image", "--name", "web"];
    let network = ["--network", "apps", "--update-delay", "1s"];
    let mount = "--mount=type=bind,src=SERVER,dst=/server.py,ro";
    let words = app(&[&create[..], &network, words].concat(), mount);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    machines.docker(1, &words).map(drop)
}

fn network(machines: &Machines) -> Result<(), String> {
    let words = ["network", "create", "--driver", "overlay", "--attachable", "apps"];
    machines.docker(1, &words).map(drop)
}

/// A balancer that is no service, with words of `docker run`, published on port 80.
fn balancer(machines: &Machines, node: usize, words: &[&str]) -> Result<(), String> {
    let run = ["run", "-d", "--name", "lb", "-p", "80:80", "-v", SOCKET];
    machines.docker(node, &[&run[..], words, &[IMAGE]].concat()).map(drop)
}

fn status(address: SocketAddr) -> String {
    get(address, HOST, "/").map_or_else(|why| why, |m| m.head.word(1).to_owned())
}

/// Keep-alive and new connections at a fixed pace, whatever the answers do.
fn steady(address: SocketAddr, host: &str) -> Result<Running, String> {
    let plan = Plan {
        keep_alive: Clients { count: 8, per_second: 60.0 },
        short: Clients { count: 4, per_second: 40.0 },
        slow_body: Clients::default(),
        websocket: Clients::default(),
        duration: Duration::from_secs(600),
        patience: Duration::from_secs(30),
        ..Plan::mix(address, host)
    };
    start(plan).map_err(|e| e.to_string())
}

fn none_failed(what: &str, load: Running) -> Result<(), String> {
    let report = load.stop();
    println!("{what}:\n{report}");
    let failed = report.failed() - report.total().never_sent;
    let answered = report.total().answered;
    expect(answered > 0 && failed == 0, || format!("{what}: {failed} failed\n{report}"))
}

#[test]
fn d01_d02_d03_d05_d06_d16_one_node_and_a_balancer_beside_it() {
    on_machines(Machines::swarm(1), beside);
}

fn beside(machines: &Machines) -> Result<(), String> {
    // D16: everything once more after the reset, this time without a service.
    round(machines, true)?;
    round(machines, false)
}

fn round(machines: &Machines, service: bool) -> Result<(), String> {
    let at = machines.port(1, 80);
    // D1: nothing there, and the port is open.
    balancer(machines, 1, &[])?;
    expect(wait_until(SOON, || status(at) == "503"), || status(at))?;
    let life = ["inspect", "-f", "{{.State.StartedAt}} {{.RestartCount}}", "lb"];
    let born = machines.docker(1, &life)?;
    // D2, on a network that the balancer is not on yet.
    network(machines)?;
    let labels = ["-l", "evenkeel.host=web.test", "-l", "evenkeel.port=8000"];
    let plain = |n: u8| {
        let name = format!("demo{n}");
        let first = ["run", "-d", "--network", "apps", "--name", &name];
        let words = app(&[&first[..], &labels].concat(), "-v=SERVER:/server.py:ro");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        machines.docker(1, &words)
    };
    match service {
        true => web(machines, &[&labels[..], &["--replicas", "3"]].concat())?,
        false => (1..=3).try_for_each(|n| plain(n).map(drop))?,
    }
    let seen = || machines.docker(1, &["exec", "lb", EVENKEEL, "containers"]).unwrap_or_else(|e| e);
    let is_apart = |line: &&str| line.starts_with("OUT") && line.contains("shares no network");
    let apart = wait_until(SOON, || seen().lines().filter(is_apart).count() == 3);
    expect(apart, seen)?;
    expect(status(at) == "503", || status(at))?;
    // D3: no restart.
    machines.docker(1, &["network", "connect", "apps", "lb"])?;
    let three = wait_cycle(at, HOST, 3, SOON)?;
    if service {
        let running: BTreeSet<String> = three.into_iter().collect();
        expect(running == machines.running("web"), || format!("{running:?}"))?;
        machines.docker(1, &["service", "scale", "-d", "web=5"])?;
    } else {
        (4..=5).try_for_each(|n| plain(n).map(drop))?;
    }
    // D5: each exactly once in so many; D6: on one connection, too.
    wait_cycle(at, HOST, 5, SOON)?;
    let names = on_one_connection(at, 5)?;
    expect(names.len() == 5, || format!("one connection: {names:?}"))?;
    let now = machines.docker(1, &life)?;
    expect(born == now, || format!("the balancer was {born}, is {now}"))?;
    // D16.
    let names = ["demo1", "demo2", "demo3", "demo4", "demo5"];
    match service {
        true => machines.docker(1, &["service", "rm", "web"])?,
        false => machines.docker(1, &[&["rm", "-f"], &names[..]].concat())?,
    };
    expect(wait_until(SOON, || status(at) == "503"), || status(at))?;
    machines.docker(1, &["kill", "lb"])?;
    machines.docker(1, &["rm", "-f", "lb"])?;
    // A service's containers are removed one after the other.
    let left = || machines.docker(1, &["ps", "-a"]).unwrap_or_else(|e| e);
    let empty = || machines.docker(1, &["ps", "-aq"]).is_ok_and(|ids| ids.is_empty());
    expect(wait_until(SOON, empty), left)?;
    let gone = wait_until(SOON, || machines.docker(1, &["network", "rm", "apps"]).is_ok());
    expect(gone, || "the network is still used".to_owned())
}

/// Who answers so many requests of one client.
fn on_one_connection(address: SocketAddr, count: usize) -> Result<BTreeSet<String>, String> {
    let socket = Socket::connect(&Address::Tcp(address), None).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(socket, PATIENCE);
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    (0..count)
        .map(|_| {
            reader.socket.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
            let head = reader.head().map_err(|end| end.word().to_owned())?;
            good(&reader.response_body(head, "GET"))
        })
        .collect()
}

#[test]
fn two_nodes_scaled_replaced_and_drained_by_a_managers_word() {
    on_machines(Machines::swarm(2), by_a_managers_word);
}

fn by_a_managers_word(machines: &Machines) -> Result<(), String> {
    network(machines)?;
    balancer(machines, 1, &["--network", "apps"])?;
    // The dialect of variables: E33, and the label that switches a service off.
    let variables = ["-e", "VIRTUAL_HOST=web.test", "-e", "SERVICE_PORTS=8000", "--replicas", "2"];
    web(machines, &variables)?;
    let ask = (machines.port(1, 80), HOST);
    let nobody = BTreeSet::new();
    machines.settled("web", 2, &nobody, ask)?;
    let load = steady(ask.0, HOST)?;
    for count in [8, 2, 6] {
        machines.docker(1, &["service", "scale", "-d", &format!("web={count}")])?;
        machines.settled("web", count, &nobody, ask)?;
    }
    none_failed("2, 8, 2, 6 replicas", load)?;

    let load = steady(ask.0, HOST)?;
    let before = machines.running("web");
    machines.docker(1, &["service", "update", "-d", "--force", "web"])?;
    machines.settled("web", 6, &before, ask)?;
    none_failed("every container replaced", load)?;

    let load = steady(ask.0, HOST)?;
    let second = machines.docker(2, &["ps", "-q"])?;
    let second: BTreeSet<String> = second.lines().map(str::to_owned).collect();
    expect(!second.is_empty(), || "no task on the second node".to_owned())?;
    let node = machines.node(2)?;
    machines.docker(1, &["node", "update", "--availability", "drain", &node])?;
    machines.settled("web", 6, &second, ask)?;
    none_failed("the second node drained", load)?;

    let switch = "com.docker.dockercloud.haproxy.deactivate=true";
    machines.docker(1, &["service", "update", "-d", "--label-add", switch, "web"])?;
    expect(wait_until(SOON, || status(ask.0) == "503"), || status(ask.0))
}

#[test]
fn d07_thirty_replicas_on_each_of_two_nodes() {
    on_machines(Machines::swarm(2), thirty_each);
}

fn thirty_each(machines: &Machines) -> Result<(), String> {
    network(machines)?;
    balancer(machines, 1, &["--network", "apps"])?;
    let host = ["-l", "evenkeel.host=web.test", "-l", "evenkeel.port=8000"];
    web(machines, &[&host[..], &["--replicas=2", "--replicas-max-per-node=30"]].concat())?;
    let (ask, nobody) = ((machines.port(1, 80), HOST), BTreeSet::new());
    machines.settled("web", 2, &nobody, ask)?;
    let load = steady(ask.0, HOST)?;
    for count in [60, 2] {
        machines.docker(1, &["service", "scale", "-d", &format!("web={count}")])?;
        machines.settled("web", count, &nobody, ask)?;
    }
    none_failed("2, 60, 2 replicas", load)
}

#[test]
fn d15_a_balancer_on_a_worker_says_what_it_needs_and_serves_with_it() {
    on_machines(Machines::swarm(2), on_a_worker);
}

fn on_a_worker(machines: &Machines) -> Result<(), String> {
    network(machines)?;
    web(machines, &["-l", "evenkeel.host=web.test", "-l", "evenkeel.port=8000", "--replicas=4"])?;
    balancer(machines, 2, &["--network", "apps"])?;
    let log = || machines.docker(2, &["logs", "lb"]).unwrap_or_else(|e| e);
    let transcript = || {
        let log = e2e::docker::command::Run::new("docker").env("DOCKER_HOST", machines.host(2));
        log.args(&["logs", "lb"]).transcript().unwrap_or_else(|e| e)
    };
    let told = wait_until(SOON, || transcript().contains("is a worker of a Swarm"));
    expect(told, log)?;
    expect(status(machines.port(2, 80)) == "503", || "labels of services are not known".into())?;
    machines.docker(2, &["rm", "-f", "lb"])?;

    // Its own engine besides the manager's, as a container; the manager's alone, as a service.
    let manager = format!("tcp://{}:2375", machines.address(1));
    let both = format!("DOCKER_HOST=unix:///var/run/docker.sock,{manager}");
    balancer(machines, 2, &["--network", "apps", "-e", &both])?;
    let ask = (machines.port(2, 80), HOST);
    machines.settled("web", 4, &BTreeSet::new(), ask)?;
    machines.docker(2, &["rm", "-f", "lb"])?;
    let place = format!("node.id=={}", machines.node(2)?);
    let create = ["service", "create", "-d", "--no-resolve-image", "--network", "apps"];
    let published = ["--publish", "mode=host,target=80,published=80"];
    let words = ["--constraint", &place, "-e", &format!("DOCKER_HOST={manager}"), IMAGE];
    machines.docker(1, &[&create[..], &published, &words].concat())?;
    machines.settled("web", 4, &BTreeSet::new(), ask).map(drop)
}

#[test]
fn the_example_on_two_nodes_word_for_word() {
    on_machines(Machines::start(2), the_example);
}

/// The commands of a README, without what they are commented with.
fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(word) => inside = word == "sh",
            None if inside => {
                found.push(line.split(" #").next().unwrap_or_default().trim().to_owned());
            }
            None => {}
        }
    }
    found
}

fn the_example(machines: &Machines) -> Result<(), String> {
    let example = images::root().join("examples/swarm");
    let readme = std::fs::read_to_string(example.join("README.md")).map_err(|e| e.to_string())?;
    let nobody = BTreeSet::new();
    let ask = (machines.port(1, 80), "localhost");
    let mut load = None;
    let mut seen = 0;
    for line in commands(&readme) {
        // What it builds is there already.
        if line.starts_with("make ") {
            continue;
        }
        if line.starts_with("docker stack rm") {
            a_node_falls(machines, ask)?;
        }
        println!("{line}");
        let before = machines.running("shop_web");
        let said = machines.shell(1, &line).dir(&example).output()?;
        let words: Vec<&str> = line.split(' ').collect();
        match &words[..] {
            ["docker", "swarm", "init"] => machines.join(2)?,
            ["docker", "stack", "deploy", ..] => {
                machines.settled("shop_web", 4, &nobody, ask)?;
                load = Some(steady(ask.0, ask.1)?);
            }
            ["docker", "service", "scale", scale] => {
                let count = scale.split('=').next_back().and_then(|n| n.parse().ok());
                machines.settled("shop_web", count.ok_or("no number")?, &nobody, ask)?;
            }
            ["docker", "service", "update", "--force", _] => {
                machines.settled("shop_web", 3, &before, ask)?;
                none_failed("scaled and replaced", load.take().ok_or("no load")?)?;
                drained(machines, ask)?;
            }
            ["docker", "service", "update", "--label-add", ..] => {
                let by_host = || get(ask.0, "shop.test", "/").and_then(|m| good(&m)).is_ok();
                expect(wait_until(SOON, by_host), || "no route to shop.test".to_owned())?;
                let now = machines.running("shop_web");
                expect(now == before, || "containers were replaced".to_owned())?;
            }
            ["curl", ..] => {
                expect(machines.running("shop_web").contains(&said), || said.clone())?;
            }
            _ => {}
        }
        seen += 1;
    }
    expect(seen == 10, || format!("{seen} commands were read from the README"))
}

/// The second node is emptied under load, and gets its share of a service again.
fn drained(machines: &Machines, ask: (SocketAddr, &str)) -> Result<(), String> {
    let load = steady(ask.0, ask.1)?;
    let node = machines.node(2)?;
    let second = machines.docker(2, &["ps", "-q", "--filter", "name=shop_web"])?;
    let second: BTreeSet<String> = second.lines().map(str::to_owned).collect();
    let availability =
        |word| machines.docker(1, &["node", "update", "--availability", word, &node]).map(drop);
    availability("drain")?;
    machines.settled("shop_web", 3, &second, ask)?;
    availability("active")?;
    // The agent is back, too, and its node's containers are followed.
    let before = machines.running("shop_web");
    machines.docker(1, &["service", "update", "-d", "--force", "shop_web"])?;
    machines.settled("shop_web", 3, &before, ask)?;
    // On every node.
    machines.settled("shop_web", 3, &before, (machines.port(2, 80), ask.1))?;
    none_failed("a node drained and back", load)
}

/// The second node loses its power: the others' containers go on, and those that replace its own.
fn a_node_falls(machines: &Machines, ask: (SocketAddr, &str)) -> Result<(), String> {
    let ask = (ask.0, "shop.test");
    let lost = machines.docker(2, &["ps", "-q", "--filter", "name=shop_web"])?;
    let lost: BTreeSet<String> = lost.lines().map(str::to_owned).collect();
    machines.fall(2)?;
    machines.settled("shop_web", 3, &lost, ask).map(drop)
}
