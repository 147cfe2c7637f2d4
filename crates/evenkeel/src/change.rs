//! Changes of the configuration that commands ask for while it runs.

use std::sync::Arc;
use std::time::Duration;

use admin::ports::{Change, FrontendChange, PortChange, ServerChange};
use config::{Environment, Files, Severity, SourceFile};
use control::apply::Attempt;
use control::intent::{Patches, port_text};
use control::{Cause, Verdict};
use model::{Config, Host, Mode, Name, Port, Server};

use crate::house::{House, wall_ms};

/// Carries a change out; returns what to say.
pub fn carry_out(house: &House, change: Change) -> Result<String, String> {
    let running = house.running().ok_or("Nothing runs yet.")?;
    let config = &running.config;
    let before = house.controller.borrow().intent.patches().clone();
    let mut patches = before.clone();
    let (cause, said) = match change {
        Change::Server(backend, server, what) => {
            let model = server_of(config, &backend, &server)?;
            let said = of_server(&mut patches, model, &backend, what);
            if patches == before {
                return Ok(said);
            }
            (format!("set server {backend}/{server}"), said)
        }
        Change::AddServer(backend, server, options) => {
            let added = lower(house, config, &backend, &server, &options)?;
            patches.add(&backend, added);
            (format!("add server {backend}/{server}"), String::new())
        }
        Change::RemoveServer(backend, server) => {
            removable(house, config, &backend, &server)?;
            patches.remove(&backend, &server);
            (format!("del server {backend}/{server}"), String::new())
        }
        Change::Frontend(name, what) => {
            of_frontend(&mut patches, config, &name, what)?;
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
    };
    apply(house, patches, before, cause)?;
    Ok(said)
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
        ServerChange::Check(addr, port) => {
            patch.check_addr = addr.or(patch.check_addr);
            patch.check_port = port.or(patch.check_port);
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

/// The server that a `server` line in the backend would make.
fn lower(
    house: &House,
    config: &Config,
    backend: &Name,
    server: &Name,
    options: &[String],
) -> Result<Server, String> {
    let model = config.backend(backend).ok_or("No such backend.")?;
    if model.servers.iter().any(|s| s.name == *server) {
        return Err("Already exists a server with the same name in backend.".to_owned());
    }
    if options.is_empty() {
        return Err("'server' expects <name> and <addr>[:<port>] as arguments.".to_owned());
    }
    let mode = if model.mode == Mode::Http { "http" } else { "tcp" };
    let words: Vec<String> = options.iter().map(|word| quoted(word)).collect();
    let text = format!(
        "backend {}\n mode {mode}\n server {} {}\n",
        quoted(backend),
        quoted(server),
        words.join(" ")
    );
    let mut files = Files::default();
    files.add(SourceFile::new("add server".to_owned(), text.as_bytes()));
    let facts = &house.loader.facts;
    let loaded = config::load(files, &config::source::NoSources, &mut Environment::new(), facts);
    let alert = loaded.diagnostics.iter().find(|d| d.severity == Severity::Alert);
    if let Some(alert) = alert {
        return Err(alert.reason.clone());
    }
    let mut lowered = loaded.config.ok_or("the line is not understood")?;
    let made = lowered.backends.pop().and_then(|b| b.servers.first().cloned());
    let mut made = Arc::unwrap_or_clone(made.ok_or("the line is not understood")?);
    let highest = model.servers.iter().map(|s| s.id).max().unwrap_or(0);
    if !options.iter().any(|w| w == "id") {
        made.id = highest + 1;
    } else if let Some(other) = model.servers.iter().find(|s| s.id == made.id) {
        return Err(format!(
            "'id' : custom id {} already used ('server {}').",
            made.id, other.name
        ));
    }
    made.disabled = true;
    Ok(made)
}

/// A word of a configuration line that stays one word.
fn quoted(word: &str) -> String {
    word.chars().fold(String::new(), |mut out, c| {
        if matches!(c, ' ' | '\t' | '\\' | '"' | '\'' | '#' | '$') {
            out.push('\\');
        }
        if !matches!(c, '\n' | '\r') {
            out.push(c);
        }
        out
    })
}
