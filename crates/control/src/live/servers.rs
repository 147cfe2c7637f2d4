//! Servers: those that came or went, and what was changed about the others.

use std::sync::Arc;

use config::{Sheet, SheetLine};
use model::{Backend, Host, Port, Server};

use super::{By, Live, ids};
use crate::intent::{Override, ServerPatch, State, port_text};
use crate::ports::ServerOrderKind;

/// Brings a section's servers up to what runs.
pub fn edit(live: &Live<'_>, by: By, sheet: &mut Sheet) {
    let name = sheet.name().to_owned();
    let Some(backend) = live.config.backend(&name) else { return };
    let base = live.files.0.backend(&name).filter(|_| by == By::Files);
    let numbered = base.is_none_or(|base| !in_place(base, backend));
    let mut lines = Vec::with_capacity(sheet.lines.len());
    for line in std::mem::take(&mut sheet.lines) {
        if line.is("server") {
            lines.extend(one(live, backend, base, line, numbered));
        } else if line.is("server-template") {
            template(live, backend, base, line, numbered, &mut lines);
        } else {
            lines.push(line);
        }
    }
    for (added, words) in live.patches.added_to(&name) {
        let runs = backend.servers.iter().any(|s| s.name == added.name);
        let written = |l: &SheetLine| l.is("server") && l.word(1) == &*added.name;
        if !runs || lines.iter().any(written) {
            continue;
        }
        let head = ["server", &added.name];
        let words: Vec<&str> = head.into_iter().chain(words.iter().map(|w| &**w)).collect();
        let mut line = SheetLine::new(&words);
        line.remark("added at run time");
        lines.extend(one(live, backend, None, line, true));
    }
    sheet.lines = lines;
}

/// Whether all servers of the files are there, with the numbers that they have there.
fn in_place(base: &Backend, backend: &Backend) -> bool {
    let same = |(old, new): (&Arc<Server>, &Arc<Server>)| old.name == new.name && old.id == new.id;
    backend.servers.len() >= base.servers.len()
        && base.servers.iter().zip(&backend.servers).all(same)
}

/// A `server` line as it is now; `None` when the server went.
fn one(
    live: &Live<'_>,
    backend: &Backend,
    base: Option<&Arc<Backend>>,
    mut line: SheetLine,
    numbered: bool,
) -> Option<SheetLine> {
    let name = line.word(1).to_owned();
    let from_files = line.place.is_some();
    if from_files && live.patches.removes_server(&backend.name, &name) {
        return None;
    }
    let server = backend.servers.iter().find(|s| *s.name == *name)?;
    let old = base.and_then(|b| b.servers.iter().find(|s| *s.name == *name));
    if numbered {
        ids::write(&mut line, server.id);
    }
    if let Some(patch) = live.patches.of_server(&backend.name, &name) {
        patched(&mut line, server, patch);
    }
    if let Some(order) = live.overrides.of(&backend.name, &name) {
        ordered(&mut line, order, server);
    }
    let written = old.map_or_else(|| line.option("disabled").is_some(), |s| s.disabled);
    let out = (live.server)(&backend.name, &name).map_or(server.disabled, |now| now.maintenance);
    let out = out || server.stopping;
    if out && !written {
        line.words.push(b"disabled".to_vec());
        line.remark(if server.stopping { "it is stopping" } else { "in maintenance now" });
    } else if written && !out {
        if !line.drop_option("disabled") {
            line.words.push(b"enabled".to_vec());
        }
        line.remark("disabled in the file");
    }
    Some(line)
}

/// A `server-template` line, taken apart where its servers are no longer alike.
fn template(
    live: &Live<'_>,
    backend: &Backend,
    base: Option<&Arc<Backend>>,
    line: SheetLine,
    numbered: bool,
    lines: &mut Vec<SheetLine>,
) {
    let (prefix, count) = (line.word(1).to_owned(), line.word(2).to_owned());
    let number = |text: &str| text.parse::<u32>().ok();
    let range = match count.split_once('-') {
        None => number(&count).map(|count| (1, count)),
        Some((from, to)) => number(from).zip(number(to)),
    };
    let Some((from, to)) = range else { return lines.push(line) };
    let id = |name: &str| backend.servers.iter().find(|s| *s.name == *name).map(|s| s.id);
    let alone: Vec<Option<SheetLine>> = (from..=to)
        .map(|n| {
            let mut words = line.words.clone();
            words.remove(2);
            words[0] = b"server".to_vec();
            words[1] = format!("{prefix}{n}").into_bytes();
            let single = SheetLine { words, ..line.clone() };
            let mut now = one(live, backend, base, single.clone(), false)?;
            if now == single {
                return None;
            }
            if let Some(id) = id(&format!("{prefix}{n}")).filter(|_| numbered) {
                ids::write(&mut now, id);
            }
            Some(now)
        })
        .collect();
    let gone = |n: u32| live.patches.removes_server(&backend.name, &format!("{prefix}{n}"));
    if !numbered && alone.iter().all(Option::is_none) && !(from..=to).any(gone) {
        lines.push(line);
        return;
    }
    // What is as written stays together.
    let mut run: Option<(u32, u32)> = None;
    let close = |run: &mut Option<(u32, u32)>, lines: &mut Vec<SheetLine>| {
        if let Some((from, to)) = run.take() {
            let mut part = line.clone();
            part.words[2] = format!("{from}-{to}").into_bytes();
            if let Some(first) = id(&format!("{prefix}{from}")).filter(|_| numbered) {
                ids::write(&mut part, first);
            }
            lines.push(part);
        }
    };
    for (n, single) in (from..=to).zip(alone) {
        match single {
            Some(single) => {
                close(&mut run, lines);
                lines.push(single);
            }
            None if gone(n) => close(&mut run, lines),
            None => run = Some((run.map_or(n, |(first, _)| first), n)),
        }
    }
    close(&mut run, lines);
}

/// What `set server` and `set maxconn` asked for.
fn patched(line: &mut SheetLine, server: &Server, patch: &ServerPatch) {
    if patch.host.is_some() || patch.port.is_some() {
        let before = line.word(2).to_owned();
        line.words[2] = place(server).into_bytes();
        line.remark(&format!("address was {before}"));
    }
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.set_option(name, &value);
            line.remark(&format!("{name} changed at run time"));
        }
    };
    set("maxconn", patch.maxconn.map(|n| n.to_string()));
    if server.check.is_some() {
        set("addr", patch.check_addr.map(|a| a.to_string()));
        set("port", patch.check_port.map(|p| p.to_string()));
    }
    if server.agent.is_some() {
        set("agent-addr", patch.agent_addr.map(|a| a.to_string()));
        set("agent-port", patch.agent_port.map(|p| p.to_string()));
        let text = patch.agent_send.as_ref().map(|t| t.to_string());
        if text.as_deref() == Some("") {
            line.drop_option("agent-send");
        } else {
            set("agent-send", text);
        }
    }
}

/// Host and port as a `server` line writes them.
fn place(server: &Server) -> String {
    let host = match &server.host {
        Host::Ip(std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        // The port of an instance is no part of what is written.
        Host::Name { name, .. } if server.consul.is_some() => return name.to_string(),
        Host::Name { name, .. } => name.to_string(),
        host => host.to_string(),
    };
    match server.port {
        Port::Client => host,
        port => format!("{host}:{}", port_text(port)),
    }
}

/// Orders about weight and state. There is no word for drain but a weight of 0.
fn ordered(line: &mut SheetLine, order: &Override, server: &Server) {
    let weight = match order.weight {
        Some(ServerOrderKind::Weight(weight)) => Some(u32::from(weight)),
        Some(ServerOrderKind::WeightPercent(percent)) => {
            Some((u32::from(server.weight) * u32::from(percent) / 100).min(256))
        }
        _ => None,
    };
    if order.state == Some(State::Drain) {
        line.set_option("weight", "0");
        line.remark(&format!("drain, else of weight {}", weight.unwrap_or(server.weight.into())));
    } else if let Some(weight) = weight {
        line.set_option("weight", &weight.to_string());
        line.remark(&format!("weight was {}", server.weight));
    }
}
