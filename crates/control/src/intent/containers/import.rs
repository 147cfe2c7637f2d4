//! Words of other balancers, read on request: the common labels of Traefik, the variables of
//! nginx-proxy. What is not understood is said, and never guessed.

use std::collections::{BTreeMap, BTreeSet};

use model::observed::Container;

use super::Problem;
use super::asks::{Asks, Dialect, Ports, ROUTES_MAX, Slot, Way};
use super::route::{self, DEFAULT_PORT, Path, Pattern, Route};
use super::said::{self, By, Said, Voice, plain_list, port, quoted, truth};

/// Variables of nginx-proxy that are read, with their grammar and effect.
pub const NGINX_PROXY: &[super::variables::Row] = &[
    ("VIRTUAL_HOST", "list of hosts", "requests for these hosts"),
    ("VIRTUAL_PORT", "port", "port of the container; else the one it exposes, else 80"),
    ("VIRTUAL_PATH", "path", "requests for this path and below"),
];

/// Labels of Traefik that are read, with their grammar and effect.
pub const TRAEFIK: &[super::variables::Row] = &[
    ("traefik.enable", "`true` or `false`", "take part, or not"),
    ("traefik.docker.network", "name", "the network it is reached on"),
    (
        "traefik.http.routers.R.rule",
        "`Host`, `Path`, `PathPrefix` with `&&`, `||` and parentheses",
        "requests that reach it",
    ),
    ("traefik.http.routers.R.priority", "number", "the higher is tried first"),
    ("traefik.http.routers.R.service", "name", "which of its services is meant"),
    ("traefik.http.services.S.loadbalancer.server.port", "port", "port of the container"),
    ("traefik.http.services.S.loadbalancer.sticky.cookie", "`true`", "sticky sessions"),
    ("traefik.http.services.S.loadbalancer.sticky.cookie.name", "name", "their cookie"),
    ("traefik.http.services.S.loadbalancer.healthcheck.path", "path", "checks speak HTTP"),
    ("traefik.http.services.S.loadbalancer.healthcheck.interval", "time", "how often"),
];

/// The variables of nginx-proxy; `None` without a host.
///
/// # Errors
/// What is wrong, with the variable.
pub fn nginx_proxy(container: &Container) -> Result<Option<Asks>, Problem> {
    let by = By::Container { id: container.id.clone(), name: container.name.clone() };
    let voice = Voice::exact(by, &container.env);
    let Some(said) = voice.value("VIRTUAL_HOST")? else { return Ok(None) };
    // What has another grammar is of the other dialect.
    if said.text.contains(['/', ':']) {
        return Ok(None);
    }
    let mut notes = Vec::new();
    let mut way = Way::default();
    let path = match voice.value("VIRTUAL_PATH")? {
        None => None,
        Some(path) => route::native_path(&path.text).map_err(|reason| path.problem(reason))?,
    };
    for item in plain_list(&said.text) {
        if item.starts_with('~') {
            notes.push(said.problem(format!("'{}' is left out", route::shown(item))));
            continue;
        }
        let host = Some(route::host(item).map_err(|reason| said.problem(reason))?);
        add(
            &mut way,
            Route { port: DEFAULT_PORT, host, path: path.clone(), websocket: false },
            &said,
        )?;
    }
    way.ports = match voice.value("VIRTUAL_PORT")? {
        Some(number) => {
            let bad = || number.problem(format!("'{}' is no port", route::shown(&number.text)));
            Ports {
                named: Some((vec![port(&number.text).ok_or_else(bad)?], number)),
                excluded: vec![],
            }
        }
        None if container.exposed.len() == 1 => Ports::default(),
        None => Ports { named: Some((vec![80], said.clone())), excluded: Vec::new() },
    };
    Ok(Some(asks(Dialect::NginxProxy, vec![way], None, false, notes)))
}

fn asks(
    dialect: Dialect,
    ways: Vec<Way>,
    network: Option<Said>,
    explicit: bool,
    notes: Vec<Problem>,
) -> Asks {
    Asks { dialect, explicit, service: None, network, address: None, ways, notes }
}

fn add(way: &mut Way, route: Route, said: &Said) -> Result<(), Problem> {
    if way.routes.len() == ROUTES_MAX {
        return Err(said.problem(format!("more than {ROUTES_MAX} routes")));
    }
    if !way.routes.iter().any(|(known, _)| *known == route) {
        way.routes.push((route, said.clone()));
    }
    Ok(())
}

/// The labels of Traefik; `None` when there are none, or they say no.
///
/// # Errors
/// What is wrong, with the label.
pub fn traefik(container: &Container) -> Result<Option<Asks>, Problem> {
    let by = By::Container { id: container.id.clone(), name: container.name.clone() };
    let voice = Voice::exact(by.clone(), &container.labels);
    let enabled = voice.value("traefik.enable")?;
    if enabled.as_ref().is_some_and(|said| !truth(&said.text)) {
        return Ok(None);
    }
    let mut routers: BTreeMap<&str, &str> = BTreeMap::new();
    let mut services: BTreeSet<&str> = BTreeSet::new();
    let mut notes = Vec::new();
    for label in container.labels.keys().filter(|l| l.starts_with("traefik.")) {
        let router = label.strip_prefix("traefik.http.routers.").and_then(|l| l.split_once('.'));
        let service = label.strip_prefix("traefik.http.services.").and_then(|l| l.split_once('.'));
        match (router, service) {
            (Some((name, "rule")), _) => drop(routers.insert(name, label)),
            (Some((_, "priority" | "service" | "entrypoints" | "middlewares")), _) => {}
            (_, Some((name, key))) if known_service_key(key) => drop(services.insert(name)),
            _ if label == "traefik.enable" || label == "traefik.docker.network" => {}
            _ => notes.push(Problem {
                origin: said::origin(&by, label),
                reason: "this label is not understood and has no effect".to_owned(),
            }),
        }
    }
    if routers.is_empty() {
        return Ok(None);
    }
    let mut ways = Vec::new();
    for (name, label) in &routers {
        let mut way = Way { name: (*name).to_owned(), ..Way::default() };
        if routers.len() == 1 {
            way.name.clear();
        }
        router(&voice, name, label, &mut way, &mut notes)?;
        let wanted = voice.value(&format!("traefik.http.routers.{name}.service"))?;
        let only = (services.len() == 1).then(|| services.first().copied()).flatten();
        let service = wanted.as_ref().map(|s| &*s.text).or(only).unwrap_or(name);
        service_settings(&voice, service, &mut way)?;
        ways.push(way);
    }
    let network = voice.value("traefik.docker.network")?;
    Ok(Some(asks(Dialect::Traefik, ways, network, enabled.is_some(), notes)))
}

fn known_service_key(key: &str) -> bool {
    matches!(
        key,
        "loadbalancer.server.port"
            | "loadbalancer.sticky.cookie"
            | "loadbalancer.sticky.cookie.name"
            | "loadbalancer.healthcheck.path"
            | "loadbalancer.healthcheck.interval"
    )
}

fn router(
    voice: &Voice<'_>,
    name: &str,
    label: &str,
    way: &mut Way,
    notes: &mut Vec<Problem>,
) -> Result<(), Problem> {
    let Some(said) = voice.value(label)? else { return Ok(()) };
    if let Some(said) = voice.value(&format!("traefik.http.routers.{name}.middlewares"))? {
        // One of them may ask for a password.
        notes.push(said.problem("not served: middlewares are not understood"));
        way.unserved = true;
        return Ok(());
    }
    let entries = voice.value(&format!("traefik.http.routers.{name}.entrypoints"))?;
    if let Some(entries) = &entries
        && !plain_list(&entries.text).any(|e| matches!(e, "web" | "http"))
    {
        notes.push(entries.problem("not served: only the entry points web and http are known"));
        way.unserved = true;
        return Ok(());
    }
    for (host, path) in rule(&said.text).map_err(|reason| said.problem(reason))? {
        add(way, Route { port: DEFAULT_PORT, host, path, websocket: false }, &said)?;
    }
    if let Some(number) = voice.value(&format!("traefik.http.routers.{name}.priority"))? {
        let bad = || number.problem(format!("'{}' is no number", route::shown(&number.text)));
        way.priority = number.text.parse().map_err(|_| bad())?;
    }
    Ok(())
}

fn service_settings(voice: &Voice<'_>, service: &str, way: &mut Way) -> Result<(), Problem> {
    let value =
        |key: &str| voice.value(&format!("traefik.http.services.{service}.loadbalancer.{key}"));
    if let Some(number) = value("server.port")? {
        let bad = || number.problem(format!("'{}' is no port", route::shown(&number.text)));
        let port = port(&number.text).ok_or_else(bad)?;
        way.ports = Ports { named: Some((vec![port], number)), excluded: Vec::new() };
    }
    let name = value("sticky.cookie.name")?;
    let sticky = value("sticky.cookie")?.filter(|s| truth(&s.text));
    if let Some(said) = name.or(sticky.map(|s| s.with("SRV"))) {
        let line = format!("cookie {} insert indirect nocache httponly", quoted(&said.text));
        way.pool.line(Slot::Cookie, &said, line);
    }
    if let Some(path) = value("healthcheck.path")? {
        way.pool.line(Slot::Check, &path, format!("option httpchk GET {}", quoted(&path.text)));
        let every = value("healthcheck.interval")?;
        let words = every.map(|said| said.with(format!("check inter {}", said.text)));
        way.server.check = words.or(Some(path.with("check")));
    }
    Ok(())
}

type Kind = (Option<Pattern>, Option<Path>);

/// Deepest nesting of parentheses in a rule.
const DEPTH_MAX: usize = 16;

/// The kinds of requests that a rule means, any of them.
fn rule(text: &str) -> Result<Vec<Kind>, String> {
    let mut reader = Rule { rest: text, depth: 0 };
    let kinds = reader.any()?;
    match reader.rest.trim_start() {
        "" => Ok(kinds),
        rest => Err(format!("'{}' is not understood", route::shown(rest))),
    }
}

/// What is left of a rule.
struct Rule<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Rule<'a> {
    fn eat(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(word) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> Result<Vec<Kind>, String> {
        let mut kinds = self.all()?;
        while self.eat("||") {
            kinds.extend(self.all()?);
            bounded(&kinds)?;
        }
        Ok(kinds)
    }

    fn all(&mut self) -> Result<Vec<Kind>, String> {
        let mut kinds = self.one()?;
        while self.eat("&&") {
            let more = self.one()?;
            let mut both = Vec::new();
            for a in &kinds {
                for b in &more {
                    both.push(join(a, b)?);
                }
                bounded(&both)?;
            }
            kinds = both;
        }
        Ok(kinds)
    }

    fn one(&mut self) -> Result<Vec<Kind>, String> {
        if self.eat("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err("the parentheses are nested too deeply".to_owned());
            }
            let kinds = self.any()?;
            self.depth -= 1;
            let closed = self.eat(")");
            return if closed { Ok(kinds) } else { Err("a ')' is missing".to_owned()) };
        }
        for name in ["Host", "PathPrefix", "Path"] {
            if self.eat(&format!("{name}(")) {
                let values = self.values()?;
                return values.into_iter().map(|value| kind(name, value)).collect();
            }
        }
        let rest = route::shown(self.rest.trim_start());
        Err(format!("'{rest}' is not understood: Host, Path and PathPrefix are"))
    }

    /// Quoted values up to the closing parenthesis.
    fn values(&mut self) -> Result<Vec<&'a str>, String> {
        let mut values = Vec::new();
        loop {
            let rest = self.rest.trim_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '`' | '"' | '\''));
            let quote = quote.ok_or("a quoted value is missing")?;
            let (value, after) = rest[1..].split_once(quote).ok_or("a quote is never closed")?;
            values.push(value);
            self.rest = after;
            if self.eat(")") {
                return Ok(values);
            }
            if !self.eat(",") {
                return Err("a ')' is missing".to_owned());
            }
        }
    }
}

fn bounded(kinds: &[Kind]) -> Result<(), String> {
    match kinds.len() > ROUTES_MAX {
        true => Err(format!("more than {ROUTES_MAX} routes")),
        false => Ok(()),
    }
}

fn kind(name: &str, value: &str) -> Result<Kind, String> {
    match name {
        "Host" => Ok((Some(route::host(value)?), None)),
        "PathPrefix" => Ok((None, route::native_path(value)?)),
        _ => Ok((None, Some(Path::Stars(route::path_pattern(value)?)))),
    }
}

fn join(a: &Kind, b: &Kind) -> Result<Kind, String> {
    let twice = "two hosts, or two paths, cannot both be those of a request";
    if a.0.is_some() && b.0.is_some() || a.1.is_some() && b.1.is_some() {
        return Err(twice.to_owned());
    }
    Ok((a.0.clone().or_else(|| b.0.clone()), a.1.clone().or_else(|| b.1.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let show =
            |(host, path)| Route { port: DEFAULT_PORT, host, path, websocket: false }.to_string();
        rule(text).map(|kinds| kinds.into_iter().map(show).collect())
    }

    #[test]
    fn rules_become_routes() {
        assert_eq!(shown("Host(`a.test`)"), Ok(vec!["a.test".to_owned()]));
        assert_eq!(
            shown("(Host(`a.test`) || Host(\"b.test\")) && PathPrefix(`/v1`)"),
            Ok(vec!["a.test/v1/...".to_owned(), "b.test/v1/...".to_owned()])
        );
        assert_eq!(
            shown("Host(`a`, `b`) || Path(`/x`)"),
            Ok(vec!["a".to_owned(), "b".to_owned(), "(any host)/x".to_owned()])
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "",
            "Host(`a`",
            "Host(`a)",
            "Host(a)",
            "!Host(`a`)",
            "HostRegexp(`a`)",
            "Host(`a`) && Host(`b`)",
            "Host(`a`) Host(`b`)",
            "Method(`GET`)",
            "Host(`a b`)",
            &"(".repeat(100_000),
        ] {
            assert!(rule(bad).is_err(), "{bad}");
        }
    }
}
