//! Blue/green by file, with processes: BG1-BG12, BG13-BG16, BG18 and what E1-E12 say of them.

use e2e::ports::Address;
use e2e::process::{Process, Signal};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, EDIT, ask, body, get};
use e2e::scenario::load::{Load, Tunnel, slow_request};
use e2e::scenario::wait_until;
use std::net::SocketAddr;
use std::time::Duration;

/// Keep-alive clients in the background.
const CLIENTS: usize = 50;
/// What an edit may take on a machine that has other work too.
const SOON: Duration = EDIT.saturating_mul(5);
/// How long something is watched that must not happen.
const WATCH: Duration = Duration::from_millis(600);
const SLOW: Duration = Duration::from_secs(3);

fn application(name: &str) -> Application {
    Application::start(name, SLOW).expect("loopback has free ports")
}

/// A configuration with these server lines in backend `webapps`.
fn config(address: SocketAddr, lines: &[String]) -> String {
    let servers: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!(
        "{DEFAULTS}frontend www\n    bind {address}\n    default_backend webapps\n\
         backend webapps\n{servers}"
    )
}

fn server(application: &Application, rest: &str) -> String {
    format!("server {} {} {rest}", application.name, application.address)
}

fn sticky() -> String {
    "cookie SRV insert indirect".to_owned()
}

fn start(lines: &[String]) -> Balancer {
    Balancer::start(|address| config(address, lines)).expect("the balancer starts")
}

fn names(balancer: &Balancer, wanted: &str) -> bool {
    wait_until(SOON, || balancer.name() == wanted)
}

/// Waits until no more requests reach the application, then watches that it stays so.
fn falls_silent(application: &Application) {
    let mut seen = application.requests();
    let quiet = wait_until(SOON, || {
        std::thread::sleep(Duration::from_millis(100));
        let before = std::mem::replace(&mut seen, application.requests());
        before == seen
    });
    assert!(quiet, "{} still gets requests", application.name);
    std::thread::sleep(WATCH);
    assert_eq!(application.requests(), seen, "{} got requests later", application.name);
}

fn finish(load: Load) {
    let outcome = load.stop();
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    assert!(outcome.answered > 0, "{outcome:?}");
}

#[test]
fn bg01_e01_an_empty_backend_answers_503_and_the_process_stays() {
    let mut balancer = start(&[]);
    let before = std::fs::read_to_string(&balancer.file).unwrap();
    assert_eq!(balancer.status(), 503);
    assert!(balancer.process.wait(WATCH).is_none(), "{}", balancer.process.stderr());
    assert_eq!(balancer.status(), 503);
    assert_eq!(std::fs::read_to_string(&balancer.file).unwrap(), before);
}

#[test]
fn bg02_e02_e03_a_saved_server_line_takes_requests() {
    let balancer = start(&[]);
    let one = application("webapp1");
    let pid = balancer.process.id();
    balancer.save(&config(balancer.address, &[server(&one, "check")]));
    assert!(names(&balancer, "webapp1"), "{}", balancer.process.stderr());
    assert_eq!(balancer.process.id(), pid);
}

#[test]
fn bg03_an_application_that_is_not_in_the_file_gets_nothing() {
    let one = application("webapp1");
    let balancer = start(&[server(&one, "check")]);
    let two = application("webapp2");
    let load = Load::start(balancer.address, CLIENTS);
    std::thread::sleep(WATCH);
    finish(load);
    assert_eq!((two.requests(), two.checks()), (0, 0));
}

#[test]
fn bg04_bg05_bg15_e04_e05_e06_e07_disabling_moves_new_requests_and_breaks_none() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let balancer = start(&[server(&one, "check")]);
    let load = Load::start(balancer.address, CLIENTS);
    let slow = slow_request(balancer.address);
    let mut tunnel = Tunnel::open(balancer.address).unwrap();
    tunnel.echo().unwrap();
    assert!(wait_until(SOON, || one.busy() >= 2), "the slow request is in flight");
    balancer
        .save(&config(balancer.address, &[server(&one, "check disabled"), server(&two, "check")]));
    assert!(wait_until(SOON, || two.requests() > 0), "{}", balancer.process.stderr());
    falls_silent(&one);
    let checks = one.checks();
    tunnel.echo().expect("the tunnel stays open");
    assert_eq!(tunnel.name, "webapp1");
    assert_eq!(slow.join().unwrap().unwrap(), "webapp1".repeat(20));
    tunnel.echo().expect("the tunnel stays open");
    assert_eq!(one.checks(), checks, "a disabled server is not checked");
    assert!(two.requests() > 0);
    finish(load);
}

#[test]
fn bg06_a_sticky_client_of_a_disabled_server_moves() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let balancer = start(&[sticky(), server(&one, "check cookie one")]);
    let mut client = e2e::http::Reader::new(
        e2e::client::Socket::connect(&Address::Tcp(balancer.address), None).unwrap(),
        e2e::client::PATIENCE,
    );
    let first = ask(&mut client, "/", "").unwrap();
    assert_eq!(first.head.field("set-cookie"), Some("SRV=one; path=/"));
    let lines =
        [sticky(), server(&one, "check cookie one disabled"), server(&two, "check cookie two")];
    balancer.save(&config(balancer.address, &lines));
    assert!(names(&balancer, "webapp2"), "{}", balancer.process.stderr());
    let moved = ask(&mut client, "/", "Cookie: SRV=one\r\n").unwrap();
    assert_eq!(moved.head.field("set-cookie"), Some("SRV=two; path=/"));
    assert_eq!(moved.body, b"webapp2");
}

#[test]
fn bg07_a_sticky_client_of_a_drained_server_stays() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let balancer = start(&[sticky(), server(&one, "check cookie one")]);
    assert!(names(&balancer, "webapp1"));
    let lines =
        [sticky(), server(&one, "check cookie one weight 0"), server(&two, "check cookie two")];
    balancer.save(&config(balancer.address, &lines));
    assert!(names(&balancer, "webapp2"), "{}", balancer.process.stderr());
    for _ in 0..5 {
        let bound = balancer.get("/", "Cookie: SRV=one\r\n").unwrap();
        assert_eq!(bound.body, b"webapp1");
        assert_eq!(balancer.name(), "webapp2");
    }
}

#[test]
fn bg08_bg09_e08_e09_a_disabled_server_is_stopped_and_its_line_removed() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let lines = [server(&one, "check disabled"), server(&two, "check")];
    let balancer = start(&lines);
    let load = Load::start(balancer.address, CLIENTS);
    assert!(wait_until(SOON, || load.answered() > 100));
    one.stop();
    let status = balancer.statistic("webapps", "webapp1", "status");
    assert_eq!(status.as_deref(), Some("MAINT"));
    std::thread::sleep(WATCH);
    let before = two.requests();
    balancer.save(&config(balancer.address, &lines[1..]));
    let gone = || balancer.statistic("webapps", "webapp1", "status").is_none();
    assert!(wait_until(SOON, gone), "{}", balancer.process.stderr());
    let counted = balancer.statistic("webapps", "webapp2", "stot").unwrap_or_default();
    assert!(counted.parse::<u64>().is_ok_and(|count| count >= before), "{counted} < {before}");
    assert!(two.requests() > before);
    assert_eq!(one.requests(), 0);
    finish(load);
}

#[test]
fn e10_waiting_for_a_drained_server_ends_when_its_last_request_does() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let balancer = start(&[server(&one, "check")]);
    let slow = slow_request(balancer.address);
    assert!(wait_until(SOON, || one.busy() == 1));
    balancer
        .save(&config(balancer.address, &[server(&one, "check disabled"), server(&two, "check")]));
    assert!(names(&balancer, "webapp2"), "{}", balancer.process.stderr());
    let early =
        balancer.command(&["wait-drained", "webapps/webapp1", "--timeout", "100ms"]).unwrap();
    assert_eq!(early.status.code(), Some(1), "{early:?}");
    let late = balancer.command(&["wait-drained", "webapp1", "--timeout", "60s"]).unwrap();
    assert_eq!(late.status.code(), Some(0), "{late:?}");
    assert_eq!(one.busy(), 0);
    assert_eq!(slow.join().unwrap().unwrap(), "webapp1".repeat(20));
}

#[test]
fn bg10_bg11_e11_a_bad_save_changes_nothing_and_is_named_by_its_line() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let mut balancer = start(&[server(&one, "check")]);
    let load = Load::start(balancer.address, CLIENTS);
    let bad = config(balancer.address, &[server(&two, "check"), "servr x 127.0.0.1:1".to_owned()]);
    let line = 1 + bad.lines().position(|line| line.contains("servr")).unwrap();
    balancer.save(&bad);
    let place = format!("haproxy.cfg:{line}");
    let named = wait_until(SOON, || balancer.process.stderr().contains(&place));
    assert!(named, "{place} is not in {}", balancer.process.stderr());
    std::thread::sleep(WATCH);
    assert_eq!(two.requests(), 0);
    assert!(balancer.process.wait(Duration::ZERO).is_none());
    balancer.save(&config(balancer.address, &[server(&two, "check")]));
    assert!(names(&balancer, "webapp2"), "{}", balancer.process.stderr());
    falls_silent(&one);
    finish(load);
}

#[test]
fn bg12_of_ten_quick_saves_the_last_one_stands() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let balancer = start(&[server(&one, "check")]);
    let load = Load::start(balancer.address, CLIENTS);
    for save in 0..10 {
        let broken = if save % 2 == 0 { "weight" } else { "weight 256" };
        balancer.save(&config(balancer.address, &[server(&one, broken)]));
        std::thread::sleep(Duration::from_millis(30));
    }
    balancer.save(&config(balancer.address, &[server(&two, "check")]));
    assert!(names(&balancer, "webapp2"), "{}", balancer.process.stderr());
    falls_silent(&one);
    finish(load);
}

#[test]
fn bg14_renames_swapped_links_and_gaps_are_all_seen() {
    let applications: Vec<_> = (1..=4).map(|n| application(&format!("webapp{n}"))).collect();
    let text = |balancer: &Balancer, n: usize| {
        config(balancer.address, &[server(&applications[n], "check")])
    };
    let balancer = start(&[server(&applications[0], "check")]);
    let load = Load::start(balancer.address, CLIENTS);
    balancer.replace(&text(&balancer, 1));
    assert!(names(&balancer, "webapp2"), "rename: {}", balancer.process.stderr());
    std::fs::remove_file(&balancer.file).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(balancer.name(), "webapp2", "during the gap the last good one stays");
    balancer.save(&text(&balancer, 2));
    assert!(names(&balancer, "webapp3"), "gap: {}", balancer.process.stderr());
    balancer.save(&text(&balancer, 3));
    assert!(names(&balancer, "webapp4"), "in place: {}", balancer.process.stderr());
    finish(load);
}

#[test]
fn bg14_a_folder_of_links_is_swapped_at_once() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let scratch = e2e::process::Scratch::new().unwrap();
    let volume = scratch.path.join("volume");
    for version in ["v1", "v2"] {
        std::fs::create_dir_all(volume.join(version)).unwrap();
    }
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, volume.join(at)).unwrap();
    link("v1", "..data");
    link("..data/haproxy.cfg", "haproxy.cfg");
    let file = volume.join("haproxy.cfg");
    let balancer = Balancer::start_in(file.to_str().unwrap(), |address| {
        std::fs::write(volume.join("v2/haproxy.cfg"), config(address, &[server(&two, "check")]))
            .unwrap();
        config(address, &[server(&one, "check")])
    })
    .expect("the balancer starts");
    assert!(names(&balancer, "webapp1"));
    link("v2", "..next");
    std::fs::rename(volume.join("..next"), volume.join("..data")).unwrap();
    assert!(names(&balancer, "webapp2"), "{}", balancer.process.stderr());
}

#[test]
fn bg13_e12_a_file_mounted_alone_and_replaced_is_seen_or_warned_of() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let scratch = e2e::process::Scratch::new().unwrap();
    let outside = scratch.path.join("outside.cfg");
    let inside = scratch.path.join("inside.cfg");
    let reservation = e2e::ports::Reservation::new().unwrap();
    let text =
        |application: &Application| config(reservation.address, &[server(application, "check")]);
    std::fs::write(&outside, text(&one)).unwrap();
    std::fs::write(&inside, "").unwrap();
    let binary = e2e::binaries::evenkeel().unwrap();
    let mount = format!(
        "mount --bind {} {} && exec {} run -f {} --control {}/c.sock",
        outside.display(),
        inside.display(),
        binary.path.display(),
        inside.display(),
        scratch.path.display()
    );
    let unshare = e2e::binaries::Binary { path: "/usr/bin/unshare".into(), name: "unshare" };
    let arguments = ["--map-root-user", "--mount", "sh", "-c", &mount];
    let mut process = Process::start(&unshare, &scratch.path, arguments).unwrap();
    let listens = process.wait_listening(&[Address::Tcp(reservation.address)]);
    if let Err(why) = listens {
        assert!(why.contains("unshare") || why.contains("mount"), "{why}");
        eprintln!("skipped: this machine lets nobody mount in a namespace of their own: {why}");
        return;
    }
    let next = scratch.path.join("next.cfg");
    std::fs::write(&next, text(&two)).unwrap();
    std::fs::rename(&next, &outside).unwrap();
    let seen_or_said = || {
        let said = process.stderr().to_lowercase();
        let name = get(reservation.address, "/", "").map(|message| body(&message));
        name.as_deref() == Ok("webapp2") || said.contains("mount") && said.contains("director")
    };
    assert!(wait_until(SOON, seen_or_said), "{}", process.stderr());
    assert!(process.wait(Duration::ZERO).is_none());
}

#[test]
fn bg16_stopping_finishes_what_is_in_flight() {
    let one = application("webapp1");
    let mut balancer = start(&[server(&one, "check")]);
    let slow = slow_request(balancer.address);
    assert!(wait_until(SOON, || one.busy() == 1));
    balancer.signal(Signal::USR1);
    assert_eq!(slow.join().unwrap().unwrap(), "webapp1".repeat(20));
    let status = balancer.process.wait(SOON).expect("it ends");
    assert!(status.success(), "{status} {}", balancer.process.stderr());
}

#[test]
fn bg18_rolling_back_before_the_removal_works_the_same() {
    let (one, two) = (application("webapp1"), application("webapp2"));
    let balancer = start(&[server(&one, "check"), server(&two, "check disabled")]);
    let load = Load::start(balancer.address, CLIENTS);
    assert!(wait_until(SOON, || one.requests() > 100));
    let (blue, green) = (["check disabled", "check"], ["check", "check disabled"]);
    for (ones, twos) in [blue.into(), green.into(), blue.into(), green.into()] {
        let lines = [server(&one, ones), server(&two, twos)];
        balancer.save(&config(balancer.address, &lines));
        let (silent, busy) = if ones == "check" { (&two, &one) } else { (&one, &two) };
        assert!(names(&balancer, &busy.name), "{}", balancer.process.stderr());
        falls_silent(silent);
    }
    finish(load);
}
