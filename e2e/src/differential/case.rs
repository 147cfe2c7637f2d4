//! Case files: configuration, servers, client steps and what is compared, in one text.

use crate::script::Script;
use regex::Regex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What stands before the `== config` of a case, unless that says `== config whole`.
const PRELUDE: &str = "    log <log> local0
    nbthread 1
    log-tag haproxy
defaults
    mode http
    log global
    option httplog
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    timeout check 2s
";

/// A difference that is allowed, and by which entry of differences.md.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The entry.
    pub id: String,
    /// Lines it covers.
    pub lines: Regex,
}

/// One case.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Subject folder and file name, as the test is called.
    pub name: String,
    /// The configuration with its placeholders.
    pub config: String,
    /// Server names and the lines of their scripts.
    pub servers: BTreeMap<String, Vec<String>>,
    /// Client steps.
    pub steps: Vec<String>,
    /// More files: name and content.
    pub files: Vec<(String, String)>,
    /// Whether server connections are compared one by one.
    pub compare_connections: bool,
    /// Whether the connection counts of log lines are compared.
    pub compare_counts: bool,
    /// Whether what the program says on standard error about servers is compared.
    pub compare_notices: bool,
    /// Lines that match are left out of the comparison.
    pub ignored: Vec<Regex>,
    /// Parts that match are replaced by `<masked>`.
    pub masks: Vec<Regex>,
    /// Differences that must be there.
    pub allowed: Vec<Allowed>,
}

impl Case {
    /// Reads a case file.
    pub fn load(path: &Path, name: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(&text, name).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Takes the text of a case file apart.
    pub fn parse(text: &str, name: &str) -> Result<Self, String> {
        let mut case = Self { name: name.to_owned(), ..Self::default() };
        let mut section = String::new();
        let (mut global, mut config, mut whole) = (String::new(), String::new(), false);
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("== ") {
                section = title.trim().to_owned();
                if let Some(file) = section.strip_prefix("file ") {
                    case.files.push((file.to_owned(), String::new()));
                }
                whole |= section == "config whole";
                continue;
            }
            match section.as_str() {
                "" => case.directive(line)?,
                "global" => push_line(&mut global, line),
                "config" | "config whole" => push_line(&mut config, line),
                "servers" => case.server_line(line)?,
                "steps" => {
                    let step = line.trim();
                    if !step.is_empty() && !step.starts_with('#') {
                        case.steps.push(step.to_owned());
                    }
                }
                file if file.starts_with("file ") => {
                    if let Some((_, content)) = case.files.last_mut() {
                        push_line(content, line);
                    }
                }
                other => return Err(format!("unknown section {other:?}")),
            }
        }
        case.config = if whole { config } else { format!("global\n{global}{PRELUDE}\n{config}") };
        if case.steps.is_empty() {
            return Err("no steps".into());
        }
        Ok(case)
    }

    /// The script of a server, by its name.
    pub fn script(&self, name: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for line in self.servers.get(name).into_iter().flatten() {
            script.add(line).map_err(|e| format!("server {name}: {e}"))?;
        }
        Ok(script)
    }

    fn directive(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (word, rest) = line.split_once(':').ok_or(format!("unknown line {line:?}"))?;
        let rest = rest.trim();
        let regex = |text: &str| Regex::new(text).map_err(|e| e.to_string());
        match word {
            "compare" => {
                self.compare_connections |= rest.contains("connections");
                self.compare_counts |= rest.contains("counts");
                self.compare_notices |= rest.contains("notices");
            }
            "ignore" => self.ignored.push(regex(rest)?),
            "mask" => self.masks.push(regex(rest)?),
            "allow" => {
                let (id, lines) = rest.split_once(' ').ok_or("allow: ID REGEX")?;
                self.allowed.push(Allowed { id: id.to_owned(), lines: regex(lines.trim())? });
            }
            other => return Err(format!("unknown directive {other:?}")),
        }
        Ok(())
    }

    fn server_line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (name, behaviour) = line.split_once(':').ok_or(format!("no name in {line:?}"))?;
        self.servers.entry(name.to_owned()).or_default().push(behaviour.trim().to_owned());
        Ok(())
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// All case files below a folder: their names (`subject::name`) and paths, sorted.
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = |dir: &Path| {
        let read = std::fs::read_dir(dir).into_iter().flatten().flatten();
        read.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut out = Vec::new();
    for subject in entries(folder) {
        for file in entries(&subject) {
            if file.extension().is_some_and(|extension| extension == "case") {
                out.push((format!("{}::{}", stem(&subject), stem(&file)), file));
            }
        }
    }
    out.sort();
    out
}
