//! The engine's counters as rows of the statistics.

use std::sync::Arc;

use admin::services::prometheus::server_state;
use admin::stats::{CheckFacts, Kind, Row, ServerFacts, Times};
use model::{
    AgentCheck, Algorithm, BackendTarget, Host, Mode, Operational, Origin, Port, ServerIdentity,
};
use proxy::{Live, LiveBackend, LiveFrontend, LiveServer, TimedBy, Totals, Traffic};

/// A row for every frontend, then every server and its backend, proxy by proxy in the order of
/// the configuration. `connections_max` is the process's `maxconn`, `now_ms` the engine's clock.
pub fn rows(live: &Live, connections_max: u32, now_ms: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut order: Vec<(u32, &str)> = Vec::new();
    order.extend(live.config.frontends.iter().map(|f| (f.id, &*f.name)));
    order.extend(live.config.backends.iter().map(|b| (b.id, &*b.name)));
    order.sort();
    order.dedup();
    for (id, name) in order {
        if let Some(f) = live.frontends.iter().find(|f| f.model.id == id && &*f.model.name == name)
        {
            rows.push(frontend(f, connections_max, now_ms));
        }
        if let Some(b) = live.backends.get(name).filter(|b| b.model.id == id) {
            rows.extend(b.servers.iter().map(|s| server(b, s, now_ms)));
            rows.push(backend(b, full_load(live, b, connections_max), now_ms));
        }
    }
    rows
}

fn statuses(mode: Mode, totals: &Totals) -> Option<[u64; 6]> {
    (mode == Mode::Http).then(|| [1, 2, 3, 4, 5, 0].map(|class| totals.class(class)))
}

fn frontend(f: &Arc<LiveFrontend>, connections_max: u32, now_ms: u64) -> Row {
    let c = &f.counters;
    let totals = c.traffic.totals();
    let http = f.model.mode == Mode::Http;
    let rate = (c.connection_rate.per_second(now_ms), c.connection_rate.max());
    Row {
        proxy: f.model.name.to_string(),
        service: "FRONTEND".to_owned(),
        kind: Some(Kind::Frontend),
        proxy_id: f.model.id,
        mode: Some(f.model.mode),
        sessions: (c.connections.value(), c.connections.max()),
        session_limit: Some(f.model.maxconn.unwrap_or(connections_max)),
        sessions_total: c.sessions_total.value(),
        session_rate: Some(rate),
        session_rate_limit: Some(f.model.rate_limit_sessions.unwrap_or(0)),
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
        denied_requests: Some(c.denied_requests.value()),
        denied_responses: Some(c.denied_responses.value()),
        denied_connections: Some(c.denied_connections.value()),
        denied_sessions: Some(c.denied_sessions.value()),
        empty_requests: c.empty_requests.value(),
        kept_out: c.kept_out.value(),
        intercepted: http.then(|| c.intercepted.value()),
        rewrite_failures: Some(c.rewrite_failures.value()),
        internal_errors: Some(c.internal_errors.value()),
        request_errors: Some(c.request_errors.value()),
        statuses: statuses(f.model.mode, &totals),
        request_rate: Some(if http {
            (c.traffic.per_second(now_ms), c.traffic.rate_max())
        } else {
            (0, 0)
        }),
        requests_total: Some(totals.requests),
        connection_rate: Some(rate),
        connections_total: Some(c.connections_total.value()),
        status: if f.model.disabled { "STOP" } else { "OPEN" }.to_owned(),
        ..Row::default()
    }
}

/// What the times of a proxy's requests go by.
pub fn events(mode: Mode) -> TimedBy {
    match mode {
        Mode::Http => proxy::by_requests,
        Mode::Tcp => proxy::by_balanced,
    }
}

fn times(b: &LiveBackend, traffic: &Traffic) -> Times {
    let (average, longest) = traffic.times(events(b.model.mode));
    Times { average, longest }
}

/// `fullconn`, or a tenth of what the frontends that lead here may take (manual 4.2).
fn full_load(live: &Live, b: &LiveBackend, connections_max: u32) -> u32 {
    if let Some(full) = b.model.fullconn {
        return full;
    }
    let leads = |f: &&Arc<LiveFrontend>| {
        f.model.default_backend.as_ref() == Some(&b.model.name)
            || f.own_backend.as_ref() == Some(&b.model.name)
            || f.model.use_backend.iter().any(|rule| match &rule.action {
                BackendTarget::Static(name) => *name == b.model.name,
                // As HAProxy: a name that is made per request is not counted with.
                BackendTarget::Format(_) => false,
            })
    };
    let limit = |f: &Arc<LiveFrontend>| f.model.maxconn.unwrap_or(connections_max);
    let sum: u64 = live.frontends.iter().filter(leads).map(|f| u64::from(limit(f))).sum();
    sum.div_ceil(10).max(1) as u32
}

fn backend(b: &Arc<LiveBackend>, full_load: u32, now_ms: u64) -> Row {
    let c = &b.counters;
    let totals = c.traffic.totals();
    let usable = |backup: bool| {
        let servers = b.servers.iter().filter(|s| s.model.backup == backup);
        servers.filter(|s| s.state.is_usable()).collect::<Vec<_>>()
    };
    let (active, spare) = (usable(false), usable(true));
    let serving = if active.is_empty() { &spare } else { &active };
    // Of the spares the first alone serves, unless all are wanted.
    let one = active.is_empty() && !b.model.allbackups;
    let counted_in = serving.iter().take(if one { 1 } else { usize::MAX });
    let weight: u32 = counted_in.map(|s| u32::from(s.state.weight())).sum();
    let states: Vec<Row> = b.servers.iter().map(|s| server(b, s, now_ms)).collect();
    let alive = weight > 0;
    Row {
        proxy: b.model.name.to_string(),
        service: "BACKEND".to_owned(),
        kind: Some(Kind::Backend),
        proxy_id: b.model.id,
        mode: Some(b.model.mode),
        algorithm: Some(algorithm(&b.model.algorithm)),
        queue: Some((b.fleet.shared().queued(), b.fleet.shared().queued_max())),
        sessions: (c.sessions.value(), c.sessions.max()),
        session_limit: Some(full_load),
        sessions_total: totals.sessions,
        balanced_total: Some(totals.balanced),
        session_rate: Some((c.traffic.per_second(now_ms), c.traffic.rate_max())),
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
        denied_requests: Some(c.denied_requests.value()),
        denied_responses: Some(c.denied_responses.value()),
        connect_errors: Some(c.connect_errors.value()),
        response_errors: Some(c.response_errors.value()),
        rewrite_failures: Some(c.rewrite_failures.value()),
        internal_errors: Some(c.internal_errors.value()),
        times: Some(times(b, &c.traffic)),
        last_session_s: c.traffic.last_s(now_ms),
        retries: Some(c.retries.value()),
        redispatches: Some(c.redispatches.value()),
        client_aborts: Some(c.client_aborts.value()),
        server_aborts: Some(c.server_aborts.value()),
        statuses: statuses(b.model.mode, &totals),
        requests_total: (b.model.mode == Mode::Http).then_some(totals.requests),
        connects: Some(b.servers.iter().map(|s| s.counters.connects.value()).sum()),
        reuses: Some(b.servers.iter().map(|s| s.counters.traffic.totals().reuses).sum()),
        status: if alive || b.servers.is_empty() { "UP" } else { "DOWN" }.to_owned(),
        weight: Some(weight),
        active_backup: Some((active.len() as u32, spare.len() as u32)),
        used: Some(b.servers.iter().map(|s| s.state.served()).sum()),
        idle: Some(b.servers.iter().map(|s| s.counters.idle_connections.value()).sum()),
        configured_weight: Some(weight),
        servers_by_state: counted(states.iter().map(|row| server_state(row).to_owned())),
        servers_by_check: counted(states.iter().filter_map(|row| {
            let check = row.server.as_ref()?.check.as_ref()?;
            (!check.status.is_empty()).then(|| check.status.clone())
        })),
        cookie: b.model.cookie.as_ref().map(|c| c.name.clone()),
        downs: Some(b.standing.downs()),
        downtime_s: Some((b.standing.down_ms(now_ms) / 1000) as u32),
        last_change_s: Some((now_ms.saturating_sub(b.standing.changed_ms()) / 1000) as u32),
        http_checks: c.http_checks.value(),
        ..Row::default()
    }
}

/// How often each word comes.
fn counted(words: impl Iterator<Item = String>) -> Vec<(String, u32)> {
    let mut counts: Vec<(String, u32)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, n)) => *n += 1,
            None => counts.push((word, 1)),
        }
    }
    counts
}

fn since_s(s: &LiveServer, now_ms: u64) -> u32 {
    (now_ms.saturating_sub(s.state.last_change_ms()) / 1000) as u32
}

fn server(b: &Arc<LiveBackend>, s: &Arc<LiveServer>, now_ms: u64) -> Row {
    let c = &s.counters;
    let totals = c.traffic.totals();
    let facts = server_facts(s);
    let checked = s.model.check.is_some();
    let observing = s.model.check.as_ref().is_some_and(|c| c.observe.is_some());
    Row {
        proxy: b.model.name.to_string(),
        service: s.model.name.to_string(),
        kind: Some(Kind::Server),
        proxy_id: b.model.id,
        server_id: s.model.id,
        mode: Some(b.model.mode),
        queue: Some((s.state.queued(), s.state.queued_max())),
        queue_limit: (s.model.maxqueue > 0).then_some(s.model.maxqueue),
        sessions: (s.state.served(), s.state.served_max()),
        session_limit: s.model.maxconn,
        sessions_total: totals.sessions,
        balanced_total: Some(totals.balanced),
        session_rate: Some((c.traffic.per_second(now_ms), c.traffic.rate_max())),
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
        denied_responses: Some(c.denied_responses.value()),
        connect_errors: Some(c.connect_errors.value()),
        response_errors: Some(c.response_errors.value()),
        rewrite_failures: Some(c.rewrite_failures.value()),
        internal_errors: Some(c.internal_errors.value()),
        times: Some(times(b, &c.traffic)),
        last_session_s: c.traffic.last_s(now_ms),
        retries: Some(c.retries.value()),
        redispatches: Some(c.redispatches.value()),
        client_aborts: Some(c.client_aborts.value()),
        server_aborts: Some(c.server_aborts.value()),
        statuses: statuses(b.model.mode, &totals),
        requests_total: (b.model.mode == Mode::Http).then_some(totals.requests),
        connects: Some(c.connects.value()),
        reuses: Some(totals.reuses),
        idle: Some(c.idle_connections.value()),
        idle_unproven: Some(c.unproven_connections.value()),
        idle_limit: u32::try_from(s.model.pool_max_conn).ok(),
        used: Some(s.state.served()),
        needed: Some(s.state.served_max()),
        address: address(&facts),
        status: facts.status(),
        check_failures: checked.then(|| s.check.failed()),
        observed_failures: observing.then(|| s.check.observed()),
        downs: checked.then(|| s.standing.downs()),
        downtime_s: checked.then(|| (s.standing.down_ms(now_ms) / 1000) as u32),
        weight: Some(u32::from(s.state.weight())),
        configured_weight: Some(u32::from(s.state.weight())),
        last_change_s: Some(since_s(s, now_ms)),
        server: Some(facts),
        ..Row::default()
    }
}

fn server_facts(s: &Arc<LiveServer>) -> ServerFacts {
    let status = s.state.status();
    let (host, fqdn) = match &s.model.host {
        Host::Name { name, resolved } => {
            (resolved.map(|ip| ip.to_string()).unwrap_or_default(), Some(name.clone()))
        }
        host => (host.to_string(), None),
    };
    let check = s.model.check.as_ref().map(|check| {
        let last = s.check.last();
        let alive = status.operational != Operational::Down;
        let health = if alive {
            (check.rise + status.check.streak).saturating_sub(1).max(check.rise)
        } else {
            status.check.streak
        };
        CheckFacts {
            rise: check.rise,
            fall: check.fall,
            health,
            port: check.port.unwrap_or(0),
            status: last.as_ref().map(|r| r.status.word().to_owned()).unwrap_or_default(),
            description: last
                .as_ref()
                .map(|r| r.status.description().to_owned())
                .unwrap_or_default(),
            code: last.as_ref().and_then(|r| r.code),
            duration_ms: last.as_ref().map(|r| r.duration_ms),
            text: last.map(|r| r.info).unwrap_or_default(),
            address: check.addr.map(|a| a.to_string()),
            paused: s.check.is_paused(),
        }
    });
    ServerFacts {
        host,
        port: if let Port::Fixed(port) = s.model.port { port } else { 0 },
        fqdn,
        cookie: s.model.cookie.clone(),
        admin: status.admin,
        operational: status.operational,
        check,
        agent: s.model.agent.as_ref().map(|agent| agent_facts(s, agent)),
        backup: s.model.backup,
        // One that a command added is in maintenance, but not by the configuration.
        disabled: s.model.disabled && !matches!(s.model.origin, Origin::Runtime),
        initial_weight: s.model.weight,
        weight: s.state.weight(),
        tracked: s.model.track.as_deref().map(|(backend, server)| format!("{backend}/{server}")),
        purge_delay_ms: s.model.pool_purge_delay.as_millis() as u64,
        origin: s.model.origin.to_string(),
        container: match &s.model.identity {
            ServerIdentity::Container { provider, id, .. } => Some((provider.clone(), id.clone())),
            ServerIdentity::Named(_) => None,
        },
    }
}

/// An agent's word counts at once: it rises and falls by one answer.
fn agent_facts(s: &LiveServer, agent: &AgentCheck) -> CheckFacts {
    let last = s.check.agent();
    let result = last.as_ref();
    CheckFacts {
        rise: 1,
        fall: 1,
        health: u32::from(!s.check.is_agent_down()),
        port: agent.port,
        status: result.map(|r| r.status.word().to_owned()).unwrap_or_default(),
        description: result.map(|r| r.status.description().to_owned()).unwrap_or_default(),
        code: result.and_then(|r| r.code),
        duration_ms: result.map(|r| r.duration_ms),
        text: result.map(|r| r.info.clone()).unwrap_or_default(),
        address: agent.addr.map(|a| a.to_string()),
        paused: s.check.is_agent_paused(),
    }
}

/// Address and port as HAProxy writes them.
fn address(server: &ServerFacts) -> String {
    let host = &server.host;
    if server.port == 0 || host.contains('/') || host.contains('@') || host.is_empty() {
        return host.clone();
    }
    if host.contains(':') {
        return format!("[{host}]:{}", server.port);
    }
    format!("{host}:{}", server.port)
}

fn algorithm(algorithm: &Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RoundRobin => "roundrobin",
        Algorithm::StaticRr => "static-rr",
        Algorithm::LeastConn => "leastconn",
        Algorithm::First => "first",
        // HAProxy has no word for it here.
        Algorithm::Random { .. } => "unknown",
        Algorithm::Source => "source",
        Algorithm::Uri { .. } => "uri",
        Algorithm::UrlParam { .. } => "url_param",
        Algorithm::Hdr { .. } => "hdr",
        Algorithm::Hash(_) => "hash",
        Algorithm::RdpCookie(_) => "rdp-cookie",
    }
}
