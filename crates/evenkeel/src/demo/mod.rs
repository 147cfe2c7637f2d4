//! `evenkeel demo`: five replicas and a balancer in one process, and what happens to requests
//! when replicas come and go.
//!
//! Nothing is faked: the balancer is `evenkeel run` on a thread, its configuration is a file that
//! is saved anew for every change, and failures are counted by the clients.

mod client;
mod replica;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use client::{Background, Names};
use replica::Replica;

use crate::args::DemoArgs;
use crate::load::Loader;
use crate::run::{self, Control, Options};
use crate::say::Voice;

/// Replicas at the start.
const REPLICAS: usize = 5;

/// Clients that keep sending requests while replicas change.
const BACKGROUND_CLIENTS: usize = 8;

/// Longest wait until a change shows in the answers.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause between the requests that are shown.
const STEP: Duration = Duration::from_millis(60);

/// What the configuration begins with. A replica that is killed may take a request with it that
/// it has not begun to answer; these are only reads, so another one may answer.
const DEFAULTS: &str = "\
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    retries 3
    option redispatch
    retry-on conn-failure empty-response
";

/// Runs the show.
pub fn main(args: &DemoArgs) -> ExitCode {
    match Demo::start(args) {
        Ok(demo) => demo.show(args.once),
        Err(text) => {
            Voice::Native.alert(text);
            ExitCode::FAILURE
        }
    }
}

struct Demo {
    address: SocketAddr,
    /// Held as long as the balancer may be told to listen on it.
    _listener: TcpListener,
    listener_fd: i32,
    directory: PathBuf,
    replicas: Vec<Replica>,
    names: Names,
    balancer: std::thread::JoinHandle<ExitCode>,
}

impl Demo {
    fn start(args: &DemoArgs) -> Result<Self, String> {
        let said = |what: &str| {
            let what = what.to_owned();
            move |e: std::io::Error| format!("{what}: {e}")
        };
        let listener = TcpListener::bind(("127.0.0.1", args.port)).map_err(said("no port"))?;
        let address = listener.local_addr().map_err(said("no port"))?;
        let directory = std::env::temp_dir().join(format!("evenkeel-demo-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(said("no place for a file"))?;
        let replicas = (0..REPLICAS)
            .map(|_| Replica::start())
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(said("no replica"))?;
        let mut loader = Loader::new(vec![directory.join("demo.cfg")]);
        loader.resolve = false;
        let options = options(loader, directory.join("control.sock"));
        let listener_fd = listener.as_raw_fd();
        save(&directory, listener_fd, &replicas).map_err(said("cannot write a file"))?;
        let balancer = std::thread::Builder::new()
            .name("balancer".to_owned())
            .spawn(move || run::run(options))
            .map_err(said("no thread"))?;
        let mut names = Names::default();
        replicas.iter().for_each(|r| drop(names.letter(&r.name)));
        Ok(Self { address, _listener: listener, listener_fd, directory, replicas, names, balancer })
    }

    fn show(mut self, once: bool) -> ExitCode {
        println!("Balancer on http://{}/ with {REPLICAS} replicas in this process:", self.address);
        for replica in &self.replicas {
            println!(
                "  {} = {} on {}",
                self.names.letter(&replica.name),
                replica.name,
                replica.address
            );
        }
        let outcome = self.scenes();
        if let Err(text) = &outcome {
            Voice::Native.alert(text);
        }
        if once || outcome.is_err() {
            let pid = rustix::process::getpid();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        } else {
            println!("\nStill up: curl http://{}/   Ctrl-C ends it.", self.address);
        }
        let ended = self.balancer.join().unwrap_or(ExitCode::FAILURE);
        let _ = std::fs::remove_dir_all(&self.directory);
        if outcome.is_ok() { ended } else { ExitCode::FAILURE }
    }

    fn scenes(&mut self) -> Result<(), String> {
        self.wait_for_members()?;
        self.cycle("Ten requests, one after the other")?;
        let background = Background::start(self.address, BACKGROUND_CLIENTS);
        println!("\nFrom here on {BACKGROUND_CLIENTS} more clients send requests without pause.");
        let gone = self.replicas.remove(2);
        let letter = self.names.letter(&gone.name);
        gone.kill();
        let fresh = Replica::start().map_err(|e| format!("no replica: {e}"))?;
        println!(
            "\nReplica {letter} is killed, {} takes its place.",
            self.names.letter(&fresh.name)
        );
        self.replicas.push(fresh);
        self.save_and_wait()?;
        self.cycle("Ours among all the requests")?;
        for wanted in [8, 2, REPLICAS] {
            println!("\nScaled from {} to {wanted} replicas.", self.replicas.len());
            self.scale(wanted)?;
            self.cycle("Ours among all the requests")?;
        }
        let (sent, failed) = background.stop();
        println!("\nRequests of the other clients: {sent}, failed: {failed}");
        if failed > 0 { Err(format!("{failed} requests failed")) } else { Ok(()) }
    }

    fn scale(&mut self, wanted: usize) -> Result<(), String> {
        while self.replicas.len() < wanted {
            self.replicas.push(Replica::start().map_err(|e| format!("no replica: {e}"))?);
        }
        let leaving = self.replicas.split_off(wanted);
        // Leaving replicas end only when nobody is sent to them any more.
        self.save_and_wait()?;
        leaving.into_iter().for_each(Replica::kill);
        Ok(())
    }

    fn save_and_wait(&mut self) -> Result<(), String> {
        save(&self.directory, self.listener_fd, &self.replicas)
            .map_err(|e| format!("cannot write the file: {e}"))?;
        self.wait_for_members()
    }

    /// Sends requests until exactly the present replicas answer.
    fn wait_for_members(&mut self) -> Result<(), String> {
        let mut wanted: Vec<&str> = self.replicas.iter().map(|r| &*r.name).collect();
        wanted.sort_unstable();
        let begun = Instant::now();
        loop {
            // The balancer may not listen yet in the first moments.
            let answers: Result<Vec<String>, _> =
                (0..wanted.len() * 2).map(|_| client::once(self.address)).collect();
            if let Ok(mut seen) = answers {
                seen.sort_unstable();
                seen.dedup();
                if seen == wanted {
                    return Ok(());
                }
            }
            if begun.elapsed() > CHANGE_TIMEOUT {
                return Err("the balancer does not answer with all replicas".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Two rounds over all replicas, printed. While others send requests too, the cycle is theirs
    /// as well, so only the first scene can be strict for one client.
    fn cycle(&mut self, title: &str) -> Result<(), String> {
        print!("{title}: ");
        let count = self.replicas.len();
        let mut letters = Vec::new();
        for _ in 0..count * 2 {
            let name = client::once(self.address).map_err(|e| format!("a request failed: {e}"))?;
            letters.push(self.names.letter(&name));
            print!(" {}", letters.last().map_or("", String::as_str));
            let _ = std::io::Write::flush(&mut std::io::stdout());
            std::thread::sleep(STEP);
        }
        let (first, second) = letters.split_at(count);
        let mut distinct = first.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let strict = first == second && distinct.len() == count;
        println!("{}", if strict { "   strict cycle" } else { "" });
        Ok(())
    }
}

fn options(loader: Loader, control: PathBuf) -> Options {
    Options {
        voice: Voice::Native,
        haproxy: false,
        master: true,
        loader,
        containers: None,
        consul: crate::consul::Consul::none(),
        api_token: None,
        control: Control::At(control),
        master_socket: None,
        wait_config: false,
        watch: true,
        take_over: None,
        tell_ready: false,
        finish: Vec::new(),
        terminate: Vec::new(),
        workers: None,
        stop_grace: Some(Duration::from_secs(2)),
        pidfile: None,
        daemon: false,
        foreground: true,
        notify: false,
        zero_warning: false,
    }
}

/// Saves the configuration as an editor does: beside the old one, then renamed over it.
fn save(directory: &std::path::Path, fd: i32, replicas: &[Replica]) -> std::io::Result<()> {
    let mut text = DEFAULTS.to_owned();
    text.push_str(&format!("\nfrontend demo\n    bind fd@{fd}\n    default_backend replicas\n"));
    text.push_str("\nbackend replicas\n    balance roundrobin\n");
    for replica in replicas {
        text.push_str(&format!("    server {} {}\n", replica.name, replica.address));
    }
    let beside = directory.join("demo.cfg.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, directory.join("demo.cfg"))
}
