//! What the JSON interface speaks of, and in which words.

use control::{Ending, Entry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ports::{ProcessFacts, SessionRow};
use crate::stats::{CheckFacts, Row, ServerFacts};

/// The process.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Process {
    /// Evenkeel's version.
    version: String,
    /// The HAProxy version whose language and interface this is.
    haproxy_version: String,
    /// Process id.
    pid: u32,
    /// `node` of the configuration, else the host's name.
    node: String,
    /// Seconds since the start.
    uptime_s: u64,
    /// Worker threads.
    threads: u32,
    /// No longer accepting.
    stopping: bool,
    /// Generation of the configuration that runs.
    generation: u64,
    /// Whether the wanted configuration is the running one.
    config_ok: bool,
    /// Changes applied since the start.
    changes_applied: u64,
    /// Changes refused since the start.
    changes_refused: u64,
    /// Client connections now.
    connections: u32,
    /// Client connections allowed.
    connections_limit: u32,
    /// Client connections since the start.
    connections_total: u64,
    /// Requests since the start.
    requests_total: u64,
    /// Bytes sent to clients since the start.
    bytes_out: u64,
    /// Resident memory, bytes.
    memory_bytes: u64,
    /// Share of time in which the process did not compute, percent.
    idle_percent: u32,
}

impl From<ProcessFacts> for Process {
    fn from(p: ProcessFacts) -> Self {
        Self {
            version: p.version,
            haproxy_version: p.haproxy_version,
            pid: p.pid,
            node: p.node,
            uptime_s: p.uptime.as_secs(),
            threads: p.threads,
            stopping: p.stopping,
            generation: p.generation,
            config_ok: p.config_ok,
            changes_applied: p.reloads_applied,
            changes_refused: p.reloads_refused,
            connections: p.connections,
            connections_limit: p.connections_max,
            connections_total: p.connections_total,
            requests_total: p.requests_total,
            bytes_out: p.bytes_out,
            memory_bytes: p.memory_bytes,
            idle_percent: p.idle_percent,
        }
    }
}

/// How the configuration stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Status {
    /// Generation of the configuration that runs.
    pub generation: u64,
    /// When it came to run, milliseconds since 1970.
    pub since_ms: u64,
    /// Whether the wanted configuration is the running one.
    pub config_ok: bool,
    /// Why the wanted configuration does not run.
    pub error: Option<String>,
    /// How many containers, labels and lines were left out or look wrong.
    pub problems: usize,
}

/// Sessions or requests.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Load {
    /// Now.
    now: u32,
    /// The most so far.
    most: u32,
    /// The most allowed.
    limit: Option<u32>,
    /// Since the start.
    total: u64,
    /// New ones in the last second.
    per_second: Option<u32>,
}

/// Answers by class of their status.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Responses {
    /// 100 to 199.
    #[serde(rename = "1xx")]
    informational: u64,
    /// 200 to 299.
    #[serde(rename = "2xx")]
    success: u64,
    /// 300 to 399.
    #[serde(rename = "3xx")]
    redirection: u64,
    /// 400 to 499.
    #[serde(rename = "4xx")]
    client_error: u64,
    /// 500 to 599.
    #[serde(rename = "5xx")]
    server_error: u64,
    /// Any other.
    other: u64,
}

/// What is counted of traffic. What a noun of this kind cannot have is null.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Traffic {
    /// Sessions.
    sessions: Load,
    /// Bytes from clients.
    bytes_in: u64,
    /// Bytes to clients.
    bytes_out: u64,
    /// HTTP requests since the start.
    requests_total: Option<u64>,
    /// HTTP answers.
    responses: Option<Responses>,
    /// Requests that wait in the queue.
    queue: Option<u32>,
    /// Requests denied by rules.
    denied: Option<u64>,
    /// Requests that could not be read.
    request_errors: Option<u64>,
    /// Connections to servers that failed.
    connect_errors: Option<u64>,
    /// Responses that failed.
    response_errors: Option<u64>,
    /// Connection attempts repeated.
    retries: Option<u64>,
    /// Requests that went to another server.
    redispatches: Option<u64>,
}

impl From<&Row> for Traffic {
    fn from(row: &Row) -> Self {
        let responses = |s: [u64; 6]| Responses {
            informational: s[0],
            success: s[1],
            redirection: s[2],
            client_error: s[3],
            server_error: s[4],
            other: s[5],
        };
        Self {
            sessions: Load {
                now: row.sessions.0,
                most: row.sessions.1,
                limit: row.session_limit,
                total: row.sessions_total,
                per_second: row.session_rate.map(|r| r.0),
            },
            bytes_in: row.bytes_in,
            bytes_out: row.bytes_out,
            requests_total: row.requests_total,
            responses: row.statuses.map(responses),
            queue: row.queue.map(|q| q.0),
            denied: row.denied_requests,
            request_errors: row.request_errors,
            connect_errors: row.connect_errors,
            response_errors: row.response_errors,
            retries: row.retries,
            redispatches: row.redispatches,
        }
    }
}

/// A frontend.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Frontend {
    /// Its name.
    name: String,
    /// `http` or `tcp`.
    mode: &'static str,
    /// OPEN, FULL or STOP.
    status: String,
    /// What is counted.
    traffic: Traffic,
}

impl From<&Row> for Frontend {
    fn from(row: &Row) -> Self {
        Self {
            name: row.proxy.clone(),
            mode: mode(row),
            status: row.status.clone(),
            traffic: row.into(),
        }
    }
}

fn mode(row: &Row) -> &'static str {
    if row.mode == Some(model::Mode::Http) { "http" } else { "tcp" }
}

/// A backend.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Backend {
    /// Its name.
    name: String,
    /// `http` or `tcp`.
    mode: &'static str,
    /// UP while a server may be used, else DOWN.
    status: String,
    /// `balance`.
    algorithm: Option<&'static str>,
    /// Servers in use, backups not counted.
    active: u32,
    /// Backup servers in use.
    backup: u32,
    /// What is counted.
    traffic: Traffic,
    /// Its servers.
    servers: Vec<Server>,
}

impl Backend {
    /// Of its own row and those of its servers.
    pub fn new(row: &Row, servers: Vec<Server>) -> Self {
        let (active, backup) = row.active_backup.unwrap_or_default();
        Self {
            name: row.proxy.clone(),
            mode: mode(row),
            status: row.status.clone(),
            algorithm: row.algorithm,
            active,
            backup,
            traffic: row.into(),
            servers,
        }
    }
}

/// A check of a server.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Check {
    /// Short status such as `L4OK`; empty before the first check.
    status: String,
    /// The status in words.
    description: String,
    /// Status code, when there was one.
    code: Option<u16>,
    /// How long the last one took, milliseconds.
    duration_ms: Option<u64>,
    /// Text of the last one.
    text: String,
    /// Not checked for now.
    paused: bool,
}

impl From<&CheckFacts> for Check {
    fn from(check: &CheckFacts) -> Self {
        Self {
            status: check.status.clone(),
            description: check.description.clone(),
            code: check.code,
            duration_ms: check.duration_ms,
            text: check.text.clone(),
            paused: check.paused,
        }
    }
}

/// The container that a server is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Container {
    /// Who found it.
    provider: String,
    /// Its id.
    id: String,
}

/// A server.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Server {
    /// Its name.
    name: String,
    /// Its backend.
    backend: String,
    /// Address, or empty while its name does not resolve.
    address: String,
    /// Port; 0 when the client's is used.
    port: u16,
    /// UP, DOWN, DRAIN, MAINT ... as HAProxy words it.
    status: String,
    /// Who or what keeps traffic away.
    reasons: Vec<&'static str>,
    /// Seconds since the status changed.
    since_s: Option<u32>,
    /// Weight in effect, 0 to 256.
    weight: u16,
    /// Weight of the configuration, 0 to 256.
    configured_weight: u16,
    /// Only used when no other server can be.
    backup: bool,
    /// Its health check.
    check: Option<Check>,
    /// Its agent check.
    agent: Option<Check>,
    /// The container it is.
    container: Option<Container>,
    /// The line or label it comes from.
    origin: String,
    /// What is counted.
    traffic: Traffic,
}

impl Server {
    /// Of its row; `None` for a row of anything else.
    pub fn read(row: &Row) -> Option<Self> {
        let facts: &ServerFacts = row.server.as_ref()?;
        let container = facts
            .container
            .as_ref()
            .map(|(provider, id)| Container { provider: provider.to_string(), id: id.to_string() });
        Some(Self {
            name: row.service.clone(),
            backend: row.proxy.clone(),
            address: facts.host.clone(),
            port: facts.port,
            status: row.status.clone(),
            reasons: facts.reasons(),
            since_s: row.last_change_s,
            weight: facts.weight,
            configured_weight: facts.initial_weight,
            backup: facts.backup,
            check: facts.check.as_ref().map(Check::from),
            agent: facts.agent.as_ref().map(Check::from),
            container,
            origin: facts.origin.clone(),
            traffic: row.into(),
        })
    }
}

/// A change of the configuration, or an attempt at one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Change {
    /// Number in this process, from 1.
    number: u64,
    /// When, milliseconds since 1970.
    at_ms: u64,
    /// Who asked.
    causes: Vec<String>,
    /// From reading to serving, milliseconds.
    took_ms: f64,
    /// How it ended: `applied`, `unchanged` or `refused`.
    ending: &'static str,
    /// As which generation it runs.
    generation: Option<u64>,
    /// What differed, at most 64 lines.
    steps: Vec<String>,
    /// Differences beyond those.
    more: usize,
    /// Why it was refused.
    reason: Option<String>,
}

impl From<&Entry> for Change {
    fn from(entry: &Entry) -> Self {
        let (ending, generation, steps, more, reason) = match &entry.ending {
            Ending::Applied { generation, steps, more } => {
                ("applied", Some(*generation), steps.clone(), *more, None)
            }
            Ending::Unchanged => ("unchanged", None, Vec::new(), 0, None),
            Ending::Refused { reason } => ("refused", None, Vec::new(), 0, Some(reason.clone())),
        };
        Self {
            number: entry.number,
            at_ms: entry.at_ms,
            causes: entry.causes.iter().map(ToString::to_string).collect(),
            took_ms: (entry.took.as_secs_f64() * 1e6).round() / 1e3,
            ending,
            generation,
            steps,
            more,
            reason,
        }
    }
}

/// A request or TCP session in progress.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Session {
    /// What names it, as long as its connection lives.
    id: String,
    /// Where it comes from; null on a Unix socket.
    source: Option<String>,
    /// Its frontend.
    frontend: String,
    /// Its backend, once chosen.
    backend: Option<String>,
    /// Its server, once chosen.
    server: Option<String>,
    /// Since when, milliseconds.
    age_ms: u64,
}

impl From<&SessionRow> for Session {
    fn from(row: &SessionRow) -> Self {
        Self {
            id: format!("{:#x}", row.id),
            source: row.source.map(|s| s.to_string()),
            frontend: row.frontend.name.to_string(),
            backend: row.backend.as_ref().map(|b| b.name.to_string()),
            server: row.server.as_ref().map(|s| s.0.to_string()),
            age_ms: u64::try_from(row.age.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// How an action ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    /// What to tell people about it.
    pub text: String,
}

/// What an action on a server may ask for; what is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerChange {
    /// What the server shall do.
    pub state: Option<State>,
    /// Weight, 0 to 256.
    pub weight: Option<u16>,
    /// Most requests at the same time; 0 = any number.
    pub maxconn: Option<u32>,
}

/// What a server shall do.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Serve.
    Ready,
    /// Serve those alone who are bound to it.
    Drain,
    /// Serve nobody new, and not be checked.
    Maint,
}

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says which kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    pub status: u16,
    /// What is wrong with this very request.
    pub detail: String,
}

impl Problem {
    /// With this status and explanation.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        let title = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            _ => "Internal Server Error",
        };
        Self { kind: "about:blank", title, status, detail: detail.into() }
    }
}
