//! Changes given at run time to the configuration itself: addresses, limits, servers and frontends
//! added, taken away or closed. They hold until the files are read anew.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::{Config, Host, Name, Port, Server};

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

/// All changes in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patches {
    servers: BTreeMap<(Name, Name), ServerPatch>,
    added: Vec<(Name, Arc<Server>)>,
    removed: BTreeSet<(Name, Name)>,
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

    /// A server more.
    pub fn add(&mut self, backend: &Name, server: Server) {
        self.removed.remove(&(backend.clone(), server.name.clone()));
        self.added.push((backend.clone(), Arc::new(server)));
    }

    /// A server that was added is no longer to be in maintenance.
    pub fn enable(&mut self, backend: &Name, server: &Name) {
        for (b, s) in &mut self.added {
            if b == backend && s.name == *server && s.disabled {
                Arc::make_mut(s).disabled = false;
            }
        }
    }

    /// A server less.
    pub fn remove(&mut self, backend: &Name, server: &Name) {
        self.servers.remove(&(backend.clone(), server.clone()));
        let before = self.added.len();
        self.added.retain(|(b, s)| b != backend || s.name != *server);
        if self.added.len() == before {
            self.removed.insert((backend.clone(), server.clone()));
        }
    }

    /// One line for each change, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(maxconn) = self.maxconn {
            lines.push(format!("maxconn {maxconn}"));
        }
        if let Some(rate) = self.connection_rate {
            lines.push(format!("maxconnrate {rate}"));
        }
        for (name, patch) in &self.frontends {
            if patch.closed {
                lines.push(format!("frontend {name}: closed"));
            }
            if let Some(maxconn) = patch.maxconn {
                lines.push(format!("frontend {name}: maxconn {maxconn}"));
            }
        }
        for (backend, server) in &self.added {
            lines.push(format!("server {backend}/{}: added", server.name));
        }
        for (backend, server) in &self.removed {
            lines.push(format!("server {backend}/{server}: removed"));
        }
        for ((backend, server), patch) in &self.servers {
            let mut words = Vec::new();
            words.extend(patch.host.as_ref().map(|h| format!("address {h}")));
            words.extend(patch.port.map(|p| format!("port {}", port_text(p))));
            words.extend(patch.check_addr.map(|a| format!("check-addr {a}")));
            words.extend(patch.check_port.map(|p| format!("check-port {p}")));
            words.extend(patch.maxconn.map(|m| format!("maxconn {m}")));
            lines.push(format!("server {backend}/{server}: {}", words.join(", ")));
        }
        lines
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
                || self.added.iter().any(|(b, _)| *b == name)
                || self.servers.keys().any(|(b, _)| *b == name);
            if !concerned {
                continue;
            }
            let servers = &mut Arc::make_mut(backend).servers;
            servers.retain(|s| !self.removed.contains(&(name.clone(), s.name.clone())));
            for (_, server) in self.added.iter().filter(|(b, _)| *b == name) {
                if !servers.iter().any(|s| s.name == server.name) {
                    servers.push(Arc::clone(server));
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

impl ServerPatch {
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
        patches.add(&backend, server("c", 3));
        let mut changed = base.clone();
        patches.apply(&mut changed);
        assert_eq!(names(&changed), ["b", "c"]);
        patches.remove(&backend, &"c".into());
        patches.add(&backend, server("a", 9));
        let mut changed = base;
        patches.apply(&mut changed);
        assert_eq!(names(&changed), ["a", "b"], "{:?}", patches.lines());
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
