//! The servers of one backend in one snapshot: who they are, who is usable, who comes next.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use model::{Algorithm, Backend, HashMethod, Host, Name, Port, Server, ServerIdentity};
use parking_lot::Mutex;

use crate::pick::hash::hash_key;
use crate::pick::map::Map;
use crate::pick::random::Lottery;
use crate::pick::ring::Ring;
use crate::pick::round_robin::RoundRobin;
use crate::pick::{Pick, PickRequest, first, least_conn};
use crate::state::ServerState;

/// Source of [`ServerState::uid`].
static NEXT_UID: AtomicU64 = AtomicU64::new(1);

/// What all snapshots of one backend share.
#[derive(Debug, Default)]
pub struct BackendState {
    /// Counts changes that balancing depends on.
    changes: Arc<AtomicU64>,
    /// Connection slots taken on all servers, those that left included.
    served: AtomicU32,
    /// Waiting in the backend's own queue.
    queued: AtomicU32,
    /// Waiting in the queues of servers, those that left included.
    server_queued: AtomicU32,
    queued_max: AtomicU32,
}

impl BackendState {
    /// Connection slots taken on all servers.
    #[must_use]
    pub fn served(&self) -> u32 {
        self.served.load(Ordering::SeqCst)
    }

    /// Waiters in the backend's own queue (not those in its servers' queues).
    #[must_use]
    pub fn queued(&self) -> u32 {
        self.queued.load(Ordering::SeqCst)
    }

    /// Most waiters there have been in the backend's own queue.
    #[must_use]
    pub fn queued_max(&self) -> u32 {
        self.queued_max.load(Ordering::Relaxed)
    }

    pub(crate) fn note_queued(&self, by: i32) {
        let now = add_signed(&self.queued, by);
        self.queued_max.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn note_server_queued(&self, by: i32) {
        add_signed(&self.server_queued, by);
    }
}

/// Adds without wrapping; returns the new value.
pub(crate) fn add_signed(counter: &AtomicU32, by: i32) -> u32 {
    let moved = |n: u32| n.saturating_add_signed(by);
    let old = counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(moved(n)));
    moved(old.unwrap_or_else(|n| n))
}

/// A server of the fleet: configuration of this snapshot, state of its identity.
#[derive(Clone, Debug)]
pub struct Member {
    /// Configuration.
    pub config: Arc<Server>,
    /// State.
    pub state: Arc<ServerState>,
    /// Value of its persistence cookie: written, or derived from its address.
    pub cookie: Option<Name>,
}

/// The servers of a backend, ready to be picked from. One is made per snapshot; states, counters
/// and the place in the round robin come from the one before.
#[derive(Debug)]
pub struct Fleet {
    backend: Arc<Backend>,
    shared: Arc<BackendState>,
    members: Vec<Member>,
    /// Index by cookie value.
    cookies: HashMap<Name, usize>,
    core: Mutex<Core>,
}

/// What a pick needs, recomputed when a status or a weight changes.
#[derive(Debug, Default)]
struct Core {
    /// Value of [`BackendState::changes`] that `usable` stands for, plus one; 0 = none yet.
    seen: u64,
    /// When a slow start makes the next step.
    next_step_ms: u64,
    /// Indices of the servers that take part, in the order written; of their ids for `first`.
    usable: Vec<usize>,
    /// Effective weight by index; 0 = takes no part.
    weights: Vec<u32>,
    total_weight: u64,
    order: Order,
    /// Index in the previous fleet, by index; used up by the first refresh.
    origin: Option<Vec<Option<usize>>>,
}

/// What an algorithm remembers or has computed.
#[derive(Clone, Debug, Default)]
enum Order {
    /// `leastconn` and `first` look at the servers as they are.
    #[default]
    Scan,
    RoundRobin(Box<RoundRobin>),
    Map(Map),
    Ring(Ring),
    Lottery(Lottery),
}

impl Order {
    fn of(backend: &Backend) -> Self {
        match &backend.algorithm {
            Algorithm::RoundRobin => Self::RoundRobin(Box::default()),
            Algorithm::LeastConn | Algorithm::First => Self::Scan,
            Algorithm::Random { .. } => Self::Lottery(Lottery::default()),
            Algorithm::StaticRr => Self::Map(Map::default()),
            _ if backend.hash_type.method == HashMethod::MapBased => Self::Map(Map::default()),
            _ => Self::Ring(Ring::default()),
        }
    }
}

impl Fleet {
    /// The fleet of `backend`, taking over states from `previous`, the fleet of the same backend
    /// in the snapshot before.
    #[must_use]
    pub fn new(backend: Arc<Backend>, previous: Option<&Fleet>, now_ms: u64) -> Self {
        let shared = previous.map(|p| p.shared.clone()).unwrap_or_default();
        let (members, origin) = carry_over(&backend, previous, &shared, now_ms);
        let mut core = Core { order: Order::of(&backend), ..Core::default() };
        if let Some(p) = previous {
            let old = p.core.lock();
            if std::mem::discriminant(&old.order) == std::mem::discriminant(&core.order) {
                core.order = old.order.clone();
            }
        }
        core.origin = Some(origin);
        let mut cookies = HashMap::new();
        for (i, member) in members.iter().enumerate() {
            if let Some(value) = &member.cookie {
                cookies.entry(value.clone()).or_insert(i);
            }
        }
        let fleet = Self { backend, shared, members, cookies, core: Mutex::new(core) };
        fleet.shared.changes.fetch_add(1, Ordering::Release);
        fleet
    }

    /// The backend as configured.
    #[must_use]
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    /// What all snapshots of the backend share.
    #[must_use]
    pub fn shared(&self) -> &Arc<BackendState> {
        &self.shared
    }

    /// The servers, in the order written.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The server of this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|m| &*m.config.name == name)
    }

    /// The server that a persistence cookie's value stands for.
    #[must_use]
    pub fn server_of_cookie(&self, value: &str) -> Option<usize> {
        self.cookies.get(value).copied()
    }

    /// Servers that take part in balancing now (actives, or the backups that stand in).
    #[must_use]
    pub fn usable_count(&self, now_ms: u64) -> usize {
        let mut core = self.core.lock();
        self.refresh(&mut core, now_ms);
        core.usable.len()
    }

    /// Picks a server. Does not allocate unless a status or weight changed since the last pick.
    #[must_use]
    pub fn pick(&self, request: &PickRequest<'_>) -> Pick {
        let mut core = self.core.lock();
        self.refresh(&mut core, request.now_ms);
        if core.usable.is_empty() {
            return Pick::NoServer;
        }
        let avoid = request.avoid.filter(|_| core.usable.len() > 1);
        let chosen = self
            .choose(&mut core, request, avoid)
            .or_else(|| avoid.and_then(|_| self.choose(&mut core, request, None)));
        chosen.map_or(Pick::Saturated, Pick::Server)
    }

    fn choose(
        &self,
        core: &mut Core,
        request: &PickRequest<'_>,
        avoid: Option<usize>,
    ) -> Option<usize> {
        let Core { usable, weights, total_weight, order, .. } = core;
        let other = |i: usize| Some(i) != avoid;
        let accepts = |i: usize| other(i) && self.has_room(i, request.now_ms);
        let load = |i: usize| accepts(i).then(|| (self.members[i].state.load(), weights[i]));
        let hash = || request.key.map(|k| hash_key(k, self.backend.hash_type));
        match order {
            Order::Scan if self.backend.algorithm == Algorithm::First => {
                first::pick(usable, accepts)
            }
            Order::Scan => least_conn::pick(usable, request.random, load),
            Order::RoundRobin(rr) => rr.pick(accepts),
            Order::Lottery(lottery) => {
                let Algorithm::Random { draws } = self.backend.algorithm else { return None };
                lottery.pick(draws, request.random, load)
            }
            // A hash leads to its server even when that one is full: its own queue is the place.
            Order::Map(map) => match hash() {
                Some(h) if self.backend.algorithm != Algorithm::StaticRr => map.of(h, other),
                _ => map.next(accepts),
            },
            Order::Ring(ring) => {
                let within = |i: usize| self.within_factor(weights[i], *total_weight, i);
                match hash() {
                    Some(h) => ring.of(h, |i| other(i) && within(i)),
                    None => ring.of(request.random as u32, |i| accepts(i) && within(i)),
                }
            }
        }
    }

    /// `hash-balance-factor`: one more connection stays within the factor of the fair share.
    fn within_factor(&self, weight: u32, total: u64, index: usize) -> bool {
        let factor = u64::from(self.backend.hash_balance_factor);
        if factor == 0 {
            return true;
        }
        let all = u64::from(self.shared.served()) + 1;
        let share = (all * u64::from(weight) * factor).div_ceil((total * 100).max(1));
        u64::from(self.members[index].state.load()) < share.max(1)
    }

    /// The most connections server `index` takes now; `None` = no limit.
    #[must_use]
    pub fn limit(&self, index: usize, now_ms: u64) -> Option<u32> {
        let member = self.members.get(index)?;
        member.config.maxconn?;
        // Whoever asks is there as well: waiting, or about to be served.
        let load = self.shared.served() + self.shared.queued().max(1);
        member.state.limit(&member.config, load, self.backend.fullconn, now_ms)
    }

    fn has_room(&self, index: usize, now_ms: u64) -> bool {
        let served = self.members[index].state.served();
        self.limit(index, now_ms).is_none_or(|limit| served < limit)
    }

    /// Takes a connection slot of server `index`; false when it is at its limit. Every slot taken
    /// is given back with [`Fleet::give_back`], on this or any later fleet of the backend.
    #[must_use]
    pub fn take(&self, index: usize, now_ms: u64) -> bool {
        let Some(member) = self.members.get(index) else { return false };
        let taken = member.state.take(self.limit(index, now_ms));
        if taken {
            self.shared.served.fetch_add(1, Ordering::SeqCst);
        }
        taken
    }

    /// Gives back a slot. If anybody is queued the caller then serves the next waiter.
    pub fn give_back(&self, state: &ServerState) {
        state.give_back();
        let _ = self
            .shared
            .served
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_sub(1)));
    }

    /// Whether anybody is queued, for a server or for any: one or two loads.
    #[must_use]
    pub fn anybody_waits(&self) -> bool {
        self.shared.queued() > 0 || self.shared.server_queued.load(Ordering::SeqCst) > 0
    }

    /// Whether server `index` is balanced to now.
    #[must_use]
    pub fn takes_part(&self, index: usize, now_ms: u64) -> bool {
        let mut core = self.core.lock();
        self.refresh(&mut core, now_ms);
        core.weights.get(index).is_some_and(|w| *w > 0)
    }

    /// Recomputes who is usable if anything changed.
    fn refresh(&self, core: &mut Core, now_ms: u64) {
        let changes = self.shared.changes.load(Ordering::Acquire) + 1;
        if core.seen == changes && now_ms < core.next_step_ms {
            return;
        }
        core.seen = changes;
        core.usable = self.usable();
        if self.backend.algorithm == Algorithm::First {
            core.usable.sort_by_key(|&i| self.members[i].config.id);
        }
        let mut weights = vec![0; self.members.len()];
        core.next_step_ms = u64::MAX;
        for &i in &core.usable {
            let state = &self.members[i].state;
            weights[i] = state.effective_weight(now_ms);
            if let Some(step) = state.next_step_ms(now_ms) {
                core.next_step_ms = core.next_step_ms.min(step);
            }
        }
        let origin = core.origin.take();
        if origin.is_some() || weights != core.weights {
            self.reorder(core, &weights, origin.as_deref());
        }
        core.total_weight = weights.iter().map(|w| u64::from(*w)).sum();
        core.weights = weights;
    }

    fn reorder(&self, core: &mut Core, weights: &[u32], origin: Option<&[Option<usize>]>) {
        match &mut core.order {
            Order::Scan => {}
            Order::RoundRobin(rr) => {
                // Whoever starts a container waits for it, and no file tells its place.
                let container = |i: usize| {
                    matches!(self.members[i].config.identity, ServerIdentity::Container { .. })
                };
                let before = |i| origin.map_or(Some(i), |o| o.get(i).copied().flatten());
                rr.reweigh(weights, before, container);
            }
            Order::Map(map) => {
                // Static: a slow start does not show in a map (manual 4.2 `hash-type`).
                let full = |(i, w): (usize, &u32)| {
                    if *w == 0 { 0 } else { u32::from(self.members[i].state.weight()) }
                };
                map.rebuild(&weights.iter().enumerate().map(full).collect::<Vec<_>>());
            }
            Order::Ring(ring) => {
                let nodes = weights.iter().enumerate().filter(|(_, w)| **w > 0);
                ring.rebuild(nodes.map(|(i, w)| (i, self.members[i].config.id, *w)));
            }
            Order::Lottery(lottery) => lottery.rebuild(weights),
        }
    }

    /// Actives; without any the first backup, or all of them with `option allbackups`
    /// (manual 5.2 `backup`).
    fn usable(&self) -> Vec<usize> {
        let of = |backup: bool| {
            self.members
                .iter()
                .enumerate()
                .filter(move |(_, m)| m.config.backup == backup && m.state.is_usable())
                .map(|(i, _)| i)
        };
        let actives: Vec<usize> = of(false).collect();
        if !actives.is_empty() {
            return actives;
        }
        of(true).take(if self.backend.allbackups { usize::MAX } else { 1 }).collect()
    }
}

/// A server's cookie value: its own, else one derived from its address with `dynamic`.
fn cookie_of(backend: &Backend, server: &Server) -> Option<Name> {
    let cookie = backend.cookie.as_ref()?;
    server.cookie.clone().or_else(|| {
        let key = cookie.dynamic_key.as_ref()?;
        crate::cookie::dynamic_value(server, key).map(Name::from)
    })
}

/// Whether two configurations of one name point at the same place. A name that now resolves to
/// something else is still the same place.
fn same_place(a: &Server, b: &Server) -> bool {
    let host = match (&a.host, &b.host) {
        (Host::Name { name: x, .. }, Host::Name { name: y, .. }) => x == y,
        (x, y) => x == y,
    };
    host && a.port == b.port
}

/// Finds each server's state in the previous fleet: same identity and place; a file's server
/// that was renamed is found by its address; a name with another address starts afresh in the
/// old one's place. Returns members and each one's index in the previous fleet.
fn carry_over(
    backend: &Backend,
    previous: Option<&Fleet>,
    shared: &Arc<BackendState>,
    now_ms: u64,
) -> (Vec<Member>, Vec<Option<usize>>) {
    let old: &[Member] = previous.map_or(&[], |p| &p.members);
    let by_identity: HashMap<&ServerIdentity, usize> =
        old.iter().enumerate().map(|(i, m)| (&m.config.identity, i)).collect();
    let mut renamed: HashMap<(&Host, Port), usize> = HashMap::new();
    if !old.is_empty() {
        let kept: std::collections::HashSet<&ServerIdentity> =
            backend.servers.iter().map(|s| &s.identity).collect();
        for (i, m) in old.iter().enumerate() {
            if !kept.contains(&m.config.identity)
                && matches!(m.config.identity, ServerIdentity::Named(_))
            {
                renamed.entry((&m.config.host, m.config.port)).or_insert(i);
            }
        }
    }
    let mut members = Vec::with_capacity(backend.servers.len());
    let mut origin = Vec::with_capacity(backend.servers.len());
    for config in &backend.servers {
        let named = matches!(config.identity, ServerIdentity::Named(_));
        let found = by_identity.get(&config.identity).copied();
        let same = match found {
            Some(i) => (!named || same_place(&old[i].config, config)).then_some(i),
            None if named => renamed.remove(&(&config.host, config.port)),
            None => None,
        };
        let state = if let Some(i) = same {
            let state = old[i].state.clone();
            state.reconfigure(config.clone(), now_ms);
            state
        } else {
            let uid = NEXT_UID.fetch_add(1, Ordering::Relaxed);
            let changes = shared.changes.clone();
            Arc::new(ServerState::new(uid, config.clone(), changes, now_ms))
        };
        let cookie = cookie_of(backend, config);
        members.push(Member { config: config.clone(), state, cookie });
        origin.push(same.or(found));
    }
    (members, origin)
}
