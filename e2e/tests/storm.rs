//! A storm of edits under load.
//!
//! `EVENKEEL_STORM_SECONDS` sets how long the storm lasts (60 for the figures that are quoted); the
//! pace is the same. What it measures is printed; what it asserts are failures and memory.

use bench::backend::{Backend, Behaviour};
use bench::open_loop::{Plan, Report, start};
use e2e::client::{PATIENCE, Socket};
use e2e::http::Reader;
use e2e::ports::Address;
use e2e::process::Signal;
use e2e::scenario::balancer::{Balancer, ask, body, get};
use e2e::scenario::edits::Edits;
use e2e::scenario::wait_until;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

const SECONDS: u64 = 12;
/// 500 edits in 60 seconds, each of them longer than the quiet time that the file must have.
const PACE: Duration = Duration::from_millis(120);
/// Every so many edits an invalid one comes in between.
const BROKEN_EVERY: usize = 10;
const APPLICATIONS: usize = 6;
const SPARE_ADDRESSES: usize = 6;
const SEED: u64 = 20_261_124;
/// The load without edits, to compare with, takes this part of the storm's time.
const QUIET_PART: u32 = 4;
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

/// Ends when the last edit is active: how many were saved.
fn storm(balancer: &Balancer, edits: &mut Edits, duration: Duration, taken: SocketAddr) -> usize {
    let begin = Instant::now();
    let mut saved = 0;
    while PACE * (saved as u32) < duration {
        if saved % BROKEN_EVERY == BROKEN_EVERY - 1 {
            save_broken(balancer, edits, taken);
        }
        balancer.replace(&edits.change());
        saved += 1;
        let next = begin + PACE * (saved as u32);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let active = || edit_number(balancer.address) == Some(edits.number());
    assert!(wait_until(SOON, active), "{}", balancer.process.stderr());
    saved
}

/// What runs before goes on, and it is either the last valid edit or the one before it.
fn save_broken(balancer: &Balancer, edits: &mut Edits, taken: SocketAddr) {
    let before = edit_number(balancer.address);
    balancer.replace(&edits.broken(taken));
    balancer.signal(Signal::HUP);
    std::thread::sleep(PACE / 2);
    let after = edit_number(balancer.address);
    assert!(after == before || after == Some(edits.number()), "{before:?} {after:?}");
}

/// The number of the running configuration: one more for each change that was applied.
fn generation(balancer: &Balancer) -> String {
    let status = balancer.command(&["status"]).expect("it runs").stdout;
    let status = String::from_utf8_lossy(&status).into_owned();
    status.split_whitespace().nth(1).unwrap_or_default().to_owned()
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
    let taken = occupied.local_addr().unwrap();
    let pid = balancer.process.id();
    let quiet = load(balancer.address, duration / QUIET_PART).finish();
    let memory_before = balancer.process.resident_kib();
    // Longer than the storm, which ends the load.
    let running = load(balancer.address, duration + SOON);
    let saved = storm(&balancer, &mut edits, duration, taken);
    let report = running.stop();
    let generation = generation(&balancer);
    let applied = apply_times(&balancer, &mut edits);
    let memory_after = balancer.process.resident_kib();
    println!("{saved} edits in {duration:?}, generation {generation} at the end\n{report}");
    println!("saved and SIGHUP to active: p50 {:?}", quantile(&applied, 0.5));
    println!(
        "p99 {:?} quiet, {:?} in the storm; resident {memory_before} -> {memory_after} KiB",
        quiet.latencies().quantile(0.99),
        report.latencies().quantile(0.99)
    );
    assert_eq!(failed(&quiet), 0, "{quiet}");
    assert_eq!(failed(&report), 0, "{report}\n{}", balancer.process.stderr());
    assert!(report.total().answered > 0);
    assert!(memory_after * 2 <= memory_before * 3, "{memory_before} {memory_after}");
    let said = balancer.process.stderr();
    let port = taken.port().to_string();
    for part in ["'nowhere'", "'roundrobbin'", "'listen'", &port] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(children(pid), "", "one process");
}

/// The processes that a process has started and that still run.
fn children(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default()
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
