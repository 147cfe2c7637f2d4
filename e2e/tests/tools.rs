//! Tools that people have, unchanged: socat's scripts, hatop; and `evenkeel top` in a terminal.

use e2e::binaries::evenkeel;
use e2e::pair;
use e2e::ports::Reservation;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS};
use e2e::terminal::Terminal;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// Keys as xterm sends them.
const DOWN: &str = "\u{1b}OB";
const F9: &str = "\u{1b}[20~";
const F10: &str = "\u{1b}[21~";

/// Whether a program is there; says so where it is not.
fn there(path: &str) -> bool {
    let there = Path::new(path).is_file();
    if !there {
        eprintln!("skipped: {path} is missing");
    }
    there
}

/// A service of two replicas, and a socket as HAProxy's users have it.
fn shop(application: &Application) -> Balancer {
    let server = application.address;
    let socket = "stats socket hatop.sock level admin";
    Balancer::start(|address| {
        format!(
            "global\n    {socket}\n{DEFAULTS}listen shop\n    bind {address}\n    \
             server alpha {server}\n    server beta {server}\n"
        )
    })
    .unwrap()
}

#[test]
fn hatop_shows_proxies_and_takes_servers_out_and_in() {
    if !there("/usr/bin/hatop") || !there("/usr/bin/script") {
        return;
    }
    let application = Application::start("app", Duration::ZERO).expect("loopback");
    let balancer = shop(&application);
    let socket = balancer.dir.path.join("hatop.sock");
    let line = format!("hatop -i 1 -s {}", socket.display());
    let mut hatop = Terminal::start(&line, (120, 30)).expect("it starts");
    let words = ["HAProxy Version: 3.2", "Proxies:", ">>> shop", "FRONTEND", "alpha", "beta"];
    hatop.shows(&words, SOON).unwrap();
    let status = || balancer.statistic("shop", "alpha", "status").unwrap_or_default();
    // From the head of the proxy over its frontend to its first server.
    hatop.press(DOWN);
    hatop.press(DOWN);
    let pressed = |hatop: &mut Terminal, key: &str, wanted: &str| {
        hatop.press(key);
        let done = e2e::scenario::wait_until(SOON, || status() == wanted);
        assert!(done, "{}, not {wanted}:\n{}", status(), hatop.told());
    };
    pressed(&mut hatop, F10, "MAINT");
    hatop.shows(&["MAINT"], SOON).unwrap();
    pressed(&mut hatop, F9, "no check");
    hatop.press("q");
    assert_eq!(hatop.ended(SOON), Some(0), "{}", hatop.told());
}

/// Lines as people pipe them into socat.
const SCRIPTS: [&str; 8] = [
    "show info;show stat\n",
    "prompt\nshow version\nget weight shop/beta\nquit\n",
    "prompt\nset weight shop/alpha 3;get weight shop/alpha\ndisable server shop/beta\n\
     get weight shop/beta\nenable server shop/beta\nquit\n",
    "prompt i\nget weight shop/alpha\nquit\n",
    "prompt n\nget weight shop/alpha\nquit\n",
    "add map MAP <<\na 1\nb 2\n\n",
    "add map MAP <<end\nc 3\nd 4\nend\n",
    "get weight shop/alpha;show map MAP\n",
];

#[test]
fn socat_scripts_are_answered_as_by_haproxy() {
    if !there("/usr/bin/socat") {
        return;
    }
    let Some((ours, theirs)) = pair::binaries() else { return };
    let application = Application::start("app", Duration::ZERO).expect("loopback");
    let port = Reservation::new().expect("a port");
    let text = format!(
        "global\n stats socket SOCKET level admin\ndefaults\n mode http\n timeout connect 1s\n \
         timeout client 5s\n timeout server 5s\nlisten shop\n bind {0}\n http-request set-header \
         x %[path,map(DIR/m)]\n server alpha {1}\n server beta {1}\n",
        port.address, application.address
    );
    let answers = |binary| -> Vec<String> {
        let files = [("a.cfg", &*text), ("m", "z 0\n")];
        let balancer = pair::Balancer::start(binary, &files, &[port.address]);
        let socat = |script: &str| {
            let map = balancer.scratch.path.join("m").display().to_string();
            let target = format!("UNIX-CONNECT:{}", balancer.socket.display());
            let mut command = Command::new("socat");
            command.args(["-t", "10", "-", &target]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut socat = command.spawn().expect("socat");
            let mut keys = socat.stdin.take().expect("a pipe");
            keys.write_all(script.replace("MAP", &map).as_bytes()).expect("taken");
            drop(keys);
            let output = socat.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{script}");
            String::from_utf8_lossy(&output.stdout).replace(&map, "MAP")
        };
        SCRIPTS.iter().map(|script| socat(script)).collect()
    };
    // What is always different is compared in `runtime_api`: here it is what is answered at all.
    let shape = |text: &str| -> Vec<String> {
        let same = |line: &str| match line.split_once([':', ',']) {
            Some((name, _)) if line.len() > 60 || !line.starts_with('>') => name.to_owned(),
            _ => line.to_owned(),
        };
        let version = |line: &&str| !line.starts_with("3.") && !line.starts_with("> 3.");
        let lines = text.lines().filter(version).map(same);
        // Entries of maps begin with an address of memory.
        let entry = |l: String| match l.split_once(' ') {
            Some((id, rest)) if id.starts_with("0x") => rest.to_owned(),
            _ => l,
        };
        lines.map(entry).collect()
    };
    let (ours, theirs) = (answers(&ours), answers(&theirs));
    for (script, (ours, theirs)) in SCRIPTS.iter().zip(ours.iter().zip(&theirs)) {
        assert_eq!(shape(ours), shape(theirs), "{script}");
    }
}

#[test]
fn top_shows_services_in_one_frame_and_live() {
    let application = Application::start("app", Duration::ZERO).expect("loopback");
    let balancer = shop(&application);
    assert_eq!(balancer.name(), "app");
    let once = balancer.command(&["top", "--once"]).unwrap();
    assert!(once.status.success(), "{once:?}");
    let frame = String::from_utf8_lossy(&once.stdout).into_owned();
    assert_eq!(frame.lines().count(), 24, "{frame}");
    assert!(frame.lines().all(|line| line.chars().count() <= 80), "{frame}");
    for words in ["generation 1", "shop frontend", "  alpha", "no check", "#1 start", "q quit"] {
        assert!(frame.contains(words), "{words}:\n{frame}");
    }
    if !there("/usr/bin/script") {
        return;
    }
    let program = evenkeel().expect("the binary").path;
    let control = balancer.dir.path.join("control.sock");
    let line = format!("{} top --every 200ms --control {}", program.display(), control.display());
    let mut top = Terminal::start(&line, (80, 24)).expect("it starts");
    top.shows(&["shop", "alpha", "beta", "order: configuration"], SOON).unwrap();
    // A replica comes, and is marked.
    let add = format!("add server shop/gamma {}", application.address);
    balancer.runtime(&add).unwrap();
    top.shows(&["+ gamma", "command add server shop/gamma"], SOON).unwrap();
    top.press("\u{1b}[C");
    top.shows(&["rate"], SOON).unwrap();
    balancer.runtime("del server shop/gamma").unwrap();
    top.shows(&["gone", "del server"], SOON).unwrap();
    top.press("q");
    assert_eq!(top.ended(SOON), Some(0), "{}", top.told());
    // Without a terminal it says what helps.
    let blind = balancer.command(&["top"]).unwrap();
    assert!(!blind.status.success());
    assert!(String::from_utf8_lossy(&blind.stderr).contains("--once"), "{blind:?}");
}
