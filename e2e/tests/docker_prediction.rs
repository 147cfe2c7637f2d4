//! examples/prediction on the real engine: the numbers C1 to C14 of the acceptance scenarios, with
//! Compose v1 and v2.

use e2e::docker::docker;
use e2e::docker::pool::{exchange, get, good, is_host_name, wait_cycle};
use e2e::docker::project::Project;
use e2e::docker::scenario::expect;
use e2e::http::Message;
use e2e::scenario::wait_until;
use std::net::SocketAddr;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const HOST: &str = "localhost";
const FLOWER: &str =
    r#"{"sepal_length": 6, "sepal_width": 2.8, "petal_length": 4.9, "petal_width": 1.7}"#;

e2e::with_each_compose!("prediction", "loadbalancer":
    c01_c03_c04_c12_one_replica_predicts_and_the_statistics_are_there,
    c06_c09_c14_seven_replicas_answer_in_turn,
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

/// C1, C3 to C5, C12, C13.
fn c01_c03_c04_c12_one_replica_predicts_and_the_statistics_are_there(
    project: &Project,
) -> Result<(), String> {
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
    statistics(SocketAddr::new(project.address()?.ip(), 1936))
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

/// C6 to C9, C14.
fn c06_c09_c14_seven_replicas_answer_in_turn(project: &Project) -> Result<(), String> {
    project.up(&[("api", 7)])?;
    wait_cycle_of(project, 7)?;
    for _ in 0..100 {
        let answer = predict(project.published(), FLOWER, "")?;
        expect(probabilities(&good(&answer)?).len() == 3, || answer.head.start.clone())?;
    }
    let replicas = project.running("api")?;
    docker(&["stop", "-t", "1", &replicas[2]])?;
    wait_cycle_of(project, 6)?;
    // C7: from one to seven while it runs.
    project.up(&[("api", 1)])?;
    wait_cycle_of(project, 1)?;
    project.up(&[("api", 7)])?;
    wait_cycle_of(project, 7)?;
    let shown = project.log();
    let told = wait_until(SOON, || project.log().contains("api"));
    expect(told, || shown)
}
