//! Servers by name with a name server: A2, A9-A12, and the same file beside HAProxy.

use e2e::binaries::{Binary, evenkeel, reference};
use e2e::client::{self, Socket};
use e2e::dns::{Entry, FAILED, NO_SUCH_NAME, NameServer, REFUSED, Replicas};
use e2e::http::Reader;
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch};
use e2e::scenario::balancer::{DEFAULTS, ask, body, get};
use e2e::scenario::load::Load;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
/// From the first answer of the DNS to the first request served (A2).
const FIRST: Duration = Duration::from_secs(2);
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
    /// Backend `b` with these servers, behind name servers that know these entries. `resolvers`
    /// are lines of their section; `NAMESERVER` stands for the address.
    fn start(binary: &Binary, zone: &[Entry], resolvers: &str, servers: &str) -> Self {
        let rest = format!(
            "    default_backend b\nbackend b\n\
             \x20   default-server resolvers dns resolve-prefer ipv4 init-addr none\n{servers}"
        );
        Self::with(binary, zone, resolvers, &rest)
    }

    /// The same with these lines behind the frontend's `bind`.
    fn with(binary: &Binary, zone: &[Entry], resolvers: &str, rest: &str) -> Self {
        let scratch = Scratch::new().unwrap();
        let name_server = NameServer::start(zone).unwrap();
        let reservation = Reservation::new().unwrap();
        let address = reservation.address;
        let mut text = format!(
            "global\n    stats socket {}/stats.sock level admin\nresolvers dns\n{resolvers}\
             \x20   timeout resolve 100ms\n    timeout retry 200ms\n{DEFAULTS}\
             frontend f\n    bind {address}\n{rest}",
            scratch.path.display()
        );
        text = text.replace("NAMESERVER", &name_server.address.to_string());
        let file = scratch.path.join("haproxy.cfg");
        std::fs::write(&file, text).unwrap();
        let arguments = ["-db", "-f", file.to_str().unwrap()];
        let mut process = Process::start(binary, &scratch.path, arguments).unwrap();
        let socket = Address::Unix(scratch.path.join("stats.sock"));
        process.wait_listening(&[Address::Tcp(address), socket]).unwrap();
        Self { address, name_server, process, scratch, _reservation: reservation }
    }

    fn command(&self, text: &str) -> String {
        client::command(&self.scratch.path.join("stats.sock"), text).unwrap()
    }

    /// A figure of the name server `n`.
    fn figure(&self, name: &str) -> u64 {
        let text = self.command("show resolvers dns");
        let line = text.lines().find(|line| line.trim().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap()
    }

    /// Status and body of a request for this host.
    fn ask(&self, host: &str) -> (String, String) {
        let message = get(self.address, "/", &format!("X-Name: {host}\r\n")).unwrap();
        (message.head.word(1).to_owned(), body(&message))
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
        let text = self.command("show servers state");
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
        let world = World::start(&binary, &[], BY_UDP, &servers);
        assert_eq!(world.status(), 503, "A2: no name yet");
        world.name_server.set("web", &Replicas::addresses(&[1, 2, 3]));
        assert!(wait_until(FIRST, || world.status() == 200), "A2: {}", world.process.stderr());
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
    let world = World::start(&evenkeel().unwrap(), &[], BY_UDP, &servers);
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
    let world = World::start(&evenkeel().unwrap(), &[], BY_UDP, &servers);
    let numbers: Vec<u8> = (1..=40).collect();
    world.name_server.set("web", &Replicas::addresses(&numbers));
    let all = || world.state().iter().filter(|line| !line.2).count() == 40;
    assert!(wait_until(SOON, all), "{:?}", world.state());
    let state = world.state();
    let load = Load::start(world.address, 4);
    world.name_server.silence(true);
    let told = || world.process.stderr().contains("no answer");
    assert!(wait_until(SOON, told), "{}", world.process.stderr());
    std::thread::sleep(WATCH);
    assert_eq!(world.state(), state);
    world.name_server.silence(false);
    let again = || world.process.stderr().contains("answered again");
    assert!(wait_until(SOON, again), "{}", world.process.stderr());
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
}

#[test]
fn a11_failures_keep_the_last_known_set_and_empty_answers_wait_for_their_hold() {
    let replicas = Replicas::start(2).unwrap();
    let servers = format!("    server-template web 1-3 web.test:{}\n", replicas.port);
    let resolvers = "    nameserver n NAMESERVER\n    hold nx 1500ms\n    hold other 1500ms\n";
    let failing = |code| [Entry::Code("web.test".to_owned(), code)];
    let empty = [Entry::host("web.test", "::1")];
    let without_hold = "    nameserver n NAMESERVER\n";
    // Failures of the servers change nothing as long as no hold is written for them.
    for code in [FAILED, REFUSED] {
        let world = World::start(&evenkeel().unwrap(), &[], without_hold, &servers);
        world.name_server.set("web", &Replicas::addresses(&[1, 2]));
        world.comes(&[1, 2]);
        let state = world.state();
        world.name_server.say(&failing(code));
        std::thread::sleep(WATCH);
        assert_eq!(world.state(), state, "code {code}");
    }
    // With one, and for names that are gone, it counts from the last good answer on, as in HAProxy.
    for (binary, code) in binaries().iter().flat_map(|b| [(b, NO_SUCH_NAME), (b, FAILED)]) {
        let world = World::start(binary, &[], resolvers, &servers);
        world.name_server.set("web", &Replicas::addresses(&[1, 2]));
        world.comes(&[1, 2]);
        let begun = std::time::Instant::now();
        world.name_server.say(&failing(code));
        while begun.elapsed() < Duration::from_millis(900) {
            assert_eq!(world.status(), 200, "{binary:?}: code {code} acts before its hold");
        }
        assert!(wait_until(SOON, || world.status() == 503), "{}", world.process.stderr());
        world.name_server.set("web", &Replicas::addresses(&[2]));
        world.comes(&[2]);
    }
    // An answer without the family that is accepted is an empty one.
    let world = World::start(&evenkeel().unwrap(), &[], resolvers, &servers);
    world.name_server.set("web", &Replicas::addresses(&[1]));
    world.comes(&[1]);
    world.name_server.say(&empty[..0]);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(world.status(), 200);
    assert!(wait_until(SOON, || world.status() == 503), "{}", world.process.stderr());
}

#[test]
fn one_family_may_be_all_that_is_asked_for() {
    let replicas = Replicas::start(1).unwrap();
    let zone = [
        Entry::host("web.test", "127.0.1.1"),
        Entry::host("web.test", "::1"),
        Entry::host("six.test", "::1"),
    ];
    for binary in binaries() {
        let rest = format!(
            "    default_backend b\nglobal\n    dns-accept-family ipv4\nbackend b\n\
             \x20   default-server resolvers dns resolve-prefer ipv6 init-addr none\n\
             \x20   server four web.test:{port}\n    server six six.test:{port}\n",
            port = replicas.port
        );
        let resolvers = "    nameserver n NAMESERVER\n";
        let world = World::with(&binary, &zone, resolvers, &rest);
        assert!(wait_until(SOON, || world.status() == 200), "{}", world.process.stderr());
        std::thread::sleep(WATCH);
        let state: Vec<_> = world.state().into_iter().map(|l| (l.0, l.1, l.2)).collect();
        let line = |name: &str, at: &str, without| (name.to_owned(), at.to_owned(), without);
        assert_eq!(state, [line("four", "127.0.1.1", false), line("six", "-", true)]);
    }
}

#[test]
fn figures_of_name_servers_are_shown_and_cleared() {
    let zone = [
        Entry::host("web.test", "127.0.1.1"),
        Entry::Code("failing.test".to_owned(), FAILED),
        Entry::Code("refusing.test".to_owned(), REFUSED),
    ];
    let servers = "    server a web.test:1\n    server b failing.test:1\n    server c none.test:1\n\
                   \x20   server d refusing.test:1\n";
    let mut shapes = Vec::new();
    for binary in binaries() {
        let world = World::start(&binary, &zone, "    nameserver n NAMESERVER\n", servers);
        for name in ["sent", "valid", "update", "nx", "refused", "other"] {
            assert!(wait_until(SOON, || world.figure(name) > 0), "{binary:?}: no {name}");
        }
        for name in ["snd_error", "cname", "cname_error", "invalid", "too_big", "truncated"] {
            assert_eq!(world.figure(name), 0, "{binary:?}: {name}");
        }
        let mut shape: Vec<_> = world.command("show resolvers dns").lines().map(label).collect();
        for odd in ["show resolvers nobody", "help show resolvers"] {
            shape.extend(world.command(odd).lines().map(str::to_owned).take(1));
        }
        shapes.push(shape);
        let sent = world.figure("sent");
        world.command("clear counters");
        assert!(world.figure("sent") >= sent, "{binary:?}");
        world.command("clear counters all");
        assert!(world.figure("sent") < sent, "{binary:?}");
        assert!(world.command("show info").contains("FailedResolutions: 0\n"), "{binary:?}");
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:#?}");
}

/// A line of `show resolvers` without its value.
fn label(line: &str) -> String {
    match line.split_once(':') {
        Some((label, value)) if !value.trim().is_empty() => {
            format!("{label}:{}", &value[..value.len() - value.trim_start().len()])
        }
        _ => line.to_owned(),
    }
}

#[test]
fn a_server_gets_another_name_while_it_runs() {
    let replicas = Replicas::start(2).unwrap();
    let port = replicas.port;
    let zone = [Entry::host("one.test", "127.0.1.1"), Entry::host("two.test", "127.0.1.2")];
    let servers = format!(
        "    server a one.test:{port}\nbackend other\n    server b 127.0.1.1:{port}\n\
         \x20   server c 127.0.1.1:{port} resolvers dns\n"
    );
    let mut said = Vec::new();
    for binary in binaries() {
        let world = World::start(&binary, &zone, "    nameserver n NAMESERVER\n", &servers);
        world.comes(&[1]);
        let mut all = Vec::new();
        for command in [
            "b/a fqdn",
            "other/b fqdn two.test",
            "other/c fqdn two.test",
            "b/a fqdn one.test",
            "b/a fqdn two.test",
        ] {
            all.push(world.command(&format!("set server {command}")));
        }
        world.comes(&[2]);
        // A name that is not there: what was known goes on.
        all.push(world.command("set server b/a fqdn none.test"));
        std::thread::sleep(WATCH);
        assert_eq!(world.answering(), BTreeSet::from(["127.0.1.2".to_owned()]), "{binary:?}");
        all.push(world.command("set server b/a fqdn one.test"));
        world.comes(&[1]);
        said.push(all);
    }
    assert!(said.iter().all(|all| *all == said[0]), "{said:#?}");
}

/// Requests carry the name of their destination in a field.
const TO_NAME: &str = "    http-request do-resolve(txn.ip,dns,ipv4) hdr(x-name)\n\
    \x20   http-request deny deny_status 404 unless { var(txn.ip) -m found }\n\
    \x20   http-request set-dst var(txn.ip)\n    default_backend b\nbackend b\n";

#[test]
fn sessions_ask_for_names_and_go_where_they_lead() {
    let replicas = Replicas::start(3).unwrap();
    let port = replicas.port;
    let zone = [
        Entry::host("one.test", "127.0.1.1"),
        Entry::host("two.test", "127.0.1.2"),
        Entry::Alias("alias.test".to_owned(), "two.test".to_owned()),
        Entry::Code("failing.test".to_owned(), FAILED),
        Entry::host("many.test", "127.0.1.1"),
        Entry::host("many.test", "127.0.1.2"),
        Entry::host("many.test", "127.0.1.3"),
    ];
    let fixed_port = format!("{TO_NAME}    server s 0.0.0.0:{port}\n");
    let set_port =
        format!("{TO_NAME}    http-request set-dst-port int({port})\n    server s 0.0.0.0:0\n");
    let resolvers = "    nameserver n NAMESERVER\n    hold valid 1h\n    resolve_retries 1\n";
    for (binary, rest) in binaries().iter().flat_map(|b| [(b, &fixed_port), (b, &set_port)]) {
        let world = World::with(binary, &zone, resolvers, rest);
        let good = |ip: &str| ("200".to_owned(), ip.to_owned());
        for (name, ip) in
            [("one.test", "127.0.1.1"), ("two.test", "127.0.1.2"), ("alias.test", "127.0.1.2")]
        {
            assert_eq!(world.ask(name), good(ip), "{binary:?}");
        }
        for name in ["none.test", "failing.test"] {
            assert_eq!(world.ask(name).0, "404", "{binary:?} {name}");
        }
        // Its addresses take turns, and one question is enough while the answer is good.
        let seen: BTreeSet<_> = (0..9).map(|_| world.ask("many.test").1).collect();
        assert_eq!(seen.len(), 3, "{binary:?} {seen:?}");
        assert_eq!(world.name_server.asked("many.test"), 1, "{binary:?}");
        // One connection, and every request goes where it names: no connection is reused.
        let socket = Socket::connect(&Address::Tcp(world.address), None).unwrap();
        let mut reader = Reader::new(socket, client::PATIENCE);
        for (name, ip) in [("one.test", "127.0.1.1"), ("two.test", "127.0.1.2")].repeat(3) {
            let field = format!("X-Name: {name}\r\n");
            let message = ask(&mut reader, "/", &field).unwrap();
            assert_eq!(body(&message), ip, "{binary:?}");
        }
    }
}

#[test]
fn a_session_that_waits_for_a_name_holds_up_nobody() {
    let replicas = Replicas::start(1).unwrap();
    let zone = [Entry::host("one.test", "127.0.1.1")];
    // Little time for the answer, a long hold: what is known serves while nobody answers.
    let resolvers = "    nameserver n NAMESERVER\n    hold valid 1h\n    resolve_retries 15\n";
    let rest = format!("{TO_NAME}    server s 0.0.0.0:{}\n", replicas.port);
    for binary in binaries() {
        let world = World::with(&binary, &zone, resolvers, &rest);
        assert_eq!(world.ask("one.test").0, "200", "{binary:?}");
        world.name_server.silence(true);
        std::thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..4).map(|_| scope.spawn(|| world.ask("silent.test").0)).collect();
            assert!(wait_until(SOON, || world.name_server.asked("silent.test") > 0));
            let others = (0..50).filter(|_| world.ask("one.test").0 == "200").count();
            assert_eq!(others, 50, "{binary:?}");
            assert!(waiting.iter().all(|w| !w.is_finished()), "{binary:?}: nobody waits");
            // It is given up in the end.
            for status in waiting {
                assert_eq!(status.join().unwrap(), "404", "{binary:?}");
            }
        });
    }
}

#[test]
fn tcp_sessions_ask_for_names_too() {
    let replicas = Replicas::start(2).unwrap();
    let zone = [Entry::host("two.test", "127.0.1.2")];
    let rest = format!(
        "    mode tcp\n    tcp-request inspect-delay 2s\n\
         \x20   tcp-request content do-resolve(sess.ip,dns,ipv4) str(two.test)\n\
         \x20   tcp-request content reject unless {{ var(sess.ip) -m ip 127.0.1.2 }}\n\
         \x20   default_backend b\nbackend b\n    mode tcp\n\
         \x20   tcp-request content set-dst var(sess.ip)\n    server s 0.0.0.0:{}\n",
        replicas.port
    );
    for binary in binaries() {
        let world = World::with(&binary, &zone, "    nameserver n NAMESERVER\n", &rest);
        assert_eq!(world.ask("any").1, "127.0.1.2", "{binary:?}");
    }
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
    let mut zone = Vec::new();
    for (n, weight) in [(1, 0), (2, 100), (3, 257), (4, 65_535)] {
        let target = format!("s{n}.test");
        zone.push(Entry::Host(target.clone(), Replicas::address(n).into()));
        let service = "_http._tcp.web.test".to_owned();
        zone.push(Entry::Service(service, target, replicas.port, weight));
    }
    let servers = "    server-template web 5 _http._tcp.web.test\n";
    let mut seen = Vec::new();
    for (binary, resolvers) in
        binaries().iter().flat_map(|b| [(b, BY_UDP), (b, "    nameserver n tcp@NAMESERVER\n")])
    {
        let world = World::start(binary, &zone, resolvers, servers);
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

/// Services of a name with priority, number of the replica, and weight.
fn ranked(port: u16, services: &[(u16, u8, u16)]) -> Vec<Entry> {
    let mut zone = Vec::new();
    for (priority, number, weight) in services {
        let target = format!("s{number}.test");
        zone.push(Entry::Host(target.clone(), Replicas::address(*number).into()));
        let service = "_http._tcp.web.test".to_owned();
        zone.push(Entry::Ranked(*priority, service, target, port, *weight));
    }
    zone
}

#[test]
fn services_of_every_priority_are_servers_alike() {
    let replicas = Replicas::start(3).unwrap();
    let zone = ranked(replicas.port, &[(10, 1, 256), (20, 2, 256), (0, 3, 256)]);
    let servers = "    server-template web 4 _http._tcp.web.test\n";
    let mut seen = Vec::new();
    for binary in binaries() {
        let world = World::start(&binary, &zone, BY_UDP, servers);
        let three = || world.state().iter().filter(|line| !line.2).count() == 3;
        assert!(wait_until(SOON, three), "{:?} {}", world.state(), world.process.stderr());
        world.comes(&[1, 2, 3]);
        let table = world.command("show stat");
        let backups = table.lines().filter(|l| l.starts_with("b,web") && is_backup(l)).count();
        assert_eq!(backups, 0, "{binary:?}: {table}");
        seen.push(places(world.state()));
    }
    assert!(seen.iter().all(|other| *other == seen[0]), "{seen:?}");
}

/// Column `bck` of `show stat`.
fn is_backup(line: &str) -> bool {
    line.split(',').nth(20) == Some("1")
}

#[test]
fn a_service_that_is_told_of_no_more_serves_until_its_hold_is_over() {
    let replicas = Replicas::start(2).unwrap();
    let both = ranked(replicas.port, &[(0, 1, 256), (0, 2, 256)]);
    let one = ranked(replicas.port, &[(0, 1, 256)]);
    let servers = "    server-template web 3 _http._tcp.web.test\n";
    let resolvers = "    nameserver n NAMESERVER\n    hold obsolete 1500ms\n";
    for binary in binaries() {
        let world = World::start(&binary, &[], resolvers, servers);
        world.name_server.say(&both);
        world.comes(&[1, 2]);
        let begun = std::time::Instant::now();
        world.name_server.say(&one);
        while begun.elapsed() < Duration::from_millis(900) {
            assert_eq!(world.answering().len(), 2, "{binary:?} acts before its hold");
        }
        world.comes(&[1]);
        world.name_server.say(&both);
        world.comes(&[1, 2]);
    }
}

#[test]
fn refusals_and_silence_count_when_their_hold_is_over() {
    let replicas = Replicas::start(2).unwrap();
    let servers = format!("    server-template web 1-3 web.test:{}\n", replicas.port);
    let refuse = [Entry::Code("web.test".to_owned(), REFUSED)];
    for (binary, kind) in binaries().iter().flat_map(|b| [(b, "refused"), (b, "timeout")]) {
        let resolvers =
            format!("    nameserver n NAMESERVER\n    resolve_retries 1\n    hold {kind} 1500ms\n");
        let world = World::start(binary, &[], &resolvers, &servers);
        world.name_server.set("web", &Replicas::addresses(&[1, 2]));
        world.comes(&[1, 2]);
        let begun = std::time::Instant::now();
        match kind {
            "refused" => world.name_server.say(&refuse),
            _ => world.name_server.silence(true),
        }
        while begun.elapsed() < Duration::from_millis(900) {
            assert_eq!(world.status(), 200, "{binary:?}: {kind} acts before its hold");
        }
        let gone = wait_until(SOON, || world.status() == 503);
        assert!(gone, "{binary:?}: {kind} {}", world.process.stderr());
        world.name_server.silence(false);
        world.name_server.set("web", &Replicas::addresses(&[2]));
        world.comes(&[2]);
    }
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
    let zone = [Entry::host("web.test", "127.0.1.1"), Entry::host("more.test", "127.0.1.2")];
    for binary in binaries() {
        let world = World::start(&binary, &zone, BY_UDP, &servers);
        let three = || world.state().iter().filter(|line| !line.2).count() == 3;
        assert!(wait_until(SOON, three), "{:?} {}", world.state(), world.process.stderr());
        let without: Vec<_> = world.state().into_iter().filter(|line| line.2).collect();
        assert!(matches!(without[0].0.as_str(), "a" | "b"), "{without:?}");
    }
}
