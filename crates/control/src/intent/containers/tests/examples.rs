//! The worked examples of the dockercloud dialect, by number. Where that product is known to be
//! wrong, the better behaviour is what is tested.

use super::*;

/// Requests with where they end: servers, `503`, `refused`, or the rule that answers.
fn expect(survey: &Survey, table: &[(&str, &str)]) {
    for (url, end) in table {
        assert_eq!(survey.ask(url, &[]), *end, "{url}");
    }
}

fn quiet(survey: &Survey) {
    assert_eq!(survey.complaints(), [""; 0]);
}

#[test]
fn e01_without_a_host_everything_alternates() {
    let survey = Town::default().service("kiwi", 2, &[80], &[]).survey();
    quiet(&survey);
    expect(&survey, &[("any.test/any", "kiwi_1 kiwi_2"), ("10.0.0.9/", "kiwi_1 kiwi_2")]);
    let b = survey.config.backend("default_service").expect("a backend");
    assert_eq!(b.algorithm, model::Algorithm::RoundRobin);
    let check = b.servers[0].check.as_ref().expect("a check");
    assert_eq!((check.inter.as_millis(), check.rise, check.fall), (2000, 2, 3));
}

#[test]
fn e02_the_containers_port_is_not_the_balancers() {
    let survey = Town::default().service("kiwi", 1, &[8080], &[]).survey();
    expect(&survey, &[("a.test", "kiwi_1"), ("a.test:8080", "refused")]);
    assert!(survey.addresses("default_service")[0].contains("8080"));
}

#[test]
fn e03_services_without_a_host_are_one_pool() {
    let town = Town::default().service("kiwi", 1, &[80], &[]).service("lime", 1, &[3000], &[]);
    let survey = town.survey();
    quiet(&survey);
    expect(&survey, &[("a.test", "kiwi_1 lime_1")]);
    assert!(survey.addresses("default_service")[1].contains("3000"));
    let frontend = survey.config.frontend("port_80").expect("a frontend");
    assert_eq!(frontend.default_backend.as_deref(), Some("default_service"));
}

#[test]
fn e04_hosts_choose() {
    let survey = Town::default()
        .service("kiwi", 1, &[80], &[("VIRTUAL_HOST", "kiwi.test")])
        .service("lime", 1, &[80], &[("VIRTUAL_HOST", "lime.test")])
        .survey();
    quiet(&survey);
    expect(
        &survey,
        &[
            ("kiwi.test", "kiwi_1"),
            ("LIME.test:80", "lime_1"),
            ("lime.test.", "lime_1"),
            ("plum.test", "503"),
            ("10.0.0.1", "503"),
        ],
    );
    assert_eq!(survey.ask("x", &[("Host", "")]), "503", "no Host at all");
    assert_eq!(survey.backends()[1..], ["SERVICE_p_kiwi", "SERVICE_p_lime"]);
}

#[test]
fn e05_several_hosts() {
    let town =
        Town::default().service("kiwi", 1, &[80], &[("VIRTUAL_HOST", "kiwi.test, kiwi.example")]);
    expect(&town.survey(), &[("kiwi.test", "kiwi_1"), ("kiwi.example", "kiwi_1")]);
}

#[test]
fn e06_a_host_may_name_its_port() {
    let survey = Town::default()
        .service("kiwi", 1, &[80], &[("VIRTUAL_HOST", "kiwi.test")])
        .service("lime", 1, &[80], &[("VIRTUAL_HOST", "lime.test:8080")])
        .survey();
    quiet(&survey);
    assert_eq!(survey.ports(), [80, 8080]);
    expect(
        &survey,
        &[("lime.test:8080", "lime_1"), ("lime.test:80", "503"), ("kiwi.test:8080", "503")],
    );
    let with_port = survey.ask("x:8080", &[("Host", "lime.test:8080")]);
    assert_eq!(with_port, "lime_1");
}

#[test]
fn e07_the_port_in_the_host_header_does_not_matter_unless_asked() {
    let kiwi: Pairs<'_> = &[("VIRTUAL_HOST", "kiwi.test")];
    let survey = Town::default().service("kiwi", 1, &[80], kiwi).survey();
    assert_eq!(survey.ask("x", &[("Host", "kiwi.test:9000")]), "kiwi_1");
    let strict = Town::balancer(&[("EVENKEEL_STRICT_HOST_PORT", "1")]);
    let survey = strict.service("kiwi", 1, &[80], kiwi).survey();
    assert_eq!(survey.ask("x", &[("Host", "kiwi.test:9000")]), "503");
    assert_eq!(survey.ask("x", &[("Host", "Kiwi.test:80")]), "kiwi_1");
    assert_eq!(survey.ask("x", &[("Host", "kiwi.test")]), "kiwi_1");
}

#[test]
fn e08_a_host_said_twice() {
    let kiwi: Pairs<'_> = &[("VIRTUAL_HOST", "kiwi.test, kiwi.test:80")];
    let survey = Town::default().service("kiwi", 1, &[80], kiwi).survey();
    quiet(&survey);
    expect(&survey, &[("kiwi.test", "kiwi_1")]);
}

#[test]
fn e09_e10_e11_stars_in_hosts() {
    let town = |host| Town::default().service("fig", 1, &[80], &[("VIRTUAL_HOST", host)]).survey();
    expect(
        &town("*.orchard.test"),
        &[
            ("a.orchard.test", "fig_1"),
            ("a.b.orchard.test:80", "fig_1"),
            ("orchard.test", "503"),
            ("a.orchard.example", "503"),
        ],
    );
    expect(
        &town("orchard.*"),
        &[("orchard.test", "fig_1"), ("orchard.example:80", "fig_1"), ("www.orchard.test", "503")],
    );
    let survey = town("http://or-*.test:8080");
    expect(&survey, &[("or-a.test:8080", "fig_1"), ("or-a.test:80", "503")]);
    assert_eq!(survey.ask("x:8080", &[("Host", "or-b.test:8080")]), "fig_1");
}

#[test]
fn e12_exact_beats_star_and_weight_beats_both() {
    let town = |api: &str, shop: &str| {
        Town::default()
            .service(
                "api",
                1,
                &[80],
                &[("VIRTUAL_HOST", "*.orchard.test"), ("VIRTUAL_HOST_WEIGHT", api)],
            )
            .service(
                "shop",
                1,
                &[80],
                &[("VIRTUAL_HOST", "shop.orchard.test"), ("VIRTUAL_HOST_WEIGHT", shop)],
            )
            .survey()
    };
    for (api, shop) in [("0", "5"), ("0", "0"), ("x", "0")] {
        expect(&town(api, shop), &[("shop.orchard.test", "shop_1"), ("x.orchard.test", "api_1")]);
    }
    expect(&town("7", "5"), &[("shop.orchard.test", "api_1")]);
}

#[test]
fn e13_root_and_everything() {
    let town = |host| Town::default().service("root", 1, &[80], &[("VIRTUAL_HOST", host)]).survey();
    expect(&town("*/"), &[("a.test/", "root_1"), ("a.test/abc", "503")]);
    expect(&town("*/*"), &[("a.test/", "root_1"), ("a.test/abc", "root_1")]);
    expect(&town("*"), &[("a.test/", "root_1"), ("a.test/abc", "root_1")]);
}

#[test]
fn e14_seven_services_by_path() {
    let mut town = Town::default();
    for (name, paths) in [
        ("a", "*/pa/, */pa, */pa/*, */*/pa/*"),
        ("b", "*/pb"),
        ("c", "*/pc/"),
        ("d", "*/pd/*"),
        ("e", "*/*/pe/*"),
        ("f", "*/p*f/"),
        ("g", "*/*.js"),
    ] {
        town = town.service(name, 1, &[80], &[("VIRTUAL_HOST", paths)]);
    }
    let survey = town.survey();
    quiet(&survey);
    let table: &[(&str, &str)] = &[
        ("/pa /pa/ /pa/x /y/pa/ /y/pa/1 /pa?u=1", "a_1"),
        ("/pb /pb?u=1 /PB", "b_1"),
        ("/pb/ /pb/x /y/pb/", "503"),
        ("/pc/ /pc/?u=1", "c_1"),
        ("/pc /pc/x", "503"),
        ("/pd/ /pd/x /pd/x?u=1", "d_1"),
        ("/pd /y/pd/ /y/pd/1", "503"),
        ("/y/pe/ /y/pe/1", "e_1"),
        ("/pe /pe/ /pe/x", "503"),
        ("/pf/ /p3f/ /pf/?u=1", "f_1"),
        ("/pf /p3f", "503"),
        ("/x.js /d/x.js?v=1", "g_1"),
        ("/x.jpg", "503"),
    ];
    for (paths, end) in table {
        for path in paths.split(' ') {
            assert_eq!(survey.ask(&format!("any.test{path}"), &[]), *end, "{path}");
        }
    }
}

#[test]
fn e15_e16_host_and_path() {
    let town = |host| Town::default().service("tea", 1, &[80], &[("VIRTUAL_HOST", host)]).survey();
    expect(
        &town("http://www.tea.test/cup/"),
        &[
            ("www.tea.test/cup/", "tea_1"),
            ("www.tea.test:80/cup/", "tea_1"),
            ("www.tea.test/cup", "503"),
            ("www.tea.test/", "503"),
            ("other.test/cup/", "503"),
            ("10.0.0.1/cup/", "503"),
        ],
    );
    expect(
        &town("http://www.tea-*.test/c*/"),
        &[
            ("www.tea-x.test/c1/", "tea_1"),
            ("www.tea-x.test/c/", "tea_1"),
            ("www.tea-x.test/c1", "503"),
            ("www.tea.test/c/", "503"),
        ],
    );
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----\\nx\\n-----END PRIVATE KEY-----\\n\
                   -----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----";

#[test]
fn e17_many_frontends() {
    let survey = Town::default()
        .service(
            "m",
            1,
            &[80],
            &[("VIRTUAL_HOST", "https://m.test:444, m2.test:8008"), ("SSL_CERT", PEM)],
        )
        .service(
            "n",
            1,
            &[80],
            &[("VIRTUAL_HOST", "https://n.test, http://n2.test"), ("SSL_CERT", PEM)],
        )
        .service(
            "o",
            1,
            &[80],
            &[("VIRTUAL_HOST", "o.test, http://o1.test:8009, o2.test/p/, */*.do/, *:8011/*.php/")],
        )
        .survey();
    assert_eq!(survey.ports(), [80, 8008, 8009, 8011], "444 and 443 wait for TLS");
    expect(
        &survey,
        &[
            ("m2.test:8008", "m_1"),
            ("n2.test", "n_1"),
            ("o2.test/p/", "o_1"),
            ("anyhost.test/x.do/", "o_1"),
            ("anyhost.test:8011/x.php/", "o_1"),
            ("o1.test:8009", "o_1"),
        ],
    );
    let problems = survey.complaints().join("\n");
    assert!(problems.contains("m_1, VIRTUAL_HOST: https://m.test:444 not served"), "{problems}");
    assert!(problems.contains("m_1, SSL_CERT: the certificate is not used"), "{problems}");
}

#[test]
fn e18_e19_https_alone_opens_nothing_in_clear() {
    for cert in [PEM, "", "no certificate"] {
        let survey = Town::default()
            .service("red", 1, &[80], &[("VIRTUAL_HOST", "https://red.test"), ("SSL_CERT", cert)])
            .service("blue", 1, &[80], &[("VIRTUAL_HOST", "blue.test")])
            .survey();
        assert_eq!(survey.ports(), [80]);
        expect(&survey, &[("red.test", "503"), ("blue.test", "blue_1")]);
        assert!(survey.complaints()[0].contains("https://red.test not served"));
    }
}

#[test]
fn e20_e21_force_ssl_redirects() {
    let survey = Town::default()
        .service("red", 1, &[80], &[("VIRTUAL_HOST", "https://red.test, red.test")])
        .service(
            "blue",
            1,
            &[80],
            &[("VIRTUAL_HOST", "https://blue.test, blue.test"), ("FORCE_SSL", "true")],
        )
        .service("pink", 1, &[80], &[("VIRTUAL_HOST", "https://pink.test"), ("FORCE_SSL", "true")])
        .service("grey", 1, &[80], &[("VIRTUAL_HOST", "grey.test"), ("FORCE_SSL", "false")])
        .survey();
    expect(&survey, &[("red.test/x", "red_1"), ("grey.test", "grey_1")]);
    for host in ["blue", "pink"] {
        let answer = survey.ask(&format!("{host}.test/x?y"), &[]);
        assert!(answer.starts_with("http-request redirect unless"), "{answer}");
        let trusted = survey.ask(&format!("{host}.test"), &[("X-Forwarded-Proto", "https")]);
        assert_eq!(trusted, format!("{host}_1"), "a trusted proxy took it by TLS");
    }
}

#[test]
fn e22_websockets_come_first() {
    let survey = Town::default()
        .service("web", 1, &[80], &[("VIRTUAL_HOST", "http://chat.test")])
        .service("chat", 1, &[80], &[("VIRTUAL_HOST", "ws://chat.test")])
        .survey();
    quiet(&survey);
    assert_eq!(survey.ask("chat.test", &[("Upgrade", "WebSocket")]), "chat_1");
    assert_eq!(survey.ask("chat.test", &[]), "web_1");
    let mode = survey.config.backend("SERVICE_p_chat").expect("a backend").connection_mode;
    assert_eq!(mode, model::ConnectionMode::ServerClose);
}

#[test]
fn e23_e24_services_with_the_same_host_share_a_pool() {
    let survey = Town::default()
        .service(
            "v1",
            2,
            &[80],
            &[("VIRTUAL_HOST", "app.test"), ("HEALTH_CHECK", "check inter 9s")],
        )
        .service("v2", 2, &[80], &[("VIRTUAL_HOST", "app.test")])
        .survey();
    quiet(&survey);
    expect(&survey, &[("app.test", "v1_1 v2_1 v1_2 v2_2")]);
    let servers = &survey.config.backend("SERVICE_p_v1").expect("a backend").servers;
    let inter = |i: usize| servers[i].check.as_ref().map(|c| c.inter.as_millis());
    assert_eq!((inter(0), inter(1)), (Some(9000), Some(2000)), "each keeps its own");
    let survey = Town::default()
        .service("v1", 1, &[80], &[("VIRTUAL_HOST", "app.test,www.app.test")])
        .service("v2", 1, &[80], &[("VIRTUAL_HOST", "www.app.test,app.test")])
        .survey();
    expect(&survey, &[("app.test", "v1_1 v2_1"), ("www.app.test", "v1_1 v2_1")]);
    assert_eq!(survey.config.backends.len(), 2, "one, and the statistics");
    let survey = Town::default()
        .service("v1", 1, &[80], &[("VIRTUAL_HOST", "app.test"), ("BALANCE", "source")])
        .service("v2", 1, &[80], &[("VIRTUAL_HOST", "app.test"), ("BALANCE", "first")])
        .survey();
    assert!(survey.complaints()[0].contains("p_v1 and p_v2 share backend SERVICE_p_v1"));
}

#[test]
fn e25_e26_tcp_ports() {
    let survey = Town::default().service("db", 2, &[22, 80], &[("TCP_PORTS", "22")]).survey();
    quiet(&survey);
    assert_eq!(survey.ports(), [22, 80]);
    expect(&survey, &[("a.test:22", "db_1 db_2"), ("a.test", "db_1 db_2")]);
    let relay = survey.config.backend("port_22").expect("a backend");
    assert_eq!(relay.mode, model::Mode::Tcp);
    assert!(survey.addresses("port_22").iter().all(|a| a.contains("22")));
    assert!(survey.addresses("default_service").iter().all(|a| a.contains("80")));
    let survey = Town::default()
        .service("mail1", 1, &[25, 993], &[("TCP_PORTS", "25,993/ssl")])
        .service("mail2", 1, &[25], &[("TCP_PORTS", "25,110")])
        .survey();
    assert_eq!(survey.ports(), [25, 80, 993]);
    expect(&survey, &[("a:25", "mail1_1 mail2_1"), ("a:993", "mail1_1"), ("a", "503")]);
    let problems = survey.complaints().join("\n");
    assert!(problems.contains("port 993 is relayed as it is"), "{problems}");
    assert!(problems.contains("port 110 is not exposed"), "{problems}");
}

#[test]
fn e27_excluded_ports() {
    let app = |env: Pairs<'_>, balancer: Pairs<'_>| {
        let survey = Town::balancer(balancer).service("app", 1, &[3306, 80], env).survey();
        (survey.addresses("default_service").len(), survey.complaints().len())
    };
    assert_eq!(app(&[("EXCLUDE_PORTS", "3306")], &[]), (1, 0));
    assert_eq!(app(&[], &[]), (1, 1), "80 is used, and that is said");
    assert_eq!(app(&[], &[("COMPAT_ALL_PORTS", "1")]), (2, 0));
    let all = Town::balancer(&[("COMPAT_ALL_PORTS", "1")]).service("app", 1, &[3306, 80], &[]);
    let b = all.survey();
    let servers = &b.config.backend("default_service").expect("a backend").servers;
    assert_ne!(servers[0].identity, servers[1].identity);
    assert_eq!(&*servers[1].name, "app_1_3306");
}

#[test]
fn e28_cookies() {
    let srv = "SRV insert indirect nocache";
    let survey = Town::default().service("app", 3, &[80], &[("COOKIE", srv)]).survey();
    quiet(&survey);
    let b = survey.config.backend("default_service").expect("a backend");
    let cookies: Vec<_> = b.servers.iter().map(|s| s.cookie.as_deref()).collect();
    assert_eq!(cookies, [Some("app_1"), Some("app_2"), Some("app_3")]);
    assert!(b.cookie.as_ref().is_some_and(|c| c.indirect && c.nocache && &*c.name == "SRV"));
    let survey = Town::balancer(&[("COOKIE", srv)]).service("app", 1, &[80], &[]).survey();
    assert_eq!(survey.config.backend("default_service").expect("a backend").cookie, None);
    assert!(survey.complaints()[0].contains("COOKIE: no effect on the balancer"));
}

#[test]
fn e29_basic_auth() {
    for (name, value, given) in [
        ("HTTP_BASIC_AUTH", "ann:x\\,y,bob:z", "YW5uOngseQ=="),
        ("HTTP_BASIC_AUTH", "ann:x\\,y,bob:z", "Ym9iOno="),
        // The hash of 'z', made with a salt of five letters.
        ("HTTP_BASIC_AUTH_SECURE", "bob:$1$salty$QUSsJnBnY5b.9O5W/Ny3g.", "Ym9iOno="),
    ] {
        let survey = Town::balancer(&[(name, value)])
            .service("admin", 1, &[80], &[("VIRTUAL_HOST", "adm.test")])
            .service("pub", 1, &[80], &[("VIRTUAL_HOST", "pub.test"), ("EXCLUDE_BASIC_AUTH", "1")])
            .survey();
        quiet(&survey);
        expect(&survey, &[("pub.test", "pub_1")]);
        assert!(survey.ask("adm.test", &[]).starts_with("http-request auth"));
        if name == "HTTP_BASIC_AUTH" {
            let basic = format!("Basic {given}");
            assert_eq!(survey.ask("adm.test", &[("Authorization", &basic)]), "admin_1");
        }
    }
}

#[test]
fn e30_checks() {
    let survey = Town::default()
        .service(
            "slow",
            1,
            &[80],
            &[("VIRTUAL_HOST", "slow.test"), ("HEALTH_CHECK", "check inter 10s fall 5")],
        )
        .service("nochk", 1, &[80], &[("VIRTUAL_HOST", "no.test"), ("HEALTH_CHECK", " ")])
        .service("http", 1, &[80], &[("VIRTUAL_HOST", "http.test"), ("HTTP_CHECK", "GET /health")])
        .survey();
    quiet(&survey);
    let server = |b: &str| survey.config.backend(b).expect("a backend").servers[0].clone();
    let slow = server("SERVICE_p_slow").check.clone().expect("a check");
    assert_eq!((slow.inter.as_secs(), slow.fall), (10, 5));
    assert_eq!(server("SERVICE_p_nochk").check, None);
    let http = &survey.config.backend("SERVICE_p_http").expect("a backend").check;
    assert!(format!("{http:?}").contains("/health"), "{http:?}");
}

#[test]
fn e31_extra_frontend_settings_only_add() {
    let old = "acl old hdr(host) old.test, http-request redirect code 301 location \
               http://new.test if old";
    let survey = Town::balancer(&[("EXTRA_FRONTEND_SETTINGS_80", old)])
        .service("kiwi", 1, &[80], &[])
        .survey();
    quiet(&survey);
    assert_eq!(survey.ask("old.test", &[]), "http-request redirect if old");
    expect(&survey, &[("others.test", "kiwi_1")]);
    let survey = Town::balancer(&[("EXTRA_FRONTEND_SETTINGS_2376", "option httpclose")])
        .service("kiwi", 1, &[80], &[])
        .survey();
    assert_eq!(survey.ports(), [80, 2376]);
    expect(&survey, &[("a.test", "kiwi_1"), ("a.test:2376", "kiwi_1")]);
}

#[test]
fn e32_the_monitor() {
    let town = |port| {
        Town::balancer(&[("MONITOR_PORT", port), ("MONITOR_URI", "/ping")])
            .service("kiwi", 1, &[80], &[])
            .survey()
    };
    let monitor = |survey: &Survey, name: &str| {
        let frontend = survey.config.frontend(name).expect("a frontend");
        frontend.monitor.as_ref().map(|m| m.uri.to_string())
    };
    let survey = town("80");
    assert_eq!(monitor(&survey, "port_80").as_deref(), Some("/ping"));
    assert_eq!(survey.ports(), [80]);
    let survey = town("9999");
    assert_eq!(monitor(&survey, "monitor").as_deref(), Some("/ping"));
    assert_eq!(monitor(&survey, "port_80"), None);
    expect(&survey, &[("a.test:9999/x", "503"), ("a.test", "kiwi_1")]);
}

#[test]
fn e33_swarm_services() {
    let task = |n: u8, service: &str, networks: Vec<Network>| {
        let name = format!("{service}.{n}.id{n}");
        let mut c = container("x_1", "10.0.0.1", &[], &[("SERVICE_PORTS", "80,8081")]);
        c.labels = map(&[
            ("com.docker.swarm.service.id", service),
            ("com.docker.swarm.service.name", service),
        ]);
        (c.id, c.name) = (name.as_str().into(), name.as_str().into());
        (c.networks, c.exposed) = (networks, Vec::new());
        c
    };
    let edge = |n: u8| network("edge", &format!("10.1.0.{n}"));
    let mut containers = vec![task(9, "lb", vec![edge(9)]), task(8, "lb", vec![edge(8)])];
    for n in 1..=3 {
        containers.push(task(n, "kiwi", vec![network("db-net", "10.7.0.1"), edge(n)]));
    }
    containers.push(task(4, "far", vec![network("db-net", "10.7.0.4")]));
    containers[0].id = "self".into();
    let town = |containers: &[Container]| {
        let mut observations = seen(containers.to_vec());
        observations[0].own = Some(OwnContainer {
            id: "self".into(),
            project: None,
            service: None,
            networks: vec![network("ingress", "10.255.0.9"), edge(9)],
            host_network: false,
        });
        anew(&Config::default(), &observations, &Options::default())
    };
    let survey = town(&containers);
    let addresses = survey.addresses("default_service");
    assert_eq!(addresses.len(), 6, "{addresses:?}");
    assert!(addresses.iter().all(|a| a.contains("10.1.0.")), "{addresses:?}");
    let deactivate = "com.docker.dockercloud.haproxy.deactivate";
    for c in &mut containers[2..5] {
        c.labels.insert(deactivate.into(), "true".into());
    }
    assert_eq!(town(&containers).ask("a.test", &[]), "503");
}

#[test]
fn e34_services_of_other_projects() {
    let mut api = container("api_1", "10.0.0.5", &[], &[]);
    api.labels.insert("com.docker.compose.project".into(), "back".into());
    let town = Town::balancer(&[("ADDITIONAL_SERVICES", "back:api,back:nope")]).with(api);
    let survey = town.survey();
    quiet(&survey);
    expect(&survey, &[("a.test", "api_1")]);
}

#[test]
fn e35_those_without_a_host_get_the_rest() {
    let town = |balancer: Pairs<'_>| {
        Town::balancer(balancer)
            .service("kiwi", 1, &[80], &[("VIRTUAL_HOST", "kiwi.test")])
            .service("lime", 1, &[80], &[])
            .survey()
    };
    expect(&town(&[]), &[("kiwi.test", "kiwi_1"), ("other.test", "lime_1")]);
    expect(&town(&[("FORCE_DEFAULT_BACKEND", "false")]), &[("other.test", "503")]);
    expect(&town(&[("FORCE_DEFAULT_BACKEND", "true")]), &[("other.test", "lime_1")]);
}

#[test]
fn e36_failover() {
    let survey = Town::default()
        .service("main", 1, &[80], &[("VIRTUAL_HOST", "app.test")])
        .service("spare", 1, &[80], &[("VIRTUAL_HOST", "app.test"), ("FAILOVER", "1")])
        .survey();
    quiet(&survey);
    let servers = &survey.config.backend("SERVICE_p_main").expect("a backend").servers;
    let flags: Vec<_> = servers.iter().map(|s| (&*s.name, s.backup)).collect();
    assert_eq!(flags, [("main_1", false), ("spare_1", true)]);
}

#[test]
fn e37_scaling_changes_the_pool_alone() {
    let town = |n| Town::default().service("api", n, &[80], &[]).survey().config;
    let (five, seven) = (town(5), town(7));
    let steps: Vec<String> = model::diff(&five, &seven).iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["+ server default_service/api_6", "+ server default_service/api_7"]);
}

#[test]
fn e38_nothing_linked() {
    let survey = Town::default().survey();
    quiet(&survey);
    assert_eq!(survey.ports(), [80]);
    expect(&survey, &[("a.test", "503")]);
    let stats = survey.config.frontend("stats").expect("a frontend");
    assert_eq!(stats.binds[0].address.to_string(), "0.0.0.0:1936");
    let survey = Town::balancer(&[("STATS_PORT", "off")]).survey();
    assert!(survey.config.frontend("stats").is_none());
}

#[test]
fn the_documented_lines_of_a_backend() {
    let survey = Town::balancer(&[("EXTRA_ROUTE_SETTINGS", "maxconn 7")])
        .service(
            "a",
            1,
            &[80],
            &[
                ("VIRTUAL_HOST", "a.test"),
                ("HSTS_MAX_AGE", "31536000"),
                ("OPTION", "httpclose, abortonclose"),
                ("EXTRA_SETTINGS", "retries 7,http-request set-header X-A b\\,c"),
                ("EXTRA_ROUTE_SETTINGS", "send-proxy-v2"),
            ],
        )
        .service("b", 1, &[80], &[("virtual_host", "b.test")])
        .survey();
    quiet(&survey);
    let a = survey.config.backend("SERVICE_p_a").expect("a backend");
    assert!(a.abortonclose && a.retries == 7);
    assert_eq!(a.connection_mode, model::ConnectionMode::Close);
    assert_eq!(a.servers[0].send_proxy, Some(model::ProxyHeader::V2));
    assert_eq!((a.servers[0].maxconn, a.rules.http_response.len()), (None, 1));
    assert!(a.forwardfor.is_some() && a.redispatch.is_some());
    let b = survey.config.backend("SERVICE_p_b").expect("names match in any case");
    assert_eq!(b.servers[0].maxconn, Some(7));
    let frontend = survey.config.frontend("port_80").expect("a frontend");
    assert_eq!(frontend.rules.http_request.len(), 4, "X-Forwarded-For, -Host and -Proto");
    let skip = Town::balancer(&[("SKIP_FORWARDED_PROTO", "1"), ("MAXCONN", "50")]).survey();
    let frontend = skip.config.frontend("port_80").expect("a frontend");
    assert_eq!(frontend.rules.http_request.len(), 2, "X-Forwarded-For and -Host");
    assert_eq!((frontend.maxconn, skip.config.global.maxconn), (Some(50), Some(50)));
}
