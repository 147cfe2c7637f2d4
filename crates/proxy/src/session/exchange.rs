//! One request and its response: everything that outlives a phase.

use std::cell::{OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use expr::Variables;
use model::ConnectionMode;
use tokio::time::Instant;

use super::scratch::Scratch;
use crate::body::Body;
use crate::buffer::Buffer;
use crate::client::{Client, ClientFacts};
use crate::live::{LiveBackend, LiveFrontend, LiveServer};
use crate::pump::Pump;
use crate::stream::Stream;
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
    /// Response sent.
    pub ended: Option<Instant>,
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

/// The backend that a request is in; counts it there in and out.
pub struct InBackend(Arc<LiveBackend>);

impl InBackend {
    fn enter(backend: Arc<LiveBackend>, worker: &Worker, now: Instant) -> Self {
        backend.counters.sessions.enter();
        let tally = backend.counters.traffic.begin(worker.index, worker.now_ms(now));
        tally.sessions.inc();
        tally.requests.inc();
        Self(backend)
    }
}

impl std::ops::Deref for InBackend {
    type Target = Arc<LiveBackend>;

    fn deref(&self) -> &Self::Target {
        &self.0
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
    pub backend: Option<InBackend>,
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
    pub log: Option<Box<expr::LogFacts>>,
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
    /// What is left of the request body that nobody wants any more, from the input on.
    pub unread: Body,
    /// Our end of the connection to the server, where somebody asks for it; rare, so boxed.
    pub back_src: Option<Box<SocketAddr>>,
    /// What ended the connection before its first request (`fc_err`); 0 = nothing.
    pub connection_error: u8,
    /// The line was written when the answer began (`option logasap`).
    pub logged: bool,
    /// Nothing more happens.
    pub finished: bool,
    key: RegisterKey,
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
        client.facts.restore_ends();
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
                ended: None,
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
            // Only a connection that is this client's own is worth staying for.
            last_server: client.private.as_ref().map(|own| own.uid),
            unread: Body::Done,
            back_src: None,
            connection_error: 0,
            logged: false,
            finished: false,
            key: client.registration.key(),
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

    /// Whether the request announces a body.
    #[must_use]
    pub fn has_body(&self) -> bool {
        use wire::h1::framing::{BodyLength, request_body};
        !matches!(request_body(&self.memory.request), Ok(BodyLength::Empty))
    }

    /// Notes where the connection to the server starts, if a line or a rule may ask.
    pub fn note_server_connection(&mut self, stream: &Stream) {
        let none =
            |r: &model::RuleSet| r.http_response.is_empty() && r.http_after_response.is_empty();
        let rules = !self.backend.as_ref().is_none_or(|b| none(&b.model.rules))
            || !none(&self.frontend.model.rules);
        if rules || self.frontend.logs_server_side {
            self.back_src = stream.local_addr().map(Box::new);
        }
    }

    /// Gives up an upload: what was read beyond what it has sent, and how much of the body is
    /// still to come.
    pub fn abandon(&mut self, upload: &mut Pump) -> Option<Buffer> {
        let (input, left) = upload.take_unread();
        self.unread = left;
        input
    }

    /// Notes how it ends; the first word counts.
    pub fn end(&mut self, cause: Cause, at: At) {
        if self.termination == Termination::default() {
            self.termination = Termination::new(cause, at);
        }
    }

    /// Time has passed since the backend was chosen: its servers are now those of the newest
    /// configuration.
    pub fn follow_changes(&mut self) {
        if let Some(InBackend(backend)) = &mut self.backend {
            *backend = backend.newest();
        }
    }

    /// Chooses the backend and counts the request there.
    pub fn enter_backend(&mut self, backend: Arc<LiveBackend>, now: Instant) {
        self.worker.enter_backend(self.key, backend.model.id);
        self.backend = Some(InBackend::enter(backend, &self.worker, now));
    }

    /// Operators see it from now on.
    pub fn show(&self) {
        self.worker.begin_session(self.key, self.moments.first_byte);
    }

    /// The request is counted and gets its number.
    pub fn count_request(&self, now: Instant) {
        let worker = &self.worker;
        self.show();
        worker.shared.traffic.of(worker.index).requests.inc();
        let traffic = &self.frontend.counters.traffic;
        traffic.begin(worker.index, worker.now_ms(now)).requests.inc();
    }
}

/// Sees to it that an exchange is counted and logged when its session is ended from outside.
///
/// A session that is ended (its server went down, an operator asked for it) is dropped where it
/// stands; it gets the letters and the status that HAProxy gives it.
pub struct Watched(Option<Box<Exchange>>);

impl Watched {
    /// From now on.
    #[must_use]
    pub fn new(exchange: Exchange) -> Self {
        Self(Some(Box::new(exchange)))
    }

    /// The exchange, until it is finished.
    pub fn exchange(&mut self) -> Option<&mut Exchange> {
        self.0.as_deref_mut()
    }

    /// Counts and logs it, and gives its memory back. What is left are its moments.
    pub fn finish(&mut self) -> Option<Moments> {
        let mut ex = self.0.take()?;
        super::finish::run(&mut ex);
        ex.worker.scratch.put(ex.memory);
        Some(ex.moments)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(ex) = &mut self.0 else { return };
        let Some(cause) = ex.worker.ended(ex.key) else { return };
        ex.termination = Termination::new(cause, At::Connect);
        if ex.has_request {
            ex.status = 500;
        }
        self.finish();
    }
}
