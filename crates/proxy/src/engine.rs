//! The data plane as the control wing sees it: start, apply a snapshot, stop, hand over.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{Address, Origin, Snapshot};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::events::{Events, Say};
use crate::listen::{self, ListenSockets};
use crate::live::{Counter, Gauge, Live, Rate, Traffic};
use crate::sessions::{self, SessionFacts};
use crate::termination::Cause;
use crate::worker::{self, Command, Worker};

/// Clients that wait for a request are let go this long after a stop began, so that those that
/// are about to send one get an answer with `Connection: close` instead of a reset.
const IDLE_GRACE: Duration = Duration::from_millis(1500);

/// How long accepting pauses where a rate is reached.
const RATE_PAUSE: Duration = Duration::from_millis(5);

/// Descriptors that are not for client connections: per worker, logs, control.
const RESERVED_DESCRIPTORS: u64 = 100;

/// What the engine is started with.
pub struct Settings {
    /// Worker threads, at least 1.
    pub workers: usize,
    /// Listening sockets taken over from a running process, by address.
    pub inherited: Vec<(Address, Vec<OwnedFd>)>,
    /// Facts of the process for logs and expressions.
    pub process: expr::Process,
    /// Random bits: seed of balancing and request ids.
    pub seed: u64,
    /// Says something to whoever looks at the process.
    pub say: Say,
    /// Who answers in place of servers.
    pub service: Option<Arc<dyn crate::service::Service>>,
    /// Who asks the DNS for `do-resolve`.
    pub names: Option<Arc<dyn crate::names::NameService>>,
}

/// A bind that could not be opened.
#[derive(Debug)]
pub struct BindError {
    /// The frontend.
    pub frontend: model::Name,
    /// The address.
    pub address: Address,
    /// Where it is configured.
    pub origin: Origin,
    /// Why.
    pub error: io::Error,
}

/// Why a snapshot was not applied; nothing has changed then.
#[derive(Debug)]
pub enum ApplyError {
    /// A newer one is running.
    OldGeneration {
        /// The running generation.
        running: u64,
    },
    /// Addresses that could not be opened, all of them.
    Binds(Vec<BindError>),
    /// Threads or descriptors ran out.
    Resources(io::Error),
}

impl std::fmt::Display for ApplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OldGeneration { running } => {
                write!(f, "generation {running} is running, an older one is refused")
            }
            Self::Resources(e) => write!(f, "out of resources: {e}"),
            Self::Binds(list) => {
                for (i, b) in list.iter().enumerate() {
                    let sep = if i == 0 { "" } else { "; " };
                    write!(f, "{sep}{}: cannot bind {}: {}", b.origin, b.address, b.error)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ApplyError {}

/// What all workers share.
pub struct Shared {
    live: Mutex<Arc<Live>>,
    /// Generation of `live`: compared once per request.
    pub generation: AtomicU64,
    /// Facts of the process.
    pub process: expr::Process,
    /// Random bits of this start.
    pub seed: u64,
    /// The monotonic clock's origin.
    pub started: Instant,
    /// Wall clock at `started`, microseconds since 1970.
    pub started_wall_us: i64,
    /// No longer accepting: answers say `Connection: close`.
    pub stopping: AtomicBool,
    /// Client connections of the process.
    pub connections: Gauge,
    /// Client connections accepted.
    pub connections_total: Counter,
    /// HTTP requests of all frontends.
    pub traffic: Traffic,
    /// New connections per second.
    pub connection_rate: Rate,
    /// Failed `accept` calls.
    pub accept_errors: AtomicU64,
    /// Sessions that ended by a panic.
    pub panics: AtomicU64,
    /// Client connections allowed (`maxconn` of global, or what descriptors allow).
    pub max_connections: AtomicU32,
    /// Woken when a connection ends while somebody may wait for room.
    pub room: Notify,
    /// Somebody waits for room.
    pub full: AtomicBool,
    /// Logs and notices.
    pub events: Events,
    /// Who answers in place of servers.
    pub service: Option<Arc<dyn crate::service::Service>>,
    /// Who asks the DNS for `do-resolve`.
    pub names: Option<Arc<dyn crate::names::NameService>>,
    /// Process-wide variables (`proc.x`).
    variables: Mutex<expr::Variables>,
    /// To the workers.
    commands: OnceLock<Vec<mpsc::UnboundedSender<Command>>>,
}

impl Shared {
    /// The newest live configuration.
    #[must_use]
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.lock())
    }

    /// Milliseconds since the engine's start.
    #[must_use]
    pub fn now_ms(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_millis() as u64
    }

    /// A `proc` variable.
    #[must_use]
    pub fn variable(&self, variable: &expr::Variable) -> Option<expr::Value> {
        let process = variable.scope == expr::Scope::Proc;
        process.then(|| self.variables.lock().value(&variable.name).cloned()).flatten()
    }

    /// Sets a `proc` variable; false for other scopes.
    pub fn set_variable(&self, variable: &expr::Variable, value: Option<expr::Value>) -> bool {
        let process = variable.scope == expr::Scope::Proc;
        if process {
            self.variables.lock().set(&variable.name, value);
        }
        process
    }

    /// The wall clock at a moment, microseconds since 1970.
    #[must_use]
    pub fn wall_us(&self, at: Instant) -> i64 {
        self.started_wall_us + at.saturating_duration_since(self.started).as_micros() as i64
    }

    /// Ends every session on these servers, given by the keys of their states.
    pub fn end_sessions(&self, servers: &[u64], cause: Cause) {
        if servers.is_empty() {
            return;
        }
        let servers: Arc<[u64]> = Arc::from(servers);
        for worker in self.commands.get().into_iter().flatten() {
            let _ = worker.send(Command::EndSessions(Arc::clone(&servers), cause));
        }
    }

    /// Asks every worker for its sessions in progress; the channel ends with the last answer.
    #[must_use]
    pub fn sessions(&self) -> mpsc::UnboundedReceiver<Vec<SessionFacts>> {
        let (tell, told) = mpsc::unbounded_channel();
        for worker in self.commands.get().into_iter().flatten() {
            let _ = worker.send(Command::Sessions(tell.clone()));
        }
        told
    }

    /// Asks every worker whether it is there; the channel ends with the last answer.
    #[must_use]
    pub fn answers(&self) -> mpsc::UnboundedReceiver<()> {
        let (tell, told) = mpsc::unbounded_channel();
        for worker in self.commands.get().into_iter().flatten() {
            let _ = worker.send(Command::Answer(tell.clone()));
        }
        told
    }

    /// Ends the session with this id; the answer says whether there was one, none means no.
    #[must_use]
    pub fn end_session(&self, id: u64, cause: Cause) -> mpsc::UnboundedReceiver<bool> {
        let (tell, told) = mpsc::unbounded_channel();
        let workers = self.commands.get();
        let worker = sessions::worker_of(id).and_then(|at| workers?.get(at));
        if let Some(worker) = worker {
            let _ = worker.send(Command::EndSession(id, cause, tell));
        }
        told
    }

    /// Waits while the process, the frontend or the bind has all the connections it may have, or
    /// has had as many in this second as it may.
    pub async fn room_for_connection(&self, worker: &Rc<Worker>, address: &Address) {
        loop {
            let waiting = self.room.notified();
            match self.room(worker, address) {
                Room::Yes => return,
                Room::Later => {
                    tokio::time::sleep(RATE_PAUSE).await;
                    continue;
                }
                Room::Full => {}
            }
            self.full.store(true, Release);
            if self.room(worker, address) == Room::Full {
                waiting.await;
            }
        }
    }

    fn room(&self, worker: &Rc<Worker>, address: &Address) -> Room {
        if self.connections.value() >= self.max_connections.load(Relaxed) {
            return Room::Full;
        }
        let view = worker.view();
        let Some((frontend, bind)) = view.live.listeners.get(address) else { return Room::Yes };
        let model = &frontend.model;
        let bind_max = model.binds.get(*bind).and_then(|b| b.maxconn);
        let on_bind = frontend.bind_connections.get(*bind).map_or(0, |g| g.value());
        let here = frontend.counters.connections.value();
        if model.maxconn.is_some_and(|m| here >= m) || bind_max.is_some_and(|m| on_bind >= m) {
            return Room::Full;
        }
        let of_process = view.live.config.global.max_connection_rate;
        if of_process.is_none() && model.rate_limit_sessions.is_none() {
            return Room::Yes;
        }
        let now_ms = self.now_ms(Instant::now());
        let fast = |limit: Option<u32>, rate: &Rate| {
            limit.is_some_and(|limit| rate.per_second(now_ms) >= limit)
        };
        let too_fast = fast(of_process, &self.connection_rate)
            || fast(model.rate_limit_sessions, &frontend.counters.connection_rate);
        if too_fast { Room::Later } else { Room::Yes }
    }

    /// A client connection ended.
    pub fn connection_ended(&self) {
        self.connections.leave();
        if self.full.swap(false, AcqRel) {
            self.room.notify_waiters();
        }
    }
}

/// Whether another connection may be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Yes,
    /// When a connection ends.
    Full,
    /// When time has passed.
    Later,
}

struct WorkerHandle {
    commands: mpsc::UnboundedSender<Command>,
    thread: JoinHandle<()>,
}

/// What an [`Engine::apply`] did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Addresses that are listened on now and were not before.
    pub opened: Vec<Address>,
    /// Addresses that are no longer listened on.
    pub closed: Vec<Address>,
}

/// The running data plane.
pub struct Engine {
    shared: Arc<Shared>,
    workers: Vec<WorkerHandle>,
    listening: Mutex<HashMap<Address, ListenSockets>>,
    inherited: Mutex<HashMap<Address, Vec<OwnedFd>>>,
    checks: crate::checks::Runner,
}

impl Engine {
    /// Starts workers and checks, binds every address of the snapshot and serves.
    ///
    /// # Errors
    /// As [`Engine::apply`]; nothing runs then.
    pub fn start(settings: Settings, snapshot: &Snapshot) -> Result<Self, ApplyError> {
        let started = Instant::now();
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let live =
            Arc::new(Live::build(&Snapshot { generation: 0, config: Arc::default() }, None, 1, 0));
        let shared = Arc::new(Shared {
            live: Mutex::new(live),
            generation: AtomicU64::new(0),
            events: Events::new(&settings.process, settings.say),
            process: settings.process,
            seed: settings.seed,
            started,
            started_wall_us: wall.map_or(0, |d| d.as_micros() as i64),
            stopping: AtomicBool::new(false),
            connections: Gauge::default(),
            connections_total: Counter::default(),
            traffic: Traffic::new(settings.workers.max(1)),
            connection_rate: Rate::default(),
            accept_errors: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            max_connections: AtomicU32::new(u32::MAX),
            room: Notify::new(),
            full: AtomicBool::new(false),
            service: settings.service,
            names: settings.names,
            variables: Mutex::default(),
            commands: OnceLock::new(),
        });
        let workers = (0..settings.workers.max(1))
            .map(|i| spawn_worker(&shared, i))
            .collect::<io::Result<Vec<_>>>()
            .map_err(ApplyError::Resources)?;
        let _ = shared.commands.set(workers.iter().map(|w| w.commands.clone()).collect());
        let checks =
            crate::checks::Runner::start(Arc::clone(&shared)).map_err(ApplyError::Resources)?;
        let engine = Self {
            shared,
            workers,
            listening: Mutex::default(),
            inherited: Mutex::new(settings.inherited.into_iter().collect()),
            checks,
        };
        match engine.apply(snapshot) {
            Ok(_) => {
                engine.inherited.lock().clear();
                Ok(engine)
            }
            Err(e) => {
                engine.shutdown();
                Err(e)
            }
        }
    }

    /// Makes a snapshot the running one. New addresses are bound first; when one fails, nothing
    /// changes. Addresses that stay are not touched, removed ones are emptied and closed.
    ///
    /// # Errors
    /// [`ApplyError`]; the running snapshot goes on.
    pub fn apply(&self, snapshot: &Snapshot) -> Result<Applied, ApplyError> {
        let mut listening = self.listening.lock();
        let before = self.shared.live();
        if snapshot.generation < before.generation {
            return Err(ApplyError::OldGeneration { running: before.generation });
        }
        let opened = self.open_new(snapshot, &listening)?;
        let mut handles = Vec::new();
        for (address, sockets) in &opened {
            for (i, w) in self.workers.iter().enumerate() {
                let fds =
                    sockets.for_worker(i, self.workers.len()).map_err(ApplyError::Resources)?;
                handles.push((w, address.clone(), fds));
            }
        }
        self.set_variables(&before.config, &snapshot.config);
        let now_ms = self.shared.now_ms(Instant::now());
        let live = Arc::new(Live::build(snapshot, Some(&before), self.workers.len(), now_ms));
        self.shared.events.configure(&live, &self.shared.process.hostname);
        self.set_limits(&live);
        let wanted: HashSet<Address> = live.listeners.keys().cloned().collect();
        *self.shared.live.lock() = Arc::clone(&live);
        self.shared.generation.store(snapshot.generation, Release);
        self.checks.refresh(&live);
        crate::queue::after_change(&before, &live, now_ms);
        let mut applied = Applied::default();
        for (w, address, fds) in handles {
            let _ = w.commands.send(Command::Listen(address, fds));
        }
        for (address, sockets) in opened {
            applied.opened.push(address.clone());
            listening.insert(address, sockets);
        }
        let gone: Vec<Address> =
            listening.keys().filter(|a| !wanted.contains(a)).cloned().collect();
        for address in gone {
            self.send_all(|| Command::Unlisten(address.clone()));
            if let Address::Unix(path) = &address {
                let _ = std::fs::remove_file(path);
            }
            listening.remove(&address);
            applied.closed.push(address);
        }
        self.send_all(|| Command::Refresh);
        Ok(applied)
    }

    fn open_new(
        &self,
        snapshot: &Snapshot,
        listening: &HashMap<Address, ListenSockets>,
    ) -> Result<Vec<(Address, ListenSockets)>, ApplyError> {
        let mut opened: Vec<(Address, ListenSockets)> = Vec::new();
        let mut failed = Vec::new();
        let mut seen = HashSet::new();
        for frontend in snapshot.config.frontends.iter().filter(|f| !f.disabled) {
            for bind in &frontend.binds {
                if listening.contains_key(&bind.address) || !seen.insert(bind.address.clone()) {
                    continue;
                }
                let mut inherited = self.inherited.lock();
                let sockets = match inherited.get_mut(&bind.address).map(std::mem::take) {
                    Some(sockets) if !sockets.is_empty() => Ok(ListenSockets { sockets }),
                    _ => listen::open(bind, self.workers.len()),
                };
                match sockets {
                    Ok(s) => opened.push((bind.address.clone(), s)),
                    Err(error) => failed.push(BindError {
                        frontend: frontend.name.clone(),
                        address: bind.address.clone(),
                        origin: bind.origin.clone(),
                        error,
                    }),
                }
            }
        }
        if failed.is_empty() { Ok(opened) } else { Err(ApplyError::Binds(failed)) }
    }

    /// `set-var` and `set-var-fmt` of global: what is new or differs is set; what requests have
    /// stored since stays otherwise.
    fn set_variables(&self, before: &model::Config, config: &model::Config) {
        let (global, old) = (&config.global, &before.global);
        let subject = AtStart { shared: &self.shared };
        let mut values = Vec::new();
        for var in global.vars.iter().filter(|var| !old.vars.contains(var)) {
            let value = var.1.eval(&subject).found().map(expr::Sample::into_value);
            values.push((&var.0, value));
        }
        for var in global.var_formats.iter().filter(|var| !old.var_formats.contains(var)) {
            let mut text = Vec::new();
            var.1.render(&subject, &mut text);
            values.push((&var.0, Some(expr::Value::Str(text.into()))));
        }
        let mut variables = self.shared.variables.lock();
        for (name, value) in values {
            variables.set(name, value);
        }
    }

    /// Client connections that this configuration allows: `maxconn`, or what descriptors allow.
    #[must_use]
    pub fn connections_allowed(config: &model::Config) -> u32 {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let descriptors = limit.current.unwrap_or(u64::from(u32::MAX));
        let by_descriptors = (descriptors.saturating_sub(RESERVED_DESCRIPTORS) / 2).max(1) as u32;
        config.global.maxconn.unwrap_or(by_descriptors).max(1)
    }

    fn set_limits(&self, live: &Live) {
        self.shared.max_connections.store(Self::connections_allowed(&live.config), Relaxed);
        self.shared.room.notify_waiters();
    }

    fn send_all(&self, command: impl Fn() -> Command) {
        for w in &self.workers {
            let _ = w.commands.send(command());
        }
    }

    /// Stops accepting: empties and closes every listening socket, lets sessions finish, answers
    /// with `Connection: close`. [`Engine::active_connections`] tells when it is over.
    pub fn stop_accepting(&self) {
        self.shared.stopping.store(true, Release);
        for (address, _) in self.listening.lock().drain() {
            self.send_all(|| Command::Unlisten(address.clone()));
        }
    }

    /// After [`Engine::stop_accepting`], to be called now and then: lets clients go that have
    /// been waiting without a request for longer than the grace.
    pub fn close_idle(&self) {
        let now = Instant::now();
        let before = now.checked_sub(IDLE_GRACE).unwrap_or(now);
        self.send_all(|| Command::CloseIdle(before));
    }

    /// Ends every session now and joins the workers.
    pub fn shutdown(self) {
        self.send_all(|| Command::Shutdown);
        self.checks.stop();
        for w in self.workers {
            let _ = w.thread.join();
        }
    }

    /// Client connections now.
    #[must_use]
    pub fn active_connections(&self) -> u32 {
        self.shared.connections.value()
    }

    /// Every listening address with duplicates of its sockets, for a new process to take over.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn listeners(&self) -> io::Result<Vec<(Address, Vec<OwnedFd>)>> {
        self.listening
            .lock()
            .iter()
            .map(|(a, s)| {
                let fds = s.sockets.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?;
                Ok((a.clone(), fds))
            })
            .collect()
    }

    /// What workers share: counters, live configuration, clocks.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

fn spawn_worker(shared: &Arc<Shared>, index: usize) -> io::Result<WorkerHandle> {
    let (commands, inbox) = mpsc::unbounded_channel();
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        if let Err(e) = worker::run(Arc::clone(&shared), index, inbox) {
            shared.events.worker_failed(index, &e);
        }
    })?;
    Ok(WorkerHandle { commands, thread })
}

/// What expressions of `global` may ask: nothing of a session.
struct AtStart<'a> {
    shared: &'a Shared,
}

impl expr::Subject for AtStart<'_> {
    fn now_us(&self) -> i64 {
        self.shared.wall_us(Instant::now())
    }
    fn random(&self) -> u64 {
        self.shared.seed
    }
    fn process(&self) -> &expr::Process {
        &self.shared.process
    }
    fn variable(&self, variable: &expr::Variable) -> Option<expr::Value> {
        self.shared.variable(variable)
    }
}
