//! What became of every container, and of a request, in words and as JSON.

use std::collections::HashMap;
use std::fmt::Write;

use admin::Outcome;
use admin::stats::Row;
use control::explain::{Decisive, Explanation, Outcome as End, Question, explain};
use control::intent::containers::{Seat, SeatStanding, Survey};
use model::observed::{Freshness, Observation};
use model::{Address, Config, Host, Port};
use serde_json::{Value, json};

use crate::house::House;

/// `evenkeel containers`.
pub fn containers(house: &House, as_json: bool) -> Outcome {
    let survey = house.survey();
    let rows: Vec<Row> = admin::House::rows(house);
    let rows: Rows<'_> = rows.iter().map(|r| ((&*r.proxy, &*r.service), r)).collect();
    let controller = house.controller.borrow();
    let observations: Vec<&Observation> = controller.intent.observations().collect();
    let text = if as_json {
        pretty(&json!({
            "providers": observations.iter().map(|o| provider_json(o, &survey)).collect::<Vec<_>>(),
            "containers": survey.seats.iter().map(|s| seat_json(s, &rows)).collect::<Vec<_>>(),
            "notices": survey.notices,
            "problems": survey.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))
    } else if observations.is_empty() {
        "no engine is watched; see 'evenkeel run --docker'\n".to_owned()
    } else {
        listing(&observations, &survey, &rows)
    };
    Outcome { ok: true, text }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn freshness(freshness: &Freshness) -> String {
    match freshness {
        Freshness::Fresh(_) => "up to date".to_owned(),
        Freshness::Stale { since_ms, reason } => {
            let away_s = crate::house::wall_ms().saturating_sub(*since_ms) / 1000;
            format!("away for {away_s} s, the last known containers go on: {reason}")
        }
        Freshness::Blind(reason) => format!("not seen yet: {reason}"),
        Freshness::Gone => "gone".to_owned(),
    }
}

fn mode<'a>(observation: &Observation, survey: &'a Survey) -> &'a str {
    let found = survey.modes.iter().find(|(name, _)| *name == observation.provider);
    found.map_or("", |(_, mode)| mode)
}

fn provider_json(observation: &Observation, survey: &Survey) -> Value {
    json!({
        "name": &*observation.provider,
        "state": freshness(&observation.freshness),
        "mode": mode(observation, survey),
        "balancer": observation.own.as_ref().map(|o| &*o.id),
    })
}

fn standing(seat: &Seat) -> (&'static str, &str) {
    match &seat.standing {
        SeatStanding::In(None) => ("in", ""),
        SeatStanding::In(Some(reason)) => ("waits", reason),
        SeatStanding::Out(reason) => ("out", reason),
        SeatStanding::Quarantined(reason) => ("bad", reason),
    }
}

/// Rows of the statistics by proxy and server.
type Rows<'a> = HashMap<(&'a str, &'a str), &'a Row>;

/// State of a server, sessions on it and sessions in its queue.
fn occupied(rows: &Rows<'_>, backend: &str, server: &str) -> (String, u32, u32) {
    rows.get(&(backend, server)).map_or_else(
        // A server that is wanted and does not run yet.
        || ("not there yet".to_owned(), 0, 0),
        |r| (r.status.clone(), r.sessions.0, r.queue.map_or(0, |(now, _)| now)),
    )
}

fn seat_json(seat: &Seat, rows: &Rows<'_>) -> Value {
    let (word, reason) = standing(seat);
    let servers = seat.servers.iter().map(|(backend, server, address)| {
        let (state, connections, queue) = occupied(rows, backend, server);
        json!({
            "backend": &**backend,
            "server": &**server,
            "address": address,
            "state": state,
            "connections": connections,
            "queue": queue,
        })
    });
    let routes = seat.routes.iter().map(|(route, by)| json!({ "route": route, "by": by }));
    json!({
        "provider": &*seat.provider,
        "id": &*seat.id,
        "name": &*seat.name,
        "image": &*seat.image,
        "service": &*seat.service,
        "state": seat.state,
        "standing": word,
        "reason": reason,
        "words": seat.dialect,
        "servers": servers.collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
        "notes": seat.notes,
    })
}

fn listing(observations: &[&Observation], survey: &Survey, rows: &Rows<'_>) -> String {
    let mut out = String::new();
    for observation in observations {
        let name = &observation.provider;
        let _ = writeln!(out, "{name}: {}", freshness(&observation.freshness));
        let _ = writeln!(out, "{:width$}  {}", "", mode(observation, survey), width = name.len());
    }
    let width = survey.seats.iter().map(|s| s.name.chars().count()).max().unwrap_or(0).min(40);
    for seat in &survey.seats {
        let (word, reason) = standing(seat);
        let name = printable(&seat.name);
        let _ = write!(out, "{:5} {name:width$}  {}", word.to_uppercase(), seat.state);
        if word != "in" {
            let _ = write!(out, "  {}", printable(reason));
        }
        out.push('\n');
        for (backend, server, address) in &seat.servers {
            let (state, connections, _) = occupied(rows, backend, server);
            let at = format!("{backend}/{server} {address}");
            let at = printable(&at);
            let _ = writeln!(out, "      {:width$}  {at}  {state}, {connections} connections", "");
        }
        for (route, by) in &seat.routes {
            let said = format!("{route}  ({by})");
            let _ = writeln!(out, "      {:width$}  {}", "", printable(&said));
        }
        for note in &seat.notes {
            let _ = writeln!(out, "      {:width$}  note: {}", "", printable(note));
        }
    }
    if survey.seats.is_empty() {
        out.push_str("no container is seen\n");
    }
    for notice in &survey.notices {
        let _ = writeln!(out, "note: {}", printable(notice));
    }
    out
}

/// Nothing that a terminal would take for an order.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// `evenkeel explain`: method, address and header fields `Name: value`; `json` before them.
pub fn explained(house: &House, words: &[&str]) -> Outcome {
    let (as_json, words) = match words {
        ["json", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let question = match question(words) {
        Ok(question) => question,
        Err(reason) => return Outcome { ok: false, text: format!("{reason}\n") },
    };
    let Some(running) = house.running() else {
        return Outcome { ok: false, text: "nothing runs\n".to_owned() };
    };
    let hostname: std::sync::Arc<str> = crate::run::hostname().into();
    let process = expr::Process {
        hostname: hostname.clone(),
        node: running.config.global.node.clone().unwrap_or(hostname),
        pid: std::process::id(),
        utc_offset_s: 0,
        started_us: crate::house::wall_ms() as i64 * 1000,
    };
    let way = explain(&running.config, &question, &process);
    let rows: Vec<Row> = admin::House::rows(house);
    let rows: Rows<'_> = rows.iter().map(|r| ((&*r.proxy, &*r.service), r)).collect();
    let servers = servers(house, &running.config, &way, &rows);
    let ok = matches!(way.outcome, End::Backend(_) | End::Answered(_));
    let text = if as_json {
        pretty(&way_json(&question, &way, &running.config, &servers, &rows))
    } else {
        way_text(&question, &way, &running.config, &servers)
    };
    Outcome { ok, text }
}

fn question(words: &[&str]) -> Result<Question, String> {
    let [method, url, fields @ ..] = words else {
        return Err("a method and an address are expected".to_owned());
    };
    let mut question = Question::from_url(url)?;
    question.method = (*method).to_owned();
    for field in fields {
        let (name, value) =
            field.split_once(':').ok_or_else(|| format!("'{field}' is not 'Name: value'"))?;
        if name.trim().eq_ignore_ascii_case("host") {
            question.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("host"));
        }
        question.headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(question)
}

/// A candidate.
struct Candidate {
    name: String,
    address: String,
    state: String,
    weight: u32,
    backup: bool,
    connections: u32,
    container: Option<Seat>,
}

fn servers(house: &House, config: &Config, way: &Explanation, rows: &Rows<'_>) -> Vec<Candidate> {
    let End::Backend(name) = &way.outcome else { return Vec::new() };
    let Some(backend) = config.backend(name) else { return Vec::new() };
    let seats = house.survey().seats;
    let candidate = |server: &std::sync::Arc<model::Server>| {
        let row = rows.get(&(&**name, &*server.name));
        let holds = |seat: &&Seat| {
            seat.servers.iter().any(|(b, s, _)| **b == **name && **s == *server.name)
        };
        Candidate {
            name: server.name.to_string(),
            address: address(server),
            state: row.map(|r| r.status.clone()).unwrap_or_default(),
            weight: row.and_then(|r| r.weight).unwrap_or(u32::from(server.weight)),
            backup: server.backup,
            connections: row.map_or(0, |r| r.sessions.0),
            container: seats.iter().find(holds).cloned(),
        }
    };
    backend.servers.iter().map(candidate).collect()
}

fn address(server: &model::Server) -> String {
    let host = match &server.host {
        Host::Ip(ip) => ip.to_string(),
        Host::Name { name, resolved } => match resolved {
            Some(ip) => format!("{name} ({ip})"),
            None => format!("{name} (not resolved)"),
        },
        Host::Unix(path) => path.display().to_string(),
        Host::Abstract(name) | Host::AbstractZ(name) => format!("abns@{name}"),
    };
    match server.port {
        Port::Fixed(port) => format!("{host}:{port}"),
        _ => host,
    }
}

fn ports(config: &Config) -> String {
    let binds = config.frontends.iter().filter(|f| !f.disabled).flat_map(|f| f.binds.iter());
    let ports: std::collections::BTreeSet<u16> = binds
        .filter_map(|b| match &b.address {
            Address::Inet(i) => Some(i.port()),
            _ => None,
        })
        .collect();
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

fn end(question: &Question, way: &Explanation, config: &Config) -> String {
    match &way.outcome {
        End::NoListener => format!(
            "refused: nobody listens on port {}; the balancer listens on {}",
            question.port,
            ports(config)
        ),
        End::Answered(rule) => format!("answered by the balancer: {rule}"),
        End::NoBackend => {
            format!("503: none of {} rules holds, and there is no default backend", way.passed)
        }
        End::Backend(name) => format!("backend {name}"),
    }
}

fn way_text(q: &Question, way: &Explanation, config: &Config, servers: &[Candidate]) -> String {
    let mut out = String::new();
    let host = q.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("host"));
    let host = host.map_or("", |(_, v)| v);
    let _ = writeln!(out, "{} {} for {}, port {}", q.method, q.target, printable(host), q.port);
    if let Some(frontend) = &way.frontend {
        let _ = writeln!(out, "frontend  {frontend}");
    }
    if let Some(Decisive { text, origin }) = &way.chosen {
        let _ = writeln!(out, "rule      {text}\n          asked for by {origin}");
        if way.passed > 0 {
            let _ = writeln!(out, "          {} rules before it do not hold", way.passed);
        }
    }
    let _ = writeln!(out, "so        {}", end(q, way, config));
    for doubt in &way.doubts {
        let _ = writeln!(out, "note      {doubt}");
    }
    for s in servers {
        let backup = if s.backup { ", backup" } else { "" };
        let _ = writeln!(
            out,
            "server    {} {}  {}, weight {}{backup}, {} connections",
            s.name, s.address, s.state, s.weight, s.connections
        );
        if let Some(seat) = &s.container {
            let (_, reason) = standing(seat);
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let _ = writeln!(
                out,
                "          container {} of {}, {}{reason}",
                printable(&seat.name),
                printable(&seat.image),
                seat.state
            );
            for note in &seat.notes {
                let _ = writeln!(out, "          note: {}", printable(note));
            }
        }
    }
    if servers.is_empty() && matches!(way.outcome, End::Backend(_)) {
        out.push_str("          it has no server: 503\n");
    }
    out
}

fn way_json(
    q: &Question,
    way: &Explanation,
    config: &Config,
    servers: &[Candidate],
    rows: &Rows<'_>,
) -> Value {
    let rule = |d: &Decisive| json!({ "text": d.text, "by": d.origin.to_string() });
    let answered = match &way.outcome {
        End::Answered(decisive) => Some(rule(decisive)),
        _ => None,
    };
    let backend = match &way.outcome {
        End::Backend(name) => Some(&**name),
        _ => None,
    };
    let servers = servers.iter().map(|s| {
        json!({
            "name": s.name,
            "address": s.address,
            "state": s.state,
            "weight": s.weight,
            "backup": s.backup,
            "connections": s.connections,
            "container": s.container.as_ref().map(|seat| seat_json(seat, rows)),
        })
    });
    json!({
        "method": q.method,
        "target": q.target,
        "port": q.port,
        "frontend": way.frontend.as_deref(),
        "rule": way.chosen.as_ref().map(rule),
        "rules_passed": way.passed,
        "answered": answered,
        "backend": backend,
        "result": end(q, way, config),
        "notes": way.doubts,
        "servers": servers.collect::<Vec<_>>(),
    })
}
