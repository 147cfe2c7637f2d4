//! Containers as the variables of classic links describe them: what Docker's default bridge put
//! into the environment of a container for each `--link`. Older engines still do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::Name;
use model::observed::{
    Container, ContainerHealth, ContainerState, Freshness, Network, Observation,
};

/// Name of the provider.
pub const PROVIDER: &str = "links";

/// What the environment says about linked containers; `None` when it says nothing.
///
/// `ALIAS_PORT_<port>_TCP=tcp://ADDRESS:PORT` makes a port of a container, `ALIAS_ENV_<NAME>` a
/// variable of it. Digits behind a last `_` of the alias number the containers of a service.
#[must_use]
pub fn observation(environment: &BTreeMap<String, String>) -> Option<Observation> {
    let mut found: BTreeMap<&str, Container> = BTreeMap::new();
    for (name, value) in environment {
        let Some((alias, port)) = name.strip_suffix("_TCP").and_then(|n| n.rsplit_once("_PORT_"))
        else {
            continue;
        };
        let address = value.strip_prefix("tcp://").and_then(|a| a.rsplit_once(':'));
        let Some((ip, number)) = address else { continue };
        let (Ok(ip), Ok(number)) = (ip.parse::<IpAddr>(), number.parse::<u16>()) else { continue };
        if alias.is_empty() || port.parse::<u16>().is_err() || number == 0 {
            continue;
        }
        let container = found.entry(alias).or_insert_with(|| container(alias, ip));
        if !container.exposed.contains(&number) {
            container.exposed.push(number);
        }
    }
    for (name, value) in environment {
        let Some((alias, variable)) = name.split_once("_ENV_") else { continue };
        if let Some(container) = found.get_mut(alias) {
            container.env.insert(variable.to_owned(), value.clone());
        }
    }
    // Docker repeats each link under several aliases; the first of an address stays.
    let mut addresses = Vec::new();
    let containers: Vec<Container> = found
        .into_values()
        .filter(|c| {
            let key = (label(c, SERVICE), c.networks.first().and_then(|n| n.ipv4.or(n.ipv6)));
            let new = !addresses.contains(&key);
            addresses.push(key);
            new
        })
        .collect();
    (!containers.is_empty()).then(|| Observation {
        provider: PROVIDER.into(),
        freshness: Freshness::Fresh(0),
        heard_ms: None,
        containers: containers.into_iter().map(Into::into).collect(),
        unreadable: Vec::new(),
        own: None,
        machine: None,
        node: None,
        swarm: None,
    })
}

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

fn label(container: &Container, name: &str) -> String {
    container.labels.get(name).cloned().unwrap_or_default()
}

fn container(alias: &str, ip: IpAddr) -> Container {
    let numbered = alias.rsplit_once('_').filter(|(service, number)| {
        !service.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty()
    });
    let (service, number) = numbered.unwrap_or((alias, "1"));
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Container {
        id: alias.into(),
        name: alias.into(),
        image: Name::from(""),
        labels: BTreeMap::from([
            text(PROJECT, PROVIDER),
            text(SERVICE, service),
            text("com.docker.compose.container-number", number),
            // A link is a wish: the label says so where no engine can.
            text("evenkeel.enable", "true"),
        ]),
        env: BTreeMap::new(),
        state: ContainerState::Running,
        health: ContainerHealth::None,
        stopping: false,
        started_ns: 0,
        networks: vec![Network {
            id: PROVIDER.into(),
            name: PROVIDER.into(),
            ipv4: ip.is_ipv4().then_some(ip),
            ipv6: ip.is_ipv6().then_some(ip),
            gateway: None,
            aliases: Vec::new(),
            links: Vec::new(),
        }],
        host_network: false,
        exposed: Vec::new(),
        published: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::containers::{Memo, Options, Want, survey};

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn links_become_containers_with_their_environment() {
        let seen = observation(&environment(&[
            ("WEB_1_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("WEB_1_PORT_22_TCP", "tcp://10.0.0.1:22"),
            ("WEB_2_PORT_80_TCP", "tcp://10.0.0.2:80"),
            ("WEB_1_ENV_VIRTUAL_HOST", "web.test"),
            ("WEB_2_ENV_VIRTUAL_HOST", "web.test"),
            ("WEB_1_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("DNS_PORT_53_UDP", "udp://10.0.0.3:53"),
            ("BAD_PORT_80_TCP", "nonsense"),
            ("PATH", "/bin"),
        ]))
        .expect("two containers");
        let names: Vec<&str> = seen.containers.iter().map(|c| &*c.name).collect();
        assert_eq!(names, ["WEB_1", "WEB_2"]);
        assert_eq!(seen.containers[0].exposed, [22, 80]);
        assert_eq!(
            seen.containers[0].env.get("VIRTUAL_HOST").map(String::as_str),
            Some("web.test")
        );
        let mut memo = Memo::default();
        let survey = survey(
            &model::Config::default(),
            &[&seen],
            &Options::default(),
            Want::Seats,
            &mut memo,
        );
        let backend = survey.config.backend("SERVICE_links_WEB").expect("a backend");
        assert_eq!(backend.servers.len(), 2);
        assert_eq!(observation(&environment(&[("PATH", "/bin")])), None);
    }

    #[test]
    fn an_address_under_several_aliases_is_one_container() {
        let seen = observation(&environment(&[
            ("APP_1_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("APP_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("APP2_PORT_80_TCP", "tcp://10.0.0.2:80"),
        ]))
        .expect("containers");
        assert_eq!(seen.containers.len(), 2);
    }
}
