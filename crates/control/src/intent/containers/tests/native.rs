//! Evenkeel's own labels.

use super::*;

fn town(labels: Pairs<'_>) -> Survey {
    Town::default().with(container("a_1", "10.0.0.1", labels, &[])).survey()
}

#[test]
fn hosts_and_paths_come_most_specific_first_and_nobody_gets_the_rest() {
    let survey = Town::default()
        .outside()
        .with(container("a_1", "10.0.0.1", &[("evenkeel.host", "*.app.dev")], &[]))
        .with(container("b_1", "10.0.0.2", &[], &[("VIRTUAL_HOST", "api.app.dev")]))
        .with(container(
            "c_1",
            "10.0.0.3",
            &[("evenkeel.host", "api.app.dev"), ("evenkeel.path", "/v2, /v3/")],
            &[],
        ))
        .with(container("d_1", "10.0.0.4", &[], &[]))
        .survey();
    assert_eq!(survey.complaints(), [""; 0]);
    for (url, server) in [
        ("api.app.dev/v2", "c_1"),
        ("api.app.dev/v3/x", "c_1"),
        ("api.app.dev/v21", "b_1"),
        ("api.app.dev/V2", "b_1"),
        ("API.app.dev.:80/", "b_1"),
        ("x.app.dev/v2", "a_1"),
        ("app.dev", "503"),
    ] {
        assert_eq!(survey.ask(url, &[]), server, "{url}");
    }
}

#[test]
fn several_routes_have_names_and_share_what_has_none() {
    let survey = town(&[
        ("evenkeel.web.host", "shop.test"),
        ("evenkeel.web.port", "8080"),
        ("evenkeel.admin.host", "admin.test"),
        ("evenkeel.admin.path", "/in"),
        ("evenkeel.admin.port", "9090"),
        ("evenkeel.db.protocol", "tcp"),
        ("evenkeel.db.port", "5432"),
        ("evenkeel.db.listen", "15432"),
        ("evenkeel.balance", "leastconn"),
        ("evenkeel.check", "off"),
    ]);
    assert_eq!(survey.complaints(), [""; 0]);
    assert_eq!(survey.ports(), [80, 15432]);
    for (backend, port) in [("p_a.web", 8080), ("p_a.admin", 9090), ("port_15432", 5432)] {
        let b = survey.config.backend(backend).expect("a backend");
        assert_eq!(b.algorithm, model::Algorithm::LeastConn, "{backend}");
        assert_eq!(b.servers[0].check, None, "{backend}");
        assert_eq!(format!("{:?}", b.servers[0].port), format!("{:?}", model::Port::Fixed(port)));
    }
    assert_eq!(survey.ask("shop.test/any", &[]), "a_1");
    assert_eq!(survey.ask("admin.test/any", &[]), "503");
}

#[test]
fn priority_comes_before_the_more_specific() {
    let survey = Town::default()
        .with(container("a_1", "10.0.0.1", &[("evenkeel.host", "x.test")], &[]))
        .with(container(
            "b_1",
            "10.0.0.2",
            &[("evenkeel.host", "*.test"), ("evenkeel.priority", "10")],
            &[],
        ))
        .survey();
    assert_eq!(survey.ask("x.test", &[]), "b_1");
}

#[test]
fn two_services_under_one_host_share_by_weight() {
    let survey = Town::default()
        .with(container(
            "new_1",
            "10.0.0.1",
            &[("evenkeel.host", "x.test"), ("evenkeel.weight", "10")],
            &[],
        ))
        .with(container(
            "old_1",
            "10.0.0.2",
            &[("evenkeel.host", "x.test"), ("evenkeel.weight", "90")],
            &[],
        ))
        .survey();
    let servers = &survey.config.backend("p_new").expect("a backend").servers;
    let weights: Vec<_> = servers.iter().map(|s| (&*s.name, s.weight)).collect();
    assert_eq!(weights, [("new_1", 10), ("old_1", 90)]);
    assert_eq!(survey.complaints(), [""; 0]);
}

#[test]
fn containers_outside_compose_share_a_host() {
    let mut one = container("one", "10.0.0.1", &[("evenkeel.host", "x.test")], &[]);
    let mut two = container("two", "10.0.0.2", &[("evenkeel.host", "x.test")], &[]);
    for c in [&mut one, &mut two] {
        c.labels.retain(|k, _| k.starts_with("evenkeel."));
    }
    let survey = Town::default().outside().with(one).with(two).survey();
    assert_eq!(survey.ask("x.test", &[]), "one two");
}

#[test]
fn a_replica_waits_for_its_check_and_several_are_watched() {
    use model::{InitState, Observe};
    let one = || container("a_1", "10.0.0.1", &[("evenkeel.host", "x.test")], &[]);
    let other = || container("a_2", "10.0.0.2", &[("evenkeel.host", "x.test")], &[]);
    for (containers, observe) in
        [(vec![one()], None), (vec![one(), other()], Some(Observe::Layer4))]
    {
        let survey = containers.into_iter().fold(Town::default(), Town::with).survey();
        let b = survey.config.backend("p_a").expect("a backend");
        let check = b.servers[0].check.as_ref().expect("a check");
        assert_eq!((check.init_state, check.observe), (InitState::Down, observe));
    }
}

#[test]
fn checks_stickiness_and_lines_reach_the_backend() {
    let survey = town(&[
        ("evenkeel.host", "x.test"),
        ("evenkeel.check", "HEAD /up inter 5s fall 2"),
        ("evenkeel.sticky", "CART"),
        ("evenkeel.drain", "30s"),
        ("evenkeel.config", "timeout server 5m\n  http-request set-header X-A b\n\nretries 5"),
    ]);
    assert_eq!(survey.complaints(), [""; 0]);
    let b = survey.config.backend("p_a").expect("a backend");
    assert_eq!(b.retries, 5);
    assert_eq!(b.timeouts.server, Some(std::time::Duration::from_secs(300)));
    assert_eq!(b.rules.http_request.len(), 2, "theirs, and ours about second attempts");
    assert_eq!(b.drain_timeout, Some(std::time::Duration::from_secs(30)));
    let cookie = b.cookie.as_ref().expect("a cookie");
    assert_eq!(&*cookie.name, "CART");
    assert_eq!(b.servers[0].cookie.as_deref(), Some("a_1"));
    assert!(format!("{:?}", b.check).contains("HEAD"), "{:?}", b.check);
    assert_eq!(b.servers[0].check.as_ref().map(|c| c.fall), Some(2));
    assert!(b.rules.http_request[0].origin.to_string().contains("a_1, evenkeel.config"));
}

#[test]
fn unknown_keys_are_named_with_what_was_meant() {
    let survey = town(&[("evenkeel.hots", "x.test"), ("evenkeel.web.enable", "true")]);
    let problems = survey.complaints();
    assert!(problems[0].contains("a_1, evenkeel.hots") && problems[0].contains("'host'"));
    assert!(problems[1].contains("evenkeel.web.enable"), "{problems:?}");
}

#[test]
fn bad_values_cost_their_own_container_alone() {
    for (label, value) in [
        ("evenkeel.enable", "perhaps"),
        ("evenkeel.port", "eighty"),
        ("evenkeel.listen", "0"),
        ("evenkeel.weight", "300"),
        ("evenkeel.priority", "high"),
        ("evenkeel.host", "a b"),
        ("evenkeel.path", "x"),
        ("evenkeel.protocol", "udp"),
        ("evenkeel.sticky", "a;b"),
        ("evenkeel.balance", "fastest"),
        ("evenkeel.check", "sometimes"),
        ("evenkeel.check", "/ inter soon"),
        ("evenkeel.health", "good"),
        ("evenkeel.drain", "soon"),
        ("evenkeel.config", "no-such-keyword"),
        ("evenkeel.config", "errorfile 503 /etc/passwd"),
    ] {
        let labels = [("evenkeel.host", "x.test"), (label, value)];
        let survey = Town::default()
            .with(container("a_1", "10.0.0.1", &labels, &[]))
            .with(container("b_1", "10.0.0.2", &[("evenkeel.host", "b.test")], &[]))
            .survey();
        let place = format!("container a_1, {label}: ");
        let problems = survey.complaints();
        assert_eq!(problems.len(), 1, "{label}={value}: {problems:?}");
        assert!(problems[0].starts_with(&place), "{label}={value}: {problems:?}");
        assert!(problems[0].ends_with("left out until it is mended"), "{problems:?}");
        assert_eq!(survey.ask("b.test", &[]), "b_1");
        assert_eq!(survey.ask("x.test", &[]), "503");
        assert!(matches!(survey.seats[0].standing, SeatStanding::Quarantined(_)));
    }
}

#[test]
fn a_replica_with_a_bad_label_leaves_the_others_of_its_service() {
    let good: Pairs<'_> = &[("evenkeel.host", "x.test"), ("evenkeel.balance", "leastconn")];
    let mut bad = container("a_2", "10.0.0.2", good, &[]);
    bad.labels.insert("evenkeel.balance".into(), "fastest".into());
    bad.started_ns = 9;
    let survey = Town::default().with(container("a_1", "10.0.0.1", good, &[])).with(bad).survey();
    assert_eq!(survey.ask("x.test", &[]), "a_1");
    let backend = survey.config.backend("p_a").expect("a backend");
    assert_eq!(backend.algorithm, model::Algorithm::LeastConn);
}

#[test]
fn labels_without_a_route_say_the_rest_about_variables() {
    let labels: Pairs<'_> = &[
        ("evenkeel.port", "9000"),
        ("evenkeel.weight", "7"),
        ("evenkeel.balance", "leastconn"),
        ("evenkeel.enable", "true"),
    ];
    let env: Pairs<'_> = &[("VIRTUAL_HOST", "x.test"), ("BALANCE", "source")];
    let survey = Town::default().with(container("a_1", "10.0.0.1", labels, env)).survey();
    assert_eq!(survey.ask("x.test", &[]), "a_1");
    assert_eq!(survey.ask("y.test", &[]), "503");
    let backend = survey.config.backend("SERVICE_p_a").expect("a backend");
    assert_eq!(backend.algorithm, model::Algorithm::LeastConn);
    assert_eq!(backend.servers[0].weight, 7);
    assert!(survey.addresses("SERVICE_p_a")[0].contains("9000"));
}
