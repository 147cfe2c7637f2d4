//! The running form of a snapshot: configuration joined with what lives across configurations.

mod counters;
mod standing;
mod traffic;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use balance::{Fleet, ServerState};
use model::{
    Address, AdminReason, Backend, BackendTarget, Config, Frontend, Name, Server, ServerIdentity,
    Snapshot,
};

pub use counters::{BackendCounters, Counter, FrontendCounters, Gauge, Rate, ServerCounters};
pub use traffic::{Tally, TimedBy, Totals, Traffic, by_balanced, by_requests};

pub use standing::Standing;

use crate::queue::BackendQueue;

/// Everything a session needs to know, of one generation.
pub struct Live {
    /// Generation of the snapshot.
    pub generation: u64,
    /// The configuration.
    pub config: Arc<Config>,
    /// Frontends, in configuration order.
    pub frontends: Vec<Arc<LiveFrontend>>,
    /// Backends by name.
    pub backends: HashMap<Name, Arc<LiveBackend>>,
    /// Who listens where: frontend and position of the bind in it.
    pub listeners: HashMap<Address, (Arc<LiveFrontend>, usize)>,
}

/// A frontend with its counters and its static routes resolved.
pub struct LiveFrontend {
    /// Configuration.
    pub model: Arc<Frontend>,
    /// Counters; the same object for all frontends of this name over time.
    pub counters: Arc<FrontendCounters>,
    /// Connections of each bind.
    pub bind_connections: Vec<Arc<Gauge>>,
    /// For each `use_backend` rule its backend, `None` where the name is made per request.
    pub routes: Vec<Option<Arc<LiveBackend>>>,
    /// `default_backend`.
    pub default: Option<Arc<LiveBackend>>,
    /// The backend of the same name, for `listen` sections.
    pub own_backend: Option<Name>,
    /// Its line may show our end of server connections (`%bi`, `bc_src`).
    pub logs_server_side: bool,
}

/// A backend with its servers, fleet, queue and counters.
pub struct LiveBackend {
    /// Configuration.
    pub model: Arc<Backend>,
    /// Counters.
    pub counters: Arc<BackendCounters>,
    /// Servers, in the order of the fleet.
    pub servers: Vec<Arc<LiveServer>>,
    /// Who gets the next session.
    pub fleet: Fleet,
    /// Who waits for a slot.
    pub queue: Arc<BackendQueue>,
    /// How often and how long nobody could serve.
    pub standing: Arc<Standing>,
}

/// A server with its state and counters.
pub struct LiveServer {
    /// Configuration.
    pub model: Arc<Server>,
    /// Name of its backend.
    pub backend: Name,
    /// State across configurations.
    pub state: Arc<ServerState>,
    /// Counters.
    pub counters: Arc<ServerCounters>,
    /// How often and how long it was down.
    pub standing: Arc<Standing>,
    /// What its checks found.
    pub check: Arc<crate::checks::Checked>,
    /// Key of its idle connections; unique in the process, the same as long as identity and
    /// address are.
    pub uid: u64,
}

static NEXT_UID: AtomicU64 = AtomicU64::new(1);

impl Live {
    /// Joins a snapshot with what ran before it. Unchanged frontends and backends are taken over
    /// as they are. So many workers serve it; `now_ms` is the process's monotonic clock.
    #[must_use]
    pub fn build(
        snapshot: &Snapshot,
        previous: Option<&Live>,
        workers: usize,
        now_ms: u64,
    ) -> Self {
        let config = Arc::clone(&snapshot.config);
        let mut backends = HashMap::with_capacity(config.backends.len());
        let mut unchanged = previous.is_some_and(|p| p.backends.len() == config.backends.len());
        let mut renamed = Renamed::new(&config, previous);
        for model in &config.backends {
            let before = previous.and_then(|p| p.backends.get(&model.name));
            let before = before.or_else(|| renamed.continued_by(model));
            let live = match before {
                Some(b) if Arc::ptr_eq(&b.model, model) || b.model == *model => Arc::clone(b),
                _ => {
                    unchanged = false;
                    let live =
                        Arc::new(LiveBackend::build(model, before.map(|b| &**b), workers, now_ms));
                    live.queue.set_current(&live);
                    live
                }
            };
            backends.insert(model.name.clone(), live);
        }
        let before: HashMap<&str, &Arc<LiveFrontend>> = previous
            .map(|p| p.frontends.iter().map(|f| (&*f.model.name, f)).collect())
            .unwrap_or_default();
        let frontends: Vec<_> = config
            .frontends
            .iter()
            .map(|model| match before.get(&*model.name) {
                Some(f) if unchanged && (Arc::ptr_eq(&f.model, model) || f.model == *model) => {
                    Arc::clone(f)
                }
                other => Arc::new(LiveFrontend::build(model, other.copied(), &backends, workers)),
            })
            .collect();
        let mut listeners = HashMap::new();
        for f in frontends.iter().filter(|f| !f.model.disabled) {
            for (i, bind) in f.model.binds.iter().enumerate() {
                listeners.insert(bind.address.clone(), (Arc::clone(f), i));
            }
        }
        Self { generation: snapshot.generation, config, frontends, backends, listeners }
    }

    /// The frontend of this name.
    #[must_use]
    pub fn frontend(&self, name: &str) -> Option<&Arc<LiveFrontend>> {
        self.frontends.iter().find(|f| &*f.model.name == name)
    }
}

/// Backends of containers that are gone by their name and go on under another: they are called
/// after one of their containers, and it may be that one which went.
struct Renamed<'a> {
    gone: Vec<&'a Arc<LiveBackend>>,
}

impl<'a> Renamed<'a> {
    fn new(config: &Config, previous: Option<&'a Live>) -> Self {
        let names: HashSet<&Name> = config.backends.iter().map(|b| &b.name).collect();
        let all = previous.into_iter().flat_map(|p| p.backends.values());
        Self { gone: all.filter(|b| !names.contains(&b.model.name)).collect() }
    }

    /// The one that shares most containers with a new backend; no other continues it, too.
    fn continued_by(&mut self, model: &Backend) -> Option<&'a Arc<LiveBackend>> {
        if self.gone.is_empty() {
            return None;
        }
        let own = model.servers.iter().map(|s| &s.identity);
        let own: HashSet<&ServerIdentity> =
            own.filter(|i| matches!(i, ServerIdentity::Container { .. })).collect();
        let shared =
            |b: &LiveBackend| b.servers.iter().filter(|s| own.contains(&s.model.identity)).count();
        let counts = self.gone.iter().enumerate().map(|(at, b)| (shared(b), at));
        let (count, at) = counts.max()?;
        (count > 0).then(|| self.gone.swap_remove(at))
    }
}

impl LiveFrontend {
    fn build(
        model: &Arc<Frontend>,
        before: Option<&Arc<Self>>,
        backends: &HashMap<Name, Arc<LiveBackend>>,
        workers: usize,
    ) -> Self {
        let find = |name: &Name| backends.get(name).cloned();
        let gauge = |bind: &model::Bind| {
            let old = before?;
            let at = old.model.binds.iter().position(|b| b.address == bind.address)?;
            old.bind_connections.get(at).cloned()
        };
        Self {
            bind_connections: model.binds.iter().map(|b| gauge(b).unwrap_or_default()).collect(),
            model: Arc::clone(model),
            counters: before.map_or_else(
                || Arc::new(FrontendCounters::new(workers)),
                |f| Arc::clone(&f.counters),
            ),
            routes: model
                .use_backend
                .iter()
                .map(|rule| match &rule.action {
                    BackendTarget::Static(name) => find(name),
                    BackendTarget::Format(_) => None,
                })
                .collect(),
            default: model.default_backend.as_ref().and_then(find),
            logs_server_side: logs_server_side(&model.log),
            own_backend: backends.get_key_value(&model.name).map(|(name, _)| name.clone()),
        }
    }
}

fn logs_server_side(log: &model::ProxyLog) -> bool {
    let names = ["bi", "bp", "bc_src"];
    let mut formats = std::iter::once(&log.format).chain(&log.error_format);
    formats.any(|format| names.iter().any(|name| format.source().contains(name)))
}

impl LiveBackend {
    /// This backend as the newest configuration has it; itself once it was removed.
    #[must_use]
    pub fn newest(self: &Arc<Self>) -> Arc<Self> {
        self.queue.current().unwrap_or_else(|| Arc::clone(self))
    }

    /// Whether nothing new may go to this server: the newest configuration no longer has it, or
    /// it was seen stopping.
    #[must_use]
    pub fn has_lost(self: &Arc<Self>, server: &LiveServer) -> bool {
        server.state.admin().has(AdminReason::Stopping)
            || !self.newest().servers.iter().any(|s| s.uid == server.uid)
    }

    fn build(model: &Arc<Backend>, before: Option<&Self>, workers: usize, now_ms: u64) -> Self {
        let fleet = Fleet::new(Arc::clone(model), before.map(|b| &b.fleet), now_ms);
        let by_state: HashMap<*const ServerState, &Arc<LiveServer>> = before
            .map(|b| b.servers.iter().map(|s| (Arc::as_ptr(&s.state), s)).collect())
            .unwrap_or_default();
        let servers = model
            .servers
            .iter()
            .zip(fleet.members())
            .map(|(server, member)| {
                let state = &member.state;
                let old = by_state.get(&Arc::as_ptr(state)).copied();
                Arc::new(LiveServer {
                    model: Arc::clone(server),
                    backend: model.name.clone(),
                    state: Arc::clone(state),
                    counters: old.map_or_else(
                        || Arc::new(ServerCounters::new(workers)),
                        |s| Arc::clone(&s.counters),
                    ),
                    standing: old.map(|s| Arc::clone(&s.standing)).unwrap_or_default(),
                    check: old.map(|s| Arc::clone(&s.check)).unwrap_or_default(),
                    uid: old
                        .filter(|s| s.model.host == server.host && s.model.port == server.port)
                        .map_or_else(|| NEXT_UID.fetch_add(1, Relaxed), |s| s.uid),
                })
            })
            .collect();
        Self {
            model: Arc::clone(model),
            counters: before.map_or_else(
                || Arc::new(BackendCounters::new(workers)),
                |b| Arc::clone(&b.counters),
            ),
            servers,
            fleet,
            queue: before.map(|b| Arc::clone(&b.queue)).unwrap_or_default(),
            standing: before.map(|b| Arc::clone(&b.standing)).unwrap_or_default(),
        }
    }
}
