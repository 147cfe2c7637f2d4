//! `show config`: whatever was changed while the process ran, the text that it prints starts
//! another process, and HAProxy, with the same proxies, servers and settings.

use std::process::Command;

use e2e::binaries;
use e2e::pair::Balancer;
use e2e::ports::Reservation;

const COLUMNS: [&str; 10] =
    ["# pxname", "svname", "slim", "weight", "act", "bck", "pid", "iid", "sid", "mode"];

const FILE: &str = r#"global
    stats socket SOCKET level admin
    maxconn 300
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
    default-server inter 100s weight 10
frontend fe
    bind FRONT name main
    bind OTHER
    acl a path_beg '/with blank'
    http-request set-header X-It "%[req.hdr(host),lower] 'x'" if a
    use_backend goes if a
    default_backend be
backend be
    server s1 127.0.0.1:1 check
    server s2 127.0.0.1:2 maxconn 5
    server s3 127.0.0.1:3 disabled
    server-template t 1-4 127.0.0.1:4
backend goes
    server a 127.0.0.1:1
backend last
    balance source
    server a 127.0.0.1:1
userlist who
    user ann insecure-password secret
"#;

const CHANGES: [&str; 17] = [
    "set server be/s1 state maint",
    "set server be/s2 weight 33",
    "set server be/s3 state ready",
    "set server be/t2 addr 127.0.0.9 port 99",
    "set maxconn server be/s2 77",
    "set server be/s1 check-port 88",
    "set server be/t3 state maint",
    "del server be/t3",
    "add server be/extra 127.0.0.1:7 backup weight 3",
    "enable server be/extra",
    "add server be/idle 127.0.0.1:8",
    "set maxconn frontend fe 55",
    "set maxconn global 200",
    "add backend more <<\nbalance leastconn\nserver m1 127.0.0.1:6\n",
    "set weight be/t1 50%",
    "set weight be/t4 0",
    "set server more/m1 weight 4",
];

fn servers(balancer: &Balancer) -> Vec<String> {
    let answer = balancer.ask("show servers state");
    let fields = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        // Not what only time or checks say, nor whether a number or weight was written. The last,
        // an agent's port, HAProxy takes from 'port' where there is no agent.
        let kept = [0, 1, 2, 3, 4, 6, 7, 17, 18, 20, 21, 22, 23];
        let kept = kept.map(|at| words.get(at).copied().unwrap_or("-"));
        // In maintenance, by the file or by an operator, or not.
        let admin = match kept[5] {
            "5" => "1",
            "4" => "0",
            other => other,
        };
        kept.iter()
            .enumerate()
            .map(|(n, w)| if n == 5 { admin } else { w })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut all: Vec<String> =
        answer.lines().skip(2).filter(|l| !l.is_empty()).map(fields).collect();
    // What was added stands elsewhere in the file.
    all.sort();
    all
}

fn columns(balancer: &Balancer) -> Vec<String> {
    let table = balancer.ask("show stat");
    let names: Vec<&str> = table.lines().next().unwrap_or_default().split(',').collect();
    let at = COLUMNS.map(|c| names.iter().position(|n| *n == c).expect("a column of HAProxy's"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        at.map(|at| cells.get(at).copied().unwrap_or("-")).join(",")
    };
    let mut all: Vec<String> = table.lines().skip(1).filter(|l| !l.is_empty()).map(row).collect();
    all.sort();
    all
}

#[test]
fn what_runs_can_be_saved_and_started() {
    let ours = binaries::evenkeel().expect("built");
    let (one, two) = (Reservation::new().expect("a port"), Reservation::new().expect("a port"));
    let three = Reservation::new().expect("a port");
    let text = FILE.replace("FRONT", &one.address.to_string());
    let text = text.replace("OTHER", &two.address.to_string());
    let first = Balancer::start(&ours, &[("a.cfg", &text)], &[one.address, two.address]);
    let more = format!("add bind fe {} maxconn 9", three.address);
    let less = format!("del bind fe {}", two.address);
    for command in CHANGES.iter().copied().chain([&*more, &*less]) {
        let said = first.ask(command);
        let refused = ["No such", "Require", "expects", "cannot", "Only", "unknown", "range"];
        assert!(!refused.iter().any(|word| said.contains(word)), "{command}: {said}");
    }
    let (was, stat) = (servers(&first), columns(&first));
    let saved = first.ask("show config");
    let hidden = first.ask("operator;show config");
    assert!(hidden.contains("insecure-password ***") && !hidden.contains("secret"), "{hidden}");
    assert!(first.ask("user;show config").contains("Permission denied"));
    let saved = saved.replace(&first.socket.display().to_string(), "SOCKET");
    drop(first);
    let binds = [one.address, three.address];
    let second = Balancer::start(&ours, &[("a.cfg", &saved)], &binds);
    assert_eq!(servers(&second), was, "{saved}");
    assert_eq!(columns(&second), stat, "{saved}");
    let again = second.ask("show config");
    let again = again.replace(&second.socket.display().to_string(), "SOCKET");
    drop(second);
    let plain = |text: &str| {
        text.lines()
            .filter_map(|l| l.split("    # ").next().map(str::to_owned))
            .filter(|l| !l.starts_with("# "))
            .collect::<Vec<_>>()
    };
    assert_eq!(plain(&again), plain(&saved), "once printed, it stays");
    match binaries::reference() {
        Ok(haproxy) => {
            let theirs = Balancer::start(&haproxy, &[("a.cfg", &saved)], &binds);
            assert_eq!(servers(&theirs), was, "{saved}");
            assert_eq!(columns(&theirs), stat, "{saved}");
        }
        Err(why) => eprintln!("HAProxy is left out: {why}"),
    }
}

/// What is hard to quote.
const HARD: &str = r#"global
    stats socket SOCKET level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind FRONT
    acl r path_reg '^/a[ \t]{1,2}#'
    http-request return status 200 content-type text/plain string "it's \"so\"\n" if r
    log-format "%ci [%tr] %{+Q}r\ x"
    http-request deny if { path '/$' '/\x20' "/$HOME" }
    default_backend b
backend b
    option tcp-check
    tcp-check send PING\r\n
    tcp-check expect string '+PONG'
    server a 127.0.0.1:1 cookie a\'b check
"#;

#[test]
fn haproxy_reads_every_case_as_it_is_printed() {
    let Ok(haproxy) = binaries::reference() else { return };
    let ours = binaries::evenkeel().expect("built");
    let reservation = Reservation::new().expect("a port");
    let text = HARD.replace("FRONT", &reservation.address.to_string());
    let balancer = Balancer::start(&ours, &[("a.cfg", &text)], &[reservation.address]);
    let saved = balancer.scratch.path.join("saved.cfg");
    std::fs::write(&saved, balancer.ask("show config")).expect("written");
    let checked = Command::new(&haproxy.path).arg("-c").arg("-f").arg(&saved).output();
    let checked = checked.expect("it runs");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    let text = std::fs::read_to_string(&saved).expect("it was written");
    assert!(checked.status.success(), "{said}\n{text}");
}
