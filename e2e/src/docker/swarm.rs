//! Machines for a Swarm: Docker engines in network namespaces, apart from this machine's own one.
//! Everything ends with them, the Swarm too.

use super::command::{Background, Run};
use super::images;
use super::pool::{get, good};
use crate::process::Scratch;
use crate::scenario::wait_until;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long engines may take to start.
const START: Duration = Duration::from_secs(60);
/// How long anything may take on a machine that is busy.
pub const SOON: Duration = Duration::from_secs(90);
/// Images that services run in.
const IMAGES: [&str; 2] = ["evenkeel:latest", "python:3-slim"];

/// The machines, the first of which leads.
pub struct Machines {
    name: String,
    number: String,
    count: usize,
    // Before the folder that it works in.
    _run: Background,
    scratch: Scratch,
}

impl Machines {
    /// Starts so many, with the images of services, or says why they cannot be.
    pub fn start(count: usize) -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        super::engine()?;
        images::ensure()?;
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        let id = std::process::id() as usize + NUMBER.fetch_add(1, Ordering::Relaxed);
        let (name, number) = (format!("evks{id}"), (id % 250 + 2).to_string());
        let script = images::root().join("e2e/scripts/swarm-nodes");
        let words = ["run".as_ref(), scratch.path.as_os_str()];
        let run = Run::new(script).args(&words).args(&[&name, &number, &count.to_string()]);
        let run = run.background(&scratch.path.join("script"))?;
        let machines = Self { name, number, count, _run: run, scratch };
        let up =
            wait_until(START, || (1..=count).all(|n| machines.docker(n, &["version"]).is_ok()));
        if !up {
            return Err(format!("engines do not start: {}", machines.log()));
        }
        let file = machines.scratch.path.join("images.tar");
        let file = file.to_str().ok_or("a path that is no text")?;
        super::docker(&[&["save", "-o", file][..], &IMAGES].concat())?;
        (1..=count).try_for_each(|n| machines.docker(n, &["load", "-q", "-i", file]).map(drop))?;
        std::fs::remove_file(file).map_err(|e| e.to_string())?;
        Ok(machines)
    }

    /// The same as one Swarm.
    pub fn swarm(count: usize) -> Result<Self, String> {
        let machines = Self::start(count)?;
        let leader = machines.address(1).to_string();
        machines.docker(1, &["swarm", "init", "--advertise-addr", &leader])?;
        (2..=count).try_for_each(|n| machines.join(n))?;
        Ok(machines)
    }

    /// Makes a machine a worker of the first one's Swarm.
    pub fn join(&self, number: usize) -> Result<(), String> {
        let token = self.docker(1, &["swarm", "join-token", "-q", "worker"])?;
        let leader = format!("{}:2377", self.address(1));
        self.docker(number, &["swarm", "join", "--token", &token, &leader]).map(drop)
    }

    /// A machine's address.
    pub fn address(&self, number: usize) -> Ipv4Addr {
        let third = self.number.parse().unwrap_or_default();
        Ipv4Addr::new(198, 18, third, u8::try_from(number).unwrap_or_default() + 1)
    }

    /// Where a port published there is reached.
    pub fn port(&self, number: usize, port: u16) -> SocketAddr {
        SocketAddr::from((self.address(number), port))
    }

    /// Its engine, as `DOCKER_HOST`.
    pub fn host(&self, number: usize) -> String {
        format!("unix://{}/{number}/docker.sock", self.scratch.path.display())
    }

    /// `docker WORDS...` on a machine.
    pub fn docker(&self, number: usize, words: &[&str]) -> Result<String, String> {
        Run::new("docker").env("DOCKER_HOST", self.host(number)).args(words).output()
    }

    /// A line of a shell on a machine, with its network and engine.
    pub fn shell(&self, number: usize, line: &str) -> Run {
        let network = format!("--net=/run/netns/{}.{number}", self.name);
        let run = Run::new("nsenter").args(&[network.as_str(), "--", "sh", "-ec", line]);
        run.env("DOCKER_HOST", self.host(number)).limit(SOON * 2)
    }

    /// A folder of the test's own.
    pub fn folder(&self) -> &std::path::Path {
        &self.scratch.path
    }

    /// Its node id.
    pub fn node(&self, number: usize) -> Result<String, String> {
        self.docker(number, &["info", "-f", "{{.Swarm.NodeID}}"])
    }

    /// The machine loses its power.
    pub fn fall(&self, number: usize) -> Result<(), String> {
        let file = self.scratch.path.join(format!("{number}/away"));
        std::fs::write(file, "").map_err(|e| e.to_string())
    }

    /// Ids of the containers of a service that run, on all machines, in their short form.
    pub fn running(&self, service: &str) -> BTreeSet<String> {
        let filter = format!("label=com.docker.swarm.service.name={service}");
        let list = |n| self.docker(n, &["ps", "-q", "--filter", &filter]).unwrap_or_default();
        let all: Vec<String> = (1..=self.count).map(list).collect();
        all.iter().flat_map(|l| l.lines()).map(str::to_owned).collect()
    }

    /// Waits until a service has so many containers, none of those named, and exactly they answer.
    pub fn settled(
        &self,
        service: &str,
        count: usize,
        without: &BTreeSet<String>,
        ask: (SocketAddr, &str),
    ) -> Result<BTreeSet<String>, String> {
        let (mut running, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let settled = wait_until(SOON, || {
            running = self.running(service);
            if running.len() != count || !running.is_disjoint(without) {
                return false;
            }
            let answers = (0..3 * count).map(|_| get(ask.0, ask.1, "/").and_then(|m| good(&m)));
            seen = answers.map(|a| a.unwrap_or_else(|why| why)).collect();
            seen == running
        });
        match settled {
            true => Ok(running),
            false => Err(format!("{seen:?} answer, {count} of {running:?} should\n{}", self.log())),
        }
    }

    /// What the Swarm says of itself, and the engines at the end.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for words in [&["node", "ls"][..], &["service", "ls"]] {
            text += &self.docker(1, words).unwrap_or_else(|e| e);
            text.push('\n');
        }
        let services = self.docker(1, &["service", "ls", "-q"]).unwrap_or_default();
        for service in services.lines() {
            text += &self.docker(1, &["service", "ps", service]).unwrap_or_else(|e| e);
            text.push('\n');
        }
        for n in 1..=self.count {
            let log = self.scratch.path.join(format!("{n}/log"));
            let log = std::fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().filter(|l| !l.contains("level=info")).collect();
            text += &lines[lines.len().saturating_sub(5)..].join("\n");
        }
        text
    }
}
