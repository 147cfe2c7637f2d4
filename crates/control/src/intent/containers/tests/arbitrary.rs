//! Whatever a container says, nothing panics and nothing of the others changes: what is made with
//! it is what is made without it, and what it got itself.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What words are put together from: everything that means something to somebody on the way.
const FRAGMENTS: &[&str] = &[
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[2J",
    "\u{fffd}",
    "\u{2028}",
    "\u{e9}",
    "'",
    "\"",
    "\\",
    "#",
    "$",
    "${HOME}",
    "\"$HOME\"",
    "\"${A[*]}\"",
    " ",
    "  ",
    "\t",
    ",",
    ";",
    "|",
    ":",
    "*",
    "/",
    "//",
    "?",
    "=",
    "{",
    "}",
    "%[src]",
    "{ path /x }",
    "if",
    "unless",
    "!",
    "or",
    "0",
    "1",
    "256",
    "65535",
    "65536",
    "-1",
    "10s",
    "99999999999999999999",
    "frontend evil",
    "backend evil",
    "listen evil",
    "global",
    "defaults",
    ".if 1",
    ".endif",
    "bind :9999",
    "server evil 10.9.9.9:9",
    "use_backend evil",
    "default_backend evil",
    "http-request deny",
    "http-request redirect location /x",
    "acl good path /",
    "timeout server 1s",
    "maxconn 1",
    "cookie x",
    "disabled",
    "id 1",
    "weight 3",
    "check",
    "inter 1s",
    "true",
    "off",
    "tcp",
    "http",
    "published",
    "10.0.0.77",
    "own.test",
    "ws://own.test:81/x",
    "https://own.test",
    "leastconn",
    "source",
    "roundrobin",
    "8080",
    "udp",
    "Host(`own.test`)",
    "PathPrefix(`/own`)",
    "GET /up",
];

/// Names of variables that mean something.
const VARIABLES: &[&str] = &[
    "VIRTUAL_HOST",
    "VIRTUAL_HOST_WEIGHT",
    "VIRTUAL_PATH",
    "VIRTUAL_PORT",
    "TCP_PORTS",
    "EXCLUDE_PORTS",
    "SERVICE_PORTS",
    "BALANCE",
    "COOKIE",
    "OPTION",
    "EXTRA_SETTINGS",
    "EXTRA_ROUTE_SETTINGS",
    "APPSESSION",
    "FORCE_SSL",
    "GZIP_COMPRESSION_TYPE",
    "HEALTH_CHECK",
    "HTTP_CHECK",
    "HSTS_MAX_AGE",
    "FAILOVER",
    "SSL_CERT",
    "CERT_NAME",
    "EXCLUDE_BASIC_AUTH",
    "LETSENCRYPT_HOST",
];

/// Keys of Traefik's labels.
const TRAEFIK: &[&str] = &[
    "traefik.enable",
    "traefik.http.routers.r.rule",
    "traefik.http.routers.r.entrypoints",
    "traefik.http.services.s.loadbalancer.server.port",
    "traefik.http.routers.r.priority",
    "traefik.http.services.s.loadbalancer.sticky.cookie.name",
    "traefik.http.routers.r.service",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(FRAGMENTS).prop_map(str::to_owned),
        1 => ".{0,12}",
        1 => prop::collection::vec(any::<char>(), 0..4).prop_map(String::from_iter),
    ];
    prop_oneof![
        20 => prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat()),
        1 => Just("x".repeat(1 << 17)),
    ]
}

fn label() -> impl Strategy<Value = (String, String)> {
    let keys: Vec<&str> = labels::KEYS.iter().map(|k| k.name).collect();
    let key = prop::sample::select(keys);
    let name = prop_oneof![
        4 => key.clone().prop_map(|k| format!("evenkeel.{k}")),
        2 => (text(), key).prop_map(|(route, k)| format!("evenkeel.{route}.{k}")),
        2 => prop::sample::select(TRAEFIK).prop_map(str::to_owned),
        1 => text(),
        1 => text().prop_map(|t| format!("evenkeel.{t}")),
    ];
    (name, text())
}

fn variable() -> impl Strategy<Value = (String, String)> {
    let name =
        prop_oneof![4 => prop::sample::select(VARIABLES).prop_map(str::to_owned), 1 => text()];
    (name, text())
}

/// A container that says whatever it likes.
fn stranger() -> impl Strategy<Value = Container> {
    let labels = prop::collection::btree_map(label().prop_map(|l| l.0), text(), 0..6);
    let env = prop::collection::vec(variable(), 0..5);
    let name = prop_oneof![3 => Just("stranger".to_owned()), 1 => text()];
    (labels, env, name, prop::collection::vec(1u16.., 0..3)).prop_map(
        |(labels, env, name, exposed)| {
            let mut one = container("stranger_1", "10.0.0.66", &[], &[]);
            one.labels.extend(labels);
            one.env.extend(env);
            one.name = name.as_str().into();
            one.exposed = exposed;
            one.exposed.sort_unstable();
            one.exposed.dedup();
            one
        },
    )
}

fn town() -> Town {
    let mut good = container("web_1", "10.0.0.1", &[("evenkeel.host", "good.test")], &[]);
    good.labels.insert("evenkeel.sticky".into(), "true".into());
    let other = container("api_1", "10.0.0.2", &[], &[("VIRTUAL_HOST", "other.test/x/*")]);
    let relay = container("db_1", "10.0.0.3", &[], &[("TCP_PORTS", "5432")]);
    let environment = [("EVENKEEL_IMPORT", "traefik,nginx-proxy"), ("HTTP_BASIC_AUTH", "a:b")];
    Town::balancer(&environment).outside().with(good).with(other).with(relay)
}

/// Backends, frontends and the rest, without numbers that only count.
fn parts(config: &Config) -> (BTreeMap<Name, model::Backend>, BTreeMap<Name, model::Frontend>) {
    let backends = config
        .backends
        .iter()
        .map(|b| (b.name.clone(), model::Backend { id: 0, ..model::Backend::clone(b) }));
    let frontends = config
        .frontends
        .iter()
        .map(|f| (f.name.clone(), model::Frontend { id: 0, ..model::Frontend::clone(f) }));
    (backends.collect(), frontends.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_touched_by_what_another_says(stranger in stranger()) {
        let alone = town().survey();
        let mut town = town();
        town.containers.push(stranger.clone());
        let with = town.survey();
        prop_assert!(!with.failed, "{:?}", with.problems);
        prop_assert_eq!(&alone.config.global, &with.config.global);
        prop_assert_eq!(&alone.config.userlists, &with.config.userlists);
        let (backs, fronts) = parts(&alone.config);
        let (backs_with, fronts_with) = parts(&with.config);
        for (name, back) in &backs {
            prop_assert_eq!(Some(back), backs_with.get(name), "{} differs", name);
        }
        let seat = with.seats.iter().find(|s| s.id == stranger.id).expect("it was seen");
        let theirs: BTreeSet<&str> = seat.servers.iter().map(|(backend, ..)| &**backend).collect();
        let added = backs_with.keys().filter(|name| !backs.contains_key(*name));
        for name in added {
            prop_assert!(theirs.contains(&**name), "whose is backend {name}?");
        }
        for (name, front) in &fronts_with {
            let Some(before) = fronts.get(name) else {
                let port = name.strip_prefix("port_").and_then(|p| p.parse::<u16>().ok());
                prop_assert!(port.is_some(), "whose is frontend {name}?");
                continue;
            };
            let led = |target: &model::BackendTarget| match target {
                model::BackendTarget::Static(name) => theirs.contains(&**name),
                model::BackendTarget::Format(_) => false,
            };
            let rules = front.use_backend.iter().filter(|r| !led(&r.action));
            let kept: Vec<_> = rules.cloned().collect();
            let mut rest = front.clone();
            rest.use_backend = kept;
            if before.default_backend.is_none() {
                rest.default_backend = None;
            }
            prop_assert_eq!(before, &rest);
        }
    }
}
