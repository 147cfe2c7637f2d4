//! The scenarios: one file each, all of the same form (run every proxy, return one table).

mod bulk;
mod close;
mod idle;
mod keep_alive;
mod large;
mod slices;
mod workers;

use std::time::{Duration, Instant};

use crate::account::Reading;
use crate::figures::Spread;
use crate::proxies::{Features, Kind, Proxy, Running, haproxy_cfg, nginx_conf};
use crate::spin::{Spin, Tally};

pub use keep_alive::KA64;

/// Servers behind the proxy.
const SERVERS: usize = 4;
/// Body bytes of a small answer; with its head about 210 bytes.
pub const SMALL_BODY: usize = 120;
/// How long a proxy may take until it answers for the first time.
const START_MAX: Duration = Duration::from_secs(20);
/// Virtual host the clients ask for.
pub const HOST: &str = "www.example.test";

/// What is compared, and how long.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Proxies in the order of the table; the first HAProxy is what ratios are taken against.
    pub proxies: Vec<Proxy>,
    /// CPU of clients and servers.
    pub load_cpu: usize,
    /// CPU of the proxy.
    pub proxy_cpu: usize,
    /// Rounds; each proxy has one slice in each.
    pub rounds: usize,
    /// Measured part of a slice.
    pub slice: Duration,
    /// What the configurations ask for.
    pub features: Features,
}

/// One scenario by its name.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// As on the command line.
    pub name: &'static str,
    /// What it does, for the table's title.
    pub about: &'static str,
    run: fn(&Bench) -> Measured,
}

/// The table's content, or what went wrong.
type Measured = Result<(Vec<Column>, Vec<Row>), String>;

/// All scenarios in the order they run.
pub const ALL: [Scenario; 8] = [
    KA64,
    keep_alive::KA512,
    close::CLOSE,
    close::CLOSE_REUSE,
    bulk::BULK,
    idle::IDLE,
    large::LARGE,
    workers::WORKERS4,
];

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// What it shows.
    pub title: &'static str,
    /// Digits behind the point.
    pub digits: usize,
    /// Whether the quartiles are shown beside the median.
    pub spread: bool,
}

impl Column {
    const fn plain(title: &'static str, digits: usize) -> Self {
        Self { title, digits, spread: false }
    }

    const fn spread(title: &'static str, digits: usize) -> Self {
        Self { title, digits, spread: true }
    }
}

/// What one proxy did.
#[derive(Debug, Clone)]
pub struct Row {
    /// The proxy's name.
    pub name: String,
    /// One figure for each column; `None` where there is nothing to compare with.
    pub figures: Vec<Option<Spread>>,
}

/// The result of one scenario.
#[derive(Debug, Clone)]
pub struct Table {
    /// The scenario's name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Titles.
    pub columns: Vec<Column>,
    /// One per proxy.
    pub rows: Vec<Row>,
}

impl Scenario {
    /// Runs it with all proxies.
    ///
    /// # Errors
    /// What went wrong with which proxy: any failed request fails the run.
    pub fn run(&self, bench: &Bench) -> Result<Table, String> {
        let (columns, rows) = (self.run)(bench).map_err(|what| format!("{}: {what}", self.name))?;
        Ok(Table { name: self.name, about: self.about, columns, rows })
    }
}

impl Bench {
    /// Place of the proxy that ratios are taken against.
    #[must_use]
    pub fn reference(&self) -> Option<usize> {
        self.proxies.iter().position(Proxy::is_haproxy)
    }

    /// Starts `proxy` in front of all servers of `spin` and waits until it answers.
    pub(crate) fn start(
        &self,
        proxy: &Proxy,
        features: Features,
        spin: &mut Spin,
    ) -> Result<Running, String> {
        let servers = spin.addresses();
        let mut running = Running::start(proxy, self.proxy_cpu, |bind, statistics, directory| {
            small_configuration(proxy.kind, bind, statistics, &servers, features, directory)
        })
        .map_err(|error| format!("{}: {error}", proxy.name))?;
        first_answer(&mut running, spin, HOST).map_err(|what| format!("{}: {what}", proxy.name))?;
        Ok(running)
    }
}

/// The configuration of the small scenarios in the proxy's own language.
pub(crate) fn small_configuration(
    kind: Kind,
    bind: std::net::SocketAddr,
    statistics: std::net::SocketAddr,
    servers: &[std::net::SocketAddr],
    features: Features,
    directory: &std::path::Path,
) -> String {
    match kind {
        Kind::Nginx => nginx_conf::small(bind, statistics, servers, features, directory),
        Kind::Haproxy | Kind::Evenkeel => haproxy_cfg::small(bind, statistics, servers, features),
    }
}

/// Asks until the proxy answers: what it used until then.
pub(crate) fn first_answer(
    running: &mut Running,
    spin: &mut Spin,
    host: &str,
) -> Result<(Duration, Reading), String> {
    loop {
        let failure = match spin.probe(running.address, host) {
            Ok(_) => return Ok((running.started.elapsed(), running.reading())),
            Err(failure) => failure,
        };
        if !running.alive() {
            return Err(format!("ended at its start:\n{}", running.output()));
        }
        if running.started.elapsed() > START_MAX {
            return Err(format!("{failure} for {START_MAX:?}:\n{}", running.output()));
        }
        rest(spin, Duration::from_millis(2))?;
    }
}

/// A slice with errors is no measurement.
fn without_errors(tally: &Tally, running: &Running) -> Result<(), String> {
    if tally.errors == 0 {
        return Ok(());
    }
    let (errors, answers) = (tally.errors, tally.answers);
    let first = tally.first_errors.join("; ");
    Err(format!("{errors} errors beside {answers} answers: {first}\n{}", running.output()))
}

fn rest(spin: &mut Spin, duration: Duration) -> Result<(), String> {
    spin.rest(duration).map_err(|error| error.to_string())
}

/// Serves without measuring until `done` or `limit`.
fn rest_until(
    spin: &mut Spin,
    limit: Duration,
    mut done: impl FnMut() -> bool,
) -> Result<bool, String> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if done() {
            return Ok(true);
        }
        rest(spin, Duration::from_millis(10))?;
    }
    Ok(false)
}
