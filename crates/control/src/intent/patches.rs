//! Changes given at run time to the configuration itself: addresses, limits, servers and frontends
//! added, taken away or closed. They hold until the files are read anew.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::{Address, Backend, BackendTarget, Bind, Config, Frontend, Host, Name, Port, Server};

/// What was asked for one server; `None` = as configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerPatch {
    /// Another address or name.
    pub host: Option<Host>,
    /// Another port.
    pub port: Option<Port>,
    /// Another address for its checks.
    pub check_addr: Option<IpAddr>,
    /// Another port for its checks.
    pub check_port: Option<u16>,
    /// Another address for its agent.
    pub agent_addr: Option<IpAddr>,
    /// Another port for its agent.
    pub agent_port: Option<u16>,
    /// Another text for its agent; an empty one = none.
    pub agent_send: Option<Name>,
    /// Another `maxconn`; 0 = none.
    pub maxconn: Option<u32>,
}

/// What was asked for one frontend; `None` = as configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontendPatch {
    /// Another `maxconn`; 0 = the process's.
    pub maxconn: Option<u32>,
    /// Its sockets are closed.
    pub closed: bool,
    /// For good.
    pub shut: bool,
}

/// A section that was added.
#[derive(Clone, Debug, PartialEq)]
struct Section {
    frontend: Option<Arc<Frontend>>,
    backend: Option<Arc<Backend>>,
    text: String,
}

/// All changes in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patches {
    servers: BTreeMap<(Name, Name), ServerPatch>,
    added: Vec<(Name, Arc<Server>, Vec<String>)>,
    removed: BTreeSet<(Name, Name)>,
    binds: Vec<(Name, Bind, Vec<String>)>,
    removed_binds: Vec<(Name, Address)>,
    sections: Vec<Section>,
    removed_frontends: BTreeSet<Name>,
    removed_backends: BTreeSet<Name>,
    frontends: BTreeMap<Name, FrontendPatch>,
    /// `maxconn` of the process.
    pub maxconn: Option<u32>,
    /// New connections of the process in a second; 0 = any number.
    pub connection_rate: Option<u32>,
}

impl Patches {
    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What was asked for a server, to be changed.
    pub fn server(&mut self, backend: &Name, server: &Name) -> &mut ServerPatch {
        self.servers.entry((backend.clone(), server.clone())).or_default()
    }

    /// What was asked for a frontend, to be changed.
    pub fn frontend(&mut self, name: &Name) -> &mut FrontendPatch {
        self.frontends.entry(name.clone()).or_default()
    }

    /// What was asked for a frontend.
    #[must_use]
    pub fn of_frontend(&self, name: &str) -> FrontendPatch {
        self.frontends.get(name).copied().unwrap_or_default()
    }

    /// A server more, and the words that its line has behind its name.
    pub fn add(&mut self, backend: &Name, server: Server, words: Vec<String>) {
        self.added.push((backend.clone(), Arc::new(server), words));
    }

    /// Listening addresses more, and the words of their line.
    pub fn add_binds(&mut self, frontend: &Name, binds: Vec<Bind>, words: Vec<String>) {
        let all = binds.into_iter().map(|bind| (frontend.clone(), bind, words.clone()));
        self.binds.extend(all);
    }

    /// A listening address less.
    pub fn remove_bind(&mut self, frontend: &Name, address: Address) {
        let before = self.binds.len();
        self.binds.retain(|(f, bind, _)| f != frontend || bind.address != address);
        if self.binds.len() == before {
            self.removed_binds.push((frontend.clone(), address));
        }
    }

    /// A section more, and its text.
    pub fn add_section(
        &mut self,
        frontend: Option<Arc<Frontend>>,
        backend: Option<Arc<Backend>>,
        text: String,
    ) {
        self.sections.push(Section { frontend, backend, text });
    }

    /// A frontend less, with all that was asked for it.
    pub fn remove_frontend(&mut self, name: &Name) {
        let before = self.sections.len();
        self.sections.retain(|s| s.frontend.as_ref().is_none_or(|f| f.name != *name));
        if self.sections.len() == before {
            self.removed_frontends.insert(name.clone());
        }
        self.frontends.remove(name);
        self.binds.retain(|(f, ..)| f != name);
        self.removed_binds.retain(|(f, _)| f != name);
    }

    /// A backend less, with all that was asked for it.
    pub fn remove_backend(&mut self, name: &Name) {
        let before = self.sections.len();
        self.sections.retain(|s| s.backend.as_ref().is_none_or(|b| b.name != *name));
        if self.sections.len() == before {
            self.removed_backends.insert(name.clone());
        }
        self.servers.retain(|(b, _), _| b != name);
        self.added.retain(|(b, ..)| b != name);
        self.removed.retain(|(b, _)| b != name);
    }

    /// A server that was added is no longer to be in maintenance.
    pub fn enable(&mut self, backend: &Name, server: &Name) {
        for (b, s, _) in &mut self.added {
            if b == backend && s.name == *server && s.disabled {
                Arc::make_mut(s).disabled = false;
            }
        }
    }

    /// A server less.
    pub fn remove(&mut self, backend: &Name, server: &Name) {
        self.servers.remove(&(backend.clone(), server.clone()));
        let before = self.added.len();
        self.added.retain(|(b, s, _)| b != backend || s.name != *server);
        if self.added.len() == before {
            // One that was added again later goes with the one of the file.
            self.removed.insert((backend.clone(), server.clone()));
        }
    }

    /// What was asked for a server.
    #[must_use]
    pub fn of_server(&self, backend: &str, server: &str) -> Option<&ServerPatch> {
        self.servers.get(&(backend.into(), server.into()))
    }

    /// Servers that were added to a backend, with the words of their lines behind their names.
    pub fn added_to(&self, backend: &str) -> impl Iterator<Item = (&Server, &[String])> {
        let own = self.added.iter().filter(move |(b, ..)| **b == *backend);
        own.map(|(_, server, words)| (&**server, words.as_slice()))
    }

    /// Whether a server of the files, or of a container, is taken out.
    #[must_use]
    pub fn removes_server(&self, backend: &str, server: &str) -> bool {
        self.removed.contains(&(backend.into(), server.into()))
    }

    /// Whether a frontend of the files is taken out.
    #[must_use]
    pub fn removes_frontend(&self, name: &str) -> bool {
        self.removed_frontends.contains(name)
    }

    /// Whether a backend of the files is taken out.
    #[must_use]
    pub fn removes_backend(&self, name: &str) -> bool {
        self.removed_backends.contains(name)
    }

    /// Texts of the sections that were added.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|s| &*s.text)
    }

    /// Listening addresses that were added to a frontend, each with the words of its line.
    pub fn binds_of(&self, frontend: &str) -> impl Iterator<Item = (&Bind, &[String])> {
        let own = self.binds.iter().filter(move |(f, ..)| **f == *frontend);
        own.map(|(_, bind, words)| (bind, words.as_slice()))
    }

    /// Forgets what a configuration has no place for: changes of proxies and servers that are not
    /// there, additions that are there already, and frontends that lead to no backend.
    pub fn settle(&mut self, config: &Config) {
        let sections = std::mem::take(&mut self.sections);
        let backs = sections.iter().filter_map(|s| s.backend.as_ref());
        let added: BTreeSet<Name> = backs.map(|b| b.name.clone()).collect();
        let leads = |name: &Name| config.backend(name).is_some() || added.contains(name);
        self.sections = sections;
        self.sections.retain(|section| {
            let front = section.frontend.as_ref().is_none_or(|front| {
                let static_target = |target: &BackendTarget| match target {
                    BackendTarget::Static(name) => leads(name),
                    BackendTarget::Format(_) => true,
                };
                config.frontend(&front.name).is_none()
                    && front.default_backend.as_ref().is_none_or(&leads)
                    && front.use_backend.iter().all(|rule| static_target(&rule.action))
            });
            front && section.backend.as_ref().is_none_or(|b| config.backend(&b.name).is_none())
        });
        let has = |backend: &Name, server: &Name| {
            config.backend(backend).is_some_and(|b| b.servers.iter().any(|s| s.name == *server))
        };
        let fronts: BTreeSet<Name> = self
            .sections
            .iter()
            .filter_map(|s| s.frontend.as_ref().map(|f| f.name.clone()))
            .collect();
        let front = |name: &Name| config.frontend(name).is_some() || fronts.contains(name);
        self.added.retain(|(b, s, _)| {
            let tracked = s.track.as_deref().is_none_or(|(b, s)| has(b, s));
            leads(b) && !has(b, &s.name) && tracked
        });
        let new: BTreeSet<(Name, Name)> =
            self.added.iter().map(|(b, s, _)| (b.clone(), s.name.clone())).collect();
        self.servers
            .retain(|key, _| has(&key.0, &key.1) || new.contains(key) || added.contains(&key.0));
        self.removed.retain(|(b, s)| has(b, s) || added.contains(b));
        let listens = |f: &Name, a: &Address| {
            config.frontend(f).is_some_and(|f| f.binds.iter().any(|b| b.address == *a))
        };
        self.binds.retain(|(f, bind, _)| front(f) && !listens(f, &bind.address));
        self.removed_binds.retain(|(f, address)| listens(f, address));
        self.removed_frontends.retain(|name| config.frontend(name).is_some());
        self.removed_backends.retain(|name| config.backend(name).is_some());
        self.frontends.retain(|name, _| front(name));
    }

    /// One line for each change, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.entries().into_iter().map(|(subject, what)| format!("{subject}: {what}")).collect()
    }

    /// What is changed, and how, in words.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        let mut say = |subject: String, what: String| entries.push((subject, what));
        if let Some(maxconn) = self.maxconn {
            say("global".to_owned(), format!("maxconn {maxconn}"));
        }
        if let Some(rate) = self.connection_rate {
            say("global".to_owned(), format!("maxconnrate {rate}"));
        }
        for (name, patch) in &self.frontends {
            if patch.closed || patch.shut {
                say(format!("frontend {name}"), "closed".to_owned());
            }
            if let Some(maxconn) = patch.maxconn {
                say(format!("frontend {name}"), format!("maxconn {maxconn}"));
            }
        }
        for section in &self.sections {
            if let Some(front) = &section.frontend {
                say(format!("frontend {}", front.name), "added".to_owned());
            }
            if let Some(back) = &section.backend {
                say(format!("backend {}", back.name), "added".to_owned());
            }
        }
        let gone = || "removed".to_owned();
        self.removed_frontends.iter().for_each(|n| say(format!("frontend {n}"), gone()));
        self.removed_backends.iter().for_each(|n| say(format!("backend {n}"), gone()));
        for (frontend, bind, _) in &self.binds {
            say(format!("frontend {frontend}"), format!("bind {} added", bind.address));
        }
        for (frontend, address) in &self.removed_binds {
            say(format!("frontend {frontend}"), format!("bind {address} removed"));
        }
        for (backend, server, _) in &self.added {
            say(format!("server {backend}/{}", server.name), "added".to_owned());
        }
        for (backend, server) in &self.removed {
            say(format!("server {backend}/{server}"), gone());
        }
        for ((backend, server), patch) in &self.servers {
            say(format!("server {backend}/{server}"), patch.words());
        }
        entries
    }

    /// Changes a configuration; what it does not have is left alone.
    pub fn apply(&self, config: &mut Config) {
        if self.is_empty() {
            return;
        }
        if self.maxconn.is_some() {
            config.global.maxconn = self.maxconn;
        }
        if let Some(rate) = self.connection_rate {
            config.global.max_connection_rate = Some(rate).filter(|most| *most > 0);
        }
        self.apply_sections(config);
        for frontend in &mut config.frontends {
            let Some(patch) = self.frontends.get(&frontend.name) else { continue };
            let frontend = Arc::make_mut(frontend);
            frontend.disabled |= patch.closed || patch.shut;
            if let Some(maxconn) = patch.maxconn {
                frontend.maxconn = Some(maxconn).filter(|m| *m > 0);
            }
        }
        for backend in &mut config.backends {
            let name = backend.name.clone();
            let concerned = self.removed.iter().any(|(b, _)| *b == name)
                || self.added.iter().any(|(b, ..)| *b == name)
                || self.servers.keys().any(|(b, _)| *b == name);
            if !concerned {
                continue;
            }
            let servers = &mut Arc::make_mut(backend).servers;
            servers.retain(|s| !self.removed.contains(&(name.clone(), s.name.clone())));
            for (_, server, _) in self.added.iter().filter(|(b, ..)| *b == name) {
                if !servers.iter().any(|s| s.name == server.name) {
                    let mut server = Arc::clone(server);
                    if servers.iter().any(|s| s.id == server.id) {
                        // The files, read anew, have given its number to another.
                        let free = |id: &u32| !servers.iter().any(|s| s.id == *id);
                        Arc::make_mut(&mut server).id = (1..).find(free).unwrap_or(u32::MAX);
                    }
                    servers.push(server);
                }
            }
            for server in servers {
                if let Some(patch) = self.servers.get(&(name.clone(), server.name.clone())) {
                    patch.apply(Arc::make_mut(server));
                }
            }
        }
    }
}

impl Patches {
    fn apply_sections(&self, config: &mut Config) {
        config.frontends.retain(|f| !self.removed_frontends.contains(&f.name));
        config.backends.retain(|b| !self.removed_backends.contains(&b.name));
        for section in &self.sections {
            if let Some(new) = &section.frontend
                && config.frontend(&new.name).is_none()
            {
                config.frontends.push(Arc::clone(new));
            }
            if let Some(new) = &section.backend
                && config.backend(&new.name).is_none()
            {
                config.backends.push(Arc::clone(new));
            }
        }
        for frontend in &mut config.frontends {
            let name = frontend.name.clone();
            let concerned = self.binds.iter().any(|(f, ..)| *f == name)
                || self.removed_binds.iter().any(|(f, _)| *f == name);
            if concerned {
                let binds = &mut Arc::make_mut(frontend).binds;
                binds.retain(|b| {
                    !self.removed_binds.iter().any(|(f, a)| *f == name && *a == b.address)
                });
                let added = self.binds.iter().filter(|(f, ..)| *f == name);
                binds.extend(added.map(|(_, bind, _)| bind.clone()));
            }
        }
    }
}

impl ServerPatch {
    /// What was asked for, in words.
    fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.host.as_ref().map(|h| format!("address {h}")));
        words.extend(self.port.map(|p| format!("port {}", port_text(p))));
        words.extend(self.check_addr.map(|a| format!("check-addr {a}")));
        words.extend(self.check_port.map(|p| format!("check-port {p}")));
        words.extend(self.agent_addr.map(|a| format!("agent-addr {a}")));
        words.extend(self.agent_port.map(|p| format!("agent-port {p}")));
        words.extend(self.agent_send.as_ref().map(|t| format!("agent-send {t:?}")));
        words.extend(self.maxconn.map(|m| format!("maxconn {m}")));
        words.join(", ")
    }

    fn apply(&self, server: &mut Server) {
        if let Some(host) = &self.host {
            server.host = host.clone();
        }
        if let Some(port) = self.port {
            server.port = port;
        }
        if let Some(maxconn) = self.maxconn {
            server.maxconn = Some(maxconn).filter(|m| *m > 0);
        }
        if let Some(check) = &mut server.check {
            check.addr = self.check_addr.or(check.addr);
            check.port = self.check_port.or(check.port);
        }
        if let Some(agent) = &mut server.agent {
            agent.addr = self.agent_addr.or(agent.addr);
            agent.port = self.agent_port.unwrap_or(agent.port);
            if let Some(text) = &self.agent_send {
                agent.send = Some(text.clone()).filter(|text| !text.is_empty());
            }
        }
    }
}

/// A port as configurations write it.
#[must_use]
pub fn port_text(port: Port) -> String {
    match port {
        Port::Client => "0".to_owned(),
        Port::Fixed(port) => port.to_string(),
        Port::Offset(offset) => format!("{offset:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{config, server as line};

    fn server(name: &str, port: u16) -> Server {
        (*config(&[], &[line(name, port)]).backends[0].servers[0]).clone()
    }

    fn names(config: &Config) -> Vec<String> {
        config.backends[0].servers.iter().map(|s| s.name.to_string()).collect()
    }

    #[test]
    fn servers_come_and_go() {
        let base = config(&["127.0.0.1:1"], &[line("a", 1), line("b", 2)]);
        let backend = base.backends[0].name.clone();
        let mut patches = Patches::default();
        patches.remove(&backend, &"a".into());
        patches.add(&backend, server("c", 3), Vec::new());
        let mut changed = base.clone();
        patches.apply(&mut changed);
        assert_eq!(names(&changed), ["b", "c"]);
        patches.remove(&backend, &"c".into());
        patches.add(&backend, server("a", 9), Vec::new());
        let mut changed = base;
        patches.apply(&mut changed);
        assert_eq!(names(&changed), ["b", "a"], "{:?}", patches.lines());
        assert_eq!(changed.backends[0].servers[1].port, Port::Fixed(9));
    }

    #[test]
    fn addresses_and_limits_change() {
        let mut changed = config(&["127.0.0.1:1"], &[line("a", 1)]);
        let backend = changed.backends[0].name.clone();
        let mut patches = Patches::default();
        let patch = patches.server(&backend, &"a".into());
        patch.port = Some(Port::Fixed(99));
        patch.maxconn = Some(5);
        let frontend = changed.frontends[0].name.clone();
        patches.frontend(&frontend).closed = true;
        patches.apply(&mut changed);
        let server = &changed.backends[0].servers[0];
        assert_eq!((server.port, server.maxconn), (Port::Fixed(99), Some(5)));
        assert!(changed.frontends[0].disabled);
        assert_eq!(patches.lines().len(), 2);
    }
}
