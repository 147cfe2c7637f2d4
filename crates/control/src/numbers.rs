//! Numbers of proxies and servers: no two have the same, and a container keeps its own while others
//! come and go.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Backend, Config, Frontend, Name, Server, ServerIdentity};

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
    let same = |(a, b): (&Arc<Server>, &Arc<Server>)| {
        Arc::ptr_eq(a, b) || a.id == b.id && a.identity == b.identity
    };
    let pairs = backend.servers.iter().zip(&old.servers);
    if backend.servers.len() == old.servers.len() && pairs.into_iter().all(same) {
        return;
    }
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

/// Numbers of proxies by name: of frontends and of backends, which may share a name.
struct Known<'a> {
    frontends: HashMap<&'a Name, u32>,
    backends: HashMap<&'a Name, u32>,
}

impl<'a> Known<'a> {
    fn of(config: &'a Config) -> Self {
        Self {
            frontends: config.frontends.iter().map(|f| (&f.name, f.id)).collect(),
            backends: config.backends.iter().map(|b| (&b.name, b.id)).collect(),
        }
    }
}

/// Gives every proxy a number of its own. Those of the files (`base`) keep what they have there;
/// all others were written apart from them, so what they have may be taken. They keep what they
/// have in `running`.
pub fn of_proxies(config: &mut Config, base: &Config, running: Option<&Config>) {
    let base = Known::of(base);
    let fixed_frontend = |f: &Frontend| base.frontends.get(&f.name) == Some(&f.id);
    let fixed_backend = |b: &Backend| base.backends.get(&b.name) == Some(&b.id);
    let frontends = config.frontends.iter().filter(|f| fixed_frontend(f)).map(|f| f.id);
    let backends = config.backends.iter().filter(|b| fixed_backend(b)).map(|b| b.id);
    let mut taken: HashSet<u32> = frontends.chain(backends).collect();
    let empty = Config::default();
    let running = Known::of(running.unwrap_or(&empty));
    let mut next = 1;
    let mut number = |had: Option<&u32>| match had {
        Some(had) if taken.insert(*had) => *had,
        _ => {
            while !taken.insert(next) {
                next += 1;
            }
            next
        }
    };
    let mut listens = HashMap::new();
    for frontend in config.frontends.iter_mut().filter(|f| !fixed_frontend(f)) {
        let id = number(running.frontends.get(&frontend.name));
        if frontend.is_listen {
            listens.insert(frontend.name.clone(), id);
        }
        if frontend.id != id {
            Arc::make_mut(frontend).id = id;
        }
    }
    for backend in config.backends.iter_mut().filter(|b| !fixed_backend(b)) {
        // Both sides of a `listen` have one number.
        let id = listens.get(&backend.name).copied();
        let id = id.unwrap_or_else(|| number(running.backends.get(&backend.name)));
        if backend.id != id {
            Arc::make_mut(backend).id = id;
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

    #[test]
    fn proxies_of_containers_stay_apart_from_those_of_the_file_and_keep_theirs() {
        let named = |names: &[&str]| {
            let mut config = Config::default();
            for (at, name) in names.iter().enumerate() {
                let mut one = crate::tests::config(&[], &[]);
                let backend = Arc::make_mut(&mut one.backends[0]);
                backend.name = (*name).into();
                backend.id = u32::try_from(at).expect("few") % 2 + 1;
                config.backends.append(&mut one.backends);
            }
            config
        };
        let ids = |config: &Config| config.backends.iter().map(|b| b.id).collect::<Vec<_>>();
        let base = named(&["a", "b"]);
        let mut first = named(&["a", "b", "x", "y"]);
        of_proxies(&mut first, &base, None);
        assert_eq!(ids(&first), [1, 2, 3, 4]);
        let mut second = named(&["a", "b", "new", "y"]);
        of_proxies(&mut second, &base, Some(&first));
        assert_eq!(ids(&second), [1, 2, 3, 4]);
        let wider = named(&["a", "b", "c"]);
        let mut third = named(&["a", "b", "y"]);
        third.backends.push(Arc::clone(&wider.backends[2]));
        Arc::make_mut(&mut third.backends[3]).id = 4;
        let mut wider = wider;
        Arc::make_mut(&mut wider.backends[2]).id = 4;
        of_proxies(&mut third, &wider, Some(&second));
        assert_eq!(ids(&third), [1, 2, 3, 4], "the file has the first word");
    }
}
