//! `observe`: traffic itself tells how a server does (manual 5.2).

use health::{Change, Health, Observed};
use model::{Observe, Operational};

use super::transition;
use crate::engine::Shared;
use crate::live::{LiveBackend, LiveServer};

/// `observe layer4`: traffic saw a connection succeed or fail.
pub fn observe_connect(shared: &Shared, backend: &LiveBackend, server: &LiveServer, good: bool) {
    observe(shared, backend, server, Observe::Layer4, good);
}

/// `observe layer7`: traffic saw a response with this status, or none. Server errors count,
/// except 501 and 505, which are about the request.
pub fn observe_response(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    status: Option<u16>,
) {
    let good = status.is_some_and(|s| (100..500).contains(&s) || s == 501 || s == 505);
    observe(shared, backend, server, Observe::Layer7, good);
}

fn observe(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    layer: Observe,
    good: bool,
) {
    let Some(check) = &server.model.check else { return };
    if check.observe != Some(layer) {
        return;
    }
    if !good {
        server.check.observed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    let (observed, shown) = {
        let mut slot = server.check.health.lock();
        // Traffic may be there before the first check is.
        let health = slot.get_or_insert_with(|| Health::new(check));
        let observed = health.observe(good, check);
        let (done, needed) = health.progress();
        server.state.set_check_progress(done, needed);
        let shown = matches!(observed, Observed::Failed(_)).then(|| health.last().cloned());
        (observed, shown.flatten())
    };
    if observed != Observed::Nothing {
        server.check.wake.notify_one();
    }
    if let Observed::Failed(Some(Change::Down)) = observed {
        let why = health::text::Why::Check(shown.as_ref());
        transition::set(shared, backend, server, Operational::Down, why);
    }
}
