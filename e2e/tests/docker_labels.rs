//! What labels ask for, on the real engine: our own, those of Traefik and nginx-proxy, services
//! that want the same host, and what is said about all of them (F6, F17 of the scenarios).

use e2e::docker::scenario::expect;
use e2e::docker::town::Town;
use e2e::docker::{docker, skip};
use e2e::scenario::wait_until;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// Runs a scenario in a town of its own; skipped, with the reason, where there can be none.
fn in_town(scenario: fn(&mut Town) -> Result<(), String>) {
    let mut town = match Town::found() {
        Ok(town) => town,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = scenario(&mut town) {
        panic!("{why}");
    }
}

/// A service, its ports, its labels and variables.
type Saying = (&'static str, &'static [&'static str], &'static [&'static str]);

/// How often each service answers so many requests.
fn shares(town: &Town, host: &str, requests: usize) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for _ in 0..requests {
        *count.entry(town.who(80, host, "/", "")).or_default() += 1;
    }
    count
}

const OWN: &[Saying] = &[
    ("sticky", &["8000"], &["evenkeel.host=sticky.test", "evenkeel.sticky=BASKET"]),
    ("bad", &["8000"], &["evenkeel.host=check.test", "evenkeel.check=tcp port 1"]),
    ("good", &["8000"], &["evenkeel.host=check.test", "evenkeel.check=/up inter 1s"]),
    ("any", &["8000"], &["evenkeel.host=*.order.test", "evenkeel.priority=1"]),
    ("exact", &["8000"], &["evenkeel.host=a.order.test, b.order.test"]),
    (
        "lines",
        &["8000"],
        &[
            "evenkeel.host=lines.test",
            "evenkeel.config=http-request deny deny_status 418 if { path /tea }\n\
             http-response set-header X-Lines yes",
        ],
    ),
    (
        "other",
        &["8000", "9000"],
        &["evenkeel.host=other.test", "evenkeel.listen=8081", "evenkeel.port=9000"],
    ),
    ("bytes", &["8000"], &["evenkeel.protocol=tcp", "evenkeel.listen=2222", "evenkeel.port=8000"]),
    (
        "two",
        &["8000", "9000"],
        &[
            "evenkeel.web.host=two.test",
            "evenkeel.web.port=8000",
            "evenkeel.admin.host=two.test",
            "evenkeel.admin.path=/admin",
            "evenkeel.admin.port=9000",
            "evenkeel.admin.config=http-response set-header X-Lines admin",
        ],
    ),
    ("off", &["8000"], &["evenkeel.host=off.test", "evenkeel.enable=false"]),
    (
        "wrong",
        &["8000"],
        &["evenkeel.host=wrong.test", "evenkeel.config=retries 3\nno-such-keyword"],
    ),
];

#[test]
fn own_labels_do_what_the_table_says() {
    in_town(own_labels);
}

fn own_labels(town: &mut Town) -> Result<(), String> {
    town.balancer(&[], &[])?;
    for (name, ports, says) in OWN {
        town.service(name, ports, says)?;
    }
    town.expect(&[
        ("sticky.test", "sticky"),
        ("check.test", "good"),
        ("a.order.test", "any"),
        ("lines.test", "lines"),
        ("lines.test /tea", "418"),
        (":8081 other.test", "other"),
        ("other.test", "503"),
        (":2222 whatever.test", "bytes"),
        ("two.test", "two"),
        ("two.test /admin/x", "two"),
        ("off.test", "503"),
        ("wrong.test", "503"),
    ])?;
    let shares = shares(town, "check.test", 10);
    expect(shares.get("good") == Some(&10), || format!("a check does not count: {shares:?}"))?;
    let field = |host: &str, path: &str, name: &str| -> Result<String, String> {
        let answer = town.ask(80, host, path, "")?;
        Ok(answer.head.field(name).unwrap_or_default().to_owned())
    };
    let cookie = field("sticky.test", "/", "set-cookie")?;
    expect(cookie.starts_with("BASKET="), || cookie.clone())?;
    let lines = field("lines.test", "/", "x-lines")?;
    expect(lines == "yes", || lines.clone())?;
    let both = (field("two.test", "/", "x-lines")?, field("two.test", "/admin", "x-lines")?);
    expect(both == (String::new(), "admin".to_owned()), || format!("{both:?}"))?;
    let list = town.command(&["containers"])?;
    let said = "wrong-1, evenkeel.config, line 2: ";
    expect(list.contains(said), || list.clone())
}

#[test]
fn f17_explain_names_container_label_rule_and_every_candidate() {
    in_town(explained);
}

fn explained(town: &mut Town) -> Result<(), String> {
    let host = "evenkeel.host=x.test";
    town.balancer(&[], &[])?;
    town.service("one", &["8000"], &[host, "evenkeel.check=/", "evenkeel.balance=first"])?;
    town.service("two", &["8000"], &[host, "evenkeel.check=tcp port 1"])?;
    town.expect(&[("x.test", "one")])?;
    let mut text = String::new();
    let whole = wait_until(SOON, || {
        text = town.command(&["explain", "http://x.test/y"]).unwrap_or_else(|e| e);
        text.contains("UP, weight 1") && text.contains("DOWN")
    });
    expect(whole, || text.clone())?;
    for words in [
        "use_backend ",
        "one-1, evenkeel.host",
        "-one-1 ",
        "-two-1 ",
        "share x.test by their weights",
        "ask for other settings: where both say something, ",
    ] {
        expect(text.contains(words), || format!("no '{words}' in:\n{text}"))?;
    }
    let json = town.command(&["explain", "--json", "http://x.test/y"])?;
    for words in [
        "\"by\": \"container ",
        "\"text\": \"use_backend ",
        "\"state\": \"DOWN",
        "one-1, evenkeel.host",
        "\"standing\": \"in\"",
        "share x.test by their weights",
    ] {
        expect(json.contains(words), || format!("no '{words}' in:\n{json}"))?;
    }
    let list = town.command(&["containers"])?;
    expect(list.contains("UP, ") && list.contains("DOWN"), || list.clone())?;
    let json = town.command(&["containers", "--json"])?;
    expect(json.contains("\"connections\": 0") && json.contains("\"state\": \"UP"), || {
        json.clone()
    })?;
    let status = town.command(&["status"])?;
    expect(status.contains("share backend"), || status.clone())
}

#[test]
fn health_that_is_ignored_and_drain_that_is_bounded() {
    in_town(health_and_drain);
}

fn health_and_drain(town: &mut Town) -> Result<(), String> {
    let network = town.container_name("x").replace("-x-1", "");
    town.balancer(&[], &[])?;
    let sick = ["--network", &network, "--health-cmd", "false", "--health-interval", "1s"];
    let sick = [&sick[..], &["--health-retries", "1"]].concat();
    let ignore = ["evenkeel.host=ignore.test", "evenkeel.health=ignore"];
    town.elsewhere("ignore", &["8000"], &sick, &ignore)?;
    town.elsewhere("wait", &["8000"], &sick, &["evenkeel.host=wait.test"])?;
    let relayed = ["evenkeel.protocol=tcp", "evenkeel.port=8000", "evenkeel.listen=2222"];
    town.service("bytes", &["8000"], &[&relayed[..], &["evenkeel.drain=1s"]].concat())?;
    town.expect(&[("ignore.test", "ignore"), ("wait.test", "503"), (":2222 any.test", "bytes")])?;

    // A connection that nobody uses, to a container that does not end when it is told to: only the
    // label ends it.
    let mut open = TcpStream::connect(town.place(2222)?).map_err(|e| e.to_string())?;
    open.set_read_timeout(Some(SOON)).map_err(|e| e.to_string())?;
    open.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").map_err(|e| e.to_string())?;
    let mut answer = [0; 512];
    let read = open.read(&mut answer).map_err(|e| e.to_string())?;
    expect(answer[..read].starts_with(b"HTTP/1.1 200"), || "no answer".to_owned())?;
    let container = town.container_name("bytes");
    docker(&["kill", "-s", "TERM", &container])?;
    let ended = loop {
        match open.read(&mut answer) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(e) => break e.kind() == std::io::ErrorKind::ConnectionReset,
        }
    };
    let runs = docker(&["inspect", "-f", "{{.State.Running}}", &container])?;
    expect(runs == "true", || "the container has ended by itself".to_owned())?;
    expect(ended, || format!("the connection stays open\n{}", town.log()))
}

#[test]
fn f06_a_file_and_labels_serve_side_by_side() {
    in_town(file_and_labels);
}

fn file_and_labels(town: &mut Town) -> Result<(), String> {
    let network = town.container_name("x").replace("-x-1", "");
    let scratch = e2e::process::Scratch::new().map_err(|e| e.to_string())?;
    let file = scratch.path.join("haproxy.cfg");
    let text = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 9s\n timeout server 9s\n\
         frontend web\n bind :80\n use_backend filed if {{ hdr(host) file.test }}\n\
         use_backend {network}_clash if {{ hdr(host) clash.test }}\n\
         backend filed\n http-request return status 200 content-type text/plain string file\n\
         backend {network}_clash\n http-request return status 200 content-type text/plain \
         string file\n"
    );
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    let mount = format!("{}:/etc/haproxy/haproxy.cfg:ro", file.display());
    town.balancer_with(&["--network", &network, "-v", &mount], &[], &[])?;
    town.service("label", &["8000"], &["evenkeel.host=label.test"])?;
    town.service("clash", &["8000"], &["evenkeel.host=clash.test, free.test"])?;
    town.expect(&[
        ("file.test", "file"),
        ("label.test", "label"),
        ("clash.test", "file"),
        ("free.test", "503"),
    ])?;
    let said = format!("clash-1, evenkeel.host: backend {network}_clash is in a file already");
    for command in ["status", "containers"] {
        let text = town.command(&[command])?;
        let said = if command == "status" { &*said } else { "is in a file already: the file wins" };
        expect(text.contains(said), || format!("{command}:\n{text}"))?;
    }
    Ok(())
}

#[test]
fn two_services_share_a_host_by_their_weights() {
    in_town(canary);
}

fn canary(town: &mut Town) -> Result<(), String> {
    let host = "evenkeel.host=shop.test";
    town.balancer(&[], &[])?;
    town.service("old", &["8000"], &[host, "evenkeel.weight=9"])?;
    town.service("new", &["8000"], &[host, "evenkeel.weight=1"])?;
    let expected = BTreeMap::from([("old".to_owned(), 36), ("new".to_owned(), 4)]);
    let mut seen = BTreeMap::new();
    let right = wait_until(SOON, || {
        seen = shares(town, "shop.test", 40);
        seen == expected
    });
    expect(right, || format!("{seen:?}\n{}", town.log()))?;
    // The old one goes: everything is the new one's.
    town.stop("old")?;
    let right = wait_until(SOON, || shares(town, "shop.test", 10).get("new") == Some(&10));
    expect(right, || town.log())
}

#[test]
fn two_versions_of_a_service_are_told_apart() {
    in_town(versions);
}

fn versions(town: &mut Town) -> Result<(), String> {
    let same = "evenkeel.service=shop";
    let host = "evenkeel.host=shop.test";
    town.balancer(&[], &[])?;
    town.service("v1", &["8000"], &[same, host, "evenkeel.sticky=ONE"])?;
    town.expect(&[("shop.test", "v1")])?;
    town.service("v2", &["8000"], &[same, host, "evenkeel.sticky=TWO"])?;
    let cookie = |town: &Town| {
        let answer = town.ask(80, "shop.test", "/", "").ok();
        answer.and_then(|m| m.head.field("set-cookie").map(str::to_owned)).unwrap_or_default()
    };
    let newest = wait_until(SOON, || cookie(town).starts_with("TWO="));
    expect(newest, || format!("{}\n{}", cookie(town), town.log()))?;
    let both = wait_until(SOON, || shares(town, "shop.test", 10).len() == 2);
    expect(both, || format!("not both serve\n{}", town.log()))?;
    let said = "v1-1, evenkeel.sticky: service shop: it differs from the newest container's";
    for command in ["containers", "status"] {
        let text = town.command(&[command])?;
        expect(text.contains(said), || format!("{command}:\n{text}"))?;
    }
    let text = town.command(&["explain", "shop.test"])?;
    expect(text.contains(said), || text.clone())?;
    docker(&["rm", "-f", &town.container_name("v1")])?;
    let quiet = wait_until(SOON, || town.command(&["status"]).is_ok_and(|t| !t.contains(said)));
    expect(quiet, || town.log())
}

const IMPORTED: &[Saying] = &[
    (
        "t1",
        &["8000", "9000"],
        &[
            "traefik.http.routers.r.rule=Host(`t.test`) && PathPrefix(`/api`) && !Method(`DELETE`)",
            "traefik.http.services.s.loadbalancer.server.port=9000",
            "traefik.http.routers.r.middlewares=strip,head",
            "traefik.http.middlewares.strip.stripprefix.prefixes=/api",
            "traefik.http.middlewares.head.headers.customresponseheaders.X-Marked=100%",
        ],
    ),
    (
        "t2",
        &["8000"],
        &[
            "traefik.http.routers.r.rule=HostRegexp(`^[a-z]+\\.re\\.test$`)",
            "traefik.http.routers.r.entrypoints=web,admin",
            "traefik.http.services.r.loadbalancer.sticky.cookie.name=WHO",
        ],
    ),
    (
        "t3",
        &["8000"],
        &[
            "traefik.tcp.routers.r.rule=HostSNI(`*`)",
            "traefik.tcp.routers.r.entrypoints=raw",
            "traefik.tcp.services.r.loadbalancer.server.port=8000",
        ],
    ),
    (
        "t4",
        &["8000"],
        &[
            "traefik.http.routers.r.rule=Host(`guard.test`)",
            "traefik.http.routers.r.middlewares=auth",
            "traefik.http.middlewares.auth.basicauth.users=ann:$1$salt$cgKKnpaSCBkbqWAqFFl5W/",
        ],
    ),
    (
        "t5",
        &["8000"],
        &[
            "traefik.http.routers.r.rule=Host(`forward.test`)",
            "traefik.http.routers.r.middlewares=auth",
            "traefik.http.middlewares.auth.forwardauth.address=http://auth.test",
        ],
    ),
    ("n1", &["8000", "9000"], &["VIRTUAL_HOST=n.test", "VIRTUAL_PORT=9000"]),
    ("n2", &["8000"], &["VIRTUAL_HOST=~^n[0-9]\\.test$", "VIRTUAL_PATH=/in"]),
];

#[test]
fn words_of_traefik_and_nginx_proxy_on_request() {
    in_town(importers);
}

fn importers(town: &mut Town) -> Result<(), String> {
    town.balancer(
        &[],
        &["EVENKEEL_IMPORT=traefik,nginx-proxy", "EVENKEEL_IMPORT_ENTRYPOINTS=admin:8082,raw:2323"],
    )?;
    for (name, ports, says) in IMPORTED {
        town.service(name, ports, says)?;
    }
    town.expect(&[
        ("t.test /api/x", "t1"),
        ("t.test /x", "503"),
        ("a.re.test", "t2"),
        (":8082 a.re.test", "t2"),
        ("1.re.test", "503"),
        (":2323 any.test", "t3"),
        ("guard.test", "401"),
        ("forward.test", "503"),
        ("n.test", "n1"),
        ("n7.test /in/x", "n2"),
        ("n7.test", "503"),
    ])?;
    let answer = town.ask(80, "t.test", "/api/x", "")?;
    expect(answer.head.field("x-marked") == Some("100%"), || format!("{:?}", answer.head))?;
    let answer = town.ask(80, "a.re.test", "/", "")?;
    let cookie = answer.head.field("set-cookie").unwrap_or_default().to_owned();
    expect(cookie.starts_with("WHO="), || cookie.clone())?;
    let list = town.command(&["containers"])?;
    let refused = "t5-1, traefik.http.routers.r.middlewares: not served: middleware auth";
    expect(list.contains(refused), || list.clone())
}
