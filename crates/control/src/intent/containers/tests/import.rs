//! Words of Traefik and nginx-proxy: what each means here, and what is said about the rest.

use super::*;

const BOTH: Pairs<'_> = &[
    ("EVENKEEL_IMPORT", "traefik, nginx-proxy"),
    ("EVENKEEL_IMPORT_ENTRYPOINTS", "admin:8080, mqtt:1883"),
];

/// One container `t_1` that says this, beside one that is reached at `other.test`.
fn town(labels: Pairs<'_>, env: Pairs<'_>) -> Survey {
    let one = container("t_1", "10.0.0.1", labels, env);
    let other = container("o_1", "10.0.0.2", &[("evenkeel.host", "other.test")], &[]);
    Town::balancer(BOTH).with(one).with(other).survey()
}

/// Labels of a router `r` with this rule, and more of them.
fn router<'a>(rule: &'a str, more: Pairs<'a>) -> Survey {
    town(&[&[("traefik.http.routers.r.rule", rule)], more].concat(), &[])
}

fn backend(survey: &Survey) -> std::sync::Arc<model::Backend> {
    survey.config.backend("p_t").expect("a backend").clone()
}

fn quiet(survey: &Survey) {
    assert_eq!(survey.complaints(), [""; 0]);
}

#[test]
fn nobody_reads_them_unasked() {
    let labels: Pairs<'_> = &[("traefik.http.routers.r.rule", "Host(`t.test`)")];
    let one = container("t_1", "10.0.0.1", labels, &[]);
    let other = container("o_1", "10.0.0.2", &[("evenkeel.host", "other.test")], &[]);
    let survey = Town::default().with(one).with(other).survey();
    quiet(&survey);
    assert_eq!(survey.ask("t.test", &[]), "503");
}

#[test]
fn every_matcher_of_a_rule() {
    let post = |survey: &Survey, url: &str| {
        let mut question = Question::from_url(url).expect("an address");
        question.method = "POST".to_owned();
        matches!(explain(&survey.config, &question, &process()).outcome, Outcome::Backend(_))
    };
    for (rule, yes, no) in [
        ("Host(`t.test`)", &["t.test/x", "T.test."][..], &["u.test"][..]),
        ("Host(`t.test`, `u.test`)", &["t.test", "u.test"], &["v.test"]),
        ("HostRegexp(`^[a-z]+\\.t\\.test$`)", &["a.t.test", "A.t.test:80"], &["1.t.test"]),
        ("Path(`/x`)", &["t.test/x", "t.test/x?y"], &["t.test/x/", "t.test/X"]),
        ("PathPrefix(`/x`)", &["t.test/x", "t.test/x/y", "t.test/xy"], &["t.test/"]),
        ("PathRegexp(`^/(a|b)/[0-9]+$`)", &["t.test/a/1"], &["t.test/c/1", "t.test/a/x"]),
        ("Query(`a`, `b`)", &["t.test/?a=b"], &["t.test/?a=c", "t.test/"]),
        ("Query(`a=b`)", &["t.test/?a=b"], &["t.test/?a=c"]),
        ("Query(`a`)", &["t.test/?a=b"], &["t.test/?b=a"]),
        ("QueryRegexp(`a`, `^[0-9]+$`)", &["t.test/?a=12"], &["t.test/?a=b"]),
        ("ClientIP(`127.0.0.0/8`)", &["t.test"], &[]),
        ("ClientIP(`10.0.0.0/8`)", &[], &["t.test"]),
        ("Method(`GET`)", &["t.test"], &[]),
        ("Method(`POST`)", &[], &["t.test"]),
        ("Host(`t.test`) && !PathPrefix(`/in`)", &["t.test/out"], &["t.test/in", "u.test"]),
        (
            "(Host(`t.test`) || Host(`u.test`)) && (Path(`/a`) || Path(`/b`))",
            &["t.test/a", "u.test/b"],
            &["t.test/c", "v.test/a"],
        ),
        ("PathPrefix(`/a`) && !Path(`/a/b`)", &["t.test/a/c"], &["t.test/a/b"]),
        ("!(Host(`u.test`) || Host(`v.test`))", &["t.test"], &["u.test", "v.test"]),
    ] {
        let survey = router(rule, &[]);
        quiet(&survey);
        for url in yes {
            assert_eq!(survey.ask(url, &[]), "t_1", "{rule}: {url}");
        }
        for url in no {
            assert_eq!(survey.ask(url, &[]), "503", "{rule}: {url}");
        }
    }
    let survey = router("Method(`POST`, `PUT`)", &[]);
    assert!(post(&survey, "t.test"));
    for (rule, header) in [
        ("Header(`X-A`, `b`)", "b"),
        ("HeaderRegexp(`x-a`, `^b+$`)", "bbb"),
        ("!Header(`X-A`, `c`)", "b"),
    ] {
        let survey = router(rule, &[]);
        quiet(&survey);
        assert_eq!(survey.ask("any.test", &[("X-A", header)]), "t_1", "{rule}");
        assert_eq!(survey.ask("any.test", &[("X-A", "c")]), "503", "{rule}");
    }
}

#[test]
fn the_more_specific_and_the_higher_priority_come_first() {
    let labels: Pairs<'_> = &[
        ("traefik.http.routers.all.rule", "PathPrefix(`/`)"),
        ("traefik.http.routers.all.service", "all"),
        ("traefik.http.services.all.loadbalancer.server.port", "1000"),
        ("traefik.http.routers.get.rule", "Host(`t.test`) && Method(`GET`)"),
        ("traefik.http.routers.get.service", "get"),
        ("traefik.http.services.get.loadbalancer.server.port", "1001"),
        ("traefik.http.routers.host.rule", "Host(`t.test`)"),
        ("traefik.http.routers.host.service", "host"),
        ("traefik.http.services.host.loadbalancer.server.port", "1002"),
        ("traefik.http.routers.first.rule", "PathPrefix(`/first`)"),
        ("traefik.http.routers.first.priority", "1000"),
        ("traefik.http.routers.first.service", "first"),
        ("traefik.http.services.first.loadbalancer.server.port", "1003"),
    ];
    let survey = town(labels, &[]);
    quiet(&survey);
    let process = process();
    let chosen = |url: &str| {
        let question = Question::from_url(url).expect("an address");
        match explain(&survey.config, &question, &process).outcome {
            Outcome::Backend(name) => name.to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(chosen("u.test/x"), "p_t.all");
    assert_eq!(chosen("t.test/x"), "p_t.get", "more tests before fewer");
    assert_eq!(chosen("t.test/first"), "p_t.first");
    for (backend, port) in [("all", "1000"), ("get", "1001"), ("host", "1002"), ("first", "1003")] {
        assert!(survey.addresses(&format!("p_t.{backend}"))[0].contains(port));
    }
}

#[test]
fn names_have_no_case_and_a_missing_rule_is_the_services_name() {
    let survey = town(
        &[("Traefik.Enable", "true"), ("traefik.http.services.S.loadBalancer.server.port", "9000")],
        &[],
    );
    quiet(&survey);
    assert_eq!(survey.ask("p-t.", &[]), "t_1");
    assert!(survey.addresses("p_t")[0].contains("9000"));
    let survey = town(&[("traefik.http.routers.r.priority", "3")], &[]);
    quiet(&survey);
    assert_eq!(survey.ask("p-t", &[]), "t_1");
    let survey = town(&[("traefik.enable", "false"), ("traefik.http.routers.r.rule", "x")], &[]);
    quiet(&survey);
    let survey = town(&[("traefik.enable", "true")], &[]);
    assert_eq!(survey.ask("p-t", &[]), "t_1");
}

#[test]
fn settings_of_services() {
    let at = "traefik.http.services.s.loadbalancer";
    let label = |key: &str| format!("{at}.{key}");
    let pairs: Vec<(String, &str)> = [
        ("server.port", "9000"),
        ("server.scheme", "http"),
        ("passhostheader", "true"),
        ("sticky.cookie", "true"),
        ("sticky.cookie.name", "who"),
        ("sticky.cookie.httponly", "true"),
        ("sticky.cookie.secure", "true"),
        ("sticky.cookie.samesite", "lax"),
        ("sticky.cookie.maxage", "60"),
        ("sticky.cookie.path", "/x"),
        ("healthcheck.path", "/up"),
        ("healthcheck.method", "HEAD"),
        ("healthcheck.interval", "5s"),
        ("healthcheck.timeout", "2s"),
        ("healthcheck.port", "9001"),
        ("healthcheck.status", "204"),
        ("healthcheck.hostname", "up.test"),
        ("healthcheck.headers.x-a", "b c"),
    ]
    .map(|(key, value)| (label(key), value))
    .into();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let survey = router("Host(`t.test`)", &pairs);
    quiet(&survey);
    let b = backend(&survey);
    let cookie = b.cookie.as_ref().expect("a cookie");
    assert_eq!(&*cookie.name, "who");
    assert!(cookie.httponly && cookie.secure && cookie.indirect);
    let attributes: Vec<String> = cookie.attributes.iter().map(ToString::to_string).collect();
    assert_eq!(attributes, ["SameSite=lax", "Max-Age=60", "Path=/x"]);
    let check = b.servers[0].check.as_ref().expect("a check");
    assert_eq!(check.inter.as_secs(), 5);
    assert!(format!("{:?}", check.port).contains("9001"), "{:?}", check.port);
    assert_eq!(b.timeouts.check.map(|t| t.as_secs()), Some(2));
    let said = format!("{:?}", b.check);
    for word in ["HEAD", "/up", "204", "up.test", "b c"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn middlewares_become_rules() {
    let survey = router(
        "Host(`t.test`)",
        &[
            ("traefik.http.routers.r.middlewares", "all@docker"),
            ("traefik.http.middlewares.all.chain.middlewares", "safe,strip, add,head"),
            ("traefik.http.middlewares.safe.redirectscheme.scheme", "https"),
            ("traefik.http.middlewares.safe.redirectScheme.permanent", "true"),
            ("traefik.http.middlewares.strip.stripprefix.prefixes", "/api,/v%1"),
            ("traefik.http.middlewares.add.addprefix.prefix", "/new"),
            ("traefik.http.middlewares.head.headers.customrequestheaders.X-Req", "50% off"),
            ("traefik.http.middlewares.head.headers.customresponseheaders.Server", ""),
            ("traefik.http.middlewares.head.headers.stsseconds", "60"),
            ("traefik.http.middlewares.head.headers.stsincludesubdomains", "true"),
            ("traefik.http.middlewares.head.headers.framedeny", "true"),
            ("traefik.http.middlewares.head.headers.referrerpolicy", "no-referrer"),
        ],
    );
    quiet(&survey);
    assert_eq!(survey.ask("t.test", &[]).split(' ').nth(1), Some("redirect"));
    let b = backend(&survey);
    let text = format!("{:?}", b.rules);
    let prefix = format!("{:?}", "X-Forwarded-Prefix".as_bytes());
    assert_eq!(text.matches(&prefix).count(), 2, "{text}");
    for word in
        ["301", "(/api)", "(/new%[path])", "(50%% off)", "^(?:/api|/v\\%1)/?(.*)$", "no-referrer"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(b.rules.http_response.len(), 4, "Server, HSTS, frames, referrer");
    let origin = b.rules.http_request[0].origin.to_string();
    assert!(
        origin.contains("t_1, traefik.http.middlewares.safe.redirectscheme.scheme"),
        "{origin}"
    );
}

#[test]
fn a_redirection_may_be_for_a_while_and_to_a_port() {
    let survey = router(
        "Host(`t.test`)",
        &[
            ("traefik.http.routers.r.middlewares", "m"),
            ("traefik.http.middlewares.m.redirectscheme.scheme", "https"),
            ("traefik.http.middlewares.m.redirectscheme.port", "8443"),
        ],
    );
    quiet(&survey);
    let text = format!("{:?}", backend(&survey).rules);
    assert!(text.contains("302") && text.contains(":8443"), "{text}");
}

#[test]
fn accounts_and_networks_guard() {
    // 'pw' with the salt 'abcdefgh'.
    let users = "ann:$5$abcdefgh$ijtOJ//yvc/9bq1g0llFn9dB688BwBDRD90DlKKSKE1, bob:$1$x$y";
    let survey = router(
        "Host(`t.test`)",
        &[
            ("traefik.http.routers.r.middlewares", "who"),
            ("traefik.http.middlewares.who.basicauth.users", users),
            ("traefik.http.middlewares.who.basicauth.realm", "a realm"),
        ],
    );
    quiet(&survey);
    assert!(survey.ask("t.test", &[]).starts_with("http-request auth"));
    let ann = |password: &str| {
        let encoded = match password {
            "pw" => "YW5uOnB3",
            _ => "YW5uOm5v",
        };
        survey.ask("t.test", &[("Authorization", &format!("Basic {encoded}"))])
    };
    assert_eq!(ann("pw"), "t_1");
    assert!(ann("no").starts_with("http-request auth"));
    assert_eq!(survey.ask("other.test", &[]), "o_1", "of nobody else");
    for (networks, answer) in [("127.0.0.1,10.0.0.0/8", "t_1"), ("10.0.0.0/8", "http-request deny")]
    {
        let survey = router(
            "Host(`t.test`)",
            &[
                ("traefik.http.routers.r.middlewares", "m"),
                ("traefik.http.middlewares.m.ipallowlist.sourcerange", networks),
            ],
        );
        quiet(&survey);
        assert!(survey.ask("t.test", &[]).starts_with(answer), "{networks}");
    }
}

#[test]
fn tcp_routers_relay_their_entry_points() {
    let survey = town(
        &[
            ("traefik.tcp.routers.m.rule", "HostSNI(`*`)"),
            ("traefik.tcp.routers.m.entrypoints", "mqtt"),
            ("traefik.tcp.routers.m.tls.passthrough", "true"),
            ("traefik.tcp.services.m.loadbalancer.server.port", "9883"),
        ],
        &[],
    );
    quiet(&survey);
    assert_eq!(survey.ports(), [80, 1883]);
    let relay = survey.config.backend("port_1883").expect("a backend");
    assert_eq!(relay.mode, model::Mode::Tcp);
    assert!(survey.addresses("port_1883")[0].contains("9883"));
}

#[test]
fn entry_points_are_ports() {
    let survey = router("Host(`t.test`)", &[("traefik.http.routers.r.entrypoints", "web,admin")]);
    quiet(&survey);
    assert_eq!(survey.ports(), [80, 8080]);
    assert_eq!(survey.ask("t.test:8080", &[]), "t_1");
    assert_eq!(survey.ask("t.test", &[]), "t_1");
}

/// What cannot be done is said with container and label, and nothing is served that it might guard.
#[test]
fn what_is_not_understood_is_said_and_guards_shut() {
    for (labels, label, reason) in [
        (&[("entrypoints", "websecure")][..], "entrypoints", "not served on entry point websecure"),
        (&[("tls", "true")], "tls", "not served: TLS is not terminated"),
        (&[("tls.certresolver", "le")], "tls.certresolver", "not served: TLS is not terminated"),
        (&[("middlewares", "m@file")], "middlewares", "middleware m@file: it is not described"),
        (&[("middlewares", "nobody")], "middlewares", "middleware nobody: it is not described"),
        (&[("middlewares", "forward")], "middlewares", "'forwardauth' is not understood"),
        (&[("middlewares", "apr")], "middlewares", "the hash of user 'ann' is none of crypt(3)"),
        (&[("middlewares", "depth")], "middlewares", "ipstrategy.depth' is not understood"),
        (&[("middlewares", "loop")], "middlewares", "chains of middlewares are too long"),
        (&[("service", "nobody")], "service", "no label describes service nobody"),
    ] {
        let mut all: Vec<(String, &str)> = labels
            .iter()
            .map(|(key, value)| (format!("traefik.http.routers.r.{key}"), *value))
            .collect();
        for (key, value) in [
            ("forward.forwardauth.address", "http://auth"),
            ("apr.basicauth.users", "ann:$apr1$x$y"),
            ("depth.ipallowlist.sourcerange", "10.0.0.0/8"),
            ("depth.ipallowlist.ipstrategy.depth", "1"),
            ("loop.chain.middlewares", "loop"),
        ] {
            let used = labels.iter().any(|(_, v)| key.starts_with(&format!("{v}.")));
            all.extend(used.then(|| (format!("traefik.http.middlewares.{key}"), value)));
        }
        let pairs: Vec<(&str, &str)> = all.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        let survey = router("Host(`t.test`)", &pairs);
        let problems = survey.complaints();
        let place = format!("container t_1, traefik.http.routers.r.{label}: ");
        assert!(problems[0].starts_with(&place) && problems[0].contains(reason), "{problems:?}");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(survey.ask("t.test", &[]), "503", "{reason}");
        assert_eq!(survey.ask("other.test", &[]), "o_1");
    }
}

#[test]
fn what_has_no_effect_is_said() {
    for label in [
        "traefik.http.routers.r.observability.metrics",
        "traefik.http.services.s.loadbalancer.serverstransport",
        "traefik.http.services.s.loadbalancer.responseforwarding.flushinterval",
        "traefik.http.middlewares.nobody.ratelimit.average",
        "traefik.udp.routers.u.entrypoints",
        "traefik.swarm.lbservers",
    ] {
        let survey = router("Host(`t.test`)", &[(label, "x")]);
        let problems = survey.complaints();
        let said = format!("container t_1, {label}: this label is not understood");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&said), "{problems:?}");
        assert_eq!(survey.ask("t.test", &[]), "t_1");
    }
}

#[test]
fn a_virtual_address_is_for_services_of_a_swarm() {
    for label in ["traefik.docker.lbswarm", "traefik.swarm.LBSwarm"] {
        let survey = router("Host(`t.test`)", &[(label, "true")]);
        let problems = survey.complaints();
        let said = format!("container t_1, {label}: only a service of a Swarm has");
        assert!(problems.len() == 1 && problems[0].starts_with(&said), "{problems:?}");
        assert_eq!(survey.ask("t.test", &[]), "t_1");
    }
}

#[test]
fn wrong_values_cost_their_own_container_alone() {
    for (label, value) in [
        ("traefik.http.routers.r.rule", "Host(t.test)"),
        ("traefik.http.routers.r.rule", "HostRegexp(`(`)"),
        ("traefik.http.routers.r.priority", "high"),
        ("traefik.http.services.s.loadbalancer.server.port", "x"),
        ("traefik.http.services.s.loadbalancer.healthcheck.path", "/\nbind :1"),
    ] {
        let survey = router("Host(`t.test`)", &[(label, value)]);
        let problems = survey.complaints();
        let place = format!("container t_1, {label}: ");
        assert!(problems.iter().any(|p| p.starts_with(&place)), "{label}: {problems:?}");
        assert_eq!(survey.ask("t.test", &[]), "503", "{label}={value}");
        assert_eq!(survey.ask("other.test", &[]), "o_1");
    }
}

#[test]
fn variables_of_nginx_proxy() {
    let hosts = "n.test, *.n.example, ~^[ab]\\.regex\\.test$";
    let env: Pairs<'_> = &[("VIRTUAL_HOST", hosts), ("VIRTUAL_PORT", "3000")];
    let survey = town(&[], env);
    quiet(&survey);
    for (url, answer) in [
        ("n.test/x", "t_1"),
        ("a.n.example", "t_1"),
        ("a.regex.test", "t_1"),
        ("c.regex.test", "503"),
    ] {
        assert_eq!(survey.ask(url, &[]), answer, "{url}");
    }
    assert!(survey.addresses("p_t")[0].contains("3000"));
    let host = ("VIRTUAL_HOST", "n.test");
    for (path, yes, no) in [
        ("/x", &["n.test/x", "n.test/xy"][..], &["n.test/"][..]),
        ("/", &["n.test/any"], &[]),
        ("~^/(a|b)/", &["n.test/a/1"], &["n.test/c/", "n.test/A/1"]),
        ("~*^/(a|b)/", &["n.test/A/1"], &["n.test/c/"]),
    ] {
        let survey = town(&[], &[host, ("VIRTUAL_PATH", path)]);
        quiet(&survey);
        yes.iter().for_each(|url| assert_eq!(survey.ask(url, &[]), "t_1", "{path}: {url}"));
        no.iter().for_each(|url| assert_eq!(survey.ask(url, &[]), "503", "{path}: {url}"));
    }
    let survey = town(&[], &[host, ("VIRTUAL_PATH", "/x/"), ("VIRTUAL_DEST", "/y%/")]);
    quiet(&survey);
    let text = format!("{:?}", backend(&survey).rules);
    assert!(text.contains("^/x/(.*)$") && text.contains("/y%%/\\1"), "{text}");
    let survey = town(&[], &[host, ("NETWORK_ACCESS", "internal")]);
    quiet(&survey);
    assert_eq!(survey.ask("n.test", &[]), "t_1", "from loopback");
    let question = Question {
        source: "8.8.8.8:1".parse().expect("an address"),
        ..Question::from_url("n.test").expect("an address")
    };
    let outcome = explain(&survey.config, &question, &process()).outcome;
    assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?}");
    for (value, algorithm) in [
        ("least_conn;", model::Algorithm::LeastConn),
        ("round_robin", model::Algorithm::RoundRobin),
    ] {
        let label = ("com.github.nginx-proxy.nginx-proxy.loadbalance", value);
        let survey = town(&[label], &[host]);
        quiet(&survey);
        assert_eq!(backend(&survey).algorithm, algorithm);
    }
}

#[test]
fn what_nginx_proxy_would_do_and_is_not_done_here_is_said() {
    let host = ("VIRTUAL_HOST", "n.test");
    for (name, value, answer) in [
        ("VIRTUAL_PROTO", "http", ""),
        ("VIRTUAL_PROTO", "fastcgi", "503"),
        ("VIRTUAL_PROTO", "https", "503"),
        ("VIRTUAL_HOST_MULTIPORTS", "n.test: {}", "503"),
        ("HTTPS_METHOD", "nohttp", "503"),
        ("HTTPS_METHOD", "noredirect", ""),
        ("HTTPS_METHOD", "redirect", "t_1"),
        ("HTTPS_METHOD", "perhaps", "503"),
        ("NETWORK_ACCESS", "perhaps", "503"),
        ("VIRTUAL_DEST", "/", "t_1"),
        ("VIRTUAL_PORT", "x", "503"),
        ("VIRTUAL_PATH", "/*", "503"),
        ("CERT_NAME", "shared", "t_1"),
        ("HSTS", "off", "t_1"),
        ("LETSENCRYPT_HOST", "n.test", "t_1"),
        ("SERVER_TOKENS", "off", "t_1"),
    ] {
        let survey = town(&[], &[host, (name, value)]);
        let problems = survey.complaints();
        let place = format!("container t_1, {name}: ");
        let expected = if answer.is_empty() { "t_1" } else { answer };
        assert_eq!(survey.ask("n.test", &[]), expected, "{name}={value}: {problems:?}");
        let said = problems.iter().filter(|p| p.starts_with(&place)).count();
        assert_eq!(said, usize::from(!answer.is_empty()), "{name}={value}: {problems:?}");
        assert_eq!(said, problems.len(), "{problems:?}");
    }
    let label = ("com.github.nginx-proxy.nginx-proxy.keepalive", "64");
    let problems = town(&[label], &[host]).complaints();
    assert!(problems[0].contains("keepalive: this is not understood"), "{problems:?}");
    let survey = town(&[], &[("VIRTUAL_HOST_MULTIPORTS", "n.test: {}")]);
    assert!(survey.complaints()[0].contains("t_1, VIRTUAL_HOST_MULTIPORTS: not served"));
}

/// Own labels, then variables, then Traefik: one set of words, and the others are named.
#[test]
fn one_set_of_words_for_each_container() {
    let native = ("evenkeel.host", "native.test");
    let traefik = ("traefik.http.routers.r.rule", "Host(`traefik.test`)");
    let variable = ("VIRTUAL_HOST", "variable.test");
    let cloud = ("VIRTUAL_HOST", "cloud.test:80");
    for (labels, env, answers, said) in [
        (&[native, traefik][..], &[variable][..], "native.test", 2),
        (&[traefik], &[variable], "variable.test", 1),
        (&[traefik], &[cloud], "cloud.test", 1),
        (&[traefik], &[], "traefik.test", 0),
        (&[native], &[cloud], "native.test", 1),
    ] {
        let survey = town(labels, env);
        for host in ["native.test", "variable.test", "cloud.test", "traefik.test"] {
            let expected = if host == answers { "t_1" } else { "503" };
            assert_eq!(survey.ask(host, &[]), expected, "{host} of {labels:?} {env:?}");
        }
        let problems = survey.complaints();
        assert_eq!(problems.len(), said, "{problems:?}");
        assert!(problems.iter().all(|p| p.contains("have no effect: ")), "{problems:?}");
    }
}
