//! examples/two-services on the real engine: the numbers B1 to B14 of the acceptance scenarios,
//! with Compose v1 and v2.

use bench::open_loop::{Clients, Plan, Running, start};
use e2e::docker::docker;
use e2e::docker::pool::{answers, exchange, get, good, is_host_name, wait_cycle};
use e2e::docker::project::Project;
use e2e::docker::scenario::expect;
use e2e::http::Message;
use e2e::scenario::wait_until;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
/// An answer that takes longer than this never comes.
const PATIENCE: Duration = Duration::from_secs(30);
const API: &str = "api.app.dev";
const APP: &str = "app.app.dev";

e2e::with_each_compose!("two-services", "loadbalancer":
    b01_to_b08_b14_each_host_has_its_service,
    b12_b13_services_come_later_and_are_built_anew,
    b09_b10_twenty_requests_reach_each_of_five_four_times,
    b11_each_service_is_scaled_by_itself,
);

/// B1 to B8, B14.
fn b01_to_b08_b14_each_host_has_its_service(project: &Project) -> Result<(), String> {
    // B14: nothing listens on the port that it exposes besides.
    let more = "services:\n  api:\n    expose:\n      - \"6000\"\n      - \"7000/udp\"\n";
    let file = project.dir.join("docker-compose.override.yml");
    std::fs::write(file, more).map_err(|e| e.to_string())?;
    project.up(&[])?;
    let address = project.published();
    both_serve(address)?;

    let api = get(address, API, "/")?;
    let text = good(&api)?;
    let host_name = text.split('"').nth(3).unwrap_or_default();
    expect(field(&api, "content-type") == "application/json", || format!("{:?}", api.head))?;
    let whole = text.starts_with(r#"{"hostname": ""#) && text.contains(r#""message": ""#);
    expect(whole && text.ends_with('}') && is_host_name(host_name), || text.clone())?;
    // B7: what the service sends is HTTP/1.0 and ends with the connection.
    let direct = get(service_address(project, "api", 5000)?, API, "/")?;
    expect(direct.head.word(0) == "HTTP/1.0", || direct.head.start.clone())?;
    expect(direct.body == api.body, || format!("{:?} and {:?}", direct.body, api.body))?;

    let app = get(address, APP, "/")?;
    let page = get(service_address(project, "app", 80)?, APP, "/")?;
    expect(field(&app, "content-type").starts_with("text/html"), || format!("{:?}", app.head))?;
    expect(app.head.word(1) == "200" && app.body == page.body, || good(&app).unwrap_or_default())?;

    // B14, and B5 and B6: the port that is published, case and a final dot do not matter.
    let shown = project.evenkeel(&["containers"])?;
    let servers = shown.matches(&format!("SERVICE_{}_api/", project.name)).count();
    expect(servers == 1 && shown.contains(":5000"), || shown.clone())?;
    let port = project.port;
    for (host, wanted) in [
        (format!("{APP}:{port}"), &app.body),
        (format!("{API}:8080"), &api.body),
        ("API.App.Dev".to_owned(), &api.body),
        (format!("{API}."), &api.body),
    ] {
        let answer = get(address, &host, "/")?;
        expect(answer.body == *wanted, || format!("{host}: {:?}", answer.head))?;
    }

    for request in [
        "GET / HTTP/1.1\r\nHost: nobody.app.dev\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let answer = exchange(address, "GET", request)?;
        expect(answer.head.word(1) == "503", || format!("{request}{:?}", answer.head))?;
    }
    cors(project)
}

/// B8: the preflight and a simple request with an origin pass as they are, both ways.
fn cors(project: &Project) -> Result<(), String> {
    let direct = service_address(project, "api", 5000)?;
    for (method, more) in [("OPTIONS", "Access-Control-Request-Method: GET\r\n"), ("GET", "")] {
        let request = format!(
            "{method} / HTTP/1.1\r\nHost: {API}\r\nOrigin: http://{APP}\r\n{more}\
             Connection: close\r\n\r\n"
        );
        let through = exchange(project.published(), method, &request)?;
        let beside = exchange(direct, method, &request)?;
        expect(through.head.word(1) == beside.head.word(1), || through.head.start.clone())?;
        let (through, beside) = (allowances(&through), allowances(&beside));
        expect(through == beside, || format!("{through:?} and {beside:?}"))?;
        let origin = format!("http://{APP}");
        expect(through.get("access-control-allow-origin") == Some(&origin), || {
            format!("{method}: {through:?}")
        })?;
    }
    Ok(())
}

fn allowances(message: &Message) -> BTreeMap<String, String> {
    let fields = message.head.fields.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone()));
    fields.filter(|(n, _)| n.starts_with("access-control-") || n == "vary").collect()
}

/// B9, B10.
fn b09_b10_twenty_requests_reach_each_of_five_four_times(project: &Project) -> Result<(), String> {
    project.up(&[])?;
    both_serve(project.published())?;
    project.compose(&["stop"]).transcript()?;
    project.compose(&["up", "-d", "--build", "--scale", "api=5"]).transcript()?;
    let address = project.published();
    wait_cycle(address, API, 5, SOON)?;
    let before = logged(project)?;
    let mut bodies = Vec::new();
    for _ in 0..20 {
        bodies.extend(answers(address, API, 1)?);
        let page = answers(address, APP, 1)?;
        expect(page[0].contains("<h1>The application</h1>"), || format!("{page:?}"))?;
    }
    expect(e2e::docker::pool::is_cycle(&bodies, 5), || format!("no cycle: {bodies:?}"))?;
    let mut each = Vec::new();
    let settled = wait_until(SOON, || {
        let now = logged(project).unwrap_or_default();
        each = now.iter().map(|(id, n)| n - before.get(id).unwrap_or(&0)).collect();
        each == [4; 5]
    });
    expect(settled, || format!("requests that each instance logged: {each:?}"))
}

/// Requests that each instance of the API has logged.
fn logged(project: &Project) -> Result<BTreeMap<String, usize>, String> {
    let count = |id: String| {
        let log = docker(&["logs", &id])?;
        Ok((id, log.matches("GET / HTTP/").count()))
    };
    project.running("api")?.into_iter().map(count).collect()
}

/// B11.
fn b11_each_service_is_scaled_by_itself(project: &Project) -> Result<(), String> {
    project.up(&[("api", 5), ("app", 2)])?;
    let address = project.address()?;
    wait_cycle(address, API, 5, SOON)?;
    get(address, APP, "/").and_then(|m| good(&m))?;
    let apps = project.running("app")?;
    let life = project.balancer_life()?;
    let loads = [steady(address, API)?, steady(address, APP)?];
    for replicas in [1, 3] {
        project.up(&[("api", replicas), ("app", 2)])?;
        let different = || {
            let names = answers(address, API, 20 * replicas).unwrap_or_default();
            names.into_iter().collect::<BTreeSet<_>>().len()
        };
        let served = wait_until(SOON, || different() == replicas);
        expect(served, || format!("{} of {replicas} answer", different()))?;
    }
    for load in loads {
        let report = load.stop();
        println!("{report}");
        let failed = report.failed() - report.total().never_sent;
        expect(failed == 0 && report.total().answered > 0, || format!("failed:\n{report}"))?;
    }
    let now = project.running("app")?;
    expect(apps == now, || format!("app was {apps:?}, is {now:?}"))?;
    expect(life == project.balancer_life()?, || "the balancer was restarted".to_owned())
}

/// B12, B13.
fn b12_b13_services_come_later_and_are_built_anew(project: &Project) -> Result<(), String> {
    project.compose(&["up", "-d", "--no-deps", "loadbalancer"]).transcript()?;
    let status = |host: &str| {
        let answer = get(project.published(), host, "/");
        answer.map_or_else(|why| why, |m| m.head.word(1).to_owned())
    };
    let refused = wait_until(SOON, || status(API) == "503" && status(APP) == "503");
    expect(refused, || format!("before they come: {}", status(API)))?;
    let life = project.balancer_life()?;
    project.up(&[("api", 2)])?;
    both_serve(project.published())?;
    let address = project.address()?;
    wait_cycle(address, API, 2, SOON)?;

    // One by one.
    let program = project.dir.join("api/api.py");
    let text = std::fs::read_to_string(&program).map_err(|e| e.to_string())?;
    let change = |word: &str| {
        let next = text.replace("Hello from the API", word);
        std::fs::write(&program, next).map_err(|e| e.to_string())?;
        project.compose(&["build", "api"]).transcript().map(drop)
    };
    change("Second edition")?;
    let load = steady(address, API)?;
    for old in project.running("api")? {
        docker(&["stop", &old])?;
        docker(&["rm", &old])?;
        project
            .compose(&["up", "-d", "--no-recreate", "--no-deps", "--scale", "api=2", "api"])
            .transcript()?;
        let both = wait_until(SOON, || {
            let names = answers(address, API, 40).unwrap_or_default();
            names.into_iter().collect::<BTreeSet<_>>().len() == 2
        });
        expect(both, || format!("not two of them: {:?}", answers(address, API, 4)))?;
    }
    let report = load.stop();
    println!("{report}");
    let failed = report.failed() - report.total().never_sent;
    expect(failed == 0 && report.total().answered > 0, || format!("failed:\n{report}"))?;
    let now = wait_cycle(address, API, 2, SOON)?;
    expect(now.iter().all(|t| t.contains("Second edition")), || format!("{now:?}"))?;

    // The only replica, all at once.
    project.up(&[("api", 1)])?;
    wait_cycle(address, API, 1, SOON)?;
    change("Third edition")?;
    project.compose(&["up", "-d", "--build", "--no-deps", "api"]).transcript()?;
    let mut gap = None;
    let begin = Instant::now();
    let third = wait_until(SOON, || {
        let text = get(project.published(), API, "/").and_then(|m| good(&m)).unwrap_or_default();
        gap = Some(begin.elapsed());
        text.contains("Third edition")
    });
    println!("the third edition answers {gap:?} after Compose is done");
    expect(third, || "the third edition does not answer".to_owned())?;
    expect(life == project.balancer_life()?, || "the balancer was restarted".to_owned())
}

fn steady(address: SocketAddr, host: &str) -> Result<Running, String> {
    let plan = Plan {
        keep_alive: Clients { count: 4, per_second: 30.0 },
        short: Clients { count: 4, per_second: 20.0 },
        slow_body: Clients::default(),
        websocket: Clients::default(),
        duration: Duration::from_secs(600),
        patience: PATIENCE,
        ..Plan::mix(address, host)
    };
    start(plan).map_err(|e| e.to_string())
}

fn both_serve(address: SocketAddr) -> Result<(), String> {
    for host in [API, APP] {
        let serves = wait_until(SOON, || get(address, host, "/").and_then(|m| good(&m)).is_ok());
        expect(serves, || format!("{host}: {:?}", get(address, host, "/")))?;
    }
    Ok(())
}

/// A service's only container itself, on the project's network.
fn service_address(project: &Project, service: &str, port: u16) -> Result<SocketAddr, String> {
    let id = project.running(service)?.pop().ok_or_else(|| format!("{service} does not run"))?;
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let ip = docker(&["inspect", "-f", format, &id])?;
    let ip: Ipv4Addr = ip.parse().map_err(|e| format!("{ip}: {e}"))?;
    Ok(SocketAddr::from((ip, port)))
}

fn field<'a>(message: &'a Message, name: &str) -> &'a str {
    message.head.field(name).unwrap_or_default()
}
