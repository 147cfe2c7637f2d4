//! A storm of edits under load, and processes that hand over under load.
//!
//! `EVENKEEL_STORM_SECONDS` sets how long the storm lasts (60 for the figures that are quoted); the
//! pace is the same. What it measures is printed; what it asserts are failures and memory.

use bench::backend::{Backend, Behaviour};
use bench::open_loop::{Plan, Report, start};
use e2e::binaries::{Binary, evenkeel};
use e2e::client::{PATIENCE, Socket};
use e2e::http::Reader;
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch, Signal};
use e2e::scenario::balancer::{Balancer, DEFAULTS, ask, body, get};
use e2e::scenario::edits::Edits;
use e2e::scenario::wait_until;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

const SECONDS: u64 = 12;
/// 500 edits in 60 seconds.
const PACE: Duration = Duration::from_millis(120);
/// Every so many edits an invalid one comes in between.
const BROKEN_EVERY: usize = 10;
const APPLICATIONS: usize = 6;
const SPARE_ADDRESSES: usize = 6;
const SEED: u64 = 20_261_124;
const QUIET: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_secs(10);

fn applications() -> Vec<Backend> {
    let one = |n| Backend::start(Behaviour::new(&format!("app{n}"))).expect("a free port");
    (0..APPLICATIONS).map(one).collect()
}

fn load(address: SocketAddr, duration: Duration) -> bench::open_loop::Running {
    start(Plan { duration, ..Plan::mix(address, "test") }).expect("threads")
}

fn edit_number(address: SocketAddr) -> Option<usize> {
    let message = get(address, "/edit", "").ok()?;
    body(&message).strip_prefix("edit ")?.parse().ok()
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn failed(report: &Report) -> u64 {
    let total = report.total();
    total.failed() - total.never_sent
}

#[test]
fn a_storm_of_edits_fails_no_request() {
    let seconds = std::env::var("EVENKEEL_STORM_SECONDS").ok().and_then(|s| s.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let servers = applications();
    let addresses: Vec<_> = servers.iter().map(Backend::address).collect();
    let first = |main| Edits::new(SEED, main, vec![], addresses.clone()).text();
    let mut balancer = Balancer::start(first).expect("the balancer starts");
    let spare =
        (0..SPARE_ADDRESSES).map(|_| balancer.another_address().expect("a free port")).collect();
    let mut edits = Edits::new(SEED, balancer.address, spare, addresses.clone());
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let quiet = load(balancer.address, QUIET).finish();
    let memory_before = balancer.process.resident_kib();
    let running = load(balancer.address, duration);
    let mut saved = 0;
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let next = Instant::now() + PACE;
        if saved % BROKEN_EVERY == BROKEN_EVERY - 1 {
            balancer.replace(&edits.broken(occupied.local_addr().unwrap()));
            balancer.signal(Signal::HUP);
            std::thread::sleep(PACE / 2);
        }
        balancer.replace(&edits.change());
        saved += 1;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let active = || edit_number(balancer.address) == Some(edits.number());
    assert!(wait_until(SOON, active), "{}", balancer.process.stderr());
    let report = running.stop();
    let applied = apply_times(&balancer, &mut edits);
    let memory_after = balancer.process.resident_kib();
    println!("{saved} edits in {duration:?}\n{report}");
    println!("saved and SIGHUP to active: p50 {:?}", quantile(&applied, 0.5));
    println!(
        "p99 {:?} quiet, {:?} in the storm; resident {memory_before} -> {memory_after} KiB",
        quiet.latencies().quantile(0.99),
        report.latencies().quantile(0.99)
    );
    assert_eq!(failed(&quiet), 0, "{quiet}");
    assert_eq!(failed(&report), 0, "{report}\n{}", balancer.process.stderr());
    assert!(report.total().answered > 0);
    assert!(memory_after * 2 <= memory_before * 3 + (8 << 11), "{memory_before} {memory_after}");
    let said = balancer.process.stderr();
    assert!(said.contains(&occupied.local_addr().unwrap().port().to_string()), "{said}");
}

/// How long single edits take from save and SIGHUP until they answer, sorted.
fn apply_times(balancer: &Balancer, edits: &mut Edits) -> Vec<Duration> {
    let socket = Socket::connect(&Address::Tcp(balancer.address), None).unwrap();
    let mut client = Reader::new(socket, PATIENCE);
    let mut times = Vec::new();
    for _ in 0..20 {
        let wanted = edits.change();
        let begin = Instant::now();
        balancer.replace(&wanted);
        balancer.signal(Signal::HUP);
        let number = format!("edit {}", edits.number());
        let active = wait_until(SOON, || body(&ask(&mut client, "/edit", "").unwrap()) == number);
        assert!(active, "{}", balancer.process.stderr());
        times.push(begin.elapsed());
        std::thread::sleep(Duration::from_millis(300));
    }
    times.sort();
    times
}

#[test]
fn processes_hand_their_sockets_over_without_a_refused_or_reset_connection() {
    let servers = applications();
    let scratch = Scratch::new().unwrap();
    let reservation = Reservation::new().unwrap();
    let control = scratch.path.join("stats.sock");
    let lines: String = servers
        .iter()
        .enumerate()
        .map(|(n, server)| format!("    server s{n} {} check\n", server.address()))
        .collect();
    let text = format!(
        "global\n    stats socket {} mode 600 level admin expose-fd listeners\n{DEFAULTS}\
         listen www\n    bind {}\n{lines}",
        control.display(),
        reservation.address
    );
    let file = scratch.path.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    let binary: Binary = evenkeel().unwrap();
    let base = ["-f", file.to_str().unwrap(), "-db"];
    let mut current = Process::start(&binary, &scratch.path, base).unwrap();
    current.wait_listening(&[Address::Tcp(reservation.address)]).unwrap();
    let running = load(reservation.address, Duration::from_secs(60));
    std::thread::sleep(Duration::from_millis(500));
    for round in 0..5 {
        let folder = scratch.path.join(format!("round{round}"));
        std::fs::create_dir(&folder).unwrap();
        let old = current.id().to_string();
        let taking = ["-x", control.to_str().unwrap(), "-sf", &old];
        let next = Process::start(&binary, &folder, base.into_iter().chain(taking)).unwrap();
        let mut previous = std::mem::replace(&mut current, next);
        std::thread::sleep(Duration::from_millis(700));
        assert!(current.wait(Duration::ZERO).is_none(), "round {round}: {}", current.stderr());
        drop_when_ended(&mut previous, round);
    }
    let report = running.stop();
    println!("{report}");
    let total = report.total();
    assert_eq!((total.refused, total.reset), (0, 0), "{report}");
    assert_eq!(failed(&report) - report.websocket.closed, 0, "{report}");
}

/// The old process stops accepting; its tunnels may keep it, and then it is ended.
fn drop_when_ended(previous: &mut Process, round: usize) {
    if previous.wait(Duration::from_secs(2)).is_none() {
        println!("round {round}: the old process still has connections");
        previous.signal(Signal::TERM);
        let ended = previous.wait(SOON);
        assert!(ended.is_some(), "round {round}: {}", previous.stderr());
    }
}
