//! A worker: one thread, one runtime, its own listeners, buffers and idle connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use model::Address;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::buffer::Shelf;
use crate::client::ClientFacts;
use crate::connection;
use crate::engine::Shared;
use crate::listen::Listener;
use crate::live::{Live, LiveFrontend};
use crate::pool::Pool;
use crate::sessions::SessionFacts;
use crate::termination::Cause;

/// Size of the buffers that carry bodies: measured, 64 KiB halves HAProxy's CPU per byte.
const TRANSFER_BUFFER_BYTES: usize = 64 * 1024;

/// How long accepting pauses when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the control side tells a worker.
pub enum Command {
    /// Accept on these sockets as well.
    Listen(Address, Vec<OwnedFd>),
    /// Empty the accept queue of this address and close it.
    Unlisten(Address),
    /// A new generation is there.
    Refresh,
    /// Close client connections that wait for a request since before this moment.
    CloseIdle(Instant),
    /// End every session on these servers, by their keys.
    EndSessions(Arc<[u64]>, Cause),
    /// Tell which sessions are in progress.
    Sessions(mpsc::UnboundedSender<Vec<SessionFacts>>),
    /// End the session with this id; tell whether there was one.
    EndSession(u64, Cause, mpsc::UnboundedSender<bool>),
    /// Say that you are there.
    Answer(mpsc::UnboundedSender<()>),
    /// End every session now and return.
    Shutdown,
}

/// What a connection is doing, as far as a stop must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Waiting for a request since then.
    Idle(Instant),
    /// In the middle of something.
    Busy,
}

/// What is kept of a connection for whoever looks at it from outside.
pub struct Registered {
    /// Ends it.
    pub abort: Option<AbortHandle>,
    activity: Activity,
    /// Its number on this worker, never used twice.
    pub serial: u64,
    /// What is known of it.
    pub client: Rc<ClientFacts>,
    /// Its frontend.
    pub frontend: Arc<LiveFrontend>,
    /// Since when a request or TCP session is in progress.
    pub began: Option<Instant>,
    /// Number of the backend that this is in.
    pub backend: Option<u32>,
    /// Key of the server that it is on; 0 = none.
    pub server: u64,
    /// Why it was ended, when it was.
    pub ended: Option<Cause>,
}

/// Place of a connection in its worker's register.
pub type RegisterKey = usize;

/// A worker's state, shared by the sessions that it runs.
pub struct Worker {
    /// What all workers share.
    pub shared: Arc<Shared>,
    /// Number of this worker, from 0.
    pub index: usize,
    /// Buffers for heads (`tune.bufsize`).
    pub heads: Rc<Shelf>,
    /// Buffers for bodies.
    pub transfers: Rc<Shelf>,
    /// Idle server connections.
    pub pool: Pool,
    /// Scratch memory of HTTP exchanges.
    pub scratch: crate::session::ScratchShelf,
    view: RefCell<Rc<View>>,
    generation: Cell<u64>,
    connections: RefCell<slab::Slab<Registered>>,
    serial: Cell<u64>,
    random: Cell<u64>,
    moment: Cell<(Instant, u64)>,
}

/// The configuration a session works with; cheap to hold.
pub struct View {
    /// The live configuration.
    pub live: Arc<Live>,
}

/// Keeps a connection in the worker's register; leaving it is dropping this.
pub struct Registration {
    worker: Rc<Worker>,
    key: RegisterKey,
}

impl Registration {
    /// Says what the connection is doing; it is on no server then.
    pub fn set(&self, activity: Activity) {
        if let Some(r) = self.worker.connections.borrow_mut().get_mut(self.key) {
            r.activity = activity;
            r.server = 0;
            r.began = None;
            r.backend = None;
        }
    }

    /// Says which server its session is on, by the key of the server's state.
    pub fn set_server(&self, key: u64) {
        if let Some(r) = self.worker.connections.borrow_mut().get_mut(self.key) {
            r.server = key;
        }
    }

    /// Says which frontend it belongs to now.
    pub fn set_frontend(&self, frontend: &Arc<LiveFrontend>) {
        if let Some(r) = self.worker.connections.borrow_mut().get_mut(self.key) {
            r.frontend = Arc::clone(frontend);
        }
    }

    /// Where the connection stands in the register.
    #[must_use]
    pub fn key(&self) -> RegisterKey {
        self.key
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().try_remove(self.key);
    }
}

impl Worker {
    fn new(shared: Arc<Shared>, index: usize) -> Rc<Self> {
        let live = shared.live();
        let seed = shared.seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Rc::new(Self {
            heads: Shelf::new(live.config.global.bufsize),
            transfers: Shelf::new(TRANSFER_BUFFER_BYTES),
            pool: Pool::default(),
            scratch: crate::session::ScratchShelf::default(),
            generation: Cell::new(live.generation),
            view: RefCell::new(Rc::new(View { live })),
            connections: RefCell::default(),
            serial: Cell::new(0),
            random: Cell::new(seed | 1),
            moment: Cell::new((shared.started, 0)),
            shared,
            index,
        })
    }

    /// The newest configuration; one atomic load when nothing changed.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        if self.shared.generation.load(Acquire) != self.generation.get() {
            let live = self.shared.live();
            self.generation.set(live.generation);
            self.pool.forget_removed(&live);
            *self.view.borrow_mut() = Rc::new(View { live });
        }
        Rc::clone(&self.view.borrow())
    }

    /// `now` in milliseconds of the process's clock. A request asks for the same moment again and
    /// again: the last answer is kept.
    #[must_use]
    pub fn now_ms(&self, now: Instant) -> u64 {
        let (moment, ms) = self.moment.get();
        if moment == now {
            return ms;
        }
        let ms = self.shared.now_ms(now);
        self.moment.set((now, ms));
        ms
    }

    /// Sixty-four pseudo-random bits (xorshift64*): for balancing and ids, not for secrets.
    #[must_use]
    pub fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Starts a session and keeps it in the register.
    pub fn spawn<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        client: &Rc<ClientFacts>,
        frontend: &Arc<LiveFrontend>,
        session: impl FnOnce(Registration) -> F,
    ) {
        self.serial.set(self.serial.get() + 1);
        let key = self.connections.borrow_mut().insert(Registered {
            abort: None,
            activity: Activity::Busy,
            serial: self.serial.get(),
            client: Rc::clone(client),
            frontend: Arc::clone(frontend),
            began: None,
            backend: None,
            server: 0,
            ended: None,
        });
        let registration = Registration { worker: Rc::clone(self), key };
        let task = tokio::task::spawn_local(session(registration));
        if let Some(r) = self.connections.borrow_mut().get_mut(key) {
            r.abort = Some(task.abort_handle());
        }
    }

    /// The register of connections.
    pub fn register(&self) -> &RefCell<slab::Slab<Registered>> {
        &self.connections
    }

    /// A request or TCP session of this connection began then.
    pub fn begin_session(&self, key: RegisterKey, began: Instant) {
        if let Some(r) = self.connections.borrow_mut().get_mut(key) {
            r.began = Some(began);
        }
    }

    /// It is in the backend with this number.
    pub fn enter_backend(&self, key: RegisterKey, backend: u32) {
        if let Some(r) = self.connections.borrow_mut().get_mut(key) {
            r.backend = Some(backend);
        }
    }

    /// Why the connection was ended from outside, if it was.
    #[must_use]
    pub fn ended(&self, key: RegisterKey) -> Option<Cause> {
        self.connections.borrow().get(key)?.ended
    }

    fn end_sessions(&self, servers: &[u64], cause: Cause) {
        for (_, r) in &mut *self.connections.borrow_mut() {
            if r.ended.is_none() && servers.contains(&r.server) {
                r.ended = Some(cause);
                if let Some(task) = &r.abort {
                    task.abort();
                }
            }
        }
    }

    fn close_idle(&self, before: Instant) {
        let idle: Vec<AbortHandle> = self
            .connections
            .borrow()
            .iter()
            .filter(|(_, r)| matches!(r.activity, Activity::Idle(since) if since <= before))
            .filter_map(|(_, r)| r.abort.clone())
            .collect();
        idle.iter().for_each(AbortHandle::abort);
    }
}

/// Runs a worker on the present thread until it is told to shut down.
///
/// # Errors
/// When the runtime cannot be made.
pub fn run(
    shared: Arc<Shared>,
    index: usize,
    mut commands: mpsc::UnboundedReceiver<Command>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .event_interval(61)
        .build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let worker = Worker::new(shared, index);
        tokio::task::spawn_local(crate::pool::purge(Rc::clone(&worker)));
        let mut listeners: HashMap<Address, Vec<(Rc<Listener>, AbortHandle)>> = HashMap::new();
        while let Some(command) = commands.recv().await {
            match command {
                Command::Listen(address, fds) => {
                    let tasks = listeners.entry(address.clone()).or_default();
                    for fd in fds {
                        match Listener::new(fd) {
                            Ok(l) => {
                                let l = Rc::new(l);
                                let task =
                                    accept_loop(Rc::clone(&worker), Rc::clone(&l), address.clone());
                                let task = tokio::task::spawn_local(task);
                                tasks.push((l, task.abort_handle()));
                            }
                            Err(e) => worker.shared.events.accept_failed(&address, &e),
                        }
                    }
                }
                Command::Unlisten(address) => {
                    for (listener, task) in listeners.remove(&address).unwrap_or_default() {
                        task.abort();
                        while let Some(accepted) = listener.try_accept() {
                            connection::start(&worker, accepted, &address);
                        }
                    }
                }
                Command::Refresh => drop(worker.view()),
                Command::CloseIdle(before) => worker.close_idle(before),
                Command::EndSessions(servers, cause) => worker.end_sessions(&servers, cause),
                Command::Sessions(tell) => {
                    // Who asked may have stopped waiting.
                    let _ = tell.send(worker.sessions());
                }
                Command::EndSession(id, cause, tell) => {
                    let _ = tell.send(worker.end_session(id, cause));
                }
                Command::Answer(tell) => {
                    let _ = tell.send(());
                }
                Command::Shutdown => break,
            }
        }
    });
    Ok(())
}

async fn accept_loop(worker: Rc<Worker>, listener: Rc<Listener>, address: Address) {
    loop {
        worker.shared.room_for_connection(&worker, &address).await;
        match listener.accept().await {
            Ok(accepted) => connection::start(&worker, accepted, &address),
            Err(e) if is_passing(&e) => {}
            Err(e) => {
                worker.shared.events.accept_failed(&address, &e);
                worker.shared.accept_errors.fetch_add(1, Relaxed);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors of `accept` that concern only the connection that was to be accepted.
fn is_passing(e: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(e.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
