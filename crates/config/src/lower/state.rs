//! Files with the state of servers: which backend reads which (manual 4.2,
//! `load-server-state-from-file`).

use model::Name;

use super::StateFile;
use super::args::{Args, Outcome};
use super::context::Lowering;
use super::draft::Draft;

/// `load-server-state-from-file`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Load {
    /// None.
    #[default]
    None,
    /// The one of `global`.
    Global,
    /// Its own.
    Local,
}

/// `load-server-state-from-file global|local|none`.
pub(crate) fn load<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    draft.back.state_load = match args.text("'global', 'local' or 'none'")? {
        "global" => Load::Global,
        "local" => Load::Local,
        "none" => Load::None,
        _ => return Err(args.unexpected("'global', 'local' or 'none'")),
    };
    Ok(())
}

/// `server-state-file-name [use-backend-name|FILE]`.
pub(crate) fn name<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    draft.back.state_name = match args.next().map(|word| word.value()) {
        None | Some("use-backend-name") => None,
        Some(name) => Some(cx.name(name)),
    };
    Ok(())
}

/// A backend, what it loads, and the name of its own file.
pub(crate) type StateLoad = (Name, Load, Option<Name>);

/// The files that are to be read. A backend's own file has its name unless it has another.
pub(crate) fn files(
    loads: &[StateLoad],
    base: Option<&str>,
    global: Option<String>,
) -> Vec<StateFile> {
    let place = |name: &str| match base {
        Some(base) if !name.starts_with('/') => format!("{}/{name}", base.trim_end_matches('/')),
        _ => name.to_owned(),
    };
    let wants = loads.iter().filter(|(_, load, _)| *load == Load::Global);
    let backends: Vec<Name> = wants.map(|(name, ..)| name.clone()).collect();
    let shared = global.filter(|_| !backends.is_empty());
    let shared = shared.map(|file| StateFile { path: place(&file), backends, local: false });
    let own = loads.iter().filter(|(_, load, _)| *load == Load::Local);
    let own = own.map(|(name, _, file)| StateFile {
        path: place(file.as_ref().unwrap_or(name)),
        backends: vec![name.clone()],
        local: true,
    });
    shared.into_iter().chain(own).collect()
}
