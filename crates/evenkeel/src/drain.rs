//! Servers that were taken out finish within the limit of their backend (`hard-stop-after`, or
//! what a container's label says).

use std::sync::Arc;

use proxy::{Cause, Live, LiveServer, Shared};

/// Ends what is left on every server that `before` used and that is no longer used, when its limit
/// has passed. Must be called on the thread of the control loop.
pub fn limit(shared: &Arc<Shared>, before: &Live) {
    let now = shared.live();
    for old in before.backends.values() {
        let new = now.backends.get(&old.model.name);
        if new.is_some_and(|new| Arc::ptr_eq(new, old)) {
            continue;
        }
        let Some(limit) = new.map_or(old, |b| b).model.drain_timeout else { continue };
        for server in old.servers.iter().filter(|s| used(before, s) && !used(&now, s)) {
            let (shared, server) = (Arc::clone(shared), Arc::clone(server));
            tokio::task::spawn_local(async move {
                tokio::time::sleep(limit).await;
                if !used(&shared.live(), &server) {
                    shared.end_sessions(&[server.state.uid()], Cause::Killed);
                }
            });
        }
    }
}

/// Whether it takes requests as far as the configuration is concerned.
fn used(live: &Live, server: &LiveServer) -> bool {
    let same = |s: &&Arc<LiveServer>| Arc::ptr_eq(&s.state, &server.state);
    let found = live.backends.get(&server.backend).and_then(|b| b.servers.iter().find(same));
    found.is_some_and(|s| !s.model.disabled && !s.model.stopping)
}
