//! The prediction API of the examples through evenkeel and beside it: what the way through costs,
//! and what more replicas bring (C11 of the acceptance scenarios).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::engine::{Engine, encoded};
use super::place::LABEL;
use crate::latency::Latencies;

/// The example's image, built anew.
const IMAGE: &str = "evenkeel-bench-prediction";
/// The balancer's image.
const BALANCER: &str = "evenkeel:latest";
/// Where the example listens.
const PORT: u16 = 5000;
/// Requests that are timed one after the other; a document of the example times 100.
const REQUESTS: usize = 1000;
/// Replicas, first and last.
const REPLICAS: [usize; 2] = [1, 7];
/// Clients at once for the throughput, and for how long.
const CLIENTS: usize = 20;
const LOAD: Duration = Duration::from_secs(10);
/// How long containers may take until all of them answer.
const START_MAX: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
const BODY: &str =
    r#"{"sepal_length": 6, "sepal_width": 2.8, "petal_length": 4.9, "petal_width": 1.7}"#;

/// What was measured with so many replicas.
#[derive(Debug)]
pub struct Predicted {
    /// How many.
    pub replicas: usize,
    /// One client, straight to a replica.
    pub direct: Latencies,
    /// One client through the balancer.
    pub through: Latencies,
    /// Answers a second with [`CLIENTS`] clients through the balancer.
    pub per_second: f64,
}

/// Builds the example in `folder` and asks it; every answer has to be the right one.
///
/// # Errors
/// When something does not start, or an answer is wrong.
pub fn measure(engine: &Engine, folder: &Path) -> Result<Vec<Predicted>, String> {
    let built = Command::new("docker").args(["build", "-q", "-t", IMAGE]).arg(folder).output();
    let built = built.map_err(|e| format!("docker: {e}"))?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    let place = Place::new(engine)?;
    let socket = json!({ "Binds": ["/var/run/docker.sock:/var/run/docker.sock:ro"] });
    let balancer = place.run("balancer", BALANCER, &json!({}), socket)?;
    let balancer = SocketAddr::new(balancer.ip(), super::LISTEN);
    let mut replicas = Vec::new();
    let mut measured = Vec::new();
    for count in REPLICAS {
        while replicas.len() < count {
            let name = format!("api-{}", replicas.len());
            let label = json!({ "evenkeel.enable": "true", "evenkeel.port": PORT.to_string() });
            replicas.push(place.run(&name, IMAGE, &label, json!({}))?);
        }
        wait_all(balancer, count)?;
        let (mut direct, mut through) = (Latencies::default(), Latencies::default());
        // In turns, so that both see the same machine.
        for _ in 0..REQUESTS {
            direct.record(ask(replicas[0])?);
            through.record(ask(balancer)?);
        }
        let per_second = throughput(balancer)?;
        measured.push(Predicted { replicas: count, direct, through, per_second });
    }
    Ok(measured)
}

/// The figures as a table.
#[must_use]
pub fn markdown(measured: &[Predicted]) -> String {
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let mut text = format!(
        "Prediction API of examples/prediction: {REQUESTS} POSTs one after the other straight to \
         a replica and through evenkeel, in turns, each on a new connection; then {CLIENTS} \
         clients for {} s.\n\n| replicas | direct p50 | direct p99 | through p50 | through p99 | \
         answers a second, {CLIENTS} clients |\n|---:|---:|---:|---:|---:|---:|\n",
        LOAD.as_secs()
    );
    for m in measured {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {:.0} |\n",
            m.replicas,
            ms(m.direct.quantile(0.5)),
            ms(m.direct.quantile(0.99)),
            ms(m.through.quantile(0.5)),
            ms(m.through.quantile(0.99)),
            m.per_second
        ));
    }
    text
}

/// Waits until that many different replicas greet; each greets with its name.
fn wait_all(address: SocketAddr, count: usize) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let greet = |_| exchange(address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let names: std::collections::BTreeSet<String> = (0..2 * count)
            .filter_map(|n| greet(n).ok())
            .filter(|answer| answer.starts_with("HTTP/1.1 200"))
            .filter_map(|answer| Some(answer.split_once("\r\n\r\n")?.1.to_owned()))
            .collect();
        if names.len() == count {
            return Ok(());
        }
        if begun.elapsed() > START_MAX {
            return Err(format!("{} of {count} replicas answer", names.len()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One prediction on a new connection.
fn ask(address: SocketAddr) -> Result<Duration, String> {
    let begun = Instant::now();
    let request = format!(
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let answer = exchange(address, &request)?;
    let time = begun.elapsed();
    match answer.split_once(' ').is_some_and(|(_, rest)| rest.starts_with("200"))
        && answer.contains("Iris-versicolor")
    {
        true => Ok(time),
        false => Err(format!("a wrong answer: {answer}")),
    }
}

fn exchange(address: SocketAddr, request: &str) -> Result<String, String> {
    let say = |e: std::io::Error| format!("{address}: {e}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(say)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(say)?;
    stream.write_all(request.as_bytes()).map_err(say)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(say)?;
    Ok(answer)
}

/// Answers a second that [`CLIENTS`] clients get, each asking again as soon as it is answered.
fn throughput(address: SocketAddr) -> Result<f64, String> {
    let answered = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    while begun.elapsed() < LOAD {
                        ask(address)?;
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok::<(), String>(())
                })
            })
            .collect();
        clients.into_iter().try_for_each(|c| c.join().map_err(|_| "a client panicked")?)
    })?;
    Ok(answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// A network with containers on it; all removed at the end.
struct Place<'a> {
    engine: &'a Engine,
    name: String,
}

impl<'a> Place<'a> {
    fn new(engine: &'a Engine) -> Result<Self, String> {
        let name = format!("evkp{}", std::process::id());
        let body = json!({ "Name": name, "CheckDuplicate": true, "Labels": { LABEL: name } });
        engine.call("POST", "/networks/create", Some(&body))?;
        Ok(Self { engine, name })
    }

    /// Starts a container; where the example would listen in it.
    fn run(
        &self,
        name: &str,
        image: &str,
        labels: &Value,
        mut host: Value,
    ) -> Result<SocketAddr, String> {
        let mut labels = labels.clone();
        if let (Some(labels), Some(host)) = (labels.as_object_mut(), host.as_object_mut()) {
            labels.insert(LABEL.into(), self.name.clone().into());
            host.insert("NetworkMode".into(), self.name.clone().into());
        }
        let body = json!({ "Image": image, "Labels": labels, "HostConfig": host });
        let path = format!("/containers/create?name={}-{name}", self.name);
        let made = self.engine.call("POST", &path, Some(&body))?;
        let id = made.get("Id").and_then(Value::as_str).ok_or("a container without an id")?;
        self.engine.call("POST", &format!("/containers/{id}/start"), None)?;
        let seen = self.engine.call("GET", &format!("/containers/{id}/json"), None)?;
        let ip = seen.pointer(&format!("/NetworkSettings/Networks/{}/IPAddress", self.name));
        let ip = ip.and_then(Value::as_str).unwrap_or_default();
        let ip = ip.parse().map_err(|e| format!("{name} at '{ip}': {e}"))?;
        Ok(SocketAddr::new(ip, PORT))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let filters = format!("{{\"label\":[\"{LABEL}={}\"]}}", self.name);
        let path = format!("/containers/json?all=1&filters={}", encoded(&filters));
        let listed = self.engine.call("GET", &path, None).unwrap_or_default();
        for id in listed.as_array().into_iter().flatten().filter_map(|c| c.get("Id")?.as_str()) {
            let _ = self.engine.call("DELETE", &format!("/containers/{id}?force=1"), None);
        }
        if let Err(why) = self.engine.call("DELETE", &format!("/networks/{}", self.name), None) {
            eprintln!("left behind: {why}");
        }
    }
}
