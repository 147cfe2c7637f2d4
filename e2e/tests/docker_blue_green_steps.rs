//! Blue/green by a file on the real engine, step by step under load: BG1 to BG16 and BG18 of
//! the acceptance scenarios, and E1 to E12 with them.

use e2e::docker::pool::{get, good};
use e2e::docker::scenario::expect;
use e2e::docker::town::Town;
use e2e::docker::{docker, skip};
use e2e::process::Scratch;
use e2e::scenario::load::{Load, Tunnel, slow_request};
use e2e::scenario::wait_until;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// How long something is watched that must not happen.
const WATCH: Duration = Duration::from_millis(600);
const LOOK: Duration = Duration::from_millis(250);
/// Keep-alive clients in the background.
const CLIENTS: usize = 8;
const HOST: &str = "test";
const STICKY: &str = "cookie SRV insert indirect";

/// The balancer's container with its folder of configuration, and the applications.
struct Steps {
    town: Town,
    address: SocketAddr,
    scratch: Scratch,
}

impl Steps {
    /// BG1: the balancer with an empty backend.
    fn new() -> Result<Self, String> {
        let mut town = Town::found()?;
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        std::fs::write(scratch.path.join("haproxy.cfg"), config(&[])).map_err(|e| e.to_string())?;
        let mount = format!("{}:/etc/haproxy:ro", scratch.path.display());
        let words = ["--network", "bridge", "-p", "127.0.0.1::80", "-v", &mount];
        town.balancer_apart(&words, &[])?;
        let address = SocketAddr::from((address(&town, "lb")?, 80));
        Ok(Self { town, address, scratch })
    }

    fn file(&self) -> PathBuf {
        self.scratch.path.join("haproxy.cfg")
    }

    /// An application on the default bridge.
    fn application(&mut self, name: &str) -> Result<(), String> {
        self.town.elsewhere(name, &["80"], &["--network", "bridge"], &["LOG=1"])?;
        let address = SocketAddr::from((address(&self.town, name)?, 80));
        let listens = wait_until(SOON, || get(address, HOST, "/ready").is_ok());
        expect(listens, || format!("{name} does not listen"))
    }

    /// Its line in the file.
    fn server(&self, name: &str, rest: &str) -> String {
        let address = address(&self.town, name).unwrap_or(Ipv4Addr::UNSPECIFIED);
        format!("server {name} {address}:80 {rest}")
    }

    /// Saves the file in place.
    fn save(&self, lines: &[String]) -> Result<(), String> {
        std::fs::write(self.file(), config(lines)).map_err(|e| e.to_string())
    }

    /// Replaces the file by rename.
    fn replace(&self, lines: &[String]) -> Result<(), String> {
        let next = self.scratch.path.join("next.cfg");
        std::fs::write(&next, config(lines)).map_err(|e| e.to_string())?;
        std::fs::rename(next, self.file()).map_err(|e| e.to_string())
    }

    fn who(&self) -> String {
        get(self.address, HOST, "/").and_then(|m| good(&m)).unwrap_or_else(|e| e)
    }

    /// Waits until this application answers new requests.
    fn answers(&self, name: &str) -> Result<(), String> {
        let found = wait_until(SOON, || self.who() == name);
        expect(found, || format!("{} answers, not {name}", self.who()))
    }

    /// Requests in an application's log, the test's own question for readiness left out.
    fn logged(&self, name: &str) -> usize {
        let log = docker(&["logs", &self.town.container_name(name)]).unwrap_or_default();
        log.lines().filter(|l| l.starts_with("request") && !l.ends_with("/ready")).count()
    }

    /// Waits until an application's log is silent, and watches that it stays so.
    fn falls_silent(&self, name: &str) -> Result<(), String> {
        let mut seen = self.logged(name);
        let quiet = wait_until(SOON, || {
            std::thread::sleep(LOOK);
            let before = std::mem::replace(&mut seen, self.logged(name));
            before == seen
        });
        std::thread::sleep(WATCH);
        let now = self.logged(name);
        expect(quiet && now == seen, || format!("{name} goes on: {seen}, then {now}"))
    }

    /// A column of a server's line in `show stat`.
    fn statistic(&self, server: &str, column: &str) -> Option<String> {
        let table = self.town.command(&["ctl", "show stat"]).ok()?;
        let mut lines = table.lines();
        let head = lines.next()?.trim_start_matches("# ");
        let at = head.split(',').position(|c| c == column)?;
        let line = lines.find(|l| l.starts_with(&format!("webapps,{server},")))?;
        line.split(',').nth(at).map(str::to_owned)
    }

    /// The balancer's process: it stays the same all the time.
    fn life(&self) -> Result<String, String> {
        let format = "{{.State.Pid}} {{.State.StartedAt}} {{.State.Running}}";
        docker(&["inspect", "-f", format, &self.town.container_name("lb")])
    }
}

fn address(town: &Town, name: &str) -> Result<Ipv4Addr, String> {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = docker(&["inspect", "-f", format, &town.container_name(name)])?;
    ip.parse().map_err(|e| format!("{name} is at '{ip}': {e}"))
}

fn config(lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!(
        "defaults\n    mode http\n    timeout connect 2s\n    timeout client 30s\n    timeout \
         server 30s\nfrontend www\n    bind :80\n    default_backend webapps\nbackend \
         webapps\n{lines}"
    )
}

#[test]
fn bg01_to_bg18_a_file_under_load_in_containers() {
    let mut steps = match Steps::new() {
        Ok(steps) => steps,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = walk(&mut steps) {
        panic!("{why}\n{}", steps.town.log());
    }
}

fn walk(steps: &mut Steps) -> Result<(), String> {
    let status = |s: &Steps| get(s.address, HOST, "/").map_or_else(|e| e, |m| m.head.start.clone());
    let refused = wait_until(SOON, || status(steps).contains("503"));
    expect(refused, || format!("BG1: {}", status(steps)))?;
    let before = steps.life()?;
    expect(before.ends_with("true"), || before.clone())?;

    // BG2, and through the published port.
    steps.application("webapp1")?;
    steps.save(&[steps.server("webapp1", "check")])?;
    steps.answers("webapp1").map_err(|why| format!("BG2: {why}"))?;
    let published = docker(&["port", &steps.town.container_name("lb"), "80/tcp"])?;
    let published: SocketAddr = published.parse().map_err(|e| format!("{published}: {e}"))?;
    let answer = get(published, HOST, "/").and_then(|m| good(&m))?;
    expect(answer == "webapp1", || format!("BG2: published: {answer}"))?;

    let load = Load::start(steps.address, CLIENTS);
    steps.application("webapp2")?;
    std::thread::sleep(WATCH);
    expect(steps.logged("webapp2") == 0, || "BG3: webapp2 gets requests".to_owned())?;
    switch(steps)?;
    rolled_back(steps)?;
    removed(steps)?;
    bad_saves(steps)?;
    seen_however_saved(steps)?;
    let outcome = load.stop();
    expect(outcome.failed == 0 && outcome.answered > 0, || format!("{outcome:?}"))?;
    println!("{} requests answered through all steps, none failed", outcome.answered);
    let now = steps.life()?;
    expect(before == now, || format!("the balancer was {before}, is {now}"))?;
    bound_clients(steps)?;
    stopped(steps)
}

/// BG4, BG5, BG15, E6, E10.
fn switch(steps: &Steps) -> Result<(), String> {
    let slow = slow_request(steps.address);
    let mut tunnel = Tunnel::open(steps.address)?;
    tunnel.echo()?;
    let busy = wait_until(SOON, || {
        let current = steps.statistic("webapp1", "scur").and_then(|n| n.parse::<u32>().ok());
        current.is_some_and(|n| n >= 2)
    });
    expect(busy, || "nothing is in flight".to_owned())?;
    steps.save(&[steps.server("webapp1", "check disabled"), steps.server("webapp2", "check")])?;
    steps.answers("webapp2").map_err(|why| format!("BG4: {why}"))?;
    steps.falls_silent("webapp1").map_err(|why| format!("BG4: {why}"))?;
    tunnel.echo().map_err(|why| format!("BG15: {why}"))?;
    let whole = slow.join().map_err(|_| "a client panicked".to_owned())??;
    expect(whole == "webapp1".repeat(20), || format!("BG5: {whole}"))?;
    let wait = |time: &str| steps.town.command(&["wait-drained", "webapp1", "--timeout", time]);
    expect(wait("100ms").is_err(), || "E10: drained, with a tunnel open".to_owned())?;
    tunnel.echo().map_err(|why| format!("BG15: {why}"))?;
    drop(tunnel);
    wait("60s").map(drop).map_err(|why| format!("E10: {why}"))
}

/// BG18: there and back again.
fn rolled_back(steps: &Steps) -> Result<(), String> {
    for (one, two, answers, silent) in [
        ("check", "check disabled", "webapp1", "webapp2"),
        ("check disabled", "check", "webapp2", "webapp1"),
    ] {
        steps.save(&[steps.server("webapp1", one), steps.server("webapp2", two)])?;
        steps.answers(answers).map_err(|why| format!("BG18: {why}"))?;
        steps.falls_silent(silent).map_err(|why| format!("BG18: {why}"))?;
    }
    Ok(())
}

/// BG8, BG9.
fn removed(steps: &Steps) -> Result<(), String> {
    let container = steps.town.container_name("webapp1");
    docker(&["stop", "-t", "1", &container])?;
    docker(&["rm", &container])?;
    let status = steps.statistic("webapp1", "status");
    expect(status.as_deref() == Some("MAINT"), || format!("BG8: {status:?}"))?;
    let count = |s: &Steps| s.statistic("webapp2", "stot").and_then(|n| n.parse::<u64>().ok());
    let before = count(steps);
    steps.save(&[steps.server("webapp2", "check")])?;
    let gone = wait_until(SOON, || steps.statistic("webapp1", "status").is_none());
    expect(gone, || "BG9: webapp1 is still there".to_owned())?;
    let after = count(steps);
    expect(before.is_some() && after >= before, || format!("BG9: {before:?}, then {after:?}"))
}

/// BG10, BG11, BG12.
fn bad_saves(steps: &mut Steps) -> Result<(), String> {
    steps.application("webapp3")?;
    let right = [steps.server("webapp3", "check")];
    let wrong = [right.as_slice(), &["servr x 127.0.0.1:1".to_owned()]].concat();
    let text = config(&wrong);
    let line = 1 + text.lines().position(|l| l.contains("servr")).unwrap_or_default();
    let place = format!("haproxy.cfg:{line}");
    steps.save(&wrong)?;
    let told = wait_until(SOON, || steps.town.log().contains(&place));
    // It ends with 1, so that scripts notice.
    let status = steps.town.command(&["status"]).err().unwrap_or_default();
    let shown = status.contains(&place) && status.contains("config_last_reload_success=0");
    expect(told && shown, || format!("BG10: {place} is not named: {status}"))?;
    std::thread::sleep(WATCH);
    expect(steps.logged("webapp3") == 0, || "BG11: a part of it serves".to_owned())?;
    steps.answers("webapp2").map_err(|why| format!("BG10: {why}"))?;
    expect(steps.life()?.ends_with("true"), || "BG10: the balancer ended".to_owned())?;
    steps.save(&right)?;
    steps.answers("webapp3").map_err(|why| format!("BG11: {why}"))?;
    steps.falls_silent("webapp2").map_err(|why| format!("BG11: {why}"))?;
    // BG12: ten within 300 ms.
    for save in 0..9 {
        let rest = if save % 2 == 0 { "weight" } else { "weight 256" };
        steps.save(&[steps.server("webapp3", rest)])?;
        std::thread::sleep(Duration::from_millis(10));
    }
    steps.save(&[steps.server("webapp2", "check")])?;
    steps.answers("webapp2").map_err(|why| format!("BG12: {why}"))?;
    steps.falls_silent("webapp3").map_err(|why| format!("BG12: {why}"))
}

/// BG14.
fn seen_however_saved(steps: &Steps) -> Result<(), String> {
    let lines = |name: &str| [steps.server(name, "check")];
    let told = |how: &str, why: String| format!("BG14, {how}: {why}");
    steps.replace(&lines("webapp3"))?;
    steps.answers("webapp3").map_err(|why| told("rename", why))?;
    let target = steps.scratch.path.join("other.cfg");
    std::fs::write(&target, config(&lines("webapp2"))).map_err(|e| e.to_string())?;
    let link = steps.scratch.path.join("link");
    std::os::unix::fs::symlink("other.cfg", &link).map_err(|e| e.to_string())?;
    std::fs::rename(&link, steps.file()).map_err(|e| e.to_string())?;
    steps.answers("webapp2").map_err(|why| told("link", why))?;
    std::fs::remove_file(steps.file()).map_err(|e| e.to_string())?;
    std::thread::sleep(Duration::from_secs(2));
    expect(steps.who() == "webapp2", || told("gap", steps.who()))?;
    steps.save(&lines("webapp3"))?;
    steps.answers("webapp3").map_err(|why| told("gap", why))
}

/// BG6, BG7.
fn bound_clients(steps: &Steps) -> Result<(), String> {
    let cookie = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: SRV=two\r\n\r\n");
    let ask = || e2e::docker::pool::exchange(steps.address, "GET", &cookie);
    let save = |two: &str| {
        let rest = format!("check cookie two {two}");
        let lines = [steps.server("webapp2", &rest), steps.server("webapp3", "check cookie three")];
        steps.save(&[&[STICKY.to_owned()], &lines[..]].concat())
    };
    save("")?;
    let bound = wait_until(SOON, || ask().is_ok_and(|m| m.body == b"webapp2"));
    expect(bound, || "BG6: the cookie binds nobody".to_owned())?;
    save("weight 0")?;
    let drains = || (0..4).all(|_| steps.who() == "webapp3");
    expect(wait_until(SOON, drains), || "BG7: new clients do not move".to_owned())?;
    for _ in 0..4 {
        let body = ask()?.body;
        expect(body == b"webapp2", || format!("BG7: {:?}", String::from_utf8_lossy(&body)))?;
    }
    save("disabled")?;
    let mut last = String::new();
    let moved = wait_until(SOON, || {
        let Ok(answer) = ask() else { return false };
        last = answer.head.field("set-cookie").unwrap_or_default().to_owned();
        answer.body == b"webapp3" && last.starts_with("SRV=three")
    });
    expect(moved, || format!("BG6: {last}"))
}

/// BG16.
fn stopped(steps: &Steps) -> Result<(), String> {
    let slow = slow_request(steps.address);
    let busy = wait_until(SOON, || steps.statistic("webapp3", "scur").as_deref() == Some("1"));
    expect(busy, || "nothing is in flight".to_owned())?;
    let container = steps.town.container_name("lb");
    docker(&["stop", "-t", "10", &container])?;
    let whole = slow.join().map_err(|_| "a client panicked".to_owned())??;
    expect(whole == "webapp3".repeat(20), || format!("BG16: {whole}"))?;
    let code = docker(&["inspect", "-f", "{{.State.ExitCode}}", &container])?;
    expect(code == "0", || format!("BG16: it ended with {code}"))
}

#[test]
fn bg13_e12_a_file_mounted_alone_and_replaced_is_seen_or_warned_of() {
    let mut steps = match Steps::new() {
        Ok(steps) => steps,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = alone(&mut steps) {
        panic!("{why}\n{}", steps.town.log());
    }
}

fn alone(steps: &mut Steps) -> Result<(), String> {
    steps.town.another_balancer("alone");
    let mount = format!("{}:/etc/haproxy/haproxy.cfg:ro", steps.file().display());
    steps.town.balancer_apart(&["--network", "bridge", "-v", &mount], &[])?;
    steps.address = SocketAddr::from((address(&steps.town, "alone")?, 80));
    let up = wait_until(SOON, || get(steps.address, HOST, "/").is_ok());
    expect(up, || "it does not start".to_owned())?;
    steps.application("webapp1")?;
    // A save in place reaches it.
    steps.save(&[steps.server("webapp1", "check")])?;
    steps.answers("webapp1")?;
    // One by rename cannot: the container holds the old file.
    steps.replace(&[])?;
    let mut said = String::new();
    let told = wait_until(SOON, || {
        said = steps.town.log().to_lowercase();
        said.contains("mount") && said.contains("director")
    });
    expect(told, || format!("no advice: {said}"))?;
    expect(steps.who() == "webapp1", || steps.who())
}
