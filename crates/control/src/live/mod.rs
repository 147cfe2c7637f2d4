//! The running configuration as a file: what the files say, what containers and commands added,
//! and what commands changed, in one text that loads as what runs.

mod defaults;
mod front;
mod ids;
mod secrets;
mod servers;

use std::fmt::Write;

use config::{Ast, Environment, Facts, Files, Sheet, SheetLine, SourceFile};
use model::{BackendTarget, Config};

use crate::intent::{Overrides, Patches};

/// What is known beside the configuration of a server that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerNow {
    /// In maintenance because the configuration or an operator says so.
    pub maintenance: bool,
}

/// Everything that the running configuration comes from.
pub struct Live<'a> {
    /// What runs.
    pub config: &'a Config,
    /// What the files said, and their text.
    pub files: (&'a Config, &'a Ast),
    /// What was written for containers.
    pub containers: &'a str,
    /// Changes of the configuration given at run time.
    pub patches: &'a Patches,
    /// Orders given at run time.
    pub overrides: &'a Overrides,
    /// What is known of a server, by backend and name.
    pub server: &'a dyn Fn(&str, &str) -> Option<ServerNow>,
    /// Whether passwords are shown.
    pub secrets: bool,
}

/// Who asked for a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Files,
    Commands,
    Containers,
}

/// Prints it.
#[must_use]
pub fn print(live: &Live<'_>) -> String {
    let mut sections = live.sections();
    defaults::inline(live, &mut sections);
    live.global(&mut sections);
    let numbered = ids::proxies(live, &sections);
    for (by, sheet) in &mut sections {
        if sheet.is_back() {
            servers::edit(live, *by, sheet);
        }
        if sheet.is_front() {
            front::edit(live, *by, sheet);
        }
        numbered.write(*by, sheet);
    }
    let mut out = String::new();
    if !live.secrets {
        out.push_str("# Passwords are left out; the level 'admin' sees them.\n");
        sections.iter_mut().for_each(|(_, sheet)| secrets::hide(sheet));
    }
    let mut before = By::Files;
    for (by, sheet) in &sections {
        if !out.is_empty() {
            out.push('\n');
        }
        match by {
            By::Commands if before != *by => out.push_str("# Added at run time.\n"),
            By::Containers if before != *by => out.push_str("# Asked for by containers.\n"),
            _ => {}
        }
        before = *by;
        sheet.print(&mut out);
    }
    out
}

/// The sections of a text that was read before.
fn sheets(text: &str) -> Vec<Sheet> {
    let mut files = Files::default();
    files.add(SourceFile::new("live", text.as_bytes()));
    let (ast, _) = config::parse(files, &mut Environment::new(), &Facts::default());
    let mut sheets = Sheet::all(&ast);
    // Where a line of them stood says nothing about a file.
    sheets.iter_mut().flat_map(|s| &mut s.lines).for_each(|l| l.place = None);
    sheets
}

impl Live<'_> {
    /// The sections that run, in the order in which they must be read.
    fn sections(&self) -> Vec<(By, Sheet)> {
        let (base, files) = self.files;
        let gone = |sheet: &Sheet| match sheet.keyword() {
            "frontend" => self.patches.removes_frontend(sheet.name()),
            "backend" => self.patches.removes_backend(sheet.name()),
            _ => false,
        };
        let own = Sheet::all(files).into_iter().filter(|sheet| !gone(sheet));
        let mut all: Vec<(By, Sheet)> = own.map(|sheet| (By::Files, sheet)).collect();
        for text in self.patches.sections() {
            let new = |s: &Sheet| !all.iter().any(|(_, o)| is_same(o, s));
            let added: Vec<Sheet> = sheets(text).into_iter().filter(new).collect();
            all.extend(added.into_iter().map(|sheet| (By::Commands, sheet)));
        }
        let bare = base.global == model::Global::default();
        for sheet in sheets(self.containers) {
            let runs = match sheet.keyword() {
                "global" => bare,
                "frontend" => self.config.frontend(sheet.name()).is_some(),
                "listen" | "backend" => {
                    self.config.backend(sheet.name()).is_some()
                        || self.config.frontend(sheet.name()).is_some()
                }
                _ => true,
            };
            if runs && !all.iter().any(|(_, o)| is_same(o, &sheet) && sheet.keyword() != "global") {
                all.push((By::Containers, sheet));
            }
        }
        all
    }

    /// Settings of the process that commands or the command line changed.
    fn global(&self, sections: &mut Vec<(By, Sheet)>) {
        let written = |keyword: &str| {
            let globals = sections.iter().filter(|(_, s)| s.keyword() == "global");
            let mut lines = globals.flat_map(|(_, s)| &s.lines).filter(|l| l.is(keyword));
            lines.next_back().map(|l| l.word(1).to_owned())
        };
        let maxconn = self.config.global.maxconn.map(|n| n.to_string());
        let maxconn = maxconn.filter(|n| written("maxconn").as_ref() != Some(n));
        let rate = self.patches.connection_rate;
        if maxconn.is_none() && rate.is_none() {
            return;
        }
        if !sections.iter().any(|(_, s)| s.keyword() == "global") {
            sections.insert(0, (By::Files, Sheet::new(&["global"])));
        }
        let mut globals: Vec<&mut Sheet> =
            sections.iter_mut().map(|(_, s)| s).filter(|s| s.keyword() == "global").collect();
        let drop = |globals: &mut Vec<&mut Sheet>, keyword: &str| {
            globals.iter_mut().for_each(|s| s.lines.retain(|l| !l.is(keyword)));
        };
        if let Some(maxconn) = maxconn {
            drop(&mut globals, "maxconn");
            globals[0].set("maxconn", &maxconn);
        }
        if let Some(rate) = rate {
            drop(&mut globals, "maxconnrate");
            drop(&mut globals, "maxsessrate");
            if rate > 0 {
                globals[0].set("maxconnrate", &rate.to_string());
            }
        }
    }
}

/// Whether both describe the same side of a proxy of the same name.
fn is_same(a: &Sheet, b: &Sheet) -> bool {
    let sides = a.is_front() && b.is_front() || a.is_back() && b.is_back();
    sides && a.name() == b.name()
}

/// A `use_backend` line as a rule says it.
fn use_backend(rule: &model::Rule<BackendTarget>) -> SheetLine {
    let target = match &rule.action {
        BackendTarget::Static(name) => name,
        BackendTarget::Format(format) => format.source(),
    };
    let mut words = format!("use_backend {target}");
    if let Some(condition) = &rule.condition {
        // Writing to a String cannot fail.
        let _ = write!(words, " {}", condition.source());
    }
    let mut made = sheets(&format!("frontend x\n {words}\n"));
    let line = made.pop().and_then(|mut s| s.lines.pop());
    let mut line = line.unwrap_or_else(|| SheetLine::new(&["use_backend", target]));
    line.remark("asked for by a container");
    line
}

#[cfg(test)]
mod tests;
