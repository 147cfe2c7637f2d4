//! Containers as they come in: what each asks for and what becomes of it, found out once for as
//! long as the container, and the place that it is seen from, stay as they are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::Name;
use model::observed::{Container, Observation, Unreadable};

use super::asks::{self, Asks, Dialect};
use super::balancer::Balancer;
use super::pools::{self, Asked, Key, Member};
use super::reach::{self, Reach, View};
use super::route::Comparison;
use super::said::By;
use super::seat::Seat;
use super::select::{self, Selection, Standing};
use super::{Barred, Problem, import, labels, swarm, text, variables};

/// Where the containers of a provider are seen from.
#[derive(Debug, PartialEq)]
pub struct Ground {
    /// What the environment says.
    pub balancer: Balancer,
    /// Networks.
    pub view: View,
    /// Who is meant.
    pub selection: Selection,
}

/// What came of a container.
#[derive(Debug)]
struct Came {
    seat: Arc<Seat>,
    asked: Vec<Arc<Asked>>,
    problems: Vec<Problem>,
}

impl Came {
    fn out(seat: Seat, reason: String) -> Self {
        Self { seat: Arc::new(seat.out(reason)), asked: Vec::new(), problems: Vec::new() }
    }
}

/// A container that came in.
#[derive(Debug)]
struct Entry {
    container: Arc<Container>,
    came: Came,
}

/// Who came in the time before, by provider.
#[derive(Debug, Default)]
pub struct Known(HashMap<Name, (Ground, Vec<Entry>)>);

/// Entries in the order of the containers, of which few come or go from one time to the next.
struct Last {
    entries: Vec<Option<Entry>>,
    at: usize,
    by_id: Option<HashMap<Name, usize>>,
}

impl Last {
    fn new(entries: Vec<Entry>) -> Self {
        Self { entries: entries.into_iter().map(Some).collect(), at: 0, by_id: None }
    }

    /// The entry of a container that is as it was.
    fn take(&mut self, container: &Arc<Container>) -> Option<Entry> {
        let next = self.entries.get(self.at).and_then(Option::as_ref);
        if next.is_none_or(|e| e.container.id != container.id) {
            self.at = self.place(&container.id)?;
        }
        let entry = self.entries.get_mut(self.at)?.take()?;
        self.at += 1;
        let same = Arc::ptr_eq(&entry.container, container) || entry.container == *container;
        same.then_some(entry)
    }

    fn place(&mut self, id: &Name) -> Option<usize> {
        let by_id = self.by_id.get_or_insert_with(|| {
            let all = self.entries.iter().enumerate();
            all.filter_map(|(n, e)| Some((Name::clone(&e.as_ref()?.container.id), n))).collect()
        });
        by_id.get(id).copied()
    }
}

/// Everybody who came in.
pub struct Hall<'a> {
    balancer: &'a Balancer,
    barred: &'a Barred,
    /// Containers that nothing can be said of yet, by id, and why.
    held: BTreeMap<Name, &'static str>,
    known: &'a mut Known,
    /// What is to be said.
    pub problems: Vec<Problem>,
    /// What became of each.
    pub seats: Vec<Arc<Seat>>,
    /// What was asked for.
    pub asked: Vec<Member>,
}

impl<'a> Hall<'a> {
    /// Nobody is there yet.
    pub fn new(
        balancer: &'a Balancer,
        barred: &'a Barred,
        held: BTreeMap<Name, &'static str>,
        known: &'a mut Known,
    ) -> Self {
        let (problems, seats, asked) = (Vec::new(), Vec::new(), Vec::new());
        Self { balancer, barred, held, known, problems, seats, asked }
    }

    /// All containers of a provider.
    pub fn enter(&mut self, seen: &Observation, view: View, selection: &Selection) {
        let (balancer, selection) = (self.balancer.clone(), selection.clone());
        let ground = Ground { balancer, view, selection };
        let known = self.known.0.remove(&seen.provider).filter(|(before, _)| *before == ground);
        let mut last = Last::new(known.map(|(_, entries)| entries).unwrap_or_default());
        let mut entries = Vec::with_capacity(seen.containers.len());
        let entrance = Entrance { ground: &ground, provider: &seen.provider };
        for container in &seen.containers {
            let held = self.held.get(&container.id).copied();
            let barred = self.barred.containers.get(&container.id);
            if held.is_some() || barred.is_some() {
                self.take(&entrance.keep_out(container, held, barred));
                continue;
            }
            let entry = last.take(container).unwrap_or_else(|| {
                let came = entrance.enter(container);
                Entry { container: Arc::clone(container), came }
            });
            self.take(&entry.came);
            entries.push(entry);
        }
        self.known.0.insert(seen.provider.clone(), (ground, entries));
        seen.unreadable.iter().for_each(|one| self.unread(seen, one));
    }

    fn take(&mut self, came: &Came) {
        let seat = self.seats.len();
        self.seats.push(Arc::clone(&came.seat));
        self.problems.extend_from_slice(&came.problems);
        self.asked.extend(came.asked.iter().map(|a| Member { seat, asked: Arc::clone(a) }));
    }

    /// A container that its engine cannot describe: it stays as it was known, if it was.
    fn unread(&mut self, seen: &Observation, which: &Unreadable) {
        let same = |s: &&mut Arc<Seat>| s.id == which.id && s.provider == seen.provider;
        let mut seat = Seat::unreadable(&seen.provider, which);
        let name = seat.name.clone();
        let mut reason = which.reason.clone();
        if let Some(known) = self.seats.iter_mut().find(same) {
            reason.push_str("; what was known of it goes on");
            Arc::make_mut(known).notes.push(reason.clone());
        } else {
            reason.push_str(": it is left out until that is mended");
            seat = seat.quarantined(reason.clone());
            self.seats.push(Arc::new(seat));
        }
        let origin = model::Origin::Label { container: name, label: "its description".into() };
        self.problems.push(Problem { origin, reason });
    }
}

/// Where containers of a provider come in.
struct Entrance<'a> {
    ground: &'a Ground,
    provider: &'a Name,
}

impl Entrance<'_> {
    /// One that nothing can be said of, or that the reader has found a fault of.
    fn keep_out(
        &self,
        container: &Container,
        held: Option<&'static str>,
        barred: Option<&Problem>,
    ) -> Came {
        let seat = Seat::new(self.provider, container);
        match (self.ground.selection.excluded(container), held, barred) {
            (Some(reason), ..) => Came::out(seat, reason),
            (None, Some(reason), _) => Came::out(seat, reason.to_owned()),
            (None, None, Some(problem)) => quarantine(seat, problem.clone()),
            (None, None, None) => self.enter(container),
        }
    }

    fn enter(&self, container: &Container) -> Came {
        let Ground { view, selection, .. } = self.ground;
        let mut seat = Seat::new(self.provider, container);
        if let Some(reason) = selection.excluded(container) {
            return Came::out(seat, reason);
        }
        let asks = match self.read(container) {
            Ok(asks) => asks,
            Err(problem) => return quarantine(seat, problem),
        };
        let standing = match selection.standing(container, &asks) {
            Ok(standing) => standing,
            Err(reason) => {
                seat.notes = asks.notes.iter().map(ToString::to_string).collect();
                // A label of ours that is misspelled asked for something.
                let native = asks.dialect == Dialect::Native;
                let problems = if native { asks.notes } else { Vec::new() };
                return Came { problems, ..Came::out(seat, reason) };
            }
        };
        let reach = match reach::reach(container, view, &asks) {
            Ok(reach) => reach,
            Err(reason) => return unreachable(seat, container, standing, reason),
        };
        seat.dialect = asks.dialect.name();
        seat.service = match &asks.service {
            Some(said) => said.text.as_str().into(),
            None => select::service_name(container),
        };
        self.ways(container, asks, standing, &reach, seat)
    }

    fn ways(
        &self,
        container: &Container,
        asks: Asks,
        standing: Standing,
        reach: &Reach,
        mut seat: Seat,
    ) -> Came {
        let by = By::Container { id: container.id.clone(), name: container.name.clone() };
        let number = select::label(container, "com.docker.compose.container-number")
            .and_then(|n| n.parse().ok())
            .or_else(|| swarm::slot(container));
        let mut asked = Vec::new();
        let mut notes = asks.notes;
        let Balancer { all_ports, strict_port, .. } = self.ground.balancer;
        let comparison = Comparison { strict_port };
        for way in asks.ways {
            let chosen = match swarm::names_ports(container, &way, asks.dialect) {
                Ok(()) => reach::ports(container, reach, &way, all_ports),
                Err(reason) => Err(reason),
            };
            let ports = match chosen {
                Ok(_) if !way.tcp.is_empty() && asks.dialect != Dialect::Dockercloud => Vec::new(),
                Ok(chosen) => {
                    if chosen.doubtful && standing == Standing::Declared {
                        let port = chosen.ports[0];
                        notes.push(port_note(container, port));
                    }
                    chosen.ports
                }
                Err(_) if !way.tcp.is_empty() => Vec::new(),
                Err(reason) => return unreachable(seat, container, standing, reason),
            };
            if let Some(port) = way.relayed().find(|p| reach.socket(*p).is_none()) {
                let reason = format!("its port {port} is not published");
                return unreachable(seat, container, standing, reason);
            }
            asked.push(Arc::new(Asked {
                key: Key::new(seat.service.clone(), standing, &way),
                standing,
                conditions: way.routes.iter().map(|(r, _)| r.conditions(comparison)).collect(),
                backend: pools::backend_name(&seat.service, asks.dialect, &way.name),
                by: by.clone(),
                name: pools::word(&container.name).into(),
                order: (number.unwrap_or(u64::MAX), container.name.clone()),
                reach: reach.clone(),
                ports,
                takes_traffic: pools::ready(container, way.server.ignore_health),
                stopping: container.stopping,
                started_ns: container.started_ns,
                identity: swarm::identity(self.provider, container),
                way: Arc::new(way),
            }));
        }
        seat.notes = notes.iter().map(ToString::to_string).collect();
        Came { seat: Arc::new(seat), asked, problems: notes }
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
        if self.ground.balancer.traefik && !speaks {
            let traefik = import::traefik(container, &self.ground.balancer.entry_points)?;
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
        if self.ground.balancer.nginx_proxy
            && let Some(asks) = import::nginx_proxy(container)?
        {
            return Ok(Some(asks));
        }
        self.ground.balancer.read_environment.then(|| variables::read(container)).transpose()
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
        let environment = self.ground.balancer.read_environment || self.ground.balancer.nginx_proxy;
        if used == Dialect::Native && environment {
            let named = ["VIRTUAL_HOST", "TCP_PORTS"].map(|n| (n, container.env.get(n)));
            for (name, _) in named.into_iter().filter(|(_, v)| v.is_some_and(|v| !v.is_empty())) {
                say(name, "variables");
            }
        }
        let traefik = container.labels.keys().find(|l| l.starts_with("traefik.http.routers."));
        if let Some(label) =
            traefik.filter(|_| self.ground.balancer.traefik && used != Dialect::Traefik)
        {
            say(label, "labels of Traefik");
        }
    }
}

fn quarantine(seat: Seat, mut problem: Problem) -> Came {
    problem.reason.push_str(": this container is left out until it is mended");
    let seat = Arc::new(seat.quarantined(problem.to_string()));
    Came { seat, asked: Vec::new(), problems: vec![problem] }
}

fn unreachable(seat: Seat, container: &Container, standing: Standing, reason: String) -> Came {
    let mut problems = Vec::new();
    // Who merely runs beside us is not told off.
    if standing == Standing::Declared {
        problems.push(Problem {
            origin: model::Origin::Label {
                container: container.name.clone(),
                label: "its address".into(),
            },
            reason: reason.clone(),
        });
    }
    Came { problems, ..Came::out(seat, reason) }
}

fn port_note(container: &Container, port: u16) -> Problem {
    Problem {
        origin: model::Origin::Label { container: container.name.clone(), label: "EXPOSE".into() },
        reason: format!(
            "it exposes several ports and {port} is used: name one with the label evenkeel.port"
        ),
    }
}
