//! examples/scaling on the real engine: the numbers A1 to A14 of the acceptance scenarios, with the
//! Docker socket (A15), with Compose v1 and v2.

use bench::open_loop::{Clients, Plan, Report, Running, start};
use e2e::docker::docker;
use e2e::docker::pool::{get, is_cycle, is_host_name, wait_cycle, wait_members};
use e2e::docker::project::Project;
use e2e::docker::scenario::expect;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy.
const SOON: Duration = Duration::from_secs(60);
/// How long the first start may take, with the image that is built for it.
const BUILD: Duration = Duration::from_secs(240);
/// Any host will do: the example's service names none.
const HOST: &str = "localhost";

e2e::with_each_compose!("scaling", "haproxy":
    a01_a03_a05_a14_make_up_test_and_down,
    a04_a06_a07_a_stopped_replica_is_not_missed_and_a_new_one_takes_part,
    a08_a12_any_number_of_replicas_even_none,
    churn_from_one_to_many_and_back_fails_no_request,
);

/// A1, A3, A5, A14: the Makefile is what the README says.
fn a01_a03_a05_a14_make_up_test_and_down(project: &Project) -> Result<(), String> {
    let mut up = project.make("up").background(&project.scratch.path.join("up"))?;
    let listening = "server is listening on :8000";
    let all = wait_until(BUILD, || up.written().matches(listening).count() == 5);
    expect(all, || format!("make up says:\n{}", up.written()))?;
    wait_cycle(project.published(), HOST, 5, SOON)?;
    let before = requests_logged(&up.written()).len();

    let test = project.make("test").background(&project.scratch.path.join("test"))?;
    let enough = wait_until(SOON, || host_names(&test.written()).len() >= 10);
    let written = test.written();
    drop(test);
    expect(enough, || format!("make test says:\n{written}"))?;
    let names = host_names(&written);
    expect(is_cycle(&names[..10], 5), || format!("no cycle of five:\n{written}"))?;
    let only_names = written.lines().all(is_host_name);
    expect(only_names, || format!("not only names:\n{written}"))?;

    let logged = wait_until(SOON, || requests_logged(&up.written()).len() >= before + 10);
    let lines = requests_logged(&up.written());
    expect(logged, || format!("make up says:\n{}", up.written()))?;
    for five in lines[before..before + 10].chunks(5) {
        let servers: BTreeSet<&String> = five.iter().collect();
        expect(servers.len() == 5, || format!("not every server once: {five:?}"))?;
    }

    let balancer = project.balancer()?;
    let since = docker(&["info", "-f", "{{.SystemTime}}"])?;
    let down = project.make("down").transcript()?;
    for number in 1..=5 {
        let name = format!("{}{s}server{s}{number}", project.name, s = project.version.separator());
        expect(down.contains(&name), || format!("{name} is not said to be removed:\n{down}"))?;
    }
    expect(down.contains(&format!("{}_default", project.name)), || down.clone())?;
    let left = project.left()?;
    expect(left.is_empty(), || format!("left behind: {left:?}\n{down}"))?;
    expect(up.wait(SOON), || "make up does not end".to_owned())?;
    let ended = ended_with(&balancer, &since)?;
    expect(ended == "0", || format!("the balancer ended with {ended:?}"))
}

/// The code that a container ended with, as the engine's events tell once it is removed.
fn ended_with(container: &str, since: &str) -> Result<String, String> {
    let filter = format!("container={container}");
    let format = "{{.Actor.Attributes.exitCode}}";
    let until = docker(&["info", "-f", "{{.SystemTime}}"])?;
    let words = ["events", "--since", since, "--until", &until, "--filter", "event=die"];
    docker(&[&words[..], &["--filter", &filter, "--format", format]].concat())
}

fn host_names(text: &str) -> Vec<String> {
    text.lines().filter(|l| is_host_name(l)).map(str::to_owned).collect()
}

/// Which service's container logged each request, in order.
fn requests_logged(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|l| l.contains("server received request"));
    lines.filter_map(|l| Some(l.split_once('|')?.0.trim().to_owned())).collect()
}

/// A4, A6, A7.
fn a04_a06_a07_a_stopped_replica_is_not_missed_and_a_new_one_takes_part(
    project: &Project,
) -> Result<(), String> {
    project.up(&[("server", 5)])?;
    let address = project.address()?;
    let names = wait_cycle(address, HOST, 5, SOON)?;
    expect(names.iter().all(|n| is_host_name(n)), || format!("{names:?}"))?;
    let replicas = project.running("server")?;

    let load = steady(project)?;
    docker(&["stop", &replicas[2]])?;
    wait_running(project, 4)?;
    project.up(&[("server", 5)])?;
    wait_running(project, 5)?;
    none_failed("one stopped, one started", &load.stop())?;
    wait_cycle(address, HOST, 5, SOON)?;

    let load = steady(project)?;
    docker(&["kill", &replicas[0]])?;
    wait_running(project, 4)?;
    project.up(&[("server", 5)])?;
    wait_running(project, 5)?;
    let report = load.stop();
    wait_cycle(address, HOST, 5, SOON)?;
    println!("one killed, one started:\n{report}");
    // Only what was in flight on it: at most one request of each client.
    let failed = failed(&report);
    expect(failed <= CLIENTS as u64, || format!("{failed} failed:\n{report}"))
}

/// A8, A12.
fn a08_a12_any_number_of_replicas_even_none(project: &Project) -> Result<(), String> {
    project.up(&[("server", 2)])?;
    let address = project.address()?;
    wait_cycle(address, HOST, 2, SOON)?;
    let life = project.balancer_life()?;
    let load = steady(project)?;
    for replicas in [8, 3] {
        project.up(&[("server", replicas)])?;
        wait_running(project, replicas)?;
    }
    none_failed("2, 8, 3 replicas", &load.stop())?;

    project.up(&[("server", 0)])?;
    let refused = wait_until(SOON, || status(project) == "503");
    expect(refused, || format!("without a replica: {}", status(project)))?;
    let message = get(project.published(), HOST, "/")?;
    expect(!message.body.is_empty(), || "503 without a word".to_owned())?;
    project.up(&[("server", 1)])?;
    wait_cycle(address, HOST, 1, SOON)?;
    let now = project.balancer_life()?;
    expect(life == now, || format!("the balancer was {life}, is {now}"))
}

fn status(project: &Project) -> String {
    let message = get(project.published(), HOST, "/");
    message.map_or_else(|why| why, |m| m.head.word(1).to_owned())
}

/// `EVENKEEL_CHURN=ROUNDSxREPLICAS`: 5x20 for the figures that are quoted.
fn churn_from_one_to_many_and_back_fails_no_request(project: &Project) -> Result<(), String> {
    let text = std::env::var("EVENKEEL_CHURN").unwrap_or_else(|_| "2x6".to_owned());
    let sizes = text.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let (rounds, replicas): (usize, usize) = sizes.ok_or("EVENKEEL_CHURN is ROUNDSxREPLICAS")?;
    project.up(&[("server", 1)])?;
    let address = project.address()?;
    wait_cycle(address, HOST, 1, SOON)?;
    let load = steady(project)?;
    let begin = Instant::now();
    for _ in 0..rounds {
        project.up(&[("server", replicas)])?;
        wait_running(project, replicas)?;
        project.up(&[("server", 1)])?;
        wait_running(project, 1)?;
    }
    let report = load.stop();
    println!("1 -> {replicas} -> 1, {rounds} times, in {:?}", begin.elapsed());
    none_failed("churn", &report)
}

/// An answer that takes longer than this never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clients of the steady load.
const CLIENTS: usize = 12;

/// Keep-alive and new connections at a fixed pace, whatever the answers do.
fn steady(project: &Project) -> Result<Running, String> {
    let plan = Plan {
        keep_alive: Clients { count: 8, per_second: 60.0 },
        short: Clients { count: 4, per_second: 40.0 },
        slow_body: Clients::default(),
        websocket: Clients::default(),
        duration: Duration::from_secs(600),
        patience: PATIENCE,
        ..Plan::mix(project.address()?, HOST)
    };
    start(plan).map_err(|e| e.to_string())
}

/// Waits until the replicas that run, so many, are those that answer.
fn wait_running(project: &Project, count: usize) -> Result<(), String> {
    let running = project.running("server")?;
    expect(running.len() == count, || format!("{} replicas, not {count}", running.len()))?;
    let names = running.iter().map(|id| id[..12].to_owned()).collect();
    wait_members(project.address()?, HOST, &names, SOON)
}

fn failed(report: &Report) -> u64 {
    report.failed() - report.total().never_sent
}

fn none_failed(what: &str, report: &Report) -> Result<(), String> {
    println!("{what}:\n{report}");
    let total = report.total();
    expect(total.answered > 0 && failed(report) == 0, || format!("{what}:\n{report}"))
}
