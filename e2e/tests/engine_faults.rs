//! The balancer beside an engine that breaks: the last good set serves, what is bad is left out by
//! its name, and everything mends itself (F2, F3, F10, D15).

use e2e::binaries::{Binary, evenkeel};
use e2e::docker::pool::{answers, get, good};
use e2e::engine::{Container, Engine, Manner};
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch};
use e2e::scenario::application::Application;
use e2e::scenario::wait_until;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
/// How long the socket is gone.
const AWAY: Duration = Duration::from_secs(60);
const HOST: &str = "shop.test";

/// The balancer, told of engines by variables and arguments.
struct Desk {
    process: Process,
    address: SocketAddr,
    binary: PathBuf,
    dir: Scratch,
    _reservation: Reservation,
}

impl Desk {
    /// `evenkeel run --docker=HOST` for each of them.
    fn new(engines: &[&Engine]) -> Self {
        let engines = engines.iter().map(|e| format!("--docker={}", e.host()));
        Self::start(&[], &engines.collect::<Vec<_>>())
    }

    fn start(variables: &[String], arguments: &[String]) -> Self {
        Self::with_file(variables, arguments, "global\n")
    }

    fn with_file(variables: &[String], arguments: &[String], text: &str) -> Self {
        let dir = Scratch::new().expect("a folder");
        let reservation = Reservation::new().expect("a port");
        let address = reservation.address;
        let binary = evenkeel().expect("the binary").path;
        let env = Binary { name: "env", ..evenkeel().expect("the binary") };
        let env = Binary { path: PathBuf::from("/usr/bin/env"), ..env };
        let mut words: Vec<OsString> = vec!["-u".into(), "DOCKER_HOST".into()];
        words.extend(variables.iter().map(OsString::from));
        words.extend([binary.clone().into(), "run".into(), "--control".into()]);
        words.extend([dir.path.join("control").into(), format!("--listen={address}").into()]);
        // In place of the file that this machine may have in the usual place.
        let file = dir.path.join("empty.cfg");
        std::fs::write(&file, text).expect("a file");
        words.extend(["-f".into(), file.into()]);
        words.extend(arguments.iter().map(OsString::from));
        let process = Process::start(&env, &dir.path, words).expect("it starts");
        let mut desk = Self { process, address, binary, dir, _reservation: reservation };
        // Before any engine has answered.
        desk.process.wait_listening(&[Address::Tcp(address)]).expect("it listens");
        desk
    }

    /// Who answers for a host, or with which status.
    fn who(&self, host: &str) -> String {
        get(self.address, host, "/").and_then(|m| good(&m)).unwrap_or_else(|why| why)
    }

    /// Waits until exactly these answer.
    fn expect(&self, host: &str, names: &[&str]) {
        let wanted: BTreeSet<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut seen = BTreeSet::new();
        let found = wait_until(SOON, || {
            seen = answers(self.address, host, 3 * names.len())
                .unwrap_or_default()
                .into_iter()
                .collect();
            seen == wanted
        });
        assert!(found, "{host}: {seen:?}\n{}\n{}", self.containers(), self.process.stderr());
    }

    fn containers(&self) -> String {
        let mut command = Command::new(&self.binary);
        command.args(["containers", "--control"]).arg(self.dir.path.join("control"));
        let said = command.output().expect("it runs");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// Waits until `evenkeel containers` has a line with all these words.
    fn shows(&self, words: &[&str]) {
        let mut shown = String::new();
        let found = wait_until(SOON, || {
            shown = self.containers();
            shown.lines().any(|line| words.iter().all(|word| line.contains(word)))
        });
        assert!(found, "no line with {words:?}:\n{shown}");
    }

    /// Waits until standard error has a line with all these words.
    fn says(&self, words: &[&str]) {
        let said = || self.process.stderr();
        let found = wait_until(SOON, || {
            said().lines().any(|line| words.iter().all(|word| line.contains(word)))
        });
        assert!(found, "no line with {words:?}:\n{}", said());
    }
}

fn app(name: &str) -> Application {
    Application::start(name, Duration::ZERO).expect("an application")
}

/// A container of an application that asks for the host.
fn of(app: &Application, host: &str) -> Container {
    Container::new(&app.name).at(app.address).label("evenkeel.host", host)
}

#[test]
fn f2_whatever_the_engine_does_the_last_good_set_serves_and_it_mends_itself() {
    let (engine, steady) = (Engine::start(), Engine::start());
    let [first, second, other] = ["first", "second", "other"].map(app);
    engine.put(of(&first, HOST));
    steady.put(of(&other, "other.test"));
    let desk = Desk::new(&[&engine, &steady]);
    desk.expect(HOST, &["first"]);
    desk.expect("other.test", &["other"]);
    for manner in [
        Manner::Failing,
        Manner::Garbage,
        Manner::Nonsense,
        Manner::Refusing,
        Manner::EndlessHead,
        Manner::Silent,
        Manner::Forbidding,
        Manner::TooNew,
    ] {
        engine.set(manner);
        engine.cut(r#"{"Type":"container","Act"#);
        desk.shows(&[&engine.host(), "away for", "the last known containers go on"]);
        // The other engine is followed as ever, and traffic goes on.
        let extra = app("extra");
        steady.run(of(&extra, "other.test"));
        desk.expect("other.test", &["other", "extra"]);
        steady.remove("extra");
        steady.event("extra", "destroy", "");
        desk.expect("other.test", &["other"]);
        desk.expect(HOST, &["first"]);
        // What happened meanwhile is seen once it answers again.
        engine.put(of(&second, HOST));
        engine.set(Manner::Good);
        desk.expect(HOST, &["first", "second"]);
        engine.remove("second");
        engine.event("second", "destroy", "");
        desk.expect(HOST, &["first"]);
    }
    let said = desk.process.stderr();
    assert!(said.matches("it answers again").count() >= 8, "{said}");
}

#[test]
fn f2_a_socket_that_is_missing_or_forbidden_is_named_with_the_remedy() {
    let (engine, there) = (Engine::absent(), Engine::start());
    let [late, near] = ["late", "near"].map(app);
    there.put(of(&near, "near.test"));
    engine.put(of(&late, HOST));
    let desk = Desk::new(&[&engine, &there]);
    desk.expect("near.test", &["near"]);
    let path = engine.path().display().to_string();
    desk.says(&["there is no socket", &path, &format!("mount it (-v {path}:{path})")]);
    assert!(desk.who(HOST).contains("503"), "nothing is known of it");
    engine.show();
    desk.expect(HOST, &["late"]);
    desk.expect("near.test", &["near"]);
}

#[test]
fn f2_a_socket_without_permission_is_named_with_the_group_to_join() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: a socket is closed to others only for root");
    }
    let engine = Engine::start();
    let web = app("web");
    engine.put(of(&web, HOST));
    let mode = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(engine.path(), mode).expect("our own socket");
    };
    mode(0o600);
    let engines = [format!("--docker={}", engine.host())];
    let desk = Desk::with_file(&[], &engines, "global\n    user nobody\n");
    let path = engine.path().display().to_string();
    desk.says(&["no permission for", &path, "mode 600", "--group-add 0", "trying again"]);
    mode(0o666);
    desk.expect(HOST, &["web"]);
}

#[test]
fn f3_a_socket_that_is_gone_for_a_minute_costs_no_request() {
    let engine = Engine::start();
    let [old, new] = ["old", "new"].map(app);
    engine.put(of(&old, HOST));
    let desk = Desk::new(&[&engine]);
    desk.expect(HOST, &["old"]);
    engine.hide();
    engine.set(Manner::Refusing);
    engine.cut("");
    desk.shows(&["away for", "there is no socket"]);
    engine.put(of(&new, HOST));
    let begin = Instant::now();
    while begin.elapsed() < AWAY {
        assert_eq!(desk.who(HOST), "old", "after {:?}", begin.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    engine.set(Manner::Good);
    engine.show();
    desk.expect(HOST, &["old", "new"]);
    assert!(!desk.containers().contains("away"), "{}", desk.containers());
}

#[test]
fn d15_the_engine_of_the_environment_is_used() {
    let engine = Engine::absent();
    let web = app("web");
    engine.put(of(&web, HOST));
    let host = format!("DOCKER_HOST=tcp://{}", engine.listen_tcp());
    let desk = Desk::start(&[host], &["--docker".to_owned()]);
    desk.expect(HOST, &["web"]);
    engine.show();
    let host = format!("DOCKER_HOST={}", engine.host());
    let desk = Desk::start(&[host], &["--docker".to_owned()]);
    desk.expect(HOST, &["web"]);
}

/// What a container says that nobody in his right mind would, and what has to be shown of it; the
/// second is empty where the container is in order all the same.
fn absurd(web: &Application) -> Vec<(Container, Vec<&'static str>)> {
    let plain = |name: &str| Container::new(name).at(web.address);
    let hosted = |name: &str| plain(name).label("evenkeel.host", &format!("{name}.test"));
    let dockercloud = |name: &str, variable: &str, value: &str| {
        let host = format!("{name}.test");
        plain(name).env("VIRTUAL_HOST", &host).env(variable, value)
    };
    let raw = |name: &str, body: Vec<u8>| Container { instead: Some((200, body)), ..plain(name) };
    let inject = "a\n    server evil 127.0.0.1:9\nfrontend evil\n    bind 127.0.0.1:9999";
    let mut many = hosted("many");
    (0..5000).for_each(|n| many.labels.push((format!("some.label.{n}"), "x".repeat(100))));
    let mut keys = hosted("keys");
    (0..2000).for_each(|n| keys.labels.push((format!("evenkeel.route{n}.host"), "x.test".into())));
    vec![
        (
            plain("long").label("evenkeel.host", &"x".repeat(1 << 20)),
            vec!["evenkeel.host", "too many"],
        ),
        (hosted("huge").label("note", &"x".repeat(1 << 20)), vec![]),
        (plain("utf8").label("evenkeel.host", "a\u{fffd}.test"), vec!["evenkeel.host", "UTF-8"]),
        (
            raw("bytes", b"{\"Id\":\"bytes\",\"Config\":{\"Labels\":{\"a\":\"\xff\"}}}".to_vec()),
            vec!["cannot describe it"],
        ),
        (
            plain("nul").label("evenkeel.host", "a\0b.test"),
            vec!["evenkeel.host", "control character"],
        ),
        (
            plain("esc").label("evenkeel.host", "\u{1b}[31m"),
            vec!["evenkeel.host", "control character"],
        ),
        (plain("lines").label("evenkeel.host", inject), vec!["evenkeel.host", "control character"]),
        (hosted("path").label("evenkeel.path", inject), vec!["evenkeel.path", "control character"]),
        (
            hosted("bal").label("evenkeel.balance", inject),
            vec!["evenkeel.balance", "control character"],
        ),
        (hosted("sticky").label("evenkeel.sticky", "a b ${HOME} #"), vec!["evenkeel.sticky"]),
        (hosted("check").label("evenkeel.check", "/ \\"), vec!["evenkeel.check"]),
        (hosted("weight").label("evenkeel.weight", "1 disabled"), vec!["evenkeel.weight"]),
        (
            hosted("config")
                .label("evenkeel.config", "timeout server 1s\nfrontend evil\n bind :9999"),
            vec!["evenkeel.config", "section"],
        ),
        (hosted("word").label("evenkeel.config", "no such keyword"), vec!["evenkeel.config"]),
        (
            hosted("quote").label("evenkeel.config", "http-request deny if 'x"),
            vec!["evenkeel.config"],
        ),
        (dockercloud("cookie", "COOKIE", inject), vec!["COOKIE", "control character"]),
        (
            dockercloud("option", "OPTION", "httpclose\nbind :1"),
            vec!["OPTION", "control character"],
        ),
        (dockercloud("extra", "EXTRA_SETTINGS", "backend evil"), vec!["EXTRA_SETTINGS", "section"]),
        (many, vec![]),
        (keys, vec!["routes"]),
        (Container { name: "\u{1b}[2J\nx ".repeat(500), ..hosted("name") }, vec![]),
    ]
}

#[test]
fn f10_absurd_labels_cost_their_own_container_alone() {
    let engine = Engine::start();
    let [web, other] = ["web", "other"].map(app);
    engine.put(of(&web, HOST));
    let desk = Desk::new(&[&engine]);
    desk.expect(HOST, &["web"]);
    let absurd = absurd(&other);
    for (container, shown) in &absurd {
        engine.run(container.clone());
        match shown[..] {
            [] => desk.expect(&format!("{}.test", container.id), &["other"]),
            _ => desk.shows(&[&[&*container.name, "BAD"], &shown[..]].concat()),
        }
        desk.expect(HOST, &["web"]);
    }
    // All of them at once, read by a balancer that starts now.
    let desk = Desk::new(&[&engine]);
    desk.expect(HOST, &["web"]);
    for (container, shown) in &absurd {
        match shown[..] {
            [] => desk.expect(&format!("{}.test", container.id), &["other"]),
            _ => desk.shows(&[&[&*container.name, "BAD"], &shown[..]].concat()),
        }
    }
    let shown = desk.containers() + &desk.process.stderr();
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{shown}");
    assert!(!shown.lines().any(|line| line.len() > 5000), "{shown}");
    // Mended, each comes in.
    for (container, shown) in absurd.iter().filter(|(_, shown)| !shown.is_empty()) {
        let host = format!("{}.test", container.id);
        engine.run(Container::new(&container.id).at(other.address).label("evenkeel.host", &host));
        desk.expect(&host, &["other"]);
        assert!(!shown.is_empty());
    }
    desk.expect(HOST, &["web"]);
}

#[test]
fn two_containers_that_claim_one_host_are_resolved_and_shown() {
    let engine = Engine::start();
    let [old, new] = ["old", "new"].map(app);
    let versions = |started_s, app: &Application, balance: &str| Container {
        started_s,
        ..of(app, HOST)
            .label("com.docker.compose.project", "p")
            .label("com.docker.compose.service", "shop")
            .label("evenkeel.balance", balance)
    };
    engine.put(versions(1, &old, "roundrobin"));
    engine.put(versions(2, &new, "source"));
    let desk = Desk::new(&[&engine]);
    desk.says(&["service p_shop", "old", "the newest container, new, decides"]);
    let shows = || answers(desk.address, HOST, 6).unwrap_or_default();
    // By source, one client has one server.
    let one = wait_until(SOON, || shows().iter().collect::<BTreeSet<_>>().len() == 1);
    assert!(one, "{:?}", shows());
    engine.run(versions(3, &old, "roundrobin"));
    desk.expect(HOST, &["old", "new"]);
    // Different services share the host, and that is told.
    let stranger = app("stranger");
    engine.run(of(&stranger, HOST));
    desk.expect(HOST, &["old", "new", "stranger"]);
    desk.says(&["services p_shop and stranger share backend p_shop", "p_shop decides"]);
}
