//! The client's side of a session: its connection and what is known of it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use expr::Variables;
use model::Address;
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::live::{Gauge, LiveFrontend};
use crate::stream::Stream;
use crate::worker::{Registration, View, Worker};

/// What is known of a client connection; rules may change the addresses.
pub struct ClientFacts {
    /// Address it was accepted on.
    pub listener: Address,
    /// Peer of the connection itself.
    pub front_src: Option<SocketAddr>,
    /// Local end of the connection itself.
    pub front_dst: Option<SocketAddr>,
    /// Source as rules see it: PROXY header and `set-src` applied.
    pub src: Cell<Option<SocketAddr>>,
    /// Destination as rules see it.
    pub dst: Cell<Option<SocketAddr>>,
    /// Both as they were before rules of the present request or TCP session changed them.
    before: Cell<Option<Box<Ends>>>,
    /// A PROXY header was received.
    pub received_proxy: Cell<bool>,
    /// When it was accepted.
    pub accepted: Instant,
    /// When handshakes (PROXY header) were done.
    pub ready: Cell<Instant>,
    /// `sess` variables.
    pub variables: RefCell<Variables>,
}

/// Source and destination.
type Ends = (Option<SocketAddr>, Option<SocketAddr>);

impl ClientFacts {
    /// A connection that was just accepted.
    #[must_use]
    pub fn accepted(
        listener: Address,
        front_src: Option<SocketAddr>,
        front_dst: Option<SocketAddr>,
        now: Instant,
    ) -> Self {
        Self {
            listener,
            front_src,
            front_dst,
            src: Cell::new(front_src),
            dst: Cell::new(front_dst),
            before: Cell::new(None),
            received_proxy: Cell::new(false),
            accepted: now,
            ready: Cell::new(now),
            variables: RefCell::default(),
        }
    }

    /// Before a rule changes an end: what it changes holds for this request only.
    pub fn remember_ends(&self) {
        let before = self.before.take();
        let now = || Box::new((self.src.get(), self.dst.get()));
        self.before.set(Some(before.unwrap_or_else(now)));
    }

    /// What was changed holds for the whole connection.
    pub fn keep_ends(&self) {
        self.before.take();
    }

    /// A request begins: the ends are the connection's again.
    pub fn restore_ends(&self) {
        if let Some(before) = self.before.take() {
            self.src.set(before.0);
            self.dst.set(before.1);
        }
    }
}

/// Counts a client connection in and out.
pub struct Counted {
    worker: Rc<Worker>,
    frontend: Arc<LiveFrontend>,
    /// Connections of its bind, where that has a limit of its own.
    bind: Option<Arc<Gauge>>,
}

impl Counted {
    /// One more connection of this frontend.
    #[must_use]
    pub fn enter(
        worker: &Rc<Worker>,
        frontend: &Arc<LiveFrontend>,
        bind: usize,
        now: Instant,
    ) -> Self {
        let shared = &worker.shared;
        let now_ms = shared.now_ms(now);
        shared.connections.enter();
        shared.connections_total.inc();
        shared.connection_rate.hit(now_ms);
        frontend.counters.connections.enter();
        frontend.counters.connections_total.inc();
        frontend.counters.connection_rate.hit(now_ms);
        let limited = frontend.model.binds.get(bind).is_some_and(|b| b.maxconn.is_some());
        let bind = frontend.bind_connections.get(bind).filter(|_| limited).cloned();
        if let Some(bind) = &bind {
            bind.enter();
        }
        Self { worker: Rc::clone(worker), frontend: Arc::clone(frontend), bind }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.frontend.counters.connections.leave();
        if let Some(bind) = &self.bind {
            bind.leave();
        }
        self.worker.shared.connection_ended();
    }
}

/// A client connection.
pub struct Client {
    /// The worker that runs it.
    pub worker: Rc<Worker>,
    /// The connection.
    pub stream: Stream,
    /// What is known of it.
    pub facts: Rc<ClientFacts>,
    /// Its place in the register.
    pub registration: Registration,
    /// Configuration that its present request works with.
    pub view: Rc<View>,
    /// Frontend in that configuration.
    pub frontend: Arc<LiveFrontend>,
    /// Position of the bind in the frontend.
    pub bind: usize,
    /// Its frontend is gone from the configuration: the next answer is the last.
    pub orphan: bool,
    /// The one timer of the connection: what it waits for changes, the timer stays.
    pub deadline: Deadline,
    /// A server connection that only this client may use (`http-reuse never`); rare, so boxed.
    pub private: Option<Box<PrivateConnection>>,
    /// Counts it; last, so that everything else is gone when the count goes down.
    pub counted: Counted,
}

/// An idle server connection kept for one client.
pub struct PrivateConnection {
    /// Key of the server.
    pub uid: u64,
    /// The connection.
    pub stream: Stream,
    /// Requests it has carried.
    pub requests: u32,
}

impl Client {
    /// Moves to the newest configuration: the frontend of the same name, else whoever listens on
    /// the client's address now; else it stays where it is, as an orphan.
    pub fn follow_configuration(&mut self) {
        let view = self.worker.view();
        if Rc::ptr_eq(&view, &self.view) {
            return;
        }
        let listener = view.live.listeners.get(&self.facts.listener);
        match listener {
            Some((frontend, bind)) => {
                self.bind = *bind;
                self.move_to(&Arc::clone(frontend));
                self.view = view;
                self.orphan = false;
            }
            None => match view.live.frontend(&self.frontend.model.name) {
                Some(frontend) if frontend.model.mode == self.frontend.model.mode => {
                    // The bind went: serve with the new rules, once.
                    let frontend = Arc::clone(frontend);
                    self.move_to(&frontend);
                    self.view = view;
                    self.orphan = true;
                }
                _ => self.orphan = true,
            },
        }
    }

    fn move_to(&mut self, frontend: &Arc<LiveFrontend>) {
        if !Arc::ptr_eq(&frontend.counters, &self.frontend.counters) {
            frontend.counters.connections.enter();
            self.counted.frontend.counters.connections.leave();
        }
        self.registration.set_frontend(frontend);
        self.counted.frontend = Arc::clone(frontend);
        self.frontend = Arc::clone(frontend);
    }

    /// The next answer has to be the last on this connection.
    #[must_use]
    pub fn must_close(&self) -> bool {
        self.orphan || self.worker.shared.stopping.load(std::sync::atomic::Ordering::Acquire)
    }
}
