//! The image's own HEALTHCHECK on the real engine: a balancer is healthy while it serves, whatever
//! it has to complain of.

use e2e::docker::place::Place;
use e2e::docker::scenario::expect;
use e2e::docker::{docker, skip};
use e2e::process::Scratch;
use e2e::scenario::wait_until;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
/// Listens, and has no stats socket.
const GOOD: &str = "defaults\n mode http\n timeout connect 1s\n timeout client 9s\n timeout server \
                    9s\nfrontend f\n bind :80\n http-request return status 200\n";
/// The image asks every 5 s; the tests have less time.
const OFTEN: [&str; 2] = ["--health-interval", "500ms"];

fn in_place(scenario: fn(&Place, &Scratch) -> Result<(), String>) {
    let (place, scratch) = match (Place::new(), Scratch::new()) {
        (Ok(place), Ok(scratch)) => (place, scratch),
        (Err(reason), _) => return skip(&reason),
        (_, Err(e)) => panic!("{e}"),
    };
    if let Err(why) = scenario(&place, &scratch) {
        panic!("{why}");
    }
}

fn health(id: &str) -> Result<String, String> {
    docker(&["inspect", "-f", "{{.State.Health.Status}}", id])
}

fn becomes(id: &str, wanted: &str) -> Result<(), String> {
    let is = || health(id).is_ok_and(|now| now == wanted);
    expect(wait_until(SOON, is), || {
        let log = docker(&["inspect", "-f", "{{json .State.Health}}", id]);
        let said = e2e::docker::command::Run::new("docker").args(&["logs", id]).transcript();
        format!("not {wanted}: {log:?} {said:?}")
    })
}

/// It was asked `count` times more and is healthy still.
fn stays_healthy(id: &str, count: usize) -> Result<(), String> {
    let starts = || docker(&["inspect", "-f", "{{range .State.Health.Log}}{{.Start}};{{end}}", id]);
    // The engine remembers five.
    let (before, mut seen) = (starts()?, std::collections::BTreeSet::new());
    let asked = wait_until(SOON, || {
        let now = starts().unwrap_or_default();
        let new = now.split(';').filter(|s| !s.is_empty() && !before.contains(s));
        seen.extend(new.map(str::to_owned));
        seen.len() >= count
    });
    expect(asked, || format!("not asked {count} times more"))?;
    let now = health(id)?;
    expect(now == "healthy", || format!("it has become {now}"))
}

fn says(id: &str, word: &str) -> Result<(), String> {
    let words = ["exec", id, "/usr/local/bin/evenkeel", "status"];
    let said = || match docker(&words) {
        Ok(text) | Err(text) => text,
    };
    expect(wait_until(SOON, || said().contains(word)), || format!("no {word}: {}", said()))
}

#[test]
fn started_by_default_it_is_healthy_whatever_containers_ask_for() {
    in_place(|place, _| {
        becomes(&place.balancer, "healthy")?;
        place.app("bad", "shop.test", &["--label", "evenkeel.balance=fastest"], &[])?;
        says(&place.balancer, "unknown algorithm")?;
        stays_healthy(&place.balancer, 3)
    });
}

#[test]
fn with_a_file_it_is_healthy_after_a_bad_save_and_not_while_it_is_stopped() {
    in_place(|place, scratch| {
        let file = scratch.path.join("haproxy.cfg");
        std::fs::write(&file, GOOD).map_err(|e| e.to_string())?;
        let mount = format!("{}:/usr/local/etc/haproxy:ro", scratch.path.display());
        let words = [&OFTEN[..], &["-v", &mount, "evenkeel:latest"]].concat();
        let id = place.start("file", &words)?;
        becomes(&id, "healthy")?;
        std::fs::write(&file, "frontend f\n bind :80\n nonsense\n").map_err(|e| e.to_string())?;
        says(&id, "nonsense")?;
        stays_healthy(&id, 3)?;
        docker(&["kill", "-s", "STOP", &id])?;
        becomes(&id, "unhealthy")?;
        docker(&["kill", "-s", "CONT", &id])?;
        becomes(&id, "healthy")
    });
}

#[test]
fn under_the_name_of_haproxy_it_is_healthy_with_and_without_a_place_to_write() {
    in_place(|place, scratch| {
        let file = scratch.path.join("haproxy.cfg");
        std::fs::write(&file, GOOD).map_err(|e| e.to_string())?;
        let mount = format!("{}:/cfg:ro", scratch.path.display());
        let first = [&OFTEN[..], &["-v", &mount]].concat();
        let haproxy = ["evenkeel:latest", "haproxy", "-W", "-db", "-f", "/cfg/haproxy.cfg"];
        let low = ["--sysctl", "net.ipv4.ip_unprivileged_port_start=0"];
        let bare = [&low[..], &["--read-only", "--user", "65534", "--cap-drop", "ALL"]].concat();
        let plain = place.start("plain", &[&first[..], &haproxy].concat())?;
        let init = place.start("init", &[&first[..], &["--init"], &haproxy].concat())?;
        let bare = place.start("bare", &[&first[..], &bare, &haproxy].concat())?;
        let agent = ["evenkeel:latest", "agent", "--listen", "0.0.0.0:2375"];
        let agent = place.start("agent", &[&OFTEN[..], &agent].concat())?;
        for id in [&plain, &init, &bare, &agent] {
            becomes(id, "healthy")?;
        }
        docker(&["kill", "-s", "STOP", &bare])?;
        becomes(&bare, "unhealthy")?;
        docker(&["kill", "-s", "CONT", &bare])?;
        becomes(&bare, "healthy")
    });
}

#[test]
fn what_does_not_serve_is_unhealthy_in_one_line() {
    in_place(|place, _| {
        let words = ["evenkeel:latest", "run", "-f", "/none.cfg", "--wait-config"];
        let id = place.start("waiting", &[&OFTEN[..], &words].concat())?;
        becomes(&id, "unhealthy")?;
        let log = "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}};{{end}}";
        let log = docker(&["inspect", "-f", log, &id])?;
        expect(log.contains("1 it listens nowhere\n;"), || log.clone())
    });
}
