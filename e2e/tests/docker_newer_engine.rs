//! A second engine of a newer version: by TLS beside the usual one, away and back.

use e2e::docker::newer::Newer;
use e2e::docker::scenario::expect;
use e2e::docker::skip;
use e2e::docker::town::{SERVICE, Town};
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
/// How long the engine stays away.
const AWAY: Duration = Duration::from_secs(60);
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
