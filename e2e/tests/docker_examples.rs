//! Worked examples of the dockercloud dialect, and labels, on the real engine: the balancer in a
//! container among the services it balances.

use e2e::docker::scenario::expect;
use e2e::docker::skip;
use e2e::docker::town::Town;

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

#[test]
fn e04_to_e36_hosts_paths_and_ports() {
    in_town(hosts_paths_and_ports);
}

fn hosts_paths_and_ports(town: &mut Town) -> Result<(), String> {
    let services: &[(&str, &[&str], &[&str])] = &[
        ("kiwi", &["8000"], &["VIRTUAL_HOST=kiwi.test, kiwi.example"]),
        ("lime", &["8000"], &["VIRTUAL_HOST=lime.test:8080"]),
        ("fig", &["8000"], &["VIRTUAL_HOST=*.orchard.test, orchard.*"]),
        ("shop", &["8000"], &["VIRTUAL_HOST=shop.orchard.test"]),
        ("tea", &["8000"], &["VIRTUAL_HOST=http://www.tea.test/cup/"]),
        ("pa", &["8000"], &["VIRTUAL_HOST=*/pa/, */pa, */pa/*, */*.js"]),
        ("blue", &["8000"], &["VIRTUAL_HOST=https://blue.test, blue.test", "FORCE_SSL=true"]),
        ("web", &["8000"], &["VIRTUAL_HOST=http://chat.test"]),
        ("chat", &["8000"], &["VIRTUAL_HOST=ws://chat.test"]),
        ("db", &["2222", "8000"], &["VIRTUAL_HOST=db.test", "TCP_PORTS=2222"]),
        ("main", &["8000"], &["VIRTUAL_HOST=app.test"]),
        ("spare", &["8000"], &["VIRTUAL_HOST=app.test", "FAILOVER=1"]),
        ("own", &["8000", "9000"], &["evenkeel.host=own.test", "evenkeel.port=9000"]),
        ("bad", &["8000"], &["evenkeel.host=bad.test", "evenkeel.balance=fastest"]),
        ("rest", &["8000"], &["evenkeel.enable=true"]),
    ];
    town.balancer(&[], &[])?;
    for (name, ports, says) in services {
        town.service(name, ports, says)?;
    }
    town.expect(&[
        // E4, E5, E7 and E35.
        ("kiwi.test", "kiwi"),
        ("KIWI.example.", "kiwi"),
        ("kiwi.test:9000", "kiwi"),
        ("plum.test", "rest"),
        // E6.
        (":8080 lime.test", "lime"),
        (":8080 lime.test:8080", "lime"),
        (":8080 kiwi.test", "503"),
        ("lime.test", "rest"),
        // E9, E10, E12.
        ("a.b.orchard.test", "fig"),
        ("orchard.example", "fig"),
        ("shop.orchard.test", "shop"),
        // E14, E15.
        ("any.test /pa/x?u=1", "pa"),
        ("any.test /PA", "pa"),
        ("any.test /d/x.js?v=1", "pa"),
        ("any.test /pax", "rest"),
        ("www.tea.test /cup/", "tea"),
        ("www.tea.test /cup", "rest"),
        // E20, E22, E25, E36.
        ("blue.test /x", "301"),
        ("chat.test", "web"),
        (":2222 any.test", "db"),
        ("db.test", "db"),
        ("app.test", "main"),
        // Labels.
        ("own.test", "own"),
        ("bad.test", "rest"),
    ])?;
    let redirect = town.ask(80, "blue.test", "/x?y", "")?;
    let location = redirect.head.field("location");
    expect(location == Some("https://blue.test/x?y"), || format!("{location:?}"))?;
    let upgrade = "Upgrade: websocket\r\n";
    let answered = town.who(80, "chat.test", "/", upgrade);
    expect(answered == "chat", || format!("a WebSocket reaches {answered}"))?;
    let spoofed = town.ask(80, "kiwi.test", "/", "X-Forwarded-Proto: https\r\n")?;
    let saw = spoofed.head.field("saw-x-forwarded-proto");
    expect(saw == Some("http"), || format!("X-Forwarded-Proto arrives as {saw:?}"))?;
    town.stop("main")?;
    town.expect(&[("app.test", "spare")])?;
    told_apart(town)
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

#[test]
fn e28_to_e32_the_balancers_variables() {
    in_town(variables);
}

fn variables(town: &mut Town) -> Result<(), String> {
    let cookie = "COOKIE=SRV insert indirect nocache";
    town.service("adm", &["8000"], &["VIRTUAL_HOST=adm.test"])?;
    town.service("pub", &["8000"], &["VIRTUAL_HOST=pub.test", "EXCLUDE_BASIC_AUTH=1", cookie])?;
    town.service("side", &["8000"], &["VIRTUAL_HOST=side.test"])?;
    let old = "EXTRA_FRONTEND_SETTINGS_80=acl old hdr(host) old.test, http-request redirect code \
               301 location http://new.test if old";
    town.balancer(
        &["adm", "pub"],
        &[
            "HTTP_BASIC_AUTH=ann:x\\,y,bob:z",
            "MONITOR_PORT=80",
            "MONITOR_URI=/ping",
            "BALANCE=fastest",
            old,
        ],
    )?;
    town.expect(&[
        ("adm.test", "401"),
        ("pub.test", "pub"),
        ("old.test", "301"),
        ("side.test", "503"),
    ])?;
    let answered = town.who(80, "adm.test", "/", "Authorization: Basic YW5uOngseQ==\r\n");
    expect(answered == "adm", || format!("ann is answered {answered}"))?;
    let monitor = town.ask(80, "any.test", "/ping", "")?;
    expect(monitor.head.word(1) == "200", || monitor.head.start.clone())?;
    let sticky = town.ask(80, "pub.test", "/", "")?;
    let set = sticky.head.field("set-cookie").unwrap_or_default().to_owned();
    expect(set.starts_with("SRV=") && set.contains("-pub-1"), || set.clone())?;
    let back = town.ask(80, "pub.test", "/", "Cookie: SRV=x-pub-1\r\n")?;
    expect(back.head.field("saw-cookie") == Some(""), || format!("{:?}", back.head))?;
    let log = town.log();
    expect(log.contains("variable BALANCE: unknown algorithm 'fastest'"), || log.clone())
}

#[test]
fn e01_e03_e27_e38_without_hosts() {
    in_town(without_hosts);
}

fn without_hosts(town: &mut Town) -> Result<(), String> {
    town.service("kiwi", &["80", "3306"], &["EXCLUDE_PORTS=3306"])?;
    town.service("lime", &["3000"], &[])?;
    town.service("db", &["5432"], &[])?;
    town.balancer(&["kiwi", "lime"], &[])?;
    let both = |town: &Town| {
        let names: Vec<String> = (0..4).map(|_| town.who(80, "any.test", "/", "")).collect();
        names == ["kiwi", "lime", "kiwi", "lime"] || names == ["lime", "kiwi", "lime", "kiwi"]
    };
    let alternate = e2e::scenario::wait_until(std::time::Duration::from_secs(60), || both(town));
    expect(alternate, || town.log())?;
    let list = town.command(&["containers"])?;
    expect(list.contains("not linked to the balancer"), || list.clone())?;
    town.stop("kiwi")?;
    town.stop("lime")?;
    town.expect(&[("any.test", "503")])
}
