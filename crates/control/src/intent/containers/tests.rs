//! Containers in, routes and servers out.

use super::*;
use model::Host;
use model::observed::{Freshness, Network};

fn network(name: &str, ip: &str) -> Network {
    Network {
        id: name.into(),
        name: name.into(),
        ipv4: Some(ip.parse().expect("address")),
        ipv6: None,
        aliases: Vec::new(),
    }
}

fn container(name: &str, ip: &str, labels: &[(&str, &str)], env: &[(&str, &str)]) -> Container {
    let pairs = |list: &[(&str, &str)]| {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let mut labels: BTreeMap<String, String> = pairs(labels);
    let service = name.split('_').next().unwrap_or_default().to_owned();
    labels.entry("com.docker.compose.project".into()).or_insert_with(|| "p".into());
    labels.entry("com.docker.compose.service".into()).or_insert(service);
    Container {
        id: format!("{name:0<64}").into(),
        name: name.into(),
        image: "i".into(),
        labels,
        env: pairs(env),
        state: ContainerState::Running,
        health: ContainerHealth::None,
        stopping: false,
        started_ns: 1,
        networks: vec![network("p_default", ip)],
        host_network: false,
        exposed: vec![8000],
        published: Vec::new(),
    }
}

fn seen(containers: Vec<Container>) -> Vec<Observation> {
    vec![Observation {
        provider: "docker".into(),
        freshness: Freshness::Fresh(1),
        containers,
        own: None,
    }]
}

fn merged(containers: Vec<Container>) -> (Config, Vec<Problem>) {
    merge(&Config::default(), &seen(containers), &Options::default())
}

#[test]
fn one_service_without_a_host_gets_everything() {
    let (config, problems) = merged(vec![
        container("server_2", "10.0.0.2", &[("com.docker.compose.container-number", "2")], &[]),
        container("server_1", "10.0.0.1", &[("com.docker.compose.container-number", "1")], &[]),
    ]);
    assert_eq!(problems, []);
    let frontend = config.frontend("evenkeel").expect("a frontend");
    assert_eq!(frontend.default_backend.as_deref(), Some("p_server"));
    let backend = config.backend("p_server").expect("a backend");
    let names: Vec<&str> = backend.servers.iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["server_1", "server_2"]);
    assert_eq!(backend.servers[0].host, Host::Ip("10.0.0.1".parse().expect("address")));
    assert!(matches!(backend.servers[0].identity, ServerIdentity::Container { .. }));
}

#[test]
fn hosts_come_most_specific_first_and_nobody_gets_the_rest() {
    let (config, problems) = merged(vec![
        container("a_1", "10.0.0.1", &[("evenkeel.host", "*.app.dev")], &[]),
        container("b_1", "10.0.0.2", &[], &[("VIRTUAL_HOST", "api.app.dev")]),
        container(
            "c_1",
            "10.0.0.3",
            &[("evenkeel.host", "api.app.dev"), ("evenkeel.path", "/v2")],
            &[],
        ),
        container("d_1", "10.0.0.4", &[], &[]),
    ]);
    assert_eq!(problems, []);
    let frontend = config.frontend("evenkeel").expect("a frontend");
    let order: Vec<String> =
        frontend.use_backend.iter().map(|r| format!("{:?}", r.action)).collect();
    assert_eq!(
        order,
        [r#"Static("p_c")"#, r#"Static("p_b")"#, r#"Static("p_a")"#],
        "exact host with path, exact host, wildcard"
    );
    assert_eq!(frontend.default_backend, None);
}

#[test]
fn a_bad_label_costs_its_own_container_alone() {
    let (config, problems) = merged(vec![
        container("a_1", "10.0.0.1", &[("evenkeel.port", "eighty")], &[]),
        container("b_1", "10.0.0.2", &[("evenkeel.host", "b.dev")], &[]),
    ]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("container a_1, evenkeel.port"), "{}", problems[0]);
    assert!(config.backend("p_b").is_some());
    assert!(config.backend("p_a").is_none());
}

#[test]
fn stopping_and_unhealthy_replicas_keep_their_place_without_traffic() {
    let mut stopping = container("s_1", "10.0.0.1", &[], &[]);
    stopping.stopping = true;
    let mut starting = container("s_2", "10.0.0.2", &[], &[]);
    starting.health = ContainerHealth::Starting;
    let mut gone = container("s_3", "10.0.0.3", &[], &[]);
    gone.state = ContainerState::Exited;
    let (config, _) = merged(vec![stopping, starting, gone]);
    let servers = &config.backend("p_s").expect("a backend").servers;
    let flags: Vec<_> = servers.iter().map(|s| (&*s.name, s.stopping, s.disabled)).collect();
    assert_eq!(flags, [("s_1", true, false), ("s_2", false, true)]);
}

#[test]
fn only_a_shared_network_reaches() {
    let mut other = container("x_1", "10.9.0.1", &[("evenkeel.host", "x.dev")], &[]);
    other.networks = vec![network("elsewhere", "10.9.0.1")];
    let mut both = container("y_1", "10.0.0.7", &[("evenkeel.host", "y.dev")], &[]);
    both.networks.insert(0, network("elsewhere", "10.9.0.2"));
    let mut observations = seen(vec![other, both]);
    observations[0].own = Some(OwnContainer {
        id: "self".into(),
        project: Some("p".into()),
        service: Some("lb".into()),
        networks: vec![network("p_default", "10.0.0.99")],
        host_network: false,
    });
    let (config, problems) = merge(&Config::default(), &observations, &Options::default());
    assert_eq!(problems.len(), 1);
    assert!(problems[0].reason.contains("shares no network"), "{}", problems[0]);
    let server = &config.backend("p_y").expect("a backend").servers[0];
    assert_eq!(server.host, Host::Ip("10.0.0.7".parse().expect("address")));
}
