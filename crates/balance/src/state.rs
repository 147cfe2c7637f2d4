//! What is known about one server while its identity lives: it is carried across snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use model::{AdminReason, AdminReasons, CheckState, Name, Operational, Server, ServerStatus};
use parking_lot::RwLock;

/// Weights are kept in sixteenths, so that a server of weight 1 can warm up in steps.
pub(crate) const WEIGHT_SCALE: u32 = 16;
/// A slow start rises in this many steps (manual 5.2, `slowstart`).
const SLOW_START_STEPS: u64 = 20;

/// The living state of one server, shared by workers, checks and the runtime API.
///
/// Counters are atomics with relaxed ordering unless a method says otherwise: each is right by
/// itself, a set of them read together may be a few requests apart.
#[derive(Debug)]
pub struct ServerState {
    uid: u64,
    config: RwLock<Arc<Server>>,
    /// Bumped whenever something that balancing depends on changes; shared by the backend.
    changes: Arc<AtomicU64>,
    admin: AtomicU8,
    operational: AtomicU8,
    weight: AtomicU16,
    warm_since_ms: AtomicU64,
    last_change_ms: AtomicU64,
    checked: AtomicU8,
    streak: AtomicU32,
    needed: AtomicU32,
    served: AtomicU32,
    /// Waiting in this server's own queue.
    queued: AtomicU32,
    served_max: AtomicU32,
    queued_max: AtomicU32,
}

/// A change of a server between taking traffic and not, as logs and hooks want to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: ServerStatus,
    /// After.
    pub to: ServerStatus,
}

impl Transition {
    /// The server just stopped being able to serve anybody.
    #[must_use]
    pub fn went_down(&self) -> bool {
        is_alive(&self.from) && !is_alive(&self.to)
    }
    /// The server just became able to serve.
    #[must_use]
    pub fn came_up(&self) -> bool {
        !is_alive(&self.from) && is_alive(&self.to)
    }
}

/// Up as far as checks and administrators are concerned; sticky clients are served.
fn is_alive(s: &ServerStatus) -> bool {
    !s.admin.is_maint() && s.operational != Operational::Down
}

fn operational_from(n: u8) -> Operational {
    match n {
        0 => Operational::Down,
        1 => Operational::Starting,
        2 => Operational::Running,
        _ => Operational::Stopping,
    }
}

/// Share of its weight that a warming server has after `elapsed_ms`, percent, 1 to 100.
#[must_use]
pub fn slow_start_percent(elapsed_ms: u64, slowstart: Duration) -> u32 {
    let whole = u64::try_from(slowstart.as_millis()).unwrap_or(u64::MAX).max(1);
    if elapsed_ms >= whole {
        return 100;
    }
    let step = (elapsed_ms.saturating_mul(SLOW_START_STEPS) / whole) * 100 / SLOW_START_STEPS;
    (step as u32).clamp(1, 100)
}

/// Admin reasons that the configuration decides.
fn configured_reasons(config: &Server) -> AdminReasons {
    let mut r = AdminReasons::default();
    if config.disabled {
        r = r.with(AdminReason::ConfigMaint);
    }
    if config.stopping {
        r = r.with(AdminReason::Stopping);
    }
    if matches!(config.host, model::Host::Name { resolved: None, .. }) {
        r = r.with(AdminReason::Unresolved);
    }
    r
}

/// What is believed before the first check.
fn initial(config: &Server) -> Operational {
    match &config.check {
        Some(check) if !check.init_state.is_up() => Operational::Down,
        _ => Operational::Running,
    }
}

const CONFIGURED: u8 =
    AdminReason::ConfigMaint as u8 | AdminReason::Stopping as u8 | AdminReason::Unresolved as u8;

impl ServerState {
    /// A server seen for the first time: as its `init-state` says, not warming up.
    pub(crate) fn new(uid: u64, config: Arc<Server>, changes: Arc<AtomicU64>, now_ms: u64) -> Self {
        let needed = config.check.as_ref().map_or(0, |c| c.fall);
        Self {
            uid,
            changes,
            admin: AtomicU8::new(configured_reasons(&config).0),
            operational: AtomicU8::new(initial(&config) as u8),
            weight: AtomicU16::new(config.weight),
            warm_since_ms: AtomicU64::new(0),
            last_change_ms: AtomicU64::new(now_ms),
            checked: AtomicU8::new(u8::from(config.check.is_some() || config.track.is_some())),
            streak: AtomicU32::new(0),
            needed: AtomicU32::new(needed),
            served: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            served_max: AtomicU32::new(0),
            queued_max: AtomicU32::new(0),
            config: RwLock::new(config),
        }
    }

    /// A number that no other server of the process has had; keys queues and idle pools.
    #[must_use]
    pub fn uid(&self) -> u64 {
        self.uid
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Server> {
        self.config.read().clone()
    }

    /// Name of the server in its backend.
    #[must_use]
    pub fn name(&self) -> Name {
        self.config.read().name.clone()
    }

    /// Takes over a new configuration of the same identity. A weight that was changed at run
    /// time stays unless the file's own weight changes, and so does the end of a maintenance that
    /// the file began.
    pub(crate) fn reconfigure(&self, config: Arc<Server>, now_ms: u64) {
        let old = std::mem::replace(&mut *self.config.write(), config.clone());
        if old.weight != config.weight {
            self.set_weight(config.weight);
        }
        let checked = config.check.is_some() || config.track.is_some();
        self.checked.store(u8::from(checked), Ordering::Relaxed);
        if !checked && (old.check.is_some() || old.track.is_some()) {
            // Nothing will bring it up again once its checks are gone.
            self.set_operational(Operational::Running, now_ms);
        }
        let mut decided = CONFIGURED;
        if old.disabled == config.disabled {
            decided &= !(AdminReason::ConfigMaint as u8);
        }
        let kept = self.admin().0 & !decided;
        self.set_admin(AdminReasons(kept | configured_reasons(&config).0 & decided), now_ms);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Reasons of administrators.
    #[must_use]
    pub fn admin(&self) -> AdminReasons {
        AdminReasons(self.admin.load(Ordering::Relaxed))
    }

    /// What checks say.
    #[must_use]
    pub fn operational(&self) -> Operational {
        operational_from(self.operational.load(Ordering::Relaxed))
    }

    /// All facts together.
    #[must_use]
    pub fn status(&self) -> ServerStatus {
        ServerStatus {
            admin: self.admin(),
            operational: self.operational(),
            check: CheckState {
                checked: self.checked.load(Ordering::Relaxed) != 0,
                streak: self.streak.load(Ordering::Relaxed),
                needed: self.needed.load(Ordering::Relaxed),
            },
        }
    }

    /// May serve a client that is stuck to it.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.admin().is_maint() && self.operational() != Operational::Down
    }

    /// May take new sessions that are not sticky; a weight of 0 excludes it as well.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let admin = self.admin();
        !admin.is_maint()
            && !admin.is_drain()
            && matches!(self.operational(), Operational::Running | Operational::Starting)
            && self.weight() > 0
    }

    /// Adds a reason.
    pub fn add_admin(&self, reason: AdminReason, now_ms: u64) -> Transition {
        self.set_admin(self.admin().with(reason), now_ms)
    }

    /// Takes a reason away.
    pub fn remove_admin(&self, reason: AdminReason, now_ms: u64) -> Transition {
        self.set_admin(self.admin().without(reason), now_ms)
    }

    /// Replaces the set. A server that leaves maintenance starts as if checks had just brought
    /// it up (manual 9.3, `set server state ready`), or waits for them (5.2, `init-state`).
    pub fn set_admin(&self, reasons: AdminReasons, now_ms: u64) -> Transition {
        let from = self.status();
        if from.admin != reasons {
            self.admin.store(reasons.0, Ordering::Relaxed);
            if from.admin.is_maint() && !reasons.is_maint() {
                match initial(&self.config.read()) {
                    Operational::Down => {
                        self.operational.store(Operational::Down as u8, Ordering::Relaxed);
                    }
                    _ => self.warm_up(now_ms),
                }
            }
            self.touch(now_ms);
        }
        Transition { from, to: self.status() }
    }

    /// What checks found. `Running` becomes `Starting` when the server comes from down and has
    /// a slow start.
    pub fn set_operational(&self, to: Operational, now_ms: u64) -> Transition {
        let from = self.status();
        if from.operational != to {
            if from.operational == Operational::Down && to == Operational::Running {
                self.warm_up(now_ms);
            } else if !(from.operational == Operational::Starting && to == Operational::Running) {
                self.operational.store(to as u8, Ordering::Relaxed);
            }
            if self.operational() != from.operational {
                self.touch(now_ms);
            }
        }
        Transition { from, to: self.status() }
    }

    fn warm_up(&self, now_ms: u64) {
        let to = if self.config.read().slowstart.is_some() {
            self.warm_since_ms.store(now_ms, Ordering::Relaxed);
            Operational::Starting
        } else {
            Operational::Running
        };
        self.operational.store(to as u8, Ordering::Relaxed);
    }

    fn touch(&self, now_ms: u64) {
        self.last_change_ms.store(now_ms, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Where the rise/fall counter stands; for status pages only.
    pub fn set_check_progress(&self, streak: u32, needed: u32) {
        self.streak.store(streak, Ordering::Relaxed);
        self.needed.store(needed, Ordering::Relaxed);
    }

    /// Weight as configured or set at run time, 0-256.
    #[must_use]
    pub fn weight(&self) -> u16 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Sets the weight, 0-256.
    pub fn set_weight(&self, weight: u16) {
        if self.weight.swap(weight.min(256), Ordering::Relaxed) != weight.min(256) {
            self.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// Weight in sixteenths after slow start. Ends the slow start when its time is over.
    pub(crate) fn effective_weight(&self, now_ms: u64) -> u32 {
        let full = u32::from(self.weight()) * WEIGHT_SCALE;
        let percent = self.warmth_percent(now_ms);
        if full == 0 || percent >= 100 {
            return full;
        }
        // As HAProxy: from the first sixteenth on.
        (full * percent).div_ceil(100).max(u32::from(self.weight()))
    }

    /// How far the slow start is, percent; 100 when there is none.
    fn warmth_percent(&self, now_ms: u64) -> u32 {
        if self.operational() != Operational::Starting {
            return 100;
        }
        let Some(slowstart) = self.config.read().slowstart else {
            self.operational.store(Operational::Running as u8, Ordering::Relaxed);
            return 100;
        };
        let elapsed = now_ms.saturating_sub(self.warm_since_ms.load(Ordering::Relaxed));
        let percent = slow_start_percent(elapsed, slowstart);
        if percent >= 100 {
            self.operational.store(Operational::Running as u8, Ordering::Relaxed);
        }
        percent
    }

    /// When the effective weight changes next by itself, if it does.
    pub(crate) fn next_step_ms(&self, now_ms: u64) -> Option<u64> {
        if self.operational() != Operational::Starting {
            return None;
        }
        let slowstart = u64::try_from(self.config.read().slowstart?.as_millis()).ok()?;
        Some(now_ms + (slowstart / SLOW_START_STEPS).max(1))
    }

    /// The most connections this server takes now; `None` = no limit. `minconn` makes it grow
    /// with the backend's load up to `fullconn` (manual 5.2 `minconn`), a slow start shrinks it.
    #[must_use]
    pub fn limit(
        &self,
        config: &Server,
        backend_sessions: u32,
        fullconn: Option<u32>,
        now_ms: u64,
    ) -> Option<u32> {
        let max = config.maxconn?;
        let mut limit = max;
        if let (Some(min), Some(full)) = (config.minconn, fullconn)
            && min < max
            && backend_sessions < full
        {
            let load = u64::from(max) * u64::from(backend_sessions) / u64::from(full);
            limit = u32::try_from(load).unwrap_or(max).clamp(min, max);
        }
        let percent = self.warmth_percent(now_ms);
        if percent < 100 {
            limit = (u64::from(limit) * u64::from(percent)).div_ceil(100) as u32;
        }
        Some(limit.max(1))
    }

    /// Takes a connection slot if fewer than `limit` are taken.
    pub(crate) fn take(&self, limit: Option<u32>) -> bool {
        let before = match limit {
            None => Ok(self.served.fetch_add(1, Ordering::SeqCst)),
            Some(limit) => self
                .served
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < limit).then_some(n + 1)),
        };
        let Ok(before) = before else { return false };
        if before >= self.served_max.load(Ordering::Relaxed) {
            self.served_max.fetch_max(before + 1, Ordering::Relaxed);
        }
        true
    }

    /// Gives a slot back.
    pub(crate) fn give_back(&self) {
        let _ = self
            .served
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_sub(1)));
    }

    /// Connection slots taken.
    #[must_use]
    pub fn served(&self) -> u32 {
        self.served.load(Ordering::SeqCst)
    }

    /// Connections and waiters together.
    #[must_use]
    pub fn load(&self) -> u32 {
        self.served().saturating_add(self.queued())
    }

    /// Waiters in this server's own queue.
    #[must_use]
    pub fn queued(&self) -> u32 {
        self.queued.load(Ordering::SeqCst)
    }

    /// Most waiters there have been.
    #[must_use]
    pub fn queued_max(&self) -> u32 {
        self.queued_max.load(Ordering::Relaxed)
    }

    pub(crate) fn note_queued(&self, by: i32) {
        let now = crate::fleet::add_signed(&self.queued, by);
        self.queued_max.fetch_max(now, Ordering::Relaxed);
    }

    /// The most connection slots taken at once (`smax`).
    #[must_use]
    pub fn served_max(&self) -> u32 {
        self.served_max.load(Ordering::Relaxed)
    }

    /// The maximum starts anew from the present value.
    pub fn clear_served_max(&self) {
        self.served_max.store(self.served(), Ordering::Relaxed);
    }

    /// When the status last changed, milliseconds of the caller's clock.
    #[must_use]
    pub fn last_change_ms(&self) -> u64 {
        self.last_change_ms.load(Ordering::Relaxed)
    }
}
