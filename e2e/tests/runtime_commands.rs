//! Every command of HAProxy's own help: here or listed with a reason, for the same levels, and with
//! the same answers to arguments that are missing or wrong.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use e2e::pair::{Balancer, binaries, compare};
use e2e::ports::Reservation;

/// The page that the command table writes.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/runtime-api.md");

/// Commands that ask for another level than HAProxy's, and why.
const OTHER_LEVEL: &[(&str, &str)] = &[
    ("add acl", "changes ask for the level of changes"),
    ("add map", "changes ask for the level of changes"),
    ("clear acl", "changes ask for the level of changes"),
    ("clear map", "changes ask for the level of changes"),
    ("commit acl", "changes ask for the level of changes"),
    ("commit map", "changes ask for the level of changes"),
    ("del acl", "changes ask for the level of changes"),
    ("del map", "changes ask for the level of changes"),
    ("prepare acl", "changes ask for the level of changes"),
    ("prepare map", "changes ask for the level of changes"),
    ("set map", "changes ask for the level of changes"),
    ("show activity", "says how the process is built"),
    ("show events", "says what logs say"),
    ("show libs", "says how the process is built"),
    ("show threads", "says how the process is built"),
];

fn file() -> (Reservation, String, SocketAddr) {
    let reservation = Reservation::new().expect("a port");
    let front = reservation.address;
    let text = format!(
        "global\n    stats socket SOCKET level admin\ndefaults\n    mode http\n    \
         timeout connect 1s\n    timeout client 1s\n    timeout server 1s\nfrontend fe\n    \
         bind {front}\n    default_backend be\nbackend be\n    server s1 127.0.0.1:1 weight 10 \
         check inter 1h maxconn 5\n    server s2 127.0.0.1:2 cookie x\n"
    );
    (reservation, text, front)
}

/// The words that name a command in a line of help.
fn name(line: &str) -> Option<String> {
    let line = line.strip_prefix("  ")?;
    let ends = |word: &&str| !word.starts_with(['<', '[', '{', '(', '@', ':']);
    let words: Vec<&str> = line.split_whitespace().take_while(ends).collect();
    let dynamic = words.iter().any(|w| w.starts_with("dynamic-cookie"));
    let words = words.strip_suffix(&["backend"]).filter(|_| dynamic).unwrap_or(&words);
    Some(words.join(" ").trim_end_matches(':').to_owned())
}

#[test]
fn every_command_is_here_or_listed() {
    let Some((ours, theirs)) = binaries() else { return };
    let (_port, text, front) = file();
    let names = |binary| -> BTreeSet<String> {
        let balancer = Balancer::start(binary, &[("a.cfg", &text)], &[front]);
        balancer.ask("help").lines().filter_map(name).collect()
    };
    let (ours, theirs) = (names(&ours), names(&theirs));
    assert!(theirs.len() > 100, "the help was read: {theirs:?}");
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let (_, listed) = page.split_once("## Not here").expect("a section of the page");
    let rows = listed.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(str::to_owned).collect();
    // Ours may say more words of the same command.
    let here =
        |name: &str| ours.iter().any(|ours| ours == name || ours.starts_with(&format!("{name} ")));
    let missing: Vec<_> =
        theirs.iter().filter(|name| !here(name) && !listed.contains(*name)).collect();
    assert!(missing.is_empty(), "neither here nor listed: {missing:?}");
    let idle: Vec<_> =
        listed.iter().filter(|name| ours.contains(*name) || !theirs.contains(*name)).collect();
    assert!(idle.is_empty(), "listed, but here or not HAProxy's: {idle:?}");
}

#[test]
fn the_levels_are_the_same() {
    let Some((ours, theirs)) = binaries() else { return };
    let (_port, text, front) = file();
    let start = |binary| Balancer::start(binary, &[("a.cfg", &text)], &[front]);
    let (ours, theirs) = (start(&ours), start(&theirs));
    let of = |balancer: &Balancer| -> BTreeSet<String> {
        balancer.ask("help").lines().filter_map(name).collect()
    };
    // A prompt would stay open.
    let both: Vec<String> =
        of(&ours).intersection(&of(&theirs)).filter(|name| *name != "prompt").cloned().collect();
    assert!(both.len() > 50, "commands of both: {both:?}");
    let mut wrong = String::new();
    for level in ["user", "operator"] {
        for command in &both {
            let refused = |balancer: &Balancer| {
                balancer.ask(&format!("{level};{command}")).contains("Permission denied")
            };
            let (ours, theirs) = (refused(&ours), refused(&theirs));
            let may = OTHER_LEVEL.iter().any(|(name, _)| name == command) && ours;
            if ours != theirs && !may {
                wrong.push_str(&format!("{level} {command}: refused {ours}, HAProxy {theirs}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn wrong_arguments_are_told_alike() {
    let (_port, text, front) = file();
    let script: Vec<&str> = SCRIPT.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    compare(&[("a.cfg", &text)], &[front], &script, &[]);
}

const SCRIPT: &str = "
    show events zz
    show resolvers zz
    show table
    show table zz
    set table
    set table zz
    set table zz key a
    clear table
    clear table zz key a
    show cache
    show peers
    show peers zz
    set maxconn frontend
    set maxconn frontend zz 4
    set maxconn frontend fe
    set maxconn server be/s1
    set maxconn server be/zz 4
    set maxconn server be/s1 x
    set maxconn global
    disable frontend
    disable frontend zz
    disable frontend fe
    enable frontend zz
    enable frontend fe
    enable frontend fe
    disable agent
    disable agent be/s1
    enable agent be/s1
    enable agent be/zz
    disable health be/s1
    enable health be/s1
    enable health be/s2
    disable health zz/s
    shutdown frontend
    add server
    add server be
    add server be/x
    add server zz/x 1.2.3.4
    add server be/s1 1.2.3.4
    del server be/s1
    del server be/zz
    del server zz
    set severity-output
    get acl
    get map
    get acl zz a
    get map zz a
    add map zz a b
    del map zz a
    set map zz a b
    clear map zz
    prepare map zz
    commit map @1 zz
    commit map zz
    show map zz
    show acl zz
    show map @1 zz
    show servers state be zz
    show sess foo
    show backend zz
    set server be/s1 weight
    set server be/s1 weight x
    set server be/s1 weight 300%
    set server be/s1 addr
    set server be/s1 addr x
    set server be/s1 addr 127.0.0.1 port
    set server be/s1 addr 127.0.0.1 port +x
    set server be/s1 addr 127.0.0.1
    set server be/s1 check-port
    set server be/s1 check-port 99999
    set server be/s2 check-port 80
    set server be/s1 check-addr x
    set server be/s1 agent up
    set server be/s1 agent zz
    set server be/s1 agent-send x
    set server be/s1 agent-addr x
    set server be/s1 agent-port x
    set server be/s1 health up
    set server be/s1 health zz
    set server be/s1 fqdn x
    set server be/s1 ssl on
    set server be/s1 zz
    wait 1ms srv-removable
    wait 1ms srv-removable zz/zz
    wait 1ms srv-removable be/s1
    wait 0
    show events buf0 -x
    user;shutdown session x;shutdown sessions server a/b;shutdown frontend fe
    set severity-output number;show env ZZ
";
