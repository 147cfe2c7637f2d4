//! Absurd labels cost nobody but their own container, and never become configuration.

use super::*;

const ABSURD: &[&str] = &[
    "x\nbind :1",
    "x\r\nfrontend evil",
    "a.test\0",
    "\u{1b}[31m",
    "a.test }\n use_backend other",
    "a'b",
    "a\"b",
    "a\\",
    "a #",
    "${HOME}",
    "{ always_true }",
    "-i",
    "--",
    "%[env(HOME)]",
    "\u{fffd}",
    ".if 1",
    "frontend x",
    "' } unless { nothing",
];

/// Every label and variable that is read from a container.
fn names() -> Vec<(bool, String)> {
    let labels = super::super::labels::KEYS.iter().map(|k| (true, format!("evenkeel.{}", k.name)));
    let env = super::super::variables::VARIABLES.iter().map(|v| (false, v.0.to_owned()));
    labels.chain(env).collect()
}

/// A town with one good citizen and one that says this.
fn with(label: bool, name: &str, value: &str) -> Survey {
    let mut bad = container("bad_1", "10.0.0.66", &[], &[]);
    match label {
        true => {
            bad.labels.insert("evenkeel.host".into(), "bad.test".into());
            bad.labels.insert(name.to_owned(), value.to_owned());
        }
        false => {
            bad.env.insert("VIRTUAL_HOST".into(), "bad.test".into());
            bad.env.insert(name.to_owned(), value.to_owned());
        }
    }
    let good = container("good_1", "10.0.0.1", &[], &[("VIRTUAL_HOST", "good.test")]);
    Town::default().with(good).with(bad).survey()
}

fn assert_guarded(survey: &Survey, what: &str) {
    assert_eq!(survey.ask("good.test", &[]), "good_1", "{what}");
    assert_eq!(survey.ports(), [80], "{what}");
    for frontend in &survey.config.frontends {
        assert!(matches!(&*frontend.name, "port_80" | "stats"), "{what}: {}", frontend.name);
    }
    for backend in &survey.config.backends {
        let known = ["SERVICE_p_good", "SERVICE_p_bad", "p_bad", "stats", "default_service"];
        let named = what.starts_with("evenkeel.service=") && !backend.name.contains(['\n', ' ']);
        assert!(named || known.contains(&&*backend.name), "{what}: {}", backend.name);
    }
    assert!(survey.problems.iter().all(|p| !p.to_string().contains('\u{1b}')), "{what}");
}

#[test]
fn no_absurd_value_gets_further_than_its_container() {
    for (label, name) in names() {
        for value in ABSURD {
            assert_guarded(&with(label, &name, value), &format!("{name}={value:?}"));
        }
        let huge = "a".repeat(1 << 20);
        let survey = with(label, &name, &huge);
        assert_guarded(&survey, &format!("{name}=1 MiB"));
        let reported: usize = survey.problems.iter().map(|p| p.to_string().len()).sum();
        assert!(reported < 10_000, "{name}: {reported} bytes of complaints");
    }
}

/// Labels of Traefik and variables of nginx-proxy, with `$` where somebody may put anything.
const IMPORTED: &[(bool, &str, &str)] = &[
    (true, "traefik.http.routers.r.rule", "$"),
    (true, "traefik.http.routers.r.rule", "Host(`$`)"),
    (true, "traefik.http.routers.r.rule", "!PathPrefix(`/$`)"),
    (true, "traefik.http.routers.r.rule", "HostRegexp(`$`) && PathRegexp(`$`)"),
    (true, "traefik.http.routers.r.rule", "Header(`X-A`, `$`) || HeaderRegexp(`$`, `x`)"),
    (true, "traefik.http.routers.r.rule", "Query(`a`, `$`) || Query(`$`) || QueryRegexp(`a`, `$`)"),
    (true, "traefik.http.routers.r.rule", "Method(`$`) || ClientIP(`$`)"),
    (true, "traefik.http.routers.r.priority", "$"),
    (true, "traefik.http.routers.r.entrypoints", "$"),
    (true, "traefik.http.routers.r.service", "$"),
    (true, "traefik.http.routers.r.middlewares", "$"),
    (true, "traefik.http.services.s.loadbalancer.server.port", "$"),
    (true, "traefik.http.services.s.loadbalancer.server.scheme", "$"),
    (true, "traefik.http.services.s.loadbalancer.sticky.cookie.name", "$"),
    (true, "traefik.http.services.s.loadbalancer.sticky.cookie.samesite", "$"),
    (true, "traefik.http.services.s.loadbalancer.sticky.cookie.path", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.method", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.path", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.hostname", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.headers.a", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.status", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.interval", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.timeout", "$"),
    (true, "traefik.http.services.s.loadbalancer.healthcheck.port", "$"),
    (true, "traefik.http.middlewares.m.redirectscheme.scheme", "$"),
    (true, "traefik.http.middlewares.m.stripprefix.prefixes", "/$"),
    (true, "traefik.http.middlewares.m.addprefix.prefix", "/$"),
    (true, "traefik.http.middlewares.m.replacepath.path", "/$"),
    (true, "traefik.http.middlewares.m.basicauth.users", "$"),
    (true, "traefik.http.middlewares.m.basicauth.users", "a$:$1$x$"),
    (true, "traefik.http.middlewares.m.basicauth.realm", "$"),
    (true, "traefik.http.middlewares.m.headers.customrequestheaders.a", "$"),
    (true, "traefik.http.middlewares.m.headers.customresponseheaders.a", "$"),
    (true, "traefik.http.middlewares.m.headers.contentsecuritypolicy", "$"),
    (true, "traefik.http.middlewares.m.ipallowlist.sourcerange", "$"),
    (true, "traefik.http.middlewares.m.chain.middlewares", "$"),
    (true, "com.github.nginx-proxy.nginx-proxy.loadbalance", "$"),
    (false, "VIRTUAL_HOST", "$"),
    (false, "VIRTUAL_HOST", "~$"),
    (false, "VIRTUAL_PORT", "$"),
    (false, "VIRTUAL_PATH", "/$"),
    (false, "VIRTUAL_PATH", "~$"),
    (false, "VIRTUAL_DEST", "/$"),
    (false, "VIRTUAL_PROTO", "$"),
    (false, "NETWORK_ACCESS", "$"),
];

/// The same town with one that speaks as Traefik or nginx-proxy has it.
fn with_import(label: bool, name: &str, value: &str) -> Survey {
    let mut bad = container("bad_1", "10.0.0.66", &[], &[]);
    let mut set = |name: &str, value: &str| match label {
        true => drop(bad.labels.insert(name.to_owned(), value.to_owned())),
        false => drop(bad.env.insert(name.to_owned(), value.to_owned())),
    };
    if label && name.starts_with("traefik") {
        set("traefik.http.routers.r.rule", "Host(`bad.test`)");
        set("traefik.http.services.s.loadbalancer.healthcheck.path", "/");
        if name.starts_with("traefik.http.middlewares.") {
            set("traefik.http.routers.r.middlewares", "m");
        }
        if name.ends_with("realm") {
            set("traefik.http.middlewares.m.basicauth.users", "a:$1$x$y");
        }
    } else if !label {
        set("VIRTUAL_HOST", "bad.test");
        if name == "VIRTUAL_DEST" {
            set("VIRTUAL_PATH", "/x");
        }
    }
    set(name, value);
    if label && name.starts_with("com.") {
        bad.env.insert("VIRTUAL_HOST".to_owned(), "bad.test".to_owned());
    }
    let good = container("good_1", "10.0.0.1", &[("evenkeel.host", "good.test")], &[]);
    let import = [("EVENKEEL_IMPORT", "traefik,nginx-proxy")];
    Town::balancer(&import).with(good).with(bad).survey()
}

#[test]
fn no_absurd_word_of_another_balancer_gets_further_either() {
    let values = ABSURD.iter().chain(&["`) || Host(`x", "a`", "10.0.0.1 }", "x{", "\\1", "%[src]"]);
    for value in values {
        for (label, name, form) in IMPORTED {
            let said = form.replace('$', value);
            let survey = with_import(*label, name, &said);
            let what = format!("{name}={said:?}");
            assert_eq!(survey.ask("good.test", &[]), "good_1", "{what}");
            let ports = survey.ports();
            let cloud = *name == "VIRTUAL_HOST";
            assert!(ports == [80] || cloud, "{what}: {ports:?}");
            for frontend in &survey.config.frontends {
                let named = frontend.name.starts_with("port_") || &*frontend.name == "stats";
                assert!(named, "{what}: {}", frontend.name);
            }
            for backend in &survey.config.backends {
                let known = ["SERVICE_p_bad", "p_good", "p_bad", "stats"];
                assert!(known.contains(&&*backend.name), "{what}: {}", backend.name);
                let ours = backend.servers.iter().all(|s| s.name.ends_with("_1"));
                assert!(ours, "{what}: {:?}", backend.servers);
            }
        }
    }
}

const PIECES: &[&str] = &[
    "a.test",
    "*",
    "/",
    ":",
    "://",
    "http",
    "https",
    "ws",
    ",",
    "\\,",
    " ",
    "\t",
    "\n",
    "'",
    "\"",
    "\\",
    "{",
    "}",
    "if",
    "unless",
    "||",
    "server",
    "bind",
    ":81",
    "backend",
    "listen",
    "-i",
    "-f",
    "/etc/passwd",
    "%[src]",
    "%",
    "$X",
    "${X}",
    "check",
    "inter",
    "2s",
    "option",
    "httpchk",
    "GET",
    "cookie",
    "insert",
    "timeout",
    "5",
    "256",
    "99999999999999999999",
    "é",
    "\u{202e}",
    "#",
    "(",
    ")",
    "[",
    "]",
    "^",
    ".*",
    "roundrobin",
    "uri",
    "hdr(",
    "acl",
    "http-request",
    "deny",
    "set-var(proc.x)",
    "use_backend",
    "stats",
    "enable",
    "ssl",
    "=",
];

/// Values made from pieces that mean something somewhere, the same in every run.
#[test]
fn random_values_never_open_a_port_or_a_section() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n
    };
    let names = names();
    for _ in 0..600 {
        let (label, name) = &names[random(names.len())];
        let value: String = (0..=random(8)).map(|_| PIECES[random(PIECES.len())]).collect();
        let survey = with(*label, name, &value);
        let what = format!("{name}={value:?}");
        assert_eq!(survey.ask("good.test", &[]), "good_1", "{what}");
        let opened = survey.ports();
        let asked = ["VIRTUAL_HOST", "TCP_PORTS", "evenkeel.listen"].contains(&&**name);
        assert!(opened == [80] || asked, "{what}: {opened:?}");
        let sections = survey.config.frontends.iter().map(|f| &*f.name);
        for frontend in sections {
            assert!(frontend.starts_with("port_") || frontend == "stats", "{what}: {frontend}");
        }
    }
}

#[test]
fn names_of_containers_are_words() {
    for name in ["a b", "a\nbind :1", "'", "", "é", "#x", &"n".repeat(5000)] {
        let mut odd = container("odd_1", "10.0.0.2", &[("evenkeel.host", "odd.test")], &[]);
        odd.name = name.into();
        odd.labels.insert("com.docker.compose.service".into(), name.into());
        let survey = Town::default().outside().with(odd).survey();
        assert_eq!(survey.complaints(), [""; 0], "{name:?}");
        assert_eq!(survey.ports(), [80]);
        assert_ne!(survey.ask("odd.test", &[]), "503", "{name:?}");
    }
}

#[test]
fn a_variable_of_the_balancer_costs_itself_alone() {
    for (name, value) in [
        ("BALANCE", "fastest"),
        ("OPTION", "no-such-option"),
        ("TIMEOUT", "client soon"),
        ("MAXCONN", "many"),
        ("HEALTH_CHECK", "check inter soon"),
        ("EXTRA_GLOBAL_SETTINGS", "no-such-keyword"),
        ("EXTRA_DEFAULT_SETTINGS", "frontend evil"),
        ("EXTRA_FRONTEND_SETTINGS_80", "bind :81\nbind :82"),
        ("EXTRA_FRONTEND_SETTINGS_80", "use_backend nobody"),
        ("EXTRA_BIND_SETTINGS", "80:no-such-option"),
        ("HTTP_BASIC_AUTH", ":"),
        ("MONITOR_PORT", "80"),
        ("STATS_AUTH", "nobody"),
        ("EVENKEEL_TRUSTED_PROXIES", "everybody"),
        ("RSYSLOG_DESTINATION", "nowhere.invalid"),
        ("ADDITIONAL_SERVICES", "a:b:c"),
        ("ADDITIONAL_BACKEND_x", "no-such-keyword"),
        ("MODE", "health"),
    ] {
        let town = Town::balancer(&[(name, value)]).service("a", 1, &[80], &[]);
        let survey = town.survey();
        assert_eq!(survey.ask("any.test", &[]), "a_1", "{name}={value}");
        assert_eq!(survey.ports(), [80], "{name}={value}");
        let problems = survey.complaints();
        let place = format!("variable {name}: ");
        assert!(problems.iter().any(|p| p.starts_with(&place)), "{name}={value}: {problems:?}");
    }
}
