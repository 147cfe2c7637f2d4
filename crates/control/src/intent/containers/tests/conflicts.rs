//! Versions of a service that differ, services that want the same, and a file that was there first:
//! who wins, the same whichever came first, and shown wherever somebody looks.

use super::*;

/// A container that was started at this time and says this.
fn started(name: &str, at: u64, labels: Pairs<'_>) -> Container {
    let mut one = container(name, &format!("10.0.0.{at}"), labels, &[]);
    one.started_ns = at;
    one
}

/// The survey of these in one order, which must be the same in every other.
fn settled(containers: &[Container]) -> Survey {
    let survey =
        |list: &[Container]| list.iter().cloned().fold(Town::default(), Town::with).survey();
    let first = survey(containers);
    let mut turned = containers.to_vec();
    for _ in 1..containers.len() {
        turned.rotate_left(1);
        let other = survey(&turned);
        assert_eq!(other.config, first.config);
        let complaints = |s: &Survey| s.complaints().into_iter().collect::<BTreeSet<_>>();
        assert_eq!(complaints(&other), complaints(&first));
    }
    first
}

/// The seat of a container.
fn seat<'a>(survey: &'a Survey, name: &str) -> &'a Seat {
    survey.seats.iter().find(|s| *s.name == *name).expect("a seat")
}

#[test]
fn of_two_versions_of_a_service_the_newest_decides() {
    let host = ("evenkeel.host", "x.test");
    for (key, old, new) in [
        ("evenkeel.balance", Some("source"), Some("leastconn")),
        ("evenkeel.balance", Some("source"), None),
        ("evenkeel.balance", None, Some("leastconn")),
        ("evenkeel.sticky", None, Some("S")),
        ("evenkeel.config", Some("retries 5"), Some("retries 7")),
        ("evenkeel.check", Some("/old"), Some("/new")),
    ] {
        let says = |value: Option<&'static str>| -> Vec<(&str, &str)> {
            [Some(host), value.map(|v| (key, v))].into_iter().flatten().collect()
        };
        let survey = settled(&[started("a_1", 1, &says(old)), started("a_2", 2, &says(new))]);
        assert_eq!(survey.ask("x.test", &[]), "a_1 a_2", "both serve");
        let alone = settled(&[started("a_2", 2, &says(new))]);
        let one = |s: &Survey| {
            let b = s.config.backend("p_a").expect("a backend");
            (b.algorithm.clone(), b.cookie.clone(), b.retries, format!("{:?}", b.check))
        };
        assert_eq!(one(&survey), one(&alone), "{key}: as the newest alone");
        let problems = survey.complaints();
        let place = format!("container a_1, {key}: service p_a: ");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&place), "{problems:?}");
        assert!(problems[0].ends_with("the newest container, a_2, decides"), "{problems:?}");
        for name in ["a_1", "a_2"] {
            assert_eq!(seat(&survey, name).notes, problems, "{name}");
        }
    }
}

#[test]
fn of_two_versions_one_that_stops_has_no_say() {
    let labels = |balance| [("evenkeel.host", "x.test"), ("evenkeel.balance", balance)];
    let mut new = started("a_2", 2, &labels("leastconn"));
    new.stopping = true;
    let survey = settled(&[started("a_1", 1, &labels("source")), new]);
    assert_eq!(survey.complaints(), [""; 0]);
    let algorithm = &survey.config.backend("p_a").expect("a backend").algorithm;
    assert!(
        matches!(algorithm, model::Algorithm::Hash(_)) || format!("{algorithm:?}").contains("S")
    );
}

#[test]
fn versions_with_other_requests_each_get_theirs_and_the_newest_decides_where_they_meet() {
    let survey = settled(&[
        started("a_1", 1, &[("evenkeel.host", "x.test"), ("evenkeel.balance", "first")]),
        started(
            "a_2",
            2,
            &[("evenkeel.host", "x.test, y.test"), ("evenkeel.balance", "leastconn")],
        ),
    ]);
    assert_eq!(survey.ask("x.test", &[]), "a_1 a_2");
    assert_eq!(survey.ask("y.test", &[]), "a_2");
    let leastconn =
        |b: &std::sync::Arc<model::Backend>| matches!(b.algorithm, model::Algorithm::LeastConn);
    let ours: Vec<_> =
        survey.config.backends.iter().filter(|b| b.name.starts_with("p_a")).collect();
    assert_eq!(ours.len(), 2);
    assert!(ours.into_iter().all(leastconn), "the newest of the service decides in both");
    let problems = survey.complaints();
    let said = "container a_2, evenkeel.host: service p_a: it asks for other requests than a_1";
    assert!(problems.iter().any(|p| p.starts_with(said)), "{problems:?}");
    assert!(seat(&survey, "a_1").notes.iter().any(|n| n.starts_with(said)));
}

#[test]
fn weights_of_versions_are_no_conflict() {
    let labels = |weight| [("evenkeel.host", "x.test"), ("evenkeel.weight", weight)];
    let survey = settled(&[started("a_1", 1, &labels("90")), started("a_2", 2, &labels("10"))]);
    assert_eq!(survey.complaints(), [""; 0]);
    let servers = &survey.config.backend("p_a").expect("a backend").servers;
    let weights: Vec<u16> = servers.iter().map(|s| s.weight).collect();
    assert_eq!(weights, [90, 10]);
}

#[test]
fn services_that_want_the_same_host_share_it_and_are_told() {
    let labels = |weight| [("evenkeel.host", "x.test"), ("evenkeel.weight", weight)];
    let survey = settled(&[started("old_1", 1, &labels("90")), started("new_1", 2, &labels("10"))]);
    assert_eq!(survey.ask("x.test", &[]), "new_1 old_1");
    assert_eq!(survey.complaints(), [""; 0], "that is how a canary is done");
    for name in ["old_1", "new_1"] {
        let notes = &seat(&survey, name).notes;
        assert_eq!(notes, &["p_new and p_old share x.test by their weights"]);
    }
}

#[test]
fn services_that_disagree_about_what_they_share_are_reported() {
    for (priority, leader) in [("0", "p_a"), ("5", "p_b")] {
        let survey = settled(&[
            started("a_1", 1, &[("evenkeel.host", "x.test"), ("evenkeel.balance", "first")]),
            started(
                "b_1",
                2,
                &[
                    ("evenkeel.host", "x.test"),
                    ("evenkeel.balance", "leastconn"),
                    ("evenkeel.priority", priority),
                ],
            ),
        ]);
        let backend = survey.config.backend(leader).expect("the leader's backend");
        let leastconn = matches!(backend.algorithm, model::Algorithm::LeastConn);
        assert_eq!(leastconn, leader == "p_b");
        let problems = survey.complaints();
        assert_eq!(problems.len(), 1, "{problems:?}");
        let loser = if leader == "p_a" { "b_1" } else { "a_1" };
        assert!(problems[0].starts_with(&format!("container {loser}, evenkeel.balance: ")));
        assert!(problems[0].ends_with(&format!("{leader} decides")), "{problems:?}");
        for name in ["a_1", "b_1"] {
            assert!(seat(&survey, name).notes.contains(&problems[0]), "{name}");
        }
    }
}

#[test]
fn hosts_that_meet_go_to_the_most_specific_whoever_comes_first() {
    let list: &[(&str, Pairs<'_>)] = &[
        ("a_1", &[("evenkeel.host", "*")]),
        ("b_1", &[("evenkeel.host", "*.x.test")]),
        ("c_1", &[("evenkeel.host", "a.x.test")]),
        ("d_1", &[("evenkeel.host", "a.x.test"), ("evenkeel.path", "/v1")]),
        ("e_1", &[("evenkeel.host", "a.x.test"), ("evenkeel.path", "/v1/deep")]),
        ("f_1", &[("evenkeel.path", "/v1"), ("evenkeel.host", "*.test")]),
        ("g_1", &[("evenkeel.path", "/first"), ("evenkeel.priority", "1")]),
    ];
    let mut at = 0;
    let containers: Vec<Container> = list
        .iter()
        .map(|(name, labels)| {
            at += 1;
            started(name, at, labels)
        })
        .collect();
    let survey = settled(&containers);
    for (url, who) in [
        ("a.x.test/v1/deep/er", "e_1"),
        ("a.x.test/v1", "d_1"),
        ("a.x.test/v2", "c_1"),
        ("b.x.test/v1", "b_1"),
        ("y.test/v1", "f_1"),
        ("y.test/v2", "503"),
        ("a.x.test/first", "g_1"),
    ] {
        let expected = if who == "503" { survey.ask("unheard.example", &[]) } else { who.into() };
        assert_eq!(survey.ask(url, &[]), expected, "{url}");
    }
}

/// F6: what a file has is the file's, and the container that asked for it is told.
#[test]
fn f06_a_file_wins_and_the_container_is_named() {
    let mut base = crate::tests::config(&["127.0.0.1:1"], &[]);
    let mut backend = model::Backend::clone(&base.backends[0]);
    backend.name = "p_a".into();
    base.backends.push(backend.into());
    let host = |host| [("evenkeel.host", host)];
    let town = Town::default().with(started("a_1", 1, &host("a.test"))).with(started(
        "b_1",
        2,
        &host("b.test"),
    ));
    let survey = town.survey_over(&base);
    assert_eq!(survey.ask("b.test", &[]), "b_1", "everybody else serves");
    let reason = "backend p_a is in a file already: the file wins";
    assert_eq!(survey.complaints(), [format!("container a_1, evenkeel.host: {reason}")]);
    assert_eq!(seat(&survey, "a_1").standing, SeatStanding::Out(reason.to_owned()));
}
