//! The configurations of all cases, read by our own parser alone: each must give a model.

use config::{Environment, Facts, Files, SourceFile};
use e2e::differential::case::{Case, files};
use regex::Regex;
use std::path::Path;
use std::sync::Arc;

struct CaseFiles<'a>(&'a Case);

impl config::Sources for CaseFiles<'_> {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let found = self.0.files.iter().find(|(file, _)| file == name);
        let (_, content) = found.ok_or_else(|| "no such file".to_owned())?;
        Ok(content.replace("<crlf>", "\r").into_bytes().into())
    }
}

fn fill(text: &str) -> String {
    let ports = Regex::new("<[a-z][a-z0-9_-]*[.]port>").unwrap();
    let text = ports.replace_all(text, "9001").into_owned();
    let text = text.replace("<dir>", "/dir").replace("<logsock>", "/dir/log.sock");
    let descriptors = Regex::new("<[a-z][a-z0-9_-]*[.]fd>").unwrap();
    let text = descriptors.replace_all(&text, "3").into_owned();
    let unix = Regex::new("<unix[a-z0-9]*>").unwrap();
    let text = unix.replace_all(&text, "/dir/x.sock").into_owned();
    let other = Regex::new("<[a-z][a-z0-9_-]*>").unwrap();
    other.replace_all(&text, "127.0.0.1:9000").into_owned()
}

#[test]
fn every_case_gives_a_model() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut refused = Vec::new();
    for (name, path) in files(&folder) {
        let case = Case::load(&path, &name).unwrap();
        let mut environment: Environment =
            [("PATH".to_owned(), "/bin".to_owned())].into_iter().collect();
        let mut source = Files::default();
        source.add(SourceFile::new("haproxy.cfg", fill(&case.config).as_bytes())).unwrap();
        let loaded = config::load(source, &CaseFiles(&case), &mut environment, &Facts::default());
        if loaded.config.is_none() {
            let reasons: Vec<_> = loaded.diagnostics.iter().map(|d| d.reason.clone()).collect();
            refused.push(format!("{name}:\n    {}", reasons.join("\n    ")));
        }
    }
    assert!(refused.is_empty(), "{} refused\n{}", refused.len(), refused.join("\n"));
}
