//! What was written for containers read by the reader of files, faults brought home to whoever
//! asked for them, and the result joined with the files.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use config::source::Sources;
use config::{Environment, Facts, Files, Severity, SourceFile};
use model::{Address, Bind, Config, Frontend, Mode, Origin};

use super::pools::{Remark, Sorted};
use super::route::DEFAULT_PORT;
use super::said::By;
use super::text::Text;
use super::write::{Draft, Writer};
use super::{Fault, Problem, Who};

/// What was made of everything that is written for containers.
#[derive(Debug)]
pub struct Made {
    /// The containers' part.
    pub config: Config,
    /// What there is to say about it.
    pub warnings: Vec<Problem>,
}

/// No file can be read for a container; hosts are those of the operator.
struct Hosts<'a>(&'a BTreeMap<String, IpAddr>);

impl Sources for Hosts<'_> {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Err("no file can be read from labels and variables".to_owned())
    }

    fn resolve(&self, host: &str) -> Option<IpAddr> {
        self.0.get(host).copied()
    }
}

/// A warning with whoever is warned.
#[derive(Clone, Debug)]
pub struct Warning {
    /// In which label or variable it stands.
    pub label: Option<Arc<str>>,
    /// What to say.
    pub problem: Problem,
}

/// What was read of a text.
#[derive(Debug, Default)]
pub struct Reading {
    /// The model.
    pub config: Config,
    /// What there is to say about which piece.
    pub warnings: Vec<(usize, Warning)>,
}

/// Reads a text. `pieces` says of each line to which piece it belongs; what is said about lines
/// that belong to none is dropped.
///
/// # Errors
/// Every fault, with who is to be left out for it.
pub fn read(
    text: &Text,
    pieces: Vec<Option<usize>>,
    hosts: &BTreeMap<String, IpAddr>,
) -> Result<Reading, Vec<Fault>> {
    let mut files = Files::default();
    files.add(SourceFile::new("containers", text.as_str().as_bytes()));
    let facts = Facts::default();
    let loaded = config::load(files, &Hosts(hosts), &mut Environment::default(), &facts);
    let (mut warnings, mut faults) = (Vec::new(), Vec::new());
    for found in &loaded.diagnostics {
        let speaker = found.span.and_then(|s| match found.severity {
            // A fault of a section as a whole is somebody's too.
            Severity::Alert => text.speaker_near(s.line, s.column),
            _ => text.speaker(s.line, s.column),
        });
        let hint = found.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
        let reason = format!("{}{hint}", found.reason);
        let problem = match speaker {
            Some(speaker) => speaker.problem(reason),
            None => Problem { origin: Origin::BuiltIn, reason },
        };
        match found.severity {
            Severity::Alert => {
                let who = speaker.map(|s| match &s.by {
                    By::Container { id, .. } => Who::Container(id.clone()),
                    By::Balancer => Who::Variable(s.label.to_string()),
                });
                faults.push(Fault { who, problem });
            }
            Severity::Warning => {
                let line = found.span.map_or(0, |s| (s.line as usize).saturating_sub(1));
                if let Some(piece) = pieces.get(line).copied().flatten() {
                    let label = speaker.map(|s| s.label.clone());
                    warnings.push((piece, Warning { label, problem }));
                }
            }
            _ => {}
        }
    }
    match loaded.config {
        Some(mut config) => {
            home(&mut config, text);
            Ok(Reading { config, warnings })
        }
        None => Err(faults),
    }
}

/// Origins lead to whoever asked, not into a text that nobody sees.
fn home(config: &mut Config, text: &Text) {
    let place = |origin: &mut Origin| {
        if let Origin::File { line, column, .. } = origin {
            let speaker = text.speaker(*line, *column);
            *origin = speaker.map_or(Origin::BuiltIn, super::said::Said::origin);
        }
    };
    place(&mut config.global.origin);
    for frontend in &mut config.frontends {
        let frontend = Arc::make_mut(frontend);
        place(&mut frontend.origin);
        frontend.binds.iter_mut().for_each(|b| place(&mut b.origin));
        frontend.use_backend.iter_mut().for_each(|r| place(&mut r.origin));
        frontend.rules.http_request.iter_mut().for_each(|r| place(&mut r.origin));
        frontend.rules.http_response.iter_mut().for_each(|r| place(&mut r.origin));
    }
    for backend in &mut config.backends {
        let backend = Arc::make_mut(backend);
        place(&mut backend.origin);
        backend.rules.http_request.iter_mut().for_each(|r| place(&mut r.origin));
        backend.rules.http_response.iter_mut().for_each(|r| place(&mut r.origin));
        for server in &mut backend.servers {
            place(&mut Arc::make_mut(server).origin);
        }
    }
}

/// Takes out pools whose name a file has.
pub fn file_wins(base: &Config, sorted: &mut Sorted) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let names: HashSet<&str> = base.backends.iter().map(|b| &*b.name).collect();
    let variants = &sorted.variants;
    let mut free = |name: &str, whose: &[usize]| {
        let clash = names.contains(name);
        if clash {
            let all = || whose.iter().map(|i| &variants[*i]);
            let mut said = all().flat_map(|v| {
                v.way.routes.iter().map(|(_, s)| s).chain(v.way.tcp.iter().map(|(_, s)| s))
            });
            let origin = said.next().map_or(Origin::BuiltIn, super::said::Said::origin);
            let reason = format!("backend {name} is in a file already: the file wins");
            let remark = Remark::new(all(), Problem { origin, reason });
            remarks.push(Remark { lost: true, ..remark });
        }
        !clash
    };
    sorted.pools.retain(|pool| free(&pool.name, &pool.variants));
    sorted.default = sorted.default.take().filter(|pool| free(&pool.name, &pool.variants));
    sorted.relays.retain(|port, variants| free(&format!("port_{port}"), variants));
    remarks
}

/// The files' configuration and the containers' in one.
pub fn join(
    base: &Config,
    made: Config,
    draft: &Draft,
    writer: &Writer<'_>,
    problems: &mut Vec<Problem>,
) -> Config {
    let mut whole = base.clone();
    if whole.global == model::Global::default() {
        whole.global = made.global;
    } else if made.global != model::Global::default() {
        problems.push(Problem {
            origin: Origin::BuiltIn,
            reason: "the file's global section is used; variables about it are not".to_owned(),
        });
    }
    whole.userlists.extend(made.userlists);
    let named: BTreeMap<&str, u16> =
        draft.frontends.iter().map(|(port, name)| (&**name, *port)).collect();
    for frontend in made.frontends {
        match named.get(&*frontend.name) {
            Some(port) => meet(&mut whole, frontend, *port, writer, problems),
            None => alone(&mut whole, frontend, problems),
        }
    }
    let unused = |b: &Arc<model::Backend>| {
        b.is_listen && !whole.frontends.iter().any(|f| f.is_listen && f.name == b.name)
    };
    let kept: Vec<_> = made.backends.into_iter().filter(|b| !unused(b)).collect();
    let names: HashSet<&str> = base.backends.iter().map(|b| &*b.name).collect();
    whole.backends.extend(kept.into_iter().filter(|b| !names.contains(&*b.name)));
    whole
}

/// Whether a frontend of the files has one of these addresses' ports.
fn taken(base: &Config, address: &Address) -> bool {
    let Address::Inet(wanted) = address else { return false };
    let binds = base.frontends.iter().filter(|f| !f.disabled).flat_map(|f| f.binds.iter());
    binds.into_iter().any(|b| matches!(&b.address, Address::Inet(i) if i.port() == wanted.port()))
}

/// A frontend of which the files may have the port: its rules then follow theirs.
fn meet(
    whole: &mut Config,
    mut made: Arc<Frontend>,
    port: u16,
    writer: &Writer<'_>,
    problems: &mut Vec<Problem>,
) {
    let (theirs, free): (Vec<Bind>, Vec<Bind>) =
        made.binds.iter().cloned().partition(|b| taken(whole, &b.address));
    let has = |f: &Frontend| {
        let ports = f.binds.iter().filter_map(|b| match &b.address {
            Address::Inet(i) => Some(i.port()),
            _ => None,
        });
        ports.into_iter().any(|p| writer.home(p) == port)
    };
    for frontend in &mut whole.frontends {
        if theirs.is_empty() || frontend.disabled || frontend.mode != Mode::Http || !has(frontend) {
            continue;
        }
        let frontend = Arc::make_mut(frontend);
        for rule in &made.use_backend {
            let everything = rule.condition.as_ref().is_some_and(|c| {
                c.source().ends_with("{ always_true }") && frontend.default_backend.is_some()
            });
            if everything {
                problems.push(Problem {
                    origin: rule.origin.clone(),
                    reason: format!(
                        "frontend {} of a file has a default backend: the file wins",
                        frontend.name
                    ),
                });
            } else {
                frontend.use_backend.push(rule.clone());
            }
        }
        if frontend.default_backend.is_none() {
            frontend.default_backend.clone_from(&made.default_backend);
        }
    }
    if !theirs.is_empty() {
        Arc::make_mut(&mut made).binds = free;
    }
    let name_taken = whole.frontend(&made.name).is_some();
    if name_taken && (theirs.is_empty() || port != DEFAULT_PORT) {
        let reason = format!("frontend {} is in a file already: the file wins", made.name);
        problems.push(Problem { origin: Origin::BuiltIn, reason });
    }
    if !made.binds.is_empty() && !name_taken {
        whole.frontends.push(made);
    }
}

/// A frontend or `listen` that shares nothing with the files'.
fn alone(whole: &mut Config, made: Arc<Frontend>, problems: &mut Vec<Problem>) {
    let name = &made.name;
    let reason = if whole.frontend(name).is_some() {
        format!("frontend {name} is in a file already: the file wins")
    } else if let Some(bind) = made.binds.iter().find(|b| taken(whole, &b.address)) {
        format!("a file listens on the port of {} already: {name} is left out", bind.address)
    } else {
        whole.frontends.push(made);
        return;
    };
    let origin = made.binds.first().map_or(Origin::BuiltIn, |b| b.origin.clone());
    problems.push(Problem { origin, reason });
}
