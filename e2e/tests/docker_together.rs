//! What all set-ups have in common, on the real engine: numbers F1, F4 and F6 to F17 of the
//! acceptance scenarios, with containers made by hand; A13, BG19 and the orphans of C2 as well.

use e2e::docker::pool::{good, is_cycle};
use e2e::docker::scenario::expect;
use e2e::docker::town::Town;
use e2e::docker::{docker, skip};
use e2e::process::Scratch;
use e2e::scenario::load::Load;
use e2e::scenario::wait_until;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
const HOST: &str = "shop.test";
const SHOP: &str = "evenkeel.host=shop.test";
const ONE_SERVICE: &str = "com.docker.compose.service=shop";

fn in_town(scenario: fn(&mut Town) -> Result<(), String>) {
    let mut town = match Town::found() {
        Ok(town) => town,
        Err(reason) => return skip(&reason),
    };
    if let Err(why) = scenario(&mut town) {
        panic!("{why}\n{}", town.log());
    }
}

/// Waits until exactly these answer in turn.
fn in_turn(town: &Town, members: &[&str]) -> Result<(), String> {
    let mut names = Vec::new();
    let found = wait_until(SOON, || {
        names = (0..2 * members.len()).map(|_| town.who(80, HOST, "/", "")).collect::<Vec<_>>();
        is_cycle(&names, members.len()) && names.iter().all(|n| members.contains(&n.as_str()))
    });
    expect(found, || format!("no cycle of {members:?}: {names:?}"))
}

/// Columns of a server's line in `show stat`.
fn statistics(town: &Town, service: &str) -> BTreeMap<String, String> {
    let table = town.command(&["ctl", "show stat"]).unwrap_or_default();
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default().trim_start_matches("# ");
    let wanted = format!(",{},", town.container_name(service));
    let line = lines.find(|l| l.contains(&wanted)).unwrap_or_default();
    let pairs = head.split(',').zip(line.split(','));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn c02_f01_nobody_is_there_and_it_is_said_why() {
    in_town(|town| {
        town.service("db", &["5432"], &[])?;
        town.balancer(&[], &["LINKED_SERVICES=web"])?;
        town.expect(&[("any.test", "503")])?;
        let answer = town.ask(80, "any.test", "/", "")?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        expect(text.contains("There is no backend for this request"), || text.clone())?;
        let said = |text: &str| {
            let words = ["no container takes part", "compose: linked services", "VIRTUAL_HOST"];
            let why = format!("{} (not linked to the balancer", town.container_name("db"));
            words.iter().all(|w| text.contains(w))
                && text.contains(&why)
                && text.contains(town.name())
        };
        expect(wait_until(SOON, || said(&town.log())), || "it is not said".to_owned())?;
        // Ready, nothing is wrong, nobody is there: three things that are told apart.
        let status = town.command(&["status"])?;
        let apart = said(&status) && status.contains("config_last_reload_success=1");
        expect(apart && !status.contains("problem:"), || status.clone())?;
        town.service("web", &["80"], &[])?;
        town.expect(&[("any.test", "web")])?;
        let status = town.command(&["status"])?;
        expect(!status.contains("no container takes part"), || status.clone())?;
        let times = town.log().matches("no container takes part").count();
        expect(times == 1, || format!("said {times} times"))?;
        // C2: the first process of a container takes care of children that others leave behind.
        let container = town.container_name("lb");
        docker(&["exec", &container, "sh", "-c", "sleep 0.3 & sleep 0.2 & exit"])?;
        let count = "cat /proc/[0-9]*/stat 2>/dev/null | grep -c '(sleep)' || true";
        let left = || docker(&["exec", &container, "sh", "-c", count]).unwrap_or_else(|e| e);
        expect(wait_until(SOON, || left() == "0"), || format!("{} children are left", left()))
    });
}

#[test]
fn f04_f06_f17_files_and_labels_serve_together_and_again_after_a_restart() {
    in_town(|town| {
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        let name = town.name().to_owned();
        let text = format!(
            "defaults\n    mode http\n    timeout connect 5s\n    timeout client 9s\n    \
             timeout server 9s\nfrontend www\n    bind :80\n    use_backend filed if {{ hdr(host) \
             filed.test }}\n    use_backend {name}_clash if {{ hdr(host) tea.test }}\n\
             backend filed\n    server filed {}:80 check\n\
             backend {name}_clash\n    http-request return status 418\n",
            town.container_name("filed")
        );
        std::fs::write(scratch.path.join("haproxy.cfg"), text).map_err(|e| e.to_string())?;
        town.services(&[
            ("filed", &["80"], &["evenkeel.enable=false"]),
            ("labelled", &["80"], &[SHOP]),
            ("clash", &["80"], &["evenkeel.host=clash.test"]),
        ])?;
        let mount = format!("{}:/etc/haproxy:ro", scratch.path.display());
        let words = ["--network", &name, "-v", &mount];
        town.balancer_with(&words, &[], &[])?;
        // The name is the file's: whose labels lead to it is left out.
        let all = [
            (HOST, "labelled"),
            ("filed.test", "filed"),
            ("tea.test", "418"),
            ("clash.test", "503"),
        ];
        town.expect(&all)?;
        let (clash, wins) = (town.container_name("clash"), "the file wins");
        let status = town.command(&["status"])?;
        let told = status
            .lines()
            .any(|l| l.starts_with("problem:") && l.contains(wins) && l.contains(&clash));
        expect(told, || format!("the clash is not reported: {status}"))?;

        // F17.
        let url = format!("http://{HOST}/x");
        let why = town.command(&["explain", &url])?;
        let label = format!("{}, evenkeel.host", town.container_name("labelled"));
        expect(why.contains(&label) && why.contains("UP"), || why.clone())?;
        let why = town.command(&["explain", "http://filed.test/"])?;
        expect(why.contains("haproxy.cfg:8") && why.contains("filed"), || why.clone())?;

        // F4.
        docker(&["restart", &town.container_name("lb")])?;
        let begin = Instant::now();
        town.balancer_found()?;
        town.expect(&all)?;
        println!("F4: serving again {:?} after the restart", begin.elapsed());
        Ok(())
    });
}

/// Clients at the same time, and requests of each.
const CLIENTS: usize = 6;
const REQUESTS: usize = 51;

#[test]
fn f07_f08_f09_four_workers_count_together() {
    in_town(|town| {
        let sticky = ["evenkeel.host=sticky.test", "evenkeel.sticky=ID"];
        town.services(&[
            ("a", &["80"], &[SHOP, ONE_SERVICE]),
            ("b", &["80"], &[SHOP, ONE_SERVICE]),
            ("c", &["80"], &[SHOP, ONE_SERVICE]),
            ("s1", &["80"], &sticky),
            ("s2", &["80"], &sticky),
        ])?;
        town.balancer(&[], &["NBPROC=4"])?;
        in_turn(town, &["a", "b", "c"])?;
        let names: Vec<String> = (0..60).map(|_| town.who(80, HOST, "/", "")).collect();
        expect(is_cycle(&names, 3), || format!("F7: {names:?}"))?;
        expect(town.log().contains("4 workers"), || "F7: not four workers".to_owned())?;

        let shared = &*town;
        let answers: Vec<String> = std::thread::scope(|scope| {
            let ask =
                move || (0..REQUESTS).map(|_| shared.who(80, HOST, "/", "")).collect::<Vec<_>>();
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
            clients.into_iter().filter_map(|c| c.join().ok()).flatten().collect()
        });
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        answers.iter().for_each(|name| *counts.entry(name).or_default() += 1);
        let each = CLIENTS * REQUESTS / 3;
        let even = counts.len() == 3 && counts.values().all(|n| n.abs_diff(each) <= 1);
        expect(even, || format!("F8: {counts:?}"))?;
        stays(town)
    });
}

/// F9.
fn stays(town: &mut Town) -> Result<(), String> {
    town.expect(&[("sticky.test", "s1"), ("sticky.test", "s2")])
        .or_else(|_| town.expect(&[("sticky.test", "s2"), ("sticky.test", "s1")]))?;
    let first = town.ask(80, "sticky.test", "/", "")?;
    let (owner, cookie) = (good(&first)?, first.head.field("set-cookie").unwrap_or_default());
    let id = cookie.split(';').next().unwrap_or_default().to_owned();
    expect(id.starts_with("ID="), || format!("F9: {cookie}"))?;
    let cookie = format!("Cookie: {id}\r\n");
    for _ in 0..5 {
        let bound = town.who(80, "sticky.test", "/", &cookie);
        expect(bound == owner, || format!("F9: {id} reaches {bound}, not {owner}"))?;
        town.who(80, "sticky.test", "/", "");
    }
    docker(&["rm", "-f", &town.container_name(&owner)])?;
    let moved = wait_until(SOON, || {
        let answer = town.ask(80, "sticky.test", "/", &cookie);
        answer.is_ok_and(|m| {
            let new = m.head.field("set-cookie").unwrap_or_default();
            m.head.word(1) == "200" && new.starts_with("ID=") && !new.starts_with(&id)
        })
    });
    expect(moved, || "F9: the cookie of a server that is gone is not replaced".to_owned())
}

#[test]
fn f10_a_broken_setting_costs_its_own_application() {
    in_town(|town| {
        town.services(&[
            ("web", &["80"], &[SHOP]),
            ("port", &["80"], &["evenkeel.host=port.test", "evenkeel.port=99999"]),
            ("pick", &["80"], &["VIRTUAL_HOST=pick.test", "BALANCE=fastest"]),
            ("cert", &["80"], &["VIRTUAL_HOST=cert.test", "SSL_CERT=nonsense"]),
        ])?;
        town.balancer(&[], &[])?;
        town.expect(&[(HOST, "web"), ("port.test", "503"), ("pick.test", "503")])?;
        let status = town.command(&["status"])?;
        for (service, word) in
            [("port", "evenkeel.port"), ("pick", "BALANCE"), ("cert", "SSL_CERT")]
        {
            let name = town.container_name(service);
            let told = |text: &str| text.lines().any(|l| l.contains(&name) && l.contains(word));
            expect(told(&status) && told(&town.log()), || format!("{name}: {status}"))?;
        }
        // Everybody else goes on being followed.
        town.service("late", &["80"], &["evenkeel.host=late.test"])?;
        town.expect(&[("late.test", "late"), ("pick.test", "503")])?;
        town.stop("web")?;
        town.expect(&[(HOST, "503"), ("late.test", "late")])
    });
}

#[test]
fn f12_f13_what_is_in_flight_on_a_container_that_stops_or_sleeps_finishes() {
    in_town(|town| {
        let shop = [SHOP, ONE_SERVICE];
        town.services(&[("a", &["80"], &shop), ("b", &["80"], &shop)])?;
        town.balancer(&[], &[])?;
        in_turn(town, &["a", "b"])?;
        outlasts(town, &["pause"], "unpause")?;
        in_turn(town, &["a", "b"])?;
        // Python is the first process of its container: it ignores SIGTERM and serves on.
        outlasts(town, &["stop", "-t", "60"], "kill")
    });
}

/// A slow request and, while it is answered, an order to its container; a second order ends that.
fn outlasts(town: &Town, order: &'static [&'static str], end: &str) -> Result<(), String> {
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| town.ask(80, HOST, "/slow", "").and_then(|m| good(&m)));
        let busy = |s: &str| statistics(town, s).get("scur").is_some_and(|n| n == "1");
        let mut pair = None;
        wait_until(SOON, || {
            pair = [("a", "b"), ("b", "a")].into_iter().find(|(one, _)| busy(one));
            pair.is_some()
        });
        let (owner, other) = pair.ok_or("nobody is at the slow request")?;
        let name = town.container_name(owner);
        let mut words: Vec<String> = order.iter().map(|w| (*w).to_owned()).collect();
        words.push(name.clone());
        let ordered = scope.spawn(move || docker(&words));
        let out = wait_until(SOON, || {
            statistics(town, owner).get("status").is_some_and(|s| s.starts_with("MAINT"))
        });
        let left =
            expect(out, || format!("{owner} is not out")).and_then(|()| in_turn(town, &[other]));
        let finished = |slow: std::thread::ScopedJoinHandle<'_, Result<String, String>>| {
            slow.join().map_err(|_| "a client panicked".to_owned())?
        };
        // Who sleeps has to wake before it can finish; who was told to stop finishes first.
        let answer = match end {
            "unpause" => docker(&[end, &name]).and_then(|_| finished(slow)),
            _ => finished(slow).and_then(|text| docker(&[end, &name]).map(|_| text)),
        };
        drop(ordered.join());
        left?;
        let text = answer?;
        expect(text == owner.repeat(20), || format!("{order:?}: {text}"))
    })
}

#[test]
fn f15_what_strangers_say_about_where_they_come_from_is_replaced() {
    in_town(|town| {
        town.service("web", &["80"], &["VIRTUAL_HOST=shop.test"])?;
        let lie =
            "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: x.y\r\n";
        let saw = |town: &Town| {
            let answer = town.ask(80, HOST, "/", lie)?;
            let field = |name: &str| answer.head.field(name).unwrap_or_default().to_owned();
            Ok::<_, String>(
                ["for", "proto", "host"].map(|n| field(&format!("saw-x-forwarded-{n}"))),
            )
        };
        town.balancer(&[], &[])?;
        town.expect(&[(HOST, "web")])?;
        let [source, proto, host] = saw(town)?;
        let own = source.parse::<std::net::IpAddr>().is_ok() && source != "1.2.3.4";
        expect(own && proto == "http" && host == HOST, || format!("{source} {proto} {host}"))?;
        town.another_balancer("trusting");
        town.balancer(&[], &["EVENKEEL_TRUSTED_PROXIES=0.0.0.0/0"])?;
        town.expect(&[(HOST, "web")])?;
        let [more, proto, host] = saw(town)?;
        let kept = more == format!("1.2.3.4, {source}") && proto == "https" && host == "x.y";
        expect(kept, || format!("{more} {proto} {host}"))
    });
}

#[test]
fn a13_request_ids_are_made_or_passed_on_and_logged() {
    in_town(|town| {
        town.service("web", &["80"], &[SHOP])?;
        let made = "http-request set-header X-Request-ID %[uuid] unless { req.hdr(x-request-id) -m \
                    found }, http-request capture req.hdr(x-request-id) len 64";
        let rules = format!("EXTRA_FRONTEND_SETTINGS_80={made}");
        let log = "EXTRA_GLOBAL_SETTINGS=log stdout format raw local0";
        town.balancer(&[], &[&rules, log])?;
        town.expect(&[(HOST, "web")])?;
        let saw = |town: &Town, more: &str| {
            let answer = town.ask(80, HOST, "/", more)?;
            Ok::<_, String>(answer.head.field("saw-x-request-id").unwrap_or_default().to_owned())
        };
        let (first, second) = (saw(town, "")?, saw(town, "")?);
        let own = first.len() == 36 && second.len() == 36 && first != second;
        expect(own, || format!("'{first}' and '{second}'"))?;
        let passed_on = saw(town, "X-Request-ID: mine-1\r\n")?;
        expect(passed_on == "mine-1", || passed_on.clone())?;
        for id in [first.as_str(), second.as_str(), "mine-1"] {
            let logged = wait_until(SOON, || town.log().contains(&format!("{{{id}}}")));
            expect(logged, || format!("{id} is not in the log"))?;
        }
        Ok(())
    });
}

#[test]
fn bg19_a_service_is_switched_off_and_on_by_its_label() {
    in_town(|town| {
        let (host, off) = ("evenkeel.host=test", "com.docker.dockercloud.haproxy.deactivate=true");
        town.service("blue", &["80"], &[host])?;
        town.service("green", &["80"], &[host, off])?;
        town.balancer(&[], &[])?;
        let who = |town: &Town| town.who(80, "test", "/", "");
        let served = wait_until(SOON, || who(town) == "blue");
        expect(served, || who(town))?;
        expect((0..4).all(|_| who(town) == "blue"), || "green is asked".to_owned())?;
        let load = Load::start(town.address()?, 4);
        docker(&["rm", "-f", &town.container_name("green")])?;
        town.service("green", &["80"], &[host])?;
        let joined = wait_until(SOON, || who(town) == "green");
        // Python, as the first process, is deaf to SIGTERM: the second signal ends it.
        let stopped = docker(&["stop", "-t", "1", &town.container_name("blue")]);
        let alone = wait_until(SOON, || (0..4).all(|_| who(town) == "green"));
        let outcome = load.stop();
        stopped?;
        expect(joined && alone, || format!("{} answers", who(town)))?;
        expect(outcome.failed == 0 && outcome.answered > 0, || format!("{outcome:?}"))
    });
}

#[test]
fn f16_a_container_that_takes_anothers_address_is_somebody_else() {
    in_town(|town| {
        let number = std::process::id() % 250;
        let subnet = format!("10.213.{number}.0/24");
        let network = town.network(&["--subnet", &subnet])?;
        let within = ["--network", network.as_str()];
        town.balancer_with(&within, &[], &[])?;
        let ip = format!("10.213.{number}.77");
        let place = ["--network", network.as_str(), "--ip", ip.as_str()];
        let sticky = [SHOP, "evenkeel.sticky=ID"];
        town.elsewhere("old", &["80"], &place, &sticky)?;
        in_turn(town, &["old"])?;
        let bound = town.ask(80, HOST, "/", "")?;
        let cookie = bound.head.field("set-cookie").unwrap_or_default();
        let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap_or_default());
        (0..20).for_each(|_| drop(town.who(80, HOST, "/", &cookie)));
        let before = statistics(town, "old");
        expect(before.get("stot").is_some_and(|n| n != "0"), || format!("{before:?}"))?;

        // Another service at the address: nothing that was meant for the first one reaches it.
        let other = ["evenkeel.host=other.test"];
        let replace = |town: &mut Town, name: &str, says: &[&str]| {
            docker(&["rm", "-f", &town.container_name(name)])?;
            town.elsewhere(name, &["80"], &place, says)
        };
        docker(&["rm", "-f", &town.container_name("old")])?;
        town.elsewhere("other", &["80"], &place, &other)?;
        let mut seen = Vec::new();
        let served = wait_until(SOON, || {
            seen.push(town.who(80, HOST, "/", &cookie));
            town.who(80, "other.test", "/", "") == "other"
        });
        expect(served, || "the other service is not found".to_owned())?;
        expect(!seen.iter().any(|who| who == "other"), || format!("{seen:?}"))?;

        // The same name at the same address: counters begin anew.
        docker(&["rm", "-f", &town.container_name("other")])?;
        town.elsewhere("new", &["80"], &place, &sticky)?;
        in_turn(town, &["new"])?;
        replace(town, "new", &sticky)?;
        let fresh = wait_until(SOON, || {
            let who = town.who(80, HOST, "/", &cookie);
            let count = statistics(town, "new").get("stot").and_then(|n| n.parse::<u64>().ok());
            who == "new" && count.is_some_and(|n| n <= 2)
        });
        expect(fresh, || format!("{:?}", statistics(town, "new")))
    });
}
