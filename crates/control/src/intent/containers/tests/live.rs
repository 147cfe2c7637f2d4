//! What containers ask for, printed as a file that loads as what runs.

use std::sync::Arc;

use config::source::NoSources;
use config::{Ast, Environment, Facts, Files, SourceFile};

use super::*;
use crate::live::{Live, print};

fn read(text: &str) -> (Config, Ast) {
    let mut files = Files::default();
    files.add(SourceFile::new("f.cfg", text.as_bytes())).expect("it is small");
    let loaded = config::load(files, &NoSources, &mut Environment::new(), &Facts::default());
    (loaded.config.unwrap_or_else(|| panic!("{:?}\n{text}", loaded.diagnostics)), loaded.ast)
}

/// The same, when everybody in it stood in a file.
fn as_of_a_file(config: &Config) -> Config {
    let mut config = config.clone();
    // Files and containers are numbered apart.
    config.frontends.iter_mut().for_each(|f| Arc::make_mut(f).id = 0);
    for backend in &mut config.backends {
        let backend = Arc::make_mut(backend);
        backend.drain_timeout = None;
        backend.id = 0;
        for server in &mut backend.servers {
            let server = Arc::make_mut(server);
            server.identity = model::ServerIdentity::Named(server.name.clone());
            server.disabled |= std::mem::take(&mut server.stopping);
        }
    }
    config
}

fn comes_back(file: &str, containers: Vec<Container>, environment: Pairs<'_>) -> String {
    let (base, ast) = read(file);
    let observed = seen(containers);
    let observed: Vec<&Observation> = observed.iter().collect();
    let options = Options { environment: map(environment), ..Options::default() };
    let mut memo = Memo::default();
    let survey = survey(&base, &observed, &options, Want::Seats, &mut memo);
    let text = print(&Live {
        config: &survey.config,
        files: (&base, &ast),
        containers: memo.written(),
        patches: &Default::default(),
        overrides: &Default::default(),
        server: &|_, _| None,
        secrets: true,
    });
    let (again, runs) = (as_of_a_file(&read(&text).0), as_of_a_file(&survey.config));
    assert_eq!(again.global, runs.global, "{text}");
    assert_eq!(again.frontends, runs.frontends, "{text}");
    assert_eq!(again.backends, runs.backends, "{text}");
    text
}

#[test]
fn containers_alone() {
    let mut leaving = container("b_2", "10.0.0.3", &[("evenkeel.host", "b.test")], &[]);
    leaving.stopping = true;
    let containers = vec![
        container("a_1", "10.0.0.1", &[("evenkeel.host", "a.test"), ("evenkeel.path", "/x")], &[]),
        container("b_1", "10.0.0.2", &[("evenkeel.host", "b.test")], &[]),
        leaving,
        container("old_1", "10.0.0.4", &[], &[("VIRTUAL_HOST", "*.old.test"), ("COOKIE", "S")]),
    ];
    let text = comes_back("", containers, &[("MAXCONN", "700"), ("STATS_AUTH", "u:p")]);
    assert!(text.contains("# it is stopping"), "{text}");
}

#[test]
fn containers_beside_a_file() {
    let file = "global\n maxconn 9\nfrontend web\n mode http\n bind 0.0.0.0:80\n acl x path /x\n \
                use_backend own if x\nbackend own\n mode http\n server o 127.0.0.1:9\n";
    let containers = vec![
        container("a_1", "10.0.0.1", &[("evenkeel.host", "a.test")], &[]),
        container("own_1", "10.0.0.2", &[("evenkeel.host", "own.test")], &[]),
    ];
    let text = comes_back(file, containers, &[]);
    assert!(text.contains("# asked for by a container"), "{text}");
}
