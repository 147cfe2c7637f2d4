//! Numbers of servers: a container keeps its own while others come and go.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Backend, Config, Server, ServerIdentity};

/// Gives every container the number it has in `running`, and new ones numbers that are free.
/// Servers that the file names keep what they have there.
pub fn keep(config: &mut Config, running: &Config) {
    let before: HashMap<_, _> = running.backends.iter().map(|b| (&b.name, b)).collect();
    for backend in &mut config.backends {
        if let Some(old) = before.get(&backend.name) {
            of_backend(backend, old);
        }
    }
}

fn of_backend(backend: &mut Arc<Backend>, old: &Backend) {
    let comes_and_goes = |s: &&Arc<Server>| matches!(s.identity, ServerIdentity::Container { .. });
    let had: HashMap<_, u32> =
        old.servers.iter().filter(comes_and_goes).map(|s| (&s.identity, s.id)).collect();
    if had.is_empty() {
        return;
    }
    let named = backend.servers.iter().filter(|s| !comes_and_goes(s));
    let mut taken: HashSet<u32> = named.map(|s| s.id).collect();
    let mut ids: Vec<Option<u32>> = Vec::with_capacity(backend.servers.len());
    for server in &backend.servers {
        ids.push(match comes_and_goes(&server) {
            true => had.get(&server.identity).copied().filter(|id| taken.insert(*id)),
            false => Some(server.id),
        });
    }
    let mut next = 1;
    for (at, id) in ids.into_iter().enumerate() {
        let id = id.unwrap_or_else(|| {
            while !taken.insert(next) {
                next += 1;
            }
            next
        });
        if backend.servers[at].id != id {
            Arc::make_mut(&mut Arc::make_mut(backend).servers[at]).id = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A backend with these servers: `file` is one of the file, anything else a container.
    fn config(names: &[&str]) -> Config {
        let servers: Vec<String> =
            names.iter().map(|name| crate::tests::server(name, 80)).collect();
        let mut config = crate::tests::config(&[], &servers);
        for server in &mut Arc::make_mut(&mut config.backends[0]).servers {
            let server = Arc::make_mut(server);
            if &*server.name != "file" {
                server.identity = ServerIdentity::Container {
                    provider: "docker".into(),
                    id: server.name.clone(),
                    started_ns: 1,
                };
            }
        }
        config
    }

    fn numbers(config: &Config) -> Vec<(&str, u32)> {
        config.backends[0].servers.iter().map(|s| (&*s.name, s.id)).collect()
    }

    #[test]
    fn a_container_keeps_its_number() {
        let running = config(&["a", "b", "c"]);
        let mut fewer = config(&["b", "c"]);
        keep(&mut fewer, &running);
        assert_eq!(numbers(&fewer), [("b", 2), ("c", 3)]);
        let mut other = config(&["b", "d", "c", "e"]);
        keep(&mut other, &fewer);
        assert_eq!(numbers(&other), [("b", 2), ("d", 1), ("c", 3), ("e", 4)]);
    }

    #[test]
    fn the_file_comes_first() {
        let running = config(&["a", "b"]);
        let mut now = config(&["file", "a", "b"]);
        keep(&mut now, &running);
        assert_eq!(numbers(&now), [("file", 1), ("a", 3), ("b", 2)]);
    }
}
