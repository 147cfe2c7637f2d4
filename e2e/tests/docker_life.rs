//! The life of single containers on the real engine, without Compose: signals, pauses, networks,
//! health, names (the numbers F11 to F14 of the acceptance scenarios).

use e2e::docker::command::Run;
use e2e::docker::place::{Place, host_names};
use e2e::docker::pool::{get, wait_members};
use e2e::docker::scenario::expect;
use e2e::docker::{docker, skip};
use e2e::process::Scratch;
use e2e::scenario::wait_until;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const ADDRESS: &str = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
const HOST: &str = "shop.test";

fn in_place(scenario: fn(&Place) -> Result<(), String>) {
    let place = match Place::new() {
        Ok(place) => place,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = scenario(&place) {
        panic!("{why}");
    }
}

/// Two containers that nothing but their host joins; both serve.
fn pair(place: &Place, words: &[&str], ignored: &[&str]) -> Result<(String, String), String> {
    let a = place.app("a", HOST, words, ignored)?;
    let b = place.app("b", HOST, words, ignored)?;
    serve(place, &[&a, &b])?;
    Ok((a, b))
}

/// Waits until exactly these answer.
fn serve(place: &Place, ids: &[&String]) -> Result<(), String> {
    wait_members(place.address()?, HOST, &host_names(ids), SOON)
}

fn status(place: &Place, status: &str) -> Result<(), String> {
    let address = place.address()?;
    let now = || get(address, HOST, "/").map_or_else(|why| why, |m| m.head.word(1).to_owned());
    expect(wait_until(SOON, || now() == status), || format!("not {status}: {}", now()))
}

#[test]
fn containers_without_compose_that_name_one_host_share_its_requests() {
    in_place(|place| {
        let (a, b) = pair(place, &[], &[])?;
        docker(&["rm", "-f", &a])?;
        serve(place, &[&b])?;
        let c = place.app("c", HOST, &[], &[])?;
        serve(place, &[&b, &c])
    });
}

#[test]
fn f11_a_container_gets_requests_while_it_is_healthy() {
    in_place(|place| {
        let health = ["--health-cmd", "test -e /tmp/good", "--health-interval", "1s"];
        let a = place.app("a", HOST, &[&health[..], &["--health-retries", "1"]].concat(), &[])?;
        status(place, "503")?;
        docker(&["exec", &a, "touch", "/tmp/good"])?;
        serve(place, &[&a])?;
        docker(&["exec", &a, "rm", "/tmp/good"])?;
        status(place, "503")?;
        docker(&["exec", &a, "touch", "/tmp/good"])?;
        serve(place, &[&a])
    });
}

#[test]
fn f12_a_container_that_goes_on_after_sigterm_gets_nothing_new() {
    in_place(|place| {
        let (a, b) = pair(place, &[], &["SIGTERM"])?;
        let output = std::env::temp_dir().join(format!("{}.stop", place.name));
        let stop = Run::new("docker").args(&["stop", "-t", "100", &a]).background(&output)?;
        serve(place, &[&b])?;
        let runs = docker(&["inspect", "-f", "{{.State.Running}}", &a])?;
        drop(stop);
        let _ = std::fs::remove_file(&output);
        expect(runs == "true", || "it had ended before it was left alone".to_owned())
    });
}

#[test]
fn only_a_containers_own_stop_signal_and_the_usual_ones_take_it_out() {
    in_place(|place| {
        let ignored = ["SIGHUP", "SIGUSR1", "SIGUSR2"];
        let (a, b) = pair(place, &["--stop-signal", "SIGUSR2"], &ignored)?;
        docker(&["kill", "-s", "HUP", &a])?;
        docker(&["kill", "-s", "USR1", &a])?;
        // The engine tells in order: when the second has lost its traffic, the first two were told.
        docker(&["kill", "-s", "USR2", &b])?;
        serve(place, &[&a])?;
        docker(&["restart", "-t", "0", &b])?;
        serve(place, &[&a, &b])
    });
}

#[test]
fn f13_a_paused_container_gets_nothing_until_it_goes_on() {
    in_place(|place| {
        let (a, b) = pair(place, &[], &[])?;
        docker(&["pause", &a])?;
        serve(place, &[&b])?;
        docker(&["unpause", &a])?;
        serve(place, &[&a, &b])
    });
}

#[test]
fn f14_a_container_follows_its_networks() {
    in_place(|place| {
        let (a, b) = pair(place, &[], &[])?;
        docker(&["network", "disconnect", &place.name, &a])?;
        serve(place, &[&b])?;
        docker(&["network", "connect", &place.name, &a])?;
        serve(place, &[&a, &b])?;
        // The balancer itself leaves and comes back, perhaps at another address.
        docker(&["network", "disconnect", &place.name, &place.balancer])?;
        docker(&["network", "connect", &place.name, &place.balancer])?;
        serve(place, &[&a, &b])
    });
}

#[test]
fn a_renamed_container_serves_on_and_is_shown_by_its_new_name() {
    in_place(|place| {
        let (a, b) = pair(place, &[], &[])?;
        let name = format!("{}-renamed", place.name);
        docker(&["rename", &a, &name])?;
        let mut shown = String::new();
        let found = wait_until(SOON, || {
            shown = place.evenkeel(&["containers"]).unwrap_or_else(|e| e);
            shown.contains(&name)
        });
        expect(found, || shown.clone())?;
        serve(place, &[&a, &b])
    });
}

#[test]
fn a_container_out_of_reach_is_shown_with_the_reason() {
    in_place(|place| {
        let far = ["--network", "bridge"];
        place.app("far", HOST, &[], &[])?;
        let label = "evenkeel.host=far.test";
        place.start(
            "alone",
            &[&far[..], &["--label", label, "python:3-slim", "sleep", "99"]].concat(),
        )?;
        let mut shown = String::new();
        let found = wait_until(SOON, || {
            shown = place.evenkeel(&["containers"]).unwrap_or_else(|e| e);
            let line = shown.lines().find(|l| l.contains("-alone"));
            line.is_some_and(|l| l.contains("port") || l.contains("network"))
        });
        expect(found, || shown.clone())
    });
}

/// F2 in a container: neither a socket nor a file; it says what to mount, and finds what comes.
#[test]
fn f02_with_neither_socket_nor_file_it_waits_and_says_what_to_mount() {
    in_place(|place| {
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        let run = format!("{}:/var/run", scratch.path.display());
        let words = ["--network", &place.name, "-v", &run, "evenkeel:latest"];
        let id = place.start("alone", &words)?;
        let ip = docker(&["inspect", "-f", ADDRESS, &id])?;
        let address = format!("{ip}:80").parse().map_err(|e| format!("{ip}: {e}"))?;
        let said = || Run::new("docker").args(&["logs", &id]).transcript().unwrap_or_default();
        let remedy = "mount it (-v /var/run/docker.sock:/var/run/docker.sock)";
        expect(wait_until(SOON, || said().contains(remedy)), said)?;
        let now = || get(address, HOST, "/").map_or_else(|e| e, |m| m.head.word(1).to_owned());
        expect(wait_until(SOON, || now() == "503"), now)?;
        let app = place.app("a", HOST, &[], &[])?;
        let binary = e2e::binaries::evenkeel()?.path;
        let listen = format!("unix://{}/docker.sock", scratch.path.display());
        let agent = Run::new(binary).args(&["agent", "--listen", &listen]);
        let _agent = agent.background(&scratch.path.join("agent"))?;
        wait_members(address, HOST, &host_names(&[&app]), SOON)
    });
}
