//! Observed containers to routes and servers: labels read, services grouped, one bad label set
//! costing its own container alone.

mod labels;
mod reach;
mod route;
mod write;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use model::observed::{Container, ContainerHealth, ContainerState, Observation, OwnContainer};
use model::{Config, Name, Origin, Server, ServerIdentity};

use super::Problem;
use labels::Asks;
use route::Route;

/// How containers are turned into configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the built-in frontend listens, unless the files have a frontend there.
    pub listen: Vec<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: vec![SocketAddr::from(([0, 0, 0, 0], 80))] }
    }
}

/// A service: the containers that stand in for each other.
#[derive(Debug)]
struct Service {
    backend: String,
    replicas: Vec<Replica>,
    routes: Vec<Route>,
    /// Asked for traffic without saying which.
    default: bool,
}

/// One container that can be reached.
#[derive(Debug)]
struct Replica {
    name: String,
    order: (u64, Name),
    address: SocketAddr,
    weight: u16,
    takes_traffic: bool,
    stopping: bool,
    identity: ServerIdentity,
    origin: Origin,
}

/// The files' configuration with everything that the observed containers ask for.
#[must_use]
pub fn merge(
    base: &Config,
    observations: &[Observation],
    options: &Options,
) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut services: BTreeMap<String, Service> = BTreeMap::new();
    for observation in observations {
        for container in &observation.containers {
            match replica(observation, container) {
                Ok(Some((key, asks, replica))) => {
                    let service = services.entry(key.clone()).or_insert_with(|| Service {
                        backend: key,
                        replicas: Vec::new(),
                        routes: Vec::new(),
                        default: false,
                    });
                    service.default |= asks.routes.is_empty();
                    for route in asks.routes {
                        if !service.routes.contains(&route) {
                            service.routes.push(route);
                        }
                    }
                    service.replicas.push(replica);
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
    }
    services.retain(|name, _| {
        let clash = base.backend(name).is_some();
        if clash {
            problems.push(Problem {
                origin: Origin::BuiltIn,
                reason: format!("backend {name} is in a file already: the file wins"),
            });
        }
        !clash
    });
    for service in services.values_mut() {
        service.replicas.sort_by(|a, b| a.order.cmp(&b.order));
        unique_names(&mut service.replicas);
    }
    let default = route::default_service(&services, &mut problems);
    match write::config(base, &services, default.as_deref(), options) {
        Ok(config) => (identified(config, &services), problems),
        Err(reason) => {
            problems.push(Problem { origin: Origin::BuiltIn, reason });
            (base.clone(), problems)
        }
    }
}

/// What one container gives; `Ok(None)` when it takes no part.
fn replica(
    observation: &Observation,
    container: &Container,
) -> Result<Option<(String, Asks, Replica)>, Problem> {
    let own = observation.own.as_ref();
    if own.is_some_and(|o| o.id == container.id) || !takes_part(container, own) {
        return Ok(None);
    }
    let Some(asks) = labels::read(container)? else { return Ok(None) };
    // Who asked for nothing is only meant when it runs beside us, and is not told off otherwise.
    let asked = asks.explicit || !asks.routes.is_empty();
    if !asked && !beside(own, container) {
        return Ok(None);
    }
    let problem = |reason: String| Problem {
        origin: Origin::Label { container: container.name.clone(), label: "evenkeel.port".into() },
        reason,
    };
    let address = match reach::address(container, own, asks.port) {
        Ok(address) => address,
        Err(_) if !asked => return Ok(None),
        Err(reason) => return Err(problem(reason)),
    };
    let label = |name: &str| container.labels.get(name).map(String::as_str);
    let number = label("com.docker.compose.container-number").and_then(|n| n.parse().ok());
    let healthy = matches!(container.health, ContainerHealth::None | ContainerHealth::Healthy);
    let replica = Replica {
        name: write::word(&container.name),
        order: (number.unwrap_or(u64::MAX), container.name.clone()),
        address,
        weight: asks.weight,
        takes_traffic: healthy && container.state == ContainerState::Running,
        stopping: container.stopping,
        identity: ServerIdentity::Container {
            provider: observation.provider.clone(),
            id: container.id.clone(),
            started_ns: container.started_ns,
        },
        origin: Origin::Label { container: container.name.clone(), label: "".into() },
    };
    Ok(Some((service_name(container), asks, replica)))
}

/// Running or paused, and no one-off run of Compose.
fn takes_part(container: &Container, own: Option<&OwnContainer>) -> bool {
    let label = |name: &str| container.labels.get(name).map(String::as_str);
    let one_off =
        label("com.docker.compose.oneoff").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let alive = matches!(
        container.state,
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting
    );
    // Another balancer of our own service is no server of ours.
    let sibling = own.is_some_and(|o| {
        o.project.is_some()
            && o.project.as_deref() == label("com.docker.compose.project")
            && label("com.docker.compose.service").is_some()
            && o.service.as_deref() == label("com.docker.compose.service")
    });
    alive && !one_off && !sibling
}

/// In our own Compose project, or, where we run outside of one, in any.
fn beside(own: Option<&OwnContainer>, container: &Container) -> bool {
    let project = container.labels.get("com.docker.compose.project");
    match own.and_then(|o| o.project.as_deref()) {
        Some(ours) => project.is_some_and(|p| p == ours),
        None => project.is_some(),
    }
}

/// `project_service` for Compose, the container's own name otherwise.
fn service_name(container: &Container) -> String {
    let label = |name: &str| container.labels.get(name);
    match (label("com.docker.compose.project"), label("com.docker.compose.service")) {
        (Some(project), Some(service)) => write::word(&format!("{project}_{service}")),
        _ => write::word(&container.name),
    }
}

fn unique_names(replicas: &mut [Replica]) {
    let mut seen = std::collections::HashSet::new();
    for replica in replicas {
        let mut n = 2;
        let base = replica.name.clone();
        while !seen.insert(replica.name.clone()) {
            replica.name = format!("{base}_{n}");
            n += 1;
        }
    }
}

/// Gives the servers made from text the identity of their containers.
fn identified(mut config: Config, services: &BTreeMap<String, Service>) -> Config {
    for backend in &mut config.backends {
        let Some(service) = services.get(&*backend.name) else { continue };
        let backend = Arc::make_mut(backend);
        for server in &mut backend.servers {
            let replica = service.replicas.iter().find(|r| r.name == *server.name);
            if let Some(replica) = replica {
                *server = Arc::new(Server {
                    identity: replica.identity.clone(),
                    stopping: replica.stopping,
                    origin: replica.origin.clone(),
                    ..Server::clone(server)
                });
            }
        }
    }
    config
}

#[cfg(test)]
mod tests;
