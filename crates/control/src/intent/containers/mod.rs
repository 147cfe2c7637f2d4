//! Observed containers to routes and servers: labels and variables read, services grouped, one bad
//! label set costing its own container alone.

mod asks;
mod balancer;
mod certificate;
mod hall;
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

use model::observed::{Freshness, Observation};
use model::{Config, Name};

use super::Problem;
use balancer::Balancer;
use hall::Hall;
use reach::View;
use select::Selection;

pub use balancer::{is_file, is_ours};
pub use labels::drain_label;
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

/// What is known from the time before. It spares work and changes nothing of what comes of it.
#[derive(Debug, Default)]
pub struct Memo {
    known: hall::Known,
    last: recall::Memo,
}

impl Memo {
    /// What was written last.
    pub fn written(&self) -> &str {
        self.last.written()
    }
}

/// What is to come of a survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The configuration alone; seats stay empty.
    Configuration,
    /// What became of every container, too.
    Seats,
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
    want: Want,
    memo: &mut Memo,
) -> Survey {
    let mut barred = Barred::default();
    loop {
        match attempt(base, observations, options, &barred, want, memo) {
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
    want: Want,
    memo: &mut Memo,
) -> Result<Survey, Vec<Fault>> {
    let (balancer, mut problems) = Balancer::read(&options.environment, &barred.variables);
    problems.extend(barred.problems.iter().cloned());
    let joined = swarm::join(observations, balancer.traefik);
    let whole: Vec<&Observation> = joined.observations.iter().map(|o| &**o).collect();
    let observations = &whole[..];
    problems.extend(joined.problems);
    let mut hall = Hall::new(&balancer, barred, joined.held, &mut memo.known);
    let mut modes = Vec::new();
    let mut notices = Vec::new();
    for observation in observations {
        let view = View::new(observation, observations);
        let selection = Selection::new(observation, observations, &balancer);
        if !matches!(observation.freshness, Freshness::Blind(_)) {
            let mode = match &*observation.provider {
                super::services::PROVIDER => super::services::MODE,
                _ => selection.mode(),
            };
            modes.push((observation.provider.clone(), mode));
        }
        hall.enter(observation, view, &selection);
        if base.backends.is_empty() {
            notices.extend(notices::nobody(observation, &selection, &hall.seats));
        }
        if observation.own.is_some() {
            notices.extend(notices::missing(observations, &selection.named(&balancer)));
        }
    }
    let Hall { problems: found, seats, asked, .. } = hall;
    problems.extend(found);
    let mut remarks = Vec::new();
    let mut sorted = pools::sort(asked, &mut remarks);
    remarks.extend(read_back::file_wins(base, &mut sorted));
    problems.extend(remarks.iter().filter(|r| !r.quiet).map(|r| r.problem.clone()));
    let own = observations.iter().find_map(|o| o.own.as_ref());
    let contained = own.is_some_and(|o| !o.host_network);
    let address_label = "its address".into();
    let sorted = &sorted;
    let writer = write::Writer { sorted, balancer: &balancer, options, contained, address_label };
    let mut draft = writer.draft();
    let made = recall::read(&mut memo.last, &mut draft, sorted, options)?;
    notices.extend(writer.open_statistics());
    problems.append(&mut draft.problems);
    problems.extend(made.warnings);
    let config = read_back::join(base, made.config, &draft, &writer, &mut problems);
    let quarantined = seat::quarantined(&seats);
    let seats = match want {
        Want::Seats => seat::all(&seats, &remarks, sorted, &draft),
        Want::Configuration => Vec::new(),
    };
    Ok(Survey { config, problems, seats, quarantined, modes, notices, failed: false })
}

#[cfg(test)]
mod tests;
