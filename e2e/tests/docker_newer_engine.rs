//! A second engine of a newer version: by TLS beside the usual one, away and back; Compose on it.

use bench::open_loop::{Clients, Plan, start};
use e2e::docker::command::Run;
use e2e::docker::compose::Version;
use e2e::docker::images;
use e2e::docker::newer::Newer;
use e2e::docker::pool::{get, is_host_name, wait_cycle, wait_members};
use e2e::docker::scenario::expect;
use e2e::docker::skip;
use e2e::docker::town::{SERVICE, Town};
use e2e::process::Scratch;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
/// How long the engine stays away.
const AWAY: Duration = Duration::from_secs(60);
/// How long the engine around the balancer stays away.
const DOWN: Duration = Duration::from_secs(5);
/// Image of services.
const IMAGE: &str = "python:3-slim";
const HOST: &str = "web.test";

/// The engine with the image of services, and a town on the usual engine.
fn engine(images: &[&str]) -> Result<Newer, String> {
    let engine = Newer::start()?;
    println!("a second engine of version {}", engine.version);
    images.iter().try_for_each(|image| engine.load(image))?;
    Ok(engine)
}

#[test]
fn an_engine_by_tls_beside_the_local_one_goes_away_and_comes_back() {
    let start = Town::found().and_then(|town| Ok((town, engine(&[IMAGE])?)));
    let (mut town, engine) = match start {
        Ok(both) => both,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = away_and_back(&mut town, &engine) {
        panic!("{why}\n{}", town.log());
    }
}

/// A container on the newer engine that publishes its port and wants the same host.
fn far(engine: &Newer, name: &str) -> Result<String, String> {
    let (host, said) = (format!("evenkeel.host={HOST}"), format!("NAME={name}"));
    let words = ["run", "-d", "-p", "8000", "--label", &host, "-e", &said, IMAGE];
    engine.docker(&[&words[..], &["python3", "-c", SERVICE, "8000"]].concat())
}

/// Waits until exactly these answer, and nothing fails on the way.
fn answer(town: &Town, names: &[&str]) -> Result<(), String> {
    let wanted: BTreeSet<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut seen = BTreeSet::new();
    let found = wait_until(SOON, || {
        seen = (0..4 * names.len()).map(|_| town.who(80, HOST, "/", "")).collect();
        seen == wanted
    });
    let shown = || town.command(&["containers"]).unwrap_or_default();
    expect(found, || format!("{seen:?} answer, not {wanted:?}\n{}", shown()))
}

fn away_and_back(town: &mut Town, engine: &Newer) -> Result<(), String> {
    let hosts = format!("unix:///var/run/docker.sock,tcp://{}:2376", engine.address);
    let variables = [
        format!("DOCKER_HOST={hosts}"),
        "DOCKER_TLS_VERIFY=1".into(),
        "DOCKER_CERT_PATH=/c".into(),
    ];
    let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
    let certificates = format!("{}:/c:ro", engine.certificates().display());
    let network = town.network(&[])?;
    town.balancer_with(&["--network", &network, "-v", &certificates], &[], &variables)?;
    let host = format!("evenkeel.host={HOST}");
    let near = |town: &mut Town, name: &str| {
        town.elsewhere(name, &["8000"], &["--network", &network], &[&host])
    };
    near(town, "near")?;
    far(engine, "far")?;
    answer(town, &["near", "far"])?;

    engine.leave()?;
    let shown = |town: &Town| town.command(&["containers"]).unwrap_or_else(|e| e);
    let gone = wait_until(SOON, || shown(town).contains("away for"));
    expect(gone, || shown(town))?;
    let begin = Instant::now();
    near(town, "new")?;
    answer(town, &["near", "far", "new"])?;
    let mut asked = 0;
    while begin.elapsed() < AWAY {
        let answered = town.who(80, HOST, "/", "");
        let known = ["near", "far", "new"].contains(&answered.as_str());
        expect(known, || format!("after {:?}: {answered}", begin.elapsed()))?;
        asked += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{asked} requests answered while the engine was away for {:?}", begin.elapsed());

    engine.come_back()?;
    let up = wait_until(SOON, || engine.docker(&["ps"]).is_ok());
    expect(up, || "the engine does not come back".to_owned())?;
    let late = far(engine, "late")?;
    answer(town, &["near", "far", "new", "late"])?;
    engine.docker(&["stop", "-t", "1", &late])?;
    answer(town, &["near", "far", "new"])?;
    expect(!shown(town).contains("away for"), || shown(town))
}

/// F3: the balancer is a container of the engine that is restarted.
#[test]
fn f03_the_engine_around_the_balancer_is_restarted_under_load() {
    let images = ["evenkeel:latest", IMAGE];
    let engine = match images::ensure().and_then(|()| engine(&images)) {
        Ok(engine) => engine,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = restarted_under_load(&engine) {
        panic!("{why}\n{:?}", engine.docker(&["logs", "lb"]));
    }
}

fn restarted_under_load(engine: &Newer) -> Result<(), String> {
    let address = SocketAddr::from((IpAddr::V4(engine.address), 80));
    // The folder, not the socket: a mounted file stays the one that was there before.
    let lb = ["run", "-d", "--name", "lb", "--network", "host", "-v", "/srv:/srv:ro"];
    let socket = ["-e", "DOCKER_HOST=unix:///srv/docker.sock"];
    engine.docker(&[&lb[..], &socket, &["evenkeel:latest"]].concat())?;
    let inside = |name: &str| {
        let (host, said) = (format!("evenkeel.host={HOST}"), format!("NAME={name}"));
        let words = ["run", "-d", "--label", &host, "--label", "evenkeel.port=8000"];
        let words = [&words[..], &["-e", &said, IMAGE, "python3", "-c", SERVICE, "8000"]].concat();
        engine.docker(&words).map(drop)
    };
    let names = |wanted: &[&str]| {
        let wanted: BTreeSet<String> = wanted.iter().map(|n| (*n).to_owned()).collect();
        wait_members(address, HOST, &wanted, SOON)
    };
    inside("a")?;
    inside("b")?;
    names(&["a", "b"])?;
    let life = ["inspect", "-f", "{{.State.StartedAt}}", "lb"];
    let before = engine.docker(&life)?;
    let plan = Plan {
        keep_alive: Clients { count: 8, per_second: 60.0 },
        short: Clients { count: 8, per_second: 60.0 },
        slow_body: Clients::default(),
        websocket: Clients::default(),
        duration: Duration::from_secs(600),
        patience: Duration::from_secs(30),
        ..Plan::mix(address, HOST)
    };
    let load = start(plan).map_err(|e| e.to_string())?;
    engine.leave()?;
    let down = wait_until(SOON, || engine.docker(&["ps"]).is_err());
    expect(down, || "the engine does not go away".to_owned())?;
    std::thread::sleep(DOWN);
    engine.come_back()?;
    let up = wait_until(SOON, || engine.docker(&["ps"]).is_ok());
    expect(up, || "the engine does not come back".to_owned())?;
    inside("late")?;
    names(&["a", "b", "late"])?;
    let report = load.stop();
    println!("{report}");
    let (failed, answered) = (report.failed() - report.total().never_sent, report.total().answered);
    expect(failed == 0 && answered > 0, || format!("{failed} failed:\n{report}"))?;
    let after = engine.docker(&life)?;
    expect(after == before, || format!("the balancer of {before} was started {after}"))
}

/// The engine's own socket, where it sees it.
const OWN_SOCKET: &str = "services:
  haproxy:
    volumes:
      - /srv/docker.sock:/var/run/docker.sock:ro
";

#[test]
fn a_project_of_compose_v2_on_the_newer_engine() {
    let images = ["evenkeel:latest", IMAGE];
    let ready = images::ensure().and_then(|()| Ok((Version::V2.program()?, engine(&images)?)));
    let (program, engine) = match ready {
        Ok(both) => both,
        Err(reason) => return skip(&reason),
    };
    let scratch = Scratch::new().expect("a folder for the test");
    let compose = |words: &[&str]| {
        let run = Run::new(&program).args(&["-p", "evk-n_1"]).args(words);
        let run = run.env("DOCKER_HOST", engine.socket()).env("PORT", "80");
        run.dir(&scratch.path.join("scaling")).transcript().map(drop)
    };
    let example = images::root().join("examples/scaling");
    let copied = Run::new("cp").args(&["-r".as_ref(), example.as_os_str()]);
    let copied = copied.args(&[&scratch.path]).output();
    let outcome = copied.and_then(|_| scaled(&compose, &scratch, &engine));
    let log = engine.docker(&["logs", "evk-n_1-haproxy-1"]);
    let left = compose(&["down", "--rmi", "local", "--timeout", "2"]);
    if let Err(why) = outcome.and(left) {
        panic!("{why}\n{log:?}");
    }
}

/// A1, A4, A8 and A12 there. A container is a whole copy of its image there: few of them.
fn scaled(
    compose: &dyn Fn(&[&str]) -> Result<(), String>,
    scratch: &Scratch,
    engine: &Newer,
) -> Result<(), String> {
    let more = scratch.path.join("scaling/docker-compose.override.yml");
    std::fs::write(more, OWN_SOCKET).map_err(|e| e.to_string())?;
    let address = SocketAddr::from((IpAddr::V4(engine.address), 80));
    let scale = |count: usize| {
        compose(&["up", "-d", "--build", "--scale", &format!("server={count}")])?;
        wait_cycle(address, "localhost", count, SOON)
    };
    let names = scale(3)?;
    expect(names.iter().all(|n| is_host_name(n)), || format!("{names:?}"))?;
    scale(1)?;
    compose(&["stop", "-t", "2", "server"])?;
    let status = || {
        let answer = get(address, "localhost", "/");
        answer.map_or_else(|why| why, |m| m.head.word(1).to_owned())
    };
    expect(wait_until(SOON, || status() == "503"), status)?;
    scale(2).map(drop)
}
