//! Clients that are slow on purpose or far too many: ended by time-out, memory bounded, and
//! everybody else is served meanwhile.

use e2e::client::{PATIENCE, Socket, state};
use e2e::http::{End, Reader};
use e2e::ports::Address;
use e2e::process::raise_descriptor_limit;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::Balancer;
use e2e::scenario::load::Load;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CLIENTS: usize = 5;
/// Memory that connections which have sent little may cost, in KiB each.
const KIB_PER_IDLE: u64 = 6;
/// Memory that a client which reads nothing may cost, in KiB.
const KIB_PER_SLOW_READER: u64 = 1024;
/// What the process may grow by for other reasons, in KiB.
const SLACK_KIB: u64 = 32 << 10;
const FLOOD: usize = 15_000;

fn start(application: &Application) -> Balancer {
    let text = |address: SocketAddr| {
        format!(
            "global\n    maxconn 18000\ndefaults\n    mode http\n    timeout connect 1s\n    \
             timeout http-request 1s\n    timeout client 1s\n    timeout server 5s\n\
             frontend www\n    bind {address}\n    maxconn 18000\n    default_backend apps\n\
             backend apps\n    server {} {}\n",
            application.name, application.address
        )
    };
    Balancer::start(text).expect("the balancer starts")
}

fn connect(address: SocketAddr) -> Reader {
    let socket = Socket::connect(&Address::Tcp(address), None).expect("the balancer accepts");
    Reader::new(socket, PATIENCE)
}

fn finish(load: Load) {
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    assert!(outcome.answered > 0, "{outcome:?}");
}

/// Sends one more byte to all of them every 50 ms for three times the time-out.
fn drip(clients: &mut [Reader], piece: &[u8]) {
    for _ in 0..60 {
        for client in &mut *clients {
            let _ = client.socket.write_all(piece);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn slow_heads_are_answered_with_408_and_closed() {
    let application = Application::start("app", Duration::ZERO).unwrap();
    let balancer = start(&application);
    let load = Load::start(balancer.address, CLIENTS);
    let mut clients: Vec<_> = (0..200).map(|_| connect(balancer.address)).collect();
    for client in &mut clients {
        client.socket.write_all(b"GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ").unwrap();
    }
    drip(&mut clients, b"a");
    for client in &mut clients {
        match client.head() {
            Ok(head) => assert_eq!(head.word(1), "408"),
            Err(end) => assert_eq!(end, End::Reset, "closed without an answer"),
        }
        assert_ne!(state(client, PATIENCE), "open");
    }
    finish(load);
}

#[test]
fn slow_bodies_end_when_nothing_comes_for_the_client_time() {
    let application = Application::start("app", Duration::ZERO).unwrap();
    let balancer = start(&application);
    let load = Load::start(balancer.address, CLIENTS);
    let mut clients: Vec<_> = (0..100).map(|_| connect(balancer.address)).collect();
    for client in &mut clients {
        let head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nabc";
        client.socket.write_all(head).unwrap();
    }
    for client in &mut clients {
        let (_, end) = client.take_rest();
        assert_ne!(end, End::Silent);
    }
    finish(load);
}

#[test]
fn slow_readers_are_dropped_and_cost_little() {
    let application = e2e::backend::Backend::start(
        "big",
        {
            let mut script = e2e::script::Script::default();
            let head = r#""HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n""#;
            script.add(&format!(r#"on / send {head} "0123456789abcdef"*2097152"#)).unwrap();
            script
        },
        &std::env::temp_dir(),
    )
    .unwrap();
    let Address::Tcp(address) = application.address else { unreachable!("a TCP server") };
    let balancer = Balancer::start(|bind| {
        format!(
            "defaults\n    mode http\n    timeout connect 1s\n    timeout client 1s\n    \
             timeout server 5s\nlisten www\n    bind {bind}\n    server a {address}\n"
        )
    })
    .unwrap();
    let before = balancer.process.resident_kib();
    let readers = 50_usize;
    let mut clients: Vec<_> = (0..readers).map(|_| connect(balancer.address)).collect();
    for client in &mut clients {
        client.socket.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
    }
    let mut most = 0;
    for _ in 0..60 {
        most = most.max(balancer.process.resident_kib());
        std::thread::sleep(Duration::from_millis(50));
    }
    let bound = before + SLACK_KIB + KIB_PER_SLOW_READER * readers as u64;
    assert!(most < bound, "{most} KiB resident, {before} before");
    for client in &mut clients {
        let (received, end) = client.take_rest();
        assert_ne!(end, End::Silent);
        assert!(received.len() < 33_554_432, "the whole answer came: {}", received.len());
    }
}

#[test]
fn a_flood_of_silent_connections_is_timed_out_and_others_are_served() {
    let limit = raise_descriptor_limit();
    let flood = FLOOD.min(usize::try_from(limit).unwrap_or(FLOOD).saturating_sub(500));
    let application = Application::start("app", Duration::ZERO).unwrap();
    let balancer = start(&application);
    let before = balancer.process.resident_kib();
    let load = Load::start(balancer.address, CLIENTS);
    let mut clients: Vec<_> = (0..flood).map(|_| connect(balancer.address)).collect();
    let most = balancer.process.resident_kib();
    let bound = before + SLACK_KIB + KIB_PER_IDLE * flood as u64;
    assert!(most < bound, "{most} KiB resident with {flood} connections, {before} before");
    let deadline = Instant::now() + Duration::from_secs(30);
    for client in &mut clients {
        let left = deadline.saturating_duration_since(Instant::now());
        client.socket.set_read_timeout(left.max(Duration::from_millis(1)));
        let (_, end) = client.take_rest();
        assert_ne!(end, End::Silent, "a silent connection stays");
    }
    finish(load);
}
