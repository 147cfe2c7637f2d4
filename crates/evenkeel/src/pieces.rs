//! Pieces of configuration that commands bring while the process runs: lines and sections in the
//! language of the file, read in the company of what they name.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use config::text::quote::quote;
use config::{Environment, Files, Severity, SourceFile};
use model::{Backend, Bind, Config, Frontend, Mode, Name, Origin, Server};

use crate::house::House;

/// The server that a `server` line with these options would make in a backend, in maintenance.
///
/// # Errors
/// What is wrong, in HAProxy's words where it has some.
pub fn server(
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
    let mut text = String::new();
    for resolvers in &config.resolvers {
        let _ = writeln!(text, "resolvers {}\n nameserver stub 127.0.0.1:53", resolvers.name);
    }
    // What it may track.
    let tracked = options.windows(2).filter(|w| w[0] == "track");
    let tracked = tracked.filter_map(|w| w[1].split_once('/')).map(|(of, _)| of);
    for other in tracked.filter(|of| *of != &**backend).filter_map(|of| config.backend(of)) {
        stub(&mut text, other);
    }
    stub(&mut text, model);
    let words: Vec<String> = options.iter().map(|word| quote(word.as_bytes())).collect();
    let _ = writeln!(text, " server {} {}", quote(server.as_bytes()), words.join(" "));
    let made = load(house, "add server", &text, None)?;
    let made = made.backend(backend).and_then(|b| b.servers.iter().find(|s| s.name == *server));
    let mut made = Server::clone(made.ok_or("the line is not understood")?);
    made.disabled = true;
    made.origin = Origin::Runtime;
    Ok(made)
}

/// A backend and its servers, as far as others may name them.
fn stub(text: &mut String, backend: &Backend) {
    let mode = if backend.mode == Mode::Http { "http" } else { "tcp" };
    let _ = writeln!(text, "backend {}\n mode {mode}", quote(backend.name.as_bytes()));
    for server in &backend.servers {
        let check = if server.check.is_some() || server.agent.is_some() { " check" } else { "" };
        let name = quote(server.name.as_bytes());
        let _ = writeln!(text, " server {name} 127.0.0.1:1 id {}{check}", server.id);
    }
}

/// The listening addresses that a `bind` line makes in a frontend.
///
/// # Errors
/// What is wrong.
pub fn binds(
    house: &House,
    config: &Config,
    frontend: &Name,
    words: &[String],
) -> Result<Vec<Bind>, String> {
    let model = config.frontend(frontend).ok_or("No such frontend.")?;
    if words.is_empty() {
        return Err("'bind' expects an address.".to_owned());
    }
    let words: Vec<String> = words.iter().map(|word| quote(word.as_bytes())).collect();
    let mode = if model.mode == Mode::Http { "http" } else { "tcp" };
    let name = quote(frontend.as_bytes());
    let text = format!("frontend {name}\n mode {mode}\n bind {}\n", words.join(" "));
    let made = load(house, "add bind", &text, None)?;
    let made = made.frontends.first().ok_or("the line is not understood")?;
    let mut taken: BTreeSet<u32> = model.binds.iter().map(|b| b.id).collect();
    let mut binds = made.binds.clone();
    let numbered = words.iter().any(|w| w == "id");
    for bind in &mut binds {
        if !numbered {
            bind.id = (1..).find(|id| !taken.contains(id)).unwrap_or(u32::MAX);
        } else if taken.contains(&bind.id) {
            return Err(format!("the number {} is taken by another bind", bind.id));
        }
        taken.insert(bind.id);
        bind.origin = Origin::Runtime;
    }
    Ok(binds)
}

/// A section that was brought.
pub struct Section {
    /// Its client side.
    pub frontend: Option<Arc<Frontend>>,
    /// Its server side.
    pub backend: Option<Arc<Backend>>,
    /// The text it was made from.
    pub text: String,
}

/// A `frontend` or `backend` section: its header line and the lines below. It inherits from
/// `defaults` of the files, and may name whatever runs.
///
/// # Errors
/// What is wrong and in which line of the section's body.
pub fn section(
    house: &House,
    config: &Config,
    keyword: &str,
    header: &[String],
    body: &str,
) -> Result<Section, String> {
    let name = header.first().ok_or_else(|| format!("'{keyword}' expects a name."))?;
    if config.backend(name).is_some() || config.frontend(name).is_some() {
        return Err(format!("There is a proxy '{name}' already."));
    }
    let words: Vec<String> = header.iter().map(|word| quote(word.as_bytes())).collect();
    let mut text = format!("{keyword} {}\n", words.join(" "));
    for line in body.lines() {
        let _ = writeln!(text, "    {}", line.trim());
    }
    let made = load(house, &format!("add {keyword}"), &text, Some(config))?;
    let lines = made.frontends.len() + made.backends.len();
    let base = house.controller.borrow().intent.base().clone();
    let id = free_number(config, &base);
    let mut frontend = made.frontend(name).filter(|_| keyword == "frontend").cloned();
    let mut backend = made.backend(name).filter(|_| keyword == "backend").cloned();
    if frontend.is_none() && backend.is_none() || lines == 0 {
        return Err("the section is not understood".to_owned());
    }
    let own = body.lines().any(|line| line.trim_start().starts_with("id "));
    if !own {
        if let Some(frontend) = &mut frontend {
            Arc::make_mut(frontend).id = id;
        }
        if let Some(backend) = &mut backend {
            Arc::make_mut(backend).id = id;
        }
    }
    Ok(Section { frontend, backend, text })
}

/// The smallest number that no proxy has.
fn free_number(running: &Config, base: &Config) -> u32 {
    let of = |config: &Config| -> Vec<u32> {
        let fronts = config.frontends.iter().map(|f| f.id);
        fronts.chain(config.backends.iter().map(|b| b.id)).collect()
    };
    let taken: BTreeSet<u32> = of(running).into_iter().chain(of(base)).collect();
    (2..).find(|id| !taken.contains(id)).unwrap_or(u32::MAX)
}

/// Reads a text behind the files (with `running`: so that it inherits and may name what runs) or
/// alone.
fn load(
    house: &House,
    title: &str,
    text: &str,
    running: Option<&Config>,
) -> Result<Config, String> {
    let mut files = Files::default();
    let mut environment = Environment::new();
    if let Some(running) = running {
        files = house.loader.texts().map_err(|why| why.to_string())?;
        environment = house.loader.environment.clone();
        let base = house.controller.borrow().intent.base().clone();
        let mut stubs = String::new();
        for backend in running.backends.iter().filter(|b| base.backend(&b.name).is_none()) {
            stub(&mut stubs, backend);
        }
        files.add(SourceFile::new("what runs".to_owned(), stubs.as_bytes()));
    }
    let own = files.add(SourceFile::new(title.to_owned(), text.as_bytes()));
    let known = running.map(|config| config.patterns.as_slice()).unwrap_or_default();
    let loaded = house.loader.lower(files, known, &mut environment);
    let alert = loaded.diagnostics.iter().find(|d| d.severity == Severity::Alert);
    if let Some(alert) = alert {
        return Err(match alert.span {
            Some(span) if Some(span.file) != own => {
                let place = format!("{}:{}", loaded.files.name(span.file), span.line);
                format!("the files have an error: {place}: {}", alert.reason)
            }
            Some(span) if running.is_some() => {
                format!("line {}: {}", span.line.saturating_sub(1), alert.reason)
            }
            _ => alert.reason.clone(),
        });
    }
    loaded.config.ok_or_else(|| "the line is not understood".to_owned())
}
