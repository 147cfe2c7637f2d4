//! The statistics page inside of a session: what it reads and what it leaves to the next request,
//! and every option of it beside HAProxy.

use e2e::binaries::Binary;
use e2e::client::{PATIENCE, Socket};
use e2e::http::{Message, Reader};
use e2e::pair;
use e2e::ports::{Address, Reservation};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, ask, body};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn after_an_action_the_connection_goes_on() {
    let one = Application::start("one", Duration::ZERO).expect("loopback has free ports");
    let balancer = Balancer::start(|address| {
        format!(
            "{DEFAULTS}listen apps\n    bind {address}\n    stats uri /stats\n    \
             stats admin if TRUE\n    server one {}\n",
            one.address
        )
    })
    .unwrap();
    let socket = Socket::connect(&Address::Tcp(balancer.address), None).expect("it listens");
    let mut reader = Reader::new(socket, PATIENCE);
    let form = "s=one&action=drain&b=apps";
    let post = format!(
        "POST /stats HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Length: {1}\r\n\r\n\
         {form}",
        balancer.address,
        form.len()
    );
    reader.socket.write_all(post.as_bytes()).expect("sent");
    let head = reader.head().expect("an answer");
    let answer = reader.response_body(head, "POST");
    assert_eq!(answer.head.word(1), "303", "{answer:?}");
    let table = ask(&mut reader, "/stats;csv", "").expect("the same connection");
    assert_eq!(table.head.word(1), "200", "{table:?}");
    let table = body(&table);
    let line = table.lines().find(|l| l.starts_with("apps,one,")).unwrap_or_default();
    assert!(line.contains(",DRAIN,"), "{table}");
}

/// Proxies with every option of the page that HAProxy's shows, too.
const PROXIES: [(&str, &str); 9] = [
    ("plain", "stats enable\n stats refresh 5s\n stats hide-version\n stats show-node n1"),
    ("placed", "stats uri /s?x\n stats refresh 1500ms\n stats show-desc words"),
    ("quick", "stats uri /s\n stats refresh 1400ms\n stats show-legends\n stats show-modules"),
    ("scoped", "stats enable\n stats scope .\n stats scope plain"),
    ("closed", "stats realm My\\ \\\"Realm\n stats auth u:p"),
    ("named", "stats enable\n stats realm Two\\ Words\n stats auth u:p\n stats auth v:w"),
    (
        "ruled",
        "stats enable\n stats http-request deny if { hdr(x-no) 1 }\n stats http-request auth realm \
         R if { hdr(x-ask) 1 }\n stats http-request allow",
    ),
    (
        "steered",
        "stats uri /s\n stats admin if { hdr(x-may) 1 }\n server a SERVER\n server b SERVER",
    ),
    ("traffic", "server a SERVER"),
];

/// What is asked of which: proxy, method, target, fields, body.
type Question = (&'static str, &'static str, &'static str, &'static str, &'static str);

const USER: &str = "Authorization: Basic dTpw\r\n";
const MAY: &str = "X-May: 1\r\nContent-Type: application/x-www-form-urlencoded\r\n";

const QUESTIONS: [Question; 48] = [
    ("plain", "GET", "/haproxy?stats", "", ""),
    ("plain", "GET", "/haproxy?stats;norefresh", "", ""),
    ("plain", "HEAD", "/haproxy?stats", "", ""),
    ("plain", "GET", "/haproxy?stats;csv", "", ""),
    ("plain", "GET", "/haproxy?stats;csv;norefresh", "", ""),
    ("plain", "GET", "/haproxy?stats;norefresh;csv", "", ""),
    ("plain", "GET", "/haproxy?stats;json", "", ""),
    ("plain", "GET", "/haproxy?stats;json-schema", "", ""),
    ("plain", "GET", "/haproxy?stats;typed", "", ""),
    ("plain", "GET", "/haproxy?stats;up;csv", "", ""),
    ("plain", "GET", "/haproxy?stats;no-maint;csv", "", ""),
    ("plain", "GET", "/haproxy?stats;csv;scope=teer", "", ""),
    ("plain", "GET", "/haproxy?stats;csv?scope=teer", "", ""),
    ("plain", "GET", "/haproxy?stats;csv&scope=nobody", "", ""),
    ("plain", "GET", "/haproxy?stat", "", ""),
    ("plain", "DELETE", "/haproxy?stats", "", ""),
    ("plain", "POST", "/haproxy?stats", "", "s=a&action=drain&b=steered"),
    ("placed", "GET", "/s?x", "", ""),
    ("placed", "GET", "/s?x;csv", "", ""),
    ("placed", "GET", "/s", "", ""),
    ("quick", "GET", "/s;csv", "", ""),
    ("scoped", "GET", "/haproxy?stats;csv", "", ""),
    ("scoped", "GET", "/haproxy?stats;typed", "", ""),
    ("closed", "GET", "/haproxy?stats", "", ""),
    ("closed", "GET", "/haproxy?stats;csv", USER, ""),
    ("named", "GET", "/haproxy?stats", "", ""),
    ("named", "GET", "/haproxy?stats;csv", "Authorization: Basic dTpx\r\n", ""),
    ("named", "GET", "/haproxy?stats;csv", "Authorization: Basic djp3\r\n", ""),
    ("named", "GET", "/haproxy?stats;csv", "Authorization: Bearer dTpw\r\n", ""),
    ("named", "PUT", "/haproxy?stats", "", ""),
    ("ruled", "GET", "/haproxy?stats", "X-No: 1\r\n", ""),
    ("ruled", "GET", "/haproxy?stats", "X-Ask: 1\r\n", ""),
    ("ruled", "GET", "/haproxy?stats;csv", "", ""),
    ("steered", "POST", "/s", "", "s=a&action=drain&b=steered"),
    ("steered", "POST", "/s", MAY, "s=a&action=drain&b=steered"),
    ("steered", "GET", "/s;csv;scope=steered", "", ""),
    ("steered", "POST", "/s;up", MAY, "s=a&s=b&action=maint&b=steered"),
    ("steered", "GET", "/s;csv;no-maint;scope=steered", "", ""),
    ("steered", "POST", "/s;norefresh;up", MAY, "s=a&action=ready&b=steered"),
    ("steered", "GET", "/s;csv;up;scope=steered", "", ""),
    ("steered", "POST", "/s;no-maint;scope=ste", MAY, "s=b&action=ready&b=steered"),
    ("steered", "POST", "/s?scope=ste", MAY, "s=zz&action=ready&b=steered"),
    ("steered", "POST", "/s", MAY, "s=a&s=zz&action=ready&b=steered"),
    ("steered", "POST", "/s", MAY, "s=a&action=what&b=steered"),
    ("steered", "POST", "/s", MAY, "action=ready&b=steered"),
    ("steered", "POST", "/s", MAY, "s=a&action=ready&b=nobody"),
    ("traffic", "GET", "/haproxy?stats", "", ""),
    ("traffic", "GET", "/metrics", "", ""),
];

/// What must be equal of an answer: status, fields that say something, the rows and their states.
fn told(question: &Question, answer: &Message) -> String {
    let (_, method, target, ..) = question;
    let mut out = format!("{method} {target}: {}\n", answer.head.word(1));
    let page = answer.head.field("content-type").is_some_and(|t| t.starts_with("text/html"));
    for name in ["refresh", "location", "www-authenticate", "cache-control", "content-type"] {
        // Where scripts run they fetch figures, so only pages without ask to be loaded again.
        if name == "refresh" && page {
            continue;
        }
        if let Some(value) = answer.head.field(name) {
            // That names are UTF-8 is said here.
            out.push_str(&format!("  {name}: {}\n", value.replace("; charset=utf-8", "")));
        }
    }
    let text = body(answer);
    if target.contains(";csv") && answer.head.word(1) == "200" {
        for line in text.lines() {
            let cells: Vec<&str> = line.split(',').collect();
            let status = cells.get(17).copied().unwrap_or_default();
            out.push_str(&format!("  {},{},{status}\n", cells[0], cells.get(1).unwrap_or(&"")));
        }
    } else if target.contains(";typed") {
        let rows = text.lines().filter(|l| l.contains("svname"));
        // Proxies are numbered from 1.
        let part = |l: &str| l.rsplit(':').next().unwrap_or_default().to_owned() + &l[..1];
        out.push_str(&rows.map(part).collect::<Vec<_>>().join(" "));
    } else if target.contains(";json") {
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        out.push_str(&format!("  {}\n", value.as_array().map_or(0, Vec::len)));
    }
    out
}

fn ask_for(address: SocketAddr, question: &Question) -> Message {
    let (_, method, target, fields, payload) = question;
    let socket = Socket::connect(&Address::Tcp(address), None).expect("it listens");
    let mut reader = Reader::new(socket, PATIENCE);
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\
         {fields}\r\n{payload}",
        payload.len()
    );
    assert!(reader.write(request.as_bytes()));
    let head = reader.head().unwrap_or_else(|end| panic!("{question:?}: {}", end.word()));
    reader.response_body(head, method)
}

#[test]
fn every_option_answers_as_haproxy_does() {
    let Some((ours, theirs)) = pair::binaries() else { return };
    let server = Application::start("one", Duration::ZERO).expect("loopback");
    let answers = |binary: &Binary| -> Vec<String> {
        let ports: Vec<_> = PROXIES.map(|_| Reservation::new().expect("a port")).into();
        let mut text =
            "global\n stats socket SOCKET\ndefaults\n mode http\n timeout connect 1s\n timeout \
             client 9s\n timeout server 9s\n"
                .to_owned();
        for ((name, lines), port) in PROXIES.iter().zip(&ports) {
            let lines = lines.replace("SERVER", &server.address.to_string());
            text.push_str(&format!("listen {name}\n bind {}\n {lines}\n", port.address));
        }
        let addresses: Vec<_> = ports.iter().map(|p| p.address).collect();
        let _balancer = pair::Balancer::start(binary, &[("a.cfg", &text)], &addresses);
        let place = |name: &str| PROXIES.iter().position(|p| p.0 == name).expect("a proxy");
        QUESTIONS.iter().map(|q| told(q, &ask_for(addresses[place(q.0)], q))).collect()
    };
    let (ours, theirs) = (answers(&ours), answers(&theirs));
    let pairs = ours.iter().zip(&theirs).filter(|(a, b)| a != b);
    let wrong: String = pairs.map(|(a, b)| format!("--- HAProxy\n{b}--- Evenkeel\n{a}")).collect();
    assert!(wrong.is_empty(), "{wrong}");
}
