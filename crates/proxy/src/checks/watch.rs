//! The life of one server's checks: wait, check, take in the result, again.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use health::{Change, CheckResult, Health};
use model::{InitState, Operational, ServerCheck, ServerIdentity};
use tokio::time::Instant;

use super::{Context, Place, probe, transition};
use crate::log;

/// Runs until it is aborted.
pub(super) async fn run(context: Rc<Context>, place: Rc<RefCell<Rc<Place>>>, first: Duration) {
    let mut wait = first;
    let mut random = Random(context.shared.seed ^ place.borrow().server.state.uid());
    let mut was_maint = place.borrow().server.state.admin().is_maint();
    let mut beginning = Beginning::default();
    loop {
        let until = Instant::now() + wait;
        let current = Rc::clone(&place.borrow());
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = current.server.check.wake.notified() => {
                // Early, but not a burst: the fast interval of the state is kept.
                let current = Rc::clone(&place.borrow());
                let Some(check) = &current.server.model.check else { return };
                let left = was_maint && !current.server.state.admin().is_maint();
                let soon = if left { Duration::ZERO } else { interval(&current, check) };
                tokio::time::sleep_until(until.min(Instant::now() + soon)).await;
            }
        }
        let current = Rc::clone(&place.borrow());
        let Some(check) = &current.server.model.check else { return };
        let is_maint = current.server.state.admin().is_maint();
        if was_maint && !is_maint {
            beginning = Beginning::default();
        }
        if !is_maint && !current.server.check.is_paused() {
            adopt_state(&current, check, was_maint);
            let ran = Box::pin(check_once(&context, &current, check)).await;
            // The configuration may have changed meanwhile: the newest one gets the result.
            let current = Rc::clone(&place.borrow());
            if let (Some(result), Some(check)) = (ran, &current.server.model.check) {
                take_in(&context, &current, check, result);
                beginning.saw(&current, check);
                if beginning.goes_on() {
                    begin_again(&current, check);
                }
            }
        }
        was_maint = is_maint;
        let current = Rc::clone(&place.borrow());
        let Some(check) = &current.server.model.check else { return };
        let spread = current.backend.model.spread_checks_percent;
        let interval = beginning.shorten(interval(&current, check));
        wait = health::schedule::next(interval, spread, random.next());
    }
}

/// The time from a server's begin to its first good check.
#[derive(Default)]
struct Beginning {
    failed: u32,
    over: bool,
}

impl Beginning {
    fn saw(&mut self, place: &Place, check: &ServerCheck) {
        let up = place.server.state.operational() != Operational::Down;
        self.over |= up || check.init_state != InitState::Down;
        self.failed = self.failed.saturating_add(1);
    }

    /// It has been checked and was never found up.
    fn goes_on(&self) -> bool {
        !self.over && self.failed > 0
    }

    fn shorten(&self, interval: Duration) -> Duration {
        match self.goes_on() {
            true => health::schedule::early(interval, self.failed),
            false => interval,
        }
    }
}

/// A container is announced before it listens: the first good check is enough, as when it is the
/// first of all. A file's server needs `rise` of them then, as in HAProxy.
fn begin_again(place: &Place, check: &ServerCheck) {
    if matches!(place.server.model.identity, ServerIdentity::Container { .. })
        && let Some(health) = &mut *place.server.check.health.lock()
    {
        health.begin_again(check);
        let (now, of) = health.progress();
        place.server.state.set_check_progress(now, of);
    }
}

fn interval(place: &Place, check: &ServerCheck) -> Duration {
    let health = place.server.check.health.lock();
    let interval = health.as_ref().map_or(check.inter, |h| h.interval(check));
    interval.max(Duration::from_millis(1))
}

/// Brings the counter in line with what others did to the server: maintenance, runtime API.
fn adopt_state(place: &Place, check: &ServerCheck, was_maint: bool) {
    let mut slot = place.server.check.health.lock();
    let health = slot.get_or_insert_with(|| Health::new(check));
    health.reconfigure(check);
    let up = place.server.state.operational() != Operational::Down;
    if was_maint && up == check.init_state.is_up() {
        health.restart(check);
    } else if health.is_up() != up {
        health.force(up);
    }
}

async fn check_once(context: &Context, place: &Place, check: &ServerCheck) -> Option<CheckResult> {
    let interval = interval(place, check);
    let permit = context.open.acquire().await;
    let started = Instant::now();
    let mut result = probe::run(&context.shared, place, check, interval).await?;
    drop(permit);
    result.duration_ms = started.elapsed().as_millis() as u64;
    Some(result)
}

fn take_in(context: &Context, place: &Place, check: &ServerCheck, result: CheckResult) {
    if place.server.state.admin().is_maint() {
        return;
    }
    let up = place.server.state.operational() != Operational::Down;
    if up && result.status.outcome() == health::Outcome::Failed {
        place.server.check.failed.fetch_add(1, Relaxed);
    }
    let backend = &place.backend;
    let subject = transition::subject(backend, &place.server);
    let (change, line, progress) = {
        let mut slot = place.server.check.health.lock();
        let health = slot.get_or_insert_with(|| Health::new(check));
        let (change, log_it) = health.apply(result.clone());
        let wanted = log_it && backend.model.log_health_checks;
        let line = wanted.then(|| health::text::check_line(&subject, &result, health));
        (change, line, health.progress())
    };
    place.server.state.set_check_progress(progress.0, progress.1);
    if let Some(line) = &line {
        context.shared.events.state(&backend.model.log, log::LEVEL_NOTICE, line);
    }
    if let Some(change) = change {
        let shown = Some(&result).filter(|_| line.is_none());
        apply_change(context, place, change, shown);
    }
}

fn apply_change(context: &Context, place: &Place, change: Change, shown: Option<&CheckResult>) {
    let to = match change {
        Change::Down => Operational::Down,
        Change::Up | Change::Running => Operational::Running,
        Change::Stopping => Operational::Stopping,
    };
    if to == Operational::Running && place.server.check.agent_says_down.load(Relaxed) {
        return;
    }
    let why = health::text::Why::Check(shown);
    transition::set(&context.shared, &Arc::clone(&place.backend), &place.server, to, why);
}

/// A small generator for the spread of checks (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 |= 1;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
