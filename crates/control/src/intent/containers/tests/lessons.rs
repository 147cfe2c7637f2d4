//! Faults of dockercloud/haproxy that are not copied, those that other tests do not show already.

use super::*;

/// A linked service's container that was started at this time.
fn replica(ip: &str, started_ns: u64) -> Container {
    let mut one = container("a_1", ip, &[], &[("VIRTUAL_HOST", "a.test")]);
    one.id = format!("{started_ns:0<64}").into();
    one.started_ns = started_ns;
    one
}

/// Rules of the same weight came in an order of chance.
#[test]
fn the_order_in_which_containers_are_listed_does_not_matter() {
    let hosts = ["x.test", "*.test", "*/v1", "x.test/v1", "*", "ws://x.test", "x.test, y.test"];
    let containers: Vec<Container> = (1..)
        .zip(hosts)
        .map(|(n, host)| {
            let name = format!("s{n}_1");
            container(&name, &format!("10.0.0.{n}"), &[], &[("VIRTUAL_HOST", host)])
        })
        .collect();
    let config =
        |list: &[Container]| list.iter().cloned().fold(Town::default(), Town::with).survey().config;
    let first = config(&containers);
    let mut turned = containers.clone();
    turned.reverse();
    assert_eq!(config(&turned), first);
    turned.swap(1, 4);
    assert_eq!(config(&turned), first);
}

/// A restart within a second gave the same text, and the old address stayed.
#[test]
fn a_container_made_anew_under_its_name_is_another_server() {
    let of = |ip: &str, at: u64| {
        let survey = Town::default().with(replica(ip, at)).survey();
        survey.config.backend("SERVICE_p_a").expect("a backend").servers[0].clone()
    };
    let (first, again, same) = (of("10.0.0.1", 1), of("10.0.0.1", 2), of("10.0.0.1", 1));
    assert_eq!(first.name, again.name);
    assert_ne!(first.identity, again.identity, "the same name and address are not enough");
    assert_eq!(first.identity, same.identity);
}

/// A wrong value made the whole configuration wrong, and at the start nothing ran at all.
#[test]
fn one_bad_service_leaves_the_others() {
    for (name, value) in [
        ("VIRTUAL_HOST", "a.test:http"),
        ("HEALTH_CHECK", "check inter never"),
        ("EXTRA_SETTINGS", "no-such-keyword"),
        ("BALANCE", "fastest"),
        ("COOKIE", "SRV no-such-word"),
        ("OPTION", "no-such-option"),
        ("TCP_PORTS", "x"),
        ("EXCLUDE_PORTS", "x"),
        ("HSTS_MAX_AGE", "long"),
        ("EXTRA_ROUTE_SETTINGS", "no-such-word"),
        ("HTTP_CHECK", "GET /\u{7f}"),
    ] {
        let mut env = BTreeMap::from([("VIRTUAL_HOST", "bad.test")]);
        env.insert(name, value);
        let env: Vec<(&str, &str)> = env.into_iter().collect();
        let survey = Town::default()
            .service("bad", 1, &[80], &env)
            .service("good", 1, &[80], &[("VIRTUAL_HOST", "good.test")])
            .survey();
        assert_eq!(survey.ask("good.test", &[]), "good_1", "{name}={value}");
        assert_eq!(survey.ask("bad.test", &[]), "503", "{name}={value}");
        let problems = survey.complaints();
        let place = format!("container bad_1, {name}: ");
        assert!(problems.len() == 1 && problems[0].starts_with(&place), "{problems:?}");
    }
}

/// A service of ADDITIONAL_SERVICES without a container at the start was never looked at again.
#[test]
fn a_service_that_comes_later_takes_part() {
    let town = || Town::balancer(&[("ADDITIONAL_SERVICES", "q:late")]);
    assert_eq!(town().survey().ask("any.test", &[]), "503");
    let mut late = container("late_1", "10.0.0.5", &[], &[]);
    late.labels.insert("com.docker.compose.project".into(), "q".into());
    assert_eq!(town().with(late).survey().ask("any.test", &[]), "late_1");
}

/// Words that mean no meant yes, and one that means yes meant no.
#[test]
fn no_means_no_in_any_case() {
    for no in ["0", "false", "False", "no", "OFF"] {
        let survey = Town::balancer(&[("SKIP_FORWARDED_PROTO", no), ("FORCE_DEFAULT_BACKEND", no)])
            .service("a", 1, &[80], &[("VIRTUAL_HOST", "a.test"), ("FORCE_SSL", no)])
            .service("b", 1, &[80], &[("VIRTUAL_HOST", "b.test"), ("FAILOVER", no)])
            .service("c", 1, &[80], &[])
            .survey();
        assert_eq!(survey.ask("a.test", &[]), "a_1", "{no}");
        assert_eq!(survey.ask("any.test", &[]), "503", "{no}");
        let frontend = survey.config.frontend("port_80").expect("a frontend");
        assert_eq!(frontend.rules.http_request.len(), 4, "X-Forwarded-Proto is set, too");
        assert!(!survey.config.backend("SERVICE_p_b").expect("a backend").servers[0].backup);
    }
}

/// X-Forwarded-Proto was added to what the client had sent.
#[test]
fn what_a_client_says_of_its_protocol_is_not_believed() {
    let survey = |env: Pairs<'_>| {
        let town = Town::balancer(env);
        town.service("a", 1, &[80], &[("VIRTUAL_HOST", "a.test"), ("FORCE_SSL", "1")]).survey()
    };
    let text = |s: &Survey| format!("{:?}", s.config.frontend("port_80").map(|f| f.rules.clone()));
    let all = text(&survey(&[]));
    assert!(all.contains("SetHeader") && !all.contains("AddHeader"), "{all}");
    let trusted = text(&survey(&[("EVENKEEL_TRUSTED_PROXIES", "10.0.0.0/8")]));
    assert!(trusted.contains("trusted_proxy") && !trusted.contains("AddHeader"), "{trusted}");
}

/// Those that are starting, unhealthy, paused or stopping got requests.
#[test]
fn who_is_not_ready_gets_nothing() {
    let of = |state: ContainerState, health: ContainerHealth, stopping: bool| {
        let mut one = replica("10.0.0.1", 1);
        (one.state, one.health, one.stopping) = (state, health, stopping);
        let survey = Town::default().with(one).survey();
        let server = survey.config.backend("SERVICE_p_a").map(|b| b.servers[0].clone());
        (server.is_some_and(|s| !s.disabled && !s.stopping), survey.seats[0].standing.clone())
    };
    let (running, none) = (ContainerState::Running, ContainerHealth::None);
    assert_eq!(of(running, none, false), (true, SeatStanding::In(None)));
    assert_eq!(of(running, ContainerHealth::Healthy, false), (true, SeatStanding::In(None)));
    for (state, health, stopping) in [
        (running, ContainerHealth::Starting, false),
        (running, ContainerHealth::Unhealthy, false),
        (ContainerState::Paused, none, false),
        (ContainerState::Restarting, none, false),
        (running, none, true),
        (ContainerState::Created, none, false),
        (ContainerState::Exited, none, false),
    ] {
        let (gets, standing) = of(state, health, stopping);
        assert!(!gets, "{state:?} {health:?} {stopping}");
        assert_ne!(standing, SeatStanding::In(None), "{state:?} {health:?} {stopping}");
    }
}

/// Names of Compose v2 have hyphens, and links were found by taking names apart.
#[test]
fn links_are_found_by_what_containers_are_not_by_their_names() {
    for name in ["p-api-1", "p_api_1", "whatever", "p-x-api-1"] {
        let mut api = container("api_1", "10.0.0.1", &[], &[]);
        api.name = name.into();
        let mut town = Town::default().with(api);
        town.links.push(name.into());
        let survey = town.survey();
        assert_eq!(survey.ask("any.test", &[]), name);
        assert_eq!(survey.modes[0].1, "compose: linked services");
    }
}

/// Everybody on the machine could read the statistics with an account that everybody knows.
#[test]
fn the_statistics_outside_of_a_container_are_opened_for_those_who_ask() {
    let has = |town: Town| town.survey().config.frontend("stats").is_some();
    assert!(!has(Town::default().outside()));
    assert!(has(Town::balancer(&[("STATS_AUTH", "ann:secret")]).outside()));
    let local = Town::balancer(&[("STATS_PORT", "127.0.0.1:1936")]).survey();
    let address = local.config.frontend("stats").expect("the page").binds[0].address.to_string();
    assert_eq!(address, "127.0.0.1:1936");
}

/// Names of variables that are nearly ours are told apart from those of other programs.
#[test]
fn a_misspelled_variable_is_named() {
    for (name, told) in [
        ("VIRUTAL_HOST", true),
        ("VIRTUAL_HOTS", true),
        ("VIRTUALHOST", true),
        ("VIRTUAL_ENV", false),
        ("VIRTUAL_PORT", false),
        ("DATABASE_HOST", false),
    ] {
        let survey = Town::default().service("a", 1, &[80], &[(name, "a.test")]).survey();
        let said = survey.complaints().iter().any(|p| p.contains("was VIRTUAL_HOST meant?"));
        assert_eq!(said, told, "{name}: {:?}", survey.complaints());
    }
}
