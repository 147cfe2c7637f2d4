//! Every label and every variable there is, each with what it changes: a table that must name them
//! all.

use super::super::{balancer, labels, variables};
use super::*;

/// What a label or variable does.
enum Effect {
    /// The configuration then holds this, as its debug text, and did not before.
    Holds(&'static str),
    /// It held this before, and does not any more.
    Lacks(&'static str),
    /// It is said to have no effect, or which.
    Says(&'static str),
    /// The request then ends there.
    Ask(&'static str, &'static str),
    /// This port is open.
    Opens(u16),
    /// There is no difference, and nobody is told.
    Nothing,
}
use Effect::*;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\\nAA==\\n-----END PRIVATE KEY-----\\n\
                   -----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----";

/// A name, a value, and what that does.
type Row = (&'static str, &'static str, Effect);

fn shown(survey: &Survey) -> String {
    format!("{:?}", survey.config)
}

fn check(row: &Row, before: &Survey, after: &Survey) {
    let (name, value, effect) = row;
    let what = format!("{name}={value}");
    let complaints = after.complaints();
    match effect {
        Holds(text) => {
            assert!(!shown(before).contains(text), "{what}: {text} is there without it");
            assert!(shown(after).contains(text), "{what}: no {text}\n{complaints:?}");
        }
        Lacks(text) => {
            assert!(shown(before).contains(text), "{what}: {text} is not there without it");
            assert!(!shown(after).contains(text), "{what}: {text}");
        }
        Says(text) => {
            let said = |p: &String| p.contains(&format!("{name}: ")) && p.contains(text);
            assert!(complaints.iter().any(said), "{what}: {complaints:?}");
        }
        Ask(url, end) => {
            assert_ne!(before.ask(url, &[]), *end, "{what}: without it");
            assert_eq!(after.ask(url, &[]), *end, "{what}: {complaints:?}");
        }
        Opens(port) => {
            assert!(!before.ports().contains(port) && after.ports().contains(port), "{what}");
        }
        Nothing => {
            assert_eq!(shown(before), shown(after), "{what}");
            assert_eq!(before.complaints(), complaints, "{what}");
        }
    }
    if !matches!(effect, Says(_)) {
        assert_eq!(complaints, before.complaints(), "{what}");
    }
}

fn assert_all(table: &[Row], known: impl Iterator<Item = &'static str>) {
    for name in known {
        let named = |row: &&Row| match name.strip_suffix('_') {
            Some(family) => row.0.starts_with(family),
            None => row.0 == name,
        };
        assert!(table.iter().any(|row| named(&row)), "{name} has no row");
    }
}

#[test]
fn every_key_of_our_labels() {
    let table: &[Row] = &[
        ("evenkeel.enable", "false", Ask("a.test", "503")),
        ("evenkeel.service", "other", Holds("\"other\"")),
        ("evenkeel.network", "far", Holds("10.7.0.1")),
        ("evenkeel.address", "10.8.0.1", Holds("10.8.0.1")),
        ("evenkeel.host", "c.test, d.*", Ask("d.example", "a_1")),
        ("evenkeel.path", "/in", Ask("a.test", "503")),
        ("evenkeel.listen", "8080", Opens(8080)),
        ("evenkeel.port", "9000", Holds("Fixed(9000)")),
        ("evenkeel.weight", "7", Holds("weight: 7,")),
        ("evenkeel.priority", "5", Ask("a.test/b", "a_1")),
        ("evenkeel.sticky", "BASKET", Holds("BASKET")),
        ("evenkeel.balance", "leastconn", Holds("LeastConn")),
        ("evenkeel.check", "HEAD /up", Holds("/up")),
        ("evenkeel.check", "off", Lacks("init_state: Down")),
        ("evenkeel.health", "ignore", Lacks("disabled: true")),
        ("evenkeel.drain", "77s", Holds("drain_timeout: Some(77s)")),
        ("evenkeel.config", "retries 9", Holds("retries: 9")),
    ];
    let town = |more: Option<(&str, &str)>| {
        let mut list: BTreeMap<&str, &str> = BTreeMap::from([("evenkeel.host", "a.test")]);
        list.extend(more);
        let pairs: Vec<(&str, &str)> = list.into_iter().collect();
        let mut one = container("a_1", "10.0.0.1", &pairs, &[]);
        one.networks.push(network("far", "10.7.0.1"));
        if more.is_some_and(|(name, _)| name == "evenkeel.health") || more.is_none() {
            one.health = ContainerHealth::Unhealthy;
        }
        if more.is_some_and(|(_, value)| value == "off") {
            one.health = ContainerHealth::Healthy;
        }
        let b: Pairs<'_> =
            &[("evenkeel.host", "a.test"), ("evenkeel.path", "/b"), ("evenkeel.check", "off")];
        Town::default().with(one).with(container("b_1", "10.0.0.2", b, &[])).survey()
    };
    for row in table {
        check(row, &town(None), &town(Some((row.0, row.1))));
    }
    // 'protocol' is nothing by itself: it needs a port.
    let tcp: Pairs<'_> = &[("evenkeel.protocol", "tcp"), ("evenkeel.port", "5432")];
    let survey = Town::default().with(container("a_1", "10.0.0.1", tcp, &[])).survey();
    assert_eq!(survey.ports(), [80, 5432]);
    assert_eq!(survey.config.backend("port_5432").map(|b| b.mode), Some(model::Mode::Tcp));
    let known = labels::KEYS.iter().map(|k| k.name).filter(|name| *name != "protocol");
    let table: Vec<&str> = table.iter().map(|row| row.0).collect();
    for key in known {
        assert!(table.contains(&&*format!("evenkeel.{key}")), "{key} has no row");
    }
}

#[test]
fn a_line_of_ours_is_named_by_container_label_and_number() {
    for (value, place) in [
        ("no-such-keyword", "container a_1, evenkeel.config: "),
        ("retries 5\n\n  no-such-keyword", "container a_1, evenkeel.config, line 3: "),
        ("retries 5\nfrontend x", "container a_1, evenkeel.config, line 2: "),
    ] {
        let labels = [("evenkeel.host", "a.test"), ("evenkeel.config", value)];
        let survey = Town::default().with(container("a_1", "10.0.0.1", &labels, &[])).survey();
        let problems = survey.complaints();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(place), "{value:?}: {problems:?}");
    }
}

#[test]
fn every_variable_of_a_container() {
    let pem = PEM;
    let table: &[Row] = &[
        ("VIRTUAL_HOST", "c.test", Ask("c.test", "a_1")),
        ("VIRTUAL_HOST_WEIGHT", "5", Ask("x.test/b", "a_1")),
        ("BALANCE", "leastconn", Holds("LeastConn")),
        ("COOKIE", "BASKET insert indirect", Holds("BASKET")),
        ("EXCLUDE_PORTS", "80", Holds("Fixed(81)")),
        ("EXCLUDE_BASIC_AUTH", "1", Ask("x.test", "a_1")),
        ("EXTRA_ROUTE_SETTINGS", "maxconn 77", Holds("maxconn: Some(77)")),
        ("EXTRA_SETTINGS", "retries 9,timeout server 88s", Holds("server: Some(88s)")),
        ("FAILOVER", "yes", Holds("backup: true")),
        ("FAILOVER", "no", Nothing),
        ("FORCE_SSL", "1", Holds("target: Scheme")),
        ("FORCE_SSL", "false", Nothing),
        ("GZIP_COMPRESSION_TYPE", "text/html", Says("")),
        ("HEALTH_CHECK", "check inter 77s", Holds("inter: 77s")),
        ("HSTS_MAX_AGE", "60", Holds("max-age=60; includeSubDomains")),
        ("HTTP_CHECK", "HEAD /up", Holds("/up")),
        ("OPTION", "abortonclose", Holds("abortonclose: true")),
        ("TCP_PORTS", "80", Holds("port_80")),
        ("TCP_PORTS", "81", Opens(81)),
        ("SSL_CERT", pem, Says("TLS is not terminated here yet")),
        ("DEFAULT_SSL_CERT", pem, Says("TLS is not terminated here yet")),
        ("APPSESSION", "x", Says("use COOKIE")),
    ];
    let town = |more: Option<(&str, &str)>| {
        let mut list: BTreeMap<&str, &str> = BTreeMap::from([("VIRTUAL_HOST", "x.test")]);
        list.extend(more);
        let pairs: Vec<(&str, &str)> = list.into_iter().collect();
        let b: Pairs<'_> = &[
            ("VIRTUAL_HOST", "x.test/b"),
            ("HEALTH_CHECK", "check inter 1s"),
            ("EXCLUDE_BASIC_AUTH", "1"),
        ];
        Town::balancer(&[("HTTP_BASIC_AUTH", "ann:x")])
            .service("a", 1, &[80, 81], &pairs)
            .service("b", 1, &[80], b)
            .survey()
    };
    for row in table.iter().filter(|row| row.0 != "VIRTUAL_HOST" && row.0 != "TCP_PORTS") {
        let excluded = row.0 == "VIRTUAL_HOST_WEIGHT";
        let (before, after) = (town(None), town(Some((row.0, row.1))));
        if excluded {
            let leads = |s: &Survey| s.ask("x.test/b", &[]);
            assert_eq!(leads(&before), "b_1");
            assert!(leads(&after).starts_with("http-request auth"), "a's pool asks for an account");
            continue;
        }
        let before = if row.0 == "EXCLUDE_PORTS" { plain(&before) } else { before };
        check_but_ports(row, &before, &after);
    }
    let two = |env: Pairs<'_>| Town::default().service("a", 1, &[80, 81], env).survey();
    assert_eq!(two(&[("VIRTUAL_HOST", "c.test")]).ask("c.test", &[]), "a_1");
    assert_eq!(two(&[("TCP_PORTS", "81")]).ports(), [80, 81]);
    // What the container says in Swarm is in e33.
    let known = variables::VARIABLES.iter().map(|v| v.0).filter(|n| *n != "SERVICE_PORTS");
    assert_all(table, known);
}

/// The same without what is said about several ports.
fn plain(survey: &Survey) -> Survey {
    let mut plain = Survey { config: survey.config.clone(), ..Survey::default() };
    plain.problems = survey.problems.clone();
    plain.problems.retain(|p| !p.to_string().contains("EXPOSE"));
    plain
}

fn check_but_ports(row: &Row, before: &Survey, after: &Survey) {
    check(row, &plain(before), &plain(after));
}

const BALANCER: &[Row] = &[
    ("ADDITIONAL_BACKEND_more", "server s 10.7.0.1:1", Holds("10.7.0.1")),
    ("ADDITIONAL_BACKEND_FILE_more", "server s 10.7.0.1:1\n", Holds("10.7.0.1")),
    ("ADDITIONAL_SERVICES", "q:far", Ask("far.test", "far_1")),
    ("BALANCE", "leastconn", Holds("LeastConn")),
    ("CA_CERT", PEM, Says("")),
    ("CA_CERT_FILE", PEM, Says("")),
    ("CERT_FOLDER", "/certs", Says("TLS is not terminated here yet")),
    ("COMPAT_ALL_PORTS", "1", Holds("a_1_81")),
    ("COOKIE", "SRV insert", Says("no effect on the balancer")),
    ("DEBUG", "true", Nothing),
    ("DEFAULT_SSL_CERT", PEM, Says("TLS is not terminated here yet")),
    ("EVENKEEL_CONTAINER_ENV", "no", Ask("a.test", "503")),
    ("EVENKEEL_IMPORT", "traefik", Ask("t.test", "t_1")),
    ("EVENKEEL_IMPORT_ENTRYPOINTS", "x:y", Says("'x:y' is not 'name:port'")),
    ("EVENKEEL_STRICT_HOST_PORT", "1", Ask("a.test:80", "503")),
    ("EVENKEEL_TRUSTED_PROXIES", "10.0.0.0/8", Holds("trusted_proxy")),
    ("EXTRA_BIND_SETTINGS", "80:name zaphod", Holds("zaphod")),
    ("EXTRA_DEFAULT_SETTINGS", "retries 9", Holds("retries: 9")),
    ("EXTRA_DEFAULT_SETTINGS_FILE", "retries 9\n", Holds("retries: 9")),
    ("EXTRA_FRONTEND_SETTINGS_80", "maxconn 777", Holds("maxconn: Some(777)")),
    ("EXTRA_FRONTEND_SETTINGS_81", "maxconn 777", Opens(81)),
    ("EXTRA_FRONTEND_SETTINGS_FILE_80", "maxconn 777\n", Holds("maxconn: Some(777)")),
    ("EXTRA_GLOBAL_SETTINGS", "node zaphod", Holds("zaphod")),
    ("EXTRA_GLOBAL_SETTINGS_FILE", "node zaphod\n", Holds("zaphod")),
    ("EXTRA_ROUTE_SETTINGS", "maxconn 77", Holds("maxconn: Some(77)")),
    ("EXTRA_SSL_CERTS", "NOWHERE", Says("there is no variable NOWHERE")),
    ("FORCE_DEFAULT_BACKEND", "no", Ask("any.test", "503")),
    ("HAPROXY_GROUP", "grouped", Holds("grouped")),
    ("HAPROXY_USER", "zaphod", Holds("zaphod")),
    ("HEALTH_CHECK", "check inter 77s", Holds("inter: 77s")),
    ("HTTP_BASIC_AUTH", "ann:x", Holds("haproxy_userlist")),
    ("HTTP_BASIC_AUTH_SECURE", "ann:$5$a$b", Holds("haproxy_userlist")),
    ("LINKED_SERVICES", "c", Ask("c.test", "c_1")),
    ("MAXCONN", "777", Holds("maxconn: Some(777)")),
    ("MODE", "tcp", Holds("Tcp")),
    ("MONITOR_PORT", "80", Says("only good together")),
    ("MONITOR_URI", "/up", Says("only good together")),
    ("NBPROC", "3", Holds("nbthread: Some(3)")),
    ("NBPROC", "1", Nothing),
    ("OPTION", "abortonclose", Holds("abortonclose: true")),
    ("RELOAD_TIMEOUT", "5", Nothing),
    ("RSYSLOG_DESTINATION", "10.7.0.1:5140", Holds("10.7.0.1")),
    ("SKIP_FORWARDED_PROTO", "1", Lacks("45, 80, 114, 111, 116, 111]")),
    ("SSL_BIND_CIPHERS", "x", Says("TLS is not terminated here yet")),
    ("SSL_BIND_OPTIONS", "x", Says("TLS is not terminated here yet")),
    ("SSL_CERT", PEM, Says("TLS is not terminated here yet")),
    ("STATS_AUTH", "ann:secret", Holds("ann")),
    ("STATS_PORT", "off", Lacks("1936")),
    ("SWARM_MODE_POLLING_INTERVAL", "5", Nothing),
    ("TIMEOUT", "client 77s, connect 78s", Holds("client: Some(77s)")),
];

#[test]
fn every_variable_of_the_balancer() {
    let town = |more: Option<(&str, &str)>| {
        let env: Vec<(&str, &str)> = more.into_iter().collect();
        let mut far = container("far_1", "10.0.0.9", &[], &[("VIRTUAL_HOST", "far.test")]);
        far.labels.insert("com.docker.compose.project".into(), "q".into());
        let traefik = [("traefik.http.routers.r.rule", "Host(`t.test`)")];
        Town::balancer(&env)
            .service("a", 1, &[80, 81], &[("VIRTUAL_HOST", "a.test")])
            .service("b", 1, &[80], &[])
            .with(far)
            .with(container("c_1", "10.0.0.10", &[], &[("VIRTUAL_HOST", "c.test")]))
            .with(container("t_1", "10.0.0.11", &traefik, &[]))
            .survey()
    };
    for row in BALANCER {
        let (before, after) = (town(None), town(Some((row.0, row.1))));
        match row.0 {
            "EVENKEEL_CONTAINER_ENV" => assert_eq!(after.ask("a.test", &[]), "a_1 b_1"),
            "EVENKEEL_STRICT_HOST_PORT" => {
                let port = &[("Host", "a.test:9000")];
                assert_eq!(before.ask("a.test", port), "a_1");
                assert_eq!(after.ask("a.test", port), "b_1", "the rest");
            }
            "MODE" => {
                let mode = |s: &Survey| s.config.frontend("port_80").map(|f| f.mode);
                let both = [mode(&before), mode(&after)];
                assert_eq!(both, [Some(model::Mode::Http), Some(model::Mode::Tcp)]);
            }
            _ => check_but_ports(row, &before, &after),
        }
    }
    assert_all(BALANCER, balancer::VARIABLES.iter().map(|v| v.0));
}
