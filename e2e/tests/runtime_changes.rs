//! Commands that change servers, backends, frontends and their agents while traffic runs (issue
//! "Operate it", runtime API): the same script on the sockets of HAProxy and Evenkeel.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use e2e::pair::{self, Balancer, Difference};
use e2e::ports::Reservation;

/// A server that answers every connection with its name.
fn server(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while socket.read(&mut buffer).is_ok_and(|n| n > 0) {
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{name}");
                    if socket.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn config(front: SocketAddr, server: SocketAddr) -> String {
    format!(
        "global\n    stats socket SOCKET level admin\ndefaults\n    mode http\n    timeout client \
         5s\n    timeout server 5s\n    timeout connect 1s\nfrontend fe\n    bind {front}\n    \
         default_backend be\nbackend be\n    balance roundrobin\n    server s1 {server} weight 10 \
         check inter 100s agent-check agent-port 1 agent-inter 100s agent-send hi\n    server s2 \
         {server}\n    server s3 {server} check inter 100s disabled\nbackend consistent\n    \
         balance source\n    hash-type consistent\n    server a {server}\nbackend pinned\n    \
         server a {server}\n    use-server a if {{ path /a }}\nbackend tc\n    mode tcp\n    \
         server a {server}\n"
    )
}

fn compare(script: &[&str], allowed: &[Difference]) {
    let reservation = Reservation::new().expect("a port");
    let text = config(reservation.address, server("s1"));
    pair::compare(&[("a.cfg", &text)], &[reservation.address], script, allowed);
}

#[test]
fn agents_are_steered() {
    compare(
        &[
            "enable agent",
            "enable agent be/zz",
            "enable agent be/s2",
            "disable agent be/s2",
            "disable agent be/s1",
            "set server be/s1 agent up",
            "set server be/s1 agent-addr 127.0.0.9",
            "set server be/s1 agent-addr",
            "set server be/s1 agent-port 7",
            "set server be/s1 agent-port",
            "set server be/s1 agent-send x",
            "enable agent be/s1",
            "set server be/s1 agent",
            "set server be/s1 agent xx",
            "set server be/s1 agent down",
            "set server be/s1 agent up",
            "set server be/s2 agent up",
            "set server be/s2 agent xx",
            "set server be/s2 agent-addr 127.0.0.9",
            "set server be/s2 agent-port 77",
            "set server be/s2 agent-port x",
            "set server be/s2 agent-send foo",
            "set server be/s1 agent-addr 127.0.0.9",
            "set server be/s1 agent-addr 127.0.0.9 port 99",
            "set server be/s1 agent-addr zz.invalid",
            "set server be/s1 agent-port 77",
            "set server be/s1 agent-port x",
            "set server be/s1 agent-port 99999",
            "set server be/s1 agent-send foo",
            "set server be/s1 agent-send",
            "set server be/s1 check-addr 127.0.0.9",
            "set server be/s1 check-addr 127.0.0.9 port 99",
            "set server be/s1 check-addr zz.invalid",
            "set server be/s1 check-addr",
            "set server be/s1 check-addr 1.2.3.4 port",
            "set server be/s1 check-addr 1.2.3.4 port x",
            "set server be/s1 check-addr 1.2.3.4 x",
            "set server be/s2 check-addr 127.0.0.9",
            "set server be/s1 check-port 77",
            "set server be/s1 check-port x",
            "set server be/s1 check-port",
            "set server be/s1 check-port 99999",
            "set server be/s2 check-port 77",
            "user;enable agent be/s1;set server be/s1 agent up",
        ],
        &[],
    );
}

/// Server, its address, operational state, administrative state and weight.
fn states(balancer: &Balancer) -> Vec<String> {
    let answer = balancer.ask("show servers state be");
    let lines = answer.lines().skip(2).filter(|l| !l.is_empty());
    let fields = |l: &str| {
        let words: Vec<&str> = l.split(' ').collect();
        format!("{} {} {} {} {}", words[3], words[4], words[5], words[6], words[7])
    };
    lines.map(fields).collect()
}

#[test]
fn what_an_operator_says_for_the_agent_counts() {
    let Some((ours, theirs)) = pair::binaries() else { return };
    let reservation = Reservation::new().expect("a port");
    let text = config(reservation.address, server("s1"));
    let seen = |binary| -> Vec<Vec<String>> {
        let balancer = Balancer::start(binary, &[("a.cfg", &text)], &[reservation.address]);
        let mut all = Vec::new();
        for command in [
            "set server be/s1 agent down",
            "set server be/s1 agent up",
            "set server be/s1 agent down",
            "disable agent be/s1",
            "enable agent be/s1",
            "set server be/s1 health up",
            "set server be/s1 agent up",
        ] {
            balancer.ask(command);
            all.push(states(&balancer));
        }
        all
    };
    assert_eq!(seen(&ours), seen(&theirs));
}

const ADD_DIFFERENCES: &[Difference] = &[
    ("add server be/refused", "", "every keyword is taken, or refused in words of its own"),
    ("add server be/n7", "already used at", "where the other server stands"),
    ("show servers conn", "be/(s1|n17) ", "a check's connection, and paths are shown"),
];

#[test]
fn servers_come_and_go() {
    compare(
        &[
            "add server",
            "add server be",
            "add server be/",
            "add server be/new",
            "add server zz/new 127.0.0.1:1",
            "add server be/s1 127.0.0.1:1",
            "add server consistent/new 127.0.0.1:1",
            "add server be/n1 127.0.0.1:1",
            "add server be/n2 127.0.0.1:1 weight 50 maxconn 10 check inter 2s backup",
            "add server be/n3 127.0.0.1:1 cookie foo",
            "add server be/refused1 127.0.0.1:1 foo",
            "add server be/refused2 127.0.0.1:1 weight 300",
            "add server be/refused3 127.0.0.1:1 resolvers x",
            "add server be/n5 host.invalid:80",
            "add server be/n7 127.0.0.1:1 id 1",
            "add server be/n8 127.0.0.1:1 id 77",
            "add server be/n10 127.0.0.1:1 slowstart 10s",
            "add server be/n11 127.0.0.1:1 track be/s1",
            "add server be/n12 127.0.0.1:1 observe layer7 on-error mark-down",
            "add server be/n15 127.0.0.1:1 agent-check agent-port 1",
            "add server be/n16 127.0.0.1 send-proxy",
            "add server be/n17 unix@/nowhere",
            "add server be/n20 127.0.0.1:1 disabled",
            "add server be/n22 127.0.0.1:1 port 5 addr 127.0.0.2 check rise 3 fall 4",
            "add server tc/new 127.0.0.1:1 send-proxy-v2",
            "show servers conn be",
            "del server",
            "del server be",
            "del server be/zz",
            "del server zz/zz",
            "del server be/n1",
            "enable server be/n1",
            "del server be/n1",
            "disable server be/n1",
            "del server be/n1",
            "del server be/n1",
            "disable server be/n2",
            "del server be/n2",
            "disable server pinned/a",
            "del server pinned/a",
            "disable server be/s1",
            "del server be/s1",
            "user;add server be/x 127.0.0.1:1;del server be/x",
            "operator;add server be/x 127.0.0.1:1;del server be/x",
        ],
        ADD_DIFFERENCES,
    );
}

/// The body of the answer to one request; `None` when nobody listens.
fn body(address: SocketAddr, host: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let head = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

#[test]
fn whole_sections_and_addresses_come_and_go() {
    let ours = e2e::binaries::evenkeel().expect("built");
    let reservations: Vec<Reservation> =
        (0..3).map(|_| Reservation::new().expect("a port")).collect();
    let [front, second, third] = [0, 1, 2].map(|n: usize| reservations[n].address);
    let text = config(front, server("s1"));
    let balancer = Balancer::start(&ours, &[("a.cfg", &text)], &[front]);
    let n1 = server("n1");
    let asked = |command: &str| balancer.ask(command).trim().to_owned();
    let lines = format!("balance leastconn\ncookie c insert\nserver n1 {n1} weight 5 cookie x\n");
    assert_eq!(asked(&format!("add backend nb <<\n{lines}")), "New backend registered.");
    assert_eq!(asked("add backend nb"), "There is a proxy 'nb' already.");
    assert_eq!(asked("add backend bad <<\nbalance nothing\n").lines().count(), 1);
    assert!(asked("add backend bad <<\nmode http\nbalance nothing\n").starts_with("line 2: "));
    let lines =
        format!("bind {second}\nuse_backend nb if {{ hdr(host) nb }}\ndefault_backend be\n");
    assert_eq!(asked(&format!("add frontend nf <<\n{lines}")), "New frontend registered.");
    assert_eq!(body(second, "nb").as_deref(), Some("n1"));
    assert_eq!(body(second, "be").as_deref(), Some("s1"));
    // It inherits from 'defaults', and its servers obey as all others.
    assert!(asked("show servers state nb").contains(" nb 1 n1 127.0.0.1 2 0 5 5 "));
    assert_eq!(asked("add server nb/n2 127.0.0.1:1 check"), "New server registered.");
    assert_eq!(asked("set server nb/n1 weight 7"), "");
    assert_eq!(asked("get weight nb/n1"), "7 (initial 5)");
    assert_eq!(asked("del backend nb"), "Frontend 'nf' uses this backend.");
    assert_eq!(asked("add bind nf"), "'bind' expects an address.");
    assert_eq!(asked(&format!("add bind nf {third} name three")), "New bind registered.");
    assert_eq!(body(third, "nb").as_deref(), Some("n1"));
    // An address that is in use changes nothing.
    assert!(asked(&format!("add frontend taken <<\nbind {n1}\n")).contains("cannot listen"));
    assert!(!asked("show stat").contains("taken,"));
    assert_eq!(asked("del bind nf nowhere"), "No such bind.");
    assert_eq!(asked("del bind nf three"), "Bind deleted.");
    assert_eq!(body(third, "nb"), None);
    assert_eq!(body(second, "nb").as_deref(), Some("n1"));
    assert_eq!(asked("del frontend nf"), "Frontend deleted.");
    assert_eq!(body(second, "nb"), None);
    assert_eq!(asked("del backend nb"), "Backend deleted.");
    assert!(!asked("show stat").contains("nb,"));
    // What the file says can go as well, and comes back when the file is read.
    assert_eq!(asked(&format!("del bind fe {front}")), "Bind deleted.");
    assert_eq!(body(front, "x"), None);
    assert_eq!(asked("del frontend fe"), "Frontend deleted.");
    assert_eq!(asked("del backend be"), "Backend deleted.");
    asked("reload");
    assert_eq!(body(front, "x").as_deref(), Some("s1"));
    for command in ["add backend x", "del backend be", "add frontend x", "del frontend fe"] {
        assert_eq!(asked(&format!("operator;{command}")), "Permission denied", "{command}");
    }
    for command in ["add bind fe :1", "del bind fe :1"] {
        assert_eq!(asked(&format!("operator;{command}")), "Permission denied", "{command}");
    }
}
