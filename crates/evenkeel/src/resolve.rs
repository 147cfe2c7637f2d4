//! Names of servers and of listening addresses to addresses, at start and at every change.
//!
//! The binary is static and has no name service of the C library, so the hosts file and the name
//! servers of resolv.conf are asked directly. Source: manual 5.2, `init-addr`.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use control::server_state::Known;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolveHosts};
use model::{Config, Host, InitAddr, Name, Origin, Server};
use tokio::task::JoinSet;

use crate::identity;

/// Names that are asked for at the same time.
const AT_ONCE_MAX: usize = 64;

/// Longest time all names of one configuration may take together.
const ALL_NAMES_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time one question to a name server may take before it is asked again.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);

/// A server whose name stands for no address and that may not start without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Where the server is written.
    pub origin: Origin,
    /// Its backend.
    pub backend: Name,
    /// Its name.
    pub server: Name,
    /// The name that was asked for.
    pub host: Name,
}

/// What names stood for before.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// What runs now.
    pub running: Option<&'a Config>,
    /// What state files know.
    pub states: &'a Known,
}

/// Gives every server that is named its address, in place.
///
/// Addresses that names had `before` are used first (`last`), unless `anew` asks for every
/// name again that no `resolvers` watch, and falls back to them only where no answer comes.
/// `lenient` is `-dr`: a name that does not resolve disables the server. Returns the servers that
/// must have an address and have none.
pub fn servers(
    config: &mut Config,
    before: Before<'_>,
    anew: bool,
    lenient: bool,
) -> Vec<Unresolved> {
    let known = before;
    let mut names = BTreeSet::new();
    for_each_named(config, |backend, server, host| {
        let before = last(known, backend, server, host);
        let anew = anew && server.resolvers.is_none();
        if is_service(server, host) {
            return;
        }
        if (anew || first_answer(server, before, None).is_none()) && uses(server, InitAddr::Libc) {
            names.insert(host.to_string());
        }
    });
    let found = lookup(names);
    let mut unresolved = Vec::new();
    for backend in &mut config.backends {
        if !backend.servers.iter().any(|s| matches!(s.host, Host::Name { .. })) {
            continue;
        }
        let backend = Arc::make_mut(backend);
        for server in &mut backend.servers {
            let Host::Name { name, .. } = &server.host else { continue };
            let name = name.clone();
            let before = last(known, &backend.name, server, &name);
            let asked = found.get(&*name).copied();
            let anew = anew && server.resolvers.is_none();
            let before = if anew { asked.or(before) } else { before };
            let resolved = first_answer(server, before, asked);
            let may_wait = lenient || uses(server, InitAddr::None) || is_service(server, &name);
            if resolved.is_none() && !may_wait {
                unresolved.push(Unresolved {
                    origin: server.origin.clone(),
                    backend: backend.name.clone(),
                    server: server.name.clone(),
                    host: name.clone(),
                });
            }
            Arc::make_mut(server).host = Host::Name { name, resolved };
        }
    }
    unresolved
}

/// Gives owners of unix sockets that are named their numbers. A name that nobody has is left to
/// the socket: it stays with the owner of the process.
pub fn owners(config: &mut Config) {
    for frontend in &mut config.frontends {
        let named = |b: &model::Bind| b.permissions.user.is_some() || b.permissions.group.is_some();
        if !frontend.binds.iter().any(named) {
            continue;
        }
        for bind in &mut Arc::make_mut(frontend).binds {
            let p = &mut bind.permissions;
            p.uid = p.user.as_deref().and_then(identity::user_id).or(p.uid);
            p.gid = p.group.as_deref().and_then(identity::group_id).or(p.gid);
        }
    }
}

/// The name of SRV records, which only `resolvers` can ask for (manual 5.3.1).
fn is_service(server: &Server, host: &str) -> bool {
    server.resolvers.is_some() && host.starts_with('_')
}

fn for_each_named(config: &Config, mut visit: impl FnMut(&str, &Server, &Name)) {
    for backend in &config.backends {
        for server in &backend.servers {
            if let Host::Name { name, .. } = &server.host {
                visit(&backend.name, server, name);
            }
        }
    }
}

/// Methods in the order written; nothing written means `last,libc`.
fn methods(server: &Server) -> &[InitAddr] {
    match server.init_addr.as_slice() {
        [] => &[InitAddr::Last, InitAddr::Libc],
        written => written,
    }
}

fn uses(server: &Server, method: InitAddr) -> bool {
    methods(server).contains(&method)
}

fn first_answer(server: &Server, last: Option<IpAddr>, asked: Option<IpAddr>) -> Option<IpAddr> {
    methods(server).iter().find_map(|method| match method {
        InitAddr::Last => last,
        InitAddr::Libc => asked,
        InitAddr::None => None,
        InitAddr::Ip(ip) => Some(*ip),
    })
}

/// The address that the same server has now, or had as a state file knows, under the same name.
fn last(known: Before<'_>, backend: &str, server: &Server, host: &Name) -> Option<IpAddr> {
    let Some(running) = known.running else {
        return known.states.of(backend, &server.name)?.address_of(host);
    };
    let backend = running.backend(backend)?;
    let before = backend.servers.iter().find(|s| s.identity == server.identity)?;
    match &before.host {
        Host::Name { name, resolved } if name == host => *resolved,
        _ => None,
    }
}

/// The first address of each name that has one. Blocks the calling thread, at most
/// [`ALL_NAMES_TIMEOUT`]; must not be called on a thread that runs a tokio runtime.
pub fn lookup(names: BTreeSet<String>) -> HashMap<String, IpAddr> {
    let mut found = HashMap::new();
    let mut open = Vec::new();
    for name in names {
        match name.parse() {
            Ok(ip) => drop(found.insert(name, ip)),
            Err(_) => open.push(name),
        }
    }
    if open.is_empty() {
        return found;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        runtime.block_on(async {
            let all = ask_all(open, &mut found);
            let _ = tokio::time::timeout(ALL_NAMES_TIMEOUT, all).await;
        });
    }
    found
}

async fn ask_all(names: Vec<String>, found: &mut HashMap<String, IpAddr>) {
    // Made anew each time: hosts file and resolv.conf are read when the resolver is built.
    let Some(resolver) = resolver() else { return };
    let mut waiting = names.into_iter();
    let mut asking = JoinSet::new();
    loop {
        while asking.len() < AT_ONCE_MAX
            && let Some(name) = waiting.next()
        {
            let resolver = resolver.clone();
            asking.spawn(async move {
                let answer = resolver.lookup_ip(name.as_str()).await;
                (answer.ok().and_then(|a| a.iter().next()), name)
            });
        }
        match asking.join_next().await {
            Some(Ok((Some(ip), name))) => drop(found.insert(name, ip)),
            Some(_) => {}
            None => return,
        }
    }
}

fn resolver() -> Option<TokioResolver> {
    let mut builder = TokioResolver::builder_tokio().ok()?;
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Always;
    options.timeout = QUESTION_TIMEOUT;
    options.attempts = 2;
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str]) -> HashMap<String, IpAddr> {
        lookup(names.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn literals_and_the_hosts_file_need_no_name_server() {
        let found = all(&["10.1.2.3", "::1", "localhost"]);
        assert_eq!(found.get("10.1.2.3"), Some(&"10.1.2.3".parse().expect("literal")));
        assert_eq!(found.get("::1"), Some(&"::1".parse().expect("literal")));
        assert!(found.get("localhost").is_some_and(IpAddr::is_loopback), "{found:?}");
    }
}
