//! `evenkeel rollout` on the real engine, with Compose v1 and v2: B12 of the acceptance scenarios,
//! replicas replaced one by one under load.

use bench::open_loop::{Clients, Plan, Running, start};
use e2e::binaries;
use e2e::docker::command::Run;
use e2e::docker::compose::Version;
use e2e::docker::docker;
use e2e::docker::pool::{wait_cycle, wait_members};
use e2e::docker::project::Project;
use e2e::docker::scenario::expect;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long anything may take on a machine that is busy.
const SOON: Duration = Duration::from_secs(60);
const HOST: &str = "localhost";

/// Takes its time for an answer and ends at once when it is told to stop: whoever stops it while
/// it works sees requests fail.
const IMPATIENT: &str = "
import http.server, os, signal, socket, time
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    def do_GET(self):
        time.sleep(0.15)
        body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('', 8000), H)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server.serve_forever()
";

e2e::with_each_compose!("scaling", "haproxy":
    b12_a_rebuilt_image_replaces_one_after_the_other,
    b12_from_inside_the_balancers_container,
    a_version_that_fails_leaves_the_old_one,
    with_a_healthcheck_a_version_takes_over_when_it_is_healthy,
);

/// Not ready for a while: until then requests are answered with an error, and its check fails.
const LATE: &str = "
import threading
ready = threading.Event()
threading.Timer(4, ready.set).start()
good = H.do_GET
def do_GET(self):
    if self.path == '/health' or not ready.is_set():
        self.send_response(200 if ready.is_set() else 500)
        self.send_header('Content-Length', '0')
        self.end_headers()
    else:
        good(self)
H.do_GET = do_GET
";

/// Docker asks the service itself.
const HEALTHCHECK: &str = "services:
  server:
    healthcheck:
      test:
        - CMD
        - python3
        - -c
        - import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health')
      interval: 1s
      timeout: 10s
      retries: 30
";

/// Builds the service's image with this program.
fn build(project: &Project, program: &str) -> Result<(), String> {
    std::fs::write(project.dir.join("server/server.py"), program).map_err(|e| e.to_string())?;
    project.compose(&["build", "server"]).transcript().map(drop)
}

fn up(project: &Project, replicas: usize) -> Result<Vec<String>, String> {
    build(project, IMPATIENT)?;
    project.up(&[("server", replicas)])?;
    wait_cycle(project.address()?, HOST, replicas, SOON)?;
    project.running("server")
}

/// `evenkeel rollout server WORDS...` on the host.
fn rollout(project: &Project, words: &[&str]) -> Result<String, String> {
    let program = binaries::evenkeel()?.path;
    let compose = project.version.program()?.display().to_string();
    let first = ["rollout", "server", "--project", &project.name];
    let compose = ["--compose", compose.as_str()];
    let with = if words.contains(&"--copy") { &[][..] } else { &compose[..] };
    let run = Run::new(program).args(&[&first[..], with, words].concat());
    run.env("PORT", project.port.to_string()).transcript()
}

fn steady(project: &Project) -> Result<Running, String> {
    let plan = Plan {
        keep_alive: Clients { count: 8, per_second: 40.0 },
        short: Clients { count: 8, per_second: 30.0 },
        slow_body: Clients::default(),
        websocket: Clients::default(),
        duration: Duration::from_secs(600),
        patience: Duration::from_secs(30),
        ..Plan::mix(project.address()?, HOST)
    };
    start(plan).map_err(|e| e.to_string())
}

/// Ends the load, of which no request may have failed.
fn none_failed(load: Running, said: &str) -> Result<(), String> {
    let report = load.stop();
    println!("{said}\n{report}");
    let failed = report.failed() - report.total().never_sent;
    let answered = report.total().answered;
    expect(failed == 0 && answered > 0, || format!("{failed} failed:\n{report}\n{said}"))
}

fn images(ids: &[String]) -> Result<BTreeSet<String>, String> {
    let format = ["inspect", "-f", "{{.Image}}"];
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    docker(&[&format[..], &ids].concat()).map(|text| text.lines().map(str::to_owned).collect())
}

/// All are new.
fn replaced(project: &Project, old: &[String]) -> Result<Vec<String>, String> {
    let new = project.running("server")?;
    let kept = new.iter().any(|id| old.contains(id));
    expect(!kept && new.len() == old.len(), || format!("{old:?} became {new:?}"))?;
    let names = new.iter().map(|id| id[..12].to_owned()).collect();
    wait_members(project.address()?, HOST, &names, SOON)?;
    Ok(new)
}

/// Compose takes them for up to date.
fn stay(project: &Project, new: Vec<String>) -> Result<Vec<String>, String> {
    project.up(&[("server", new.len())])?;
    let after = project.running("server")?;
    expect(after == new, || format!("Compose replaces {new:?} by {after:?}"))?;
    Ok(new)
}

fn b12_a_rebuilt_image_replaces_one_after_the_other(project: &Project) -> Result<(), String> {
    let old = up(project, 3)?;
    let before = images(&old)?;
    let said = rollout(project, &["--dry-run"])?;
    expect(said.matches("would start 1 new").count() == 3, || said.clone())?;
    expect(project.running("server")? == old, || "a dry run changes something".to_owned())?;

    build(project, &format!("{IMPATIENT}# changed\n"))?;
    let load = steady(project)?;
    let said = rollout(project, &[])?;
    none_failed(load, &said)?;
    expect(said.contains("made by '") && said.contains("3 replaced in"), || said.clone())?;
    let new = stay(project, replaced(project, &old)?)?;
    let now = images(&new)?;
    expect(now.len() == 1 && now.is_disjoint(&before), || format!("{before:?}, {now:?}"))?;

    let load = steady(project)?;
    let said = rollout(project, &["--parallel", "2", "--copy"])?;
    none_failed(load, &said)?;
    stay(project, replaced(project, &new)?).map(drop)
}

fn b12_from_inside_the_balancers_container(project: &Project) -> Result<(), String> {
    let old = up(project, 2)?;
    let before = images(&old)?;
    build(project, &format!("{IMPATIENT}# changed\n"))?;
    let load = steady(project)?;
    let balancer = project.balancer()?;
    let words = ["exec", &balancer, "/usr/local/bin/evenkeel", "rollout", "server"];
    let words = [&words[..], &["--project", &project.name]].concat();
    let said = Run::new("docker").args(&words).transcript()?;
    none_failed(load, &said)?;
    expect(said.contains("copies of the old ones"), || said.clone())?;
    let new = replaced(project, &old)?;
    let now = images(&new)?;
    expect(now.len() == 1 && now.is_disjoint(&before), || format!("{before:?}, {now:?}"))?;
    // Compose v1 counts the image among what makes a container another one.
    if project.version == Version::V2 { stay(project, new).map(drop) } else { Ok(()) }
}

/// [`IMPATIENT`] that becomes ready late, or never.
fn late(ready: bool) -> String {
    let late = if ready { LATE.to_owned() } else { LATE.replace("Timer(4,", "Timer(9999,") };
    IMPATIENT.replace("\nserver = ", &format!("{late}server = "))
}

fn with_a_healthcheck_a_version_takes_over_when_it_is_healthy(
    project: &Project,
) -> Result<(), String> {
    let file = project.dir.join("docker-compose.override.yml");
    std::fs::write(file, HEALTHCHECK).map_err(|e| e.to_string())?;
    build(project, &late(true))?;
    project.up(&[("server", 2)])?;
    wait_cycle(project.address()?, HOST, 2, SOON)?;
    let old = project.running("server")?;

    build(project, &format!("{}# changed\n", late(true)))?;
    let load = steady(project)?;
    let said = rollout(project, &["--timeout", "120s"])?;
    // One that had taken over before it was healthy would have answered with errors.
    none_failed(load, &said)?;
    let new = replaced(project, &old)?;

    build(project, &late(false))?;
    let load = steady(project)?;
    let said = match rollout(project, &["--timeout", "12s"]) {
        Ok(said) => return Err(format!("exit code 0:\n{said}")),
        Err(said) => said,
    };
    none_failed(load, &said)?;
    let told = said.contains("a new replica is not ready after 12 s")
        && said.contains("every old replica serves on");
    expect(told, || said.clone())?;
    let now = project.running("server")?;
    expect(now == new, || format!("{new:?} became {now:?}:\n{said}"))
}

fn a_version_that_fails_leaves_the_old_one(project: &Project) -> Result<(), String> {
    let old = up(project, 2)?;
    let load = steady(project)?;
    let mut all = String::new();
    let never = IMPATIENT.replace("8000", "8001");
    for (program, reason) in [
        ("raise SystemExit('this version is broken')", "a new replica failed: it ended"),
        (&*never, "a new replica is not ready after 3 s: server default_service/"),
    ] {
        build(project, program)?;
        let said = match rollout(project, &["--timeout", "3s"]) {
            Ok(said) => return Err(format!("exit code 0:\n{said}")),
            Err(said) => said,
        };
        let told = said.contains(reason) && said.contains("every old replica serves on");
        expect(told && said.contains("exit status: 1"), || said.clone())?;
        all.push_str(&said);
        let now = project.running("server")?;
        expect(now == old, || format!("{old:?} became {now:?}:\n{said}"))?;
    }
    expect(all.contains(" | this version is broken"), || all.clone())?;
    none_failed(load, &all)?;
    let left = project.left()?;
    let ours = left.iter().filter(|l| l.starts_with("container")).count();
    expect(ours == 3, || format!("more than two replicas and a balancer: {left:?}"))
}
