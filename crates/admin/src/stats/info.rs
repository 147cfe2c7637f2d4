//! The figures of the process, as `show info` and the Prometheus exporter have them.
//!
//! Source: manual of management 9.3, `show info`, and 9.2 for the tags.

use super::{Cell, Tags};
use crate::ports::ProcessFacts;

/// One figure of the process.
pub struct Fact {
    /// Its number in typed output.
    pub position: usize,
    /// Its name.
    pub name: &'static str,
    /// Origin, nature, scope.
    pub tags: Tags,
    /// Its name for Prometheus, without prefix; empty when that does not get it.
    pub metric: &'static str,
    /// What it says, in one line.
    pub help: &'static str,
    /// Its value.
    pub cell: Cell,
}

macro_rules! facts {
    ($p:ident; $($name:literal $tags:literal $metric:literal $help:literal: $cell:expr;)*) => {
        vec![$((
            $name,
            $tags,
            $metric,
            $help,
            Cell::from($cell),
        )),*]
    };
}

/// All figures in order; with `float` times have fractions of seconds.
#[must_use]
pub fn facts(p: &ProcessFacts, float: bool) -> Vec<Fact> {
    let list = [first(p, float), second(p, float)].concat();
    let number = |(position, (name, tags, metric, help, cell))| Fact {
        position,
        name,
        tags: Tags(tags),
        metric,
        help,
        cell,
    };
    list.into_iter().enumerate().map(number).collect()
}

type Entry = (&'static str, &'static str, &'static str, &'static str, Cell);

fn first(p: &ProcessFacts, float: bool) -> Vec<Entry> {
    facts! { p;
        "Name" "POS" "" "Product": "HAProxy";
        "Version" "POS" "" "Version whose interface this is": &*p.haproxy_version;
        "Release_date" "POS" "" "Date of that version": &*p.release_date;
        "Nbthread" "CGS" "nbthread" "Worker threads (nbthread)": p.threads;
        "Nbproc" "CGS" "nbproc" "Processes, always 1": 1_u32;
        "Process_num" "KGP" "relative_process_id" "Number of this process, always 1": 1_u32;
        "Pid" "SGP" "" "Process id": p.pid;
        "Uptime" "MDP" "" "Time since the start, in days, hours, minutes, seconds": &*uptime(p);
        "Uptime_sec" "MDP" "uptime_seconds" "Seconds since the start":
            seconds(p.uptime.as_secs_f64(), float);
        "Memmax_MB" "CLP" "" "Memory allowed, MB; 0 is no limit": 0_u32;
        "PoolAlloc_MB" "MGP" "" "Memory held, MB": (p.memory_bytes >> 20) as u32;
        "PoolUsed_MB" "MGP" "" "Memory held and in use, MB": (p.memory_bytes >> 20) as u32;
        "PoolFailed" "MCP" "pool_failures_total" "Allocations that failed": 0_u32;
        "Ulimit-n" "CLP" "max_fds" "Descriptors allowed": p.descriptors_max as u32;
        "Maxsock" "CLP" "max_sockets" "Sockets allowed": p.descriptors_max as u32;
        "Maxconn" "CLP" "max_connections" "Client connections allowed": p.connections_max;
        "Hard_maxconn" "CLP" "hard_max_connections" "Client connections that can be allowed":
            p.connections_hard_max;
        "CurrConns" "MGP" "current_connections" "Client connections now": p.connections;
        "CumConns" "MCP" "connections_total" "Client connections since the start":
            p.connections_total as u32;
        "CumReq" "MCP" "requests_total" "Requests since the start": p.requests_total as u32;
        "MaxSslConns" "MMP" "max_ssl_connections" "TLS connections allowed; 0 is no limit": 0_u32;
        "CurrSslConns" "MGP" "current_ssl_connections" "TLS connections now": 0_u32;
        "CumSslConns" "MCP" "ssl_connections_total" "TLS connections since the start": 0_u32;
        "Maxpipes" "CLP" "max_pipes" "Pipes allowed for splicing; 0 is no limit": 0_u32;
        "PipesUsed" "MGP" "pipes_used_total" "Pipes in use": 0_u32;
        "PipesFree" "MGP" "pipes_free_total" "Pipes kept for the next use": 0_u32;
        "ConnRate" "MRP" "current_connection_rate" "New connections in the last second":
            p.connection_rate;
        "ConnRateLimit" "CLP" "limit_connection_rate" "New connections allowed a second":
            p.connection_rate_limit;
        "MaxConnRate" "MMP" "max_connection_rate" "Most new connections in a second so far":
            p.connection_rate_max;
        "SessRate" "MRP" "current_session_rate" "New sessions in the last second":
            p.connection_rate;
        "SessRateLimit" "CLP" "limit_session_rate" "New sessions allowed a second":
            p.session_rate_limit;
        "MaxSessRate" "MRP" "max_session_rate" "Most new sessions in a second so far":
            p.connection_rate_max;
        "SslRate" "MRP" "current_ssl_rate" "New TLS connections in the last second": 0_u32;
        "SslRateLimit" "CLP" "limit_ssl_rate" "New TLS connections allowed a second": 0_u32;
        "MaxSslRate" "MMP" "max_ssl_rate" "Most new TLS connections in a second so far": 0_u32;
        "SslFrontendKeyRate" "MGP" "current_frontend_ssl_key_rate"
            "TLS keys made with clients in the last second": 0_u32;
        "SslFrontendMaxKeyRate" "MMP" "max_frontend_ssl_key_rate"
            "Most TLS keys made with clients in a second so far": 0_u32;
        "SslFrontendSessionReuse_pct" "MGP" "frontend_ssl_reuse"
            "Percent of TLS connections that needed no new key": 0_u32;
        "SslBackendKeyRate" "MRP" "current_backend_ssl_key_rate"
            "TLS keys made with servers in the last second": 0_u32;
        "SslBackendMaxKeyRate" "MMP" "max_backend_ssl_key_rate"
            "Most TLS keys made with servers in a second so far": 0_u32;
        "SslCacheLookups" "MCP" "ssl_cache_lookups_total" "Questions to the TLS cache": 0_u32;
        "SslCacheMisses" "MCP" "ssl_cache_misses_total" "Questions it had no answer to": 0_u32;
        "CompressBpsIn" "MRP" "http_comp_bytes_in_total" "Bytes a second into compression": 0_u32;
        "CompressBpsOut" "MRP" "http_comp_bytes_out_total" "Bytes a second out of it": 0_u32;
        "CompressBpsRateLim" "CLP" "limit_http_comp" "Bytes a second allowed out of it": 0_u32;
        "ZlibMemUsage" "MGP" "current_zlib_memory" "Memory of zlib, which is not used":
            None::<u32>;
        "MaxZlibMemUsage" "CLP" "max_zlib_memory" "Memory allowed for zlib": None::<u32>;
    }
}

fn second(p: &ProcessFacts, float: bool) -> Vec<Entry> {
    facts! { p;
        "Tasks" "MGP" "current_tasks" "Sessions and checks": p.tasks;
        "Run_queue" "MGP" "current_run_queue" "Tasks that wait for a processor": p.run_queue;
        "Idle_pct" "MaP" "idle_time_percent" "Percent of time that the threads are idle":
            p.idle_percent;
        "node" "COS" "node" "Name of the node (node)": &*p.node;
        "description" "COS" "description" "Description (description)": &*p.description;
        "Stopping" "MGP" "stopping" "1 when no longer accepting": u32::from(p.stopping);
        "Jobs" "MGP" "jobs" "Listeners and connections": p.listeners as u32 + p.connections;
        "Unstoppable Jobs" "MGP" "unstoppable_jobs" "Jobs that outlive a stop": 0_u32;
        "Listeners" "MGP" "listeners" "Listening sockets": p.listeners as u32;
        "ActivePeers" "MGP" "active_peers" "Peers that answer": 0_u32;
        "ConnectedPeers" "MGP" "connected_peers" "Peers that are connected": 0_u32;
        "DroppedLogs" "MGP" "dropped_logs_total" "Log lines that were dropped":
            p.dropped_logs as u32;
        "BusyPolling" "MGP" "busy_polling_enabled" "1 when threads never sleep": 0_u32;
        "FailedResolutions" "MGP" "failed_resolutions" "Names that did not resolve":
            p.failed_resolutions;
        "TotalBytesOut" "MGP" "bytes_out_total" "Bytes sent since the start": p.bytes_out;
        "TotalSplicedBytesOut" "MGP" "spliced_bytes_out_total"
            "Bytes sent through a pipe since the start": 0_u64;
        "BytesOutRate" "MRP" "bytes_out_rate" "Bytes sent a second": p.bytes_out_rate;
        "DebugCommandsIssued" "MGP" "" "Debugging commands used": 0_u32;
        "CumRecvLogs" "MCP" "recv_logs_total" "Log messages received": 0_u32;
        "Build info" "POS" "build_info" "Version of this program": &*p.haproxy_version;
        "Memmax_bytes" "CLP" "max_memory_bytes" "Memory allowed; 0 is no limit": 0_u32;
        "PoolAlloc_bytes" "MGP" "pool_allocated_bytes" "Memory held": p.memory_bytes;
        "PoolUsed_bytes" "MGP" "pool_used_bytes" "Memory held and in use": p.memory_bytes;
        "Start_time_sec" "MDP" "start_time_seconds" "Start, seconds since 1970":
            seconds(p.started_s, float);
        "Tainted" "SGP" "" "Experimental features used": "0";
        "TotalWarnings" "MCP" "total_warnings" "Warnings given": p.warnings;
        "MaxconnReached" "MCP" "" "Times that maxconn was reached": p.full_total as u32;
        "BootTime_ms" "MDP" "" "Time from start to serving, milliseconds": p.boot_ms as u32;
        "Niced_tasks" "MGP" "" "Tasks with a priority of their own": 0_u32;
        "CurrStreams" "MGP" "" "Requests and TCP sessions now": u64::from(p.streams);
        "CumStreams" "MGP" "" "Requests and TCP sessions since the start": p.streams_total;
        "BlockedTrafficWarnings" "MGP" "" "Times that a task held traffic up": 0_u32;
    }
}

fn seconds(s: f64, float: bool) -> Cell {
    if float { Cell::Float(s) } else { Cell::U32(s as u32) }
}

fn uptime(p: &ProcessFacts) -> String {
    let up = p.uptime.as_secs();
    let (days, hours, minutes, seconds) = (up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
    format!("{days}d {hours}h{minutes:02}m{seconds:02}s")
}

/// `show info`: name and value; with `describe` what each is.
#[must_use]
pub fn print(facts: &[Fact], describe: bool) -> String {
    let mut out = String::with_capacity(4096);
    for fact in facts.iter().filter(|f| f.cell != Cell::Empty) {
        out.push_str(fact.name);
        out.push_str(": ");
        out.push_str(&fact.cell.to_string().replace(['\n', '\r'], " "));
        if describe {
            out.push_str(&format!(":\"{}\"", fact.help));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn figures_are_where_haproxy_has_them() {
        let p = ProcessFacts { uptime: Duration::from_secs(90_061), ..ProcessFacts::default() };
        let all = facts(&p, false);
        let at = |name: &str| all.iter().find(|f| f.name == name).map(|f| f.position);
        assert_eq!(
            [at("Tasks"), at("Listeners"), at("BlockedTrafficWarnings")],
            [Some(47), Some(55), Some(78)]
        );
        let text = print(&all, false);
        assert!(text.contains("\nUptime: 1d 1h01m01s\nUptime_sec: 90061\n"), "{text}");
        assert!(!text.contains("Zlib"), "{text}");
        assert!(text.starts_with("Name: HAProxy\n"), "{text}");
    }
}
