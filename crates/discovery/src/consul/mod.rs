//! The Consul provider: one watch for each service that is wanted, told whole whenever it changes.

mod agent;
mod answer;
mod ask;
mod pace;
mod tls;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use model::Name;
use model::consul::{Instance, ServiceObservation, ServiceQuery};
use model::observed::Freshness;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use agent::{DEFAULT_ADDRESS, Settings};
use ask::Connection;
use pace::{Answer, Pace, Question};

use crate::docker::wall_ms;

/// Observations that wait for the control loop; watches wait beyond.
const WAITING_MAX: usize = 64;
/// Services that are watched at the same time, each with a connection.
pub const WATCHES_MAX: usize = 1024;

/// Figures of one watch.
#[derive(Debug, Default)]
pub struct Figures {
    /// Questions asked.
    pub questions: AtomicU64,
    /// Those without a good answer.
    pub failures: AtomicU64,
    /// Failures since the last good answer.
    pub failures_in_a_row: AtomicU64,
    /// Index of the last good answer.
    pub index: AtomicU64,
    /// When that came, in milliseconds since 1970; 0 = never.
    pub good_ms: AtomicU64,
    /// Instances that count.
    pub instances: AtomicU64,
}

/// The figures of all watches, shared by those who count and those who show.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<Arc<ServiceQuery>, Arc<Figures>>>>);

impl Ledger {
    /// The figures of every query that is watched.
    #[must_use]
    pub fn all(&self) -> Vec<(Arc<ServiceQuery>, Arc<Figures>)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(query, figures)| (Arc::clone(query), Arc::clone(figures))).collect()
    }

    fn open(&self, query: &Arc<ServiceQuery>) -> Arc<Figures> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(Arc::clone(query)).or_default())
    }

    fn close(&self, query: &ServiceQuery) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(query);
    }
}

/// Services that are watched. Dropped, it asks no more.
pub struct Watching {
    settings: Arc<Settings>,
    ledger: Ledger,
    tell: mpsc::Sender<ServiceObservation>,
    tasks: HashMap<Arc<ServiceQuery>, AbortHandle>,
}

impl Watching {
    /// Watches nothing yet.
    #[must_use]
    pub fn new(settings: Settings, ledger: Ledger) -> (Self, mpsc::Receiver<ServiceObservation>) {
        let (tell, hear) = mpsc::channel(WAITING_MAX);
        (Self { settings: Arc::new(settings), ledger, tell, tasks: HashMap::new() }, hear)
    }

    /// Watches exactly these from now on; what is watched already goes on. Returns how many are
    /// left out because they are too many. Must be called within a tokio runtime.
    pub fn follow(&mut self, wanted: impl IntoIterator<Item = Arc<ServiceQuery>>) -> usize {
        let wanted: std::collections::BTreeSet<_> = wanted.into_iter().collect();
        self.tasks.retain(|query, task| {
            let stays = wanted.contains(query);
            if !stays {
                task.abort();
                self.ledger.close(query);
            }
            stays
        });
        let mut left_out = 0;
        for query in wanted {
            if self.tasks.contains_key(&query) {
                continue;
            }
            if self.tasks.len() == WATCHES_MAX {
                left_out += 1;
                continue;
            }
            let watch = Watch {
                pace: Pace::new(&query),
                figures: self.ledger.open(&query),
                settings: Arc::clone(&self.settings),
                origin: Instant::now(),
                chance: self.settings.seed.wrapping_add(self.tasks.len() as u64),
                connection: None,
                at: 0,
                unusable: Vec::new(),
                failing: None,
                told: None,
                query: Arc::clone(&query),
            };
            let task = tokio::spawn(watch.run(self.tell.clone()));
            self.tasks.insert(query, task.abort_handle());
        }
        left_out
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for (query, task) in &self.tasks {
            task.abort();
            self.ledger.close(query);
        }
    }
}

/// What is told of a service, to be compared with the time before.
type Told = (Option<String>, bool, Vec<Instance>, Vec<String>);

/// One service.
struct Watch {
    query: Arc<ServiceQuery>,
    settings: Arc<Settings>,
    pace: Pace,
    figures: Arc<Figures>,
    origin: Instant,
    chance: u64,
    connection: Option<Connection>,
    /// Which of the agents is asked.
    at: usize,
    unusable: Vec<String>,
    /// Why the last answer was none, and since when there is none, in milliseconds since 1970.
    failing: Option<(String, u64)>,
    told: Option<(Told, u64)>,
}

impl Watch {
    async fn run(mut self, tell: mpsc::Sender<ServiceObservation>) {
        loop {
            let question = self.pace.next(self.origin.elapsed());
            tokio::time::sleep_until(self.origin + question.at).await;
            let answer = self.ask(&question).await;
            self.take(answer);
            if let Some(observation) = self.news()
                && tell.send(observation).await.is_err()
            {
                return;
            }
        }
    }

    async fn ask(&mut self, question: &Question) -> Result<Answer, String> {
        self.figures.questions.fetch_add(1, Relaxed);
        let agents = &self.settings.agents;
        let place = agents.get(self.at % agents.len().max(1)).ok_or("no address of it is known")?;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(place, &self.settings).await?),
        };
        let path = ask::path(&self.query, question, &self.settings);
        let token_file = self.query.token_file.as_deref();
        let patience = ask::patience(question);
        let reply = connection.get(&path, &self.settings, token_file, patience).await?;
        let mut read = match self.query.service.is_empty() {
            true => names(&answer::services(&reply.body)?),
            false => answer::read(&reply.body, &self.query, None)?,
        };
        if read.local && place.is_here() {
            let node = connection.own_node(&self.settings, token_file).await;
            read = answer::read(&reply.body, &self.query, node.as_deref())?;
        }
        self.unusable = read.unusable;
        Ok(Answer {
            index: reply.index(),
            known_leader: reply.known_leader(),
            last_contact: reply.last_contact(),
            instances: read.instances,
        })
    }

    fn take(&mut self, answer: Result<Answer, String>) {
        let now = self.origin.elapsed();
        self.pace.expire(now);
        let random = self.chance();
        let index = answer.as_ref().map_or(0, |a| a.index);
        let heard = match answer {
            Ok(answer) => self.pace.heard(now, random, answer),
            Err(reason) => {
                self.pace.failed(now, random);
                // The next one may be there, and this one may come back under another address.
                self.connection = None;
                self.at = self.at.wrapping_add(1);
                Err(reason)
            }
        };
        let figures = &self.figures;
        match heard {
            Ok(()) => {
                figures.failures_in_a_row.store(0, Relaxed);
                figures.index.store(index, Relaxed);
                figures.good_ms.store(wall_ms(), Relaxed);
                self.failing = None;
            }
            Err(reason) => {
                figures.failures.fetch_add(1, Relaxed);
                figures.failures_in_a_row.fetch_add(1, Relaxed);
                let since_ms = self.failing.take().map_or_else(wall_ms, |(_, since_ms)| since_ms);
                self.failing = Some((reason, since_ms));
            }
        }
    }

    /// A number by chance (splitmix64).
    fn chance(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What is to be told, if it is not what was told last.
    fn news(&mut self) -> Option<ServiceObservation> {
        let instances = self.pace.instances();
        self.figures.instances.store(instances.len() as u64, Relaxed);
        let held = self.pace.held();
        let fault = match &self.failing {
            Some((reason, _)) => Some(reason.clone()),
            None if held > 0 => {
                Some(format!("its state began anew without {held} instances, which serve on"))
            }
            None => None,
        };
        let told: Told = (fault, self.pace.is_known(), instances, self.unusable.clone());
        let count = match &self.told {
            Some((before, _)) if *before == told => return None,
            Some((before, count)) if before.2 == told.2 => *count,
            Some((_, count)) => count + 1,
            None => 1,
        };
        self.told = Some((told.clone(), count));
        let (fault, known, instances, unusable) = told;
        let since_ms = self.failing.as_ref().map_or_else(wall_ms, |(_, since_ms)| *since_ms);
        let freshness = match (fault, known) {
            (None, _) => Freshness::Fresh(count),
            (Some(reason), true) => Freshness::Stale { since_ms, reason },
            (Some(reason), false) => Freshness::Blind(reason),
        };
        let query = Arc::clone(&self.query);
        Some(ServiceObservation { query, freshness, instances, unusable })
    }
}

/// Names of services as instances of the catalog: each with its name and nothing else.
fn names(services: &[Name]) -> answer::Read {
    let of = |name: &Name| Instance {
        node: "".into(),
        id: name.clone(),
        ip: [0, 0, 0, 0].into(),
        port: 0,
        weight: 0,
        tags: Vec::new(),
        meta: BTreeMap::new(),
    };
    let instances = services.iter().map(of).collect();
    answer::Read { instances, unusable: Vec::new(), local: false }
}
