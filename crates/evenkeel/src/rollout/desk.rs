//! The running balancer as a rollout sees it, through its control socket.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use admin::client::{ask, ask_native, quote};
use control::rollout::{Seen, Sight};
use discovery::docker::replicas::Replicas;
use serde_json::Value;

use super::service::{PROJECT, Service};
use crate::load::plain_reason;
use crate::{remote, sockets};

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The balancer's control socket.
#[derive(Debug)]
pub struct Desk {
    path: PathBuf,
}

/// A container as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// What a rollout makes of it.
    pub sight: Sight,
    /// Why no request reaches it.
    pub reason: String,
    /// Backend and server, for each of its servers.
    pub servers: Vec<(String, String)>,
    /// Sessions on its servers and in their queues.
    pub in_flight: u64,
}

/// Everything that the balancer sees, by container id.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Containers.
    pub containers: HashMap<String, Container>,
}

impl View {
    /// Whether requests may reach a container.
    pub fn has_servers(&self, id: &str) -> bool {
        self.containers.get(id).is_some_and(|c| !c.servers.is_empty())
    }

    /// The same for the plan.
    pub fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for (id, container) in &self.containers {
            seen.replicas.insert(id.as_str().into(), container.sight.clone());
            seen.in_flight.insert(id.as_str().into(), container.in_flight);
        }
        seen
    }
}

impl Desk {
    /// The socket that is named; else of those that answer here, or in a container of this machine,
    /// that of the balancer through which requests reach the service.
    ///
    /// # Errors
    /// When there is none, or several could be meant.
    pub async fn find(
        replicas: &Replicas,
        named: Option<&Path>,
        service: &Service,
    ) -> Result<Self, String> {
        let mut found: Vec<Candidate> = Vec::new();
        let nowhere = match remote::find(named) {
            Ok(path) if named.is_some() => return Ok(Self { path }),
            Ok(path) => {
                found.push(Candidate { rank: 1, name: "the one of this machine".to_owned(), path });
                String::new()
            }
            Err(reason) => reason,
        };
        found.extend(in_containers(replicas, service).await?);
        if found.is_empty() {
            return Err(format!(
                "{nowhere}; nor does a balancer in a container of this machine that this user may \
                 speak to: run it there, 'docker compose exec BALANCER evenkeel rollout {}'",
                service.name
            ));
        }
        let serves = |c: &&Candidate| {
            let view = Self { path: c.path.clone() }.look();
            view.is_ok_and(|v| service.running.iter().any(|r| v.has_servers(&r.id)))
        };
        let serving: Vec<&Candidate> = found.iter().filter(serves).collect();
        let chosen = choose(&serving)?.or(found.first());
        chosen.map(|c| Self { path: c.path.clone() }).ok_or(nowhere)
    }

    /// Everything that the balancer sees now.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn look(&self) -> Result<View, String> {
        let answer = ask_native(&self.path, "show containers json", ANSWER_TIMEOUT);
        let answer =
            answer.map_err(|e| format!("{}: {}", self.path.display(), plain_reason(&e)))?;
        if !answer.ok {
            return Err(answer.text.trim().to_owned());
        }
        let whole: Value = serde_json::from_str(&answer.text).map_err(|_| {
            format!("the balancer does not know containers: {}", answer.text.trim())
        })?;
        let list = whole["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = list.iter().filter_map(|c| Some((c["id"].as_str()?.to_owned(), container(c))));
        Ok(View { containers: named.collect() })
    }

    /// `set server BACKEND/SERVER state STATE`.
    ///
    /// # Errors
    /// What the balancer says.
    pub fn set_state(&self, backend: &str, server: &str, state: &str) -> Result<(), String> {
        let name = quote(&format!("{backend}/{server}"));
        let answer = ask(&self.path, &format!("set server {name} state {state}"), ANSWER_TIMEOUT);
        match answer {
            Ok(text) if text.trim().is_empty() => Ok(()),
            Ok(text) => Err(format!("{backend}/{server}: {}", text.trim())),
            Err(e) => Err(format!("{}: {}", self.path.display(), plain_reason(&e))),
        }
    }
}

/// A balancer that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    /// The lower is meant rather.
    rank: u8,
    name: String,
    path: PathBuf,
}

/// Balancers in containers of this machine, as far as this user may speak to them; those of the
/// service's project first.
async fn in_containers(replicas: &Replicas, service: &Service) -> Result<Vec<Candidate>, String> {
    let listed = replicas.list(&[]).await.map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    for container in listed.iter().filter(|c| c.running) {
        // One that ends meanwhile has no process.
        let Ok(Some(pid)) = replicas.pid(&container.id).await else { continue };
        let root = PathBuf::from(format!("/proc/{pid}/root"));
        let paths = sockets::default_paths();
        let mut paths = paths.iter().map(|p| root.join(p.strip_prefix("/").unwrap_or(p)));
        if let Some(path) = paths.find(|p| UnixStream::connect(p).is_ok()) {
            let same = container.labels.get(PROJECT) == Some(&service.project);
            let rank = if same { 0 } else { 2 };
            found.push(Candidate { rank, name: container.name.clone(), path });
        }
    }
    found.sort_by(|a, b| (a.rank, &a.name).cmp(&(b.rank, &b.name)));
    Ok(found)
}

/// The one with the lowest rank.
fn choose<'a>(serving: &[&'a Candidate]) -> Result<Option<&'a Candidate>, String> {
    let Some(rank) = serving.iter().map(|c| c.rank).min() else { return Ok(None) };
    let mut best = serving.iter().filter(|c| c.rank == rank);
    match (best.next(), best.next()) {
        (Some(one), Some(two)) => Err(format!(
            "{} and {} balance it: name the control socket of one with --control",
            one.name, two.name
        )),
        (one, _) => Ok(one.copied()),
    }
}

fn container(seat: &Value) -> Container {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = seat["servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let reason = text(&seat["reason"]);
    let ended = text(&seat["state"]).starts_with("exited");
    let busy = list.iter().find_map(|s| {
        let state = text(&s["state"]);
        // With weight 0 a server that is well is said to drain.
        let well = ["UP", "no check", "DRAIN", "NOLB"].iter().any(|w| state.starts_with(w));
        (!well).then(|| format!("server {}/{} is {state}", text(&s["backend"]), text(&s["server"])))
    });
    let sight = match (seat["standing"].as_str().unwrap_or_default(), busy) {
        _ if ended => Sight::Lost("it ended".to_owned()),
        ("in", None) => Sight::Serves,
        ("in", Some(busy)) => Sight::Waits(busy),
        ("bad", _) => Sight::Lost(reason.clone()),
        _ => Sight::Waits(reason.clone()),
    };
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    Container {
        sight,
        reason,
        servers: list.iter().map(|s| (text(&s["backend"]), text(&s["server"]))).collect(),
        in_flight: list.iter().map(|s| number(&s["connections"]) + number(&s["queue"])).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_balancer_of_the_project_is_meant_rather_than_others() {
        let of = |rank, name: &str| Candidate { rank, name: name.into(), path: name.into() };
        let (ours, usual, far, twin) = (of(0, "lb"), of(1, "usual"), of(2, "far"), of(0, "twin"));
        assert_eq!(choose(&[&usual, &far, &ours]), Ok(Some(&ours)));
        assert_eq!(choose(&[&far, &usual]), Ok(Some(&usual)));
        assert_eq!(choose(&[]), Ok(None));
        let reason = choose(&[&ours, &twin, &usual]).expect_err("two").to_string();
        assert!(reason.starts_with("lb and twin balance it"), "{reason}");
    }

    #[test]
    fn a_container_serves_when_all_its_servers_do() {
        let server = |state: &str, connections: u64| {
            json!({ "backend": "b", "server": "s", "state": state, "connections": connections,
                    "queue": 1 })
        };
        let seen = |standing: &str, state: &str, servers: Vec<Value>| {
            let seat = json!({ "standing": standing, "state": state, "reason": "why",
                               "servers": servers });
            container(&seat)
        };
        let waits = |text: &str| Sight::Waits(text.to_owned());
        for state in ["UP", "UP 1/3", "no check", "DRAIN"] {
            assert_eq!(seen("in", "running", vec![server(state, 0)]).sight, Sight::Serves);
        }
        for (standing, state, servers, sight) in [
            (
                "in",
                "running",
                vec![server("UP", 0), server("DOWN", 0)],
                waits("server b/s is DOWN"),
            ),
            ("in", "running", vec![server("not there yet", 0)], {
                waits("server b/s is not there yet")
            }),
            ("waits", "running, starting", vec![server("MAINT", 0)], waits("why")),
            ("out", "created", vec![], waits("why")),
            ("out", "exited", vec![], Sight::Lost("it ended".to_owned())),
            ("bad", "running", vec![], Sight::Lost("why".to_owned())),
        ] {
            assert_eq!(seen(standing, state, servers).sight, sight, "{standing} {state}");
        }
        let busy = seen("in", "running", vec![server("UP", 2), server("UP", 3)]);
        assert_eq!(busy.in_flight, 7);
    }
}
