//! What became of every container that was seen, for people.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::observed::{Container, ContainerHealth, ContainerState, Unreadable};
use model::{Config, Name, Origin};

use super::super::Wanted;
use super::Problem;
use super::pools::{Remark, Sorted};
use super::write::Draft;

/// The joined configuration, and what became of whom.
#[derive(Debug, Default)]
pub struct Survey {
    /// Whole and consistent.
    pub config: Config,
    /// What was left out or looks wrong.
    pub problems: Vec<Problem>,
    /// Every container that was seen.
    pub seats: Vec<Seat>,
    /// Containers that are left out because something about them is wrong.
    pub quarantined: usize,
    /// Nothing could be made of the containers: the configuration is that of the files alone, and
    /// what ran before is better.
    pub failed: bool,
    /// By which rule containers are chosen, for each provider.
    pub modes: Vec<(Name, &'static str)>,
    /// What an operator should know though nothing is wrong with anybody.
    pub notices: Vec<String>,
}

impl Survey {
    /// What is wanted, without what became of whom.
    #[must_use]
    pub fn wanted(self) -> Wanted {
        Wanted { config: self.config, problems: self.problems }
    }
}

/// Containers that are left out because something about them is wrong.
pub fn quarantined(came: &[Arc<Seat>]) -> usize {
    came.iter().filter(|seat| matches!(seat.standing, Standing::Quarantined(_))).count()
}

/// Whether a container takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does; what keeps traffic away from it now, if anything does.
    In(Option<String>),
    /// It does not; why.
    Out(String),
    /// Something about it is wrong; what.
    Quarantined(String),
}

/// A container and what became of it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Provider that sees it.
    pub provider: Name,
    /// Id.
    pub id: Name,
    /// Name.
    pub name: Name,
    /// Image.
    pub image: Name,
    /// Service it belongs to.
    pub service: Name,
    /// Whose words it uses.
    pub dialect: &'static str,
    /// State, as its engine says.
    pub state: String,
    /// Whether it takes part.
    pub standing: Standing,
    /// Backend, server and address of each of its servers.
    pub servers: Vec<(Name, Name, String)>,
    /// What it is asked for by requests, and the label that says so.
    pub routes: Vec<(String, String)>,
    /// What there is to say about it.
    pub notes: Vec<String>,
    /// Why nothing leads to it, where somebody else came first.
    lost: Option<String>,
}

impl Seat {
    /// A container that came in.
    pub fn new(provider: &Name, container: &Container) -> Self {
        Self {
            provider: provider.clone(),
            id: container.id.clone(),
            name: container.name.clone(),
            image: container.image.clone(),
            service: super::select::service_name(container),
            dialect: "",
            state: state(container),
            standing: Standing::In(waiting(container)),
            servers: Vec::new(),
            routes: Vec::new(),
            notes: Vec::new(),
            lost: None,
        }
    }

    /// A container of which nothing but its id, and perhaps its name, could be read.
    pub fn unreadable(provider: &Name, which: &Unreadable) -> Self {
        Self {
            provider: provider.clone(),
            id: which.id.clone(),
            name: if which.name.is_empty() { which.id.clone() } else { which.name.clone() },
            image: "".into(),
            service: which.name.clone(),
            dialect: "",
            state: "unknown".to_owned(),
            standing: Standing::Quarantined(which.reason.clone()),
            servers: Vec::new(),
            routes: Vec::new(),
            notes: Vec::new(),
            lost: None,
        }
    }

    /// The same, not taking part.
    pub fn out(mut self, reason: String) -> Self {
        self.standing = Standing::Out(reason);
        self
    }

    /// The same, with something wrong about it.
    pub fn quarantined(mut self, reason: String) -> Self {
        self.standing = Standing::Quarantined(reason);
        self
    }
}

fn state(container: &Container) -> String {
    let state = match container.state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Exited => "exited",
    };
    let health = match container.health {
        ContainerHealth::None => "",
        ContainerHealth::Starting => ", starting",
        ContainerHealth::Healthy => ", healthy",
        ContainerHealth::Unhealthy => ", unhealthy",
    };
    let stopping = if container.stopping { ", stopping" } else { "" };
    format!("{state}{health}{stopping}")
}

fn waiting(container: &Container) -> Option<String> {
    if container.stopping {
        return Some("its stop was seen: requests in flight finish".to_owned());
    }
    match (container.state, container.health) {
        (ContainerState::Paused, _) => Some("paused".to_owned()),
        (ContainerState::Restarting, _) => Some("restarting".to_owned()),
        (_, ContainerHealth::Starting) => Some("its HEALTHCHECK has not passed yet".to_owned()),
        (_, ContainerHealth::Unhealthy) => Some("its HEALTHCHECK fails".to_owned()),
        _ => None,
    }
}

/// Notes something about several containers.
fn note(seats: &mut [Seat], remark: &Remark) {
    let text = match &remark.problem.origin {
        Origin::BuiltIn => remark.problem.reason.clone(),
        _ => remark.problem.to_string(),
    };
    for number in &remark.seats {
        let Some(seat) = seats.get_mut(*number) else { continue };
        if remark.lost {
            seat.lost = Some(remark.problem.reason.clone());
        } else if !seat.notes.contains(&text) {
            seat.notes.push(text.clone());
        }
    }
}

/// What became of everybody who came in.
pub fn all(came: &[Arc<Seat>], remarks: &[Remark], sorted: &Sorted, draft: &Draft) -> Vec<Seat> {
    let mut seats: Vec<Seat> = came.iter().map(|seat| Seat::clone(seat)).collect();
    remarks.iter().for_each(|remark| note(&mut seats, remark));
    fill(&mut seats, sorted, draft);
    seats
}

/// Notes the servers and routes that each container got.
fn fill(seats: &mut [Seat], sorted: &Sorted, draft: &Draft) {
    let backends: BTreeSet<&str> = draft.servers.iter().map(|s| &*s.backend).collect();
    for written in &draft.servers {
        let member = &sorted.variants[written.member.0].members[written.member.1];
        let Some(seat) = seats.get_mut(member.seat) else { continue };
        let Some(address) = member.reach.socket(written.port) else { continue };
        let address = address.to_string();
        seat.servers.push((written.backend.clone(), written.server.clone(), address));
        if member.takes_traffic && member.way.server.ignore_health && !member.stopping {
            seat.standing = Standing::In(None);
        }
    }
    for pool in sorted.pools.iter().filter(|p| backends.contains(&*p.name)) {
        for variant in pool.variants.iter().map(|i| &sorted.variants[*i]) {
            for member in &variant.members {
                let Some(seat) = seats.get_mut(member.seat) else { continue };
                for (route, said) in &variant.way.routes {
                    let text = (route.to_string(), said.label.to_string());
                    if !seat.routes.contains(&text) {
                        seat.routes.push(text);
                    }
                }
            }
        }
    }
    seats.sort_by(|a, b| (&a.service, &a.name).cmp(&(&b.service, &b.name)));
    for seat in seats {
        if matches!(seat.standing, Standing::In(_)) && seat.servers.is_empty() {
            let usual = "nothing leads to it: it names no host, and others do, or several \
                         services name none";
            seat.standing = Standing::Out(seat.lost.take().unwrap_or_else(|| usual.to_owned()));
        }
    }
}
