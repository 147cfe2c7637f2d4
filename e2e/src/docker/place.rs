//! Containers without Compose on a network of their own, with a balancer beside them; all removed
//! at the end whatever happens.

use super::command::Run;
use super::{docker, images};
use crate::process::Scratch;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The program that containers run.
const APP: &str = include_str!("app.py");
/// What it runs in.
const IMAGE: &str = "python:3-slim";

/// A network with a balancer.
pub struct Place {
    /// Its name; names of containers begin with it.
    pub name: String,
    /// The balancer's container.
    pub balancer: String,
    scratch: Scratch,
}

impl Place {
    /// Makes one, or says why it cannot be.
    pub fn new() -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        super::engine()?;
        images::ensure()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("evkp{}n{number}", std::process::id());
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        std::fs::write(scratch.path.join("app.py"), APP).map_err(|e| e.to_string())?;
        let mut place = Self { name, balancer: String::new(), scratch };
        docker(&["network", "create", &place.name])?;
        let socket = "/var/run/docker.sock:/var/run/docker.sock:ro";
        let words = ["--network", &place.name.clone(), "-v", socket, "evenkeel:latest"];
        place.balancer = place.start("balancer", &words)?;
        Ok(place)
    }

    /// `docker run` of something; gives its id.
    pub fn start(&self, name: &str, words: &[&str]) -> Result<String, String> {
        let label = format!("{}=1", self.name);
        let name = format!("{}-{name}", self.name);
        let first = ["run", "-d", "--name", &name, "--label", &label];
        docker(&[&first[..], words].concat())
    }

    /// A container of the application for this host, with further words of `docker run`; the
    /// signals named do not end it.
    pub fn app(
        &self,
        name: &str,
        host: &str,
        words: &[&str],
        ignored: &[&str],
    ) -> Result<String, String> {
        let mount = format!("{}:/app.py:ro", self.scratch.path.join("app.py").display());
        let host = format!("evenkeel.host={host}");
        let first = ["--network", &self.name, "-v", &mount, "--label", &host];
        let port = ["--label", "evenkeel.port=8000"];
        let program = [IMAGE, "python3", "/app.py"];
        self.start(name, &[&first[..], &port, words, &program, ignored].concat())
    }

    /// Where the balancer listens.
    pub fn address(&self) -> Result<SocketAddr, String> {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let ip = docker(&["inspect", "-f", format, &self.balancer])?;
        let ip: Ipv4Addr = ip.parse().map_err(|e| format!("{ip}: {e}"))?;
        Ok(SocketAddr::from((ip, 80)))
    }

    /// `evenkeel WORDS...` in the balancer's container.
    pub fn evenkeel(&self, words: &[&str]) -> Result<String, String> {
        let first = ["exec", &self.balancer, "/usr/local/bin/evenkeel"];
        Run::new("docker").args(&[&first[..], words].concat()).transcript()
    }
}

/// The host names of these containers.
pub fn host_names(ids: &[&String]) -> BTreeSet<String> {
    ids.iter().map(|id| id[..12].to_owned()).collect()
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.balancer.is_empty() {
            let log = Run::new("docker").args(&["logs", &self.balancer]).transcript();
            println!("what the balancer said:\n{}", log.unwrap_or_else(|e| e));
        }
        let label = format!("label={}", self.name);
        let ours = docker(&["ps", "-aq", "--filter", &label]).unwrap_or_default();
        let ids: Vec<&str> = ours.lines().collect();
        if !ids.is_empty() {
            let _ = docker(&[&["rm", "-f"], &ids[..]].concat());
        }
        if let Err(why) = docker(&["network", "rm", &self.name]) {
            println!("cleaning up: {why}");
        }
    }
}
