//! The worked examples of the dockercloud dialect on real containers, each with a balancer of its
//! own among containers that are shared: who is meant is said by links (example E1 is `worked E1`);
//! and many of them at once, with labels beside.

use e2e::docker::pool::{exchange, is_cycle};
use e2e::docker::scenario::expect;
use e2e::docker::town::{Service, Town};
use e2e::docker::{docker, skip};
use e2e::scenario::wait_until;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// An example: the name of its balancer, whom that is linked to, its variables, and what is asked.
type Example<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [(&'a str, &'a str)]);

fn in_town(scenario: fn(&mut Town) -> Result<(), String>) {
    let mut town = match Town::found() {
        Ok(town) => town,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = scenario(&mut town) {
        panic!("{why}");
    }
}

fn each(town: &mut Town, examples: &[Example<'_>]) -> Result<(), String> {
    for (name, linked, variables, table) in examples {
        town.another_balancer(name);
        town.balancer(linked, variables)?;
        town.expect(table).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// Waits until exactly these answer in turn.
fn in_turn(town: &Town, port: u16, host: &str, members: &[&str]) -> Result<(), String> {
    let mut names = Vec::new();
    let found = wait_until(SOON, || {
        names = (0..2 * members.len()).map(|_| town.who(port, host, "/", "")).collect::<Vec<_>>();
        is_cycle(&names, members.len()) && names.iter().all(|n| members.contains(&n.as_str()))
    });
    expect(found, || format!("no cycle of {members:?}: {names:?}\n{}", town.log()))
}

#[test]
fn worked_e01_to_e24_hosts_ports_and_paths() {
    in_town(routes);
}

const ROUTES: &[Service<'_>] = &[
    ("plain", &["80"], &[]),
    ("plain2", &["80"], &["com.docker.compose.service=plain"]),
    ("wide", &["3000"], &[]),
    ("high", &["8080"], &[]),
    ("kiwi", &["80"], &["VIRTUAL_HOST=kiwi.test"]),
    ("two", &["80"], &["VIRTUAL_HOST=kiwi.test, kiwi.example"]),
    ("twice", &["80"], &["VIRTUAL_HOST=kiwi.test, kiwi.test:80"]),
    ("lime", &["80"], &["VIRTUAL_HOST=lime.test"]),
    ("limeport", &["80"], &["VIRTUAL_HOST=lime.test:8080"]),
    ("fig", &["80"], &["VIRTUAL_HOST=*.orchard.test"]),
    ("figend", &["80"], &["VIRTUAL_HOST=orchard.*"]),
    ("figmid", &["80"], &["VIRTUAL_HOST=http://or-*.test:8080"]),
    ("shop", &["80"], &["VIRTUAL_HOST=shop.orchard.test"]),
    ("low", &["80"], &["VIRTUAL_HOST=shop.orchard.test", "VIRTUAL_HOST_WEIGHT=-1"]),
    ("root", &["80"], &["VIRTUAL_HOST=*/"]),
    ("all", &["80"], &["VIRTUAL_HOST=*/*"]),
    ("a", &["80"], &["VIRTUAL_HOST=*/pa/, */pa, */pa/*, */*/pa/*"]),
    ("b", &["80"], &["VIRTUAL_HOST=*/pb"]),
    ("c", &["80"], &["VIRTUAL_HOST=*/pc/"]),
    ("d", &["80"], &["VIRTUAL_HOST=*/pd/*"]),
    ("e", &["80"], &["VIRTUAL_HOST=*/*/pe/*"]),
    ("f", &["80"], &["VIRTUAL_HOST=*/p*f/"]),
    ("g", &["80"], &["VIRTUAL_HOST=*/*.js"]),
    ("cup", &["80"], &["VIRTUAL_HOST=http://www.tea.test/cup/"]),
    ("cups", &["80"], &["VIRTUAL_HOST=http://www.tea-*.test/c*/"]),
    ("red", &["80"], &["VIRTUAL_HOST=https://red.test"]),
    ("web", &["80"], &["VIRTUAL_HOST=http://chat.test"]),
    ("chat", &["80"], &["VIRTUAL_HOST=ws://chat.test"]),
    ("v1", &["80"], &["VIRTUAL_HOST=app.test,www.app.test"]),
    ("v2", &["80"], &["VIRTUAL_HOST=www.app.test,app.test"]),
];

/// What is asked of the seven services of example E14, and who answers.
const PATHS: &[(&str, &str)] = &[
    ("x.test /pa", "a"),
    ("x.test /pa/", "a"),
    ("x.test /pa/x", "a"),
    ("x.test /y/pa/", "a"),
    ("x.test /y/pa/1", "a"),
    ("x.test /pa?u=1", "a"),
    ("x.test /pb", "b"),
    ("x.test /pb?u=1", "b"),
    ("x.test /pb/", "503"),
    ("x.test /pb/x", "503"),
    ("x.test /y/pb/", "503"),
    ("x.test /pc/", "c"),
    ("x.test /pc/?u=1", "c"),
    ("x.test /pc", "503"),
    ("x.test /pc/x", "503"),
    ("x.test /pd/", "d"),
    ("x.test /pd/x", "d"),
    ("x.test /pd/x?u=1", "d"),
    ("x.test /pd", "503"),
    ("x.test /y/pd/", "503"),
    ("x.test /y/pd/1", "503"),
    ("x.test /y/pe/", "e"),
    ("x.test /y/pe/1", "e"),
    ("x.test /pe", "503"),
    ("x.test /pe/", "503"),
    ("x.test /pe/x", "503"),
    ("x.test /pf/", "f"),
    ("x.test /p3f/", "f"),
    ("x.test /pf/?u=1", "f"),
    ("x.test /pf", "503"),
    ("x.test /p3f", "503"),
    ("x.test /x.js", "g"),
    ("x.test /d/x.js?v=1", "g"),
    ("x.test /x.jpg", "503"),
];

const ROUTE_EXAMPLES: &[Example<'_>] = &[
    ("e02", &["high"], &[], &[("any.test", "high"), (":8080 any.test", "refused")]),
    (
        "e04",
        &["kiwi", "lime"],
        &[],
        &[
            ("kiwi.test", "kiwi"),
            ("LIME.test:80", "lime"),
            ("plum.test", "503"),
            ("10.0.0.9", "503"),
        ],
    ),
    ("e05", &["two"], &[], &[("kiwi.test", "two"), ("kiwi.example", "two"), ("x.test", "503")]),
    (
        "e06",
        &["kiwi", "limeport"],
        &[],
        &[
            (":8080 lime.test", "limeport"),
            (":8080 lime.test:8080", "limeport"),
            ("lime.test", "503"),
            (":8080 kiwi.test", "503"),
            ("kiwi.test", "kiwi"),
        ],
    ),
    ("e08", &["twice"], &[], &[("kiwi.test", "twice"), ("kiwi.test:80", "twice")]),
    (
        "e09",
        &["fig"],
        &[],
        &[
            ("a.orchard.test", "fig"),
            ("a.b.orchard.test:80", "fig"),
            ("orchard.test", "503"),
            ("a.orchard.example", "503"),
        ],
    ),
    (
        "e10",
        &["figend"],
        &[],
        &[
            ("orchard.test", "figend"),
            ("orchard.example:80", "figend"),
            ("www.orchard.test", "503"),
        ],
    ),
    (
        "e11",
        &["figmid"],
        &[],
        &[(":8080 or-a.test", "figmid"), (":8080 or-b.test:8080", "figmid"), ("or-a.test", "503")],
    ),
    ("e12", &["fig", "shop"], &[], &[("shop.orchard.test", "shop"), ("x.orchard.test", "fig")]),
    // Less weight than the star's: the more specific host comes too late.
    ("e12b", &["fig", "low"], &[], &[("shop.orchard.test", "fig"), ("x.orchard.test", "fig")]),
    ("e13", &["root"], &[], &[("x.test /", "root"), ("x.test /abc", "503")]),
    ("e13b", &["all"], &[], &[("x.test /", "all"), ("x.test /abc", "all")]),
    ("e14", &["a", "b", "c", "d", "e", "f", "g"], &[], PATHS),
    (
        "e15",
        &["cup"],
        &[],
        &[
            ("www.tea.test /cup/", "cup"),
            ("www.tea.test:80 /cup/", "cup"),
            ("www.tea.test /cup", "503"),
            ("www.tea.test /", "503"),
            ("other.test /cup/", "503"),
            ("10.0.0.9 /cup/", "503"),
        ],
    ),
    (
        "e16",
        &["cups"],
        &[],
        &[
            ("www.tea-x.test /c1/", "cups"),
            ("www.tea-x.test /c/", "cups"),
            ("www.tea-x.test /c1", "503"),
            ("www.tea.test /c/", "503"),
        ],
    ),
    ("e19", &["red"], &[], &[("red.test", "503"), (":443 red.test", "refused")]),
    ("e22", &["web", "chat"], &[], &[("chat.test", "web")]),
    ("e35", &["kiwi", "high"], &[], &[("kiwi.test", "kiwi"), ("other.test", "high")]),
];

fn routes(town: &mut Town) -> Result<(), String> {
    town.services(ROUTES)?;
    each(town, ROUTE_EXAMPLES)?;
    // E22: only an upgrade reaches the service of WebSockets.
    town.another_balancer("e22");
    town.balancer_found()?;
    let upgraded = town.who(80, "chat.test", "/", "Upgrade: websocket\r\n");
    expect(upgraded == "chat", || format!("E22: {upgraded}"))?;
    // E19: it is said that nobody serves it.
    town.another_balancer("e19");
    town.balancer_found()?;
    let shown = town.command(&["containers"])?;
    expect(shown.contains("red"), || format!("E19: {shown}"))?;
    // E7: published on another port, which the client names.
    town.another_balancer("e07");
    let network = town.name().to_owned();
    town.balancer_with(&["--network", &network, "-p", "127.0.0.1::80"], &["kiwi"], &[])?;
    town.expect(&[("kiwi.test", "kiwi")])?;
    let published = docker(&["port", &town.container_name("e07"), "80/tcp"])?;
    let published: SocketAddr = published.parse().map_err(|e| format!("{published}: {e}"))?;
    let request = format!("GET / HTTP/1.1\r\nHost: kiwi.test:{}\r\n\r\n", published.port());
    let answer = exchange(published, "GET", &request)?;
    expect(answer.body == b"kiwi", || format!("E7: {:?}", answer.head))?;
    // E1, E3, E24: pools.
    for (name, linked, host, members) in [
        ("e01", &["plain"][..], "any.test", &["plain", "plain2"]),
        ("e03", &["wide", "high"], "any.test", &["wide", "high"]),
        ("e24", &["v1", "v2"], "app.test", &["v1", "v2"]),
    ] {
        town.another_balancer(name);
        town.balancer(linked, &[])?;
        in_turn(town, 80, host, members).map_err(|why| format!("{name}: {why}"))?;
    }
    in_turn(town, 80, "www.app.test", &["v1", "v2"])
}

#[test]
fn worked_e23_to_e38_settings() {
    in_town(settings);
}

const STICKY: &str = "COOKIE=SRV insert indirect nocache";
const SRV: &str = "com.docker.compose.service=srv";

const SETTINGS: &[Service<'_>] = &[
    ("kiwi", &["80"], &[]),
    ("one", &["80"], &["VIRTUAL_HOST=app.test"]),
    ("two", &["80"], &["VIRTUAL_HOST=app.test"]),
    ("spare", &["80"], &["VIRTUAL_HOST=app.test", "FAILOVER=1"]),
    ("db1", &["22", "80"], &["TCP_PORTS=22"]),
    ("db2", &["22", "80"], &["TCP_PORTS=22"]),
    ("less", &["80", "3306"], &["EXCLUDE_PORTS=3306"]),
    ("more", &["80", "3306"], &[]),
    ("srv1", &["80"], &["VIRTUAL_HOST=srv.test", STICKY, SRV]),
    ("srv2", &["80"], &["VIRTUAL_HOST=srv.test", STICKY, SRV]),
    ("srv3", &["80"], &["VIRTUAL_HOST=srv.test", STICKY, SRV]),
    ("adm", &["80"], &["VIRTUAL_HOST=adm.test"]),
    ("pub", &["80"], &["VIRTUAL_HOST=pub.test", "EXCLUDE_BASIC_AUTH=1"]),
    ("slow", &["80"], &["VIRTUAL_HOST=slow.test", "HEALTH_CHECK=check inter 10s fall 5"]),
    ("nochk", &["80"], &["VIRTUAL_HOST=nochk.test", "HEALTH_CHECK= "]),
    ("well", &["80"], &["VIRTUAL_HOST=well.test", "HTTP_CHECK=GET /health"]),
    ("ill", &["80"], &["VIRTUAL_HOST=ill.test", "HTTP_CHECK=GET /health", "FAILS=/health"]),
    ("api", &["80"], &["VIRTUAL_HOST=api.test", "com.docker.compose.project=back"]),
];

const OLD: &str = "acl old hdr(host) old.test, http-request redirect code 301 location \
                   http://new.test if old";

fn settings(town: &mut Town) -> Result<(), String> {
    town.services(SETTINGS)?;
    let old_80 = format!("EXTRA_FRONTEND_SETTINGS_80={OLD}");
    let old_2376 = format!("EXTRA_FRONTEND_SETTINGS_2376={OLD}");
    each(
        town,
        &[
            ("e27", &["less"], &[], &[("x.test", "less")]),
            ("e31", &["kiwi"], &[&old_80], &[("old.test", "301"), ("x.test", "kiwi")]),
            (
                "e31b",
                &["kiwi"],
                &[&old_2376],
                &[(":2376 old.test", "301"), ("old.test", "kiwi"), ("x.test", "kiwi")],
            ),
            (
                "e32",
                &["kiwi"],
                &["MONITOR_PORT=80", "MONITOR_URI=/ping"],
                &[("x.test", "kiwi"), ("x.test /pong", "kiwi")],
            ),
            (
                "e32b",
                &["kiwi"],
                &["MONITOR_PORT=9999", "MONITOR_URI=/ping"],
                &[("x.test /ping", "kiwi")],
            ),
            ("e38", &[], &["LINKED_SERVICES=nobody"], &[("x.test", "503"), (":1936 x", "401")]),
        ],
    )?;
    for (name, port) in [("e32", 80), ("e32b", 9999)] {
        town.another_balancer(name);
        town.balancer_found()?;
        let answer = town.ask(port, "x.test", "/ping", "")?;
        let own = answer.head.field("saw-port").is_none();
        expect(own && answer.head.word(1) == "200", || format!("{name}: {:?}", answer.head))?;
    }
    pools(town)?;
    sticky(town)?;
    accounts(town)?;
    checks(town)?;
    other_projects(town)
}

/// E23, E25, E27, E36.
fn pools(town: &mut Town) -> Result<(), String> {
    town.another_balancer("e23");
    town.balancer(&["one", "two"], &[])?;
    in_turn(town, 80, "app.test", &["one", "two"])?;
    town.another_balancer("e25");
    town.balancer(&["db1", "db2"], &[])?;
    for (port, reached) in [(80, "80"), (22, "22")] {
        in_turn(town, port, "any.test", &["db1", "db2"])?;
        let answer = town.ask(port, "any.test", "/", "")?;
        let saw = answer.head.field("saw-port");
        expect(saw == Some(reached), || format!("E25, port {port}: {saw:?}"))?;
    }
    town.another_balancer("e27b");
    town.balancer(&["more"], &["COMPAT_ALL_PORTS=1"])?;
    let mut ports = Vec::new();
    let both = wait_until(SOON, || {
        let ask =
            |_| town.ask(80, "x.test", "/", "").ok()?.head.field("saw-port").map(str::to_owned);
        ports = (0..4).filter_map(ask).collect::<Vec<_>>();
        is_cycle(&ports, 2)
    });
    expect(both, || format!("E27: {ports:?}"))?;
    town.another_balancer("e36");
    town.balancer(&["two", "spare"], &[])?;
    town.expect(&[("app.test", "two"); 4])?;
    town.stop("two")?;
    town.expect(&[("app.test", "spare"); 2])
}

/// E28.
fn sticky(town: &mut Town) -> Result<(), String> {
    town.another_balancer("e28");
    town.balancer(&["srv1", "srv2", "srv3"], &[])?;
    in_turn(town, 80, "srv.test", &["srv1", "srv2", "srv3"])?;
    let first = town.ask(80, "srv.test", "/", "")?;
    let chosen = String::from_utf8_lossy(&first.body).into_owned();
    let set = first.head.field("set-cookie").unwrap_or_default().to_owned();
    let expected = format!("SRV={}", town.container_name(&chosen));
    expect(set.starts_with(&expected), || format!("E28: {chosen} sets {set}"))?;
    let cookie = format!("Cookie: a=b; {expected}\r\n");
    for _ in 0..4 {
        let answer = town.ask(80, "srv.test", "/", &cookie)?;
        let right = answer.body == chosen.as_bytes() && answer.head.field("set-cookie").is_none();
        let hidden = answer.head.field("saw-cookie") == Some("a=b");
        expect(right && hidden, || format!("E28: {:?}", answer.head))?;
    }
    town.stop(&chosen)?;
    let moved = wait_until(SOON, || {
        town.ask(80, "srv.test", "/", &cookie).is_ok_and(|answer| {
            let own = town.container_name(&String::from_utf8_lossy(&answer.body));
            let set = answer.head.field("set-cookie").unwrap_or_default();
            answer.head.word(1) == "200"
                && answer.body != chosen.as_bytes()
                && set.starts_with(&format!("SRV={own}"))
        })
    });
    expect(moved, || format!("E28: no new cookie\n{}", town.log()))
}

/// E29.
fn accounts(town: &mut Town) -> Result<(), String> {
    town.another_balancer("e29");
    town.balancer(&["adm", "pub"], &["HTTP_BASIC_AUTH=ann:x\\,y,bob:z"])?;
    town.expect(&[("adm.test", "401"), ("pub.test", "pub")])?;
    // ann and bob with their passwords, ann with bob's.
    for (account, end) in [("YW5uOngseQ==", "adm"), ("Ym9iOno=", "adm"), ("YW5uOno=", "401")] {
        let who = town.who(80, "adm.test", "/", &format!("Authorization: Basic {account}\r\n"));
        expect(who == end, || format!("E29: {account} is answered {who}"))?;
    }
    Ok(())
}

/// E30.
fn checks(town: &mut Town) -> Result<(), String> {
    town.another_balancer("e30");
    town.balancer(&["slow", "nochk", "well", "ill"], &[])?;
    town.expect(&[
        ("slow.test", "slow"),
        ("nochk.test", "nochk"),
        ("well.test", "well"),
        ("ill.test", "503"),
    ])?;
    let mut seen = Vec::new();
    let right = wait_until(SOON, || {
        let table = town.command(&["ctl", "show stat"]).unwrap_or_else(|e| e);
        let column = |name: &str| {
            let head = table.lines().next()?.trim_start_matches("# ");
            head.split(',').position(|c| c == name)
        };
        let at = column("check_status").unwrap_or_default();
        let of = |service: &str| {
            let name = format!(",{},", town.container_name(service));
            let line = table.lines().find(|l| l.contains(&name)).unwrap_or_default();
            line.split(',').nth(at).unwrap_or_default().to_owned()
        };
        seen = ["slow", "nochk", "well", "ill"].map(of).to_vec();
        seen == ["L4OK", "", "L7OK", "L7STS"]
    });
    expect(right, || format!("E30: {seen:?}"))
}

/// E34.
fn other_projects(town: &mut Town) -> Result<(), String> {
    town.another_balancer("e34");
    let more = ["LINKED_SERVICES=kiwi", "ADDITIONAL_SERVICES=back:api,back:nope"];
    town.balancer(&[], &more)?;
    town.expect(&[("api.test", "api"), ("nope.test", "kiwi")])?;
    let missing = wait_until(SOON, || town.log().contains("back:nope"));
    expect(missing, || format!("E34: {}", town.log()))?;
    let says = ["VIRTUAL_HOST=nope.test", "com.docker.compose.project=back"];
    town.service("nope", &["80"], &says)?;
    town.expect(&[("api.test", "api"), ("nope.test", "nope")])
}

#[test]
fn worked_together_with_labels_and_a_bad_one() {
    in_town(together);
}

const TOGETHER: &[Service<'_>] = &[
    ("kiwi", &["80"], &["VIRTUAL_HOST=kiwi.test, kiwi.example"]),
    ("lime", &["80"], &["VIRTUAL_HOST=lime.test:8080"]),
    ("fig", &["80"], &["VIRTUAL_HOST=*.orchard.test, orchard.*"]),
    ("shop", &["80"], &["VIRTUAL_HOST=shop.orchard.test"]),
    ("pa", &["80"], &["VIRTUAL_HOST=*/pa/, */pa, */pa/*, */*.js"]),
    ("blue", &["80"], &["VIRTUAL_HOST=https://blue.test, blue.test", "FORCE_SSL=true"]),
    ("db", &["2222", "80"], &["VIRTUAL_HOST=db.test", "TCP_PORTS=2222"]),
    ("main", &["80"], &["VIRTUAL_HOST=app.test"]),
    ("spare", &["80"], &["VIRTUAL_HOST=app.test", "FAILOVER=1"]),
    ("own", &["80", "9000"], &["evenkeel.host=own.test", "evenkeel.port=9000"]),
    ("bad", &["80"], &["evenkeel.host=bad.test", "evenkeel.balance=fastest"]),
    ("rest", &["80"], &["evenkeel.enable=true"]),
];

/// Variables and labels beside each other, and one that gets what nobody asks for (E20, E35).
fn together(town: &mut Town) -> Result<(), String> {
    town.services(TOGETHER)?;
    town.balancer(&[], &["BALANCE=fastest"])?;
    town.expect(&[
        ("kiwi.test", "kiwi"),
        ("KIWI.example.", "kiwi"),
        ("kiwi.test:9000", "kiwi"),
        ("plum.test", "rest"),
        (":8080 lime.test", "lime"),
        (":8080 kiwi.test", "503"),
        ("lime.test", "rest"),
        ("a.b.orchard.test", "fig"),
        ("orchard.example", "fig"),
        ("shop.orchard.test", "shop"),
        ("any.test /PA", "pa"),
        ("any.test /d/x.js?v=1", "pa"),
        ("any.test /pax", "rest"),
        ("blue.test /x", "301"),
        (":2222 any.test", "db"),
        ("db.test", "db"),
        ("app.test", "main"),
        ("own.test", "own"),
        ("bad.test", "rest"),
    ])?;
    let redirect = town.ask(80, "blue.test", "/x?y", "")?;
    let location = redirect.head.field("location");
    expect(location == Some("https://blue.test/x?y"), || format!("{location:?}"))?;
    let spoofed = town.ask(80, "kiwi.test", "/", "X-Forwarded-Proto: https\r\n")?;
    let saw = spoofed.head.field("saw-x-forwarded-proto");
    expect(saw == Some("http"), || format!("X-Forwarded-Proto arrives as {saw:?}"))?;
    let log = town.log();
    expect(log.contains("variable BALANCE: unknown algorithm 'fastest'"), || log.clone())?;
    town.stop("main")?;
    town.expect(&[("app.test", "spare")])?;
    told_apart(town)?;
    // It had asked by itself and would go on whatever is linked.
    town.stop("rest")?;
    // Whom links leave out is said, and when all that are linked are gone nobody answers.
    town.another_balancer("linked");
    town.balancer(&["kiwi", "fig"], &[])?;
    town.expect(&[("kiwi.test", "kiwi"), ("plum.test", "503")])?;
    let list = town.command(&["containers"])?;
    expect(list.contains("not linked to the balancer"), || list.clone())?;
    town.stop("kiwi")?;
    town.expect(&[("kiwi.test", "503"), ("x.orchard.test", "fig")])
}

/// What `containers` and `explain` say about the same town.
fn told_apart(town: &Town) -> Result<(), String> {
    let list = town.command(&["containers"])?;
    let line = |word: &str, name: &str| {
        list.lines().any(|l| l.starts_with(word) && l.contains(&format!("-{name}-1")))
    };
    let right =
        line("IN", "kiwi") && line("BAD", "bad") && line("OUT", "lb") && line("OUT", "main");
    expect(right && list.contains("bad-1, evenkeel.balance: unknown algorithm"), || list.clone())?;
    let json = town.command(&["containers", "--json"])?;
    expect(json.starts_with('{') && json.contains("\"standing\": \"bad\""), || json.clone())?;
    let why = town.command(&["explain", "http://shop.orchard.test/x"])?;
    let named = why.contains("shop-1, VIRTUAL_HOST") && why.contains("UP, weight 1");
    expect(named, || why.clone())?;
    let nobody = town.command(&["explain", "http://lime.test:8080/"])?;
    expect(nobody.contains("lime-1, VIRTUAL_HOST"), || nobody.clone())
}
