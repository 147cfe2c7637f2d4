//! Instances of services whose metadata asks for requests, as containers with labels do.
//!
//! Consul takes no dots in the keys of metadata (letters, digits, `-` and `_`, at most 128), and
//! Registrator makes keys of a container's variables. So `evenkeel-host`, `evenkeel_host` and,
//! for a route `web`, `evenkeel-web-host` stand for the labels `evenkeel.host` and
//! `evenkeel.web.host`.

use std::collections::{BTreeMap, HashMap};

use model::Name;
use model::consul::{Instance, ServiceObservation};
use model::observed::{Container, ContainerHealth, ContainerState, Freshness, Observation};

/// Name of the provider.
pub const PROVIDER: &str = "consul";
/// By which rule its instances are chosen, for people.
pub const MODE: &str = "services whose metadata asks for requests";

/// What the keys of metadata that are ours begin with.
const OURS: &str = "evenkeel";
/// Consul's weight that says nothing.
const USUAL_WEIGHT: u16 = 1;
/// Greatest weight of a server.
const WEIGHT_MAX: u16 = 256;

/// What Consul shows: the instances of all these services.
#[must_use]
pub fn observation<'a>(
    freshness: Freshness,
    services: impl Iterator<Item = &'a ServiceObservation> + Clone,
) -> Observation {
    let all = || services.clone().flat_map(|s| s.instances.iter().map(move |i| (s, i)));
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for (_, instance) in all() {
        *ids.entry(&instance.id).or_default() += 1;
    }
    let containers = all().map(|(service, instance)| {
        let alone = ids.get(&*instance.id) == Some(&1);
        container(&service.query.service, instance, alone).into()
    });
    Observation {
        provider: PROVIDER.into(),
        heard_ms: None,
        freshness,
        containers: containers.collect(),
        unreadable: Vec::new(),
        own: None,
        machine: None,
        node: None,
        swarm: None,
    }
}

fn container(service: &Name, instance: &Instance, alone: bool) -> Container {
    let spelled =
        instance.meta.iter().filter_map(|(key, value)| Some((label(key)?, value.clone())));
    let mut labels: BTreeMap<String, String> = spelled.collect();
    if !labels.is_empty() {
        let mut say = |key: &str, value: String| {
            labels.entry(format!("{OURS}.{key}")).or_insert(value);
        };
        say("service", service.to_string());
        say("address", instance.ip.to_string());
        if instance.weight != USUAL_WEIGHT {
            say("weight", instance.weight.min(WEIGHT_MAX).to_string());
        }
    }
    let full = match alone {
        true => instance.id.to_string(),
        false => format!("{}.{}", instance.id, instance.node),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let name: String = full.chars().map(|c| if good(c) { c } else { '_' }).collect();
    Container {
        id: instance.identity(),
        name: name.into(),
        image: service.clone(),
        labels,
        env: BTreeMap::new(),
        state: ContainerState::Running,
        health: ContainerHealth::None,
        stopping: false,
        started_ns: 0,
        networks: Vec::new(),
        host_network: false,
        exposed: vec![instance.port],
        published: Vec::new(),
    }
}

/// The label that a key of metadata stands for. No key of ours has a `-` or `_`, so that the last
/// one ends the route's name.
fn label(key: &str) -> Option<String> {
    let separator = |c: char| matches!(c, '-' | '_' | '.');
    let rest = key.strip_prefix(OURS)?.strip_prefix(separator)?;
    Some(match rest.rsplit_once(separator) {
        Some((route, key)) => format!("{OURS}.{route}.{key}"),
        None => format!("{OURS}.{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::consul::ServiceQuery;

    use super::*;
    use crate::Intent;
    use crate::intent::containers::{Options, SeatStanding};

    fn instance(id: &str, last: u8, meta: &[(&str, &str)]) -> Instance {
        Instance {
            node: format!("node{last}").into(),
            id: id.into(),
            ip: [10, 0, 0, last].into(),
            port: 8080,
            weight: 1,
            tags: Vec::new(),
            meta: meta.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    fn service(name: &str, instances: Vec<Instance>) -> ServiceObservation {
        ServiceObservation {
            query: Arc::new(ServiceQuery::new(name.into())),
            freshness: Freshness::Fresh(1),
            instances,
            unusable: Vec::new(),
        }
    }

    #[test]
    fn keys_without_dots_stand_for_labels() {
        for (key, meant) in [
            ("evenkeel-host", Some("evenkeel.host")),
            ("evenkeel_host", Some("evenkeel.host")),
            ("evenkeel-web-host", Some("evenkeel.web.host")),
            ("evenkeel_my-web_host", Some("evenkeel.my-web.host")),
            ("evenkeelhost", None),
            ("version", None),
        ] {
            assert_eq!(label(key).as_deref(), meant, "{key}");
        }
    }

    #[test]
    fn metadata_makes_routes_and_services_make_backends() {
        let meta = [("evenkeel-host", "shop.test"), ("evenkeel-check", "/health")];
        let mut second = instance("web", 2, &meta);
        second.weight = 7;
        let seen = [
            service("web", vec![instance("web", 1, &meta), second]),
            service("quiet", vec![instance("h1:quiet:80", 3, &[("version", "2")])]),
        ];
        let mut intent = Intent::default();
        intent.observe(observation(Freshness::Fresh(1), seen.iter()));
        let listen = vec![([127, 0, 0, 1], 80).into()];
        let survey = intent.survey(&Options { listen, ..Options::default() });
        let problems: Vec<String> = survey.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, Vec::<String>::new());
        let out = |s: &&crate::intent::containers::Seat| matches!(s.standing, SeatStanding::Out(_));
        assert_eq!(survey.seats.iter().filter(out).count(), 1);
        let config = survey.config;
        assert_eq!(config.backends.len(), 1);
        let servers: Vec<String> = config.backends[0]
            .servers
            .iter()
            .map(|s| {
                let address = s.host.connect_address(s.port, 0);
                format!("{} {} {}", s.name, address.expect("it has one"), s.weight)
            })
            .collect();
        assert_eq!(servers, ["web.node1 10.0.0.1:8080 1", "web.node2 10.0.0.2:8080 7"]);
        assert!(config.backends[0].servers.iter().all(|s| s.check.is_some()));
    }
}
