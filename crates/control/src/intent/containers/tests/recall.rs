//! What is remembered changes nothing: after any series of changes the same comes of it as when
//! everything is read anew.

use super::*;

/// Numbers that look like chance (a linear congruence, Knuth's MMIX constants).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % end
    }
}

/// Labels that one after the other are given and taken away. Some are faulty, some draw warnings,
/// some speak of other services.
const LABELS: &[(&str, &str)] = &[
    ("evenkeel.host", "a.example"),
    ("evenkeel.host", "b.example,*.c.example"),
    ("evenkeel.path", "/x"),
    ("evenkeel.priority", "5"),
    ("evenkeel.weight", "7"),
    ("evenkeel.balance", "leastconn"),
    ("evenkeel.balance", "nonsense"),
    ("evenkeel.sticky", "true"),
    ("evenkeel.drain", "7s"),
    ("evenkeel.check", "GET /up inter 3s"),
    ("evenkeel.check", "tcp inter never"),
    ("evenkeel.config", "reqadd X-Old:\\ 1"),
    ("evenkeel.config", "http-request deny if { nbsrv(p_web) lt 1 }"),
    ("evenkeel.config", "http-request deny if { nbsrv(p_db) lt 1 }"),
    ("evenkeel.config", "server spare 10.9.9.9:80 backup"),
    ("evenkeel.config", "server web_1 10.9.9.9:80 backup"),
    ("evenkeel.config", "use-server web_2 if { path /two }"),
    ("evenkeel.config", "default-server maxconn 9 minconn 3"),
    ("evenkeel.health", "ignore"),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("VIRTUAL_HOST", "a.example"),
    ("VIRTUAL_HOST", "ws://d.example:8080/y/*"),
    ("TCP_PORTS", "80"),
    ("EXTRA_ROUTE_SETTINGS", "maxconn 5"),
    ("EXTRA_ROUTE_SETTINGS", "id 4"),
    ("EXTRA_ROUTE_SETTINGS", "track web_1"),
    ("COOKIE", "SRV insert indirect"),
    ("FAILOVER", "yes"),
];

fn change(chance: &mut Chance, town: &mut Vec<Container>) {
    let at = chance.below(town.len().max(1));
    let services = ["web", "api", "db"];
    match chance.below(8) {
        0 if town.len() < 9 => {
            let name = format!("{}_{}", services[chance.below(3)], 1 + chance.below(4));
            let ip = format!("10.0.1.{}", 1 + chance.below(200));
            if !town.iter().any(|c| *c.name == *name) {
                town.insert(at, container(&name, &ip, &[], &[]));
            }
        }
        1 if town.len() > 2 => drop(town.remove(at)),
        2 => {
            let health = [ContainerHealth::Healthy, ContainerHealth::Unhealthy];
            town[at].health = health[chance.below(2)];
        }
        3 => {
            town[at].started_ns += 1 + chance.below(9) as u64;
            town[at].networks[0].ipv4 = Some(IpAddr::from([10, 0, 2, chance.below(250) as u8]));
        }
        4 => town[at].stopping = !town[at].stopping,
        5 => {
            let (name, value) = ENVIRONMENT[chance.below(ENVIRONMENT.len())];
            let env = &mut town[at].env;
            if env.remove(name).is_none() {
                env.insert(name.to_owned(), value.to_owned());
            }
        }
        _ => {
            let (name, value) = LABELS[chance.below(LABELS.len())];
            let labels = &mut town[at].labels;
            if labels.remove(name).is_none() {
                labels.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Everything that may be asked about a survey.
fn all_of(survey: &Survey) -> String {
    let problems: Vec<String> = survey.problems.iter().map(ToString::to_string).collect();
    format!("{:#?}\n{problems:#?}\n{:#?}\n{}", survey.config, survey.seats, survey.failed)
}

#[test]
fn what_is_remembered_changes_nothing() {
    let options = Options::default();
    let base = Config::default();
    for seed in 1..=4 {
        let mut chance = Chance(seed);
        let mut town = vec![
            container("web_1", "10.0.0.1", &[("evenkeel.host", "a.example")], &[]),
            container("web_2", "10.0.0.2", &[("evenkeel.host", "a.example")], &[]),
            container("api_1", "10.0.0.3", &[], &[("VIRTUAL_HOST", "api.example")]),
        ];
        let mut memo = Memo::default();
        for step in 0..45 {
            let observed = seen(town.clone());
            let observed: Vec<&Observation> = observed.iter().collect();
            let remembered = all_of(&survey(&base, &observed, &options, Want::Seats, &mut memo));
            let fresh =
                all_of(&survey(&base, &observed, &options, Want::Seats, &mut Memo::default()));
            let differs = remembered.lines().zip(fresh.lines()).find(|(a, b)| a != b);
            assert!(remembered == fresh, "seed {seed}, step {step}: {differs:?}\n{town:#?}");
            change(&mut chance, &mut town);
        }
    }
}

#[test]
fn one_more_replica_leaves_everything_else_as_it_is() {
    let options = Options::default();
    let env: Pairs<'_> = &[("VIRTUAL_HOST", "web.example")];
    let other: Pairs<'_> = &[("VIRTUAL_HOST", "other.example")];
    let mut town = vec![
        container("other_1", "10.0.0.9", &[], other),
        container("web_1", "10.0.0.1", &[], env),
        container("web_3", "10.0.0.3", &[], env),
    ];
    let mut memo = Memo::default();
    let mut look = |town: &[Container]| {
        let observed = seen(town.to_vec());
        let observed: Vec<&Observation> = observed.iter().collect();
        survey(&Config::default(), &observed, &options, Want::Seats, &mut memo).config
    };
    let before = look(&town);
    town.push(container("web_2", "10.0.0.2", &[], env));
    let after = look(&town);
    let shared = |a: &Config, b: &Config, name: &str| {
        let (a, b) = (a.backend(name).expect("before"), b.backend(name).expect("after"));
        std::sync::Arc::ptr_eq(a, b)
    };
    assert!(shared(&before, &after, "SERVICE_p_other"), "not read again");
    assert!(!shared(&before, &after, "SERVICE_p_web"));
    let web = after.backend("SERVICE_p_web").expect("a backend");
    let first = &before.backend("SERVICE_p_web").expect("a backend").servers[0];
    assert!(std::sync::Arc::ptr_eq(first, &web.servers[0]), "its line is as it was");
    assert_eq!(web.servers.iter().map(|s| s.id).collect::<Vec<_>>(), [1, 2, 3]);
}
