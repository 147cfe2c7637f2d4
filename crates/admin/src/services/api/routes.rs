//! The table of what the JSON interface answers; the router and the description are made from it.

use control::ports::ServerOrderKind;
use control::{OrderError, ServerOrder};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::nouns::{
    Backend, Change, Done, Frontend, Problem, Process, Server, ServerChange, Session, State, Status,
};
use super::openapi;
use crate::ports::{self, House, Later, Outcome};
use crate::stats::{Kind, Row};

/// A request that a route takes.
pub struct Call<'a> {
    /// The process.
    pub house: &'a dyn House,
    /// What stands in the path for the names in braces.
    pub names: Vec<String>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: &'a str,
}

impl Call<'_> {
    fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    fn asked<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> + 'q {
        self.query.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A body in JSON.
pub type Body = Result<String, Problem>;

/// How a route is answered.
pub enum Run {
    /// At once.
    Now(fn(&Call<'_>) -> Body),
    /// When something else has happened.
    Later(for<'a> fn(&'a Call<'a>) -> Later<'a, Body>),
}

/// One route.
pub struct Route {
    /// GET, PATCH, POST or DELETE; all but GET need the token.
    pub method: &'static str,
    /// Path behind `/api/v1`, with names in braces.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Names in the query, and what they mean.
    pub query: &'static [(&'static str, &'static str)],
    /// What the body of a request must be.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// What the body of a good answer is.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
    /// How it is answered.
    pub run: Run,
}

const fn get(
    path: &'static str,
    summary: &'static str,
    answer: fn(&mut SchemaGenerator) -> Schema,
    run: Run,
) -> Route {
    Route { method: "GET", path, summary, query: &[], body: None, answer, run }
}

/// Every route.
pub const ROUTES: &[Route] = &[
    get("/openapi.json", "This description.", object, Run::Now(|_| Ok(openapi::document()))),
    get("/process", "Version, load and memory of the process.", of::<Process>, Run::Now(process)),
    get("/status", "How the configuration stands.", of::<Status>, Run::Now(status)),
    get("/frontends", "All frontends.", of::<Vec<Frontend>>, Run::Now(frontends)),
    get("/frontends/{frontend}", "One frontend.", of::<Frontend>, Run::Now(frontend)),
    get("/backends", "All backends with their servers.", of::<Vec<Backend>>, Run::Now(backends)),
    get("/backends/{backend}", "One backend with its servers.", of::<Backend>, Run::Now(backend)),
    get("/backends/{backend}/servers/{server}", "One server.", of::<Server>, Run::Now(server)),
    Route {
        method: "PATCH",
        body: Some(of::<ServerChange>),
        ..get(
            "/backends/{backend}/servers/{server}",
            "Changes a server; answers with what it is then.",
            of::<Server>,
            Run::Now(change_server),
        )
    },
    get("/containers", "Every container, and why it is in or out.", object, Run::Now(containers)),
    Route {
        query: &[
            ("url", "address of the request, with the balancer's own port"),
            ("method", "method of the request; GET"),
            ("header", "a header field 'Name: value'; may be repeated"),
        ],
        ..get("/explain", "Which rule decides about a request.", object, Run::Now(explain))
    },
    Route {
        query: &[("since", "only changes with a higher number")],
        ..get("/changes", "The last changes, newest first.", of::<Vec<Change>>, Run::Now(changes))
    },
    get("/sessions", "Sessions in progress.", of::<Vec<Session>>, Run::Later(sessions)),
    Route {
        method: "DELETE",
        ..get("/sessions/{session}", "Ends a session.", of::<Done>, Run::Later(end_session))
    },
    get("/plan", "What a reload would change.", of::<Done>, Run::Later(plan)),
    Route {
        method: "POST",
        ..get(
            "/reload",
            "Reads the configuration now and applies it.",
            of::<Done>,
            Run::Later(reload),
        )
    },
];

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What is described where it is made: the description itself, containers, explanations.
fn object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

fn json(value: &impl Serialize) -> Body {
    serde_json::to_string(value).map_err(|e| Problem::new(500, e.to_string()))
}

fn unknown(what: &str, name: &str) -> Problem {
    Problem::new(404, format!("there is no {what} '{name}'"))
}

fn process(call: &Call<'_>) -> Body {
    json(&Process::from(call.house.process()))
}

fn status(call: &Call<'_>) -> Body {
    let changes = call.house.changes();
    json(&Status {
        generation: changes.generation,
        since_ms: changes.last_ms,
        config_ok: changes.error.is_none(),
        error: changes.error,
        problems: changes.problems,
    })
}

fn frontends(call: &Call<'_>) -> Body {
    let rows = call.house.rows();
    let all = rows.iter().filter(|r| r.kind == Some(Kind::Frontend));
    json(&all.map(Frontend::from).collect::<Vec<_>>())
}

fn frontend(call: &Call<'_>) -> Body {
    let rows = call.house.rows();
    let is_meant = |r: &&Row| r.kind == Some(Kind::Frontend) && r.proxy == call.name(0);
    let row = rows.iter().find(is_meant).ok_or_else(|| unknown("frontend", call.name(0)))?;
    json(&Frontend::from(row))
}

fn whole(rows: &[Row], row: &Row) -> Backend {
    let own = rows.iter().filter(|r| r.proxy_id == row.proxy_id);
    Backend::new(row, own.filter_map(Server::read).collect())
}

fn backends(call: &Call<'_>) -> Body {
    let rows = call.house.rows();
    // Rows of a proxy stand together, its own behind those of its servers.
    let mut all = Vec::new();
    for proxy in rows.chunk_by(|a, b| a.proxy_id == b.proxy_id) {
        let own = proxy.iter().filter(|r| r.kind == Some(Kind::Backend));
        all.extend(own.map(|row| whole(proxy, row)));
    }
    json(&all)
}

fn backend(call: &Call<'_>) -> Body {
    let rows = call.house.rows();
    let is_meant = |r: &&Row| r.kind == Some(Kind::Backend) && r.proxy == call.name(0);
    let row = rows.iter().find(is_meant).ok_or_else(|| unknown("backend", call.name(0)))?;
    json(&whole(&rows, row))
}

fn server(call: &Call<'_>) -> Body {
    let (backend, server) = (call.name(0), call.name(1));
    let rows = call.house.rows();
    let mut own = rows.iter().filter(|r| r.proxy == backend && r.service == server);
    let found = own.find_map(Server::read);
    json(&found.ok_or_else(|| unknown("server", &format!("{backend}/{server}")))?)
}

fn change_server(call: &Call<'_>) -> Body {
    let wanted: ServerChange =
        serde_json::from_str(call.body).map_err(|e| Problem::new(400, e.to_string()))?;
    // Nothing is done unless all of it can be.
    server(call)?;
    call.house.asks("through the JSON interface", call.body);
    if wanted.weight.is_some_and(|w| w > 256) {
        return Err(Problem::new(400, "weight is not within 0 and 256"));
    }
    let state = wanted.state.map(|state| match state {
        State::Ready => ServerOrderKind::Ready,
        State::Drain => ServerOrderKind::Drain,
        State::Maint => ServerOrderKind::Maintenance,
    });
    let (backend, server_name): (model::Name, model::Name) =
        (call.name(0).into(), call.name(1).into());
    for what in wanted.weight.map(ServerOrderKind::Weight).into_iter().chain(state) {
        let (backend, server) = (backend.clone(), server_name.clone());
        call.house.order(&ServerOrder { backend, server, what }).map_err(refused)?;
    }
    if let Some(limit) = wanted.maxconn {
        let change = ports::ServerChange::Maxconn(limit);
        let change = ports::Change::Server(backend, server_name, change);
        call.house.change(change).map_err(|e| Problem::new(409, e.trim()))?;
    }
    server(call)
}

fn refused(error: OrderError) -> Problem {
    match error {
        OrderError::NoBackend => Problem::new(404, "there is no such backend"),
        OrderError::NoServer => Problem::new(404, "there is no such server"),
        OrderError::FixedWeight => Problem::new(
            409,
            "the backend's algorithm takes no weights other than 0 and the configured one",
        ),
        OrderError::Range => Problem::new(400, "the value is out of range"),
        OrderError::NoCheck => Problem::new(409, "its health is not checked"),
        OrderError::NoAgent => Problem::new(409, "it has no agent that is asked"),
    }
}

fn containers(call: &Call<'_>) -> Body {
    told(call.house.containers(true))
}

fn explain(call: &Call<'_>) -> Body {
    let url = call.asked("url").next();
    let url = url.ok_or_else(|| Problem::new(400, "'url' is missing in the query"))?;
    let method = call.asked("method").next().unwrap_or("GET");
    let mut words = vec!["json", method, url];
    words.extend(call.asked("header"));
    told(call.house.explain(&words))
}

/// What is JSON already, or why there is none. That nobody would serve a request is an
/// explanation, too.
fn told(outcome: Outcome) -> Body {
    let text = outcome.text.trim();
    match text.starts_with('{') {
        true => Ok(text.to_owned()),
        false => Err(Problem::new(400, text)),
    }
}

fn changes(call: &Call<'_>) -> Body {
    let since = match call.asked("since").next() {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| Problem::new(400, format!("since: '{text}' is no number")))?
        }
    };
    let log = call.house.change_log(since, control::history::ENTRIES_MAX);
    json(&log.iter().map(Change::from).collect::<Vec<_>>())
}

fn sessions<'a>(call: &'a Call<'a>) -> Later<'a, Body> {
    Box::pin(async move {
        let all = call.house.sessions().await;
        json(&all.iter().map(Session::from).collect::<Vec<_>>())
    })
}

fn end_session<'a>(call: &'a Call<'a>) -> Later<'a, Body> {
    Box::pin(async move {
        let name = call.name(0);
        let id = name.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match id {
            Some(id) if call.house.end_session(id).await => {
                json(&Done { text: format!("session {name} ends") })
            }
            _ => Err(unknown("session", name)),
        }
    })
}

fn plan<'a>(call: &'a Call<'a>) -> Later<'a, Body> {
    Box::pin(async move { done(call.house.plan(Vec::new()).await) })
}

fn reload<'a>(call: &'a Call<'a>) -> Later<'a, Body> {
    Box::pin(async move { done(call.house.reload().await) })
}

fn done(outcome: Outcome) -> Body {
    let text = outcome.text.trim_end().to_owned();
    if outcome.ok { json(&Done { text }) } else { Err(Problem::new(409, text)) }
}
