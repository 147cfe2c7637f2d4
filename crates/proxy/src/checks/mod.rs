//! Health checks: one thread that runs the checks of the whole process.

mod agent;
mod observe;
mod probe;
mod subject;
mod transition;
mod watch;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use health::{CheckResult, Health};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{AbortHandle, LocalSet};

pub use agent::says as agent_says;
pub use health::agent::Wish;
pub use observe::{observe_connect, observe_response};
pub use transition::{administer, force, share_of_weight, tracked_follow, weigh, wished};

use crate::engine::Shared;
use crate::live::{Live, LiveBackend, LiveServer};

/// Most connections of checks at one time; further checks wait for their turn.
const MAX_OPEN: usize = 1024;

/// First checks of new servers are spread over at most this time.
const MAX_FIRST_SPREAD: std::time::Duration = std::time::Duration::from_secs(2);

/// What checks know about one server; lives as long as its state.
#[derive(Debug, Default)]
pub struct Checked {
    health: Mutex<Option<Health>>,
    /// The next check is wanted early.
    wake: Notify,
    /// Its agent says down: good checks do not bring it up.
    agent_says_down: AtomicBool,
    /// What its agent said last.
    agent: Mutex<Option<CheckResult>>,
    /// `disable health`: not checked for now.
    paused: AtomicBool,
    /// `disable agent`: not asked for now.
    agent_paused: AtomicBool,
    failed: AtomicU64,
    observed: AtomicU64,
}

impl Checked {
    /// The last finished check, for status pages.
    #[must_use]
    pub fn last(&self) -> Option<CheckResult> {
        self.health.lock().as_ref().and_then(|h| h.last().cloned())
    }

    /// What its agent said last, for status pages.
    #[must_use]
    pub fn agent(&self) -> Option<CheckResult> {
        self.agent.lock().clone()
    }

    /// Whether its agent says that it is down.
    #[must_use]
    pub fn is_agent_down(&self) -> bool {
        self.agent_says_down.load(Relaxed)
    }

    fn heard(&self, result: CheckResult) {
        *self.agent.lock() = Some(result);
    }

    /// What checks alone say.
    fn is_up(&self) -> bool {
        self.health.lock().as_ref().is_none_or(Health::is_up)
    }

    /// Whether checks are paused by an operator.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Pauses checks, or lets them go on.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
        if !paused {
            self.wake.notify_one();
        }
    }

    /// Whether its agent is not asked for now.
    #[must_use]
    pub fn is_agent_paused(&self) -> bool {
        self.agent_paused.load(Relaxed)
    }

    /// Stops asking its agent, or begins again.
    pub fn pause_agent(&self, paused: bool) {
        self.agent_paused.store(paused, Relaxed);
    }

    /// Checks that failed while the server was up.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Failures that traffic showed (`observe`).
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.observed.load(Relaxed)
    }

    /// Counters start anew.
    pub fn clear_counters(&self) {
        self.failed.store(0, Relaxed);
        self.observed.store(0, Relaxed);
    }

    /// Somebody else says up or down: the counter follows.
    fn force(&self, up: bool) {
        if let Some(health) = &mut *self.health.lock() {
            health.force(up);
        }
    }

    /// Maintenance has ended: as a new server, and checked soon.
    fn restart(&self, check: Option<&model::ServerCheck>) {
        if let (Some(health), Some(check)) = (&mut *self.health.lock(), check) {
            health.restart(check);
        }
        self.wake.notify_one();
    }
}

/// A server and its backend in the newest generation.
pub(crate) struct Place {
    pub(crate) backend: Arc<LiveBackend>,
    pub(crate) server: Arc<LiveServer>,
}

/// What the tasks share.
struct Context {
    shared: Arc<Shared>,
    open: Semaphore,
}

/// Where a task looks up its server.
type Lookup = Rc<RefCell<Rc<Place>>>;

/// One server's task.
struct Task {
    place: Lookup,
    handle: AbortHandle,
    /// Number of the generation that has its server.
    seen: u64,
}

/// Tasks by the uid of their server's state.
type Tasks = HashMap<u64, Task>;

impl Task {
    fn start<F: Future<Output = ()> + 'static>(
        place: Rc<Place>,
        seen: u64,
        run: impl FnOnce(Lookup) -> F,
    ) -> Self {
        let place = Rc::new(RefCell::new(place));
        let handle = tokio::task::spawn_local(run(Rc::clone(&place))).abort_handle();
        Self { place, handle, seen }
    }

    /// Its server is there in this generation, too. Gives where it was before, if that differs.
    fn keep(
        &mut self,
        backend: &Arc<LiveBackend>,
        server: &Arc<LiveServer>,
        seen: u64,
    ) -> Option<Rc<Place>> {
        self.seen = seen;
        let before = self.place.borrow();
        if Arc::ptr_eq(&before.server, server) && Arc::ptr_eq(&before.backend, backend) {
            return None;
        }
        drop(before);
        Some(self.place.replace(place(backend, server)))
    }
}

/// The thread that checks servers.
pub struct Runner {
    changes: mpsc::UnboundedSender<Option<Arc<Live>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Runner {
    /// Starts it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (changes, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("checks".into()).spawn(move || {
            let tasks = LocalSet::new();
            tasks.block_on(&runtime, run(shared, receiver));
        })?;
        Ok(Self { changes, thread: Mutex::new(Some(thread)) })
    }

    /// A new generation is there.
    pub fn refresh(&self, live: &Arc<Live>) {
        let _ = self.changes.send(Some(Arc::clone(live)));
    }

    /// Ends the checks.
    pub fn stop(&self) {
        let _ = self.changes.send(None);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

async fn run(shared: Arc<Shared>, mut changes: mpsc::UnboundedReceiver<Option<Arc<Live>>>) {
    let context = Rc::new(Context { shared, open: Semaphore::new(MAX_OPEN) });
    let (mut tasks, mut agents) = (Tasks::new(), Tasks::new());
    let mut seen = 0;
    while let Some(Some(live)) = changes.recv().await {
        // A stack of changes counts once.
        let mut newest = live;
        while let Ok(next) = changes.try_recv() {
            let Some(next) = next else { return };
            newest = next;
        }
        seen += 1;
        reconcile(&context, &mut tasks, &newest, seen);
        reconcile_agents(&context, &mut agents, &newest, seen);
        tracked_follow(&context.shared, &newest);
    }
}

/// Servers of backends that are not disabled, with their backend.
fn servers(live: &Live) -> impl Iterator<Item = (&Arc<LiveBackend>, &Arc<LiveServer>)> {
    let backends = live.backends.values().filter(|b| !b.model.disabled);
    backends.flat_map(|backend| backend.servers.iter().map(move |server| (backend, server)))
}

fn place(backend: &Arc<LiveBackend>, server: &Arc<LiveServer>) -> Rc<Place> {
    Rc::new(Place { backend: Arc::clone(backend), server: Arc::clone(server) })
}

/// Starts, keeps and ends tasks so that each checked server has one.
fn reconcile(context: &Rc<Context>, tasks: &mut Tasks, live: &Live, seen: u64) {
    let checked = || servers(live).filter(|(_, server)| server.model.check.is_some());
    let mut new = Vec::new();
    for (backend, server) in checked() {
        let Some(task) = tasks.get_mut(&server.state.uid()) else {
            new.push((backend, server));
            continue;
        };
        if let Some(before) = task.keep(backend, server, seen) {
            let enabled = before.server.model.disabled && !server.model.disabled;
            if enabled || before.server.model.check != server.model.check {
                server.check.wake.notify_one();
            }
        }
    }
    let count = new.len();
    for (index, (backend, server)) in new.into_iter().enumerate() {
        let Some(check) = &server.model.check else { continue };
        let spread = check.inter.min(MAX_FIRST_SPREAD);
        // One that waits for its first check is not kept waiting.
        let first = match check.init_state.is_up() {
            true => health::schedule::first(index, count, spread),
            false => std::time::Duration::ZERO,
        };
        let run = |place| watch::run(Rc::clone(context), place, first);
        tasks.insert(server.state.uid(), Task::start(place(backend, server), seen, run));
    }
    end_others(tasks, seen);
}

/// The same for agents.
fn reconcile_agents(context: &Rc<Context>, tasks: &mut Tasks, live: &Live, seen: u64) {
    for (backend, server) in servers(live) {
        let Some(agent) = &server.model.agent else { continue };
        let (uid, number) = (server.state.uid(), tasks.len());
        if let Some(task) = tasks.get_mut(&uid) {
            task.keep(backend, server, seen);
            continue;
        }
        let spread = agent.inter.min(MAX_FIRST_SPREAD);
        let first = health::schedule::first(number % 16, 16, spread);
        let run = |place| agent::run(Rc::clone(context), place, first);
        tasks.insert(uid, Task::start(place(backend, server), seen, run));
    }
    end_others(tasks, seen);
}

/// Ends the tasks of servers that this generation does not have.
fn end_others(tasks: &mut Tasks, seen: u64) {
    tasks.retain(|_, task| {
        let stays = task.seen == seen;
        if !stays {
            task.handle.abort();
        }
        stays
    });
}
