//! Processes that hand over under load: by HAProxy's `-x` and `-sf`, and by `--take-over`.

use bench::backend::{Backend, Behaviour};
use bench::open_loop::{Clients, Plan, Report, Running, start};
use e2e::binaries::{Binary, evenkeel};
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{DEFAULTS, get};
use e2e::scenario::load::Tunnel;
use e2e::scenario::wait_until;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const ROUNDS: usize = 5;
const SERVERS: usize = 4;
/// How long a process serves before the next one takes over.
const SERVES: Duration = Duration::from_millis(1500);
const SOON: Duration = Duration::from_secs(10);
/// All load is stopped long before.
const LONG: Duration = Duration::from_secs(120);

/// How a process is started and how it takes over.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Haproxy,
    Native,
}

/// A configuration, its folder and the address that is handed on.
struct World {
    manner: Manner,
    binary: Binary,
    scratch: Scratch,
    reservation: Reservation,
    file: PathBuf,
    started: usize,
}

impl World {
    fn new(manner: Manner, global: &str, servers: &[SocketAddr]) -> Self {
        let scratch = Scratch::new().unwrap();
        let reservation = Reservation::new().unwrap();
        let file = scratch.path.join("haproxy.cfg");
        let control = scratch.path.join("stats.sock");
        let mut text = format!(
            "global\n{global}    stats socket {} mode 600 level admin expose-fd listeners\n\
             {DEFAULTS}    timeout tunnel 1h\nlisten www\n    bind {}\n",
            control.display(),
            reservation.address
        );
        for (n, server) in servers.iter().enumerate() {
            writeln!(text, "    server s{n} {server} check").unwrap();
        }
        std::fs::write(&file, text).unwrap();
        let name = if manner == Manner::Haproxy { "haproxy" } else { "evenkeel" };
        let binary = Binary { name, ..evenkeel().unwrap() };
        Self { manner, binary, scratch, reservation, file, started: 0 }
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path.join(name).to_str().unwrap().to_owned()
    }

    /// Starts a process; with an old one, waits until it has taken over from that.
    fn process(&mut self, old: Option<&Process>) -> Process {
        let folder = self.scratch.path.join(format!("process{}", self.started));
        std::fs::create_dir(&folder).unwrap();
        self.started += 1;
        let file = self.file.to_str().unwrap().to_owned();
        let (mut arguments, taking) = match self.manner {
            Manner::Haproxy => {
                let pid = old.map(|old| old.id().to_string()).unwrap_or_default();
                let taking = ["-x".into(), self.path("stats.sock"), "-sf".into(), pid];
                (vec!["-f".to_owned(), file, "-db".into()], taking.to_vec())
            }
            Manner::Native => {
                let control = self.path("control.sock");
                let arguments = ["run".into(), "-f".into(), file, "--control".into(), control];
                (arguments.to_vec(), vec!["--take-over".to_owned()])
            }
        };
        if old.is_some() {
            arguments.extend(taking);
        }
        let mut process = Process::start(&self.binary, &folder, &arguments).unwrap();
        process.wait_listening(&[Address::Tcp(self.reservation.address)]).unwrap();
        if let Some(old) = old {
            let stopped = || ["www stopped", "no longer"].iter().any(|w| old.stderr().contains(w));
            assert!(wait_until(SOON, stopped), "{}{}", old.stderr(), process.stderr());
        }
        process
    }
}

/// WebSockets alone, so that each of them begins in the process that serves now.
fn tunnels(address: SocketAddr) -> Running {
    let none = Clients::default();
    let websocket = Clients { count: 4, per_second: 20.0 };
    let mix = Plan::mix(address, "test");
    let plan = Plan { keep_alive: none, short: none, slow_body: none, websocket, ..mix };
    start(Plan { duration: LONG, ..plan }).unwrap()
}

fn assert_none_failed(report: &Report) {
    let total = report.total();
    println!("{report}");
    assert_eq!((total.refused, total.reset), (0, 0), "{report}");
    assert_eq!(total.failed(), 0, "{report}");
    assert!(total.answered > 0);
}

fn hands_over_under_load(manner: Manner) {
    let one = |n| Backend::start(Behaviour::new(&format!("app{n}"))).expect("a free port");
    let servers: Vec<_> = (0..SERVERS).map(one).collect();
    let addresses: Vec<_> = servers.iter().map(Backend::address).collect();
    let mut world = World::new(manner, "", &addresses);
    let address = world.reservation.address;
    let mut current = world.process(None);
    let mix = Plan { duration: LONG, ..Plan::mix(address, "test") };
    let running = start(mix).unwrap();
    let mut with_tunnels = Vec::new();
    let mut old = Vec::new();
    for round in 0..ROUNDS {
        let tunnels = tunnels(address);
        assert!(wait_until(SOON, || tunnels.so_far().total().answered > 8), "round {round}");
        with_tunnels.push(tunnels);
        let next = world.process(Some(&current));
        old.push(std::mem::replace(&mut current, next));
        std::thread::sleep(SERVES);
        assert!(current.wait(Duration::ZERO).is_none(), "round {round}: {}", current.stderr());
    }
    for (round, process) in old.iter_mut().enumerate() {
        let ended = process.wait(Duration::from_millis(1));
        assert!(ended.is_none(), "round {round}: it left its tunnels: {}", process.stderr());
    }
    with_tunnels.into_iter().for_each(|tunnels| assert_none_failed(&tunnels.stop()));
    assert_none_failed(&running.stop());
    for (round, process) in old.iter_mut().enumerate() {
        let ended = process.wait(SOON);
        let status = ended.unwrap_or_else(|| panic!("round {round}: {}", process.stderr()));
        assert!(status.success(), "round {round}: {status} {}", process.stderr());
    }
}

#[test]
fn haproxys_way_refuses_and_resets_nothing_and_keeps_tunnels() {
    hands_over_under_load(Manner::Haproxy);
}

#[test]
fn the_native_way_refuses_and_resets_nothing_and_keeps_tunnels() {
    hands_over_under_load(Manner::Native);
}

fn stays_until_hard_stop(manner: Manner) {
    let limit = Duration::from_secs(3);
    let application = Application::start("one", Duration::ZERO).unwrap();
    let mut world = World::new(manner, "    hard-stop-after 3s\n", &[application.address]);
    let address = world.reservation.address;
    let mut old = world.process(None);
    let mut tunnel = Tunnel::open(address).unwrap();
    tunnel.echo().unwrap();
    let new = world.process(Some(&old));
    assert!(old.wait(limit / 3).is_none(), "it ended early: {}", old.stderr());
    tunnel.echo().unwrap();
    assert!(get(address, "/", "").is_ok(), "{}", new.stderr());
    let status = old.wait(SOON).expect("hard-stop-after ends it");
    assert!(status.success(), "{status} {}", old.stderr());
    assert_ne!(tunnel.end(SOON), "open");
    assert!(get(address, "/", "").is_ok(), "{}", new.stderr());
}

#[test]
fn tunnels_last_until_hard_stop_after() {
    stays_until_hard_stop(Manner::Haproxy);
    stays_until_hard_stop(Manner::Native);
}
