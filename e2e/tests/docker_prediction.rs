//! examples/prediction on the real engine: the numbers C1 to C16 of the acceptance scenarios, with
//! Compose v1 and v2.

use bench::open_loop::{Clients, Plan, Running, start};
use e2e::client::{PATIENCE, Socket};
use e2e::docker::docker;
use e2e::docker::pool::{answers, exchange, get, good, is_host_name, wait_cycle};
use e2e::docker::project::Project;
use e2e::docker::scenario::expect;
use e2e::http::{Message, Reader};
use e2e::ports::Address;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const HOST: &str = "localhost";
const FLOWER: &str =
    r#"{"sepal_length": 6, "sepal_width": 2.8, "petal_length": 4.9, "petal_width": 1.7}"#;

e2e::with_each_compose!("prediction", "loadbalancer":
    c01_c02_c03_c04_c05_c12_c13_c15_one_replica_and_statistics,
    c06_c07_c08_c09_c10_c14_c16_seven_replicas_answer_in_turn,
);

/// POST of a body to `/predict`.
fn predict(address: SocketAddr, body: &str, more: &str) -> Result<Message, String> {
    let length = body.len();
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n{more}\
         Connection: close\r\n\r\n{body}"
    );
    exchange(address, "POST", &request)
}

/// The probabilities of an answer.
fn probabilities(text: &str) -> Vec<f64> {
    let names = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"];
    let value = |name: &str| {
        let rest = text.split(&format!("\"{name}\": ")).nth(1)?;
        rest.split([',', '\n']).next()?.trim().parse::<f64>().ok()
    };
    names.iter().filter_map(|name| value(name)).collect()
}

/// C1 to C5, C12, C13, C15.
fn c01_c02_c03_c04_c05_c12_c13_c15_one_replica_and_statistics(
    project: &Project,
) -> Result<(), String> {
    // C15: a name set by hand is that of another project's container.
    let by_hand = format!("evk{}_other-api_1", std::process::id());
    let more = format!("services:\n  api:\n    container_name: {by_hand}\n");
    let file = project.dir.join("docker-compose.override.yml");
    std::fs::write(file, more).map_err(|e| e.to_string())?;
    project.up(&[])?;
    let address = project.published();
    wait_cycle_of(project, 1)?;
    let format = "{{range $p, $b := .NetworkSettings.Ports}}{{$p}}:{{len $b}} {{end}}";
    let ports = docker(&["inspect", "-f", format, &project.balancer()?])?;
    // Docker lists a port once for IPv4 and, where there is one, once for IPv6.
    let published: Vec<&str> = ports.split(' ').filter(|p| !p.ends_with(":0")).collect();
    let right = ports.contains("1936/tcp:0") && ports.contains("443/tcp:0");
    let right = right && published.len() == 1 && published[0].starts_with("80/tcp:");
    expect(right, || ports.clone())?;
    let listed = project.compose(&["ps"]).transcript()?;
    let up = listed.lines().filter(|l| l.contains("Up")).count();
    expect(up == 2 && listed.contains(&by_hand), || listed.clone())?;
    let image = docker(&["image", "inspect", "-f", "{{.Config.ExposedPorts}}", "evenkeel:latest"])?;
    let declared = ["80/tcp", "443/tcp", "1936/tcp"].iter().all(|port| image.contains(port));
    expect(declared, || image.clone())?;

    let kind = "Content-Type: application/json\r\n";
    let through = predict(address, FLOWER, kind)?;
    let text = good(&through)?;
    let chances = probabilities(&text);
    let one: f64 = chances.iter().sum();
    let sure =
        chances.len() == 3 && (one - 1.0).abs() < 1e-9 && text.contains("\"status_code\": 200");
    expect(sure, || text.clone())?;
    let direct = predict(service(project)?, FLOWER, kind)?;
    let same = direct.body == through.body
        && direct.head.field("content-type") == through.head.field("content-type");
    expect(same, || format!("{:?} and {:?}", direct.head, through.head))?;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    expect(predict(address, FLOWER, form)?.body == through.body, || "a form differs".to_owned())?;
    let wrong = predict(address, "{}", kind)?;
    expect(wrong.head.word(1) == "400", || wrong.head.start.clone())?;
    large(address, &through.body)?;
    let log = project.log();
    expect(log.contains("well-known account stats:stats"), || log.clone())?;
    statistics(SocketAddr::new(project.address()?.ip(), 1936))
}

/// C5: a client that waits to be told to go on, as curl does before more than 1 MiB.
fn large(address: SocketAddr, answer: &[u8]) -> Result<(), String> {
    let body = format!("{FLOWER}{}", " ".repeat(2 << 20));
    let socket = Socket::connect(&Address::Tcp(address), None).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(socket, PATIENCE);
    let head = format!(
        "POST /predict HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let io = |e: std::io::Error| e.to_string();
    reader.socket.write_all(head.as_bytes()).map_err(io)?;
    let told = reader.head().map_err(|end| format!("nobody says go on: {}", end.word()))?;
    expect(told.word(1) == "100", || told.start.clone())?;
    reader.socket.write_all(body.as_bytes()).map_err(io)?;
    let head = reader.head().map_err(|end| format!("no answer: {}", end.word()))?;
    let message = reader.response_body(head, "POST");
    expect(message.body == answer, || format!("{:?}", message.head))
}

/// C12, C13.
fn statistics(address: SocketAddr) -> Result<(), String> {
    let closed = get(address, HOST, "/")?;
    expect(closed.head.word(1) == "401", || closed.head.start.clone())?;
    let account = "Authorization: Basic c3RhdHM6c3RhdHM=\r\n";
    let ask = |target: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: x\r\n{account}Connection: close\r\n\r\n");
        exchange(address, "GET", &request).and_then(|m| good(&m))
    };
    let csv = ask("/;csv")?;
    let listed = csv.lines().any(|l| l.contains("api") && l.contains(",UP,"));
    expect(listed, || csv.clone())?;
    let json = ask("/;json")?;
    let named = json.trim_start().starts_with('[') && json.contains("\"svname\"");
    expect(named && json.contains("check_status"), || json.clone())?;
    expect(get(address, HOST, "/metrics")?.head.word(1) == "401", || "open metrics".to_owned())?;
    let metrics = ask("/metrics")?;
    let counted = metrics.lines().any(|l| l.starts_with("haproxy_server_sessions_total{"));
    expect(counted, || metrics.clone())?;
    let page = ask("/")?;
    expect(page.contains("<html") && page.contains("api"), || page.clone())
}

/// Where the API listens on the project's network.
fn service(project: &Project) -> Result<SocketAddr, String> {
    let id = project.running("api")?.pop().ok_or("the API does not run")?;
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = docker(&["inspect", "-f", format, &id])?;
    format!("{ip}:5000").parse().map_err(|e| format!("{ip}: {e}"))
}

fn wait_cycle_of(project: &Project, count: usize) -> Result<Vec<String>, String> {
    let names = wait_cycle(project.published(), HOST, count, SOON)?;
    let greeted = |line: &String| {
        line.strip_prefix("Hello World! My Hostname is: ").is_some_and(is_host_name)
    };
    expect(names.iter().all(greeted), || format!("{names:?}"))?;
    Ok(names)
}

/// C6 to C10, C14, C16.
fn c06_c07_c08_c09_c10_c14_c16_seven_replicas_answer_in_turn(
    project: &Project,
) -> Result<(), String> {
    project.up(&[("api", 7)])?;
    wait_cycle_of(project, 7)?;
    // C8: each has a port of the host, and none of these is used.
    let shown = project.evenkeel(&["containers"])?;
    let reached = shown.lines().filter(|l| l.contains("default_service/") && l.contains(":5000 "));
    expect(reached.count() == 7, || shown.clone())?;
    // C16: it listens as the others do.
    project.compose(&["run", "-d", "api"]).transcript()?;
    let aside = wait_until(SOON, || {
        project.evenkeel(&["containers"]).is_ok_and(|list| list.contains("one-off run"))
    });
    expect(aside, || "the one-off run is not seen".to_owned())?;
    wait_cycle_of(project, 7)?;
    for _ in 0..100 {
        let answer = predict(project.published(), FLOWER, "")?;
        expect(probabilities(&good(&answer)?).len() == 3, || answer.head.start.clone())?;
    }
    let replicas = project.replicas("api")?;
    let gone = docker(&["inspect", "-f", "{{.Name}}", &replicas[2]])?;
    let gone = gone.trim_start_matches('/');
    let load = steady(project)?;
    docker(&["stop", "-t", "1", &replicas[2]])?;
    wait_answers(project, 6)?;
    none_failed("C14", load)?;
    wait_cycle_of(project, 6)?;
    // C7: from one to seven while it runs.
    project.up(&[("api", 1)])?;
    wait_cycle_of(project, 1)?;
    let load = steady(project)?;
    project.up(&[("api", 7)])?;
    wait_answers(project, 7)?;
    none_failed("C7", load)?;
    wait_cycle_of(project, 7)?;
    // C10.
    let log = project.log();
    for (sign, what) in [('+', "added"), ('-', "removed")] {
        let line = format!("{sign} server default_service/{gone}");
        expect(log.contains(&line), || format!("{gone} is not said to be {what}:\n{log}"))?;
    }
    let said = docker(&["logs", &project.replicas("api")?[0]])?;
    expect(said.contains("[info] \"GET / HTTP/1.1\" 200"), || said.clone())
}

/// Keep-alive and new connections at a fixed pace, whatever the answers do.
fn steady(project: &Project) -> Result<Running, String> {
    let plan = Plan {
        keep_alive: Clients { count: 4, per_second: 40.0 },
        short: Clients { count: 4, per_second: 40.0 },
        slow_body: Clients::default(),
        websocket: Clients::default(),
        duration: Duration::from_secs(600),
        patience: Duration::from_secs(30),
        ..Plan::mix(project.address()?, HOST)
    };
    start(plan).map_err(|e| e.to_string())
}

fn none_failed(what: &str, load: Running) -> Result<(), String> {
    let report = load.stop();
    println!("{what}:\n{report}");
    let failed = report.failed() - report.total().never_sent;
    expect(failed == 0 && report.total().answered > 0, || format!("{what}:\n{report}"))
}

/// Waits until so many different ones answer, other clients beside.
fn wait_answers(project: &Project, count: usize) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let found = wait_until(SOON, || {
        let names = answers(project.published(), HOST, 10 * count).unwrap_or_default();
        seen = names.into_iter().collect();
        seen.len() == count
    });
    expect(found, || format!("{} of {count} answer: {seen:?}", seen.len()))
}
