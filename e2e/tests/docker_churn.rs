//! Containers that come, are replaced and are killed all the time, two services on one network
//! whose addresses pass from one to the other: no request fails or reaches the other service.

use e2e::client::{PATIENCE, Socket};
use e2e::docker::place::Place;
use e2e::docker::pool::{get, good};
use e2e::docker::scenario::expect;
use e2e::docker::{docker, skip};
use e2e::http::Reader;
use e2e::ports::Address;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const SERVICES: [&str; 2] = ["shop", "desk"];
/// Most replicas of a service.
const REPLICAS: usize = 6;
/// From one to many and back, so often.
const ROUNDS: usize = 2;
/// Clients of each service, of each kind.
const CLIENTS: usize = 4;
/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(20);

fn host(service: &str) -> String {
    format!("{service}.test")
}

/// What clients have seen.
#[derive(Default)]
struct Seen {
    over: AtomicBool,
    answered: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    fn take(&self, service: &str, answer: Result<String, String>) {
        match answer {
            Ok(name) if name.starts_with(service) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            other => {
                if let Ok(mut wrong) = self.wrong.lock() {
                    wrong.push(format!("{service}: {other:?}"));
                }
            }
        }
    }

    fn goes_on(&self) -> bool {
        std::thread::sleep(PAUSE);
        !self.over.load(Ordering::Relaxed)
    }

    /// A new connection for every request.
    fn short(&self, address: SocketAddr, service: &str) {
        while self.goes_on() {
            self.take(service, get(address, &host(service), "/").and_then(|m| good(&m)));
        }
    }

    /// One connection for as long as it lasts.
    fn keep_alive(&self, address: SocketAddr, service: &str) {
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host(service));
        while self.goes_on() {
            let socket = match Socket::connect(&Address::Tcp(address), None) {
                Ok(socket) => socket,
                Err(why) => {
                    self.take(service, Err(why.to_string()));
                    continue;
                }
            };
            let mut reader = Reader::new(socket, PATIENCE);
            while self.goes_on() {
                let sent = reader.socket.write_all(request.as_bytes()).map_err(|e| e.to_string());
                let answer = sent.and_then(|()| {
                    let head = reader.head().map_err(|end| end.word().to_owned())?;
                    good(&reader.response_body(head, "GET"))
                });
                let broken = answer.is_err();
                self.take(service, answer);
                if broken {
                    break;
                }
            }
        }
    }
}

/// The containers of a service, oldest first.
struct Service<'a> {
    place: &'a Place,
    name: &'static str,
    born: usize,
    alive: Vec<String>,
}

impl Service<'_> {
    fn start(&mut self) -> Result<(), String> {
        self.born += 1;
        let name = format!("{}-{}", self.name, self.born);
        self.place.app(&name, &host(self.name), &["--hostname", &name], &[])?;
        self.alive.push(name);
        Ok(())
    }

    fn end(&mut self, how: &[&str]) -> Result<(), String> {
        let name = format!("{}-{}", self.place.name, self.alive.remove(0));
        docker(&[how, &[&name]].concat())?;
        docker(&["rm", "-f", &name]).map(drop)
    }

    /// Waits until all of them serve: whoever ends one now leaves somebody behind.
    fn settled(&self, address: SocketAddr) -> Result<(), String> {
        let wanted: BTreeSet<String> = self.alive.iter().cloned().collect();
        let mut seen = BTreeSet::new();
        let all = wait_until(SOON, || {
            let asked = 3 * wanted.len();
            let answers = (0..asked).map(|_| get(address, &host(self.name), "/"));
            seen = answers.filter_map(|a| a.and_then(|m| good(&m)).ok()).collect();
            seen == wanted
        });
        expect(all, || format!("{seen:?} answer, not {wanted:?}"))
    }
}

#[test]
fn no_request_fails_or_reaches_another_service_however_containers_change() {
    let place = match Place::new() {
        Ok(place) => place,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = churn(&place) {
        panic!("{why}");
    }
}

fn churn(place: &Place) -> Result<(), String> {
    let address = place.address()?;
    let mut services = SERVICES.map(|name| Service { place, name, born: 0, alive: Vec::new() });
    for service in &mut services {
        service.start()?;
        service.settled(address)?;
    }
    let seen = Seen::default();
    let changed = std::thread::scope(|scope| {
        for service in SERVICES {
            for _ in 0..CLIENTS {
                scope.spawn(|| seen.short(address, service));
                scope.spawn(|| seen.keep_alive(address, service));
            }
        }
        let changed = (0..ROUNDS).try_for_each(|_| round(&mut services, address));
        seen.over.store(true, Ordering::Relaxed);
        changed
    });
    changed?;
    let wrong = seen.wrong.into_inner().map_err(|e| e.to_string())?;
    let answered = seen.answered.into_inner();
    let born: usize = services.iter().map(|s| s.born).sum();
    println!("{answered} requests answered while {born} containers came and went");
    expect(wrong.is_empty() && answered > 0, || {
        format!("{} of {answered} failed: {:?}", wrong.len(), &wrong[..wrong.len().min(20)])
    })
}

/// One to many, each replaced, and back by killing. The services take turns, so that an address
/// that one gives up is the next that the other gets.
fn round(services: &mut [Service<'_>; 2], address: SocketAddr) -> Result<(), String> {
    for _ in 1..REPLICAS {
        services.iter_mut().try_for_each(Service::start)?;
    }
    services.iter().try_for_each(|s| s.settled(address))?;
    for _ in 0..REPLICAS {
        for service in services.iter_mut() {
            service.end(&["stop", "-t", "1"])?;
        }
        services.iter_mut().rev().try_for_each(Service::start)?;
    }
    services.iter().try_for_each(|s| s.settled(address))?;
    for _ in 1..REPLICAS {
        for service in services.iter_mut() {
            service.end(&["kill", "-s", "KILL"])?;
        }
    }
    services.iter().try_for_each(|s| s.settled(address))
}
