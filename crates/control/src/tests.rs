//! Small configurations for the tests of this crate.

use config::source::NoSources;
use config::{Environment, Facts, Files, SourceFile};
use model::Config;
use model::observed::{Container, ContainerHealth, ContainerState, Freshness, Observation};

/// A server line: this name, this port.
pub(crate) fn server(name: &str, port: u16) -> String {
    format!("server {name} 127.0.0.1:{port}")
}

/// One frontend `f` with these addresses and one backend `b` with these servers.
pub(crate) fn config(binds: &[&str], servers: &[String]) -> Config {
    let mut text = "frontend f\n mode http\n default_backend b\n".to_owned();
    for bind in binds {
        text.push_str(&format!(" bind {bind}\n"));
    }
    text.push_str("backend b\n mode http\n");
    for server in servers {
        text.push_str(&format!(" {server}\n"));
    }
    let mut files = Files::default();
    files.add(SourceFile::new("test.cfg", text.as_bytes())).expect("one file fits");
    let loaded = config::load(files, &NoSources, &mut Environment::new(), &Facts::default());
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// What `docker` sees.
pub(crate) fn observation(
    freshness: Freshness,
    containers: impl IntoIterator<Item = Container>,
) -> Observation {
    Observation {
        provider: "docker".into(),
        freshness,
        heard_ms: None,
        containers: containers.into_iter().map(Into::into).collect(),
        unreadable: Vec::new(),
        own: None,
        machine: None,
        node: None,
        swarm: None,
    }
}

/// A running container that nobody labelled.
pub(crate) fn container(id: &str) -> Container {
    Container {
        id: id.into(),
        name: id.into(),
        image: "app".into(),
        labels: Default::default(),
        env: Default::default(),
        state: ContainerState::Running,
        health: ContainerHealth::None,
        stopping: false,
        started_ns: 1,
        networks: Vec::new(),
        host_network: false,
        exposed: Vec::new(),
        published: Vec::new(),
    }
}
