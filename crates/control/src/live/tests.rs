//! Whatever was changed while it ran, the text that is printed loads as what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::source::NoSources;
use config::{Loaded, SourceFile};
use model::Host;

use super::*;
use crate::intent::Intent;
use crate::ports::{ServerOrder, ServerOrderKind};

const FILE: &str = "\
global
    maxconn 500
defaults
    mode http
    timeout client 10s
    default-server inter 3s weight 20
frontend one
    bind 127.0.0.1:8001-8003 name many
    bind 127.0.0.1:8010
    default_backend b
frontend two
    bind 127.0.0.1:8020
backend b
    default-server maxconn 9 check
    server a 127.0.0.1:1 cookie disabled
    server off 127.0.0.1:2 disabled
    server-template t 5 127.0.0.1:3
backend gone
    server x 127.0.0.1:9
backend last
    server y 127.0.0.1:9 cookie it\\'s\\ $
listen l
    bind 127.0.0.1:8030
    stats auth ann:secret
userlist people
    user ann insecure-password secret
";

fn read(text: &str) -> Loaded {
    let mut files = Files::default();
    files.add(SourceFile::new("f.cfg", text.as_bytes())).expect("it is small");
    config::load(files, &NoSources, &mut Environment::new(), &Facts::default())
}

/// An intent with the file, and what runs of it.
struct World {
    intent: Intent,
    maintenance: BTreeMap<(String, String), bool>,
}

impl World {
    fn new() -> Self {
        let loaded = read(FILE);
        let mut intent = Intent::default();
        intent.set_base(loaded.config.expect("it is right"), Arc::new(loaded.ast));
        Self { intent, maintenance: BTreeMap::new() }
    }

    fn running(&self) -> Config {
        self.intent.survey(&Default::default()).config
    }

    fn print(&self, secrets: bool) -> String {
        let now = |b: &str, s: &str| {
            let key = (b.to_owned(), s.to_owned());
            self.maintenance.get(&key).map(|out| ServerNow { maintenance: *out })
        };
        print(&Live {
            config: &self.running(),
            files: (self.intent.base(), self.intent.files()),
            containers: "",
            patches: self.intent.patches(),
            overrides: self.intent.overrides(),
            server: &now,
            secrets,
        })
    }

    /// The text, read again, is what runs.
    fn comes_back(&self) -> String {
        let text = self.print(true);
        let again = read(&text);
        let again = again.config.unwrap_or_else(|| panic!("{:?}\n{text}", again.diagnostics));
        let running = self.running();
        assert_eq!(again.global, running.global, "{text}");
        assert_eq!(again.frontends, running.frontends, "{text}");
        for (back, runs) in again.backends.iter().zip(&running.backends) {
            assert_eq!(back, runs, "{text}");
        }
        assert_eq!(again.backends.len(), running.backends.len(), "{text}");
        text
    }

    fn add_server(&mut self, backend: &str, name: &str, words: &[&str]) {
        let line = format!("backend {backend}\n mode http\n server {name} {}\n", words.join(" "));
        let made = read(&line).config.expect("it is right");
        let mut server = model::Server::clone(&made.backends[0].servers[0]);
        let ids = self.running().backend(backend).map(|b| b.servers.iter().map(|s| s.id).max());
        server.id = ids.flatten().unwrap_or(0) + 1;
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        self.intent.patches_mut().add(&backend.into(), server, words);
    }
}

#[test]
fn without_changes_it_is_the_file() {
    let text = World::new().comes_back();
    assert!(!text.contains(" id "), "{text}");
    assert!(text.contains("insecure-password secret"), "{text}");
}

#[test]
fn passwords_are_for_administrators() {
    let text = World::new().print(false);
    assert!(!text.contains("secret"), "{text}");
    assert!(text.contains("stats auth ann:***"), "{text}");
    assert!(read(&text).config.is_some(), "{text}");
}

#[test]
fn servers_come_go_and_change() {
    let mut world = World::new();
    let patches = world.intent.patches_mut();
    patches.remove(&"b".into(), &"t2".into());
    patches.server(&"b".into(), &"t4".into()).port = Some(model::Port::Fixed(44));
    patches.server(&"b".into(), &"a".into()).maxconn = Some(3);
    patches.server(&"b".into(), &"a".into()).check_port = Some(77);
    patches.server(&"last".into(), &"y".into()).host = Some(Host::Ip([127, 0, 0, 9].into()));
    world.add_server("b", "new", &["127.0.0.1:7", "backup", "weight", "2"]);
    let text = world.comes_back();
    assert!(text.contains("server-template t 1-1 "), "{text}");
    assert!(!text.contains("default-server"), "what was added inherits nothing: {text}");
}

#[test]
fn a_server_is_added_where_nothing_is_inherited() {
    let mut world = World::new();
    world.intent.patches_mut().remove_backend(&"gone".into());
    let text = world.comes_back();
    assert!(text.contains("default-server"), "{text}");
    assert!(text.contains("backend last\n    id 5\n"), "numbers stay: {text}");
}

#[test]
fn listeners_and_sections_come_and_go() {
    let mut world = World::new();
    let addr = |text: &str| model::Address::Inet(text.parse().expect("an address"));
    let made = read("frontend one\n mode http\n bind 127.0.0.1:8100-8101 accept-proxy\n").config;
    let mut binds = made.expect("right").frontends[0].binds.clone();
    binds.iter_mut().enumerate().for_each(|(n, b)| b.id = 50 + n as u32);
    let section = "backend fresh\n    mode http\n    server z 127.0.0.1:4 check\n";
    let mut fresh = read(&FILE.replace("backend gone", section).replace("x 127", "x2 127"));
    let fresh = fresh.config.take().and_then(|c| c.backend("fresh").cloned()).expect("right");
    let fresh = Arc::new(model::Backend { id: 77, ..(*fresh).clone() });
    let patches = world.intent.patches_mut();
    let words = ["127.0.0.1:8100-8101", "accept-proxy"].map(str::to_owned).to_vec();
    patches.add_binds(&"one".into(), binds, words);
    patches.remove_bind(&"one".into(), addr("127.0.0.1:8002"));
    patches.remove_frontend(&"two".into());
    patches.frontend(&"one".into()).maxconn = Some(7);
    patches.maxconn = Some(600);
    patches.connection_rate = Some(30);
    // The servers of a file's section would inherit otherwise than this one says.
    let section = section.replace("check", "check no-check check maxconn 9");
    patches.add_section(None, Some(fresh), section);
    let text = world.print(true);
    let again = read(&text).config.expect("it loads");
    let running = world.running();
    assert_eq!(again.frontends, running.frontends, "{text}");
    assert_eq!(again.global.maxconn, Some(600));
    assert_eq!(again.global.max_connection_rate, Some(30));
    assert_eq!(again.backend("fresh").map(|b| b.id), Some(77), "{text}");
    assert!(text.contains("# Added at run time.\nbackend fresh\n"), "{text}");
}

#[test]
fn orders_about_state_and_weight_are_written() {
    let mut world = World::new();
    let mut order = |server: &str, what| {
        let order = ServerOrder { backend: "b".into(), server: server.into(), what };
        world.intent.overrides_mut().record(&order, false);
    };
    order("a", ServerOrderKind::Weight(33));
    order("t3", ServerOrderKind::Drain);
    world.maintenance.insert(("b".into(), "off".into()), false);
    world.maintenance.insert(("b".into(), "t5".into()), true);
    let text = world.print(true);
    let again = read(&text).config.expect("it loads");
    let b = again.backend("b").expect("it is there");
    let seen: Vec<_> = b.servers.iter().map(|s| (&*s.name, s.weight, s.disabled)).collect();
    let wanted = [
        ("a", 33, false),
        ("off", 20, false),
        ("t1", 20, false),
        ("t2", 20, false),
        ("t3", 0, false),
        ("t4", 20, false),
        ("t5", 20, true),
    ];
    assert_eq!(seen, wanted, "{text}");
    assert!(text.contains("# drain, else of weight 20"), "{text}");
}

#[test]
fn closed_frontends_are_disabled_and_closed_listens_keep_their_servers() {
    let mut world = World::new();
    world.intent.patches_mut().frontend(&"two".into()).closed = true;
    world.intent.patches_mut().frontend(&"l".into()).shut = true;
    let text = world.print(true);
    let again = read(&text).config.expect("it loads");
    assert!(again.frontend("two").expect("it is there").disabled, "{text}");
    assert!(text.contains("    # bind 127.0.0.1:8030    # closed at run time\n"), "{text}");
}
