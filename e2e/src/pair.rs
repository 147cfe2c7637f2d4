//! Both balancers with the same files, and the same script of commands on both control sockets.

use std::net::SocketAddr;
use std::path::PathBuf;

use regex::Regex;

use crate::binaries::{self, Binary};
use crate::client;
use crate::ports::Address;
use crate::process::{Process, Scratch};

/// A running balancer with its control socket.
pub struct Balancer {
    /// The process.
    pub process: Process,
    /// Its control socket.
    pub socket: PathBuf,
    /// Its directory, with the configuration `a.cfg` and all other files.
    pub scratch: Scratch,
}

impl Balancer {
    /// Starts `binary` with these files in its directory, `a.cfg` among them. In their text
    /// `SOCKET` is the path of the control socket and `DIR` the directory.
    pub fn start(binary: &Binary, files: &[(&str, &str)], addresses: &[SocketAddr]) -> Self {
        let scratch = Scratch::new().expect("a temporary directory");
        let socket = scratch.path.join("api.sock");
        for (name, text) in files {
            let text = text.replace("SOCKET", &socket.display().to_string());
            let text = text.replace("DIR", &scratch.path.display().to_string());
            std::fs::write(scratch.path.join(name), text).expect("written");
        }
        let mut process =
            Process::start(binary, &scratch.path, ["-f", "a.cfg", "-db"]).expect("runs");
        let mut all: Vec<Address> = addresses.iter().map(|a| Address::Tcp(*a)).collect();
        all.push(Address::Unix(socket.clone()));
        process.wait_listening(&all).unwrap_or_else(|why| panic!("{why}"));
        Self { process, socket, scratch }
    }

    /// The answer to a line of commands.
    pub fn ask(&self, command: &str) -> String {
        client::command(&self.socket, command).expect("a control socket answers")
    }
}

/// Both binaries, ours first; `None`, and a word about it, where there is no HAProxy.
pub fn binaries() -> Option<(Binary, Binary)> {
    match binaries::reference() {
        Ok(reference) => Some((binaries::evenkeel().expect("built"), reference)),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

/// A difference that may be: commands that begin with the first text, lines that the pattern
/// matches, and why.
pub type Difference = (&'static str, &'static str, &'static str);

/// What is never compared: pointers and dates.
const MASKS: [(&str, &str); 2] =
    [("0x[0-9a-f]{6,}", "0x"), (r"\[\d\d/\w+/\d{4}:[\d:.]+\]", "[date]")];

/// Where two answers to a command differ, as text; empty when they do not.
pub fn difference(command: &str, ours: &str, theirs: &str, allowed: &[Difference]) -> String {
    let pattern = |text: &str| Regex::new(text).expect("a pattern of the test");
    let may_differ = |line: &str| {
        allowed
            .iter()
            .any(|(begin, may, _)| command.starts_with(begin) && pattern(may).is_match(line))
    };
    let kept = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !may_differ(line));
        let mask = |line: &str| {
            MASKS.iter().fold(line.to_owned(), |line, (what, with)| {
                pattern(what).replace_all(&line, *with).into_owned()
            })
        };
        lines.map(mask).collect()
    };
    if kept(ours) == kept(theirs) {
        return String::new();
    }
    format!("=== {command}\n--- HAProxy\n{theirs}--- Evenkeel\n{ours}")
}

/// Gives the same script to both and tells every difference that is not allowed.
pub fn compare(
    files: &[(&str, &str)],
    addresses: &[SocketAddr],
    script: &[&str],
    allowed: &[Difference],
) {
    let Some((ours, theirs)) = binaries() else { return };
    let answers = |binary: &Binary| -> Vec<String> {
        let balancer = Balancer::start(binary, files, addresses);
        script.iter().map(|command| balancer.ask(command)).collect()
    };
    let (ours, theirs) = (answers(&ours), answers(&theirs));
    let pairs = script.iter().zip(ours.iter().zip(&theirs));
    let wrong: String = pairs.map(|(command, (a, b))| difference(command, a, b, allowed)).collect();
    assert!(wrong.is_empty(), "{wrong}");
}
