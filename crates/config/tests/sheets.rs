//! What is printed of a configuration reads back as the same configuration: every golden case,
//! the corpus, and the cases of the comparison with HAProxy.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_config::text::quote::quote;
use evenkeel_config::{Environment, Facts, Files, Loaded, SourceFile, Sources, load, sheet};
use proptest::prelude::*;

struct Named(BTreeMap<String, Arc<[u8]>>);

impl Sources for Named {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.0.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }
    fn resolve(&self, host: &str) -> Option<IpAddr> {
        (host == "localhost").then(|| IpAddr::from([127, 0, 0, 1]))
    }
}

fn read(bytes: &[u8], named: &Named) -> Loaded {
    let mut files = Files::default();
    files.add(SourceFile::new("p.cfg", bytes)).expect("a case is small");
    load(files, named, &mut Environment::default(), &Facts::default())
}

/// Whether it was right in the first place; what is wrong is for other tests.
fn comes_back(name: &str, bytes: &[u8], named: &Named) -> bool {
    let first = read(bytes, named);
    let Some(config) = first.config else { return false };
    let text = sheet::print(&first.ast);
    let again = read(text.as_bytes(), named);
    assert_eq!(again.config.as_ref(), Some(&config), "{name}:\n{text}\n{:?}", again.diagnostics);
    assert_eq!(sheet::print(&again.ast), text, "{name}: printing changes nothing any more");
    true
}

fn files_in(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of cases exists");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|p| p.extension().is_some_and(|e| e == extension));
    own.chain(folders.iter().flat_map(|f| files_in(f, extension))).collect()
}

/// Files that a case brings along: `#file NAME TEXT`.
fn golden_sources(text: &str) -> Named {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#file "));
    let files = lines.filter_map(|line| line.split_once(' '));
    let bytes = |text: &str| text.replace("\\r", "\r").replace("\\n", "\n").into_bytes().into();
    Named(files.map(|(name, text)| (name.to_owned(), bytes(text))).collect())
}

#[test]
fn golden_cases_and_the_corpus_come_back() {
    let all = files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), "cfg");
    let right = all.iter().filter(|path| {
        let bytes = std::fs::read(path).expect("a case can be read");
        let named = golden_sources(&String::from_utf8_lossy(&bytes));
        comes_back(&path.display().to_string(), &bytes, &named)
    });
    assert!(right.count() >= 40, "most of {} cases are right", all.len());
}

/// The parts of a case of the comparison with HAProxy: its configuration and its files.
fn parts(text: &str) -> (String, Named) {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("== "), parts.last_mut()) {
            (Some(title), _) => parts.push((title, String::new())),
            (None, Some((_, body))) => body.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    let global = parts.iter().find(|(title, _)| *title == "global");
    let global = global.map_or(String::new(), |(_, body)| format!("global\n{body}"));
    let defaults = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n";
    let config = parts.iter().find(|(title, _)| *title == "config").map(|(_, body)| &**body);
    let config = config.unwrap_or_default();
    let files = parts.iter().filter_map(|(title, body)| {
        let name = format!("/dir/{}", title.strip_prefix("file ")?);
        Some((name, body.replace("<crlf>", "\r").into_bytes().into()))
    });
    (places(&format!("{global}{defaults}{config}")), Named(files.collect()))
}

/// Addresses in the place of `<name>`, each its own.
fn places(text: &str) -> String {
    let (mut out, mut rest, mut known) = (String::new(), text, Vec::new());
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let name = after.split_once('>').map(|(name, _)| name).filter(|n| !n.contains([' ', '\n']));
        rest = name.map_or(after, |name| &after[name.len() + 1..]);
        let Some(name) = name else {
            out.push('<');
            continue;
        };
        let (base, suffix) = name.split_once('.').unwrap_or((name, ""));
        let at = known.iter().position(|k| k == base).unwrap_or_else(|| {
            known.push(base.to_owned());
            known.len() - 1
        });
        // Writing to a String cannot fail.
        let _ = match (base, suffix) {
            ("dir", _) => write!(out, "/dir"),
            (_, "port" | "fd") => write!(out, "{}", 20_000 + at),
            _ => write!(out, "127.0.0.1:{}", 20_000 + at),
        };
    }
    out + rest
}

#[test]
fn cases_of_the_comparison_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/cases");
    let all = files_in(&folder, "case");
    let wrong: Vec<_> = all
        .iter()
        .filter(|path| {
            let (text, named) = parts(&std::fs::read_to_string(path).expect("text"));
            !comes_back(&path.display().to_string(), text.as_bytes(), &named)
        })
        .collect();
    assert!(all.len() > 100 && wrong.len() < 6, "{} of {}: {wrong:?}", wrong.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_word_comes_back(word in proptest::collection::vec(1u8.., 1..40)) {
        let text = format!("global\n    log-tag {}\n", quote(&word));
        let mut files = Files::default();
        files.add(SourceFile::new("p.cfg", text.as_bytes())).expect("one small file fits");
        let mut environment = [("A", "one")].into_iter().collect();
        let (ast, _) = evenkeel_config::parse(files, &mut environment, &Facts::default());
        let line = ast.sections().next().and_then(|section| section.lines().next());
        let back = line.and_then(|line| line.word(1)).map(|w| w.bytes().to_vec());
        prop_assert_eq!(back, Some(word), "{}", text);
    }
}
