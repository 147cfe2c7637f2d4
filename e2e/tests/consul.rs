//! Services of a real Consul: registration to traffic and back, and every way in which Consul goes
//! away. The N and C rows are those of the provider's requirements, D those of `scenarios.md`.

use e2e::binaries::{Binary, evenkeel};
use e2e::client::{PATIENCE, Socket};
use e2e::consul::{Consul, binary};
use e2e::dns::Replicas;
use e2e::http::{Message, Reader};
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch, Signal};
use e2e::scenario::balancer::{Balancer, DEFAULTS, body};
use e2e::scenario::load::Load;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// Longer than several questions.
const WATCH: Duration = Duration::from_millis(1500);

/// Says why a test is skipped where there is no Consul.
fn consul() -> Option<Consul> {
    match binary() {
        Ok(_) => Some(Consul::start().unwrap()),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

/// A replica's address.
fn at(replicas: &Replicas, number: u8) -> SocketAddr {
    (Replicas::address(number), replicas.port).into()
}

/// A balancer whose backend `b` has these servers, and an exporter under `/metrics`.
fn balancer(consul: &Consul, servers: &str) -> Balancer {
    let more = ["--consul".to_owned(), consul.address.to_string()];
    Balancer::start_with(&more, |address| text(address, servers)).unwrap()
}

fn text(address: SocketAddr, servers: &str) -> String {
    format!(
        "{DEFAULTS}frontend f\n    bind {address}\n\
         \x20   http-request use-service prometheus-exporter if {{ path /metrics }}\n\
         \x20   default_backend b\nbackend b\n{servers}"
    )
}

/// Who answers, over more requests than there are servers.
fn answering(get: impl Fn() -> Result<Message, String>) -> BTreeSet<String> {
    let text = |m: Message| match m.head.word(1) {
        "200" => body(&m),
        status => status.to_owned(),
    };
    (0..12).filter_map(|_| get().ok()).map(text).collect()
}

fn comes(balancer: &Balancer, numbers: &[u8]) {
    let wanted: BTreeSet<String> = match numbers {
        [] => ["503".to_owned()].into(),
        some => some.iter().map(|n| Replicas::address(*n).to_string()).collect(),
    };
    let mut last = BTreeSet::new();
    let came = wait_until(SOON, || {
        last = answering(|| balancer.get("/", ""));
        last == wanted
    });
    assert!(came, "{last:?} answer, not {wanted:?}: {}", balancer.process.stderr());
}

/// A figure of the exporter.
fn figure(balancer: &Balancer, name: &str) -> f64 {
    let message = balancer.get("/metrics", "").unwrap();
    let text = body(&message);
    let line = text.lines().find(|line| {
        line.starts_with(&format!("{name} ")) || line.starts_with(&format!("{name}{{"))
    });
    line.and_then(|l| l.rsplit_once(' ')?.1.parse().ok())
        .unwrap_or_else(|| panic!("{name}: {text}"))
}

#[test]
fn n1_n8_n9_c1_c6_instances_come_fail_and_go() {
    let Some(consul) = consul() else { return };
    let replicas = Replicas::start(4).unwrap();
    let balancer = balancer(&consul, "    server-template web 1-3 consul@web?tag=prod\n");
    comes(&balancer, &[]);
    let prod = ",\"Tags\":[\"prod\"]";
    consul.register("web", "w1", at(&replicas, 1), prod);
    comes(&balancer, &[1]);
    consul.register("web", "w2", at(&replicas, 2), prod);
    consul.register("web", "other", at(&replicas, 4), "");
    comes(&balancer, &[1, 2]);
    let load = Load::start(balancer.address, 4);
    let place = |server: &str| balancer.statistic("b", server, "addr").unwrap_or_default();
    assert_eq!(place("web2"), at(&replicas, 2).to_string());
    consul.check("w1", "fail", "no");
    comes(&balancer, &[2]);
    assert_eq!(place("web2"), at(&replicas, 2).to_string(), "it keeps its slot");
    consul.register("web", "w3", at(&replicas, 3), prod);
    comes(&balancer, &[2, 3]);
    consul.check("w1", "pass", "yes");
    comes(&balancer, &[1, 2, 3]);
    assert_eq!(place("web2"), at(&replicas, 2).to_string());
    consul.register("web", "w4", at(&replicas, 4), prod);
    let said = || balancer.process.stderr().contains("without one: here/w4");
    assert!(wait_until(SOON, said), "{}", balancer.process.stderr());
    consul.deregister("w3");
    comes(&balancer, &[1, 2, 4]);
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    for id in ["w1", "w2", "w4"] {
        consul.deregister(id);
    }
    comes(&balancer, &[]);
}

#[test]
fn n9_weights_and_warnings() {
    let Some(consul) = consul() else { return };
    let replicas = Replicas::start(2).unwrap();
    let balancer = balancer(&consul, "    server-template web 1-2 consul@web?warning weight 2\n");
    let weights = ",\"Weights\":{\"Passing\":20,\"Warning\":3}";
    consul.register("web", "w1", at(&replicas, 1), weights);
    consul.register("web", "w2", at(&replicas, 2), "");
    comes(&balancer, &[1, 2]);
    let weight = |server| balancer.statistic("b", server, "weight").unwrap_or_default();
    assert_eq!([weight("web1"), weight("web2")], ["40", "2"]);
    consul.check("w1", "warn", "slow");
    assert!(wait_until(SOON, || weight("web1") == "6"), "{}", weight("web1"));
    consul.check("w1", "fail", "slow");
    comes(&balancer, &[2]);
}

#[test]
fn n4_c7_what_checks_print_changes_nothing_and_a_change_costs_one_question() {
    let Some(consul) = consul() else { return };
    let replicas = Replicas::start(2).unwrap();
    let balancer = balancer(&consul, "    server-template web 2 consul@web\n");
    consul.register("web", "w1", at(&replicas, 1), "");
    consul.register("quiet", "q1", at(&replicas, 2), "");
    comes(&balancer, &[1]);
    let generation = figure(&balancer, "evenkeel_generation");
    for round in 0..20 {
        consul.check("w1", "pass", &format!("round-{round}"));
        consul.check("q1", "pass", &format!("round-{round}"));
    }
    // The last one has been seen when an instance that came behind it serves.
    consul.register("web", "w2", at(&replicas, 2), "");
    comes(&balancer, &[1, 2]);
    assert_eq!(figure(&balancer, "evenkeel_generation") - generation, 1.0);
    let before = figure(&balancer, "evenkeel_consul_questions_total{service=\"web\"}");
    consul.deregister("w2");
    comes(&balancer, &[1]);
    let asked = figure(&balancer, "evenkeel_consul_questions_total{service=\"web\"}") - before;
    // Taking an instance out takes its check out, which Consul may tell by itself.
    assert!((1.0..=2.0).contains(&asked), "{asked}");
}

#[test]
fn n2_n6_n14_c2_c5_d12_d13_a_consul_that_goes_freezes_or_forgets_costs_no_request() {
    let Some(mut consul) = consul() else { return };
    let replicas = Replicas::start(3).unwrap();
    let servers = "    server-template web 3 consul@web?wait=1s&keep=6s\n";
    let balancer = balancer(&consul, servers);
    // So that an index of later is smaller than one of now.
    (0..30).for_each(|n| drop(consul.put(&format!("/v1/kv/{n}"), "1").unwrap()));
    consul.register("web", "w1", at(&replicas, 1), "");
    consul.register("web", "w2", at(&replicas, 2), "");
    comes(&balancer, &[1, 2]);
    let load = Load::start(balancer.address, 4);
    let stale = || figure(&balancer, "evenkeel_consul_stale{service=\"web\"}");
    let says = |text: &str| balancer.process.stderr().matches(text).count();

    consul.signal(Signal::STOP);
    assert!(wait_until(SOON, || stale() == 1.0), "{}", balancer.process.stderr());
    let status = balancer.command(&["status"]).unwrap();
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("stale: consul@web: last good answer"), "{status}");
    comes(&balancer, &[1, 2]);
    consul.signal(Signal::CONT);
    assert!(wait_until(SOON, || stale() == 0.0), "{}", balancer.process.stderr());
    comes(&balancer, &[1, 2]);

    consul.end();
    assert!(wait_until(SOON, || stale() == 1.0), "{}", balancer.process.stderr());
    std::thread::sleep(WATCH);
    comes(&balancer, &[1, 2]);
    assert!(figure(&balancer, "evenkeel_consul_age_seconds{service=\"web\"}") >= 1.0);

    // Back without a memory, and with a smaller index.
    consul.begin().unwrap();
    assert!(wait_until(SOON, || stale() == 0.0), "{}", balancer.process.stderr());
    assert!(wait_until(SOON, || says("began anew without 2 instances") == 1));
    comes(&balancer, &[1, 2]);
    consul.register("web", "w1", at(&replicas, 1), "");
    consul.register("web", "w3", at(&replicas, 3), "");
    comes(&balancer, &[1, 2, 3]);
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    // What nobody registers again is believed to be gone in the end.
    comes(&balancer, &[1, 3]);
    assert!(wait_until(SOON, || says("up to date again") >= 1));
    consul.deregister("w3");
    comes(&balancer, &[1]);
}

#[test]
fn c12_a_token_that_is_refused_keeps_what_is_known_until_its_file_has_a_good_one() {
    if let Err(why) = binary() {
        println!("skipped: {why}");
        return;
    }
    let consul = Consul::closed().unwrap();
    let replicas = Replicas::start(1).unwrap();
    let files = Scratch::new().unwrap();
    let token = files.path.join("token");
    std::fs::write(&token, "root\n").unwrap();
    let servers =
        format!("    server-template web 3 consul@web?wait=1s&token-file={}\n", token.display());
    let balancer = balancer(&consul, &servers);
    consul.register("web", "w1", at(&replicas, 1), "");
    comes(&balancer, &[1]);
    std::fs::write(&token, "4a1d6b5e-0000-0000-0000-000000000000\n").unwrap();
    let refused = || balancer.process.stderr().contains("consul@web: 403 ACL not found");
    assert!(wait_until(SOON, refused), "{}", balancer.process.stderr());
    comes(&balancer, &[1]);
    std::fs::write(&token, "root\n").unwrap();
    let again = || balancer.process.stderr().contains("consul@web: up to date again");
    assert!(wait_until(SOON, again), "{}", balancer.process.stderr());
}

/// One request for this host.
fn ask_host(address: SocketAddr, target: &str, host: &str) -> Result<Message, String> {
    let socket = Socket::connect(&Address::Tcp(address), None).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(socket, PATIENCE);
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    reader.socket.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
    let head = reader.head().map_err(|end| end.word().to_owned())?;
    Ok(reader.response_body(head, "GET"))
}

/// A balancer without a file, and where it listens.
fn edge(consul: &Consul, options: &str) -> (Process, SocketAddr, Scratch, Reservation) {
    let scratch = Scratch::new().unwrap();
    let reservation = Reservation::new().unwrap();
    let (address, control) = (reservation.address, scratch.path.join("control.sock"));
    let url = format!("http://{}{options}", consul.address);
    let listen = address.to_string();
    let arguments = ["run", "--consul", &url, "--listen", &listen, "--control"];
    let arguments = arguments.into_iter().chain([control.to_str().unwrap()]);
    let binary = Binary { name: "evenkeel", ..evenkeel().unwrap() };
    let mut process = Process::start(&binary, &scratch.path, arguments).unwrap();
    process.wait_listening(&[Address::Tcp(address), Address::Unix(control)]).unwrap();
    (process, address, scratch, reservation)
}

#[test]
fn n10_n15_d10_metadata_makes_routes_without_a_file() {
    let Some(mut consul) = consul() else { return };
    let replicas = Replicas::start(4).unwrap();
    let shop = ",\"Meta\":{\"evenkeel-host\":\"shop.test\",\"evenkeel-check\":\"off\"}";
    let api = ",\"Meta\":{\"evenkeel_v1_host\":\"api.test\",\"evenkeel_v1_path\":\"/v1\"}";
    consul.register("shop", "s1", at(&replicas, 1), shop);
    let (process, address, scratch, _reservation) = edge(&consul, "?wait=1s&keep=1m");
    let comes = |host: &str, numbers: &[u8]| {
        let wanted: BTreeSet<String> = match numbers {
            [] => ["503".to_owned()].into(),
            some => some.iter().map(|n| Replicas::address(*n).to_string()).collect(),
        };
        let mut last = BTreeSet::new();
        let came = wait_until(SOON, || {
            last = answering(|| ask_host(address, "/", host));
            last == wanted
        });
        assert!(came, "{host}: {last:?}, not {wanted:?}: {}", process.stderr());
    };
    comes("shop.test", &[1]);
    consul.register("shop", "s2", at(&replicas, 2), shop);
    comes("shop.test", &[1, 2]);
    // Neither who asks for nothing nor the balancer's own registration takes part.
    consul.register("plain", "p1", at(&replicas, 4), "");
    consul.register("edge", "us", address, "");
    consul.register("api", "a1", at(&replicas, 3), api);
    let v1 = || ask_host(address, "/v1/x", "api.test").is_ok_and(|m| body(&m) == "127.0.1.3");
    assert!(wait_until(SOON, v1), "{}", process.stderr());
    comes("api.test", &[]);
    comes("plain", &[]);
    consul.check("s1", "fail", "no");
    comes("shop.test", &[2]);
    // Gone and back without a memory: what was known goes on.
    consul.end();
    let control = scratch.path.join("control.sock");
    let away = || {
        let mut command = std::process::Command::new(evenkeel().unwrap().path);
        let output = command.args(["containers", "--control"]).arg(&control).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("the last known containers go on")
    };
    assert!(wait_until(SOON, away), "{}", process.stderr());
    comes("shop.test", &[2]);
    consul.begin().unwrap();
    consul.register("shop", "s1", at(&replicas, 1), shop);
    comes("shop.test", &[1, 2]);
    assert!(v1(), "{}", process.stderr());
}
