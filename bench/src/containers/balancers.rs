//! The balancers that are compared, each with the settings that its own manual gives for this.

use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::place::{LABEL, Place};
use super::{LISTEN, PORT, SERVICES, host};

/// How long one may take until it serves both services.
const START_MAX: Duration = Duration::from_secs(30);
/// How long one may take to end.
const END_MAX: Duration = Duration::from_secs(5);

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// evenkeel, by the Docker socket.
    Evenkeel,
    /// Traefik, by the Docker socket, as it is.
    Traefik,
    /// The same with a throttle of 50 ms instead of 2 s, and four attempts.
    TraefikQuick,
    /// HAProxy, by Docker's names.
    Haproxy,
}

/// A balancer that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balancer {
    /// What it is.
    pub kind: Kind,
    /// Its program.
    pub program: PathBuf,
}

impl Balancer {
    /// `KIND:PATH`; KIND is evenkeel, traefik, traefik-quick or haproxy.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once(':').ok_or_else(|| format!("{text}: no KIND:PATH"))?;
        let kind = match kind {
            "evenkeel" => Kind::Evenkeel,
            "traefik" => Kind::Traefik,
            "traefik-quick" => Kind::TraefikQuick,
            "haproxy" => Kind::Haproxy,
            other => return Err(format!("no balancer {other}")),
        };
        let program = PathBuf::from(path);
        match program.is_file() {
            true => Ok(Self { kind, program }),
            false => Err(format!("{path} is not there")),
        }
    }

    /// What the tables call it.
    #[must_use]
    pub fn name(&self) -> String {
        let version = self.version().unwrap_or_default();
        match self.kind {
            Kind::Evenkeel => "evenkeel".to_owned(),
            Kind::Traefik => format!("Traefik {version}"),
            Kind::TraefikQuick => format!("Traefik {version}, throttle 50 ms, retry"),
            Kind::Haproxy => format!("HAProxy {version}, DNS every 200 ms"),
        }
    }

    fn version(&self) -> Option<String> {
        let word = if self.kind == Kind::Haproxy { "-v" } else { "version" };
        let said = Command::new(&self.program).arg(word).output().ok()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let digits = |w: &&str| w.starts_with(|c: char| c.is_ascii_digit()) && w.contains('.');
        let found = said.split_whitespace().find(digits)?;
        Some(found.split('-').next().unwrap_or_default().to_owned())
    }

    /// Starts it in the seat of `place` and waits until it serves both services.
    ///
    /// # Errors
    /// When it does not come to serve, with what it said.
    pub fn start(&self, place: &Place) -> Result<Running, String> {
        let (seat, ip) = place.seat()?;
        let output = place.notes().join("output");
        let file = File::create(&output).map_err(|e| e.to_string())?;
        let second = file.try_clone().map_err(|e| e.to_string())?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{seat}/ns/net")).arg("--").arg(&self.program);
        command.args(self.arguments(place)?).env_remove("DOCKER_HOST");
        command.stdin(Stdio::null()).stdout(file).stderr(second);
        let begun = Instant::now();
        let child = command.spawn().map_err(|e| format!("nsenter: {e}"))?;
        let mut running =
            Running { child, address: (ip, LISTEN).into(), ready: Duration::ZERO, output };
        while !SERVICES.iter().all(|service| serves(running.address, &host(service))) {
            if begun.elapsed() > START_MAX || !running.alive() {
                return Err(format!("{} does not serve:\n{}", self.name(), running.said()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        running.ready = begun.elapsed();
        Ok(running)
    }

    fn arguments(&self, place: &Place) -> Result<Vec<String>, String> {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        Ok(match self.kind {
            Kind::Evenkeel => {
                // Else it would read the machine's own haproxy.cfg.
                let path = place.notes().join("evenkeel.cfg");
                std::fs::write(&path, "global\n  maxconn 10000\n").map_err(|e| e.to_string())?;
                words(&["run", "--docker", "-f", &path.display().to_string()])
            }
            Kind::Traefik | Kind::TraefikQuick => {
                let mut list = words(&[
                    "--providers.docker=true",
                    "--providers.docker.exposedbydefault=false",
                    "--log.level=ERROR",
                    "--global.checknewversion=false",
                    "--global.sendanonymoususage=false",
                ]);
                list.push(format!("--entrypoints.web.address=:{LISTEN}"));
                list.push(format!("--providers.docker.network={}", place.name));
                let ours = format!("Label(`{LABEL}`,`{}`)", place.name);
                list.push(format!("--providers.docker.constraints={ours}"));
                if self.kind == Kind::TraefikQuick {
                    list.push("--providers.providersthrottleduration=50ms".to_owned());
                    list.push("--entrypoints.web.http.middlewares=again@docker".to_owned());
                }
                list
            }
            Kind::Haproxy => {
                let path = place.notes().join("haproxy.cfg");
                std::fs::write(&path, haproxy_cfg()).map_err(|e| e.to_string())?;
                vec!["-f".to_owned(), path.display().to_string()]
            }
        })
    }
}

/// Docker's names, 64 places for each service.
fn haproxy_cfg() -> String {
    let mut text = format!(
        "resolvers docker\n  nameserver docker 127.0.0.11:53\n  accepted_payload_size 8192\n  \
         timeout resolve 200ms\n  timeout retry 200ms\n  hold valid 200ms\n  hold obsolete 0s\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  \
         timeout server 60s\n  \
         timeout tunnel 1h\n  option redispatch 1\n  retries 3\n  \
         retry-on conn-failure empty-response\n\
         frontend www\n  bind :{LISTEN}\n"
    );
    for service in SERVICES {
        let _ = writeln!(text, "  use_backend {service} if {{ hdr(host) {} }}", host(service));
    }
    for service in SERVICES {
        let _ = write!(
            text,
            "backend {service}\n  default-server check inter 200ms fall 1 rise 1\n  \
             server-template s 64 {service}:{PORT} resolvers docker init-addr none\n"
        );
    }
    text
}

/// Whether somebody answers 200 for this host.
fn serves(address: SocketAddr, host: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// A balancer that runs; ended when dropped.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it served both services.
    pub ready: Duration,
    output: PathBuf,
}

impl Running {
    /// What it has said.
    #[must_use]
    pub fn said(&self) -> String {
        read(&self.output)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while self.alive() && begun.elapsed() < END_MAX {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
