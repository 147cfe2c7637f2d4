//! A Swarm: what its manager says and what the engines of its nodes see.

use std::sync::Arc;

use model::ServerIdentity;
use model::observed::{Node, Service, Swarm, Task};

use super::*;

/// A task of a service on a node; `web.2` is the second of the service `web`.
fn task(name: &str, node: &str, ip: &str, labels: Pairs<'_>, env: Pairs<'_>) -> Task {
    let (service, slot) = name.split_once('.').expect("SERVICE.SLOT");
    let mut container = container("x_1", ip, &[], env);
    container.labels = map(labels);
    for (label, value) in [("service.id", service), ("service.name", service), ("node.id", node)] {
        container.labels.insert(format!("com.docker.swarm.{label}"), value.to_owned());
    }
    container.id = format!("{name:x<64}").into();
    container.name = format!("{service}.{slot}.t{slot}").into();
    container.networks = vec![network("db", "10.7.0.9"), network("edge", ip)];
    container.exposed = Vec::new();
    Task { node: node.into(), container: container.into() }
}

/// The container as its engine tells of it.
fn seen_by(task: Task) -> Container {
    Arc::unwrap_or_clone(task.container)
}

fn service(name: &str, labels: Pairs<'_>) -> (Name, Service) {
    let virtual_addresses = vec![("edge".into(), "10.1.0.100".parse().expect("address"))];
    (name.into(), Service { name: name.into(), labels: map(labels), virtual_addresses })
}

/// An engine as a node of the Swarm.
fn engine(node: &str, manager: bool, containers: Vec<Container>) -> Observation {
    let mut seen = seen(containers).remove(0);
    seen.provider = format!("docker:{node}").into();
    seen.node = Some(Node { id: node.into(), manager });
    seen
}

/// The manager `a`, with the balancer on the network `edge`.
fn manager(
    services: Vec<(Name, Service)>,
    containers: Vec<Container>,
    tasks: Vec<Task>,
) -> Observation {
    let mut seen = engine("a", true, containers);
    seen.own = Some(OwnContainer {
        id: "self".into(),
        project: None,
        service: None,
        networks: vec![network("edge", "10.1.0.250")],
        host_network: false,
    });
    seen.swarm = Some(Arc::new(Swarm {
        index: 7,
        fault: None,
        services: services.into_iter().collect(),
        nodes: ["b".into()].into(),
        tasks,
    }));
    seen
}

fn survey_of(observations: &[Observation]) -> Survey {
    anew(&Config::default(), observations, &Options::default())
}

fn stale(mut observation: Observation) -> Observation {
    observation.freshness = Freshness::Stale { since_ms: 1, reason: "gone".to_owned() };
    observation
}

/// Where the servers of a backend are.
fn at(survey: &Survey, backend: &str) -> Vec<String> {
    let plain = |a: &String| a.replace("Ip(", "").replace(") Fixed(", ":").replace(')', "");
    survey.addresses(backend).iter().map(plain).collect()
}

const HOST: Pairs<'_> = &[("evenkeel.host", "web.test"), ("evenkeel.port", "8000")];

#[test]
fn tasks_of_all_nodes_serve_by_the_labels_of_their_service() {
    let near = seen_by(task("web.1", "a", "10.1.0.1", &[], &[]));
    let far = [task("web.2", "b", "10.1.0.2", &[], &[]), task("web.10", "b", "10.1.0.3", &[], &[])];
    let survey = survey_of(&[manager(vec![service("web", HOST)], vec![near], far.to_vec())]);
    assert_eq!(survey.complaints(), [""; 0]);
    assert_eq!(at(&survey, "web"), ["10.1.0.1:8000", "10.1.0.2:8000", "10.1.0.3:8000"]);
}

#[test]
fn a_container_that_two_tell_of_is_one_server_and_its_engine_knows_best() {
    let far = || task("web.1", "b", "10.1.0.2", &[], &[]);
    let identity = |survey: &Survey| {
        let backend = survey.config.backend("web").expect("a backend");
        assert_eq!(backend.servers.len(), 1);
        backend.servers[0].identity.clone()
    };
    let services = || vec![service("web", HOST)];
    let told = survey_of(&[manager(services(), vec![], vec![far()])]);
    let seen = vec![seen_by(far())];
    let both =
        survey_of(&[manager(services(), vec![], vec![far()]), engine("b", false, seen.clone())]);
    let alone = survey_of(&[manager(services(), vec![], vec![]), engine("b", false, seen.clone())]);
    let twice = survey_of(&[
        manager(services(), vec![], vec![]),
        stale(engine("b", false, seen.clone())),
        engine("b", false, seen),
    ]);
    let one = identity(&told);
    assert!(matches!(&one, ServerIdentity::Container { provider, .. } if &**provider == "swarm"));
    for survey in [both, alone, twice] {
        assert_eq!(identity(&survey), one, "whoever tells of it");
        assert_eq!(survey.seats.len(), 1);
    }
    // The engine of b is followed and has no such container (any more).
    let gone = survey_of(&[manager(services(), vec![], vec![far()]), engine("b", false, vec![])]);
    assert_eq!(gone.ask("web.test", &[]), "503");
}

#[test]
fn of_a_node_that_is_away_the_manager_knows_which_tasks_are_wanted() {
    let seen = |n: u8| {
        let (name, ip) = (format!("web.{n}"), format!("10.1.0.{n}"));
        task(&name, "b", &ip, &[], &[])
    };
    let both = vec![seen_by(seen(1)), seen_by(seen(2))];
    let services = || vec![service("web", HOST)];
    let told = manager(services(), vec![], vec![seen(2), seen(3)]);
    let away = stale(engine("b", false, both.clone()));
    let survey = survey_of(&[told.clone(), away.clone()]);
    assert_eq!(at(&survey, "web"), ["10.1.0.2:8000", "10.1.0.3:8000"]);
    // One that is away itself, or cannot say, takes nothing away.
    let mut mute = told.clone();
    Arc::make_mut(mute.swarm.as_mut().expect("a Swarm")).fault = Some("no leader".into());
    for mute in [stale(told), mute] {
        let survey = survey_of(&[mute, away.clone()]);
        let addresses = at(&survey, "web");
        assert_eq!(addresses, ["10.1.0.1:8000", "10.1.0.2:8000", "10.1.0.3:8000"]);
    }
    let mut elsewhere = manager(services(), vec![], vec![]);
    Arc::make_mut(elsewhere.swarm.as_mut().expect("a Swarm")).nodes.clear();
    let survey = survey_of(&[elsewhere, away]);
    assert_eq!(at(&survey, "web").len(), 2, "it has not been asked about that node");
}

#[test]
fn a_service_is_switched_off_and_told_apart_from_its_containers() {
    let off = ("com.docker.dockercloud.haproxy.deactivate", "TRUE");
    let says = [HOST, &[off]].concat();
    let far = task("web.1", "b", "10.1.0.1", &[], &[]);
    let survey = survey_of(&[manager(vec![service("web", &says)], vec![], vec![far])]);
    assert_eq!(survey.ask("web.test", &[]), "503");
    let far = ["web.1", "web.2"].map(|n| {
        let ip = format!("10.1.0.{}", &n[4..]);
        task(n, "b", &ip, &[("evenkeel.host", "old.test")], &[])
    });
    let survey = survey_of(&[manager(vec![service("web", HOST)], vec![], far.to_vec())]);
    assert_eq!(survey.ask("web.test", &[]), "web.1.t1 web.2.t2");
    assert_eq!(survey.ask("old.test", &[]), "503");
    let told: Vec<String> = survey.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("web, evenkeel.host"), "{told:?}");
}

#[test]
fn a_service_that_wants_it_is_one_server_at_its_virtual_address() {
    let says = [HOST, &[("evenkeel.address", "vip")]].concat();
    let services = || vec![service("web", &says)];
    let mut far: Vec<Task> =
        (1..=2).map(|n| task(&format!("web.{n}"), "b", "10.1.0.1", &[], &[])).collect();
    Arc::make_mut(&mut far[0].container).state = ContainerState::Created;
    let survey = survey_of(&[manager(services(), vec![], far.clone())]);
    assert_eq!(at(&survey, "web"), ["10.1.0.100:8000"]);
    assert_eq!(survey.complaints(), [""; 0]);
    Arc::make_mut(&mut far[1].container).state = ContainerState::Created;
    let survey = survey_of(&[manager(services(), vec![], far)]);
    assert_eq!(survey.ask("web.test", &[]), "503");
}

#[test]
fn a_service_that_wants_it_by_a_label_of_traefik_is_one_server_too() {
    let rule = [
        ("traefik.http.routers.r.rule", "Host(`web.test`)"),
        ("traefik.http.services.s.loadbalancer.server.port", "8000"),
    ];
    let import = Options {
        environment: [("EVENKEEL_IMPORT".to_owned(), "traefik".to_owned())].into(),
        ..Options::default()
    };
    let far: Vec<Task> =
        (1..=2).map(|n| task(&format!("web.{n}"), "b", &format!("10.1.0.{n}"), &[], &[])).collect();
    let seen = |label: &str, value: &str, options: &Options| {
        let says = [&rule[..], &[(label, value)]].concat();
        let seen = manager(vec![service("web", &says)], vec![], far.clone());
        let survey = anew(&Config::default(), &[seen], options);
        assert_eq!(survey.complaints(), [""; 0], "{label}={value}");
        let backend = survey.config.backends.iter().find(|b| !b.servers.is_empty());
        backend.map_or_else(Vec::new, |b| at(&survey, &b.name))
    };
    for label in ["traefik.swarm.lbswarm", "traefik.docker.lbswarm"] {
        assert_eq!(seen(label, "true", &import), ["10.1.0.100:8000"]);
        assert_eq!(seen(label, "false", &import).len(), 2);
    }
    assert_eq!(seen("traefik.swarm.lbswarm", "true", &Options::default()), [""; 0]);
}

#[test]
fn only_the_variables_of_dockercloud_need_named_ports() {
    let far = |env: Pairs<'_>, port: bool| {
        let mut task = task("web.1", "b", "10.1.0.1", &[], env);
        Arc::make_mut(&mut task.container).exposed = if port { vec![8000] } else { vec![] };
        task
    };
    let host = ("VIRTUAL_HOST", "web.test");
    let plain = || service("web", &[]);
    let survey = survey_of(&[manager(vec![plain()], vec![], vec![far(&[host], true)])]);
    assert_eq!(survey.ask("web.test", &[]), "503");
    assert!(survey.complaints()[0].contains("SERVICE_PORTS"), "{:?}", survey.complaints());
    let named = far(&[host, ("SERVICE_PORTS", "8000")], false);
    let survey = survey_of(&[manager(vec![plain()], vec![], vec![named])]);
    assert_eq!(at(&survey, "SERVICE_web"), ["10.1.0.1:8000"]);
    let native = service("web", &[("evenkeel.host", "web.test")]);
    let survey = survey_of(&[manager(vec![native], vec![], vec![far(&[], true)])]);
    assert_eq!(at(&survey, "web"), ["10.1.0.1:8000"], "the port that it publishes");
}

#[test]
fn a_worker_alone_says_what_to_do_and_serves_what_it_sees() {
    let mut near = seen_by(task("web.1", "a", "10.1.0.1", HOST, &[]));
    near.exposed = vec![8000];
    let mut worker = manager(vec![], vec![near], vec![]);
    (worker.node, worker.swarm) = (Some(Node { id: "a".into(), manager: false }), None);
    let survey = survey_of(&[worker.clone()]);
    assert_eq!(at(&survey, "web"), ["10.1.0.1:8000"]);
    let told = survey.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("--docker=tasks://agent:2375"), "{told:?}");
    // Whoever has not been heard may be a manager.
    let mut unheard = engine("c", true, vec![]);
    unheard.freshness = Freshness::Blind("not asked yet".into());
    assert_eq!(survey_of(&[worker.clone(), unheard]).complaints(), [""; 0]);
    // One of another node helps.
    let mut other = manager(vec![service("web", &[])], vec![], vec![]);
    (other.own, other.node) = (None, Some(Node { id: "c".into(), manager: true }));
    other.provider = "docker:c".into();
    assert_eq!(survey_of(&[worker, other]).complaints(), [""; 0]);
}

#[test]
fn a_service_that_the_manager_does_not_know_yet_waits() {
    let near = seen_by(task("web.1", "a", "10.1.0.1", HOST, &[]));
    let survey = survey_of(&[manager(vec![], vec![near], vec![])]);
    assert_eq!(survey.ask("web.test", &[]), "503");
    let standing = &survey.seats[0].standing;
    assert!(matches!(standing, SeatStanding::Out(r) if r.contains("knows its service yet")));
}

#[test]
fn without_a_network_in_common_only_a_published_port_leads_to_a_task() {
    let mut far = task("web.1", "b", "10.1.0.1", &[], &[]);
    let id = |n: &str| Name::from(format!("{n:0<25}"));
    Arc::make_mut(&mut far.container).networks.iter_mut().for_each(|n| n.id = id(&n.name));
    let outside = |far: Task| {
        let mut seen = manager(vec![service("web", HOST)], vec![], vec![far]);
        seen.own = None;
        survey_of(&[seen])
    };
    assert!(outside(far.clone()).complaints()[0].contains("it publishes no port"));
    Arc::make_mut(&mut far.container).published =
        vec![(8000, "198.18.0.3".parse().expect("address"), 81)];
    assert_eq!(at(&outside(far), "web"), ["198.18.0.3:81"]);
}

/// D7: 30 containers on each of 10 nodes, and one of them changes.
#[test]
fn d07_of_three_hundred_servers_only_the_one_that_changes_is_touched() {
    let town = |replaced: bool| {
        let tasks = (1..=300).map(|n| {
            let node = format!("n{}", n % 10);
            let last = if replaced && n == 150 { 9 } else { n % 200 + 1 };
            let ip = format!("10.1.{}.{last}", n / 200);
            let mut task = task(&format!("web.{n}"), &node, &ip, &[], &[]);
            if replaced && n == 150 {
                Arc::make_mut(&mut task.container).id = "new".into();
                Arc::make_mut(&mut task.container).name = "web.150.new".into();
            }
            task
        });
        let survey = survey_of(&[manager(vec![service("web", HOST)], vec![], tasks.collect())]);
        assert_eq!(at(&survey, "web").len(), 300);
        survey.config
    };
    let steps = model::diff(&town(false), &town(true));
    let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["+ server web/web.150.new", "- server web/web.150.t150"]);
}
