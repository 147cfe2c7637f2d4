//! Answers over time, and who gets which address.

use std::sync::Arc;
use std::time::Duration;

use config::source::NoSources;
use config::{Environment, Facts, Files, SourceFile};
use model::observed::{NameFailure, NameObservation, NameRecord, Question};
use model::{Config, Hold};

use super::Names;

const S: Duration = Duration::from_secs(1);

/// A backend `b` with these lines, whose names are asked for at `d`.
fn config(lines: &str) -> Config {
    let text = format!(
        "resolvers d\n nameserver n 127.0.0.1:53\nbackend b\n mode http\n \
         default-server resolvers d init-addr none resolve-prefer ipv4\n{lines}"
    );
    let mut files = Files::default();
    files.add(SourceFile::new("test.cfg", text.as_bytes())).expect("one file fits");
    let loaded = config::load(files, &NoSources, &mut Environment::new(), &Facts::default());
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

fn seen(name: &str, outcome: Result<Vec<NameRecord>, NameFailure>) -> NameObservation {
    let question = Question { resolvers: "d".into(), name: name.into(), prefer_ipv6: false };
    NameObservation { question, by: None, outcome }
}

fn addresses(last: &[u8]) -> Vec<NameRecord> {
    last.iter().map(|n| NameRecord { ip: [10, 0, 0, *n].into(), service: None }).collect()
}

/// `name address:port weight`, one word group for each server.
fn shown(config: &Config) -> Vec<String> {
    let show = |s: &Arc<model::Server>| {
        let address = s.host.connect_address(s.port, 0);
        format!("{} {} {}", s.name, address.map_or("-".into(), |a| a.to_string()), s.weight)
    };
    config.backend("b").expect("it is there").servers.iter().map(show).collect()
}

/// A configuration that is placed again and again.
struct Running {
    names: Names,
    base: Config,
    now: Duration,
    running: Option<Config>,
}

impl Running {
    fn new(lines: &str) -> Self {
        Self { names: Names::default(), base: config(lines), now: S, running: None }
    }

    fn place(&mut self) -> Vec<String> {
        let mut wanted = self.base.clone();
        self.names.place(&mut wanted, self.running.as_ref());
        let shown = shown(&wanted);
        self.running = Some(wanted);
        shown
    }

    fn answer(&mut self, outcome: Result<Vec<NameRecord>, NameFailure>) -> Vec<String> {
        self.names.handle(self.now, &Hold::default(), seen("web.test", outcome));
        self.now += S;
        self.place()
    }
}

#[test]
fn a_server_keeps_its_address_whatever_the_order_of_answers() {
    let mut r = Running::new(" server-template w 3 web.test:80\n");
    assert_eq!(r.place(), ["w1 - 1", "w2 - 1", "w3 - 1"]);
    let first = ["w1 10.0.0.7:80 1", "w2 10.0.0.8:80 1", "w3 - 1"];
    assert_eq!(r.answer(Ok(addresses(&[7, 8]))), first);
    assert_eq!(r.answer(Ok(addresses(&[8, 7]))), first);
    let grown = ["w1 10.0.0.7:80 1", "w2 10.0.0.8:80 1", "w3 10.0.0.5:80 1"];
    assert_eq!(r.answer(Ok(addresses(&[5, 8, 7]))), grown);
    let replaced = ["w1 10.0.0.9:80 1", "w2 10.0.0.8:80 1", "w3 10.0.0.5:80 1"];
    assert_eq!(r.answer(Ok(addresses(&[5, 9, 8]))), replaced);
}

#[test]
fn a_template_grows_and_shrinks_with_the_addresses() {
    let mut r = Running::new(" server-template w 2 web.test:80\n");
    r.answer(Ok(addresses(&[1, 2, 3, 4])));
    let four = ["w1 10.0.0.1:80 1", "w2 10.0.0.2:80 1", "w3 10.0.0.3:80 1", "w4 10.0.0.4:80 1"];
    assert_eq!(r.place(), four);
    let without_3 = ["w1 10.0.0.1:80 1", "w2 10.0.0.2:80 1", "w4 10.0.0.4:80 1"];
    assert_eq!(r.answer(Ok(addresses(&[4, 2, 1]))), without_3);
    assert_eq!(r.answer(Ok(addresses(&[4]))), ["w1 - 1", "w2 - 1", "w4 10.0.0.4:80 1"]);
    let back = ["w1 10.0.0.6:80 1", "w2 - 1", "w4 10.0.0.4:80 1"];
    assert_eq!(r.answer(Ok(addresses(&[6, 4]))), back);
}

#[test]
fn servers_of_one_name_share_no_address_unless_told() {
    let mut r = Running::new(" server a web.test:80\n server b web.test:81\n");
    assert_eq!(r.answer(Ok(addresses(&[1]))), ["a 10.0.0.1:80 1", "b - 1"]);
    let more = " resolve-opts allow-dup-ip\n";
    let lines = format!(" server a web.test:80{more} server b web.test:81{more}");
    let mut r = Running::new(&lines);
    assert_eq!(r.answer(Ok(addresses(&[1]))), ["a 10.0.0.1:80 1", "b 10.0.0.1:81 1"]);
    assert_eq!(r.answer(Ok(addresses(&[1, 2]))), ["a 10.0.0.1:80 1", "b 10.0.0.2:81 1"]);
}

#[test]
fn a_preferred_network_is_chosen_first() {
    let mut r = Running::new(" server a web.test:80 resolve-net 10.0.0.8/30\n");
    assert_eq!(r.answer(Ok(addresses(&[1, 9]))), ["a 10.0.0.9:80 1"]);
}

#[test]
fn service_records_bring_port_and_weight() {
    let services: Vec<NameRecord> = [(81, 0), (82, 1), (83, 256), (84, 257), (85, 65_535)]
        .iter()
        .map(|service| NameRecord { ip: [10, 0, 0, 1].into(), service: Some(*service) })
        .collect();
    let mut r = Running::new(" server-template w 5 web.test\n");
    let ports = ["w1 10.0.0.1:81 0", "w2 10.0.0.1:82 1", "w3 10.0.0.1:83 1"];
    let heavy = ["w4 10.0.0.1:84 2", "w5 10.0.0.1:85 256"];
    assert_eq!(r.answer(Ok(services.clone())), [&ports[..], &heavy].concat());
    let line = " server a web.test weight 7 resolve-opts ignore-weight\n";
    let mut r = Running::new(line);
    assert_eq!(r.answer(Ok(services)), ["a 10.0.0.1:81 7"]);
}

#[test]
fn a_name_that_is_gone_counts_after_its_hold_time_only() {
    let mut r = Running::new(" server a web.test:80\n");
    let there = ["a 10.0.0.1:80 1"];
    assert_eq!(r.answer(Ok(addresses(&[1]))), there);
    for _ in 0..29 {
        assert_eq!(r.answer(Err(NameFailure::NoSuchName)), there);
    }
    assert_eq!(r.answer(Err(NameFailure::NoSuchName)), ["a - 1"]);
    assert_eq!(r.answer(Ok(addresses(&[1]))), there);
    for _ in 0..100 {
        assert_eq!(r.answer(Err(NameFailure::Timeout)), there, "silence is no news");
    }
    assert_eq!(r.answer(Err(NameFailure::Empty)), ["a - 1"], "the last good answer is long ago");
}

#[test]
fn hold_times_are_those_that_are_written() {
    let mut names = Names::default();
    let hold = Hold { timeout: Some(3 * S), obsolete: 2 * S, ..Hold::default() };
    let mut tell = |at: u32, outcome| names.handle(at * S, &hold, seen("x", outcome)).changed;
    assert!(tell(1, Ok(addresses(&[1, 2]))));
    assert!(!tell(2, Ok(addresses(&[2]))), "1 is held");
    assert!(tell(3, Ok(addresses(&[2]))), "1 is given up");
    assert!(!tell(5, Err(NameFailure::Timeout)));
    assert!(tell(6, Err(NameFailure::Timeout)));
    assert!(!tell(7, Err(NameFailure::Timeout)));
}

#[test]
fn failures_are_told_once() {
    let mut names = Names::default();
    let mut tell = |outcome| names.handle(S, &Hold::default(), seen("x", outcome));
    assert_eq!(tell(Err(NameFailure::Timeout)).failed, Some(NameFailure::Timeout));
    assert_eq!(tell(Err(NameFailure::Timeout)).failed, None);
    assert!(tell(Ok(addresses(&[1]))).recovered);
}
