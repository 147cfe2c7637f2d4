//! A network with two services and a seat for a balancer; all removed at the end.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::{Engine, encoded};
use super::{PORT, SERVICES, host, image};

/// Networks that are tried until the engine has one free.
const NETWORKS_MAX: u8 = 64;
/// The label of everything that belongs to a place; its value is the network's name.
pub const LABEL: &str = "evenkeel-bench";

/// A place.
pub struct Place {
    /// Where the containers are.
    pub engine: Engine,
    /// The network's name; names of containers begin with it.
    pub name: String,
    /// Notes of replicas that have ended.
    pub notes: PathBuf,
    seat: String,
    linger: Duration,
    born: AtomicUsize,
}

/// A replica that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Container id.
    pub id: String,
    /// Its name, which begins with its service.
    pub name: String,
}

impl Place {
    /// Makes the network, small so that addresses come round soon, and the seat; replicas will
    /// serve on for `linger` after their stop signal.
    ///
    /// # Errors
    /// The engine's.
    pub fn new(engine: &Engine, linger: Duration) -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("evkb{}n{number}", std::process::id());
        let notes = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&notes).map_err(|e| e.to_string())?;
        let mut place = Self {
            engine: engine.clone(),
            name,
            notes,
            seat: String::new(),
            linger,
            born: AtomicUsize::new(0),
        };
        place.network()?;
        let seat = format!("{}-seat", place.name);
        let program = json!([image::PROGRAM, "replica", "seat", "none"]);
        place.seat = place.run(&seat, &program, &json!({}), "seat")?;
        Ok(place)
    }

    fn network(&self) -> Result<(), String> {
        let mut why = String::new();
        for number in 0..NETWORKS_MAX {
            let third = number.wrapping_add(std::process::id().to_le_bytes()[0]);
            let subnet = format!("10.213.{third}.0/25");
            let body = json!({
                "Name": self.name, "Driver": "bridge", "CheckDuplicate": true,
                "Labels": { LABEL: self.name },
                "IPAM": { "Config": [{ "Subnet": subnet }] },
            });
            match self.engine.call("POST", "/networks/create", Some(&body)) {
                Ok(_) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    fn run(
        &self,
        name: &str,
        program: &Value,
        labels: &Value,
        alias: &str,
    ) -> Result<String, String> {
        let mut labels = labels.clone();
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(LABEL.into(), self.name.clone().into());
        }
        let body = json!({
            "Image": image::NAME, "Cmd": program, "Labels": labels,
            "ExposedPorts": { format!("{PORT}/tcp"): {} },
            "HostConfig": {
                "NetworkMode": self.name, "Binds": [format!("{}:/notes", self.notes.display())],
            },
            "NetworkingConfig": { "EndpointsConfig": { &self.name: { "Aliases": [alias] } } },
        });
        let path = format!("/containers/create?name={name}");
        let answer = self.engine.call("POST", &path, Some(&body))?;
        let id = answer.get("Id").and_then(Value::as_str).ok_or("a container without an id")?;
        self.engine.call("POST", &format!("/containers/{id}/start"), None)?;
        Ok(id.to_owned())
    }

    /// Starts one more replica of a service.
    ///
    /// # Errors
    /// The engine's.
    pub fn start(&self, service: &str) -> Result<Started, String> {
        let number = self.born.fetch_add(1, Ordering::Relaxed);
        let name = format!("{service}-{number}");
        let linger_ms = self.linger.as_millis().to_string();
        let program = json!([image::PROGRAM, "replica", name, linger_ms]);
        let container = format!("{}-{name}", self.name);
        let id = self.run(&container, &program, &labels(service), service)?;
        Ok(Started { id, name })
    }

    /// Stops a replica in order, waits for its end and removes it.
    ///
    /// # Errors
    /// The engine's.
    pub fn stop(&self, id: &str) -> Result<(), String> {
        self.engine.call("POST", &format!("/containers/{id}/stop?t=20"), None)?;
        self.remove(id)
    }

    /// Kills a replica.
    ///
    /// # Errors
    /// The engine's.
    pub fn kill(&self, id: &str) -> Result<(), String> {
        self.engine.call("POST", &format!("/containers/{id}/kill?signal=KILL"), None).map(drop)
    }

    /// Removes a container that has ended.
    ///
    /// # Errors
    /// The engine's.
    pub fn remove(&self, id: &str) -> Result<(), String> {
        self.engine.call("DELETE", &format!("/containers/{id}?force=1"), None).map(drop)
    }

    /// The process that holds the seat's network, and its address there.
    ///
    /// # Errors
    /// The engine's.
    pub fn seat(&self) -> Result<(u64, Ipv4Addr), String> {
        let seen = self.engine.call("GET", &format!("/containers/{}/json", self.seat), None)?;
        let at = |path: &str| seen.pointer(path).cloned().unwrap_or_default();
        let address = at(&format!("/NetworkSettings/Networks/{}/IPAddress", self.name));
        let address = address.as_str().unwrap_or_default().parse();
        let pid = at("/State/Pid").as_u64().filter(|p| *p > 0);
        Ok((pid.ok_or("the seat does not run")?, address.map_err(|e| format!("seat: {e}"))?))
    }

    /// Where the balancer listens.
    ///
    /// # Errors
    /// The engine's.
    pub fn address(&self) -> Result<SocketAddr, String> {
        self.seat().map(|(_, ip)| (ip, super::LISTEN).into())
    }

    /// The folder of notes.
    #[must_use]
    pub fn notes(&self) -> &Path {
        &self.notes
    }
}

/// What a container of a service says about itself, to every balancer that reads labels.
fn labels(service: &str) -> Value {
    let traefik = |what: &str| format!("traefik.http.{what}");
    let rule = format!("Host(`{}`)", host(service));
    json!({
        "evenkeel.host": host(service),
        "evenkeel.port": PORT.to_string(),
        "traefik.enable": "true",
        (traefik(&format!("routers.{service}.rule"))): rule,
        (traefik(&format!("services.{service}.loadbalancer.server.port"))): PORT.to_string(),
        (traefik("middlewares.again.retry.attempts")): "4",
        (traefik("middlewares.again.retry.initialinterval")): "10ms",
    })
}

impl Drop for Place {
    fn drop(&mut self) {
        let filters = format!("{{\"label\":[\"{LABEL}={}\"]}}", self.name);
        let path = format!("/containers/json?all=1&filters={}", encoded(&filters));
        let listed = self.engine.call("GET", &path, None).unwrap_or_default();
        for id in listed.as_array().into_iter().flatten().filter_map(|c| c.get("Id")?.as_str()) {
            let _ = self.remove(id);
        }
        if let Err(why) = self.engine.call("DELETE", &format!("/networks/{}", self.name), None) {
            eprintln!("left behind: {why}");
        }
        let _ = std::fs::remove_dir_all(&self.notes);
    }
}

/// Ids of replicas by service.
#[derive(Debug, Default)]
pub struct Alive([Vec<Started>; 2]);

impl Alive {
    /// Those of a service, oldest first.
    pub fn of(&mut self, service: &str) -> &mut Vec<Started> {
        let place = usize::from(service != SERVICES[0]);
        let [first, second] = &mut self.0;
        if place == 0 { first } else { second }
    }
}
