//! Phase 9: counting and logging an exchange.

use std::sync::LazyLock;

use expr::{LogFacts, LogFormat, NoSources, ParseContext, Place, Timers};
use tokio::time::Instant;

use super::exchange::Exchange;
use crate::client::Client;
use crate::live::{TimedBy, by_balanced, by_requests};
use crate::log;
use crate::proxy_header::refused;
use crate::termination::{At, Cause};

/// Counts and logs.
pub fn run(ex: &mut Exchange) {
    ex.finished = true;
    let worker = ex.worker.index;
    let tally = ex.frontend.counters.traffic.of(worker);
    tally.bytes_in.add(ex.bytes_in);
    tally.bytes_out.add(ex.bytes_out);
    // A request without an answer counts among the others.
    let answers = ex.status > 0 || ex.has_request;
    if answers {
        tally.count(ex.status);
    }
    let took = took(ex);
    let events: TimedBy = match ex.frontend.model.mode {
        model::Mode::Http => by_requests,
        model::Mode::Tcp => by_balanced,
    };
    if let Some(backend) = &ex.backend {
        let tally = backend.counters.traffic.of(worker);
        if answers {
            tally.count(ex.status);
        }
        tally.bytes_in.add(ex.bytes_in);
        tally.bytes_out.add(ex.bytes_out);
        if let Some(took) = took {
            tally.time(took, events(tally));
        }
    }
    if let Some(server) = &ex.server {
        let tally = server.counters.traffic.of(worker);
        tally.bytes_in.add(ex.bytes_in);
        tally.bytes_out.add(ex.bytes_out);
        if let Some(took) = took {
            tally.time(took, events(tally));
        }
    }
    if ex.termination.cause == Cause::Internal {
        internal_error(ex);
    }
    log_end(ex);
}

fn internal_error(ex: &Exchange) {
    ex.frontend.counters.internal_errors.inc();
    if let Some(backend) = &ex.backend {
        backend.counters.internal_errors.inc();
    }
    if let Some(server) = &ex.server {
        server.counters.internal_errors.inc();
    }
}

/// What it took in the queue, to connect, until the answer and all in all, milliseconds; `None`
/// where no server answered.
fn took(ex: &Exchange) -> Option<[u32; 4]> {
    let m = &ex.moments;
    let (assigned, connected) = (m.assigned?, m.connected?);
    let response = match ex.frontend.model.mode {
        model::Mode::Http => m.response?,
        model::Mode::Tcp => connected,
    };
    let since = |from: Instant, to: Instant| if from == to { 0 } else { millis(from, to) };
    let queued = m.request.map_or(0, |request| since(request, assigned));
    let began = if ex.number == 0 { ex.facts.accepted } else { m.idle_since };
    let ended = m.ended.unwrap_or_else(Instant::now);
    let [connect, answer] = [since(assigned, connected), since(connected, response)];
    Some([queued, connect, answer, millis(began, ended)])
}

/// `option logasap`: the line is written when the answer begins.
pub fn log_early(ex: &mut Exchange) {
    if !ex.frontend.model.log.logasap {
        return;
    }
    let before = ex.bytes_out;
    ex.bytes_out += ex.memory.to_client.len() as u64;
    log_end(ex);
    ex.bytes_out = before;
    ex.logged = true;
}

/// The line of an exchange, as the frontend wants it.
fn log_end(ex: &mut Exchange) {
    if ex.logged || ex.frontend.model.log.targets.is_empty() {
        return;
    }
    let frontend = std::sync::Arc::clone(&ex.frontend);
    let settings = &frontend.model.log;
    let failed = !ex.termination.is_normal() || ex.status >= 500 || ex.retries > 0;
    if settings.dontlog_normal && !failed {
        return;
    }
    let level = match ex.overrides.borrow().log_level {
        Some(None) => return,
        Some(Some(level)) => level,
        None if failed && settings.separate_errors => log::LEVEL_ERR,
        None => log::LEVEL_INFO,
    };
    write_line(ex, settings, level);
}

/// `do-log`: a line in the middle.
pub fn log_now(ex: &mut Exchange) {
    let frontend = std::sync::Arc::clone(&ex.frontend);
    if !frontend.model.log.targets.is_empty() {
        write_line(ex, &frontend.model.log, log::LEVEL_INFO);
    }
}

fn write_line(ex: &mut Exchange, settings: &model::ProxyLog, level: u8) {
    ex.log = Some(Box::new(facts(ex)));
    let mut line = std::mem::take(&mut ex.memory.text);
    line.clear();
    let format = match (&settings.error_format, ex.has_request || ex.payload.is_some()) {
        (Some(error), false) => error,
        _ => &settings.format,
    };
    format.render(&*ex, &mut line);
    ex.worker.shared.events.access(settings, level, &line);
    ex.memory.text = line;
}

fn millis(from: Instant, to: Instant) -> u32 {
    to.saturating_duration_since(from).as_millis() as u32
}

fn timers(ex: &Exchange, now: Instant) -> Timers {
    let m = &ex.moments;
    let handshake = match ex.number {
        0 => millis(ex.facts.accepted, ex.facts.ready.get()),
        _ => 0,
    };
    let between = |from: Option<Instant>, to: Option<Instant>| Some(millis(from?, to?));
    // As HAProxy: who is still held counts the time as waiting, in a queue or in the tarpit.
    let (request, assigned) = match ex.termination.at {
        At::Queue => (m.request, m.assigned.or(Some(now))),
        At::Tarpit => (None, None),
        _ => (m.request, m.assigned),
    };
    let held = (ex.termination.at == At::Tarpit).then_some(m.request).flatten();
    Timers {
        handshake: Some(handshake),
        idle: Some(millis(m.idle_since, m.first_byte)),
        request: request.map(|r| millis(m.first_byte, r)),
        queue: between(request.or(held), assigned.or(held.map(|_| now))),
        connect: between(m.assigned, m.connected),
        response: between(m.connected, m.response),
        data: m.response.map(|r| millis(r, now)),
        active: Some(millis(m.first_byte, now)),
        total: Some(millis(if ex.number == 0 { ex.facts.accepted } else { m.idle_since }, now)),
        user: Some(millis(m.first_byte, now) + handshake),
    }
}

fn facts(ex: &Exchange) -> LogFacts {
    let now = Instant::now();
    let shared = &ex.worker.shared;
    let [cause, at] = ex.termination.code();
    let [seen, set] = ex.cookie.letters();
    let backend = ex.backend.as_ref();
    let counter = ex.frontend.counters.log_lines.value() as u32;
    ex.frontend.counters.log_lines.inc();
    LogFacts {
        accept_us: shared.wall_us(if ex.number == 0 {
            ex.facts.accepted
        } else {
            ex.moments.idle_since
        }),
        request_us: Some(shared.wall_us(ex.moments.first_byte)),
        timers: timers(ex, now),
        bytes_in: ex.bytes_in,
        bytes_out: ex.bytes_out,
        status: (ex.status > 0).then_some(ex.status),
        termination: [cause, at, seen, set],
        act_conn: shared.connections.value(),
        fe_conn: ex.frontend.counters.connections.value(),
        // The others: this one has ended.
        be_conn: backend.map_or(0, |b| b.counters.sessions.value().saturating_sub(1)),
        srv_conn: ex.server.as_ref().map_or(0, |s| s.state.served()),
        retries: ex.retries,
        redispatched: ex.redispatched,
        srv_queue: ex.queue_before.0,
        be_queue: ex.queue_before.1,
        request_counter: shared.traffic.requests_ever() as u32,
        log_counter: counter,
        early: ex.frontend.model.log.logasap && !ex.finished,
        origin: expr::Origin::Close,
    }
}

/// What stands before the bind and the message where no `error-log-format` is given.
static REFUSED: LazyLock<LogFormat> = LazyLock::new(|| {
    let acls = expr::Acls::new();
    let context = ParseContext::new(Place::LOG, &acls, &NoSources);
    LogFormat::parse(expr::ERROR, &context).unwrap_or_else(|_| LogFormat::literal(b""))
});

/// Nothing has come that is worth a line with `option dontlognull`: closed, or waited in vain.
const EMPTY: [u8; 2] = [refused::CLOSED, refused::TIMEOUT];

/// Logs a connection that ended before it could bring a request, for this reason (`fc_err`).
pub fn log_refused(client: &Client, error: u8) {
    let settings = &client.frontend.model.log;
    if settings.targets.is_empty() || settings.dontlognull && EMPTY.contains(&error) {
        return;
    }
    let mut ex = Exchange::empty(client);
    ex.connection_error = error;
    ex.log = Some(Box::new(facts(&ex)));
    let mut line = Vec::new();
    match &settings.error_format {
        Some(format) => format.render(&ex, &mut line),
        None => {
            REFUSED.render(&ex, &mut line);
            let bind = client.frontend.model.binds.get(client.bind);
            match bind.map(|b| (b.name.as_deref(), b.id)) {
                Some((Some(name), _)) => line.extend_from_slice(name.as_bytes()),
                Some((None, id)) => wire::http::append_decimal(&mut line, u64::from(id)),
                None => {}
            }
            let words = expr::connection_error(error.into()).map_or("", |(_, words)| words);
            line.extend_from_slice(b": ");
            line.extend_from_slice(words.as_bytes());
        }
    }
    ex.worker.shared.events.access(settings, log::LEVEL_INFO, &line);
}
