//! What one change costs the balancer's process with many containers: an engine that answers with
//! recorded descriptions tells events, and all CPU that the process uses is counted, from the
//! event's bytes to the first check of a new server.
//!
//! Containers have addresses on loopback, all of which one listener answers, so that their checks
//! pass. What these checks cost anyway is measured while nothing changes, and taken off.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::engine::{Container, Engine};

use crate::account::{Reading, resident_bytes, tree};

/// An engine's answer for a container, recorded from Docker 20.10; what differs from one to the
/// next is named between `@`.
const RECORDED: &str = include_str!("recorded/inspect.json");
/// Where all containers listen.
const PORT: u16 = 8000;
/// Where the balancer listens, in a network namespace of our own.
const LISTEN: u16 = 80;
/// From one change to the next: each is seen alone.
const PACE: Duration = Duration::from_millis(25);
/// How long nothing changes while the checks are measured.
const STILL: Duration = Duration::from_secs(6);
/// How long the balancer may take until every container was checked.
const READY_MAX: Duration = Duration::from_secs(120);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Containers.
    pub containers: usize,
    /// Services that they are spread over.
    pub services: usize,
    /// Changes of each kind.
    pub changes: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// What was done.
    pub plan: Plan,
    /// CPU of a change of one container's health, milliseconds: of the first and last tenth of
    /// the changes, and of all.
    pub health: [f64; 3],
    /// The same of one container that is replaced: an old one ends, a new one starts.
    pub replaced: [f64; 3],
    /// CPU while nothing changes, milliseconds a second.
    pub still: f64,
    /// Resident memory at the end, bytes.
    pub resident: u64,
}

/// Changes of a replaced container that the balancer has to follow, each of them whole: the stop
/// signal, the end and the removal of the old one, the new one made and started.
pub const STEPS: usize = 5;

/// Addresses whose servers have been checked.
type Asked = Arc<Mutex<HashSet<Ipv4Addr>>>;

/// Measures `evenkeel` with one plan after another. To be called once, in a network namespace of
/// its own.
///
/// # Errors
/// When it does not come to serve.
pub fn measure(evenkeel: &Path, plans: &[Plan]) -> Result<Vec<Cost>, String> {
    let asked = listen()?;
    plans.iter().map(|plan| one(evenkeel, *plan, &asked)).collect()
}

/// Answers for all containers.
fn listen() -> Result<Asked, String> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT));
    let listener = listener.map_err(|e| format!("port {PORT}: {e}"))?;
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            if let Ok(std::net::SocketAddr::V4(at)) = stream.local_addr() {
                seen.lock().unwrap_or_else(PoisonError::into_inner).insert(*at.ip());
            }
        }
    });
    Ok(asked)
}

fn one(evenkeel: &Path, plan: Plan, asked: &Asked) -> Result<Cost, String> {
    let town = Town::new(plan, asked);
    let child = town.start(evenkeel)?;
    let pid = child.0.id();
    town.wait(plan.containers)?;
    let mut account = Account::new(pid);
    let first = account.still();
    let healths = account.changes(plan.changes, |n| town.turn(n));
    let replaced = account.changes(plan.changes / STEPS, |n| town.replace(n));
    let still = (first + account.still()) / 2.0;
    let resident = resident_bytes(&tree(pid)).map_err(|e| e.to_string())?;
    let cost = |spent: &[Spent]| {
        let tenth = (spent.len() / 10).max(1);
        let of = |list: &[Spent]| {
            let sum: f64 = list.iter().map(|s| s.cpu_ms - still * s.took.as_secs_f64()).sum();
            sum / list.len().max(1) as f64
        };
        [of(&spent[..tenth]), of(&spent[spent.len() - tenth..]), of(spent)]
    };
    Ok(Cost { plan, health: cost(&healths), replaced: cost(&replaced), still, resident })
}

/// What one change took.
#[derive(Debug, Clone, Copy)]
struct Spent {
    cpu_ms: f64,
    took: Duration,
}

/// The CPU clock of a process.
struct Account {
    pid: u32,
}

impl Account {
    fn new(pid: u32) -> Self {
        Self { pid }
    }

    fn spent(&mut self, what: impl FnOnce()) -> Spent {
        let (begun, before) = (Instant::now(), Reading::of(&[self.pid]));
        what();
        let cpu = Reading::of(&[self.pid]).since(&before).total;
        Spent { cpu_ms: cpu.as_secs_f64() * 1e3, took: begun.elapsed() }
    }

    /// Milliseconds a second while nothing changes.
    fn still(&mut self) -> f64 {
        let spent = self.spent(|| std::thread::sleep(STILL));
        spent.cpu_ms / spent.took.as_secs_f64()
    }

    fn changes(&mut self, count: usize, mut change: impl FnMut(usize)) -> Vec<Spent> {
        (0..count)
            .map(|n| {
                self.spent(|| {
                    change(n);
                    std::thread::sleep(PACE);
                })
            })
            .collect()
    }
}

/// Containers that are made up, and who answers for them.
struct Town {
    engine: Engine,
    plan: Plan,
    asked: Asked,
}

impl Town {
    fn new(plan: Plan, asked: &Asked) -> Self {
        asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let town = Self { engine: Engine::start(), plan, asked: Arc::clone(asked) };
        for number in 0..plan.containers {
            town.engine.put(town.described(number, "running", "healthy"));
        }
        town
    }

    /// Starts the balancer.
    fn start(&self, evenkeel: &Path) -> Result<Ended, String> {
        let file = self.engine.path().with_file_name("empty.cfg");
        std::fs::write(&file, "global\n").map_err(|e| e.to_string())?;
        let mut command = Command::new(evenkeel);
        command.args(["run", &format!("--docker={}", self.engine.host()), "-f"]).arg(&file);
        command.arg(format!("--listen=127.0.0.1:{LISTEN}")).env_remove("DOCKER_HOST");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Ended).map_err(|e| format!("{}: {e}", evenkeel.display()))
    }

    /// Waits until so many containers have been checked.
    fn wait(&self, count: usize) -> Result<(), String> {
        let begun = Instant::now();
        while self.asked.lock().unwrap_or_else(PoisonError::into_inner).len() < count {
            if begun.elapsed() > READY_MAX {
                return Err("not every container was checked".to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_secs(3));
        Ok(())
    }

    fn described(&self, number: usize, state: &str, health: &str) -> Container {
        described(number, self.plan.services, state, health)
    }

    /// The health of a container changes, and back the next time that it is its turn.
    fn turn(&self, n: usize) {
        let number = n * 7 % self.plan.containers;
        let (health, action) = match n / self.plan.containers % 2 {
            0 => ("unhealthy", "health_status: unhealthy"),
            _ => ("healthy", "health_status: healthy"),
        };
        let container = self.described(number, "running", health);
        let id = container.id.clone();
        self.engine.put(container);
        self.tell(&id, action);
    }

    /// The oldest container ends, a new one starts.
    fn replace(&self, n: usize) {
        let old = self.described(n, "exited", "unhealthy").id;
        for action in ["kill", "die"] {
            self.tell(&old, action);
            std::thread::sleep(PACE);
        }
        self.engine.remove(&old);
        self.tell(&old, "destroy");
        std::thread::sleep(PACE);
        for (state, action) in [("created", "create"), ("running", "start")] {
            let new = self.described(self.plan.containers + n, state, "healthy");
            let id = new.id.clone();
            self.engine.put(new);
            self.tell(&id, action);
            std::thread::sleep(PACE);
        }
    }

    /// An event with the attributes that an engine sends along.
    fn tell(&self, id: &str, action: &str) {
        let labels = r#","com.docker.compose.project":"shop","com.docker.compose.oneoff":"False",
            "com.docker.compose.version":"2.29.7","image":"nginx:stable""#;
        let signal = if action == "kill" { r#","signal":"15""# } else { "" };
        let labels: String = labels.split_whitespace().collect();
        self.engine.event(id, action, &format!("{labels}{signal}"));
    }
}

/// Numbers far apart, as ids are.
fn spread(number: usize) -> u128 {
    (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// A container as the engine tells of it.
fn described(number: usize, services: usize, state: &str, health: &str) -> Container {
    let id = format!("{:064x}", spread(number));
    let service = format!("service{}", number % services);
    let name = format!("shop-{service}-{number}");
    let short = id.get(..12).unwrap_or_default().to_owned();
    let [_, b, c, d] = (number as u32).to_be_bytes();
    let address = format!("127.{}.{c}.{d}", b + 1);
    let text = [
        ("@ID@", &*id),
        ("@SHORT@", &short),
        ("@NAME@", &name),
        ("@SERVICE@", &service),
        ("@NUMBER@", &number.to_string()),
        ("@ADDRESS@", &address),
        ("@STATE@", state),
        ("@HEALTH@", health),
    ];
    let filled = text.iter().fold(RECORDED.to_owned(), |all, (mark, by)| all.replace(mark, by));
    Container { name, instead: Some((200, filled.into_bytes())), ..Container::new(&id) }
}

/// The balancer; ended when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Costs as a table.
#[must_use]
pub fn markdown(costs: &[Cost]) -> String {
    let mut out =
        "| containers | services | CPU of one change of health, ms (first tenth, last tenth) \
         | CPU of one replaced, ms (first, last) | the same, per change | checks, ms CPU a second \
         | resident MB |\n|---:|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
    for Cost { plan, health, replaced, still, resident } in costs {
        out.push_str(&format!(
            "| {} | {} | **{:.2}** ({:.2}, {:.2}) | {:.2} ({:.2}, {:.2}) | **{:.2}** | {still:.0} \
             | {:.0} |\n",
            plan.containers,
            plan.services,
            health[2],
            health[0],
            health[1],
            replaced[2],
            replaced[0],
            replaced[1],
            replaced[2] / STEPS as f64,
            *resident as f64 / 1e6,
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{RECORDED, described};

    #[test]
    fn what_was_recorded_is_filled_in() {
        assert!(RECORDED.contains("@ID@") && RECORDED.contains("@ADDRESS@"));
        let (status, body) = described(70_000, 2, "running", "healthy").instead.expect("one");
        let told: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((status, told["State"]["Health"]["Status"].as_str()), (200, Some("healthy")));
        let address = &told["NetworkSettings"]["Networks"]["shop_default"]["IPAddress"];
        assert_eq!(address.as_str(), Some("127.2.17.112"));
        assert!(!String::from_utf8_lossy(&body).contains('@'));
    }
}
