//! Changes while running: the rows R1-R9 of the file provider, each with its number.

use e2e::client::{PATIENCE, Socket};
use e2e::http::Reader;
use e2e::ports::Address;
use e2e::process::{Process, Scratch, Signal};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, EDIT, ask, body, get};
use e2e::scenario::load::{Load, Tunnel, slow_request};
use e2e::scenario::wait_until;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

const CLIENTS: usize = 20;
const SOON: Duration = EDIT.saturating_mul(5);
const WATCH: Duration = Duration::from_millis(600);
const SLOW: Duration = Duration::from_secs(2);

fn application(name: &str) -> Application {
    Application::start(name, SLOW).expect("loopback has free ports")
}

/// A frontend on these binds and a backend of these lines.
fn config(binds: &[SocketAddr], rules: &str, servers: &str) -> String {
    let binds: String = binds.iter().map(|bind| format!("    bind {bind}\n")).collect();
    format!(
        "{DEFAULTS}    retries 0\nfrontend www\n{binds}{rules}    default_backend webapps\n\
         backend webapps\n{servers}"
    )
}

fn server(application: &Application, rest: &str) -> String {
    format!("    server {} {} {rest}\n", application.name, application.address)
}

fn answer(address: SocketAddr, target: &str) -> String {
    match get(address, target, "") {
        Ok(message) => format!("{} {}", message.head.word(1), body(&message)),
        Err(why) => why,
    }
}

fn becomes(address: SocketAddr, target: &str, wanted: &str) {
    let mut last = String::new();
    let came = wait_until(SOON, || {
        last = answer(address, target);
        last == wanted || wanted.ends_with(' ') && last.starts_with(wanted)
    });
    assert!(came, "{target} gives {last:?}, not {wanted:?}");
}

fn finish(load: Load) {
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    assert!(outcome.answered > 0, "{outcome:?}");
}

#[test]
fn r1_r8_files_that_the_configuration_names_are_watched() {
    let one = application("one");
    let scratch = Scratch::new().unwrap();
    let page = scratch.path.join("403.http");
    let text = |word: &str| format!("HTTP/1.1 403 Forbidden\r\nContent-Type: x/y\r\n\r\n{word}");
    let list = scratch.path.join("hosts.lst");
    std::fs::write(&page, text("first")).unwrap();
    std::fs::write(&list, "other.test\n").unwrap();
    let rules = format!(
        "    errorfile 403 {}\n    http-request deny if {{ path /deny }}\n    \
         http-request return status 418 if {{ hdr(host) -f {} }}\n",
        page.display(),
        list.display()
    );
    let balancer =
        Balancer::start(|address| config(&[address], &rules, &server(&one, "check"))).unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    assert_eq!(answer(balancer.address, "/deny"), "403 first");
    std::fs::write(&page, text("second")).unwrap();
    becomes(balancer.address, "/deny", "403 second");
    finish(load);
    std::fs::write(&list, "test\n").unwrap();
    becomes(balancer.address, "/", "418 ");
}

#[test]
fn r4_binds_come_and_go_and_the_others_do_not_notice() {
    let one = application("one");
    let lines = server(&one, "check");
    let mut balancer = Balancer::start(|address| config(&[address], "", &lines)).unwrap();
    let second = balancer.another_address().unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    balancer.save(&config(&[balancer.address, second], "", &lines));
    becomes(second, "/", "200 one");
    let slow = slow_request(second);
    assert!(wait_until(SOON, || one.busy() > 0));
    std::thread::sleep(Duration::from_millis(200));
    balancer.save(&config(&[balancer.address], "", &lines));
    let refused = || Socket::connect(&Address::Tcp(second), None).is_err();
    assert!(wait_until(SOON, refused), "{}", balancer.process.stderr());
    assert_eq!(slow.join().unwrap().unwrap(), "one".repeat(20), "in flight on the removed bind");
    balancer.save(&config(&[balancer.address, second], "", &lines));
    becomes(second, "/", "200 one");
    finish(load);
}

#[test]
fn r4_an_address_in_use_is_reported_and_changes_nothing() {
    let (one, two) = (application("one"), application("two"));
    let balancer =
        Balancer::start(|address| config(&[address], "", &server(&one, "check"))).unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = occupied.local_addr().unwrap();
    let text = config(&[balancer.address, taken], "", &server(&two, "check"));
    balancer.save(&text);
    let port = taken.port().to_string();
    let told = wait_until(SOON, || balancer.process.stderr().contains(&port));
    assert!(told, "{port} is not in {}", balancer.process.stderr());
    std::thread::sleep(WATCH);
    assert_eq!(answer(balancer.address, "/"), "200 one");
    assert_eq!(two.requests(), 0);
    drop(occupied);
    balancer.save(&format!("{text}\n"));
    becomes(taken, "/", "200 two");
    finish(load);
}

#[test]
fn r5_what_is_known_of_a_server_survives_a_change() {
    let (one, two) = (application("one"), application("two"));
    let rest = "check inter 300ms fall 2 rise 30";
    let lines = |weight: u32, name: &str| {
        let down = format!("    server {name} {} {rest}\n", one.address);
        format!("{down}{}", server(&two, &format!("check weight {weight}")))
    };
    let balancer = Balancer::start(|address| config(&[address], "", &lines(1, "one"))).unwrap();
    one.stop();
    let gone = || (0..6).all(|_| answer(balancer.address, "/") == "200 two");
    assert!(wait_until(SOON, gone), "{}", balancer.process.stderr());
    let load = Load::start(balancer.address, CLIENTS);
    for weight in 2..5 {
        balancer.save(&config(&[balancer.address], "", &lines(weight, "one")));
        std::thread::sleep(WATCH);
    }
    balancer.save(&config(&[balancer.address], "", &lines(5, "renamed")));
    std::thread::sleep(WATCH);
    finish(load);
}

#[test]
fn r6_a_keep_alive_client_meets_the_new_configuration_at_its_next_request() {
    let (one, two) = (application("one"), application("two"));
    let balancer =
        Balancer::start(|address| config(&[address], "", &server(&one, "check"))).unwrap();
    let socket = Socket::connect(&Address::Tcp(balancer.address), None).unwrap();
    let mut client = Reader::new(socket, PATIENCE);
    assert_eq!(body(&ask(&mut client, "/", "").unwrap()), "one");
    let rules = "    http-response set-header X-New yes\n";
    balancer.save(&config(&[balancer.address], rules, &server(&two, "check")));
    becomes(balancer.address, "/", "200 two");
    let moved = ask(&mut client, "/", "").unwrap();
    assert_eq!((body(&moved).as_str(), moved.head.field("x-new")), ("two", Some("yes")));
}

#[test]
fn r1_a_file_that_is_empty_while_it_is_written_stops_nobody() {
    let one = application("one");
    let balancer = Balancer::start(|address| config(&[address], "", &server(&one, ""))).unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    balancer.save("");
    let said = || balancer.process.stderr().contains("no listener any more");
    assert!(wait_until(SOON, said), "{}", balancer.process.stderr());
    let rules = "    http-request return status 418 if { path /new }\n";
    balancer.save(&config(&[balancer.address], rules, &server(&one, "")));
    becomes(balancer.address, "/new", "418 ");
    finish(load);
}

#[test]
fn r7_a_missing_file_at_start_ends_with_status_1_and_its_name() {
    let scratch = Scratch::new().unwrap();
    let binary = e2e::binaries::Binary { name: "evenkeel", ..e2e::binaries::evenkeel().unwrap() };
    let arguments = ["run", "-f", "no-such-file.cfg"];
    let mut process = Process::start(&binary, &scratch.path, arguments).unwrap();
    let status = process.wait(SOON).expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", process.stderr());
    assert!(process.stderr().contains("no-such-file.cfg"), "{}", process.stderr());
}

#[test]
fn r9_hangup_reloads_at_once_and_term_ends_quickly() {
    let (one, two) = (application("one"), application("two"));
    let mut balancer =
        Balancer::start(|address| config(&[address], "", &server(&one, "check"))).unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    balancer.save(&config(&[balancer.address], "", &server(&two, "check")));
    balancer.signal(Signal::HUP);
    becomes(balancer.address, "/", "200 two");
    for _ in 0..20 {
        balancer.signal(Signal::HUP);
        std::thread::sleep(Duration::from_millis(10));
    }
    finish(load);
    let mut tunnel = Tunnel::open(balancer.address).unwrap();
    tunnel.echo().unwrap();
    balancer.signal(Signal::TERM);
    let status = balancer.process.wait(SOON).expect("it ends");
    assert!(status.success(), "{status} {}", balancer.process.stderr());
}

/// A rule line, what it is asked, and the answer it must give.
type Edit<'a> = (&'a str, &'a str, &'a str);

#[test]
fn rules_timeouts_modes_and_frontends_change_in_place() {
    let one = application("one");
    let lines = server(&one, "check");
    let mut balancer = Balancer::start(|address| config(&[address], "", &lines)).unwrap();
    let second = balancer.another_address().unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    let edits: [Edit<'_>; 5] = [
        ("    http-request return status 410 if { path /a }\n", "/a", "410 "),
        ("    acl b path /b\n    http-request deny if b\n", "/b", "403 "),
        (
            "    timeout client 7s\n    http-request return status 418 if { path /c }\n",
            "/c",
            "418 ",
        ),
        ("    maxconn 500\n    redirect location /x if { path /d }\n", "/d", "302 "),
        ("    use_backend %[path,word(1,/)]_be if { path /webapps }\n", "/webapps", "200 one"),
    ];
    for (rule, target, wanted) in edits {
        balancer.save(&config(&[balancer.address], rule, &lines));
        becomes(balancer.address, target, wanted);
    }
    let more = format!(
        "{}listen more\n    bind {second}\n    http-request return status 202\n",
        config(&[balancer.address], "", &lines)
    );
    balancer.save(&more);
    becomes(second, "/", "202 ");
    balancer.save(&more.replace("status 202", "status 203"));
    becomes(second, "/", "203 ");
    let tcp =
        more.replace("    http-request return status 202\n", &format!("    mode tcp\n{lines}"));
    balancer.save(&tcp);
    becomes(second, "/", "200 one");
    balancer.save(&config(&[balancer.address], "", &lines));
    let refused = || Socket::connect(&Address::Tcp(second), None).is_err();
    assert!(wait_until(SOON, refused), "{}", balancer.process.stderr());
    finish(load);
}
