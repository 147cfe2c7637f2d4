//! Clients that send on a schedule, whatever the answers do: what a change or a hand-over breaks
//! shows as failed requests and as latency, because a late answer delays nobody else's request.
//!
//! Latency counts from the moment a request was due, not from when it could be sent.

mod keep_alive;
mod report;
mod short;
mod slow_body;
mod transport;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use report::{Failure, Report, Tally};

/// Most clients of one kind.
pub const CLIENTS_MAX: usize = 256;
/// A plan that runs longer than this is cut.
pub const DURATION_MAX: Duration = Duration::from_secs(3600);

/// Clients of one kind, and how often all of them together send.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clients {
    /// How many, at most [`CLIENTS_MAX`]; each waits for its answer before it sends again.
    pub count: usize,
    /// Requests (WebSocket: messages) per second of all together.
    pub per_second: f64,
}

/// What to send, where to and how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the load balancer listens.
    pub target: SocketAddr,
    /// Host field.
    pub host: String,
    /// What the names of the servers that may answer begin with; `None` takes any.
    pub service: Option<String>,
    /// Path and query.
    pub path: String,
    /// Request after request on connections that stay open.
    pub keep_alive: Clients,
    /// Each request on a connection of its own.
    pub short: Clients,
    /// POST requests whose body comes in pieces with pauses between them.
    pub slow_body: Clients,
    /// Connections that send messages and want them back.
    pub websocket: Clients,
    /// How long requests are due; it can be stopped earlier.
    pub duration: Duration,
    /// An answer that is not whole after this long has timed out.
    pub patience: Duration,
    /// Bytes of a slow body.
    pub body_length: usize,
    /// Pieces it comes in.
    pub pieces: usize,
    /// Between two pieces.
    pub pause: Duration,
}

impl Plan {
    /// A mix of all four kinds, about 300 requests per second, for ten seconds.
    #[must_use]
    pub fn mix(target: SocketAddr, host: &str) -> Self {
        Self {
            target,
            host: host.to_owned(),
            service: None,
            path: "/".to_owned(),
            keep_alive: Clients { count: 16, per_second: 160.0 },
            short: Clients { count: 8, per_second: 80.0 },
            slow_body: Clients { count: 8, per_second: 10.0 },
            websocket: Clients { count: 8, per_second: 40.0 },
            duration: Duration::from_secs(10),
            patience: Duration::from_secs(5),
            body_length: 10_000,
            pieces: 10,
            pause: Duration::from_millis(40),
        }
    }
}

/// A running plan.
pub struct Running {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    report: Arc<Mutex<Report>>,
}

impl Running {
    /// What has been counted so far.
    #[must_use]
    pub fn so_far(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the outstanding requests finish and ends.
    #[must_use]
    pub fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.finish()
    }

    /// Waits until the plan's duration has passed.
    #[must_use]
    pub fn finish(self) -> Report {
        for client in self.clients {
            let _ = client.join();
        }
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts all clients of `plan`, one thread each.
///
/// # Errors
/// When a thread cannot be made.
pub fn start(plan: Plan) -> io::Result<Running> {
    let plan = Arc::new(plan);
    let stop = Arc::new(AtomicBool::new(false));
    let report = Arc::new(Mutex::new(Report::default()));
    let mut clients = Vec::new();
    let kinds: [(Clients, Kind); 4] = [
        (plan.keep_alive, Kind::KeepAlive),
        (plan.short, Kind::Short),
        (plan.slow_body, Kind::SlowBody),
        (plan.websocket, Kind::WebSocket),
    ];
    let start = Instant::now();
    for (group, kind) in kinds {
        let count = group.count.min(CLIENTS_MAX);
        for number in 0..count {
            let plan = Arc::clone(&plan);
            let mut schedule = Schedule::new(start, group.per_second, number, count, &plan);
            let (stop, report) = (Arc::clone(&stop), Arc::clone(&report));
            let client = std::thread::Builder::new().stack_size(256 * 1024);
            clients.push(client.spawn(move || {
                let mut client = kind.client(&plan);
                while let Some(due) = schedule.wait(&stop) {
                    let sent = client.held_since().unwrap_or_else(Instant::now);
                    let outcome = client.request(&plan);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    kind.tally(&mut report).add(due.elapsed(), sent, outcome);
                }
                client.end();
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                kind.tally(&mut report).never_sent += schedule.missed();
            })?);
        }
    }
    Ok(Running { stop, clients, report })
}

/// One client of any kind.
trait Client {
    /// Sends one request and waits for its whole answer.
    fn request(&mut self, plan: &Plan) -> Result<Done, Failure>;

    /// When the session that is held open was last heard of: it may have broken at any time since,
    /// though only the next request finds out.
    fn held_since(&self) -> Option<Instant> {
        None
    }

    /// Ends what is still open, politely.
    fn end(&mut self) {}
}

/// A right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Done {
    /// A kept connection was found closed, so a new one was used (RFC 9112 section 9.3.1).
    again: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    KeepAlive,
    Short,
    SlowBody,
    WebSocket,
}

impl Kind {
    fn client(self, plan: &Plan) -> Box<dyn Client> {
        match self {
            Self::KeepAlive => Box::new(keep_alive::KeepAlive::new(plan)),
            Self::Short => Box::new(short::Short::new(plan)),
            Self::SlowBody => Box::new(slow_body::SlowBody),
            Self::WebSocket => Box::new(websocket::WebSocket::default()),
        }
    }

    fn tally(self, report: &mut Report) -> &mut Tally {
        match self {
            Self::KeepAlive => &mut report.keep_alive,
            Self::Short => &mut report.short,
            Self::SlowBody => &mut report.slow_body,
            Self::WebSocket => &mut report.websocket,
        }
    }
}

/// When a client's requests are due.
struct Schedule {
    next: Instant,
    every: Duration,
    end: Instant,
    /// A client this late gives up: the rest of its requests count as never sent.
    give_up: Instant,
    stopped: bool,
}

impl Schedule {
    fn new(start: Instant, per_second: f64, number: usize, count: usize, plan: &Plan) -> Self {
        let pace = Duration::from_secs_f64(1.0 / per_second.max(0.001));
        let end = start + plan.duration.min(DURATION_MAX);
        Self {
            next: start + pace.mul_f64(number as f64),
            every: pace.mul_f64(count as f64),
            end,
            give_up: end + plan.patience,
            stopped: false,
        }
    }

    /// Sleeps until the next request is due: when that was; `None` at the end.
    fn wait(&mut self, stop: &AtomicBool) -> Option<Instant> {
        let due = self.next;
        if due >= self.end || Instant::now() > self.give_up {
            return None;
        }
        loop {
            if stop.load(Ordering::Relaxed) {
                self.stopped = true;
                return None;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        self.next += self.every;
        Some(due)
    }

    /// Requests that were due before the end and have not been sent.
    fn missed(&self) -> u64 {
        if self.stopped {
            return 0;
        }
        let left = self.end.saturating_duration_since(self.next);
        left.as_nanos().div_ceil(self.every.as_nanos().max(1)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Clients, Plan, start};
    use crate::backend::{Backend, Behaviour};
    use std::time::Duration;

    fn plan(backend: &Backend) -> Plan {
        Plan {
            duration: Duration::from_millis(600),
            pause: Duration::from_millis(2),
            ..Plan::mix(backend.address(), "www.test")
        }
    }

    #[test]
    fn all_kinds_are_answered_by_a_good_server() {
        let backend = Backend::start(Behaviour::new("b1")).expect("started");
        let report = start(plan(&backend)).expect("started").finish();
        assert_eq!(report.failed(), 0, "{report}");
        for tally in [&report.keep_alive, &report.short, &report.slow_body, &report.websocket] {
            assert!(tally.answered > 0 && tally.answered == tally.sent, "{report}");
        }
        assert_eq!(report.total().latencies.count(), report.total().answered);
    }

    #[test]
    fn wrong_answers_are_counted() {
        let sad = Behaviour { status: 503, ..Behaviour::new("b1") };
        let backend = Backend::start(sad).expect("started");
        let none = Clients::default();
        let report = start(Plan { websocket: none, ..plan(&backend) }).expect("started").finish();
        assert!(report.failed() > 0 && report.total().answered == 0, "{report}");
        assert_eq!(report.total().wrong, report.failed());
    }

    #[test]
    fn a_server_that_announces_its_close_breaks_nothing() {
        let until_close = Behaviour { close: true, ..Behaviour::new("b1") };
        let backend = Backend::start(until_close).expect("started");
        let report = start(plan(&backend)).expect("started").finish();
        assert_eq!(report.failed(), 0, "{report}");
    }

    #[test]
    fn nobody_there_is_refused() {
        let backend = Backend::start(Behaviour::new("b1")).expect("started");
        let plan = plan(&backend);
        drop(backend);
        let report = start(plan).expect("started").finish();
        assert_eq!(report.total().refused, report.failed(), "{report}");
        assert!(report.failed() > 50, "{report}");
    }
}
