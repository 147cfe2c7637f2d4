//! Starting: configuration, sockets, workers, rights, and then the loop until the end.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::hand_over::TakeOver;
use control::apply::Attempt;
use control::intent::Wanted;
use control::intent::containers::Options as ContainerOptions;
use control::{Cause, Controller, Names};
use model::{Address, Config, Global, Snapshot};
use proxy::{ApplyError, Engine, Settings};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::consul::Consul;
use crate::containers::Containers;
use crate::daemon::{self, PidFile};
use crate::house::{self, House};
use crate::load::{Loaded, Loader, plain_reason};
use crate::plane::Plane;
use crate::say::Voice;
use crate::sd_notify::Notify;
use crate::services::Desk;
use crate::signals::Signals;
use crate::sockets;
use crate::turn;
use crate::{identity, limits};

/// Which native control socket is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// None.
    None,
    /// The usual place; it is no error when another process has it.
    Usual,
    /// The same, and nothing is said when there can be none.
    Quiet,
    /// This one.
    At(PathBuf),
}

/// How the process is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose words are used.
    pub voice: Voice,
    /// Called as HAProxy.
    pub haproxy: bool,
    /// `-W`: TERM and USR2 mean what they mean to HAProxy's master.
    pub master: bool,
    /// What to read.
    pub loader: Loader,
    /// Containers that take part.
    pub containers: Option<Containers>,
    /// Where services are asked for.
    pub consul: Consul,
    /// What a program must show that changes something through the JSON interface.
    pub api_token: Option<String>,
    /// Control socket.
    pub control: Control,
    /// `-S`.
    pub master_socket: Option<String>,
    /// Start without a configuration.
    pub wait_config: bool,
    /// Change when a file is saved.
    pub watch: bool,
    /// Control or stats socket of the process to take over from.
    pub take_over: Option<PathBuf>,
    /// Tell that process through the socket that we serve; else the lists below do.
    pub tell_ready: bool,
    /// Told to finish when we serve.
    pub finish: Vec<i32>,
    /// Told to end when we serve.
    pub terminate: Vec<i32>,
    /// Worker threads.
    pub workers: Option<u32>,
    /// How long requests may take to finish after TERM; `None` ends at once, as HAProxy does.
    pub stop_grace: Option<Duration>,
    /// `-p`, which wins over the configuration's.
    pub pidfile: Option<PathBuf>,
    /// `-D`.
    pub daemon: bool,
    /// `-db`.
    pub foreground: bool,
    /// Tell systemd.
    pub notify: bool,
    /// Warnings are errors.
    pub zero_warning: bool,
}

/// Runs until told to stop.
pub fn run(options: Options) -> ExitCode {
    let started = Instant::now();
    let background = daemon::is_background();
    if background {
        daemon::detach();
    }
    let mut warnings = String::new();
    let (config, loaded) = match first_configuration(&options, &mut warnings) {
        Ok(first) => first,
        Err(code) => return code,
    };
    let quits = loaded.as_ref().is_some_and(|l| l.process.quiet);
    let daemon = options.daemon || config.global.daemon;
    if daemon && !options.foreground && !background {
        return daemon::start_background();
    }
    if !(options.haproxy && quits) {
        options.voice.raw(&warnings);
    }
    if let Some(warning) = limits::raise_descriptors(config.global.ulimit_n) {
        options.voice.warning(warning);
    }
    let taken = match options.take_over.as_deref().map(TakeOver::begin).transpose() {
        Ok(taken) => taken,
        Err(e) => {
            let path = options.take_over.as_deref().unwrap_or(Path::new(""));
            options.voice.warning(format!(
                "Failed to connect to the old process socket '{}': {}",
                path.display(),
                plain_reason(&e)
            ));
            options.voice.alert("Failed to get the sockets from the old process!");
            return ExitCode::FAILURE;
        }
    };
    let start = Start { options, started, background, config, loaded, warnings, taken };
    start.serve()
}

/// What is known when the configuration has been read.
struct Start {
    options: Options,
    started: Instant,
    background: bool,
    config: Config,
    loaded: Option<Loaded>,
    warnings: String,
    taken: Option<TakeOver>,
}

/// Reads the first configuration. What there is to say about it goes to `said`, except for what
/// ends the process, which is printed.
fn first_configuration(
    options: &Options,
    said: &mut String,
) -> Result<(Config, Option<Loaded>), ExitCode> {
    let voice = options.voice;
    if options.loader.paths.is_empty() && options.containers.is_some() {
        return Ok((Config::default(), None));
    }
    let mut loaded = match options.loader.load(None, false) {
        Ok(loaded) => loaded,
        Err(e) if options.wait_config => {
            voice.warning(format!("{e}; waiting until it is there"));
            return Ok((Config::default(), None));
        }
        Err(e) => {
            let prefix = if options.haproxy { "config : " } else { "" };
            voice.alert(format!("{prefix}{e}"));
            return Err(ExitCode::FAILURE);
        }
    };
    let findings = house::render(voice, &loaded);
    let config = loaded.config.take();
    let strict = options.zero_warning || loaded.process.zero_warning;
    let warned = loaded.diagnostics.count(config::Severity::Warning) > 0;
    let failed = if config.is_none() {
        Some(String::new())
    } else if !loaded.unresolved.is_empty() {
        let lines: Vec<String> = loaded.unresolved.iter().map(house::unresolved_line).collect();
        Some(lines.join("\n"))
    } else if strict && warned {
        Some("Some warnings were found and 'zero-warning' is set. Aborting.".to_owned())
    } else {
        None
    };
    match (config, failed) {
        (Some(config), None) => {
            *said = findings;
            Ok((config, Some(loaded)))
        }
        (_, failed) => {
            voice.raw(&findings);
            for line in failed.iter().flat_map(|f| f.lines()) {
                voice.alert(format!("{line}."));
            }
            if options.wait_config {
                return Ok((Config::default(), Some(loaded)));
            }
            if !loaded.unresolved.is_empty() && options.haproxy {
                voice.alert("Failed to initialize server(s) addr.");
            }
            Err(ExitCode::FAILURE)
        }
    }
}

/// What drives the control thread, and the signals that it hears from now on.
fn control_thread() -> Result<(tokio::runtime::Runtime, Signals), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|e| format!("cannot start the control thread: {}", plain_reason(&e)))?;
    let inside = runtime.enter();
    let signals =
        Signals::listen().map_err(|e| format!("cannot listen to signals: {}", plain_reason(&e)))?;
    drop(inside);
    Ok((runtime, signals))
}

impl Start {
    /// What is wanted before any container was seen.
    fn first(&mut self, names: &Names) -> (Controller, ContainerOptions, Wanted) {
        let mut controller = Controller::default();
        let files = self.loaded.as_ref().map(|l| Arc::clone(&l.ast)).unwrap_or_default();
        controller.intent.set_base(std::mem::take(&mut self.config), files);
        let containers = self.options.containers.clone();
        let unseen = containers.iter().flat_map(Containers::unseen);
        for unseen in unseen.chain(self.options.consul.unseen()) {
            controller.intent.observe(unseen);
        }
        if let Some(loaded) = &self.loaded {
            crate::server_state::say(self.options.voice, loaded);
            crate::server_state::addresses(&mut controller, &loaded.states, self.options.voice);
        }
        let options = containers.map(|c| c.options).unwrap_or_default();
        let wanted = house::wanted(&controller, &options, names);
        for problem in &wanted.problems {
            self.options.voice.warning(problem);
        }
        (controller, options, wanted)
    }

    fn serve(self) -> ExitCode {
        // Whoever can connect may send signals, too: they are heard before anything is open.
        match control_thread() {
            Ok((runtime, signals)) => self.serve_on(runtime, signals),
            Err(text) => {
                self.options.voice.alert(text);
                ExitCode::FAILURE
            }
        }
    }

    fn serve_on(mut self, runtime: tokio::runtime::Runtime, signals: Signals) -> ExitCode {
        let voice = self.options.voice;
        let names = Names::with_own(crate::containers::own_addresses());
        let (mut controller, options, wanted) = self.first(&names);
        let snapshot = Snapshot { generation: 1, config: Arc::new(wanted.config) };
        let global = snapshot.config.global.clone();
        let workers = self.workers(&global);
        if snapshot.config.frontends.is_empty() && self.options.haproxy && !self.options.wait_config
        {
            voice.alert(
                "[haproxy.main()] No enabled listener found (check for 'bind' directives) ! \
                 Exiting.",
            );
            return ExitCode::FAILURE;
        }
        let (desk, questions) = crate::services::open();
        let books = discovery::dns::Books::default();
        let (resolving, lookups) = discovery::dns::Lookups::new(books.clone());
        let settings = Settings {
            names: Some(Arc::new(crate::names::Counter(resolving))),
            ..self.settings(workers, &global, desk)
        };
        let engine = match Engine::start(settings, &snapshot) {
            Ok(engine) => engine,
            Err(e) => return self.no_engine(e),
        };
        let (spent, at_ms) = (self.started.elapsed(), house::wall_ms());
        let attempt = Attempt { causes: vec![Cause::Start], at_ms, spent };
        controller.started(snapshot, attempt, wanted.problems);
        let control = match self.open_control() {
            Ok(control) => control,
            Err(text) => {
                voice.alert(text);
                return ExitCode::FAILURE;
            }
        };
        let (requests, requested) = mpsc::unbounded_channel();
        let house = Rc::new(House {
            plane: Plane { engine },
            controller: controller.into(),
            containers: options.into(),
            remembered: house::Remembered::default(),
            loader: self.options.loader.clone(),
            api_token: self.options.api_token.take(),
            voice,
            started: self.started,
            boot: Duration::ZERO.into(),
            workers,
            stopping: false.into(),
            startup: std::mem::take(&mut self.warnings).into(),
            environment: self.options.loader.environment.clone().into(),
            last_read: self.first_read().into(),
            names: names.into(),
            books,
            ledger: discovery::consul::Ledger::default(),
            sockets: Vec::new().into(),
            usage: crate::process::Usage::default(),
            requests,
        });
        let local = LocalSet::new();
        local.spawn_local(crate::services::serve(questions, Rc::clone(&house)));
        local.spawn_local(crate::orphans::look_after());
        local.spawn_local(lookups.serve({
            let house = Rc::clone(&house);
            move |name| Some(Arc::clone(house.running()?.config.resolvers(name)?))
        }));
        let turn = self.turn(house, control, (signals, requested), global);
        let code = local.block_on(&runtime, turn);
        // Tasks that wait for names or clients must not hold the end up.
        runtime.shutdown_background();
        code
    }

    /// Fingerprint of the first configuration, and whether it runs.
    fn first_read(&self) -> Option<(u64, bool)> {
        self.loaded.as_ref().map(|l| (l.fingerprint, l.unresolved.is_empty()))
    }

    async fn turn(
        mut self,
        house: Rc<House>,
        control: Option<OpenControl>,
        (signals, requested): (Signals, mpsc::UnboundedReceiver<house::Request>),
        global: Global,
    ) -> ExitCode {
        let voice = house.voice;
        if let Some(loaded) = &self.loaded {
            *house.environment.borrow_mut() = loaded.environment.clone();
            crate::server_state::orders(&house, &loaded.states);
        }
        let mut stats = sockets::Sockets::default();
        let mut own = global.clone();
        match self.options.master_socket.as_deref().map(sockets::master_socket).transpose() {
            Ok(socket) => own.stats_sockets.extend(socket),
            Err(text) => voice.warning(format!("-S: {text}")),
        }
        let failed = stats.follow(&own, &house);
        if !failed.is_empty() {
            failed.iter().for_each(|text| voice.alert(text));
            return ExitCode::FAILURE;
        }
        let control_file = control.map(|c| {
            sockets::serve_control(c.fd, &house);
            c.file
        });
        let pidfile = match self.write_pidfile(&global) {
            Ok(pidfile) => pidfile,
            Err(text) => {
                voice.alert(text);
                return ExitCode::FAILURE;
            }
        };
        if let Err(text) = self.give_up_rights(&global) {
            voice.alert(format!("[haproxy.main()] {text}."));
            return ExitCode::FAILURE;
        }
        let notify =
            if self.options.notify { Notify::from_environment() } else { Notify::default() };
        house.boot.set(self.started.elapsed());
        self.say_ready(&house, &notify);
        let watched = self
            .loaded
            .take()
            .map(|l| l.watched)
            .unwrap_or_else(|| self.options.loader.paths.iter().cloned().collect());
        let code = turn::Turn::new(&self.options, &house, stats, own, notify, watched)
            .until_end(signals, requested)
            .await;
        drop(control_file);
        drop(pidfile);
        ExitCode::from(code)
    }

    fn workers(&self, global: &Global) -> u32 {
        let cpus = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        self.options.workers.or(global.nbthread).unwrap_or(cpus).max(1)
    }

    fn settings(&mut self, workers: u32, global: &Global, desk: Arc<Desk>) -> Settings {
        let host: Arc<str> = hostname().into();
        let started_us = house::wall_ms() as i64 * 1000;
        Settings {
            workers: workers as usize,
            inherited: self
                .taken
                .as_mut()
                .map(|t| std::mem::take(&mut t.listeners))
                .unwrap_or_default(),
            process: expr::Process {
                hostname: Arc::clone(&host),
                node: global.node.clone().unwrap_or(host),
                pid: std::process::id(),
                utc_offset_s: jiff::Zoned::now().offset().seconds(),
                started_us,
            },
            seed: random_bits(),
            say: Box::new({
                let voice = self.options.voice;
                move |level, text| voice.say(severity_of(level), text)
            }),
            service: Some(desk),
            names: None,
        }
    }

    fn no_engine(&self, error: ApplyError) -> ExitCode {
        let voice = self.options.voice;
        if !self.options.haproxy {
            voice.alert(crate::plane::refusal(error));
            return ExitCode::FAILURE;
        }
        match error {
            ApplyError::Binds(list) => {
                for b in list {
                    voice.alert(format!(
                        "Binding [{}] for frontend {}: protocol {}: cannot bind socket ({}) \
                         for [{}].",
                        line_of(&b.origin),
                        b.frontend,
                        protocol(&b.address),
                        plain_reason(&b.error),
                        b.address
                    ));
                }
                voice.alert(
                    "[haproxy.main()] Some protocols failed to start their listeners! Exiting.",
                );
            }
            other => voice.alert(other),
        }
        ExitCode::FAILURE
    }

    fn open_control(&self) -> Result<Option<OpenControl>, String> {
        let take_over = self.taken.is_some();
        match &self.options.control {
            Control::None => Ok(None),
            Control::At(path) => {
                let fd = sockets::open_control(path, take_over)?;
                Ok(Some(OpenControl { fd, file: SocketFile::new(path) }))
            }
            Control::Usual | Control::Quiet => {
                let mut reasons = Vec::new();
                for path in sockets::default_paths() {
                    match sockets::open_control(&path, take_over) {
                        Ok(fd) => {
                            return Ok(Some(OpenControl { fd, file: SocketFile::new(&path) }));
                        }
                        Err(text) => reasons.push(text),
                    }
                }
                if self.options.control == Control::Usual {
                    self.options.voice.warning(format!(
                        "no control socket ({}); name one with --control",
                        reasons.join("; ")
                    ));
                }
                Ok(None)
            }
        }
    }

    fn write_pidfile(&self, global: &Global) -> Result<Option<PidFile>, String> {
        let configured = global.pidfile.as_deref().map(Path::new);
        // As in HAProxy, the configuration's own file counts only for processes in the background.
        let wanted = self
            .options
            .pidfile
            .as_deref()
            .or(configured.filter(|_| self.background || self.options.master));
        wanted
            .map(|path| {
                PidFile::write(path).map_err(|e| {
                    format!(
                        "[haproxy.main()] Cannot create pidfile {}: {}",
                        path.display(),
                        plain_reason(&e)
                    )
                })
            })
            .transpose()
    }

    fn give_up_rights(&self, global: &Global) -> Result<(), String> {
        if let Some(root) = &global.chroot {
            if self.options.haproxy && !self.options.master {
                let failed = |_| format!("Cannot chroot({root})");
                rustix::process::chroot(&**root).map_err(failed)?;
                rustix::process::chdir("/").map_err(|_| format!("Cannot chroot({root})"))?;
            } else {
                self.options.voice.warning(format!(
                    "chroot {root} is not used: this process reads its configuration again at \
                     every change; use a container or systemd's RootDirectory instead"
                ));
            }
        }
        identity::become_user(global.user.as_deref(), global.group.as_deref())
    }

    /// The process serves: tell everybody who waits for that.
    fn say_ready(&mut self, house: &House, notify: &Notify) {
        let voice = house.voice;
        for (pids, signal) in [
            (&self.options.finish, rustix::process::Signal::USR1),
            (&self.options.terminate, rustix::process::Signal::TERM),
        ] {
            for pid in pids {
                if let Some(pid) = rustix::process::Pid::from_raw(*pid) {
                    // A process that is gone already has finished.
                    let _ = rustix::process::kill_process(pid, signal);
                }
            }
        }
        if self.options.tell_ready
            && let Some(taken) = self.taken.take()
            && let Err(e) = taken.ready()
        {
            voice.warning(format!("the old process did not hear that we serve: {e}"));
        }
        notify.ready();
        let boot_ms = house.boot.get().as_secs_f64() * 1000.0;
        let listening = house.plane.engine.shared().live().listeners.len();
        match voice {
            Voice::Native | Voice::Json => voice.notice(format!(
                "ready to serve on {listening} addresses with {} workers ({boot_ms:.0} ms)",
                house.workers
            )),
            Voice::Haproxy { .. } if self.options.master => {
                voice.notice("Loading success.");
            }
            Voice::Haproxy { .. } => {}
        }
        if self.background {
            daemon::tell_ready();
        }
    }
}

struct OpenControl {
    fd: std::os::fd::OwnedFd,
    file: SocketFile,
}

/// The file of a socket, removed with this value unless another process made it its own since.
struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl SocketFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), inode: inode(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|m| m.ino())
}

fn line_of(origin: &model::Origin) -> String {
    match origin {
        model::Origin::File { file, line, .. } => format!("{file}:{line}"),
        other => other.to_string(),
    }
}

fn protocol(address: &Address) -> &'static str {
    match address {
        Address::Inet(a) if a.is_ipv6() => "tcpv6",
        Address::Inet(_) => "tcpv4",
        Address::Unix(_) => "unix_stream",
        Address::Abstract(_) | Address::AbstractZ(_) => "abns_stream",
        Address::Fd(_) => "fd",
    }
}

/// The machine's name.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Bits for seeds. The clock stands in where the system gives no random bytes.
pub fn random_bits() -> u64 {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    match read {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => house::wall_ms().wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

/// A syslog severity as it is said on standard error.
fn severity_of(level: u8) -> config::Severity {
    match level {
        0..=2 => config::Severity::Alert,
        3 | 4 => config::Severity::Warning,
        _ => config::Severity::Notice,
    }
}
