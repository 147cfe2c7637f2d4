//! `observe`: traffic itself tells how a server does (manual 5.2).

use std::sync::atomic::Ordering::Relaxed;

use health::{Change, Health, Observed};
use model::{Observe, Operational};

use super::transition;
use crate::engine::Shared;
use crate::live::{LiveBackend, LiveServer};

/// `observe layer4`: traffic saw a connection succeed or fail.
pub fn observe_connect(shared: &Shared, backend: &LiveBackend, server: &LiveServer, good: bool) {
    let error = (!good).then_some("L4 unsuccessful connection");
    observe(shared, backend, server, Observe::Layer4, error);
}

/// `observe layer7`: traffic saw a response with this status, or `Err` with what went wrong. Server
/// errors count, except 501 and 505, which are about the request.
pub fn observe_response(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    status: Result<u16, &str>,
) {
    let error = match status {
        Ok(100..=499 | 501 | 505) => None,
        Ok(_) => Some("Wrong http response"),
        Err(error) => Some(error),
    };
    observe(shared, backend, server, Observe::Layer7, error);
}

fn observe(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    layer: Observe,
    error: Option<&str>,
) {
    let Some(check) = &server.model.check else { return };
    if check.observe != Some(layer) {
        return;
    }
    let (observed, shown) = {
        let mut slot = server.check.health.lock();
        // Traffic may come before the first check.
        let up = server.state.operational() != Operational::Down;
        let health = slot.get_or_insert_with(|| Health::new(check));
        if health.is_up() != up {
            health.force(up);
        }
        let observed = health.observe(error, check);
        let (done, needed) = health.progress();
        server.state.set_check_progress(done, needed);
        let shown = matches!(observed, Observed::Failed(_)).then(|| health.last().cloned());
        (observed, shown.flatten())
    };
    if observed != Observed::Nothing {
        server.check.observed.fetch_add(1, Relaxed);
        server.check.wake.notify_one();
    }
    if matches!(observed, Observed::Failed(_)) {
        server.check.failed.fetch_add(1, Relaxed);
    }
    if let Observed::Failed(Some(Change::Down)) = observed {
        let why = health::text::Why::Check(shown.as_ref());
        transition::set(shared, backend, server, Operational::Down, why);
    }
}
