//! What the commands ask of the process they run in.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use control::{OrderError, ServerOrder};
use model::{Address, Name};

use crate::stats::Row;

/// A future that stays on the control thread.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a session may do (manual 3.1, `stats socket ... level`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Read what is not sensitive.
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
    /// Worker threads.
    pub threads: u32,
    /// Process id.
    pub pid: u32,
    /// Time since the start.
    pub uptime: Duration,
    /// Start, seconds since 1970.
    pub started_s: u64,
    /// Descriptor limit.
    pub descriptors_max: u64,
    /// Client connections allowed.
    pub connections_max: u32,
    /// Client connections now.
    pub connections: u32,
    /// Client connections since the start.
    pub connections_total: u64,
    /// Requests since the start.
    pub requests_total: u64,
    /// New connections in the last second.
    pub connection_rate: u32,
    /// Highest such rate.
    pub connection_rate_max: u32,
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

/// The process, as commands see it.
pub trait House {
    /// Figures of the process.
    fn process(&self) -> ProcessFacts;

    /// A row for every frontend, server and backend, in the order of the configuration.
    fn rows(&self) -> Vec<Row>;

    /// Carries out an order about a server.
    ///
    /// # Errors
    /// See [`OrderError`].
    fn order(&self, order: &ServerOrder) -> Result<(), OrderError>;

    /// Clears maxima; with `all` every counter.
    fn clear_counters(&self, all: bool);

    /// What was said at the start and whatever is wrong since.
    fn startup_logs(&self) -> String;

    /// Variables of the environment as the configuration left it.
    fn environment(&self) -> Vec<(String, String)>;

    /// What runs, the last changes, the last error, for people.
    fn status(&self) -> String;

    /// The last changes, for people.
    fn history(&self) -> String;

    /// Every container that was seen, and why it takes part or not.
    fn containers(&self, json: bool) -> Outcome;

    /// What becomes of a request: `[json] <method> <address> [<field>...]`.
    fn explain(&self, words: &[&str]) -> Outcome;

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
