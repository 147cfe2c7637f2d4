//! What the commands ask of the process they run in.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use control::{Histogram, OrderError, ServerOrder};
use model::{Address, Config, Name, ProxyOf};

use crate::stats::Row;

/// A future that stays on the control thread.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a session may do (manual 3.1, `stats socket ... level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Read what is not sensitive.
    #[default]
    User,
    /// Read everything and clear maxima.
    Operator,
    /// Everything.
    Admin,
}

impl Level {
    /// From the number in the model; anything above 1 is admin.
    #[must_use]
    pub fn from_number(level: u8) -> Self {
        match level {
            0 => Self::User,
            1 => Self::Operator,
            _ => Self::Admin,
        }
    }

    /// As HAProxy writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// How a native command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What to show.
    pub text: String,
}

/// Figures of the process, for `show info`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessFacts {
    /// Our version.
    pub version: String,
    /// The HAProxy version whose language and interface this is.
    pub haproxy_version: String,
    /// When that version was released, `YYYY/MM/DD`.
    pub release_date: String,
    /// Worker threads.
    pub threads: u32,
    /// Process id.
    pub pid: u32,
    /// Time since the start.
    pub uptime: Duration,
    /// Start, seconds since 1970.
    pub started_s: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// Descriptor limit.
    pub descriptors_max: u64,
    /// Client connections allowed.
    pub connections_max: u32,
    /// Client connections that can be allowed.
    pub connections_hard_max: u32,
    /// Client connections now.
    pub connections: u32,
    /// Client connections since the start.
    pub connections_total: u64,
    /// Requests since the start.
    pub requests_total: u64,
    /// Requests and TCP sessions now.
    pub streams: u32,
    /// Requests and TCP sessions since the start.
    pub streams_total: u64,
    /// New connections in the last second.
    pub connection_rate: u32,
    /// Highest such rate.
    pub connection_rate_max: u32,
    /// New connections allowed a second; 0 = any number.
    pub connection_rate_limit: u32,
    /// New sessions allowed a second; 0 = any number.
    pub session_rate_limit: u32,
    /// Times that the allowed connections were reached.
    pub full_total: u64,
    /// Sessions and checks.
    pub tasks: u32,
    /// Tasks that wait for a processor.
    pub run_queue: u32,
    /// Share of time in which the process did not compute, percent.
    pub idle_percent: u32,
    /// Bytes sent to clients since the start.
    pub bytes_out: u64,
    /// The same for the last second.
    pub bytes_out_rate: u64,
    /// Log lines that no one took.
    pub dropped_logs: u64,
    /// Names that did not resolve.
    pub failed_resolutions: u32,
    /// Warnings given.
    pub warnings: u32,
    /// Listening addresses.
    pub listeners: usize,
    /// No longer accepting.
    pub stopping: bool,
    /// `node`.
    pub node: String,
    /// `description`.
    pub description: String,
    /// Running generation.
    pub generation: u64,
    /// Changes applied since the start.
    pub reloads_applied: u64,
    /// Changes refused since the start.
    pub reloads_refused: u64,
    /// Whether the wanted configuration is the running one.
    pub config_ok: bool,
    /// Time from the start until serving, milliseconds.
    pub boot_ms: u64,
}

/// A control socket, for `show cli sockets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSocket {
    /// Where it listens, as the configuration writes it.
    pub address: String,
    /// Level at which its sessions start.
    pub level: Level,
}

/// What has changed since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The running generation.
    pub generation: u64,
    /// When it came to run, milliseconds since 1970.
    pub last_ms: u64,
    /// What had to be left out of it or looks wrong.
    pub problems: usize,
    /// Why the wanted configuration does not run; `None` when it does.
    pub error: Option<String>,
    /// Containers that were left out because something about them is wrong.
    pub quarantined: usize,
    /// The providers, and how long ago what each of them says was complete; `None` where nothing
    /// was ever seen.
    pub providers: Vec<(Name, Option<Duration>)>,
    /// From an event to the configuration that follows from it, seconds.
    pub convergence: Histogram,
    /// Requests that failed since the last change came to run, and between changes before.
    pub failed: (u64, Histogram),
}

/// A change of the configuration while it runs. It holds until the files are read anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Of a server: backend, server, what.
    Server(Name, Name, ServerChange),
    /// A server more: backend, server, and what a `server` line says behind its name.
    AddServer(Name, Name, Vec<String>),
    /// A server less: backend, server.
    RemoveServer(Name, Name),
    /// Listening addresses more: frontend, and what a `bind` line says.
    AddBind(Name, Vec<String>),
    /// A listening address less: frontend, and its address or name.
    RemoveBind(Name, String),
    /// A section more: `frontend` or `backend`, the words behind it, the lines below.
    AddSection(&'static str, Vec<String>, String),
    /// A frontend less.
    RemoveFrontend(Name),
    /// A backend less.
    RemoveBackend(Name),
    /// Of a frontend.
    Frontend(Name, FrontendChange),
    /// `maxconn` of the process; `None` = as configured.
    Maxconn(Option<u32>),
    /// New connections of the process in a second; 0 = any number.
    ConnectionRate(u32),
}

/// A change of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerChange {
    /// Another address, and another port where one is given.
    Address(IpAddr, Option<PortChange>),
    /// Another address or port for its checks.
    Check(Option<IpAddr>, Option<u16>),
    /// Another address, port or text for its agent; an empty text = none.
    Agent(Option<IpAddr>, Option<u16>, Option<Name>),
    /// Another `maxconn`; 0 = none.
    Maxconn(u32),
    /// Another name, for its `resolvers` to ask for.
    Fqdn(Name),
}

/// A port in a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortChange {
    /// This one.
    Fixed(u16),
    /// The client's, shifted.
    Offset(i32),
}

impl PortChange {
    /// `80`, `+1000`, `-1000`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.starts_with(['+', '-']) {
            return text.parse().ok().filter(|n| (-65_535..=65_535).contains(n)).map(Self::Offset);
        }
        text.parse().ok().map(Self::Fixed)
    }
}

/// A change of a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontendChange {
    /// `disable frontend`.
    Close,
    /// `enable frontend`.
    Open,
    /// `shutdown frontend`.
    Shut,
    /// `set maxconn frontend`; 0 = the process's.
    Maxconn(u32),
}

/// A report about the inside of the process, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// What each thread has done.
    Activity,
    /// What each thread does now.
    Threads,
    /// Memory in use.
    Memory,
    /// Notices that are kept.
    Events,
    /// Open descriptors, a line each that begins with the number and ` :`.
    Descriptors,
    /// Files mapped into memory.
    Files,
}

/// Why a server cannot be removed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRemovable {
    /// What keeps it, as HAProxy words it.
    pub reason: String,
    /// Whether waiting may help.
    pub passes: bool,
}

/// A request or TCP session in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// What names it in commands, as long as its connection lives.
    pub id: u64,
    /// The worker that runs it, from 0.
    pub worker: usize,
    /// Where it comes from; `None` on a Unix socket.
    pub source: Option<SocketAddr>,
    /// Where it was accepted.
    pub listener: Address,
    /// Number of that bind in its frontend, and its name where it has one.
    pub bind: (u32, Option<Name>),
    /// Its frontend.
    pub frontend: ProxyOf,
    /// Its backend, once chosen.
    pub backend: Option<ProxyOf>,
    /// Name, number and address of its server, once chosen.
    pub server: Option<(Name, u32, String)>,
    /// When it began, local time: `25/Nov/2026:00:03:54.765423`.
    pub began: String,
    /// Time since.
    pub age: Duration,
}

/// Figures of the name servers of a `resolvers` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolversRow {
    /// The section.
    pub name: String,
    /// Its name servers, each with names and values of its figures in HAProxy's order.
    pub servers: Vec<(String, Vec<(&'static str, u64)>)>,
}

/// Figures of a service that is watched elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchRow {
    /// The service, and by what its instances are selected; `*` = the names of all.
    pub service: String,
    /// Questions asked.
    pub questions: u64,
    /// Those without a good answer.
    pub failures: u64,
    /// Failures since the last good answer.
    pub failures_in_a_row: u64,
    /// Index of the last good answer.
    pub index: u64,
    /// Instances that count.
    pub instances: u64,
    /// Time since the last good answer; `None` before the first.
    pub age_ms: Option<u64>,
}

/// The process, as commands see it.
pub trait House {
    /// Figures of the process.
    fn process(&self) -> ProcessFacts;

    /// A row for every frontend, server and backend, in the order of the configuration.
    fn rows(&self) -> Vec<Row>;

    /// The running configuration; `None` before the first one runs.
    fn config(&self) -> Option<Arc<Config>>;

    /// The running configuration as a file that loads as what runs, with or without passwords;
    /// `None` before the first one runs.
    fn config_text(&self, secrets: bool) -> Option<String>;

    /// Every `resolvers` section, in the order of the configuration.
    fn resolvers(&self) -> Vec<ResolversRow>;

    /// Whose command comes next.
    fn asks(&self, who: &str, command: &str);

    /// Every watched service.
    fn watches(&self) -> Vec<WatchRow>;

    /// Carries out an order about a server.
    ///
    /// # Errors
    /// See [`OrderError`].
    fn order(&self, order: &ServerOrder) -> Result<(), OrderError>;

    /// Changes the running configuration; returns what to say about it.
    ///
    /// # Errors
    /// Why it was not done, in HAProxy's words where it has some.
    fn change(&self, change: Change) -> Result<String, String>;

    /// Requests and TCP sessions in progress.
    fn sessions(&self) -> Later<'_, Vec<SessionRow>>;

    /// Ends a session; false when there is none with this id.
    fn end_session(&self, id: u64) -> Later<'_, bool>;

    /// Clears maxima; with `all` every counter.
    fn clear_counters(&self, all: bool);

    /// What was said at the start and whatever is wrong since.
    fn startup_logs(&self) -> String;

    /// The control sockets.
    fn control_sockets(&self) -> Vec<ControlSocket>;

    /// A report about the inside of the process.
    fn report(&self, what: Report) -> String;

    /// Whether `backend/server` could be removed.
    ///
    /// # Errors
    /// See [`NotRemovable`].
    fn removable(&self, name: &str) -> Result<(), NotRemovable>;

    /// Type and printable value of a `proc` variable; `None` for any other name.
    fn variable(&self, name: &str) -> Option<(&'static str, String)>;

    /// Variables of the environment as the configuration left it.
    fn environment(&self) -> Vec<(String, String)>;

    /// Whether it serves now: it listens, and every worker answers. What is wanted and does not
    /// run makes no difference.
    fn serving(&self) -> Later<'_, Outcome>;

    /// What runs, the last changes, the last error, for people.
    fn status(&self) -> String;

    /// Every container that was seen, and why it takes part or not.
    fn containers(&self, json: bool) -> Outcome;

    /// What becomes of a request: `[json] <method> <address> [<field>...]`.
    fn explain(&self, words: &[&str]) -> Outcome;

    /// What has changed since the start.
    fn changes(&self) -> Changes;

    /// The last changes with a number above `since`, the newest first, at most `count`.
    fn change_log(&self, since: u64, count: usize) -> Vec<control::Entry>;

    /// Reads the configuration now and applies it.
    fn reload(&self) -> Later<'_, Outcome>;

    /// What a reload would change; with files: what running those would change.
    fn plan(&self, files: Vec<PathBuf>) -> Later<'_, Outcome>;

    /// Waits until nothing uses a server any more. Without a backend every server of that name
    /// is meant.
    fn wait_drained(
        &self,
        backend: Option<Name>,
        server: Name,
        timeout: Duration,
    ) -> Later<'_, Outcome>;

    /// Duplicates of all listening sockets, for a process that takes over.
    ///
    /// # Errors
    /// When descriptors run out.
    fn listeners(&self) -> io::Result<Vec<(Address, Vec<OwnedFd>)>>;

    /// A process that took the sockets over serves: finish and end.
    fn taken_over(&self, pid: u32);
}
