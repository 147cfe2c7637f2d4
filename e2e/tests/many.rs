//! More replicas than anybody scales to by hand: all of them take their turn, one more and one less
//! change nothing for the others (D7).

use e2e::client::{PATIENCE, Socket};
use e2e::engine::{Container, Engine};
use e2e::http::Reader;
use e2e::ports::{Address, Reservation};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS};
use e2e::scenario::wait_until;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const REPLICAS: usize = 300;

fn id(number: usize) -> String {
    format!("{number:03}{}", "a7".repeat(30))
}

fn replica(number: usize, application: &Application) -> Container {
    let mut container = Container::new(&id(number)).at(application.address);
    container.name = format!("web-{number}");
    let container = container.label("com.docker.compose.project", "apps");
    container.label("com.docker.compose.service", "web").label("evenkeel.host", "web.test")
}

/// Sessions of each server that a container is, by its name.
fn sessions(balancer: &Balancer) -> BTreeMap<String, u64> {
    let table = balancer.runtime("show stat").expect("it answers");
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| head.iter().position(|c| *c == name).expect("a column");
    let (total, status) = (column("stot"), column("status"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [backend, server, ..] = cells.as_slice() else { return None };
        let is_server = !["FRONTEND", "BACKEND"].contains(server) && backend.contains("web");
        let up = cells.get(status).is_some_and(|s| s.starts_with("UP"));
        (is_server && up).then(|| Some(((*server).to_owned(), cells.get(total)?.parse().ok()?)))?
    };
    lines.filter_map(row).collect()
}

/// So many requests, one after the other on one connection.
fn ask(address: SocketAddr, count: usize) {
    let socket = Socket::connect(&Address::Tcp(address), None).expect("it listens");
    let mut reader = Reader::new(socket, PATIENCE);
    for _ in 0..count {
        reader.socket.write_all(b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n").expect("sent");
        let head = reader.head().expect("an answer");
        assert_eq!(head.word(1), "200");
        let _ = reader.response_body(head, "GET");
    }
}

#[test]
fn d07_three_hundred_replicas_take_turns_one_more_and_one_less() {
    let application = Application::start("app", Duration::ZERO).expect("loopback");
    let engine = Engine::start();
    (0..REPLICAS).for_each(|number| engine.put(replica(number, &application)));
    let listen = Reservation::new().expect("a port");
    let more = [format!("--docker={}", engine.host()), format!("--listen={}", listen.address)];
    let text = |address| format!("{DEFAULTS}listen own\n    bind {address}\n    monitor-uri /\n");
    let balancer = Balancer::start_with(&more, text).expect("it starts");
    let up = |count: usize| {
        let all = wait_until(SOON, || sessions(&balancer).len() == count);
        assert!(all, "{} of {count} are up", sessions(&balancer).len());
    };
    // Requests of each since the last time.
    let each = |before: &BTreeMap<String, u64>| -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for (server, total) in sessions(&balancer) {
            *counts.entry(total - before.get(&server).unwrap_or(&0)).or_default() += 1;
        }
        counts
    };
    up(REPLICAS);
    // Who came last is asked next; from then on everybody has one turn.
    ask(listen.address, REPLICAS);
    let before = sessions(&balancer);
    ask(listen.address, REPLICAS);
    assert_eq!(each(&before), BTreeMap::from([(1, REPLICAS)]));

    engine.run(replica(REPLICAS, &application));
    up(REPLICAS + 1);
    ask(listen.address, REPLICAS + 1);
    let before = sessions(&balancer);
    ask(listen.address, REPLICAS + 1);
    assert_eq!(each(&before), BTreeMap::from([(1, REPLICAS + 1)]));

    engine.remove(&id(7));
    engine.event(&id(7), "destroy", "");
    up(REPLICAS);
    let before = sessions(&balancer);
    ask(listen.address, 2 * REPLICAS);
    assert_eq!(each(&before), BTreeMap::from([(2, REPLICAS)]));
}

/// Statuses of ten slow requests at once to two servers that take three each.
fn ten_at_once(queue: &str) -> BTreeMap<String, usize> {
    let slow = Duration::from_secs(3);
    let [a, b] = ["a", "b"].map(|name| Application::start(name, slow).expect("loopback"));
    let balancer = Balancer::start(|address| {
        format!(
            "{DEFAULTS}listen web\n    bind {address}\n    timeout queue {queue}\n    \
             server a {} maxconn 3\n    server b {} maxconn 3\n",
            a.address, b.address
        )
    })
    .expect("it starts");
    std::thread::scope(|scope| {
        let ask = || balancer.get("/slow", "").map_or_else(|e| e, |m| m.head.word(1).to_owned());
        let clients: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        let queued = || balancer.statistic("web", "BACKEND", "qcur").unwrap_or_default();
        let full = || (a.busy(), b.busy(), queued()) == (3, 3, "4".to_owned());
        assert!(wait_until(SOON, full), "{} and {}, {} wait", a.busy(), b.busy(), queued());
        let mut statuses = BTreeMap::new();
        for client in clients {
            *statuses.entry(client.join().expect("an answer")).or_default() += 1;
        }
        statuses
    })
}

#[test]
fn d14_what_exceeds_the_limit_of_each_server_waits_until_its_time_is_over() {
    assert_eq!(ten_at_once("30s"), BTreeMap::from([("200".to_owned(), 10)]));
    let [served, refused] = [("200".to_owned(), 6), ("503".to_owned(), 4)];
    assert_eq!(ten_at_once("1500ms"), BTreeMap::from([served, refused]));
}
