//! The Prometheus exporter (`http-request use-service prometheus-exporter`).
//!
//! Names, labels, types, scopes and query options are those of HAProxy's exporter, made from the
//! tables of the statistics; figures that only Evenkeel has begin with `evenkeel_`. Format:
//! Prometheus text exposition 0.0.4.

mod own;
mod series;
mod watches;

use std::fmt::Write;

use self::series::Series;
use super::{Answer, Request, escape};
use crate::ports::{House, ProcessFacts};
use crate::stats::info::{self, Fact};
use crate::stats::{COLUMNS, Cell, Filter, Kind, Row, modules};

/// Media type of the format.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4";

/// The scopes of HAProxy's exporter; those without figures here stay empty.
const SCOPES: [&str; 7] =
    ["global", "frontend", "listener", "backend", "server", "sticktable", "resolver"];

/// What the query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Empty = all.
    scopes: Vec<&'static str>,
    /// `scope=` without a value: none.
    nothing: bool,
    no_maint: bool,
    extra: bool,
    /// `desc-labels`: descriptions stand in labels.
    descriptions: bool,
    /// Only these; empty = all.
    only: Vec<String>,
    /// Not these.
    without: Vec<String>,
}

impl Asked {
    /// `None` for a scope that does not exist.
    fn read(query: &str) -> Option<Self> {
        let mut asked = Self::default();
        for (name, value) in escape::pairs(query) {
            match (&*name, &*value) {
                ("scope", "") => {
                    asked.scopes.clear();
                    asked.nothing = true;
                }
                ("scope", "*") => {
                    asked.scopes = SCOPES.to_vec();
                    asked.nothing = false;
                }
                ("scope", scope) => {
                    asked.scopes.push(SCOPES.into_iter().find(|s| *s == scope)?);
                    asked.nothing = false;
                }
                ("no-maint", _) => asked.no_maint = true,
                ("extra-counters", _) => asked.extra = true,
                ("desc-labels", _) => asked.descriptions = true,
                ("metrics", names) => {
                    for name in names.split(',').filter(|n| !n.is_empty()) {
                        match name.strip_prefix('-') {
                            Some(name) => asked.without.push(name.to_owned()),
                            None => {
                                let name = name.strip_prefix('+').unwrap_or(name);
                                asked.only.push(name.to_owned());
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Some(asked)
    }

    fn scope(&self, name: &str) -> bool {
        !self.nothing && (self.scopes.is_empty() || self.scopes.contains(&name))
    }

    fn metric(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|n| n == name))
            && !self.without.iter().any(|n| n == name)
    }
}

/// The figures that the request asks for.
#[must_use]
pub fn answer(house: &dyn House, request: &Request<'_>) -> Answer {
    if !matches!(request.method, "GET" | "HEAD") {
        return Answer::refused(405, "The exporter knows GET and HEAD.");
    }
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let Some(asked) = Asked::read(query) else {
        return Answer::refused(400, "There is no such scope.");
    };
    let mut out = String::with_capacity(64 << 10);
    let process = house.process();
    if asked.scope("global") {
        global(&mut out, &asked, &process);
    }
    let filter = Filter { no_maint: asked.no_maint, ..Filter::default() };
    let mut rows = house.rows();
    rows.retain(|row| filter.takes(row));
    for (scope, kind) in [
        ("frontend", Kind::Frontend),
        ("listener", Kind::Listener),
        ("backend", Kind::Backend),
        ("server", Kind::Server),
    ] {
        if asked.scope(scope) {
            proxies(&mut out, &asked, scope, kind, &rows);
        }
    }
    if asked.scope("resolver") {
        resolvers(&mut out, &asked, house);
    }
    if asked.scope("global") {
        own::print(&mut out, &asked, house, &process, &rows);
        watches::print(&mut out, &asked, &house.watches());
    }
    Answer::text(MEDIA_TYPE, out)
}

/// A counter only grows; everything else is a gauge.
fn kind_of(metric: &str) -> &'static str {
    const WITHOUT_TOTAL: [&str; 2] = ["process_failed_resolutions", "process_total_warnings"];
    if metric.ends_with("_total") || WITHOUT_TOTAL.contains(&metric) { "counter" } else { "gauge" }
}

fn head(out: &mut String, metric: &str, kind: &str, help: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "# HELP {metric} {help}\n# TYPE {metric} {kind}");
}

fn global(out: &mut String, asked: &Asked, process: &ProcessFacts) {
    for fact in info::facts(process, false) {
        if fact.metric.is_empty() {
            continue;
        }
        let metric = format!("haproxy_process_{}", fact.metric);
        if !asked.metric(&metric) {
            continue;
        }
        let labels = labels_of(&fact, asked, process);
        let labels = match (&*labels, fact.name) {
            ("", "description") => continue,
            ("", _) => String::new(),
            (labels, _) => format!("{{{labels}}}"),
        };
        head(out, &metric, kind_of(&metric[8..]), fact.help);
        let text = matches!(fact.cell, Cell::Text(_));
        let value = if text { "1".to_owned() } else { number(&fact.cell) };
        let _ = writeln!(out, "{metric}{labels} {value}");
    }
}

/// The value of a fact that is text, and the description where that is asked for.
fn labels_of(fact: &Fact, asked: &Asked, process: &ProcessFacts) -> String {
    let own = match fact.name {
        "node" => Some("node"),
        "Build info" => Some("version"),
        _ => None,
    };
    let own = own.map(|label| (label, fact.cell.to_string()));
    let described = asked.descriptions || fact.name == "description";
    let described = described && !process.description.is_empty();
    let description = described.then(|| ("desc", process.description.to_string()));
    let labels = own.into_iter().chain(description);
    labels.map(|(n, v)| format!("{n}=\"{}\"", label_value(&v))).collect::<Vec<_>>().join(",")
}

fn number(cell: &Cell) -> String {
    match cell {
        Cell::Empty | Cell::Text(_) => "NaN".to_owned(),
        other => other.to_string(),
    }
}

fn proxies(out: &mut String, asked: &Asked, scope: &str, kind: Kind, rows: &[Row]) {
    let rows: Vec<&Row> = rows.iter().filter(|r| r.kind == Some(kind)).collect();
    let labels: Vec<String> = rows.iter().map(|row| labels(row)).collect();
    let labelled: Vec<(&Row, &str)> =
        rows.iter().zip(&labels).map(|(row, labels)| (*row, &**labels)).collect();
    let mut last = "";
    for column in COLUMNS {
        let Some(name) = column.metric_of(kind) else { continue };
        let metric = format!("haproxy_{scope}_{name}");
        if !asked.metric(&metric) {
            continue;
        }
        let before = out.len();
        let series = Series::new(column, kind, &metric);
        if name != last {
            let kind_of = if series.is_nameless(&rows) { "gauge" } else { kind_of(&metric) };
            head(out, &metric, kind_of, column.help);
        }
        // A head with nothing below it is none.
        if series.print(out, &labelled) {
            last = name;
        } else {
            out.truncate(before);
        }
    }
    if asked.extra {
        extra(out, scope, &labelled);
    }
}

/// The counters of modules.
fn extra(out: &mut String, scope: &str, rows: &[(&Row, &str)]) {
    let tables: Vec<Vec<_>> = rows.iter().map(|(row, _)| modules::cells(row).collect()).collect();
    let Some(first) = tables.first() else { return };
    for (at, (name, ..)) in first.iter().enumerate() {
        let metric = format!("haproxy_{scope}_{name}");
        let mut lines = String::new();
        for ((_, labels), table) in rows.iter().zip(&tables) {
            if let Some((_, _, cell)) = table.get(at).filter(|(.., c)| *c != Cell::Empty) {
                let module = modules::module_of(name);
                let _ = writeln!(lines, "{metric}{{{labels},mod=\"{module}\"}} {cell}");
            }
        }
        if !lines.is_empty() {
            // As HAProxy: whatever a module has is a counter.
            head(out, &metric, "counter", "Counter of a module");
            out.push_str(&lines);
        }
    }
}

/// Figures of name servers, each with a line for every one.
fn resolvers(out: &mut String, asked: &Asked, house: &dyn House) {
    let sections = house.resolvers();
    let first = sections.iter().find_map(|section| section.servers.first());
    for at in 0..first.map_or(0, |(_, figures)| figures.len()) {
        let mut begun = false;
        for section in &sections {
            for (server, figures) in &section.servers {
                let Some((name, value)) = figures.get(at) else { continue };
                // The runtime API calls it otherwise than the exporter.
                let name = if *name == "snd_error" { "send_error" } else { *name };
                let metric = format!("haproxy_resolver_{name}");
                if !asked.metric(&metric) {
                    continue;
                }
                if !begun {
                    head(out, &metric, "gauge", &name.replace('_', " "));
                    begun = true;
                }
                let (resolver, server) = (label_value(&section.name), label_value(server));
                let labels = format!("resolver=\"{resolver}\",nameserver=\"{server}\"");
                let _ = writeln!(out, "{metric}{{{labels}}} {value}");
            }
        }
    }
}

fn labels(row: &Row) -> String {
    let proxy = label_value(&row.proxy);
    let service = label_value(&row.service);
    match row.kind {
        Some(Kind::Server) => format!("proxy=\"{proxy}\",server=\"{service}\""),
        Some(Kind::Listener) => format!("proxy=\"{proxy}\",listener=\"{service}\""),
        _ => format!("proxy=\"{proxy}\""),
    }
}

fn label_value(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The state of a server in the exporter's five words.
#[must_use]
pub fn server_state(row: &Row) -> &'static str {
    match row.status.split(' ').next().unwrap_or_default() {
        "MAINT" => "MAINT",
        "DRAIN" => "DRAIN",
        "NOLB" => "NOLB",
        "DOWN" => "DOWN",
        _ => "UP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_choose() {
        let asked = Asked::read("scope=server&scope=global&no-maint").expect("known scopes");
        assert!(asked.scope("server") && asked.scope("global") && !asked.scope("frontend"));
        assert!(asked.no_maint);
        assert!(Asked::read("scope=foo").is_none());
        assert!(!Asked::read("scope=").expect("empty").scope("global"));
        assert!(Asked::read("").expect("nothing").scope("listener"));
        let asked = Asked::read("metrics=a,-b").expect("names");
        assert!(asked.metric("a") && !asked.metric("b") && !asked.metric("c"));
    }

    #[test]
    fn hostile_names_stay_in_their_label() {
        let row = Row {
            proxy: "a\"} 1\nx{y=\"\\".to_owned(),
            kind: Some(Kind::Frontend),
            ..Row::default()
        };
        assert_eq!(labels(&row), "proxy=\"a\\\"} 1\\nx{y=\\\"\\\\\"");
    }
}
