//! Changes while running: what is remembered, refused and cut off. Rows R2, R3, R5-R7, R9, R10
//! and R13 of the file provider, each with its number; the others are in `reload.rs`.

use e2e::binaries::{Binary, evenkeel};
use e2e::client::{PATIENCE, Socket};
use e2e::http::Reader;
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch, Signal};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, EDIT, ask, body, get};
use e2e::scenario::load::{Load, Tunnel, slow_request};
use e2e::scenario::wait_until;
use std::net::SocketAddr;
use std::time::Duration;

const CLIENTS: usize = 10;
const SOON: Duration = EDIT.saturating_mul(5);
const WATCH: Duration = Duration::from_millis(600);
const SLOW: Duration = Duration::from_secs(2);

fn application(name: &str) -> Application {
    Application::start(name, SLOW).expect("loopback has free ports")
}

fn config(address: SocketAddr, global: &str, servers: &str) -> String {
    format!(
        "{global}{DEFAULTS}    retries 0\n\
         listen webapps\n    bind {address}\n    cookie SRV insert\n{servers}"
    )
}

fn server(application: &Application, rest: &str) -> String {
    format!("    server {} {} {rest}\n", application.name, application.address)
}

fn becomes(balancer: &Balancer, wanted: &str) {
    let came = wait_until(SOON, || balancer.name() == wanted);
    assert!(came, "{:?}, not {wanted}: {}", balancer.name(), balancer.process.stderr());
}

fn status(balancer: &Balancer) -> String {
    let output = balancer.command(&["status"]).expect("it runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn finish(load: Load) {
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    assert!(outcome.answered > 0, "{outcome:?}");
}

#[test]
fn r2_writes_without_a_difference_change_nothing() {
    let one = application("one");
    let text = |address| config(address, "", &server(&one, ""));
    let balancer = Balancer::start(text).unwrap();
    let before = status(&balancer).lines().next().unwrap_or_default().to_owned();
    assert!(before.starts_with("generation 1 "), "{before}");
    for _ in 0..3 {
        balancer.save(&text(balancer.address));
        std::thread::sleep(Duration::from_millis(250));
        balancer.replace(&text(balancer.address));
        std::thread::sleep(Duration::from_millis(250));
    }
    assert!(status(&balancer).starts_with("generation 1 "), "{}", status(&balancer));
    let history = balancer.runtime("show history").unwrap();
    assert!(history.contains("#1 "), "{history}");
    assert!(!history.contains("#2 "), "nothing was tried: {history}");
}

#[test]
fn r3_an_error_stays_visible_until_it_is_mended_and_is_tried_on_demand() {
    let (one, two) = (application("one"), application("two"));
    let balancer = Balancer::start(|a| config(a, "", &server(&one, ""))).unwrap();
    assert!(status(&balancer).contains("config_last_reload_success=1"));
    let page = balancer.dir.path.join("503.http");
    let page_line = format!("    errorfile 503 {}\n", page.display());
    balancer.save(&config(balancer.address, "", &(page_line + &server(&two, ""))));
    let failed = || status(&balancer).contains("config_last_reload_success=0");
    assert!(wait_until(SOON, failed), "{}", status(&balancer));
    assert!(status(&balancer).contains("503.http"), "{}", status(&balancer));
    assert!(status(&balancer).contains("haproxy.cfg:"), "{}", status(&balancer));
    assert_eq!(balancer.name(), "one");
    let told = balancer.command(&["reload"]).unwrap();
    assert!(!told.status.success(), "a demand tries again and says that it fails");
    assert_eq!(balancer.name(), "one");
    std::fs::write(&page, "HTTP/1.1 503 No\r\n\r\n").unwrap();
    becomes(&balancer, "two");
    assert!(status(&balancer).contains("config_last_reload_success=1"));
}

#[test]
fn r5_counters_connections_and_sticky_clients_follow_a_server() {
    let (one, two) = (application("one"), application("two"));
    let lines = |name: &str, weight: u32| {
        let one = format!("    server {name} {} cookie c1 weight {weight}\n", one.address);
        one + &server(&two, "cookie c2")
    };
    let balancer = Balancer::start(|a| config(a, "", &lines("one", 1))).unwrap();
    let mut tunnel = Tunnel::open(balancer.address).unwrap();
    let socket = Socket::connect(&Address::Tcp(balancer.address), None).unwrap();
    let mut client = Reader::new(socket, PATIENCE);
    let sticky = |client: &mut Reader| {
        let message = ask(client, "/", "Cookie: SRV=c1\r\n").unwrap();
        (body(&message), message.head.field("set-cookie").is_some())
    };
    for _ in 0..5 {
        assert_eq!(sticky(&mut client), ("one".to_owned(), false));
    }
    let total = |name: &str| -> u64 {
        balancer.statistic("webapps", name, "stot").and_then(|t| t.parse().ok()).unwrap_or(0)
    };
    let before = total("one");
    assert!(before >= 5, "{before}");
    balancer.save(&config(balancer.address, "", &lines("one", 7)));
    let weighs = |name: &'static str, weight: &'static str| {
        let balancer = &balancer;
        move || balancer.statistic("webapps", name, "weight").as_deref() == Some(weight)
    };
    assert!(wait_until(SOON, weighs("one", "7")), "{}", balancer.process.stderr());
    assert!(total("one") >= before, "{} after {before}", total("one"));
    balancer.save(&config(balancer.address, "", &lines("renamed", 9)));
    assert!(wait_until(SOON, weighs("renamed", "9")), "{}", balancer.process.stderr());
    assert!(total("renamed") >= before, "renamed: {} after {before}", total("renamed"));
    assert_eq!(sticky(&mut client), ("one".to_owned(), false), "the same client as before");
    tunnel.echo().expect("the tunnel goes on");
}

#[test]
fn r5_a_request_that_waits_to_try_again_follows_the_change() {
    let one = application("one");
    let refused = Reservation::new().unwrap();
    let text = |address: SocketAddr, servers: &str| {
        format!("{DEFAULTS}    retries 3\nlisten webapps\n    bind {address}\n{servers}")
    };
    let gone = format!("    server gone {}\n", refused.address);
    let balancer = Balancer::start(|a| text(a, &gone)).unwrap();
    let address = balancer.address;
    let asked = std::thread::spawn(move || get(address, "/", ""));
    let retried = || balancer.statistic("webapps", "gone", "wretr").as_deref() == Some("1");
    assert!(wait_until(SOON, retried), "{}", balancer.process.stderr());
    balancer.save(&text(address, &server(&one, "")));
    let answer = asked.join().unwrap().unwrap();
    assert_eq!((answer.head.word(1), &*body(&answer)), ("200", "one"));
}

#[test]
fn r6_what_is_left_on_a_removed_server_has_a_deadline() {
    let (one, two) = (application("one"), application("two"));
    let limit = "global\n    hard-stop-after 3s\n";
    let balancer = Balancer::start(|a| config(a, limit, &server(&one, ""))).unwrap();
    let mut tunnel = Tunnel::open(balancer.address).unwrap();
    let slow = slow_request(balancer.address);
    assert!(wait_until(SOON, || one.busy() >= 2), "the slow request is in flight");
    let load = Load::start(balancer.address, CLIENTS);
    balancer.save(&config(balancer.address, limit, &server(&two, "")));
    becomes(&balancer, "two");
    let mut new = Tunnel::open(balancer.address).unwrap();
    tunnel.echo().expect("it is there until the deadline");
    assert_eq!(slow.join().unwrap().unwrap(), "one".repeat(20), "it ends where it began");
    assert_ne!(tunnel.end(SOON), "open", "{}", balancer.process.stderr());
    std::thread::sleep(WATCH);
    new.echo().expect("servers that stay keep their tunnels");
    finish(load);
}

#[test]
fn r7_a_missing_file_is_waited_for_when_asked() {
    let one = application("one");
    let scratch = Scratch::new().unwrap();
    let reservation = Reservation::new().unwrap();
    let address = reservation.address;
    let file = scratch.path.join("later.cfg");
    let control = scratch.path.join("control.sock");
    let binary = Binary { name: "evenkeel", ..evenkeel().unwrap() };
    let (file_text, control_text) = (file.to_str().unwrap(), control.to_str().unwrap());
    let arguments = ["run", "--wait-config", "-f", file_text, "--control", control_text];
    let mut process = Process::start(&binary, &scratch.path, arguments).unwrap();
    let told = || process.stderr().contains("later.cfg");
    assert!(wait_until(SOON, told), "{}", process.stderr());
    std::fs::write(&file, config(address, "", &server(&one, ""))).unwrap();
    let serves = || get(address, "/", "").is_ok_and(|m| body(&m) == "one");
    assert!(wait_until(SOON, serves), "{}", process.stderr());
    assert!(process.wait(Duration::ZERO).is_none());
}

#[test]
fn r9_usr1_lets_everything_finish_and_ends_with_0() {
    let one = application("one");
    let mut balancer = Balancer::start(|a| config(a, "", &server(&one, ""))).unwrap();
    let mut tunnel = Tunnel::open(balancer.address).unwrap();
    let slow = slow_request(balancer.address);
    assert!(wait_until(SOON, || one.busy() >= 2), "the slow request is in flight");
    balancer.signal(Signal::USR1);
    let refused = || Socket::connect(&Address::Tcp(balancer.address), None).is_err();
    assert!(wait_until(SOON, refused), "{}", balancer.process.stderr());
    assert_eq!(slow.join().unwrap().unwrap(), "one".repeat(20));
    tunnel.echo().expect("tunnels may go on");
    assert!(balancer.process.wait(WATCH).is_none(), "it waits for the tunnel");
    drop(tunnel);
    let status = balancer.process.wait(SOON).expect("it ends");
    assert!(status.success(), "{status}");
}

#[test]
fn r10_commands_around_a_change_run_and_may_prevent_it() {
    let (one, two, three) = (application("one"), application("two"), application("three"));
    let scratch = Scratch::new().unwrap();
    let path = |name: &str| scratch.path.join(name).display().to_string();
    let before = format!("test -e {} && echo x >> {}", path("allowed"), path("before"));
    let after = format!("echo x >> {}; sleep 60", path("after"));
    let arguments = ["--before-change".into(), before, "--after-change".into(), after];
    let balancer = Balancer::start_with(&arguments, |a| config(a, "", &server(&one, ""))).unwrap();
    let load = Load::start(balancer.address, CLIENTS);
    balancer.save(&config(balancer.address, "", &server(&two, "")));
    let told = || balancer.process.stderr().contains("ended with status 1");
    assert!(wait_until(SOON, told), "{}", balancer.process.stderr());
    std::thread::sleep(WATCH);
    assert_eq!(balancer.name(), "one", "a command that fails keeps what runs");
    std::fs::write(path("allowed"), "").unwrap();
    balancer.signal(Signal::HUP);
    becomes(&balancer, "two");
    assert!(wait_until(SOON, || std::path::Path::new(&path("after")).exists()));
    balancer.save(&config(balancer.address, "", &server(&three, "")));
    becomes(&balancer, "three");
    let lines = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default().len() / 2;
    assert!(wait_until(SOON, || lines("after") == 2), "the one before still sleeps");
    assert_eq!(lines("before"), 2);
    balancer.save("nonsense\n");
    let told = || balancer.process.stderr().contains("nonsense");
    assert!(wait_until(SOON, told), "{}", balancer.process.stderr());
    assert_eq!(lines("before"), 2, "what is wrong is not asked about");
    finish(load);
}

#[test]
fn r13_variables_of_earlier_days_name_the_files() {
    let one = application("one");
    let scratch = Scratch::new().unwrap();
    let reservation = Reservation::new().unwrap();
    let address = reservation.address;
    let file = scratch.path.join("own.cfg");
    let more = scratch.path.join("more.lst");
    let after = scratch.path.join("after");
    std::fs::write(&file, config(address, "", &server(&one, ""))).unwrap();
    std::fs::write(&more, "1\n").unwrap();
    let set = |name: &str, value: String| format!("{name}={value}");
    let control = scratch.path.join("c.sock").display().to_string();
    let arguments = [
        set("HAPROXY_CONFIG", file.display().to_string()),
        set("HAPROXY_ADDITIONAL_CONFIG", format!("/etc/hosts {}", more.display())),
        set("HAPROXY_PRE_RESTART_CMD", format!("touch {}", after.display())),
        evenkeel().unwrap().path.display().to_string(),
        "run".to_owned(),
        "--control".to_owned(),
        control,
    ];
    let env = Binary { name: "env", path: "/usr/bin/env".into() };
    let mut process = Process::start(&env, &scratch.path, arguments).unwrap();
    process.wait_listening(&[Address::Tcp(address)]).unwrap();
    assert!(get(address, "/", "").is_ok_and(|m| body(&m) == "one"));
    std::fs::write(&more, "2\n").unwrap();
    assert!(wait_until(SOON, || after.exists()), "{}", process.stderr());
}
