//! Changes of the configuration that commands ask for while it runs.

use std::sync::Arc;
use std::time::Duration;

use admin::ports::{Change, FrontendChange, PortChange, ServerChange};
use control::apply::Attempt;
use control::intent::{Patches, port_text};
use control::{Cause, Verdict};
use model::{BackendTarget, Config, Host, Name, Port, Server};

use crate::house::{House, wall_ms};
use crate::pieces;

/// Carries a change out; returns what to say.
pub fn carry_out(house: &House, change: Change) -> Result<String, String> {
    let running = house.running().ok_or("Nothing runs yet.")?;
    let config = &running.config;
    let before = house.controller.borrow().intent.patches().clone();
    let mut patches = before.clone();
    let subject = subject(&change);
    let (cause, said) = note(house, config, &mut patches, change)?;
    if patches == before {
        return Ok(said);
    }
    apply(house, patches, before, cause)?;
    house.note(subject);
    Ok(said)
}

/// What a change is about, as changes are listed.
fn subject(change: &Change) -> String {
    match change {
        Change::Server(backend, server, _)
        | Change::AddServer(backend, server, _)
        | Change::RemoveServer(backend, server) => format!("server {backend}/{server}"),
        Change::AddBind(frontend, _)
        | Change::RemoveBind(frontend, _)
        | Change::RemoveFrontend(frontend)
        | Change::Frontend(frontend, _) => format!("frontend {frontend}"),
        Change::AddSection(keyword, header, _) => {
            format!("{keyword} {}", header.first().map_or("", |name| name))
        }
        Change::RemoveBackend(backend) => format!("backend {backend}"),
        Change::Maxconn(_) | Change::ConnectionRate(_) => "global".to_owned(),
    }
}

/// Notes a change; returns what is done and what to say about it.
fn note(
    house: &House,
    config: &Config,
    patches: &mut Patches,
    change: Change,
) -> Result<(String, String), String> {
    Ok(match change {
        Change::Server(backend, server, what) => {
            let model = server_of(config, &backend, &server)?;
            if matches!(what, ServerChange::Agent(..)) && !has_agent(house, &backend, &server) {
                return Err("agent checks are not enabled on this server".to_owned());
            }
            let said = match what {
                ServerChange::Fqdn(host) => renamed(patches, model, &backend, host)?,
                what => of_server(patches, model, &backend, what),
            };
            (format!("set server {backend}/{server}"), said)
        }
        Change::AddServer(backend, server, options) => {
            let added = pieces::server(house, config, &backend, &server, &options)?;
            patches.add(&backend, added, options);
            (format!("add server {backend}/{server}"), String::new())
        }
        Change::RemoveServer(backend, server) => {
            removable(house, config, &backend, &server)?;
            patches.remove(&backend, &server);
            (format!("del server {backend}/{server}"), String::new())
        }
        Change::AddBind(frontend, words) => {
            let binds = pieces::binds(house, config, &frontend, &words)?;
            patches.add_binds(&frontend, binds, words);
            (format!("add bind {frontend}"), String::new())
        }
        Change::RemoveBind(frontend, place) => {
            let model = config.frontend(&frontend).ok_or("No such frontend.")?;
            let bind = model
                .binds
                .iter()
                .find(|b| b.address.to_string() == *place || b.name.as_deref() == Some(&*place));
            patches.remove_bind(&frontend, bind.ok_or("No such bind.")?.address.clone());
            (format!("del bind {frontend} {place}"), String::new())
        }
        Change::AddSection(keyword, header, body) => {
            let made = pieces::section(house, config, keyword, &header, &body)?;
            patches.add_section(made.frontend, made.backend, made.text);
            (format!("add {keyword} {}", header.join(" ")), String::new())
        }
        Change::RemoveFrontend(name) => {
            let model = config.frontend(&name).ok_or("No such frontend.")?;
            if model.is_listen {
                return Err(format!(
                    "'{name}' is a 'listen' section; 'disable frontend' closes it."
                ));
            }
            patches.remove_frontend(&name);
            (format!("del frontend {name}"), String::new())
        }
        Change::RemoveBackend(name) => {
            unnamed(config, &name)?;
            patches.remove_backend(&name);
            (format!("del backend {name}"), String::new())
        }
        Change::Frontend(name, what) => {
            of_frontend(patches, config, &name, what)?;
            (format!("{} frontend {name}", word(what)), String::new())
        }
        Change::Maxconn(maxconn) => {
            patches.maxconn = maxconn;
            ("set maxconn global".to_owned(), String::new())
        }
        Change::ConnectionRate(rate) => {
            patches.connection_rate = Some(rate);
            ("set rate-limit connections global".to_owned(), String::new())
        }
    })
}

fn apply(house: &House, patches: Patches, before: Patches, cause: String) -> Result<(), String> {
    let causes = vec![Cause::Command(cause)];
    let attempt = Attempt { causes, at_ms: wall_ms(), spent: Duration::ZERO };
    *house.controller.borrow_mut().intent.patches_mut() = patches;
    let report = house.apply(attempt);
    if report.verdict == Verdict::Refused {
        let mut controller = house.controller.borrow_mut();
        *controller.intent.patches_mut() = before;
        return Err(controller.error().unwrap_or("it was refused").to_owned());
    }
    house.remembered.score.converged(report.entry.took);
    house.announce(&report);
    Ok(())
}

fn server_of<'c>(
    config: &'c Config,
    backend: &str,
    server: &str,
) -> Result<&'c Arc<Server>, String> {
    let backend = config.backend(backend).ok_or("No such backend.")?;
    let found = backend.servers.iter().find(|s| &*s.name == server);
    found.ok_or_else(|| "No such server.".to_owned())
}

fn of_server(patches: &mut Patches, model: &Server, backend: &Name, what: ServerChange) -> String {
    let patch = patches.server(backend, &model.name);
    match what {
        ServerChange::Maxconn(maxconn) => patch.maxconn = Some(maxconn),
        // See 'renamed'.
        ServerChange::Fqdn(_) => {}
        ServerChange::Check(addr, port) => {
            patch.check_addr = addr.or(patch.check_addr);
            patch.check_port = port.or(patch.check_port);
        }
        ServerChange::Agent(addr, port, send) => {
            patch.agent_addr = addr.or(patch.agent_addr);
            patch.agent_port = port.or(patch.agent_port);
            patch.agent_send = send.or(patch.agent_send.take());
        }
        ServerChange::Address(ip, port) => {
            let mut said = Vec::new();
            let before = match &model.host {
                Host::Name { resolved: Some(ip), .. } => ip.to_string(),
                Host::Name { resolved: None, .. } => String::new(),
                other => other.to_string(),
            };
            if before != ip.to_string() {
                said.push(format!("IP changed from '{before}' to '{ip}'"));
                patch.host = Some(Host::Ip(ip));
            }
            let port = port.map(|port| match port {
                PortChange::Fixed(port) => Port::Fixed(port),
                PortChange::Offset(offset) => Port::Offset(offset),
            });
            if let Some(port) = port.filter(|p| *p != model.port) {
                let (from, to) = (port_text(model.port), port_text(port));
                said.push(format!("port changed from '{from}' to '{to}'"));
                patch.port = Some(port);
            }
            return match said.is_empty() {
                true => "nothing changed".to_owned(),
                false => format!("{} by 'stats socket command'", said.join(", ")),
            };
        }
    }
    String::new()
}

/// Nothing that runs names this backend.
fn unnamed(config: &Config, name: &Name) -> Result<(), String> {
    let model = config.backend(name).ok_or("No such backend.")?;
    if model.is_listen {
        return Err(format!("'{name}' is a 'listen' section."));
    }
    let names = |frontend: &model::Frontend| {
        let ruled = frontend.use_backend.iter().any(|rule| match &rule.action {
            BackendTarget::Static(target) => target == name,
            BackendTarget::Format(_) => false,
        });
        ruled || frontend.default_backend.as_ref() == Some(name)
    };
    if let Some(frontend) = config.frontends.iter().find(|f| names(f)) {
        return Err(format!("Frontend '{}' uses this backend.", frontend.name));
    }
    let mut servers = config.backends.iter().filter(|b| b.name != *name).flat_map(|b| &b.servers);
    match servers.find(|s| s.track.as_deref().is_some_and(|(of, _)| of == name)) {
        Some(server) => Err(format!("Server '{}' tracks a server of this backend.", server.name)),
        None => Ok(()),
    }
}

/// Whether the agent of a server is asked now.
fn has_agent(house: &House, backend: &Name, server: &Name) -> bool {
    let live = house.plane.engine.shared().live();
    let servers = live.backends.get(backend).map(|b| b.servers.as_slice()).unwrap_or_default();
    servers
        .iter()
        .any(|s| s.model.name == *server && s.model.agent.is_some() && !s.check.is_agent_paused())
}

/// Another name for a server. The address stays until the DNS says something of the new one.
fn renamed(
    patches: &mut Patches,
    model: &Server,
    backend: &Name,
    host: Name,
) -> Result<String, String> {
    const NO_RESOLUTION: &str =
        "set server <b>/<s> fqdn failed because no resolution is configured.";
    if model.resolvers.is_none() {
        return Err(NO_RESOLUTION.to_owned());
    }
    let (before, resolved) = match &model.host {
        Host::Name { name, .. } if **name == *host => {
            return Ok("no need to change the FDQN by 'stats socket command'".to_owned());
        }
        Host::Name { name, resolved } => (&**name, *resolved),
        // HAProxy's word for a server that had no name so far.
        Host::Ip(ip) => ("(null)", Some(*ip)),
        _ => return Err(NO_RESOLUTION.to_owned()),
    };
    let said = format!(
        "{backend}/{} changed its FQDN from {before} to {host} by 'stats socket command'",
        model.name
    );
    patches.server(backend, &model.name).host = Some(Host::Name { name: host, resolved });
    Ok(said)
}

fn word(what: FrontendChange) -> &'static str {
    match what {
        FrontendChange::Close => "disable",
        FrontendChange::Open => "enable",
        FrontendChange::Shut => "shutdown",
        FrontendChange::Maxconn(_) => "set maxconn",
    }
}

fn of_frontend(
    patches: &mut Patches,
    config: &Config,
    name: &Name,
    what: FrontendChange,
) -> Result<(), String> {
    config.frontend(name).ok_or("No such frontend.")?;
    let patch = patches.frontend(name);
    match what {
        FrontendChange::Maxconn(maxconn) => patch.maxconn = Some(maxconn),
        FrontendChange::Open if patch.shut => {
            return Err("Frontend was previously shut down, cannot enable.".to_owned());
        }
        FrontendChange::Close if patch.shut => {
            return Err("Frontend was previously shut down, cannot disable.".to_owned());
        }
        FrontendChange::Shut if patch.shut => {
            return Err("Frontend was already shut down.".to_owned());
        }
        FrontendChange::Open if !patch.closed => {
            return Err("All sockets are already enabled.".to_owned());
        }
        FrontendChange::Close if patch.closed => {
            return Err("All sockets are already disabled.".to_owned());
        }
        FrontendChange::Open => patch.closed = false,
        FrontendChange::Close => patch.closed = true,
        FrontendChange::Shut => patch.shut = true,
    }
    Ok(())
}

fn removable(house: &House, config: &Config, backend: &Name, server: &Name) -> Result<(), String> {
    let model = server_of(config, backend, server)?;
    let tracked =
        config.backends.iter().flat_map(|b| &b.servers).any(|s| {
            s.track.as_deref().is_some_and(|(b, name)| b == backend && *name == model.name)
        });
    let used = config.backend(backend).is_some_and(|b| {
        b.use_server.iter().any(|rule| match &rule.action {
            model::ServerRule::Static(name) => *name == model.name,
            model::ServerRule::Format(_) => true,
        })
    });
    if tracked || used {
        return Err(
            "This server cannot be removed at runtime due to other configuration elements \
                    pointing to it."
                .to_owned(),
        );
    }
    admin::House::removable(house, &format!("{backend}/{server}")).map_err(|why| why.reason)
}
