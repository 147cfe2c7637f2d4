//! Observed containers to routes and servers: labels and variables read, services grouped, one bad
//! label set costing its own container alone.

mod asks;
mod balancer;
mod certificate;
mod import;
mod labels;
mod notices;
mod pools;
mod reach;
mod read_back;
mod recall;
pub mod reference;
mod route;
mod said;
mod seat;
mod select;
mod swarm;
mod text;
mod variables;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use model::observed::{Container, Freshness, Observation, Unreadable};
use model::{Config, Name};

use super::Problem;
use asks::{Asks, Dialect};
use balancer::Balancer;
use pools::{Asked, Member};
use reach::{Reach, View};
use said::By;
use select::{Selection, Standing};

pub use balancer::{is_file, is_ours};
pub use labels::drain_label;
pub use recall::Memo;
pub use seat::{Seat, Standing as SeatStanding, Survey};

/// How containers are turned into configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the built-in frontend listens, unless the files have a frontend there. A route that
    /// names port 80 means these addresses.
    pub listen: Vec<SocketAddr>,
    /// The balancer's own variables (those that [`is_ours`]); where [`is_file`], the contents of
    /// the file.
    pub environment: BTreeMap<String, String>,
    /// Addresses of hosts that the environment names.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Ports that could not be opened: what asks for them is left out.
    pub refused: BTreeSet<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 80))],
            environment: BTreeMap::new(),
            hosts: BTreeMap::new(),
            refused: BTreeSet::new(),
        }
    }
}

/// The files' configuration with everything that the observed containers ask for, and what became
/// of every container.
///
/// What is written for containers is read by the same reader as a file. Where that finds a fault,
/// the container (or variable) that asked for it is left out, and the rest is written anew.
#[must_use]
pub fn survey(
    base: &Config,
    observations: &[&Observation],
    options: &Options,
    memo: &mut Memo,
) -> Survey {
    let mut barred = Barred::default();
    loop {
        match attempt(base, observations, options, &barred, memo) {
            Ok(survey) => return survey,
            Err(found) if barred.add(found.clone()) => {}
            Err(found) => {
                let problems = found.into_iter().map(|f| f.problem).collect();
                let config = base.clone();
                return Survey { config, problems, failed: true, ..Survey::default() };
            }
        }
    }
}

/// A fault found in what was written, and who is to be left out for it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// A container's id or a variable's name; `None` when it is nobody's.
    pub who: Option<Who>,
    /// What to say.
    pub problem: Problem,
}

/// Somebody who can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A container, by id.
    Container(Name),
    /// A variable of the balancer.
    Variable(String),
}

/// Who is left out because of what the reader found.
#[derive(Debug, Default)]
struct Barred {
    containers: BTreeMap<Name, Problem>,
    variables: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Barred {
    /// Whether somebody new is left out now.
    fn add(&mut self, faults: Vec<Fault>) -> bool {
        let mut new = false;
        for fault in faults {
            match fault.who {
                Some(Who::Container(id)) if !self.containers.contains_key(&id) => {
                    self.containers.insert(id, fault.problem);
                    new = true;
                }
                Some(Who::Variable(name)) if self.variables.insert(name.clone()) => {
                    self.problems.push(fault.problem);
                    new = true;
                }
                _ => {}
            }
        }
        new
    }
}

fn attempt(
    base: &Config,
    observations: &[&Observation],
    options: &Options,
    barred: &Barred,
    memo: &mut Memo,
) -> Result<Survey, Vec<Fault>> {
    let (balancer, mut problems) = Balancer::read(&options.environment, &barred.variables);
    problems.extend(barred.problems.iter().cloned());
    let joined = swarm::join(observations);
    let whole: Vec<&Observation> = joined.observations.iter().map(|o| &**o).collect();
    let observations = &whole[..];
    problems.extend(joined.problems);
    let (held, seats) = (joined.held, Vec::new());
    let mut hall = Hall { balancer: &balancer, barred, held, problems, seats, asked: vec![] };
    let mut modes = Vec::new();
    let mut notices = Vec::new();
    for observation in observations {
        let view = View::new(observation, observations);
        let selection = Selection::new(observation, observations, &balancer);
        if !matches!(observation.freshness, Freshness::Blind(_)) {
            modes.push((observation.provider.clone(), selection.mode()));
        }
        for container in &observation.containers {
            hall.enter(observation, &view, &selection, container);
        }
        observation.unreadable.iter().for_each(|one| hall.unread(observation, one));
        if base.backends.is_empty() {
            notices.extend(notices::nobody(observation, &selection, &hall.seats));
        }
        if observation.own.is_some() {
            notices.extend(notices::missing(observations, &selection.named(&balancer)));
        }
    }
    let Hall { mut problems, mut seats, asked, .. } = hall;
    let mut remarks = Vec::new();
    let mut sorted = pools::sort(asked, &mut remarks);
    remarks.extend(read_back::file_wins(base, &mut sorted));
    for remark in remarks {
        seat::note(&mut seats, &remark);
        problems.extend((!remark.quiet).then_some(remark.problem));
    }
    let own = observations.iter().find_map(|o| o.own.as_ref());
    let contained = own.is_some_and(|o| !o.host_network);
    let address_label = "its address".into();
    let sorted = &sorted;
    let writer = write::Writer { sorted, balancer: &balancer, options, contained, address_label };
    let mut draft = writer.draft();
    let made = recall::read(memo, &mut draft, sorted, options)?;
    notices.extend(writer.open_statistics());
    problems.append(&mut draft.problems);
    problems.extend(made.warnings);
    let config = read_back::join(base, made.config, &draft, &writer, &mut problems);
    seat::fill(&mut seats, sorted, &draft);
    Ok(Survey { config, problems, seats, modes, notices, failed: false })
}

/// Containers as they come in.
struct Hall<'a> {
    balancer: &'a Balancer,
    barred: &'a Barred,
    /// Containers that nothing can be said of yet, by id, and why.
    held: BTreeMap<Name, &'static str>,
    problems: Vec<Problem>,
    seats: Vec<Seat>,
    asked: Vec<Asked>,
}

impl Hall<'_> {
    fn enter(
        &mut self,
        seen: &Observation,
        view: &View<'_>,
        selection: &Selection<'_>,
        container: &Container,
    ) {
        let mut seat = Seat::new(&seen.provider, container);
        if let Some(reason) = selection.excluded(container) {
            self.seats.push(seat.out(reason));
            return;
        }
        if let Some(reason) = self.held.get(&container.id) {
            self.seats.push(seat.out((*reason).to_owned()));
            return;
        }
        if let Some(problem) = self.barred.containers.get(&container.id) {
            self.quarantine(seat, problem.clone());
            return;
        }
        let asks = match self.read(container) {
            Ok(asks) => asks,
            Err(problem) => {
                self.quarantine(seat, problem);
                return;
            }
        };
        let standing = match selection.standing(container, &asks) {
            Ok(standing) => standing,
            Err(reason) => {
                seat.notes = asks.notes.iter().map(ToString::to_string).collect();
                if asks.dialect == Dialect::Native {
                    // A label of ours that is misspelled asked for something.
                    self.problems.extend(asks.notes);
                }
                self.seats.push(seat.out(reason));
                return;
            }
        };
        let reach = match reach::reach(container, view, &asks) {
            Ok(reach) => reach,
            Err(reason) => return self.unreachable(seat, container, standing, reason),
        };
        seat.dialect = asks.dialect.name();
        seat.service = match &asks.service {
            Some(said) => said.text.clone(),
            None => select::service_name(container),
        };
        self.ways(seen, container, asks, standing, reach, seat);
    }

    /// A container that its engine cannot describe: it stays as it was known, if it was.
    fn unread(&mut self, seen: &Observation, which: &Unreadable) {
        let same = |s: &&mut Seat| s.id == which.id && s.provider == seen.provider;
        let mut seat = Seat::unreadable(&seen.provider, which);
        let name = seat.name.clone();
        let mut reason = which.reason.clone();
        if let Some(known) = self.seats.iter_mut().find(same) {
            reason.push_str("; what was known of it goes on");
            known.notes.push(reason.clone());
        } else {
            reason.push_str(": it is left out until that is mended");
            seat = seat.quarantined(reason.clone());
            self.seats.push(seat);
        }
        let origin = model::Origin::Label { container: name, label: "its description".into() };
        self.problems.push(Problem { origin, reason });
    }

    fn ways(
        &mut self,
        seen: &Observation,
        container: &Container,
        asks: Asks,
        standing: Standing,
        reach: Reach,
        mut seat: Seat,
    ) {
        let by = By::Container { id: container.id.clone(), name: container.name.clone() };
        let number = select::label(container, "com.docker.compose.container-number")
            .and_then(|n| n.parse().ok())
            .or_else(|| swarm::slot(container));
        let mut asked = Vec::new();
        let mut notes = asks.notes;
        for way in asks.ways {
            let chosen = match swarm::names_ports(container, &way, asks.dialect) {
                Ok(()) => reach::ports(container, &reach, &way, self.balancer.all_ports),
                Err(reason) => Err(reason),
            };
            let ports = match chosen {
                Ok(chosen) if !way.tcp.is_empty() && asks.dialect != Dialect::Dockercloud => {
                    drop(chosen);
                    Vec::new()
                }
                Ok(chosen) => {
                    if chosen.doubtful && standing == Standing::Declared {
                        let port = chosen.ports[0];
                        notes.push(port_note(container, port));
                    }
                    chosen.ports
                }
                Err(_) if !way.tcp.is_empty() => Vec::new(),
                Err(reason) => return self.unreachable(seat, container, standing, reason),
            };
            if let Some(port) = way.relayed().find(|p| reach.socket(*p).is_none()) {
                let reason = format!("its port {port} is not published");
                return self.unreachable(seat, container, standing, reason);
            }
            let member = Member {
                seat: self.seats.len(),
                by: by.clone(),
                name: pools::word(&container.name),
                order: (number.unwrap_or(u64::MAX), container.name.clone()),
                reach: reach.clone(),
                ports,
                server: way.server.clone(),
                takes_traffic: Member::ready(container, way.server.ignore_health),
                stopping: container.stopping,
                started_ns: container.started_ns,
                identity: swarm::identity(&seen.provider, container),
            };
            let (service, dialect) = (seat.service.clone(), asks.dialect);
            let way = Box::new(way);
            asked.push(Asked { service, dialect, standing, way, member });
        }
        seat.notes = notes.iter().map(ToString::to_string).collect();
        self.problems.extend(notes);
        self.seats.push(seat);
        self.asked.extend(asked);
    }

    /// Whichever words the container uses: its own labels first, one dialect at a time.
    fn read(&self, container: &Container) -> Result<Asks, Problem> {
        let mut asks = match labels::read(container)? {
            None => self.read_others(container)?,
            Some(native) if native.ways.iter().any(asks::Way::speaks) => native,
            Some(native) => {
                let other = self.read_others(container)?;
                match other.ways.iter().any(asks::Way::speaks) {
                    true => native.said_about(other),
                    false => native,
                }
            }
        };
        let mut lines = asks.ways.iter().flat_map(|w| {
            let server = w.server.check.iter().chain(&w.server.extra);
            w.pool.lines.values().flatten().chain(server)
        });
        lines.try_for_each(text::check)?;
        self.passed_over(container, &mut asks);
        Ok(asks)
    }

    /// In a fixed order; what is passed over is said.
    fn read_others(&self, container: &Container) -> Result<Asks, Problem> {
        let variables = self.read_variables(container)?;
        let speaks = variables.as_ref().is_some_and(|a| a.ways.iter().any(asks::Way::speaks));
        if self.balancer.traefik && !speaks {
            let traefik = import::traefik(container, &self.balancer.entry_points)?;
            if let Some(asks) = traefik {
                return Ok(asks);
            }
        }
        Ok(variables.unwrap_or_else(|| Asks {
            dialect: Dialect::Native,
            explicit: false,
            service: None,
            network: None,
            address: None,
            ways: vec![asks::Way::default()],
            notes: Vec::new(),
        }))
    }

    fn read_variables(&self, container: &Container) -> Result<Option<Asks>, Problem> {
        if self.balancer.nginx_proxy
            && let Some(asks) = import::nginx_proxy(container)?
        {
            return Ok(Some(asks));
        }
        self.balancer.read_environment.then(|| variables::read(container)).transpose()
    }

    /// Words of another set than the one that is used, which have no effect.
    fn passed_over(&self, container: &Container, asks: &mut Asks) {
        if !asks.ways.iter().any(asks::Way::speaks) {
            return;
        }
        let used = asks.dialect;
        let mut say = |label: &str, words: &str| {
            asks.notes.push(Problem {
                origin: model::Origin::Label {
                    container: container.name.clone(),
                    label: label.into(),
                },
                reason: format!("{words} have no effect: {} decide", used.name()),
            });
        };
        let environment = self.balancer.read_environment || self.balancer.nginx_proxy;
        if used == Dialect::Native && environment {
            let named = ["VIRTUAL_HOST", "TCP_PORTS"].map(|n| (n, container.env.get(n)));
            for (name, _) in named.into_iter().filter(|(_, v)| v.is_some_and(|v| !v.is_empty())) {
                say(name, "variables");
            }
        }
        let traefik = container.labels.keys().find(|l| l.starts_with("traefik.http.routers."));
        if let Some(label) = traefik.filter(|_| self.balancer.traefik && used != Dialect::Traefik) {
            say(label, "labels of Traefik");
        }
    }

    fn quarantine(&mut self, seat: Seat, mut problem: Problem) {
        problem.reason.push_str(": this container is left out until it is mended");
        self.seats.push(seat.quarantined(problem.to_string()));
        self.problems.push(problem);
    }

    fn unreachable(
        &mut self,
        seat: Seat,
        container: &Container,
        standing: Standing,
        reason: String,
    ) {
        // Who merely runs beside us is not told off.
        if standing == Standing::Declared {
            self.problems.push(Problem {
                origin: model::Origin::Label {
                    container: container.name.clone(),
                    label: "its address".into(),
                },
                reason: reason.clone(),
            });
        }
        self.seats.push(seat.out(reason));
    }
}

fn port_note(container: &Container, port: u16) -> Problem {
    Problem {
        origin: model::Origin::Label { container: container.name.clone(), label: "EXPOSE".into() },
        reason: format!(
            "it exposes several ports and {port} is used: name one with the label evenkeel.port"
        ),
    }
}

#[cfg(test)]
mod tests;
