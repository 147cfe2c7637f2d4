//! Whole configurations loaded to the model.

use evenkeel_config::{Environment, Facts, Files, SourceFile};
use std::time::Duration;

struct NoFiles;
impl evenkeel_config::Sources for NoFiles {
    fn read(&self, _: &str) -> Result<std::sync::Arc<[u8]>, String> {
        Err("no such file".to_owned())
    }
}

fn load(text: &str) -> evenkeel_config::Loaded {
    let mut files = Files::default();
    files.add(SourceFile::new("test.cfg", text.as_bytes())).expect("one file fits");
    evenkeel_config::load(files, &NoFiles, &mut Environment::default(), &Facts::default())
}

fn reasons(loaded: &evenkeel_config::Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(|d| d.reason.clone()).collect()
}

#[test]
fn a_small_file_becomes_frontends_and_backends() {
    let loaded = load(
        "global\n maxconn 2000\n log stdout local0\n\
          stats socket /run/ek.sock mode 660 level admin\n\
         defaults\n mode http\n log global\n option httplog\n timeout client 30s\n \
         timeout server 1m\n timeout connect 5s\n option forwardfor\n default-server inter 3s\n\
         frontend web\n bind *:8080-8081,[::]:8082 name x\n default_backend app\n\
         backend app\n balance leastconn\n server a 10.0.0.1:80 check weight 10\n \
         server b app.example:+1 backup\n\
         listen raw\n mode tcp\n option tcplog\n no option forwardfor\n bind 127.0.0.1:9000\n\
         server-template s 1-3 10.0.0.9:90\n",
    );
    assert_eq!(reasons(&loaded), Vec::<String>::new());
    let config = loaded.config.expect("it loads");
    assert_eq!(config.global.maxconn, Some(2000));
    assert_eq!(config.global.stats_sockets.len(), 1);
    let web = config.frontend("web").expect("web is there");
    let binds: Vec<String> = web.binds.iter().map(|b| b.address.to_string()).collect();
    assert_eq!(binds, ["0.0.0.0:8080", "0.0.0.0:8081", "[::]:8082"]);
    assert_eq!(web.log.targets.len(), 1);
    assert_eq!(web.timeouts.client, Some(Duration::from_secs(30)));
    assert_eq!(web.default_backend.as_deref(), Some("app"));
    let app = config.backend("app").expect("app is there");
    assert_eq!(app.algorithm, model::Algorithm::LeastConn);
    assert_eq!(app.servers.len(), 2);
    let check = app.servers[0].check.as_ref().expect("a is checked");
    assert_eq!(check.inter, Duration::from_secs(3));
    assert!(app.servers[1].check.is_none() && app.servers[1].backup);
    let raw = config.backend("raw").expect("listen has a server side");
    let names: Vec<&str> = raw.servers.iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["s1", "s2", "s3"]);
    assert_eq!(config.frontend("raw").map(|f| f.binds.len()), Some(1));
    assert_eq!(loaded.process.listeners, 4);
}

#[test]
fn rules_of_defaults_keep_the_acls_of_their_own_section() {
    let loaded = load(
        "defaults base\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n \
         acl late path /a\n http-request deny if late\n acl late path /b\n\
         frontend f from base\n bind :80\n acl late path /other\n http-request allow if late\n",
    );
    let config = loaded.config.expect("it loads");
    let rules = &config.frontend("f").expect("f is there").rules.http_request;
    let tests = |at: usize| -> Vec<String> {
        let condition = rules[at].condition.as_ref().expect("each rule has a condition");
        condition.tests().map(|test| test.source().to_owned()).collect()
    };
    assert_eq!(tests(0), ["path /a", "path /b"]);
    assert_eq!(tests(1), ["path /other"]);
}

#[test]
fn a_reload_shares_what_has_not_changed() {
    let text = |second: &str| {
        format!(
            "backend same\n server a 10.0.0.1:80\n\
             backend other\n server a 10.0.0.1:80 weight 3\n server b {second}\n"
        )
    };
    let running = load(&text("10.0.0.2:80")).config.expect("it loads");
    let mut next = load(&text("10.0.0.3:80")).config.expect("it loads");
    let alone = load(&text("10.0.0.3:80")).config.expect("it loads");
    next.share(&running);
    assert_eq!(next, alone, "sharing changes nothing that can be seen");
    let backend =
        |config: &model::Config, name: &str| config.backend(name).cloned().expect("there");
    let (same, other) = (backend(&next, "same"), backend(&next, "other"));
    assert!(std::sync::Arc::ptr_eq(&same, &backend(&running, "same")));
    let was = backend(&running, "other");
    assert!(!std::sync::Arc::ptr_eq(&other, &was), "its second server is another");
    assert!(std::sync::Arc::ptr_eq(&other.servers[0], &was.servers[0]));
    assert!(!std::sync::Arc::ptr_eq(&other.servers[1], &was.servers[1]));
}
