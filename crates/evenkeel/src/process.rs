//! The figures and the inside of this process, for whoever operates it.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use admin::ProcessFacts;
use admin::ports::Report;
use model::Mode;
use proxy::{Engine, Live};

use crate::house::{House, wall_ms};

/// The release of the HAProxy whose interface this is.
const RELEASE_DATE: &str = "2026/10/14";

/// What was used up at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    processor: Duration,
    bytes_out: u64,
}

/// Rates from one question to the next, at least a second apart.
#[derive(Debug, Default)]
pub struct Usage {
    last: Cell<Option<Sample>>,
    /// Idle percent and bytes a second.
    shown: Cell<(u32, u64)>,
}

impl Usage {
    /// Idle percent of `threads` and bytes sent a second since the question before.
    fn rates(&self, started: Instant, threads: u32, bytes_out: u64) -> (u32, u64) {
        let now = Sample { at: Instant::now(), processor: processor_time(), bytes_out };
        let first = Sample { at: started, processor: Duration::ZERO, bytes_out: 0 };
        let before = self.last.get().unwrap_or(first);
        let past = now.at.saturating_duration_since(before.at).as_secs_f64();
        if past < 1.0 && self.last.get().is_some() {
            return self.shown.get();
        }
        let past = past.max(0.001);
        let used = now.processor.saturating_sub(before.processor).as_secs_f64();
        let busy = used / past / f64::from(threads.max(1)) * 100.0;
        let bytes = now.bytes_out.saturating_sub(before.bytes_out) as f64 / past;
        self.last.set(Some(now));
        self.shown.set((100 - (busy.min(100.0) as u32), bytes as u64));
        self.shown.get()
    }
}

/// Processor time of all threads.
fn processor_time() -> Duration {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(clock.tv_sec.unsigned_abs(), clock.tv_nsec.unsigned_abs() as u32)
}

/// Resident memory; 0 where the system does not tell.
fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|l| l.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// All figures.
pub fn facts(house: &House) -> ProcessFacts {
    let shared = house.plane.engine.shared();
    let now_ms = shared.now_ms(tokio::time::Instant::now());
    let live = shared.live();
    let controller = house.controller.borrow();
    let global = controller.running().map(|s| &s.config.global);
    let uptime = house.started.elapsed();
    let bytes_out = live.frontends.iter().map(|f| f.counters.traffic.totals().bytes_out).sum();
    let (idle_percent, bytes_out_rate) = house.usage.rates(house.started, house.workers, bytes_out);
    let (streams, streams_total) = streams(&live);
    let checks =
        live.backends.values().flat_map(|b| &b.servers).filter(|s| s.model.check.is_some());
    let connections = shared.connections.value();
    let startup = house.startup.borrow();
    let connections_max = shared.max_connections.load(Relaxed);
    let rate_limit = global.and_then(|g| g.max_connection_rate).unwrap_or(0);
    ProcessFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        haproxy_version: house.loader.facts.version.clone(),
        release_date: RELEASE_DATE.to_owned(),
        threads: house.workers,
        pid: std::process::id(),
        uptime,
        started_s: wall_ms() as f64 / 1000.0 - uptime.as_secs_f64(),
        memory_bytes: memory_bytes(),
        descriptors_max: crate::limits::descriptors(),
        connections_max,
        connections_hard_max: Engine::connections_allowed(controller.intent.base()),
        connections,
        connections_total: shared.connections_total.value(),
        requests_total: shared.traffic.totals().requests,
        streams,
        streams_total,
        connection_rate: shared.connection_rate.per_second(now_ms),
        connection_rate_max: shared.connection_rate.max(),
        connection_rate_limit: rate_limit,
        session_rate_limit: rate_limit,
        full_total: 0,
        tasks: connections + checks.count() as u32,
        run_queue: 0,
        idle_percent,
        bytes_out,
        bytes_out_rate,
        dropped_logs: shared.events.dropped_logs(),
        failed_resolutions: u32::try_from(house.books.failed()).unwrap_or(u32::MAX),
        warnings: startup.matches("[WARNING]").count() as u32,
        listeners: live.listeners.len(),
        stopping: house.stopping.get(),
        node: global
            .and_then(|g| g.node.as_deref().map(str::to_owned))
            .unwrap_or_else(crate::run::hostname),
        description: global.and_then(|g| g.description.as_deref()).unwrap_or("").to_owned(),
        generation: controller.generation(),
        reloads_applied: controller.history().applied(),
        reloads_refused: controller.history().refused(),
        config_ok: controller.error().is_none(),
        boot_ms: house.boot.get().as_millis() as u64,
    }
}

/// Requests and TCP sessions, now and since the start.
fn streams(live: &Live) -> (u32, u64) {
    let now = live.backends.values().map(|b| b.counters.sessions.value()).sum();
    let total = live.frontends.iter().map(|f| match f.model.mode {
        Mode::Http => f.counters.traffic.totals().requests,
        Mode::Tcp => f.counters.connections_total.value(),
    });
    (now, total.sum())
}

/// Type and printable value of a `proc` variable.
pub fn variable(house: &House, name: &str) -> Option<(&'static str, String)> {
    use expr::Sample;
    let variable = expr::Variable::parse(name).ok()?;
    let value = house.plane.engine.shared().variable(&variable)?;
    Some(match &value {
        Sample::Bool(b) => ("bool", u8::from(*b).to_string()),
        Sample::Int(n) => ("sint", n.to_string()),
        Sample::V4(ip) => ("ipv4", ip.to_string()),
        Sample::V6(ip) => ("ipv6", ip.to_string()),
        Sample::Str(bytes) => ("str", printable(bytes)),
        Sample::Bin(bytes) => ("bin", printable(bytes)),
        Sample::Method(bytes) => ("meth", printable(bytes)),
    })
}

/// Bytes with a dot for whatever is no printable ASCII, as HAProxy shows them.
fn printable(bytes: &[u8]) -> String {
    let dot = |b: &u8| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' };
    bytes.iter().map(dot).collect()
}

/// A report for people.
pub fn report(house: &House, what: Report) -> String {
    match what {
        Report::Activity => activity(house),
        Report::Threads => threads(house),
        Report::Memory => memory(),
        Report::Events => events(house),
        Report::Descriptors => descriptors(),
        Report::Files => files(),
    }
}

fn activity(house: &House) -> String {
    let shared = house.plane.engine.shared();
    let mut out = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{name}: {value}");
    };
    line("thread_id", &format_args!("{} (1..{0})", house.workers));
    line("date_now", &format_args!("{:.6}", wall_ms() as f64 / 1000.0));
    line("uptime_now", &format_args!("{:.6}", house.started.elapsed().as_secs_f64()));
    line("accepted", &shared.connections_total.value());
    line("accept_errors", &shared.accept_errors.load(Relaxed));
    line("stream_calls", &shared.traffic.totals().requests);
    line("panics", &shared.panics.load(Relaxed));
    line("generation", &shared.generation.load(Relaxed));
    line("cpust_ms_tot", &processor_time().as_millis());
    out
}

/// What the system knows of our threads: name, state, processor time.
fn threads(_: &House) -> String {
    let mut out = String::new();
    let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    for (nth, entry) in entries.enumerate() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name stands in parentheses and may contain anything.
        let Some((head, rest)) = stat.rsplit_once(')') else { continue };
        let name = head.split_once('(').map_or("", |(_, name)| name);
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or("?");
        let _ = writeln!(
            out,
            "  Thread {:<2}: id={} name={name} state={} user_ticks={} system_ticks={}",
            nth + 1,
            entry.file_name().to_string_lossy(),
            field(0),
            field(11),
            field(12)
        );
    }
    out
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut out = "Dumping memory usage.\n".to_owned();
    for line in status.lines().filter(|l| l.starts_with("Vm") || l.starts_with("Rss")) {
        if let Some((name, value)) = line.split_once(':') {
            let _ = writeln!(out, "  - {name} : {}", value.trim());
        }
    }
    let _ = writeln!(out, "Total: {} bytes resident.", memory_bytes());
    out
}

fn events(house: &House) -> String {
    let mut out = String::new();
    for notice in house.plane.engine.shared().events.notices() {
        let at = jiff::Timestamp::from_microsecond(notice.wall_us).unwrap_or_default();
        let _ = writeln!(out, "<{}>{at} {}", notice.level, notice.text);
    }
    out
}

fn descriptors() -> String {
    let mut all: Vec<(u32, String)> = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some((number, target.display().to_string()))
        })
        .collect();
    all.sort();
    all.iter().fold(String::new(), |mut out, (number, target)| {
        let _ = writeln!(out, "{number:>7} : {target}");
        out
    })
}

fn files() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut out = String::new();
    let mut spans: Vec<(String, u64, u64)> = Vec::new();
    for line in maps.lines() {
        let Some((range, path)) = line.split_once(' ') else { continue };
        let Some(at) = path.find('/') else { continue };
        let path = path.get(at..).unwrap_or_default().to_owned();
        let hex = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        let Some((from, to)) = range.split_once('-').map(|(a, b)| (hex(a), hex(b))) else {
            continue;
        };
        match spans.iter_mut().find(|(known, ..)| *known == path) {
            Some(span) => span.2 = to,
            None => spans.push((path, from, to)),
        }
    }
    for (path, from, to) in spans {
        let _ = writeln!(out, "{from:#014x}-{:#014x} ({:#09x}) {path}", to - 1, to - from);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_kept_for_a_second() {
        let usage = Usage::default();
        let started = Instant::now() - Duration::from_secs(10);
        let (_, bytes) = usage.rates(started, 1, 50_000);
        assert!((4_000..=5_000).contains(&bytes), "{bytes}");
        assert_eq!(usage.rates(started, 1, 90_000).1, bytes, "too early for a new figure");
    }

    #[test]
    fn descriptors_are_listed_by_number() {
        let text = descriptors();
        assert!(text.lines().any(|l| l.trim_start().starts_with("0 : ")), "{text}");
    }
}
