//! The process that holds the Docker socket apart from the balancer, which has none and no rights.

use e2e::docker::scenario::expect;
use e2e::docker::skip;
use e2e::docker::town::Town;

/// Rights of a balancer that is told everything by an agent.
const NO_RIGHTS: [&str; 6] = [
    "--read-only",
    "--tmpfs=/run",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--user=65534:65534",
    "--sysctl=net.ipv4.ip_unprivileged_port_start=0",
];

#[test]
fn a_balancer_without_rights_is_told_by_the_agent() {
    let mut town = match Town::found() {
        Ok(town) => town,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = told(&mut town) {
        panic!("{why}\n{}", town.log());
    }
}

fn told(town: &mut Town) -> Result<(), String> {
    let network = town.network(&[])?;
    let within = ["--network", network.as_str()];
    town.agent(&within)?;
    let engine = format!("DOCKER_HOST=tcp://{}:2375", town.container_name("agent"));
    town.balancer_apart(&[&within[..], &NO_RIGHTS].concat(), &[&engine])?;
    let service = |town: &mut Town, name: &str| {
        let host = format!("evenkeel.host={name}.test");
        town.elsewhere(name, &["8000"], &within, &[&host])
    };
    service(town, "web")?;
    town.expect(&[("web.test", "web"), ("new.test", "503")])?;
    // Events come through, too.
    service(town, "new")?;
    town.expect(&[("web.test", "web"), ("new.test", "new")])?;
    town.stop("web")?;
    town.expect(&[("web.test", "503"), ("new.test", "new")])?;
    let shown = town.command(&["containers"])?;
    let ourselves = shown.lines().find(|l| l.contains(&town.container_name("lb")));
    expect(ourselves.is_some_and(|l| l.contains("the balancer itself")), || shown.clone())
}
