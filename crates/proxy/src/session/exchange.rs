//! One request and its response: everything that outlives a phase.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use expr::Variables;
use model::ConnectionMode;
use tokio::time::Instant;

use super::scratch::Scratch;
use crate::client::{Client, ClientFacts};
use crate::live::{LiveBackend, LiveFrontend, LiveServer};
use crate::termination::{At, Cause, Termination};
use crate::worker::{RegisterKey, View, Worker};

/// Moments of an exchange; `None` where it did not get there.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// The previous response ended, or the connection was ready.
    pub idle_since: Instant,
    /// First byte of the request.
    pub first_byte: Instant,
    /// Request head complete.
    pub request: Option<Instant>,
    /// A slot on a server was taken.
    pub assigned: Option<Instant>,
    /// The server connection is there.
    pub connected: Option<Instant>,
    /// Response head complete.
    pub response: Option<Instant>,
}

/// What the rules decided for this exchange beyond the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// `set-log-level`: `Some(None)` = silent.
    pub log_level: Option<Option<u8>>,
    /// `set-timeout client`.
    pub client_timeout: Option<std::time::Duration>,
    /// `set-timeout server`.
    pub server_timeout: Option<std::time::Duration>,
    /// `set-timeout tunnel`.
    pub tunnel_timeout: Option<std::time::Duration>,
    /// `set-timeout connect`.
    pub connect_timeout: Option<std::time::Duration>,
    /// `set-timeout queue`.
    pub queue_timeout: Option<std::time::Duration>,
    /// `set-timeout tarpit`.
    pub tarpit_timeout: Option<std::time::Duration>,
    /// `disable-l7-retry`.
    pub no_l7_retry: bool,
}

/// Capture slots: filled once each.
pub type Captures = Box<[OnceCell<Box<[u8]>>]>;

fn slots(n: usize) -> Captures {
    (0..n).map(|_| OnceCell::new()).collect()
}

/// Counts a request in its backend in and out.
pub struct InBackend(Arc<LiveBackend>);

impl InBackend {
    fn enter(backend: &Arc<LiveBackend>, now_ms: u64) -> Self {
        backend.counters.sessions.enter();
        backend.counters.sessions_total.inc();
        backend.counters.session_rate.hit(now_ms);
        Self(Arc::clone(backend))
    }
}

impl Drop for InBackend {
    fn drop(&mut self) {
        self.0.counters.sessions.leave();
    }
}

/// One request and its response.
pub struct Exchange {
    /// The worker.
    pub worker: Rc<Worker>,
    /// Configuration.
    pub view: Rc<View>,
    /// Client connection.
    pub facts: Rc<ClientFacts>,
    /// Frontend.
    pub frontend: Arc<LiveFrontend>,
    /// Position of the bind in the frontend.
    pub bind: usize,
    /// Backend, once chosen.
    pub backend: Option<Arc<LiveBackend>>,
    /// Server, once chosen.
    pub server: Option<Arc<LiveServer>>,
    /// Heads and buffers.
    pub memory: Box<Scratch>,
    /// The request head is complete.
    pub has_request: bool,
    /// The response head is complete.
    pub has_response: bool,
    /// What stands in for a server in the logs.
    pub service: Option<&'static str>,
    /// Moments.
    pub moments: Moments,
    /// Number of this request on its connection, from 0.
    pub number: u32,
    /// How it ended.
    pub termination: Termination,
    /// Status of the answer.
    pub status: u16,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// Connection attempts repeated.
    pub retries: u32,
    /// Sent to another server than the first choice.
    pub redispatched: bool,
    /// Requests that waited before this one: in the server's queue, in the backend's.
    pub queue_before: (u32, u32),
    /// The client asked to keep the connection and the mode allows it.
    pub client_keep: bool,
    /// The request asks for another protocol.
    pub upgrade: bool,
    /// Persistence cookie.
    pub cookie: super::persistence::CookieFacts,
    /// What rules changed.
    pub overrides: RefCell<Overrides>,
    /// `txn`, `req` and `res` variables.
    pub txn: RefCell<Variables>,
    /// `req` variables.
    pub req: RefCell<Variables>,
    /// `res` variables.
    pub res: RefCell<Variables>,
    /// Request captures.
    pub request_captures: Captures,
    /// Response captures.
    pub response_captures: Captures,
    /// `capture cookie`, request side and response side.
    pub captured_cookies: [Option<Box<[u8]>>; 2],
    /// Unique id, made on first use.
    pub unique_id: OnceCell<Vec<u8>>,
    /// Figures for the log, filled at the end.
    pub log: Option<expr::LogFacts>,
    /// What a TCP client has sent so far, while rules look at it.
    pub payload: Option<Vec<u8>>,
    /// What a TCP server has sent so far, while rules look at it.
    pub answer: Option<Vec<u8>>,
    /// The body that was waited for (`wait-for-body`), chunked coding removed.
    pub waited_body: Option<Vec<u8>>,
    /// The whole request body has been waited for.
    pub body_complete: bool,
    /// Key of the server that served this client before, for `option prefer-last-server`.
    pub last_server: Option<u64>,
    in_backend: Option<InBackend>,
    key: RegisterKey,
    /// Counted and logged.
    pub finished: bool,
}

impl Exchange {
    /// An exchange in which nothing happens: for TCP sessions and empty connections.
    #[must_use]
    pub fn empty(client: &Client) -> Self {
        let since = client.facts.ready.get();
        Self::begin(client, since, since, 0)
    }

    /// The exchange that begins with `first_byte`.
    #[must_use]
    pub fn begin(client: &Client, first_byte: Instant, idle_since: Instant, number: u32) -> Self {
        let worker = Rc::clone(&client.worker);
        Self {
            memory: worker.scratch.take(),
            view: Rc::clone(&client.view),
            facts: Rc::clone(&client.facts),
            frontend: Arc::clone(&client.frontend),
            bind: client.bind,
            backend: None,
            server: None,
            has_request: false,
            has_response: false,
            service: None,
            moments: Moments {
                idle_since,
                first_byte,
                request: None,
                assigned: None,
                connected: None,
                response: None,
            },
            number,
            termination: Termination::default(),
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            retries: 0,
            redispatched: false,
            queue_before: (0, 0),
            client_keep: false,
            upgrade: false,
            cookie: super::persistence::CookieFacts::default(),
            overrides: RefCell::default(),
            txn: RefCell::default(),
            req: RefCell::default(),
            res: RefCell::default(),
            request_captures: slots(client.frontend.model.request_captures.len()),
            response_captures: slots(client.frontend.model.response_captures.len()),
            captured_cookies: [None, None],
            unique_id: OnceCell::new(),
            log: None,
            payload: None,
            answer: None,
            waited_body: None,
            body_complete: false,
            last_server: client.last_server,
            in_backend: None,
            key: client.registration.key(),
            finished: false,
            worker,
        }
    }

    /// The stricter mode of both sides (manual 4, "HTTP connection modes").
    #[must_use]
    pub fn connection_mode(&self) -> ConnectionMode {
        let backend =
            self.backend.as_ref().map_or(ConnectionMode::KeepAlive, |b| b.model.connection_mode);
        self.frontend.model.connection_mode.max(backend)
    }

    /// Notes how it ends; the first word counts.
    pub fn end(&mut self, cause: Cause, at: At) {
        if self.termination == Termination::default() {
            self.termination = Termination::new(cause, at);
        }
    }

    /// Chooses the backend and counts the request there.
    pub fn enter_backend(&mut self, backend: &Arc<LiveBackend>, now: Instant) {
        let now_ms = self.worker.shared.now_ms(now);
        self.in_backend = Some(InBackend::enter(backend, now_ms));
        backend.counters.requests_total.inc();
        self.backend = Some(Arc::clone(backend));
    }

    /// The request is counted and gets its number.
    pub fn count_request(&self, now: Instant) {
        let shared = &self.worker.shared;
        shared.requests_total.inc();
        shared.request_counter.fetch_add(1, Relaxed);
        self.frontend.counters.requests_total.inc();
        self.frontend.counters.request_rate.hit(shared.now_ms(now));
    }
}

/// A session that is ended from outside (its server went down, an operator asked for it) is
/// dropped where it stands: it is counted and logged all the same, with the letters and the status
/// that HAProxy gives it.
impl Drop for Exchange {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let Some(cause) = self.worker.ended(self.key) else { return };
        self.termination = Termination::new(cause, At::Connect);
        if self.has_request {
            self.status = 500;
        }
        super::finish::run(self);
    }
}
