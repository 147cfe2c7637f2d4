//! Servers by name, with a real name server: A2, A9-A12, and the same file beside HAProxy.

use e2e::binaries::{Binary, evenkeel, reference};
use e2e::client;
use e2e::dns::{NameServer, Replicas};
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch, Signal};
use e2e::scenario::balancer::{DEFAULTS, body, get};
use e2e::scenario::load::Load;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
/// Longer than several questions.
const WATCH: Duration = Duration::from_millis(1500);

/// A balancer with one frontend and backend `b`, and the name server that it asks.
struct World {
    address: SocketAddr,
    name_server: NameServer,
    process: Process,
    scratch: Scratch,
    _reservation: Reservation,
}

/// A line of `show servers state`: server, address, whether it has none, weight, port.
type Line = (String, String, bool, String, String);

impl World {
    /// `None` without dnsmasq, which is said.
    fn start(binary: &Binary, zone: &str, resolvers: &str, servers: &str) -> Option<Self> {
        let scratch = Scratch::new().unwrap();
        let name_server = match NameServer::start(&scratch.path, zone) {
            Ok(started) => started,
            Err(why) => {
                println!("skipped: {why}");
                return None;
            }
        };
        let reservation = Reservation::new().unwrap();
        let address = reservation.address;
        let mut text = format!(
            "global\n    stats socket {}/stats.sock level admin\nresolvers dns\n{resolvers}\
             \x20   timeout resolve 100ms\n    timeout retry 200ms\n{DEFAULTS}\
             frontend f\n    bind {address}\n    default_backend b\nbackend b\n\
             \x20   default-server resolvers dns resolve-prefer ipv4 init-addr none\n{servers}",
            scratch.path.display()
        );
        text = text.replace("NAMESERVER", &name_server.address.to_string());
        let file = scratch.path.join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        let arguments = ["-db", "-f", file.to_str().unwrap()];
        let mut process = Process::start(binary, &scratch.path, arguments).unwrap();
        let socket = Address::Unix(scratch.path.join("stats.sock"));
        process.wait_listening(&[Address::Tcp(address), socket]).unwrap();
        Some(Self { address, name_server, process, scratch, _reservation: reservation })
    }

    fn status(&self) -> u16 {
        get(self.address, "/", "").ok().and_then(|m| m.head.word(1).parse().ok()).unwrap_or(0)
    }

    /// Who answers, over more requests than there are servers.
    fn answering(&self) -> BTreeSet<String> {
        (0..24).filter_map(|_| get(self.address, "/", "").ok()).map(|m| body(&m)).collect()
    }

    fn comes(&self, numbers: &[u8]) {
        let wanted: BTreeSet<_> =
            numbers.iter().map(|n| Replicas::address(*n).to_string()).collect();
        let mut last = BTreeSet::new();
        let came = wait_until(SOON, || {
            last = self.answering();
            last == wanted
        });
        assert!(came, "{last:?} answer, not {wanted:?}: {}", self.process.stderr());
    }

    fn state(&self) -> Vec<Line> {
        let path = self.scratch.path.join("stats.sock");
        let text = client::command(&path, "show servers state").unwrap();
        text.lines()
            .filter(|line| line.split(' ').nth(1) == Some("b"))
            .map(|line| {
                let f: Vec<_> = line.split(' ').map(str::to_owned).collect();
                let unresolved = f[6].parse::<u32>().unwrap() & 0x20 != 0;
                (f[3].clone(), f[4].clone(), unresolved, f[7].clone(), f[18].clone())
            })
            .collect()
    }
}

fn binaries() -> Vec<Binary> {
    let mut all = vec![evenkeel().unwrap()];
    match reference() {
        Ok(haproxy) => all.push(haproxy),
        Err(why) => println!("not compared: {why}"),
    }
    all
}

const BY_UDP: &str = "    nameserver n NAMESERVER\n    hold nx 500ms\n    hold other 500ms\n";

#[test]
fn a02_a10_a12_names_that_come_grow_shrink_and_go() {
    let replicas = Replicas::start(8).unwrap();
    let servers = format!("    server-template web 1-5 web.test:{}\n", replicas.port);
    for binary in binaries() {
        let Some(world) = World::start(&binary, "", BY_UDP, &servers) else { return };
        assert_eq!(world.status(), 503, "A2: no name yet");
        world.name_server.set("web", &Replicas::addresses(&[1, 2, 3]));
        world.comes(&[1, 2, 3]);
        let state = world.state();
        assert_eq!(state.iter().filter(|line| line.2).count(), 2, "{state:?}");
        let load = Load::start(world.address, 4);
        std::thread::sleep(WATCH);
        assert_eq!(world.state(), state, "A10: who has which address does not change");
        world.name_server.set("web", &Replicas::addresses(&[5, 3, 2, 4, 1]));
        world.comes(&[1, 2, 3, 4, 5]);
        world.name_server.set("web", &Replicas::addresses(&[4, 2]));
        world.comes(&[2, 4]);
        let outcome = load.stop();
        assert_eq!(outcome.failed, 0, "{outcome:?}");
        world.name_server.set("other", &Replicas::addresses(&[1]));
        assert!(wait_until(SOON, || world.status() == 503), "A12: {}", world.process.stderr());
        world.name_server.set("web", &Replicas::addresses(&[1]));
        world.comes(&[1]);
    }
}

#[test]
fn a09_a_template_is_no_limit() {
    let replicas = Replicas::start(8).unwrap();
    let servers = format!("    server-template web 5 web.test:{}\n", replicas.port);
    let Some(world) = World::start(&evenkeel().unwrap(), "", BY_UDP, &servers) else { return };
    world.name_server.set("web", &Replicas::addresses(&[1, 2, 3, 4, 5, 6, 7, 8]));
    world.comes(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let load = Load::start(world.address, 4);
    world.name_server.set("web", &Replicas::addresses(&[8, 1]));
    world.comes(&[1, 8]);
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
}

#[test]
fn a11_silence_changes_nothing_and_long_answers_come_by_tcp() {
    let replicas = Replicas::start(40).unwrap();
    let servers = format!("    server-template web 40 web.test:{}\n", replicas.port);
    let Some(world) = World::start(&evenkeel().unwrap(), "", BY_UDP, &servers) else { return };
    let numbers: Vec<u8> = (1..=40).collect();
    world.name_server.set("web", &Replicas::addresses(&numbers));
    let all = || world.state().iter().filter(|line| !line.2).count() == 40;
    assert!(wait_until(SOON, all), "{:?}", world.state());
    let state = world.state();
    let load = Load::start(world.address, 4);
    world.name_server.signal(Signal::STOP);
    let told = || world.process.stderr().contains("no answer");
    assert!(wait_until(SOON, told), "{}", world.process.stderr());
    std::thread::sleep(WATCH);
    assert_eq!(world.state(), state);
    world.name_server.signal(Signal::CONT);
    let again = || world.process.stderr().contains("answered again");
    assert!(wait_until(SOON, again), "{}", world.process.stderr());
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
}

/// Everything but which server got which of the records.
fn places(state: Vec<Line>) -> Vec<(String, bool, String, String)> {
    let mut places: Vec<_> = state.into_iter().map(|(_, a, u, w, p)| (a, u, w, p)).collect();
    places.sort();
    places
}

#[test]
fn services_have_the_ports_and_weights_of_their_records() {
    let replicas = Replicas::start(4).unwrap();
    let mut zone = String::new();
    for (n, weight) in [(1, 0), (2, 100), (3, 257), (4, 65_535)] {
        zone += &format!("host-record=s{n}.test,{}\n", Replicas::address(n));
        let port = replicas.port;
        zone += &format!("srv-host=_http._tcp.web.test,s{n}.test,{port},0,{weight}\n");
    }
    let servers = "    server-template web 5 _http._tcp.web.test\n";
    let mut seen = Vec::new();
    for (binary, resolvers) in
        binaries().iter().flat_map(|b| [(b, BY_UDP), (b, "    nameserver n tcp@NAMESERVER\n")])
    {
        let Some(world) = World::start(binary, &zone, resolvers, servers) else { return };
        let four = || world.state().iter().filter(|line| !line.2).count() == 4;
        assert!(wait_until(SOON, four), "{:?} {}", world.state(), world.process.stderr());
        seen.push(places(world.state()));
    }
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
    let weights: Vec<_> = seen[0].iter().map(|line| line.2.as_str()).collect();
    assert_eq!(weights.iter().filter(|w| **w == "256").count(), 1, "{weights:?}");
}

#[test]
fn two_servers_of_one_name_do_not_share_its_only_address() {
    let replicas = Replicas::start(2).unwrap();
    let port = replicas.port;
    let servers = format!(
        "    server a web.test:{port}\n    server b web.test:{port}\n\
         \x20   server c more.test:{port} resolve-opts allow-dup-ip\n\
         \x20   server d more.test:{port} resolve-opts allow-dup-ip\n"
    );
    let zone = "host-record=web.test,127.0.1.1\nhost-record=more.test,127.0.1.2\n";
    for binary in binaries() {
        let Some(world) = World::start(&binary, zone, BY_UDP, &servers) else { return };
        let three = || world.state().iter().filter(|line| !line.2).count() == 3;
        assert!(wait_until(SOON, three), "{:?} {}", world.state(), world.process.stderr());
        let without: Vec<_> = world.state().into_iter().filter(|line| line.2).collect();
        assert!(matches!(without[0].0.as_str(), "a" | "b"), "{without:?}");
    }
}
