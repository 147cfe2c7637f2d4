//! Client sides: listening addresses that came, went or are closed, and what containers lead
//! through frontends of the files.

use config::source::NoSources;
use config::text::quote::quote;
use config::{Environment, Facts, Files, Sheet, SheetLine, SourceFile};
use model::{Address, Bind, Frontend, Origin};

use super::{By, Live, ids, use_backend};

/// Brings a section's client side up to what runs.
pub fn edit(live: &Live<'_>, by: By, sheet: &mut Sheet) {
    let name = sheet.name().to_owned();
    let Some(front) = live.config.frontend(&name) else { return };
    let patch = live.patches.of_frontend(&name);
    if let Some(maxconn) = patch.maxconn {
        sheet.set("maxconn", &maxconn.to_string());
    }
    binds(live, by, sheet, front);
    if patch.closed || patch.shut {
        close(sheet);
    }
    if by == By::Files
        && let Some(base) = live.files.0.frontend(&name)
    {
        led(sheet, base, front);
    }
}

/// A frontend is disabled; of a `listen` section only the listening addresses are.
fn close(sheet: &mut Sheet) {
    const WHY: &str = "closed at run time";
    if sheet.keyword() == "frontend" {
        let mut line = SheetLine::new(&["disabled"]);
        line.remark(WHY);
        sheet.lines.insert(0, line);
        return;
    }
    for line in sheet.lines.iter_mut().filter(|l| l.is("bind")) {
        line.remark(WHY);
        line.muted = true;
    }
}

fn binds(live: &Live<'_>, by: By, sheet: &mut Sheet, front: &Frontend) {
    if by == By::Containers {
        let runs = |line: &SheetLine| {
            let addresses = addresses(line);
            front.binds.iter().any(|b| addresses.contains(&b.address))
        };
        sheet.lines.retain(|line| !line.is("bind") || runs(line));
    }
    let base = live.files.0.frontend(sheet.name()).filter(|_| by == By::Files);
    let whole = base.is_none_or(|base| {
        let kept =
            |old: &Bind| front.binds.iter().any(|b| b.address == old.address && b.id == old.id);
        base.binds.iter().all(kept)
    });
    if !whole && let Some(base) = base {
        one_by_one(live, sheet, base, front);
    }
    let mut added = Vec::new();
    for (bind, words) in live.patches.binds_of(sheet.name()) {
        let address = bind.address.to_string();
        let words = words.iter().skip(1).map(|w| &**w);
        let words: Vec<&str> = ["bind", &address].into_iter().chain(words).collect();
        let mut line = SheetLine::new(&words);
        ids::write(&mut line, bind.id);
        line.remark("added at run time");
        added.push(line);
    }
    let at = sheet.lines.iter().rposition(|l| l.is("bind")).map_or(0, |at| at + 1);
    sheet.lines.splice(at..at, added);
}

/// The addresses of a `bind` line.
fn addresses(line: &SheetLine) -> Vec<Address> {
    let text = format!("frontend x\n mode http\n bind {}\n", quote(line.word(1).as_bytes()));
    let mut files = Files::default();
    files.add(SourceFile::new("live", text.as_bytes()));
    let loaded = config::load(files, &NoSources, &mut Environment::new(), &Facts::default());
    let config = loaded.config.unwrap_or_default();
    config.frontends.iter().flat_map(|f| &f.binds).map(|b| b.address.clone()).collect()
}

/// Every listening address of the files on a line of its own, without those that went.
fn one_by_one(live: &Live<'_>, sheet: &mut Sheet, base: &Frontend, front: &Frontend) {
    let names = live.files.1.files();
    let mut lines = Vec::with_capacity(sheet.lines.len());
    for line in std::mem::take(&mut sheet.lines) {
        let Some(place) = line.place.filter(|_| line.is("bind")) else {
            lines.push(line);
            continue;
        };
        let here = |bind: &&Bind| match &bind.origin {
            Origin::File { file, line, .. } => *line == place.1 && **file == *names.name(place.0),
            _ => false,
        };
        for bind in base.binds.iter().filter(here) {
            let Some(runs) = front.binds.iter().find(|b| b.address == bind.address) else {
                continue;
            };
            let mut one = line.clone();
            one.words[1] = bind.address.to_string().into_bytes();
            ids::write(&mut one, runs.id);
            lines.push(one);
        }
    }
    sheet.lines = lines;
}

/// What containers lead through a frontend of the files.
fn led(sheet: &mut Sheet, base: &Frontend, front: &Frontend) {
    let more = front.use_backend.get(base.use_backend.len()..).unwrap_or_default();
    sheet.lines.extend(more.iter().map(use_backend));
    if base.default_backend.is_none()
        && let Some(default) = &front.default_backend
    {
        let mut line = SheetLine::new(&["default_backend", default]);
        line.remark("asked for by a container");
        sheet.lines.push(line);
    }
}
