//! Server state files at the start: which are read, what is said about them, and what of them is
//! brought to the servers.

use config::ProcessFacts;
use control::intent::Asked;
use control::server_state::{FILE_BYTES_MAX, Fault, Known, parse};
use control::{Controller, ServerOrder};
use model::Config;

use crate::house::{House, wall_ms};
use crate::load::{Loaded, plain_reason};
use crate::say::Voice;

/// What the files of a configuration know, and what there is to say: whether it is a warning, and
/// the words, HAProxy's.
pub fn read(process: &ProcessFacts, config: &Config) -> (Known, Vec<(bool, String)>) {
    let (mut known, mut said) = (Known::default(), Vec::new());
    for file in &process.state_files {
        let prefix = match file.local {
            true => format!("Proxy '{}': ", file.backends.first().map_or("", |b| b)),
            false => "config: ".to_owned(),
        };
        let which = if file.local { "" } else { "global " };
        let path = &file.path;
        let text = std::fs::metadata(path).and_then(|meta| match meta.len() {
            0..=FILE_BYTES_MAX => std::fs::read(path),
            _ => Err(std::io::Error::other("the file is too large")),
        });
        let lines = match text {
            // A backend without a file of its own is nothing to talk about.
            Err(_) if file.local => continue,
            Err(e) => {
                let reason = plain_reason(&e);
                let text =
                    format!("{prefix}Can't open {which}server state file '{path}': {reason}");
                said.push((false, text));
                continue;
            }
            Ok(bytes) => parse(&String::from_utf8_lossy(&bytes)),
        };
        match lines {
            Err(Fault::Empty) if file.local => {}
            Err(Fault::Empty) => {
                said.push((false, format!("{prefix}Empty {which}server state file '{path}'.")));
            }
            Err(Fault::Version) => said.push((
                true,
                format!("{prefix}Can't get version of the {which}server state file '{path}'."),
            )),
            Err(Fault::Corrupted(line)) => said.push((
                true,
                format!("{prefix}corrupted {which}server state file '{path}' at line {line}."),
            )),
            Ok(lines) => {
                for saved in lines.iter().filter(|_| file.local) {
                    let backend = config.backend(saved.backend()).filter(|b| {
                        file.backends.contains(&b.name) && b.id.to_string() != saved.backend_id()
                    });
                    if let Some(backend) = backend {
                        let (then, now) = (saved.backend_id(), backend.id);
                        said.push((
                            true,
                            format!(
                                "{prefix}backend ID mismatch: from server state file: '{then}', \
                                 from running config '{now}'"
                            ),
                        ));
                        break;
                    }
                }
                known.add(lines, &file.backends);
            }
        }
    }
    (known, said)
}

fn each<'a>(
    known: &'a Known,
    config: &'a Config,
) -> impl Iterator<Item = (&'a model::Name, &'a model::Server, &'a control::server_state::Saved)> {
    let servers = config.backends.iter().flat_map(|b| b.servers.iter().map(move |s| (b, s)));
    servers.filter_map(|(b, s)| Some((&b.name, &**s, known.of(&b.name, &s.name)?)))
}

fn asked() -> Asked {
    let who = "server state file".to_owned();
    Asked { at_ms: wall_ms(), who, command: "load-server-state-from-file".to_owned() }
}

/// Says what there is to say about the files that were read.
pub fn say(voice: Voice, loaded: &Loaded) {
    for (warning, text) in &loaded.said {
        match warning {
            true => voice.warning(text),
            false => voice.notice(text),
        }
    }
}

/// Gives servers the addresses and ports that are known, and says what is wrong in the files.
pub fn addresses(controller: &mut Controller, known: &Known, voice: Voice) {
    let base = std::sync::Arc::clone(controller.intent.base());
    for (backend, server, saved) in each(known, &base) {
        let subject = format!("{backend}/{}", server.name);
        match saved.restore(server) {
            Err(why) => voice
                .warning(format!("server-state application failed for server '{subject}', {why}")),
            Ok(restored) if restored.patch == control::intent::ServerPatch::default() => {}
            Ok(restored) => {
                let patches = controller.intent.patches_mut();
                *patches.server(backend, &server.name) = restored.patch;
                controller.intent.note(format!("server {subject}"), asked());
            }
        }
    }
}

/// Gives orders about servers as they stood.
pub fn orders(house: &House, known: &Known) {
    let mut controller = house.controller.borrow_mut();
    let base = std::sync::Arc::clone(controller.intent.base());
    for (backend, server, saved) in each(known, &base) {
        let Ok(restored) = saved.restore(server) else { continue };
        for what in restored.orders {
            let order = ServerOrder { backend: backend.clone(), server: server.name.clone(), what };
            // The state of a server that cannot have it any more is its own.
            if controller.order(&house.plane, &order).is_ok() {
                controller.intent.note(format!("server {backend}/{}", server.name), asked());
            }
        }
    }
}
