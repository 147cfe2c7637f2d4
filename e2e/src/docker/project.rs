//! One example as a Compose project with a name and a port of its own, removed at the end whatever
//! happens.

use super::command::Run;
use super::compose::Version;
use super::{docker, images};
use crate::process::Scratch;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long one command of Compose may take.
const COMPOSE: Duration = Duration::from_secs(400);

/// The label of one-off runs.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// A project.
pub struct Project {
    /// Its name.
    pub name: String,
    /// Compose that runs it.
    pub version: Version,
    /// The port of the host that its balancer is published on.
    pub port: u16,
    /// A copy of the example.
    pub dir: PathBuf,
    /// For files of the test.
    pub scratch: Scratch,
    program: PathBuf,
    balancer: &'static str,
}

impl Project {
    /// Prepares an example (not started yet), or says why it cannot be.
    pub fn prepare(
        version: Version,
        example: &str,
        balancer: &'static str,
    ) -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        super::engine()?;
        let program = version.program()?;
        images::ensure()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // C15: nothing may be read out of names.
        let name = format!("evk-{}_n-{number}", std::process::id());
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        // One builds what lies beside it.
        let examples = scratch.path.join("examples");
        copy(&images::root().join("examples"), &examples).map_err(|e| e.to_string())?;
        let dir = examples.join(example);
        let port = free_port().map_err(|e| e.to_string())?;
        Ok(Self { name, version, port, dir, scratch, program, balancer })
    }

    /// `docker-compose WORDS...` of this project, not yet run.
    pub fn compose<S: AsRef<std::ffi::OsStr>>(&self, words: &[S]) -> Run {
        let run = Run::new(&self.program).args(&["-p", &self.name]).args(words);
        // Compose v1 gives up on an engine that is busy unless told otherwise.
        let run = run.env("COMPOSE_HTTP_TIMEOUT", "300").env("COMPOSE_PARALLEL_LIMIT", "4");
        run.dir(&self.dir).env("PORT", self.port.to_string()).limit(COMPOSE)
    }

    /// `make VERB` in the example's folder, with this Compose and project, not yet run.
    pub fn make(&self, verb: &str) -> Run {
        let compose = format!("COMPOSE={} -p {}", self.program.display(), self.name);
        let port = format!("PORT={}", self.port);
        Run::new("make").args(&["--no-print-directory", verb, &compose, &port]).dir(&self.dir)
    }

    /// `up -d`, with so many replicas of these services.
    pub fn up(&self, scale: &[(&str, usize)]) -> Result<(), String> {
        let mut words = vec!["up".to_owned(), "-d".to_owned()];
        for (service, count) in scale {
            words.extend(["--scale".to_owned(), format!("{service}={count}")]);
        }
        self.compose(&words).transcript().map(drop)
    }

    /// Ids of a service's containers that run, by number.
    pub fn running(&self, service: &str) -> Result<Vec<String>, String> {
        let (project, service) = self.filters(service);
        let format = "{{.Label \"com.docker.compose.container-number\"}} {{.ID}}";
        let words = ["ps", "--no-trunc", "--filter", &project, "--filter", &service];
        let listed = docker(&[&words[..], &["--format", format]].concat())?;
        let mut list: Vec<(u32, String)> = listed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(number, id)| (number.parse().unwrap_or(0), id.to_owned()))
            .collect();
        list.sort();
        Ok(list.into_iter().map(|(_, id)| id).collect())
    }

    /// The same without one-off runs.
    pub fn replicas(&self, service: &str) -> Result<Vec<String>, String> {
        let once = format!("{{{{index .Config.Labels \"{ONE_OFF}\"}}}}");
        let mut ids = self.running(service)?;
        ids.retain(|id| {
            let said = docker(&["inspect", "-f", &once, id]);
            said.is_ok_and(|said| !said.eq_ignore_ascii_case("true"))
        });
        Ok(ids)
    }

    /// `evenkeel WORDS...` in the balancer's container.
    pub fn evenkeel(&self, words: &[&str]) -> Result<String, String> {
        let id = self.balancer()?;
        docker(&[&["exec", &id, "/usr/local/bin/evenkeel"], words].concat())
    }

    fn filters(&self, service: &str) -> (String, String) {
        let project = format!("label=com.docker.compose.project={}", self.name);
        (project, format!("label=com.docker.compose.service={service}"))
    }

    /// The balancer's container.
    pub fn balancer(&self) -> Result<String, String> {
        self.running(self.balancer)?.pop().ok_or_else(|| "the balancer does not run".to_owned())
    }

    /// Where the balancer listens, on the project's own network.
    pub fn address(&self) -> Result<SocketAddr, String> {
        let id = self.balancer()?;
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let ip = docker(&["inspect", "-f", format, &id])?;
        let ip: Ipv4Addr = ip.parse().map_err(|e| format!("{ip}: {e}"))?;
        Ok(SocketAddr::from((ip, 80)))
    }

    /// Where the balancer is published.
    pub fn published(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// When the balancer's container was started: it changes with a restart and with a new one.
    pub fn balancer_life(&self) -> Result<String, String> {
        docker(&["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", &self.balancer()?])
    }

    /// What the balancer says.
    pub fn log(&self) -> String {
        let log =
            self.balancer().and_then(|id| Run::new("docker").args(&["logs", &id]).transcript());
        log.unwrap_or_else(|e| e)
    }

    /// Everything of the project that the engine still has: containers, networks, images, volumes.
    pub fn left(&self) -> Result<Vec<String>, String> {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let mut left = Vec::new();
        for words in [
            &["ps", "-a", "--format", "container {{.Names}}", "--filter", &project][..],
            &["network", "ls", "--format", "network {{.Name}}", "--filter", &project],
            &["volume", "ls", "--format", "volume {{.Name}}", "--filter", &project],
            &["image", "ls", "--format", "image {{.Repository}}"],
        ] {
            let listed = docker(words)?;
            let ours = listed.lines().filter(|l| !l.starts_with("image") || l.contains(&self.name));
            left.extend(ours.map(str::to_owned));
        }
        Ok(left)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("what the balancer said:\n{}", self.log());
        }
        let down = ["down", "--rmi", "local", "--volumes", "--remove-orphans", "--timeout", "2"];
        if let Err(why) = self.compose(&down).transcript() {
            println!("cleaning up by force: {why}");
            let project = format!("label=com.docker.compose.project={}", self.name);
            for (list, remove) in [
                (&["ps", "-aq"][..], &["rm", "-f"][..]),
                (&["network", "ls", "-q"], &["network", "rm"]),
            ] {
                let filtered = [list, &["--filter", &project]].concat();
                let ids = docker(&filtered).unwrap_or_default();
                let ids: Vec<&str> = ids.lines().collect();
                if !ids.is_empty() {
                    let _ = docker(&[remove, &ids[..]].concat());
                }
            }
        }
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => std::fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}

fn free_port() -> std::io::Result<u16> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?.local_addr().map(|a| a.port())
}
