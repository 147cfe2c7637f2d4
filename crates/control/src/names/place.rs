//! Addresses to servers: what a server has it keeps, what is free goes to those without, and
//! templates grow where more addresses are known than they have servers.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use model::observed::{NameRecord, Question};
use model::{Backend, Config, Host, Name, Port, Server, ServerIdentity};

use super::{Names, question};

/// Servers that a template may have beyond those that are written.
const EXTRA_MAX: usize = 256;

/// The weight of an SRV record that counts as one of a server.
const SRV_WEIGHT_STEP: u16 = 256;

/// Places all servers of all backends.
pub(super) fn all(names: &Names, config: &mut Config, running: Option<&Config>) {
    for backend in &mut config.backends {
        let mut groups: BTreeMap<Question, Vec<usize>> = BTreeMap::new();
        for (at, server) in backend.servers.iter().enumerate() {
            if let Some(question) = question(server) {
                groups.entry(question).or_default().push(at);
            }
        }
        if groups.is_empty() {
            continue;
        }
        let before = running.and_then(|r| r.backend(&backend.name)).cloned();
        let before = Before::new(before.as_deref());
        let backend = Arc::make_mut(backend);
        for (question, slots) in &groups {
            match names.known(question) {
                Some(records) => group(backend, slots, question, &before, &records),
                None => first_come(backend, slots),
            }
        }
    }
}

/// The servers that run now.
struct Before<'a> {
    servers: &'a [Arc<Server>],
    by_identity: HashMap<&'a ServerIdentity, &'a Server>,
}

impl<'a> Before<'a> {
    fn new(backend: Option<&'a Backend>) -> Self {
        let servers = backend.map_or(&[][..], |b| &b.servers);
        Self { servers, by_identity: servers.iter().map(|s| (&s.identity, &**s)).collect() }
    }

    /// Where the same server with the same name goes now, or where it begins.
    fn place(&self, server: &Server, question: &Question) -> Option<(IpAddr, Port)> {
        let now = self.by_identity.get(&server.identity);
        let same = now.filter(|now| super::question(now).as_ref() == Some(question));
        let of = same.copied().filter(|now| resolved(now).is_some()).unwrap_or(server);
        Some((resolved(of)?, of.port))
    }
}

fn resolved(server: &Server) -> Option<IpAddr> {
    match &server.host {
        Host::Name { resolved, .. } => *resolved,
        _ => None,
    }
}

/// Nothing is known yet: the address that a name had at start goes to one server only.
fn first_come(backend: &mut Backend, slots: &[usize]) {
    let mut given = Vec::new();
    for at in slots {
        let Some(server) = backend.servers.get_mut(*at) else { continue };
        let Some(ip) = resolved(server).filter(|_| !duplicates(server)) else { continue };
        if given.contains(&(ip, server.port)) {
            set(server, None);
        }
        given.push((ip, server.port));
    }
}

fn duplicates(server: &Server) -> bool {
    server.resolve.as_ref().is_some_and(|r| r.allow_duplicates)
}

fn group(
    backend: &mut Backend,
    slots: &[usize],
    question: &Question,
    before: &Before<'_>,
    records: &[NameRecord],
) {
    let mut free: Vec<NameRecord> = records.to_vec();
    let mut without = Vec::new();
    for at in slots {
        let Some(server) = backend.servers.get_mut(*at) else { continue };
        let place = before.place(server, question);
        let kept = place.and_then(|place| free.iter().position(|r| is_at(r, place)));
        match kept {
            Some(kept) => set(server, Some(free.remove(kept))),
            None => without.push(*at),
        }
    }
    let last = slots.last().and_then(|at| backend.servers.get(*at)).cloned();
    let template = last.as_ref().and_then(|s| s.resolve.as_ref()?.template.clone());
    let mut extra = match &template {
        Some(prefix) => staying(backend, prefix, question, before, &mut free),
        None => Vec::new(),
    };
    for at in without {
        let Some(server) = backend.servers.get_mut(at) else { continue };
        let wants = server.resolve.clone().unwrap_or_default();
        let preferred =
            |from: &[NameRecord]| from.iter().position(|r| wants.prefers(r.ip)).unwrap_or(0);
        let record = match (free.is_empty(), wants.allow_duplicates) {
            (false, _) => Some(free.remove(preferred(&free))),
            (true, true) => records.get(preferred(records)).copied(),
            (true, false) => None,
        };
        set(server, record);
    }
    if let (Some(model), Some(prefix)) = (last, template) {
        number(backend, &prefix, free, &mut extra);
        grow(backend, &model, extra);
    }
}

fn is_at(record: &NameRecord, (ip, port): (IpAddr, Port)) -> bool {
    record.ip == ip && record.service.is_none_or(|(p, _)| Port::Fixed(p) == port)
}

/// Servers beyond those written that run and whose address is still there: they keep both.
fn staying(
    backend: &Backend,
    prefix: &Name,
    question: &Question,
    before: &Before<'_>,
    free: &mut Vec<NameRecord>,
) -> Vec<(Name, NameRecord)> {
    let mut staying = Vec::new();
    for server in before.servers {
        let of_template = server.resolve.as_ref().and_then(|r| r.template.as_ref()) == Some(prefix);
        let written = backend.servers.iter().any(|s| s.identity == server.identity);
        let place = before.place(server, question).filter(|_| of_template && !written);
        let kept = place.and_then(|place| free.iter().position(|r| is_at(r, place)));
        if let Some(kept) = kept {
            staying.push((server.name.clone(), free.remove(kept)));
        }
    }
    staying
}

/// Names for addresses that are left: the lowest numbers that are free.
fn number(
    backend: &Backend,
    prefix: &Name,
    left: Vec<NameRecord>,
    extra: &mut Vec<(Name, NameRecord)>,
) {
    let mut number = 0;
    for record in left.into_iter().take(EXTRA_MAX.saturating_sub(extra.len())) {
        let name: Name = loop {
            number += 1;
            let name = format!("{prefix}{number}");
            let taken = backend.servers.iter().any(|s| *s.name == *name)
                || extra.iter().any(|(known, _)| **known == *name);
            if !taken {
                break name.into();
            }
        };
        extra.push((name, record));
    }
}

/// Adds servers like `model`, behind all others.
fn grow(backend: &mut Backend, model: &Server, extra: Vec<(Name, NameRecord)>) {
    let mut id = backend.servers.iter().map(|s| s.id).max().unwrap_or(0);
    for (name, record) in extra {
        id = id.saturating_add(1);
        let identity = ServerIdentity::Named(name.clone());
        let mut server = Arc::new(Server { identity, name, id, ..model.clone() });
        set(&mut server, Some(record));
        backend.servers.push(server);
    }
}

/// Makes a server go where the record says, or nowhere.
fn set(server: &mut Arc<Server>, record: Option<NameRecord>) {
    let ip = record.map(|r| r.ip);
    let service = record.and_then(|r| r.service);
    let port = service.map_or(server.port, |(port, _)| Port::Fixed(port));
    let ignored = server.resolve.as_ref().is_some_and(|r| r.ignore_weight);
    let weight = match service {
        Some((_, weight)) if !ignored => weight.div_ceil(SRV_WEIGHT_STEP),
        _ => server.weight,
    };
    if resolved(server) == ip && server.port == port && server.weight == weight {
        return;
    }
    let server = Arc::make_mut(server);
    if let Host::Name { resolved, .. } = &mut server.host {
        *resolved = ip;
    }
    server.port = port;
    server.weight = weight;
}
