//! The statistics page: complete without scripts, live with them, nothing loaded from elsewhere.

mod changes;

use std::fmt::Write;

use model::Stats;

use super::escape::html;
use super::options::{Asked, Form};
use super::prometheus::server_state;
use super::{Answer, Request};
use crate::ports::{House, ProcessFacts};
use crate::stats::{COLUMNS, Cell, Kind, MODULES, Row, modules};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How often a page with scripts asks for new figures, milliseconds.
const LIVE_EVERY_MS: u128 = 2000;

/// Changes below the figures; all of them have a page of their own.
const CHANGES_SHOWN: usize = 10;

/// The page.
pub fn answer(
    house: &dyn House,
    settings: &Stats,
    request: &Request<'_>,
    asked: &Asked,
    rows: &[Row],
) -> Answer {
    let nonce = format!("{:016x}", request.nonce);
    let process = house.process();
    let changes = house.changes();
    let now_ms = (process.started_s * 1000.0) as u64 + process.uptime.as_millis() as u64;
    let mut out = String::with_capacity(64 << 10);
    head(&mut out, settings, asked, &nonce, &process);
    let scope = settings.scope.is_empty();
    title(&mut out, settings, &process);
    facts(&mut out, &process, now_ms.saturating_sub(changes.last_ms) / 1000);
    out.push_str("</header>\n<main>\n");
    out.push_str("<div id=\"trouble\" role=\"alert\">");
    if let Some(error) = changes.error.as_ref().filter(|_| scope) {
        let said = "The wanted configuration does not run:";
        let _ = write!(out, "<p class=\"note bad\">{said}\n{}</p>", html(error));
    }
    out.push_str("</div>\n");
    outcome(&mut out, asked);
    tools(&mut out, settings, asked);
    let all = asked.form == Form::Changes;
    out.push_str("<div id=\"proxies\">\n");
    let rows = if all { &[] } else { rows };
    let shown: Vec<&Row> = rows.iter().filter(|r| asked.filter.takes(r)).collect();
    let mut rest = &shown[..];
    while let Some(first) = rest.first() {
        let end = rest.iter().take_while(|r| r.proxy_id == first.proxy_id).count();
        let (proxy, after) = rest.split_at(end);
        section(&mut out, settings, request.may_change, asked, proxy);
        rest = after;
    }
    out.push_str("</div>\n");
    // Changes may name proxies that this page must not show.
    if scope {
        let count = if all { control::history::ENTRIES_MAX } else { CHANGES_SHOWN };
        let entries = house.change_log(0, count);
        let more = format!("{};changes", settings.uri);
        changes::section(&mut out, &entries, now_ms, (!all).then_some(&more));
    }
    let _ = write!(out, "</main>\n<script nonce=\"{nonce}\">{SCRIPT}</script>\n</body>\n</html>\n");
    let mut answer = Answer::text("text/html; charset=utf-8", out);
    answer.headers.push(("content-security-policy", policy(&nonce)));
    answer.headers.push(("referrer-policy", "same-origin".to_owned()));
    answer
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src \
         'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

fn own_address(settings: &Stats, asked: &Asked, option: &str) -> String {
    let mut out = format!("{}{option}", settings.uri);
    let changes = asked.form == Form::Changes;
    for (wanted, text) in
        [(changes, ";changes"), (asked.filter.up, ";up"), (asked.filter.no_maint, ";no-maint")]
    {
        if wanted {
            out.push_str(text);
        }
    }
    out
}

fn head(out: &mut String, settings: &Stats, asked: &Asked, nonce: &str, process: &ProcessFacts) {
    let every = settings.refresh.map_or(LIVE_EVERY_MS, |r| r.as_millis());
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\" data-self=\"{}\" data-every=\"{every}\">\n<head>\n\
         <meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Statistics of {}</title>\n",
        html(&own_address(settings, asked, ";norefresh")),
        html(&process.node)
    );
    if let Some(refresh) = settings.refresh.filter(|_| !asked.no_refresh) {
        // Where scripts run they refresh; this is for everybody else.
        let _ = writeln!(
            out,
            "<noscript><meta http-equiv=\"refresh\" content=\"{}\"></noscript>",
            super::seconds(refresh)
        );
    }
    let _ = write!(out, "<style nonce=\"{nonce}\">{STYLE}</style>\n</head>\n<body>\n<header>\n");
}

fn title(out: &mut String, settings: &Stats, process: &ProcessFacts) {
    out.push_str("<h1>Statistics");
    if let Some(node) = &settings.show_node {
        let _ = write!(out, " of {}", html(node.as_deref().unwrap_or(&process.node)));
    }
    out.push_str("</h1>\n<p class=\"soft\">");
    if let Some(text) = &settings.show_desc {
        let _ = write!(out, "{} &middot; ", html(text.as_deref().unwrap_or(&process.description)));
    }
    if settings.hide_version {
        out.push_str("Evenkeel");
    } else {
        let _ = write!(
            out,
            "Evenkeel {}, speaks HAProxy {}, process {}",
            html(&process.version),
            html(&process.haproxy_version),
            process.pid
        );
    }
    out.push_str("</p>\n");
}

/// Figures of the process; the running configuration came `age_s` seconds ago.
fn facts(out: &mut String, process: &ProcessFacts, age_s: u64) {
    out.push_str("<dl class=\"facts\" id=\"facts\">\n");
    for (name, value) in [
        ("Configuration", format!("generation {}", process.generation)),
        ("Running for", span(age_s)),
        ("Process up", span(process.uptime.as_secs())),
        ("Connections", format!("{} of {}", process.connections, process.connections_max)),
        (
            "New per second",
            format!("{}, at most {}", process.connection_rate, process.connection_rate_max),
        ),
        ("Requests", short(process.requests_total)),
        ("Sent per second", amount(process.bytes_out_rate)),
        ("Memory", format!("{} MiB", process.memory_bytes >> 20)),
        ("Idle", format!("{} %", process.idle_percent)),
        ("Threads", process.threads.to_string()),
    ] {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", html(&value));
    }
    out.push_str("</dl>\n");
}

fn outcome(out: &mut String, asked: &Asked) {
    let text = match asked.outcome.as_deref() {
        Some("DONE") => "Done.",
        Some("NONE") => "Nothing was chosen, nothing was changed.",
        Some("PART") => "Only a part could be done.",
        Some("ERRP") => "That could not be done: no such server, backend or action.",
        Some("DENY") => "Changes are not allowed here ('stats admin').",
        Some("EXCP") => "The request was too long.",
        _ => return,
    };
    let _ = writeln!(out, "<p class=\"note\" role=\"status\">{text}</p>");
}

fn tools(out: &mut String, settings: &Stats, asked: &Asked) {
    let _ = write!(
        out,
        "<div class=\"tools\">\n<label class=\"only-script\">Filter <input id=\"filter\" \
         type=\"search\" value=\"{}\"></label>\n<label class=\"only-script\">Sort by <select \
         id=\"sort\"><option value=\"\">configuration</option>",
        html(&asked.scope),
    );
    for (at, (name, _)) in HEADS.iter().enumerate() {
        let _ = write!(out, "<option value=\"{at}\">{name}</option>");
    }
    let _ = write!(
        out,
        "</select></label>\n<label class=\"only-script\"><input id=\"live\" type=\"checkbox\"{}> \
         live</label>\n<span id=\"said\" role=\"status\" class=\"soft\"></span>\n\
         <nav aria-label=\"Other forms\">\n",
        if asked.no_refresh { "" } else { " checked" },
    );
    for (option, name) in [
        ("", "all"),
        (";up", "only what is up"),
        (";no-maint", "without maintenance"),
        (";csv", "CSV"),
        (";json", "JSON"),
        (";typed", "typed"),
    ] {
        let _ = writeln!(out, "<a href=\"{}{option}\">{name}</a>", html(&settings.uri));
    }
    out.push_str("</nav>\n</div>\n");
}

/// Names of the table's columns, and what they say.
const HEADS: [(&str, &str); 14] = [
    ("Name", "Server or side of the proxy"),
    ("State", "What holds, and why"),
    ("For", "Time since the last change"),
    ("Weight", "Weight in effect"),
    ("Queue", "Requests that wait"),
    ("Sessions", "Sessions now"),
    ("Most", "Most sessions so far"),
    ("Limit", "Most sessions allowed"),
    ("Total", "Sessions since the start"),
    ("Per s", "Sessions in the last second"),
    ("In", "Bytes of requests"),
    ("Out", "Bytes of responses"),
    ("Errors", "Failed requests, connections and responses"),
    ("5xx", "Responses with a status from 500"),
];

fn section(out: &mut String, settings: &Stats, admin: bool, asked: &Asked, rows: &[&Row]) {
    let Some(first) = rows.first() else { return };
    let name = html(&first.proxy);
    let id = first.proxy_id;
    let changes = admin && rows.iter().any(|r| r.server.is_some());
    let _ = write!(
        out,
        "<section class=\"proxy\" data-name=\"{name}\" aria-labelledby=\"p{id}\">\n\
         <header><h2 id=\"p{id}\">{name}</h2>"
    );
    let last = rows.last().copied().unwrap_or(first);
    let mode = first.mode.map_or("", |m| if m == model::Mode::Http { "http" } else { "tcp" });
    let _ = write!(out, "<span class=\"soft\">{mode}");
    if let Some(algorithm) = last.algorithm {
        let _ = write!(out, ", balance {algorithm}");
    }
    if settings.show_legends
        && let Some(cookie) = &last.cookie
    {
        let _ = write!(out, ", cookie {}", html(cookie));
    }
    out.push_str("</span></header>\n");
    if changes {
        let _ = write!(
            out,
            "<form method=\"post\" action=\"{}\">\n<input type=\"hidden\" name=\"b\" \
             value=\"#{id}\">\n",
            html(&own_address(settings, asked, ""))
        );
    }
    let _ = write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"p{id}\">\n<table>\n\
         <thead><tr>"
    );
    for (head, help) in HEADS {
        let _ = write!(out, "<th scope=\"col\" title=\"{help}\">{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        line(out, settings, changes, row);
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    if settings.show_modules {
        module_tables(out, rows);
    }
    if changes {
        let _ = write!(
            out,
            "<div class=\"tools\"><label>With the chosen servers <select name=\"action\">\
             <option value=\"\"></option><option value=\"ready\">take them in (ready)</option>\
             <option value=\"drain\">let them drain</option><option value=\"maint\">take them out \
             (maintenance)</option></select></label><button>Apply</button></div>\n</form>\n"
        );
    }
    out.push_str("</section>\n");
}

fn line(out: &mut String, settings: &Stats, changes: bool, row: &Row) {
    let is_server = row.server.is_some();
    let class = if row.kind == Some(Kind::Backend) { " class=\"sum\"" } else { "" };
    // A listener may be called as a server is; no name has a space in it.
    let side = if row.kind == Some(Kind::Listener) { "listener " } else { "" };
    let _ = write!(
        out,
        "<tr{class} data-name=\"{side}{}\"><th scope=\"row\" data-label=\"Name\"><span>",
        html(&row.service)
    );
    let name = match row.kind {
        Some(Kind::Frontend) => "Frontend".to_owned(),
        Some(Kind::Backend) => "Backend".to_owned(),
        _ => html(&row.service),
    };
    if changes && is_server {
        let _ = write!(
            out,
            "<label><input type=\"checkbox\" name=\"s\" id=\"s{}-{}\" value=\"{name}\"> \
             {name}</label>",
            row.proxy_id, row.server_id
        );
    } else {
        out.push_str(&name);
    }
    if let Some(server) = &row.server {
        if server.backup {
            out.push_str(" <span class=\"soft\">backup</span>");
        }
        if let Some((provider, id)) = &server.container {
            let short: String = id.chars().take(12).collect();
            let kind = provider.split(':').next().unwrap_or_default();
            let _ = write!(
                out,
                "<span class=\"why\" title=\"{0} of {1}\">{2} {3}</span>",
                html(id),
                html(provider),
                html(kind),
                html(&short)
            );
        }
        if settings.show_legends {
            let _ = write!(out, "<span class=\"why\">{}", html(&row.address));
            if let Some(cookie) = &server.cookie {
                let _ = write!(out, ", cookie {}", html(cookie));
            }
            let _ = write!(out, ", {}</span>", html(&server.origin));
        }
    }
    out.push_str("</span></th>");
    state(out, row);
    figures(out, row);
    out.push_str("</tr>\n");
}

fn state(out: &mut String, row: &Row) {
    let class = match row.kind {
        Some(Kind::Server) => match server_state(row) {
            "UP" if row.status.starts_with("UP ") => "going",
            "UP" if row.status == "no check" => "",
            "UP" => "up",
            "DOWN" => "down",
            _ => "going",
        },
        _ if matches!(&*row.status, "UP" | "OPEN") => "up",
        _ => "down",
    };
    let _ = write!(
        out,
        "<td data-label=\"State\"><span><span class=\"state {class}\">{}</span>",
        html(&row.status)
    );
    if let Some(why) = why(row) {
        let _ = write!(out, "<span class=\"why\">{}</span>", html(&why));
    }
    out.push_str("</span></td>");
}

/// Why a server is in its state: who took it out, what its last check found.
fn why(row: &Row) -> Option<String> {
    let server = row.server.as_ref()?;
    let mut parts: Vec<String> = server.reasons().iter().map(|r| (*r).to_owned()).collect();
    if let Some(tracked) = &server.tracked {
        parts.push(format!("follows {tracked}"));
    }
    if let Some(check) = server.check.as_ref().filter(|c| !c.status.is_empty()) {
        let mut text = check.status.clone();
        if let Some(code) = check.code.filter(|c| *c > 0) {
            text.push_str(&format!("/{code}"));
        }
        if let Some(took) = check.duration_ms {
            text.push_str(&format!(" in {took} ms"));
        }
        if !check.text.is_empty() {
            text.push_str(&format!(": {}", check.text));
        }
        parts.push(text);
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn figures(out: &mut String, row: &Row) {
    let errors = [row.request_errors, row.connect_errors, row.response_errors];
    let errors = errors.iter().any(Option::is_some).then(|| errors.iter().flatten().sum::<u64>());
    let bytes = |n: u64| (n.to_string(), amount(n));
    let plain = |n: u64| (n.to_string(), short(n));
    let cells: [(&str, Option<(String, String)>); 12] = [
        ("For", row.last_change_s.map(|s| (s.to_string(), span(s.into())))),
        ("Weight", row.weight.map(|n| plain(n.into()))),
        ("Queue", row.queue.map(|q| plain(q.0.into()))),
        ("Sessions", Some(plain(row.sessions.0.into()))),
        ("Most", Some(plain(row.sessions.1.into()))),
        ("Limit", row.session_limit.map(|n| plain(n.into()))),
        ("Total", Some(plain(row.sessions_total))),
        ("Per s", row.session_rate.map(|r| plain(r.0.into()))),
        ("In", Some(bytes(row.bytes_in))),
        ("Out", Some(bytes(row.bytes_out))),
        ("Errors", errors.map(plain)),
        ("5xx", row.statuses.map(|s| plain(s[4]))),
    ];
    for (label, cell) in cells {
        let _ = match cell {
            Some((sort, text)) => {
                write!(out, "<td data-label=\"{label}\" data-sort=\"{sort}\">{text}</td>")
            }
            None => write!(out, "<td class=\"none\"></td>"),
        };
    }
}

/// `stats show-modules`: everything that is counted, under a fold.
fn module_tables(out: &mut String, rows: &[&Row]) {
    for row in rows {
        let _ = write!(
            out,
            "<details><summary>All figures of {}</summary><dl class=\"facts\">",
            html(&row.service)
        );
        let own = COLUMNS.iter().map(|c| (c.name, (c.cell)(row)));
        let all = own.chain(modules::cells(row).map(|(name, _, cell)| (name, cell)));
        for (name, cell) in all.filter(|(_, c)| !matches!(c, Cell::Empty)) {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", html(&cell.to_string()));
        }
        let names: Vec<&str> = MODULES.iter().map(|m| m.name).collect();
        let _ = writeln!(out, "</dl><p class=\"soft\">Modules: {}</p></details>", names.join(", "));
    }
}

/// A time for people.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} min {} s", seconds % 60),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

/// Bytes for people.
fn amount(bytes: u64) -> String {
    let text = short(bytes);
    if text.ends_with(char::is_alphabetic) { text + "B" } else { text + " B" }
}

/// A number for people.
fn short(n: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")];
    match UNITS.into_iter().find(|(from, _)| n >= *from) {
        Some((_, "k")) => format!("{:.1} k", n as f64 / 1000.0),
        Some((from, unit)) => format!("{:.2} {unit}", n as f64 / from as f64),
        None => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_for_people_are_short() {
        assert_eq!(
            [span(5), span(65), span(3700), span(90_000)].join("|"),
            "5 s|1 min 5 s|1 h 1 min|1 d 1 h"
        );
        assert_eq!([short(999), short(12_345), short(5_000_000)].join("|"), "999|12.3 k|5.00 M");
        assert_eq!([amount(0), amount(12_345)].join("|"), "0 B|12.3 kB");
    }

    #[test]
    fn hostile_names_do_not_leave_their_place() {
        let evil = "\"><script>x</script>";
        let mut server = crate::stats::tests::facts();
        server.origin = evil.to_owned();
        server.container = Some((evil.into(), evil.into()));
        let row = Row {
            proxy: evil.to_owned(),
            service: evil.to_owned(),
            status: evil.to_owned(),
            address: evil.to_owned(),
            kind: Some(Kind::Server),
            server: Some(server),
            ..Row::default()
        };
        let settings = Stats { show_legends: true, show_modules: true, ..Stats::default() };
        let request = crate::services::options::tests::get("/haproxy?stats");
        let asked = Asked::read(&settings, &request);
        let mut out = String::new();
        section(&mut out, &settings, true, &asked, &[&row]);
        assert!(!out.contains("<script"), "{out}");
        assert!(out.contains("&quot;&gt;&lt;script&gt;"));
    }
}
