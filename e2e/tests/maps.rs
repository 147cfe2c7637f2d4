//! Maps and the lists of patterns of ACLs that commands and rules change while traffic looks them
//! up (issue "Operate it", runtime API): the same script on the sockets of HAProxy and Evenkeel.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use e2e::pair::{self, Balancer, Difference};
use e2e::ports::Reservation;

const FILES: [(&str, &str); 9] = [
    ("a.map", "k1 v1\n# a comment\n\nk2 v2 with words\n  k3   v3  \nk1 again\n/here there\n"),
    ("beg.map", "/a 1\n/ab 2\n"),
    ("ip.map", "10.0.0.0/8 ten\n10.1.0.0/16 tenone\n::1 six\n127.0.0.1 home\n"),
    ("re.map", "^/a(.*) x\\1\n^/b y\n"),
    ("int.map", "1:5 low\n10 ten\n"),
    ("ii.map", "80 8080\n"),
    ("pp.map", "127.0.0.1 1.2.3.4\n"),
    ("a.acl", "foo\nbar\nFOO\n"),
    ("b.acl", "/b1\n"),
];

fn config(front: SocketAddr) -> String {
    format!(
        "global\n    stats socket SOCKET level admin\ndefaults\n    mode http\n    timeout client \
         5s\n    timeout server 5s\n    timeout connect 1s\nfrontend fe\n    bind {front}\n    \
         acl inline path /x /y -i\n    acl named path -f a.acl\n    acl ins path -i -f a.acl\n    \
         acl nets src 10.0.0.0/8 127.0.0.2\n    acl ints dst_port 80 ge 1000 lt 50 5:7\n    \
         acl lens path -m len 5 gt 300\n    acl regs path_reg -i ^/foo\n    acl two path -f b.acl \
         -f a.acl extra\n    acl subs path -m sub s1 s2\n    acl ends path -m end .png\n    acl \
         bins req.hdr(x) -m bin 6162\n    acl founds hdr(x) -m found\n    acl virt path -m str -f \
         virt@vacl\n    acl opt path -m str -f opt@nofile\n    acl meth method GET POST\n    acl \
         mp path -m str -M -f a.map\n    http-request set-map(a.map) %[path] %[method] if {{ \
         path_beg /put }}\n    http-request del-map(a.map) %[url_param(k)] if {{ path /del }}\n    \
         http-request add-acl(b.acl) %[url_param(k)] if {{ path /more }}\n    http-request \
         del-acl(b.acl) %[url_param(k)] if {{ path /less }}\n    http-request return status 200 \
         hdr a %[path,map(a.map,none)] hdr b %[path,map_beg(beg.map)] hdr c %[src,map_ip(ip.map)] \
         hdr d %[path,map_regm(re.map)] hdr e %[int(3),map_int(int.map)] hdr f \
         %[int(80),map_int_int(ii.map)] hdr g %[src,map_ip_ip(pp.map)] hdr h \
         %[path,map_str_key(a.map)] if inline or named or ins or nets or ints or lens or regs or \
         two or subs or ends or bins or founds or virt or opt or meth or mp\n    http-request \
         return status 404 if {{ path -u 77 /q }} or METH_GET\n"
    )
}

const DIFFERENCES: &[Difference] = &[
    ("show acl", "httpclient", "a part of HAProxy that is not built here"),
    ("add map re.map", "regex '", "why a regular expression is wrong"),
    ("add acl #10", "regex '", "why a regular expression is wrong"),
];

fn compare(script: &[&str], more: &[Difference]) {
    let reservation = Reservation::new().expect("a port");
    let text = config(reservation.address);
    let mut files = FILES.to_vec();
    files.push(("a.cfg", &text));
    let allowed: Vec<Difference> = DIFFERENCES.iter().chain(more).copied().collect();
    pair::compare(&files, &[reservation.address], script, &allowed);
}

#[test]
fn maps_and_acls_are_shown_and_asked() {
    compare(
        &[
            "show map",
            "show acl",
            "show map a.map",
            "show acl a.map",
            "show map #0",
            "show map nope",
            "show map #99",
            "show map #x",
            "show map @0 a.map",
            "show map @1 a.map",
            "show map @x a.map",
            "show map @0",
            "show acl #0",
            "show acl #1",
            "show acl a.acl",
            "show acl #77",
            "show acl nope",
            "show acl opt@nofile",
            "show acl nofile",
            "get map a.map k1",
            "get map a.map k9",
            "get map a.map",
            "get map",
            "get map nope k",
            "get acl a.acl foo",
            "get acl a.acl FOO",
            "get acl #0 /x",
            "get acl",
            "get acl a.acl",
            "get acl nope k",
            "get map ip.map 10.1.2.3",
            "get map ip.map 11.1.2.3",
            "get map ip.map ::1",
            "get map re.map /abc",
            "get map int.map 3",
            "get map int.map 30",
            "get map beg.map /abc",
            "get map ii.map 80",
            "get map pp.map 127.0.0.1",
            "get acl #4 10.2.3.4",
            "get acl #5 2000",
            "get acl #5 6",
            "get acl #5 900",
            "get acl #6 12345",
            "get acl #7 /Foobar",
            "get acl #10 as1b",
            "get acl #11 x.png",
            "user;show map;get acl a.acl foo",
        ],
        &[],
    );
}

/// Changes of every kind, and what is wrong with some.
const CHANGES: &[&str] = &[
    "add map",
    "add map a.map",
    "add map a.map k5",
    "add map a.map k5 v5",
    "add map a.map k6 v6 more words",
    "add map a.map a\\ b c\\ d",
    "add map nope k v",
    "add acl a.map k",
    "add acl a.acl new",
    "add acl a.acl new two",
    "add acl #0 /z",
    "add acl",
    "add acl a.acl",
    "add acl nope k",
    "add acl #4 notip",
    "add acl #4 1.2.3.4/99",
    "add acl #4 192.168.0.0/16",
    "show acl #4",
    "add acl #5 1:2:3",
    "add acl #5 a:b",
    "add acl #5 9:1",
    "add acl #5 x",
    "add acl #5 8:",
    "show acl #5",
    "add map int.map x y",
    "add map ii.map 90 x",
    "add map ii.map 91 92",
    "get map ii.map 91",
    "set map ii.map 80 y",
    "set map ii.map 80 81",
    "get map ii.map 80",
    "add map pp.map 10.0.0.0/8 zz",
    "add map re.map ( y",
    "show map a.map",
    "add map a.map <<\nka va\nkb vb  with words\n",
    "add map a.map <<EOF\nkc vc\nkd vd\nEOF",
    "add map a.map <<\n  sp1  v  \n\tq v\n",
    "add map a.map <<\nkf vf\nke\n",
    "add acl a.acl <<\nl1\nl2 x\n",
    "show acl a.acl",
    "show map a.map",
    "set map a.map k5",
    "set map a.map k5 new5",
    "set map a.map k1 both",
    "set map a.map knope x",
    "set map a.map #0x1234567 x",
    "set map a.map #zz x",
    "set map a.map",
    "set map nope k v",
    "show map a.map",
    "del map a.map k1",
    "del map a.map k1",
    "del map a.map a\\ b",
    "del map a.map",
    "del map",
    "del map nope k",
    "del map a.acl bar",
    "del acl a.acl foo",
    "del acl a.acl nofoo",
    "del acl a.map kc",
    "del acl",
    "del acl nope k",
    "del map a.map #0x1234567",
    "del map a.map #zz",
    "show map a.map",
    "show acl a.acl",
    "clear acl a.acl",
    "show acl a.acl",
    "clear map",
    "clear map nope",
    "clear acl",
    "clear acl nope",
    "clear map a.map",
    "show map a.map",
    "set severity-output number;add map a.map a b;del map a.map a;del map a.map a;show map",
];

#[test]
fn entries_come_change_and_go() {
    let counts = ("set severity", "curr_ver", "HAProxy's count of entries goes astray");
    compare(CHANGES, &[counts]);
}

#[test]
fn versions_are_prepared_and_committed() {
    compare(
        &[
            "prepare map",
            "prepare acl",
            "prepare map nope",
            "prepare acl nope",
            "prepare map a.acl",
            "prepare map a.map",
            "prepare map a.map",
            "prepare acl a.map",
            "prepare acl a.acl",
            "add map @1 a.map p1 q1",
            "add map @2 a.map p2 q2",
            "add map @2 a.map <<\np3 q3\np4 q4\n",
            "add map @9 a.map p2 q2",
            "add acl @9 a.acl p2",
            "add map @1",
            "add map @1 a.map",
            "add map @1 a.map x",
            "show map a.map",
            "show map @1 a.map",
            "show map @2 a.map",
            "get map a.map p2",
            "commit map a.map",
            "commit map",
            "commit acl",
            "commit map @1",
            "commit acl @1",
            "commit map @1 nope",
            "commit acl @1 nope",
            "commit map @9 a.map",
            "commit map @0 a.map",
            "commit acl @1 a.map",
            "commit map @1 a.map",
            "show map a.map",
            "get map a.map p1",
            "clear map @2 a.map",
            "show map @2 a.map",
            "commit map @2 a.map",
            "show map a.map",
            "add map @3 a.map last one",
            "add map @2 a.map now there",
            "show map @2 a.map",
            "commit map @3 a.map",
            "show map a.map",
            "get map a.map last",
            "clear map @7 a.map",
            "set map @3 a.map k v",
            "del map @3 a.map k",
            "get map @3 a.map k",
            "set severity-output number;prepare map a.map;commit map @9 a.map",
        ],
        &[],
    );
}

/// The head of the answer to one request.
fn request(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a frontend");
    let head = format!("GET {target} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let mut lines: Vec<String> =
        String::from_utf8_lossy(&answer).lines().map(str::to_owned).collect();
    lines.retain(|l| l.starts_with("HTTP") || l.get(1..2) == Some(":"));
    lines.join("\n")
}

#[test]
fn traffic_follows_and_changes_them_too() {
    let Some((ours, theirs)) = pair::binaries() else { return };
    let reservation = Reservation::new().expect("a port");
    let front = reservation.address;
    // Without the methods, so that the other lists decide.
    let text = config(front).replace("or meth or", "or").replace("ge 1000 ", "");
    let mut files = FILES.to_vec();
    files.push(("a.cfg", &text));
    let steps = [
        "/here",
        "/elsewhere",
        "add acl #0 /elsewhere",
        "/elsewhere",
        "add map a.map /elsewhere found",
        "set map beg.map /ab 22",
        "set map ip.map 127.0.0.1 moved",
        "add map re.map ^/else(.*) <\\1>",
        "/elsewhere",
        "set map int.map 1:5 high",
        "set map ii.map 80 4",
        "set map pp.map 127.0.0.1 ::5",
        "/elsewhere",
        "del map pp.map 127.0.0.1",
        "del acl #0 /elsewhere",
        "/elsewhere",
        "/put/1",
        "/put/1",
        "/put/2",
        "show map a.map",
        "/del?k=/put/1",
        "show map a.map",
        "/added",
        "/more?k=/added",
        "/more?k=/added",
        "/added",
        "show acl b.acl",
        "/less?k=/added",
        "/added",
        "prepare map a.map",
        "add map @1 a.map /put/2 new",
        "/put/3",
        "commit map @1 a.map",
        "show map a.map",
        "clear map beg.map",
        "/ab",
    ];
    let answers = |binary| -> Vec<String> {
        let balancer = Balancer::start(binary, &files, &[front]);
        steps
            .iter()
            .map(|step| match step.starts_with('/') {
                true => request(front, step),
                false => balancer.ask(step),
            })
            .collect()
    };
    let (ours, theirs) = (answers(&ours), answers(&theirs));
    let wrong: String = steps
        .iter()
        .zip(ours.iter().zip(&theirs))
        .map(|(step, (a, b))| pair::difference(step, a, b, DIFFERENCES))
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn changes_outlive_other_changes_but_not_the_reading_of_the_file() {
    let evenkeel = e2e::binaries::evenkeel().expect("built");
    let reservation = Reservation::new().expect("a port");
    let front = reservation.address;
    let text = config(front) + "    default_backend be\nbackend be\n    server s 127.0.0.1:9\n";
    let mut files = FILES.to_vec();
    files.push(("a.cfg", &text));
    let balancer = Balancer::start(&evenkeel, &files, &[front]);
    balancer.ask("add map a.map /x1 one");
    // Another change makes another configuration; its lists are the same.
    balancer.ask("set maxconn server be/s 7");
    assert!(balancer.ask("show map a.map").contains("/x1 one"));
    assert!(request(front, "/x1").contains("a: one"));
    // HAProxy reads its files anew when it is reloaded.
    let said = balancer.ask("reload");
    assert!(!balancer.ask("show map a.map").contains("/x1"), "{said}");
    assert!(request(front, "/x1").contains("a: none"), "{said}");
    // What did not change is not read anew: the same entries, the same numbers.
    let before = balancer.ask("show map beg.map");
    balancer.ask("reload");
    assert_eq!(balancer.ask("show map beg.map"), before);
}

#[test]
fn a_hundred_thousand_entries_are_loaded_and_changed() {
    let evenkeel = e2e::binaries::evenkeel().expect("built");
    let reservation = Reservation::new().expect("a port");
    let front = reservation.address;
    let text = config(front);
    let key = |n: usize| format!("/path/of/some/length/{n}");
    let map: String = (0..100_000).map(|n| format!("{} value{n}\n", key(n))).collect();
    let mut files = FILES.to_vec();
    files.retain(|(name, _)| *name != "a.map");
    files.extend([("a.map", &*map), ("a.cfg", &*text)]);
    let begun = Instant::now();
    let balancer = Balancer::start(&evenkeel, &files, &[front]);
    let (loaded, memory) = (begun.elapsed(), balancer.process.resident_kib());
    assert!(request(front, &key(99_999)).contains("a: value99999"));
    let begun = Instant::now();
    for n in 0..500 {
        balancer.ask(&format!("set map a.map {} new;del map a.map {}", key(n), key(n + 500)));
    }
    let changed = begun.elapsed();
    assert!(request(front, &key(1)).contains("a: new"));
    let begun = Instant::now();
    balancer.ask("prepare map a.map");
    balancer.ask(&format!("add map @1 a.map <<EOF\n{}EOF", map.replace("value", "other")));
    balancer.ask("commit map @1 a.map");
    let replaced = begun.elapsed();
    assert!(request(front, &key(600)).contains("a: other600"));
    assert_eq!(balancer.ask("show map a.map").lines().count(), 100_001);
    println!(
        "loaded in {loaded:?} ({memory} KiB), 1000 changes in {changed:?}, all replaced in \
         {replaced:?}"
    );
    // Generous bounds: one change must not cost as much as reading the file.
    assert!(memory < 400 << 10, "{memory} KiB");
    assert!(changed < Duration::from_secs(30), "{changed:?}");
}
