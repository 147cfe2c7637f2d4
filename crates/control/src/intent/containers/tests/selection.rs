//! Who takes part, how it is reached, and what becomes of its servers.

use super::*;
use model::{Host, ServerIdentity};

fn standing(survey: &Survey, name: &str) -> SeatStanding {
    let seat = survey.seats.iter().find(|s| &*s.name == name).expect("a seat");
    seat.standing.clone()
}

fn merged(containers: Vec<Container>) -> Survey {
    anew(&Config::default(), &seen(containers), &Options::default())
}

#[test]
fn one_service_beside_us_without_a_host_gets_everything() {
    let survey = merged(vec![
        container("server_2", "10.0.0.2", &[], &[]),
        container("server_10", "10.0.0.10", &[], &[]),
        container("server_1", "10.0.0.1", &[], &[]),
    ]);
    assert_eq!(survey.complaints(), [""; 0]);
    assert_eq!(survey.ask("any.test/any", &[]), "server_1 server_2 server_10");
    let backend = survey.config.backend("default_service").expect("a backend");
    assert_eq!(backend.servers[0].host, Host::Ip(ip("10.0.0.1")));
    assert!(matches!(backend.servers[0].identity, ServerIdentity::Container { .. }));
}

#[test]
fn several_services_beside_us_without_a_host_are_asked_what_they_want() {
    let survey = merged(vec![
        container("web_1", "10.0.0.1", &[], &[]),
        container("db_1", "10.0.0.2", &[], &[]),
    ]);
    assert_eq!(survey.ask("any.test", &[]), "503");
    assert_eq!(survey.problems.len(), 1);
    assert!(survey.problems[0].reason.contains("p_db, p_web name no host"));
    assert!(matches!(standing(&survey, "db_1"), SeatStanding::Out(_)));
}

#[test]
fn links_say_who_is_meant() {
    let town = Town::default()
        .service("api", 1, &[80], &[])
        .with(container("db_1", "10.0.0.9", &[], &[]))
        .with(container("side_1", "10.0.0.8", &[], &[("VIRTUAL_HOST", "side.test")]))
        .with(container("own_1", "10.0.0.7", &[("evenkeel.host", "own.test")], &[]));
    let survey = town.survey();
    assert_eq!(survey.complaints(), [""; 0]);
    assert_eq!(survey.ask("any.test", &[]), "api_1");
    assert_eq!(survey.ask("side.test", &[]), "api_1", "not linked");
    assert_eq!(survey.ask("own.test", &[]), "own_1", "labels of ours ask by themselves");
    let SeatStanding::Out(reason) = standing(&survey, "db_1") else { panic!("it is in") };
    assert!(reason.contains("not linked"), "{reason}");
    assert_eq!(survey.modes[0].1, "compose: linked services");
}

#[test]
fn depends_on_bounds_those_without_a_host() {
    let mut town = Town::default()
        .with(container("api_1", "10.0.0.1", &[], &[]))
        .with(container("db_1", "10.0.0.2", &[], &[]))
        .with(container("app_1", "10.0.0.3", &[], &[("VIRTUAL_HOST", "app.test")]));
    let mut own = container("lb_1", "10.0.0.250", &[], &[]);
    own.id = "self".into();
    own.labels.insert(
        "com.docker.compose.depends_on".into(),
        "api:service_started:false,x:service_started:true".into(),
    );
    town.containers.push(own);
    let survey = town.survey();
    assert_eq!(survey.ask("any.test", &[]), "api_1");
    assert_eq!(survey.ask("app.test", &[]), "app_1");
    assert!(matches!(standing(&survey, "db_1"), SeatStanding::Out(_)));
    assert_eq!(standing(&survey, "lb_1"), SeatStanding::Out("the balancer itself".into()));
}

#[test]
fn one_offs_siblings_and_those_switched_off_stay_out() {
    let off: Pairs<'_> = &[("com.docker.dockercloud.haproxy.deactivate", "true")];
    let town = Town::default()
        .with(container("a_1", "10.0.0.1", &[("com.docker.compose.oneoff", "True")], &[]))
        .with(container("lb_2", "10.0.0.2", &[], &[]))
        .with(container("b_1", "10.0.0.3", off, &[("VIRTUAL_HOST", "b.test")]))
        .with(container("c_1", "10.0.0.4", &[("evenkeel.enable", "no")], &[]));
    let survey = town.survey();
    assert!(survey.seats.iter().all(|s| matches!(s.standing, SeatStanding::Out(_))));
    assert_eq!(survey.ask("b.test", &[]), "503");
    assert_eq!(survey.complaints(), [""; 0]);
}

#[test]
fn stopping_and_unhealthy_replicas_keep_their_place_without_traffic() {
    let mut stopping = container("s_1", "10.0.0.1", &[], &[]);
    stopping.stopping = true;
    let mut starting = container("s_2", "10.0.0.2", &[], &[]);
    starting.health = ContainerHealth::Starting;
    let mut gone = container("s_3", "10.0.0.3", &[], &[]);
    gone.state = ContainerState::Exited;
    let mut ignored = container("s_4", "10.0.0.4", &[("evenkeel.health", "ignore")], &[]);
    ignored.health = ContainerHealth::Unhealthy;
    let survey = merged(vec![stopping, starting, gone, ignored]);
    let servers = &survey.config.backend("default_service").expect("a backend").servers;
    let flags: Vec<_> = servers.iter().map(|s| (&*s.name, s.stopping, s.disabled)).collect();
    assert_eq!(flags, [("s_1", true, false), ("s_2", false, true), ("s_4", false, false)]);
    assert!(matches!(standing(&survey, "s_2"), SeatStanding::In(Some(_))));
    assert_eq!(standing(&survey, "s_4"), SeatStanding::In(None));
}

#[test]
fn only_a_shared_network_reaches() {
    let mut other = container("x_1", "10.9.0.1", &[("evenkeel.host", "x.dev")], &[]);
    other.networks = vec![network("elsewhere", "10.9.0.1")];
    let mut both = container("y_1", "10.0.0.7", &[("evenkeel.host", "y.dev")], &[]);
    both.networks.insert(0, network("elsewhere", "10.9.0.2"));
    let named: Pairs<'_> = &[("evenkeel.host", "z.dev"), ("evenkeel.network", "elsewhere")];
    let mut named = container("z_1", "10.0.0.8", named, &[]);
    named.networks.insert(0, network("elsewhere", "10.9.0.3"));
    let survey = Town::default().with(other).with(both).with(named).survey();
    let problems = survey.complaints();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("shares no network"), "{problems:?}");
    let host = |b: &str| survey.config.backend(b).expect("a backend").servers[0].host.clone();
    assert_eq!(host("p_y"), Host::Ip(ip("10.0.0.7")));
    assert_eq!(host("p_z"), Host::Ip(ip("10.9.0.3")));
}

#[test]
fn the_newest_container_decides_and_is_named() {
    let mut old = container("a_1", "10.0.0.1", &[], &[("BALANCE", "source")]);
    old.env.insert("VIRTUAL_HOST".into(), "a.test".into());
    let mut new = container("a_2", "10.0.0.2", &[], &[("BALANCE", "leastconn")]);
    new.env.insert("VIRTUAL_HOST".into(), "a.test, b.test".into());
    new.started_ns = 2;
    let mut newer = new.clone();
    newer.name = "a_3".into();
    newer.id = "3".into();
    newer.started_ns = 3;
    newer.env.insert("BALANCE".into(), "first".into());
    let survey = merged(vec![old, new, newer]);
    assert_eq!(survey.ask("a.test", &[]), "a_1 a_2 a_3");
    assert_eq!(survey.ask("b.test", &[]), "a_2 a_3", "the old one never asked for it");
    let backend = survey.config.backend("SERVICE_p_a.2").expect("a backend");
    assert_eq!(backend.algorithm, model::Algorithm::First);
    assert!(
        survey.complaints().iter().any(|p| p.contains("the newest container, a_3, decides")),
        "{:?}",
        survey.complaints()
    );
}

#[test]
fn a_file_and_containers_serve_side_by_side() {
    let base = crate::tests::config(&["0.0.0.0:80"], &[crate::tests::server("file", 1)]);
    let town = Town::default().outside().with(container(
        "a_1",
        "10.0.0.1",
        &[("evenkeel.host", "a.test")],
        &[],
    ));
    let town = town.with(container("b_1", "10.0.0.2", &[("evenkeel.path", "/")], &[]));
    let survey = town.survey_over(&base);
    assert_eq!(survey.ask("a.test", &[]), "a_1");
    assert_eq!(survey.ask("b.test", &[]), "file", "the file's default backend stays");
    let problems = survey.complaints();
    assert!(problems.iter().any(|p| p.contains("the file wins")), "{problems:?}");
    assert_eq!(survey.ports(), [80]);
}

#[test]
fn a_name_in_a_file_wins() {
    let mut base = crate::tests::config(&["127.0.0.1:1"], &[]);
    let mut backend = model::Backend::clone(&base.backends[0]);
    backend.name = "p_a".into();
    base.backends.push(backend.into());
    let town = Town::default().outside().with(container(
        "a_1",
        "10.0.0.1",
        &[("evenkeel.host", "a.test")],
        &[],
    ));
    let survey = town.survey_over(&base);
    assert!(survey.complaints()[0].contains("backend p_a is in a file already"));
    assert_eq!(survey.config.backends.iter().filter(|b| &*b.name == "p_a").count(), 1);
}

#[test]
fn when_nobody_takes_part_it_is_said_where_was_looked_and_why() {
    let mut stopped = container("old_1", "10.0.0.3", &[], &[]);
    stopped.state = ContainerState::Exited;
    let mut town = Town::balancer(&[("LINKED_SERVICES", "web"), ("STATS_AUTH", "a:b")])
        .with(container("db_1", "10.0.0.2", &[], &[]))
        .with(stopped);
    let survey = town.survey();
    let [nobody, missing] = survey.notices.as_slice() else { panic!("{:?}", survey.notices) };
    let words = ["compose: linked services", "p_default", "db_1 (not linked", "VIRTUAL_HOST"];
    assert!(words.iter().all(|w| nobody.contains(w)), "{nobody}");
    assert!(!nobody.contains("old_1"), "{nobody}");
    assert_eq!(missing, "LINKED_SERVICES: no container of p:web runs; it is waited for");
    town = town.with(container("web_1", "10.0.0.4", &[], &[]));
    assert_eq!(town.survey().notices, [""; 0]);
}

#[test]
fn a_statistics_page_with_the_known_account_is_warned_of() {
    let town = |own: Pairs<'_>| Town::balancer(own).service("web", 1, &[80], &[]).survey();
    let notices = town(&[]).notices;
    assert!(notices.len() == 1 && notices[0].contains("stats:stats"), "{notices:?}");
    assert_eq!(town(&[("STATS_AUTH", "ann:x")]).notices, [""; 0]);
    assert_eq!(town(&[("STATS_PORT", "off")]).notices, [""; 0]);
}
