//! Golden cases of loading: each `models/*.cfg` against its findings and what the model holds.
//!
//! `#file NAME TEXT` at the top of a case is a file that the configuration may name; `\n` in the
//! text is a line end. With UPDATE_GOLDEN=1 in the environment the expected texts are written
//! anew; read the difference before committing it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_config::{Environment, Facts, Files, Loaded, SourceFile, Sources, load, render};
use model::{Backend, Frontend, Rule, Server};

struct Cases(BTreeMap<String, Arc<[u8]>>);

impl Sources for Cases {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.0.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }
    fn resolve(&self, host: &str) -> Option<IpAddr> {
        (host == "localhost").then(|| IpAddr::from([127, 0, 0, 1]))
    }
}

fn sources(text: &str) -> Cases {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#file "));
    let files = lines.filter_map(|line| line.split_once(' '));
    let bytes = |text: &str| text.replace("\\r", "\r").replace("\\n", "\n").into_bytes().into();
    Cases(files.map(|(name, text)| (name.to_owned(), bytes(text))).collect())
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder of cases exists");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder of cases can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .collect();
    cases.sort();
    cases
}

fn load_case(path: &Path) -> (String, Loaded) {
    let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
    let bytes = std::fs::read(path).expect("a case can be read");
    let sources = sources(&String::from_utf8_lossy(&bytes));
    let mut files = Files::default();
    files.add(SourceFile::new(name.as_str(), &bytes)).expect("a case is small");
    (name, load(files, &sources, &mut Environment::default(), &Facts::default()))
}

/// Whether a setting differs from what an empty section has is told by its text alone.
fn settings(out: &mut String, text: &str, skip: &[&str]) {
    for line in text.lines() {
        let plain = line.strip_prefix("    ").unwrap_or(line);
        let name = plain.split(':').next().unwrap_or("");
        let boring =
            ["None,", "false,", "[],", "[]", "{", "[", "("].iter().any(|end| plain.ends_with(end));
        if !boring && !skip.contains(&name) && !plain.starts_with(' ') && plain.contains(": ") {
            let _ = writeln!(out, "    {}", plain.trim_end_matches(','));
        }
    }
}

fn rules<A: std::fmt::Debug>(out: &mut String, name: &str, rules: &[Rule<A>]) {
    for rule in rules {
        let _ = write!(out, "    {name} {:?}", rule.action);
        match &rule.condition {
            Some(condition) => drop(writeln!(out, " {}", condition.source())),
            None => out.push('\n'),
        }
    }
}

fn rule_set(out: &mut String, set: &model::RuleSet) {
    if let Some(delay) = set.inspect_delay {
        let _ = writeln!(out, "    inspect-delay {delay:?}");
    }
    rules(out, "tcp-request connection", &set.tcp_connection);
    rules(out, "tcp-request session", &set.tcp_session);
    rules(out, "tcp-request content", &set.tcp_content);
    rules(out, "tcp-response", &set.tcp_response);
    rules(out, "http-request", &set.http_request);
    rules(out, "redirect", &set.redirects);
    rules(out, "http-response", &set.http_response);
    rules(out, "http-after-response", &set.http_after_response);
}

fn one_line<T: std::fmt::Debug>(value: &T) -> String {
    format!("{value:?}")
}

fn frontend(out: &mut String, front: &Frontend) {
    let _ = writeln!(out, "frontend {} id {} {:?}", front.name, front.id, front.mode);
    for bind in &front.binds {
        let name = bind.name.as_deref().unwrap_or("-");
        let _ = writeln!(out, "    bind {} id {} name {name}", bind.address, bind.id);
    }
    let text = format!("{:#?}", Frontend { name: "".into(), ..front.clone() });
    settings(out, &text, &["name", "id", "mode"]);
    timeouts(out, &front.timeouts);
    let _ = writeln!(out, "    logs {:?} to {} targets", front.log.kind, front.log.targets.len());
    let _ = writeln!(out, "    format {}", front.log.format.source());
    rule_set(out, &front.rules);
    rules(out, "use_backend", &front.use_backend);
    for capture in &front.request_captures {
        let _ = writeln!(out, "    request capture {}", one_line(capture));
    }
    for capture in &front.response_captures {
        let _ = writeln!(out, "    response capture {}", one_line(capture));
    }
    for page in &front.errors.by_status {
        let _ = writeln!(out, "    error page {}", one_line(&page));
    }
    if let Some(default) = &front.default_backend {
        let _ = writeln!(out, "    default_backend {default}");
    }
}

fn timeouts(out: &mut String, timeouts: &model::Timeouts) {
    let text = format!("{timeouts:?}").replace("Timeouts ", "");
    let set: Vec<&str> = text
        .trim_matches(['{', '}', ' '])
        .split(", ")
        .filter(|setting| !setting.ends_with("None"))
        .collect();
    let _ = writeln!(out, "    timeouts {}", set.join(", "));
}

fn server(out: &mut String, server: &Server) {
    let _ = writeln!(
        out,
        "    server {} id {} at {:?} {:?} weight {}",
        server.name, server.id, server.host, server.port, server.weight
    );
    let mut parts = String::new();
    settings(
        &mut parts,
        &format!("{server:#?}"),
        &["identity", "name", "id", "host", "port", "weight", "origin"],
    );
    if let Some(check) = &server.check {
        let _ = writeln!(parts, "    {}", one_line(check));
    }
    for part in parts.lines() {
        let _ = writeln!(out, "    {part}");
    }
}

fn backend(out: &mut String, back: &Backend) {
    let _ = writeln!(out, "backend {} id {} {:?}", back.name, back.id, back.mode);
    let text = format!("{:#?}", Backend { servers: Vec::new(), ..back.clone() });
    settings(out, &text, &["name", "id", "mode"]);
    timeouts(out, &back.timeouts);
    let _ = writeln!(out, "    balance {:?} {:?}", back.algorithm, back.hash_type);
    if let Some(cookie) = &back.cookie {
        let _ = writeln!(out, "    {}", one_line(cookie));
    }
    if let model::CheckKind::Script(steps) = &back.check {
        for step in steps.iter() {
            let _ = writeln!(out, "    check {}", one_line(step));
        }
    }
    rule_set(out, &back.rules);
    rules(out, "use-server", &back.use_server);
    rules(out, "persist", &back.persist_rules);
    for page in &back.errors.by_status {
        let _ = writeln!(out, "    error page {}", one_line(&page));
    }
    for own in &back.servers {
        server(out, own);
    }
}

fn outcome(path: &Path) -> String {
    let (_, loaded) = load_case(path);
    let mut out = render::human(&loaded.diagnostics, &loaded.files, render::Style::default());
    out.push_str("=====\n");
    let Some(config) = loaded.config else {
        out.push_str("refused\n");
        return out;
    };
    out.push_str("global\n");
    settings(&mut out, &format!("{:#?}", config.global), &[]);
    for socket in &config.global.stats_sockets {
        let _ = writeln!(out, "    stats socket {} level {}", socket.bind.address, socket.level);
    }
    for target in config.global.log.iter() {
        let _ = writeln!(out, "    {}", one_line(target));
    }
    config.frontends.iter().for_each(|front| frontend(&mut out, front));
    config.backends.iter().for_each(|back| backend(&mut out, back));
    for list in &config.userlists {
        let _ = writeln!(out, "userlist {} {:?}", list.name, list.users);
    }
    for file in &config.files {
        let _ = writeln!(out, "file {file}");
    }
    out
}

#[test]
fn every_case_loads_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let cases = cases("models");
    assert!(cases.len() >= 10, "the cases are there");
    for case in cases {
        let got = outcome(&case);
        let expected = case.with_extension("txt");
        if update {
            std::fs::write(&expected, &got).expect("the expected text can be written");
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("--- {}\n{got}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn realistic_files_load_without_an_alert() {
    let cases = cases("corpus");
    assert!(cases.len() >= 30, "the corpus is there");
    let mut refused = String::new();
    for case in cases {
        let (_, loaded) = load_case(&case);
        if loaded.config.is_none() {
            let style = render::Style::default();
            refused.push_str(&render::human(&loaded.diagnostics, &loaded.files, style));
        }
    }
    assert!(refused.is_empty(), "{refused}");
}
