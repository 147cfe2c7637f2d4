//! `clear counters` (manual of management 9.3).

use proxy::Live;

/// Clears maxima; with `all` every counter.
pub fn counters(live: &Live, all: bool) {
    for f in &live.frontends {
        let c = &f.counters;
        c.connections.clear_max();
        if all {
            for counter in [
                &c.connections_total,
                &c.denied_requests,
                &c.denied_responses,
                &c.denied_connections,
                &c.request_errors,
            ] {
                counter.clear();
            }
            c.traffic.clear();
        }
    }
    for b in live.backends.values() {
        let c = &b.counters;
        c.sessions.clear_max();
        b.servers.iter().for_each(|s| s.state.clear_served_max());
        if all {
            for counter in [
                &c.denied_requests,
                &c.denied_responses,
                &c.connect_errors,
                &c.response_errors,
                &c.retries,
                &c.redispatches,
                &c.client_aborts,
                &c.server_aborts,
            ] {
                counter.clear();
            }
            c.traffic.clear();
            b.standing.clear();
            for s in &b.servers {
                server(&s.counters);
                s.standing.clear();
                s.check.clear_counters();
            }
        }
    }
}

fn server(c: &proxy::ServerCounters) {
    for counter in [
        &c.denied_responses,
        &c.connect_errors,
        &c.response_errors,
        &c.retries,
        &c.redispatches,
        &c.client_aborts,
        &c.server_aborts,
        &c.connects,
    ] {
        counter.clear();
    }
    c.traffic.clear();
}
