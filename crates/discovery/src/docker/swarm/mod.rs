//! A manager's view of its Swarm: services and nodes when its events say so, and the tasks of nodes
//! whose engines nobody follows, looked at again and again.

mod raw;
mod translate;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use model::Name;
use model::observed::Swarm;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use raw::Answer;
use translate::{Services, Tasks};

/// Tasks that are wanted: those on their way out are none of ours any more.
const TASKS: &str = "/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D";
/// When everything is looked at anew although no event came.
const RESYNC: Duration = Duration::from_secs(60);
/// After an event of the Swarm its tasks change step by step: when to look, one after the other.
const AFTER_EVENT: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];
/// Longest wait for a manager that cannot answer.
const FAULT_PAUSE_MAX: Duration = Duration::from_secs(10);

/// What comes of a look: everything as of now, or why there is no answer.
pub type Told = Result<Arc<Swarm>, String>;

/// Nodes whose engines are followed by themselves, known to all providers of a process: their
/// containers' events tell more, and sooner, than a manager does.
#[derive(Clone, Debug)]
pub struct Followed(Arc<watch::Sender<Counts>>);

/// By how many each node is followed: an agent that is replaced has a successor for a while.
type Counts = BTreeMap<Name, usize>;

impl Default for Followed {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Counts::new())))
    }
}

impl Followed {
    /// The node counts as followed until what is returned is dropped.
    pub fn follow(&self, node: Name) -> Following {
        self.0.send_modify(|all| *all.entry(node.clone()).or_default() += 1);
        Following { all: self.clone(), node }
    }
}

/// A node that is followed.
#[derive(Debug)]
pub struct Following {
    all: Followed,
    node: Name,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.all.0.send_modify(|all| {
            if let Some(count) = all.get_mut(&self.node) {
                *count -= 1;
            }
            all.retain(|_, count| *count > 0);
        });
    }
}

/// A manager that is being watched; ends when dropped. Without one nothing is ever told.
#[derive(Default)]
pub struct Watch {
    told: Option<mpsc::Receiver<Told>>,
    wake: Arc<Notify>,
    _task: JoinSet<()>,
}

impl Watch {
    /// Watches a manager, which is a node itself; those without an engine of ours are looked at
    /// this often.
    pub fn start(docker: &Docker, followed: &Followed, own: &Name, every: Duration) -> Self {
        let (send, told) = mpsc::channel(1);
        let wake = Arc::new(Notify::new());
        let manager = Census::new(docker, own.clone(), followed.0.subscribe());
        let mut task = JoinSet::new();
        task.spawn(manager.run(send, Arc::clone(&wake), every));
        Self { told: Some(told), wake, _task: task }
    }

    /// Whether there is a manager.
    pub fn is_some(&self) -> bool {
        self.told.is_some()
    }

    /// Something happened in the Swarm.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The next news.
    pub async fn next(&mut self) -> Told {
        let told = match &mut self.told {
            Some(told) => told.recv().await,
            None => None,
        };
        match told {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }
}

/// What was read of a Swarm, and how to read it again.
struct Census {
    services: Answer,
    nodes: Answer,
    tasks: Answer,
    /// The manager's own node: its engine is followed, or nothing is heard.
    own: Name,
    followed: watch::Receiver<Counts>,
    /// What was read last.
    known: Services,
    machines: BTreeMap<Name, Option<IpAddr>>,
    seen: Tasks,
    /// What was told last.
    told: Option<Told>,
}

impl Census {
    fn new(docker: &Docker, own: Name, followed: watch::Receiver<Counts>) -> Self {
        Self {
            services: Answer::new(docker, "/services"),
            nodes: Answer::new(docker, "/nodes"),
            tasks: Answer::new(docker, TASKS),
            own,
            followed,
            known: Services::default(),
            machines: BTreeMap::new(),
            seen: Tasks::default(),
            told: None,
        }
    }

    async fn run(mut self, send: mpsc::Sender<Told>, wake: Arc<Notify>, every: Duration) {
        let mut steps: &[Duration] = &[];
        let mut fault_pause = every;
        // When services and nodes have to be looked at without an event.
        let mut due = Instant::now();
        loop {
            let now = Instant::now();
            let whole = now >= due || !steps.is_empty();
            if now >= due {
                due = now + RESYNC;
            }
            let told = self.look(whole).await;
            let pause = match (&told, steps.split_first()) {
                (Err(_), _) => {
                    // Nothing is certain until the next answer.
                    due = Instant::now();
                    fault_pause = (fault_pause * 2).min(FAULT_PAUSE_MAX);
                    fault_pause
                }
                (Ok(_), Some((step, rest))) => {
                    steps = rest;
                    *step
                }
                (Ok(swarm), None) if swarm.nodes.is_empty() => RESYNC,
                (Ok(_), None) => every,
            };
            if told.is_ok() {
                fault_pause = every;
            }
            if self.told.as_ref() != Some(&told) {
                self.told = Some(told.clone());
                if send.send(told).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = wake.notified() => steps = &AFTER_EVENT,
                changed = self.followed.changed() => if changed.is_err() { return },
                () = send.closed() => return,
            }
        }
    }

    /// Asks for what may have changed, and joins it.
    async fn look(&mut self, whole: bool) -> Told {
        if whole {
            if let Some(bytes) = self.services.changed().await? {
                self.known = translate::services(bytes).inspect_err(|_| self.services.forget())?;
            }
            if let Some(bytes) = self.nodes.changed().await? {
                self.machines = translate::nodes(bytes).inspect_err(|_| self.nodes.forget())?;
            }
        }
        let followed = self.followed.borrow_and_update().clone();
        let all = self.machines.keys();
        let others = all.filter(|n| **n != self.own && !followed.contains_key(*n));
        let nodes: BTreeSet<Name> = others.cloned().collect();
        if !nodes.is_empty()
            && let Some(bytes) = self.tasks.changed().await?
        {
            self.seen = Tasks::read(bytes).inspect_err(|_| self.tasks.forget())?;
        }
        let (tasks, index) = self.seen.on(&nodes, &self.machines, &self.known);
        Ok(Arc::new(Swarm {
            index: index.max(self.known.index),
            fault: None,
            services: self.known.services.clone(),
            nodes,
            tasks,
        }))
    }
}
