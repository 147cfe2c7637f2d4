//! The benchmark's own parts against the HAProxy of the system, where there is one.

use std::time::Duration;

use bench::backend::{Backend, Behaviour};
use bench::open_loop::{self, Plan};
use bench::proxies::{Features, Proxy, Running, haproxy_cfg};
use bench::scenarios::{ALL, Bench};

fn haproxy() -> Option<Proxy> {
    let proxy = Proxy::parse("haproxy:/usr/sbin/haproxy");
    proxy.map_err(|what| eprintln!("skipped, this test wants Debian's haproxy: {what}")).ok()
}

#[test]
fn scenarios_in_slices_give_a_row_for_each_proxy() {
    let Some(proxy) = haproxy() else { return };
    let bench = Bench {
        proxies: vec![proxy.clone(), Proxy { name: "again".into(), ..proxy }],
        load_cpu: 0,
        proxy_cpu: 0,
        rounds: 1,
        slice: Duration::from_millis(100),
        features: Features::default(),
    };
    for name in ["ka64", "close", "bulk"] {
        let scenario = ALL.iter().find(|scenario| scenario.name == name).expect(name);
        let table = scenario.run(&bench).expect(name);
        assert_eq!(table.rows.len(), 2, "{name}");
        for row in &table.rows {
            assert_eq!(row.figures.len(), table.columns.len(), "{name}");
            assert!(row.figures.iter().flatten().all(|figure| figure.median >= 0.0), "{name}");
        }
    }
}

#[test]
fn a_proxy_that_does_not_start_says_why() {
    let Some(proxy) = haproxy() else { return };
    let text = |_, _, _: &std::path::Path| "frontend without end [".to_owned();
    let mut running = Running::start(&proxy, 0, text).expect("process");
    let mut spin = bench::spin::Spin::new(1, 100).expect("listener");
    for _ in 0..1000 {
        if !running.alive() {
            break;
        }
        spin.rest(Duration::from_millis(10)).expect("epoll");
    }
    assert!(!running.alive());
    assert!(running.output().contains("[ALERT]"), "{}", running.output());
}

#[test]
fn all_kinds_of_clients_pass_through() {
    let Some(proxy) = haproxy() else { return };
    let servers = [Behaviour::new("a1"), Behaviour::new("b2")];
    let servers = servers.map(|behaviour| Backend::start(behaviour).expect("backend"));
    let addresses = servers.each_ref().map(Backend::address);
    let running = Running::start(&proxy, 0, |bind, statistics, _| {
        haproxy_cfg::small(bind, statistics, &addresses, Features::default())
    })
    .expect("process");
    let mut spin = bench::spin::Spin::new(1, 100).expect("listener");
    while std::net::TcpStream::connect(running.address).is_err() {
        assert!(running.started.elapsed() < Duration::from_secs(20), "{}", running.output());
        spin.rest(Duration::from_millis(10)).expect("epoll");
    }
    let plan =
        Plan { duration: Duration::from_millis(800), ..Plan::mix(running.address, "www.test") };
    let report = open_loop::start(plan).expect("clients").finish();
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.websocket.answered > 0 && report.slow_body.answered > 0, "{report}");
    assert!(servers.iter().all(|server| server.requests() > 0));
}
