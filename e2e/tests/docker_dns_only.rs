//! examples/dns-only on the real engine: no Docker socket, the replicas come from Docker's name
//! server (A2, A4, A7 to A9, A12 of the acceptance scenarios), with Compose v1 and v2.

use e2e::docker::docker;
use e2e::docker::pool::{get, wait_cycle};
use e2e::docker::project::Project;
use e2e::docker::scenario::expect;
use e2e::scenario::wait_until;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);
const HOST: &str = "localhost";

e2e::with_each_compose!("dns-only", "haproxy":
    a02_a04_a09_any_number_of_replicas_without_a_socket,
);

fn a02_a04_a09_any_number_of_replicas_without_a_socket(project: &Project) -> Result<(), String> {
    // The balancer first: nobody has the name yet.
    project.compose(&["up", "-d", "--no-deps", "haproxy"]).transcript()?;
    let status = || {
        let answer = get(project.published(), HOST, "/");
        answer.map_or_else(|why| why, |m| m.head.word(1).to_owned())
    };
    expect(wait_until(SOON, || status() == "503"), status)?;
    let mounts = docker(&["inspect", "-f", "{{.Mounts}}", &project.balancer()?])?;
    expect(!mounts.contains("docker.sock"), || mounts.clone())?;
    let life = project.balancer_life()?;
    for count in [5, 8, 2] {
        project.up(&[("server", count)])?;
        let first = wait_cycle(project.published(), HOST, count, SOON)?;
        // A10: the order of the answers changes with every question, that of the servers does not.
        for _ in 0..3 {
            let again = wait_cycle(project.published(), HOST, count, SOON)?;
            let turned = (0..count).any(|n| again == [&first[n..], &first[..n]].concat());
            expect(turned, || format!("{first:?}, then {again:?}"))?;
        }
    }
    let now = project.balancer_life()?;
    expect(life == now, || format!("the balancer was {life}, is {now}"))
}
