//! The exporter and the other forms of the statistics with names and texts that want to break out
//! of them, read by somebody else's parser; the names that published dashboards ask for.

use e2e::engine::{Container, Engine};
use e2e::ports::Reservation;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, body};
use e2e::scenario::wait_until;
use prometheus_parse::{Sample, Scrape, Value};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// What wants to be more than a text wherever it is shown.
const EVIL: &str = "x\"} 1\\,;<script>alert(1)</script>'\u{1b}[31m\r";

/// A balancer whose agent, containers and clients say hostile things.
struct World {
    balancer: Balancer,
    engine: Engine,
    application: Application,
    _listen: Reservation,
}

impl World {
    fn start() -> Self {
        let application = Application::start("app", Duration::ZERO).expect("loopback");
        let engine = Engine::start();
        let mut bad = Container::new(&format!("bad{}", "0".repeat(61))).at(application.address);
        bad.name = EVIL.to_owned();
        engine.put(bad.label("evenkeel.host", EVIL).label(EVIL, EVIL));
        let mut odd = Container::new(&format!("odd{}", "0".repeat(61))).at(application.address);
        odd.name = "odd\"}<b>".to_owned();
        engine.put(odd.label("evenkeel.host", "odd.test"));
        let agent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = agent.local_addr().expect("bound").port();
        std::thread::spawn(move || {
            for mut asked in agent.incoming().flatten() {
                let _ = asked.write_all(format!("down #{EVIL}\n").as_bytes());
                let _ = asked.read(&mut [0; 16]);
            }
        });
        let listen = Reservation::new().expect("a port");
        let more = [format!("--docker={}", engine.host()), format!("--listen={}", listen.address)];
        let server = application.address;
        let balancer = Balancer::start_with(&more, |address| {
            format!(
                "global\n    node no\\\"de\n    description a\\ \\\"\\\\\\ <b>\n{DEFAULTS}\
                 resolvers dns\n    nameserver one 127.0.0.1:9\n\
                 frontend web\n    bind {address}\n    stats uri /stats\n    stats show-legends\n \
                 stats show-modules\n    stats show-node\n    stats show-desc\n    \
                 stats admin if TRUE\n    \
                 http-request use-service prometheus-exporter if {{ path /metrics }}\n    \
                 default_backend shop\n\
                 backend shop\n    server told {server} agent-check agent-port {port} agent-inter \
                 100ms\n    server fine {server} check inter 100ms\n"
            )
        })
        .unwrap();
        let world = Self { balancer, engine, application, _listen: listen };
        let down = || world.balancer.statistic("shop", "told", "status").unwrap_or_default();
        assert!(wait_until(SOON, || down().starts_with("DOWN")), "{}", down());
        let seen = || world.value("evenkeel_quarantined_containers") == 1.0;
        assert!(wait_until(SOON, seen), "{}", world.balancer.process.stderr());
        world
    }

    fn get(&self, target: &str) -> String {
        let answer = self.balancer.get(target, "").unwrap();
        assert_eq!(answer.head.word(1), "200", "{target}: {answer:?}");
        body(&answer)
    }

    /// Everything that the exporter says, each line of it understood.
    fn scrape(&self, query: &str) -> Vec<Sample> {
        let text = self.get(&format!("/metrics{query}"));
        let lines = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).count();
        let read = Scrape::parse(text.lines().map(|l| Ok(l.to_owned()))).expect("readable");
        let lines_of = |sample: &Sample| match &sample.value {
            // Its `_sum` and `_count` are samples of their own.
            Value::Histogram(counts) => counts.len(),
            _ => 1,
        };
        let understood: usize = read.samples.iter().map(lines_of).sum();
        assert_eq!(understood, lines, "a line is not understood:\n{text}");
        read.samples
    }

    fn value(&self, metric: &str) -> f64 {
        let samples = self.scrape("");
        let found = samples.iter().find(|s| s.metric == metric);
        match found.map(|s| &s.value) {
            Some(Value::Gauge(n) | Value::Counter(n) | Value::Untyped(n)) => *n,
            other => panic!("{metric}: {other:?}"),
        }
    }
}

#[test]
fn hostile_names_and_texts_stay_in_their_place_in_every_form() {
    let world = World::start();
    for query in ["", "?extra-counters", "?desc-labels", "?scope=*"] {
        let samples = world.scrape(query);
        assert!(samples.len() > 300, "{query}: {}", samples.len());
        let forged = samples
            .iter()
            .find(|s| !s.metric.starts_with("haproxy_") && !s.metric.starts_with("evenkeel_"));
        assert!(forged.is_none(), "{forged:?}");
    }
    let samples = world.scrape("");
    let node = samples.iter().find_map(|s| s.labels.get("node"));
    // The parser leaves it as it is written.
    assert_eq!(node, Some("no\\\"de"));
    // The page: texts everywhere, nothing that a browser would run or take for a tag.
    for target in
        ["/stats", "/stats;changes", "/stats;scope=%22%3E%3Cscript%3E", "/stats;st=%3Cscript%3E"]
    {
        let page = world.get(target);
        assert_eq!(page.matches("<script").count(), 1, "{target}: its own alone");
        assert!(!page.contains('\u{1b}') && !page.contains("<b>a"), "{target}");
    }
    let page = world.get("/stats");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "what the agent said is shown");
    // CSV: as many cells in every line as there are columns.
    let csv = world.get("/stats;csv");
    let mut lines = csv.lines();
    let columns = lines.next().expect("a head").split(',').count();
    for line in lines.filter(|l| !l.is_empty()) {
        let mut quoted = false;
        let commas = line.chars().filter(|c| {
            quoted ^= *c == '"';
            *c == ',' && !quoted
        });
        assert_eq!(commas.count() + 1, columns, "{line}");
    }
    let json: serde_json::Value = serde_json::from_str(&world.get("/stats;json")).expect("JSON");
    assert!(json.as_array().is_some_and(|rows| rows.len() > 5));
    let typed = world.get("/stats;typed");
    let strange = typed
        .lines()
        .find(|l| !l.is_empty() && !["F.", "B.", "S.", "L."].iter().any(|k| l.starts_with(k)));
    assert_eq!(strange, None);
}

#[test]
fn a_head_cannot_be_forged_by_a_form() {
    let world = World::start();
    let target = "/stats;scope=a%0d%0aSet-Cookie:%20x=1;st=%0d%0aX-Evil:%201";
    let payload = "s=told%0d%0aX-Evil:%201&action=drain%0d%0a&b=shop%0d%0aX-Evil:%201";
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{payload}",
        payload.len()
    );
    let socket =
        e2e::client::Socket::connect(&e2e::ports::Address::Tcp(world.balancer.address), None);
    let mut reader = e2e::http::Reader::new(socket.expect("open"), e2e::client::PATIENCE);
    assert!(reader.write(head.as_bytes()));
    let answer = reader.head().expect("an answer");
    assert_eq!(answer.word(1), "303");
    assert_eq!((answer.field("x-evil"), answer.field("set-cookie")), (None, None), "{answer:?}");
    let place = answer.field("location").unwrap_or_default();
    assert!(place.starts_with("/stats;st=ERRP"), "{place}");
}

#[test]
fn evenkeels_own_figures_follow_what_happens() {
    let world = World::start();
    let (applied, refused) = (
        world.value("evenkeel_changes_applied_total"),
        world.value("evenkeel_changes_refused_total"),
    );
    let generation = world.value("evenkeel_generation");
    let observed = |samples: &[Sample], metric: &str| {
        let found = samples.iter().find(|s| s.metric == format!("{metric}_count"));
        match found.map(|s| &s.value) {
            Some(Value::Untyped(n) | Value::Counter(n) | Value::Gauge(n)) => *n,
            other => panic!("{metric}: {other:?}"),
        }
    };
    let before = observed(&world.scrape(""), "evenkeel_convergence_seconds");
    let more = Container::new(&format!("more{}", "0".repeat(60))).at(world.application.address);
    world.engine.run(more.label("evenkeel.host", "more.test"));
    let runs = || world.value("evenkeel_generation") == generation + 1.0;
    assert!(wait_until(SOON, runs), "{}", world.balancer.process.stderr());
    assert_eq!(world.value("evenkeel_changes_applied_total"), applied + 1.0);
    let samples = world.scrape("");
    assert_eq!(observed(&samples, "evenkeel_convergence_seconds"), before + 1.0);
    assert!(observed(&samples, "evenkeel_change_failed_requests") >= 1.0);
    // A request that fails belongs to the change before it.
    world.balancer.runtime("disable server shop/fine").unwrap();
    assert_eq!(world.balancer.status(), 503);
    assert_eq!(world.value("evenkeel_failed_requests_since_change"), 1.0);
    let age = samples.iter().find(|s| s.metric == "evenkeel_provider_age_seconds");
    assert_eq!(age.map(|s| &s.value), Some(&Value::Gauge(0.0)));
    world.engine.hide();
    world.engine.cut("{");
    let old = || world.value("evenkeel_provider_age_seconds") > 0.0;
    assert!(wait_until(SOON, old), "a provider that is away grows old");
    world.balancer.save("frontend nonsense\n    bindd :1\n");
    let seen = || world.value("evenkeel_changes_refused_total") == refused + 1.0;
    assert!(wait_until(SOON, seen));
    assert_eq!(world.value("evenkeel_config_last_reload_success"), 0.0);
}

/// What published dashboards for HAProxy's exporter ask for, without the prefix.
const DASHBOARDS: [(&str, &str); 4] = [
    (
        "process",
        "nbthread nbproc relative_process_id uptime_seconds max_memory_bytes pool_allocated_bytes \
         pool_used_bytes pool_failures_total max_fds max_sockets max_connections \
         hard_max_connections current_connections connections_total requests_total \
         max_ssl_connections current_ssl_connections ssl_connections_total max_pipes \
         pipes_used_total \
         pipes_free_total current_connection_rate limit_connection_rate max_connection_rate \
         current_session_rate limit_session_rate max_session_rate current_ssl_rate limit_ssl_rate \
         max_ssl_rate current_frontend_ssl_key_rate max_frontend_ssl_key_rate \
         frontend_ssl_reuse current_backend_ssl_key_rate max_backend_ssl_key_rate \
         ssl_cache_lookups_total ssl_cache_misses_total http_comp_bytes_in_total \
         http_comp_bytes_out_total limit_http_comp current_tasks current_run_queue \
         idle_time_percent stopping jobs unstoppable_jobs listeners active_peers connected_peers \
         dropped_logs_total busy_polling_enabled start_time_seconds",
    ),
    (
        "frontend",
        "status current_sessions max_sessions limit_sessions sessions_total limit_session_rate \
         max_session_rate connections_rate_max connections_total bytes_in_total bytes_out_total \
         requests_denied_total responses_denied_total request_errors_total \
         denied_connections_total denied_sessions_total failed_header_rewriting_total \
         http_requests_rate_max http_requests_total http_responses_total \
         intercepted_requests_total http_cache_lookups_total http_cache_hits_total \
         http_comp_bytes_in_total http_comp_bytes_out_total http_comp_bytes_bypassed_total \
         http_comp_responses_total internal_errors_total",
    ),
    (
        "backend",
        "status current_queue max_queue current_sessions max_sessions limit_sessions \
         sessions_total max_session_rate last_session_seconds bytes_in_total bytes_out_total \
         requests_denied_total responses_denied_total connection_attempts_total \
         connection_reuses_total connection_errors_total response_errors_total \
         failed_header_rewriting_total retry_warnings_total redispatch_warnings_total \
         client_aborts_total server_aborts_total weight active_servers backup_servers \
         check_up_down_total check_last_change_seconds downtime_seconds_total loadbalanced_total \
         queue_time_average_seconds connect_time_average_seconds response_time_average_seconds \
         total_time_average_seconds max_queue_time_seconds max_connect_time_seconds \
         max_response_time_seconds max_total_time_seconds http_requests_total \
         http_responses_total http_cache_lookups_total http_cache_hits_total \
         http_comp_bytes_in_total http_comp_bytes_out_total http_comp_bytes_bypassed_total \
         http_comp_responses_total",
    ),
    (
        "server",
        "status current_queue max_queue queue_limit current_sessions max_sessions limit_sessions \
         sessions_total max_session_rate last_session_seconds bytes_in_total bytes_out_total \
         responses_denied_total connection_attempts_total connection_reuses_total \
         connection_errors_total response_errors_total failed_header_rewriting_total \
         retry_warnings_total redispatch_warnings_total client_aborts_total server_aborts_total \
         weight check_failures_total check_up_down_total check_last_change_seconds \
         check_status check_code check_duration_seconds downtime_seconds_total current_throttle \
         loadbalanced_total queue_time_average_seconds connect_time_average_seconds \
         response_time_average_seconds total_time_average_seconds max_queue_time_seconds \
         max_connect_time_seconds max_response_time_seconds max_total_time_seconds \
         http_responses_total idle_connections_current idle_connections_limit",
    ),
];

#[test]
fn what_published_dashboards_ask_for_is_there() {
    let world = World::start();
    let samples = world.scrape("");
    let missing: Vec<String> = DASHBOARDS
        .iter()
        .flat_map(|(scope, names)| names.split(' ').map(move |n| format!("haproxy_{scope}_{n}")))
        .filter(|name| !samples.iter().any(|s| s.metric == *name))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}
