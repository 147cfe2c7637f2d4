//! `clear counters` (manual of management 9.3).

use proxy::{Live, TimedBy};

use crate::figures;

/// Clears maxima; with `all` every counter.
pub fn counters(live: &Live, all: bool) {
    for f in &live.frontends {
        let c = &f.counters;
        c.connections.clear_max();
        if all {
            for counter in [
                &c.connections_total,
                &c.sessions_total,
                &c.denied_requests,
                &c.denied_responses,
                &c.denied_connections,
                &c.denied_sessions,
                &c.intercepted,
                &c.kept_out,
                &c.empty_requests,
                &c.rewrite_failures,
                &c.internal_errors,
                &c.request_errors,
            ] {
                counter.clear();
            }
            c.traffic.clear();
        }
    }
    for b in live.backends.values() {
        let c = &b.counters;
        let events = figures::events(b.model.mode);
        c.sessions.clear_max();
        c.traffic.clear_longest();
        for s in &b.servers {
            s.state.clear_served_max();
            s.counters.traffic.clear_longest();
        }
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
                &c.rewrite_failures,
                &c.internal_errors,
                &c.http_checks,
            ] {
                counter.clear();
            }
            c.traffic.clear_times(events);
            c.traffic.clear();
            b.standing.clear();
            for s in &b.servers {
                server(&s.counters, events);
                s.standing.clear();
                s.check.clear_counters();
            }
        }
    }
}

fn server(c: &proxy::ServerCounters, events: TimedBy) {
    for counter in [
        &c.denied_responses,
        &c.connect_errors,
        &c.response_errors,
        &c.retries,
        &c.redispatches,
        &c.client_aborts,
        &c.server_aborts,
        &c.connects,
        &c.rewrite_failures,
        &c.internal_errors,
    ] {
        counter.clear();
    }
    c.traffic.clear_times(events);
    c.traffic.clear();
}
