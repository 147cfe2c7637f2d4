//! Which containers take part, and why the others do not.

use std::collections::BTreeSet;

use model::Name;
use model::observed::{Container, ContainerState, Observation, OwnContainer};

use super::asks::{Asks, Dialect};
use super::balancer::Balancer;
use super::labels;

/// How a container comes to take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It asked, or the balancer was told to take it.
    Declared,
    /// It merely runs beside us.
    Beside,
}

/// Services that the balancer was told to take.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    /// Project and service.
    services: BTreeSet<(String, String)>,
    /// Names of containers.
    names: BTreeSet<String>,
}

impl Told {
    fn holds(&self, container: &Container) -> bool {
        let service = label(container, PROJECT).zip(label(container, SERVICE));
        self.names.contains(&*container.name)
            || service.is_some_and(|(p, s)| self.services.contains(&(p.to_owned(), s.to_owned())))
    }

    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.names.is_empty()
    }
}

/// The label with the Compose project.
pub const PROJECT: &str = "com.docker.compose.project";
/// The label with the Compose service.
pub const SERVICE: &str = "com.docker.compose.service";
/// Label of the containers of a Swarm service: its id.
pub const SWARM_SERVICE: &str = "com.docker.swarm.service.id";

/// A label's value.
pub fn label<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    container.labels.get(name).map(String::as_str).filter(|v| !v.is_empty())
}

/// The rules by which one provider's containers are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    own: Option<OwnContainer>,
    swarm: Option<String>,
    /// `links` and `LINKED_SERVICES`: nobody else is meant.
    linked: Told,
    /// `ADDITIONAL_SERVICES`.
    additional: Told,
    /// `depends_on`: of those who name no host, nobody else is meant.
    depends: Told,
}

impl Selection {
    /// Reads what the balancer's own container says about it.
    pub fn new(observation: &Observation, all: &[&Observation], balancer: &Balancer) -> Self {
        // We may run on another of the engines.
        let home =
            all.iter().copied().find(|o| o.own.is_some()).filter(|_| observation.own.is_none());
        let observation = home.unwrap_or(observation);
        let own = observation.own.as_ref();
        let ourselves = own.and_then(|o| observation.containers.iter().find(|c| c.id == o.id));
        let project = own.and_then(|o| o.project.as_deref()).unwrap_or_default();
        let mut linked = Told::default();
        for name in own.iter().flat_map(|o| &o.networks).flat_map(|n| &n.links) {
            let container = observation.containers.iter().find(|c| c.name == *name);
            match container.and_then(|c| label(c, PROJECT).zip(label(c, SERVICE))) {
                Some((p, s)) => drop(linked.services.insert((p.to_owned(), s.to_owned()))),
                None => drop(linked.names.insert(name.to_string())),
            }
        }
        for service in &balancer.linked {
            linked.services.insert((project.to_owned(), service.clone()));
        }
        let mut depends = Told::default();
        let list = ourselves.and_then(|c| label(c, "com.docker.compose.depends_on"));
        for item in list.unwrap_or_default().split(',') {
            let service = item.split(':').next().unwrap_or_default().trim();
            if !service.is_empty() {
                depends.services.insert((project.to_owned(), service.to_owned()));
            }
        }
        let additional = balancer.additional.iter().cloned().collect();
        Self {
            own: own.cloned(),
            swarm: ourselves.and_then(|c| label(c, SWARM_SERVICE)).map(str::to_owned),
            linked,
            additional: Told { services: additional, names: BTreeSet::new() },
            depends,
        }
    }

    /// The balancer's own container.
    pub fn own_id(&self) -> Option<&Name> {
        self.own.as_ref().map(|o| &o.id)
    }

    /// Networks that the balancer is on, by name.
    pub fn networks(&self) -> impl Iterator<Item = &str> {
        self.own.iter().flat_map(|o| &o.networks).map(|n| &*n.name)
    }

    /// Services that variables of the balancer name: variable, project, service.
    pub fn named<'b>(&'b self, balancer: &'b Balancer) -> Vec<(&'b str, &'b str, &'b str)> {
        let project = self.own.as_ref().and_then(|o| o.project.as_deref()).unwrap_or_default();
        let linked = balancer.linked.iter().map(|s| ("LINKED_SERVICES", project, s.as_str()));
        let additional =
            balancer.additional.iter().map(|(p, s)| ("ADDITIONAL_SERVICES", &**p, &**s));
        linked.chain(additional).collect()
    }

    /// Which rule is followed, for people.
    pub fn mode(&self) -> &'static str {
        match &self.own {
            None => "the balancer runs outside of the engine's containers",
            Some(_) if self.swarm.is_some() => "swarm: services on a network of the balancer",
            Some(_) if !self.linked.is_empty() => "compose: linked services",
            Some(o) if o.project.is_some() && !self.depends.is_empty() => {
                "compose: services that the balancer depends on, and those that name a host"
            }
            Some(o) if o.project.is_some() => "compose: services of the same project",
            Some(_) => "a container of its own: what asks for it",
        }
    }

    /// Why a container cannot take part whatever it asks for.
    pub fn excluded(&self, container: &Container) -> Option<String> {
        if self.own.as_ref().is_some_and(|o| o.id == container.id) {
            return Some("the balancer itself".to_owned());
        }
        if self.is_sibling(container) {
            return Some("another balancer of the same service".to_owned());
        }
        if label(container, "com.docker.compose.oneoff")
            .is_some_and(|v| v.eq_ignore_ascii_case("true"))
        {
            return Some("a one-off run of Compose".to_owned());
        }
        match container.state {
            ContainerState::Created => return Some("created, not started".to_owned()),
            ContainerState::Exited => return Some("not running".to_owned()),
            _ => {}
        }
        labels::switched_off(container).map(|name| format!("switched off by the label {name}"))
    }

    fn is_sibling(&self, container: &Container) -> bool {
        if self.swarm.is_some() && self.swarm.as_deref() == label(container, SWARM_SERVICE) {
            return true;
        }
        self.own.as_ref().is_some_and(|o| {
            o.project.is_some()
                && o.project.as_deref() == label(container, PROJECT)
                && o.service.is_some()
                && o.service.as_deref() == label(container, SERVICE)
        })
    }

    /// Whether a container with these wishes takes part.
    ///
    /// # Errors
    /// Why it does not.
    pub fn standing(&self, container: &Container, asks: &Asks) -> Result<Standing, String> {
        let asked = asks.ways.iter().any(|w| !w.routes.is_empty() || !w.tcp.is_empty());
        let asked = asked || asks.ways.iter().any(|w| w.unserved);
        if asks.explicit || asked && asks.dialect != Dialect::Dockercloud {
            return Ok(Standing::Declared);
        }
        if self.linked.holds(container) || self.additional.holds(container) {
            return Ok(Standing::Declared);
        }
        if !self.linked.is_empty() {
            return Err("not linked to the balancer, nor in LINKED_SERVICES or \
                        ADDITIONAL_SERVICES"
                .to_owned());
        }
        if asked {
            return Ok(Standing::Declared);
        }
        if label(container, SWARM_SERVICE).is_some() {
            let named = asks.ways.iter().any(|w| w.ports.named.is_some());
            let reason = "a service without SERVICE_PORTS or the label evenkeel.port";
            return if named { Ok(Standing::Declared) } else { Err(reason.to_owned()) };
        }
        if self.depends.holds(container) {
            return Ok(Standing::Declared);
        }
        if !self.depends.is_empty() {
            return Err("it names no host, and the balancer does not depend on it".to_owned());
        }
        if self.beside(container) {
            return Ok(Standing::Beside);
        }
        Err("it names no host and is not of the balancer's Compose project".to_owned())
    }

    /// In our own Compose project, or, where we run outside of one, in any.
    fn beside(&self, container: &Container) -> bool {
        let project = label(container, PROJECT);
        match self.own.as_ref().and_then(|o| o.project.as_deref()) {
            Some(ours) => project == Some(ours),
            None => project.is_some(),
        }
    }
}

/// The service a container belongs to unless it says otherwise.
pub fn service_name(container: &Container) -> Name {
    if let Some(name) = label(container, "com.docker.swarm.service.name") {
        return name.into();
    }
    match (label(container, PROJECT), label(container, SERVICE)) {
        (Some(project), Some(service)) => format!("{project}_{service}").into(),
        _ => container.name.clone(),
    }
}
