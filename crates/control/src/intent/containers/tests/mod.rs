//! Containers in, routes and servers out.

mod arbitrary;
mod conflicts;
mod effects;
mod examples;
mod guard;
mod import;
mod lessons;
mod live;
mod native;
mod reach;
mod recall;
mod selection;
mod swarm;

use std::net::IpAddr;

use super::*;
use crate::explain::{Outcome, Question, explain};
use model::observed::{Container, ContainerHealth, ContainerState, Network, OwnContainer};

/// A network with an address on it.
fn network(name: &str, ip: &str) -> Network {
    Network {
        id: name.into(),
        name: name.into(),
        ipv4: Some(ip.parse().expect("address")),
        ipv6: None,
        gateway: None,
        aliases: Vec::new(),
        links: Vec::new(),
    }
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn map(pairs: Pairs<'_>) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// A container `SERVICE_N` of the project `p`, on its network, exposing port 80.
fn container(name: &str, ip: &str, labels: Pairs<'_>, env: Pairs<'_>) -> Container {
    let mut labels = map(labels);
    let (service, number) = name.split_once('_').unwrap_or((name, "1"));
    let mut set = |key: &str, value: &str| {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    };
    set("com.docker.compose.project", "p");
    set("com.docker.compose.service", service);
    set("com.docker.compose.container-number", number);
    Container {
        id: format!("{name:0<64}").into(),
        name: name.into(),
        image: "i".into(),
        labels,
        env: map(env),
        state: ContainerState::Running,
        health: ContainerHealth::None,
        stopping: false,
        started_ns: 1,
        networks: vec![network("p_default", ip)],
        host_network: false,
        exposed: vec![80],
        published: Vec::new(),
    }
}

/// What is seen when these containers run and nobody knows about us.
fn seen(containers: Vec<Container>) -> Vec<Observation> {
    vec![crate::tests::observation(Freshness::Fresh(1), containers)]
}

/// What becomes of them when nothing is remembered.
fn anew(base: &Config, observations: &[Observation], options: &Options) -> Survey {
    let observations: Vec<&Observation> = observations.iter().collect();
    survey(base, &observations, options, Want::Seats, &mut Memo::default())
}

/// A small town: an environment for the balancer, linked services, and their containers.
#[derive(Default)]
struct Town {
    environment: BTreeMap<String, String>,
    containers: Vec<Container>,
    links: Vec<Name>,
    outside: bool,
}

impl Town {
    /// The balancer's environment.
    fn balancer(environment: Pairs<'_>) -> Self {
        Self { environment: map(environment), ..Self::default() }
    }

    /// So many linked containers of a service that expose these ports.
    fn service(mut self, name: &str, count: u8, exposed: &[u16], env: Pairs<'_>) -> Self {
        for n in 1..=count {
            let name = format!("{name}_{n}");
            let ip = format!("10.0.0.{}", self.containers.len() + 1);
            let mut container = container(&name, &ip, &[], env);
            container.exposed = exposed.to_vec();
            self.links.push(container.name.clone());
            self.containers.push(container);
        }
        self
    }

    /// A container that nobody is linked to.
    fn with(mut self, container: Container) -> Self {
        self.containers.push(container);
        self
    }

    /// The balancer runs on the host.
    fn outside(mut self) -> Self {
        self.outside = true;
        self
    }

    fn survey(&self) -> Survey {
        self.survey_over(&Config::default())
    }

    fn survey_over(&self, base: &Config) -> Survey {
        let mut own_network = network("p_default", "10.0.0.250");
        own_network.links.clone_from(&self.links);
        let mut observations = seen(self.containers.clone());
        observations[0].own = (!self.outside).then(|| OwnContainer {
            id: "self".into(),
            project: Some("p".into()),
            service: Some("lb".into()),
            networks: vec![own_network],
            host_network: false,
        });
        let options = Options { environment: self.environment.clone(), ..Options::default() };
        anew(base, &observations, &options)
    }
}

impl Survey {
    /// Where a request ends: servers of a backend, an answer of the balancer, or a status.
    fn ask(&self, url: &str, headers: Pairs<'_>) -> String {
        let mut question = Question::from_url(url).expect("an address");
        for (name, value) in headers {
            question.headers.retain(|(n, _)| n != name);
            question.headers.push(((*name).to_owned(), (*value).to_owned()));
        }
        question.headers.retain(|(_, value)| !value.is_empty());
        match explain(&self.config, &question, &process()).outcome {
            Outcome::NoListener => "refused".to_owned(),
            Outcome::NoBackend => "503".to_owned(),
            Outcome::Answered(decisive) => decisive.text,
            Outcome::Backend(name) => self.servers(&name).join(" "),
        }
    }

    /// Names of a backend's servers.
    fn servers(&self, backend: &str) -> Vec<String> {
        let backend = self.config.backend(backend).expect("a backend");
        backend.servers.iter().map(|s| s.name.to_string()).collect()
    }

    /// `ADDRESS:PORT` of a backend's servers.
    fn addresses(&self, backend: &str) -> Vec<String> {
        let backend = self.config.backend(backend).expect("a backend");
        let address = |s: &std::sync::Arc<model::Server>| format!("{:?} {:?}", s.host, s.port);
        backend.servers.iter().map(address).collect()
    }

    fn backends(&self) -> Vec<String> {
        self.config.backends.iter().map(|b| b.name.to_string()).collect()
    }

    /// Ports that are open, the statistics page's left out.
    fn ports(&self) -> Vec<u16> {
        let frontends = self.config.frontends.iter().filter(|f| &*f.name != "stats");
        let mut ports: Vec<u16> = frontends
            .flat_map(|f| &f.binds)
            .filter_map(|b| match &b.address {
                model::Address::Inet(i) => Some(i.port()),
                _ => None,
            })
            .collect();
        ports.sort_unstable();
        ports
    }

    /// Problems, except for what the language does not do yet.
    fn complaints(&self) -> Vec<String> {
        let list = self.problems.iter().map(ToString::to_string);
        list.filter(|p| !p.contains("statistics page is not built")).collect()
    }
}

fn process() -> expr::Process {
    expr::Process { hostname: "h".into(), node: "h".into(), pid: 1, utc_offset_s: 0, started_us: 0 }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("address")
}
