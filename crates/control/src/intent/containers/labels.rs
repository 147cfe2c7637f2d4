//! Evenkeel's own labels: `evenkeel.KEY`, and `evenkeel.ROUTE.KEY` for several routes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::observed::Container;

use super::Problem;
use super::asks::{self, Asks, Dialect, Ports, ROUTES_MAX, Slot, Way};
use super::route::{self, DEFAULT_PORT, Path, Pattern, Route};
use super::said::{self, By, Said, Voice, plain_list};

/// What every label begins with.
const PREFIX: &str = "evenkeel.";

/// Most routes with a name.
const WAYS_MAX: usize = 32;

/// A key: its name, its grammar, its effect, whether it stands once for the whole container.
pub struct Key {
    /// Name.
    pub name: &'static str,
    /// What may follow.
    pub grammar: &'static str,
    /// What it does.
    pub effect: &'static str,
    /// Once for the whole container, never with a route's name.
    pub whole: bool,
}

const fn key(name: &'static str, whole: bool, grammar: &'static str, effect: &'static str) -> Key {
    Key { name, grammar, effect, whole }
}

/// Every key. `docs/labels.md` holds this table.
pub const KEYS: &[Key] = &[
    key("enable", true, "`true` or `false`", "take part without a host, or not at all"),
    key(
        "service",
        true,
        "name",
        "the service it belongs to, in place of Compose's or its own name",
    ),
    key("network", true, "name", "the network it is reached on"),
    key(
        "address",
        true,
        "address, `published`, or `vip` for a Swarm service",
        "where it is reached, or on the port that it publishes",
    ),
    key("host", false, "list; `*` for any run of characters", "requests for these hosts"),
    key("path", false, "list; `*` for any run of characters", "requests for these paths and below"),
    key("listen", false, "port", "port of the balancer; 80 means the built-in addresses"),
    key("port", false, "port", "port of the container"),
    key("protocol", false, "`http` or `tcp`", "what is spoken; `tcp` relays bytes"),
    key("weight", false, "0 to 256", "its share of the requests"),
    key("priority", false, "number", "the higher is tried first, before the more specific"),
    key("sticky", false, "`true` or a cookie's name", "clients stay with their server"),
    key("balance", false, "balance expression", "how a server is picked"),
    key("check", false, "`off`, `tcp` or `[METHOD] /path`, then check words", "health check"),
    key("health", false, "`wait` or `ignore`", "whether HEALTHCHECK must say healthy first"),
    key("drain", false, "time", "how long requests in flight may take after the stop"),
    key("config", false, "lines of haproxy.cfg", "further lines of the backend"),
];

/// The labels of one route: its own, else those without a name.
struct Scope<'a> {
    voice: &'a Voice<'a>,
    name: &'a str,
}

impl Scope<'_> {
    fn own(&self, key: &str) -> Result<Option<Said>, Problem> {
        self.voice.value(&label(self.name, key))
    }

    fn value(&self, key: &str) -> Result<Option<Said>, Problem> {
        match self.own(key)? {
            None if !self.name.is_empty() => self.voice.value(&label("", key)),
            own => Ok(own),
        }
    }
}

fn label(route: &str, key: &str) -> String {
    match route {
        "" => format!("{PREFIX}{key}"),
        route => format!("{PREFIX}{route}.{key}"),
    }
}

/// What a container's labels ask for; `None` when none of them is ours or only says no.
///
/// # Errors
/// What is wrong, with the label: the container is then left out.
pub fn read(container: &Container) -> Result<Option<Asks>, Problem> {
    if !container.labels.keys().any(|k| k.starts_with(PREFIX)) {
        return Ok(None);
    }
    let by = By::Container { id: container.id.clone(), name: container.name.clone() };
    let mut notes = Vec::new();
    let names = route_names(container, &by, &mut notes)?;
    let voice = Voice::exact(by, &container.labels);
    let explicit = match voice.value("evenkeel.enable")? {
        None => false,
        Some(said) => yes_or_no(&said)?,
    };
    let address = voice.value("evenkeel.address")?;
    if let Some(said) = address.as_ref().filter(|said| !super::reach::is_address(said)) {
        let shown = route::shown(&said.text);
        return Err(
            said.problem(format!("'{shown}' is neither an address nor 'published' nor 'vip'"))
        );
    }
    let mut ways = Vec::new();
    let mut unnamed = names.is_empty();
    for key in ["host", "path"] {
        unnamed |= voice.value(&label("", key))?.is_some();
    }
    let unnamed = unnamed.then(String::new);
    for name in unnamed.iter().chain(&names) {
        ways.push(way(&Scope { voice: &voice, name })?);
    }
    Ok(Some(Asks {
        dialect: Dialect::Native,
        explicit,
        service: voice.value("evenkeel.service")?,
        network: voice.value("evenkeel.network")?,
        address,
        ways,
        notes,
    }))
}

/// The label that switches the container off, if one does.
pub fn switched_off(container: &Container) -> Option<&'static str> {
    let says = |label: &str, words: &[&str]| {
        let value = container.labels.get(label).map(|v| v.trim());
        value.is_some_and(|v| words.iter().any(|w| v.eq_ignore_ascii_case(w)))
    };
    if says("evenkeel.enable", &["false", "0", "no", "off"]) {
        return Some("evenkeel.enable");
    }
    let off = "com.docker.dockercloud.haproxy.deactivate";
    says(off, &["true"]).then_some(off)
}

/// How long requests in flight may take by a container's labels; the longest of its routes.
#[must_use]
pub fn drain_label(labels: &BTreeMap<String, String>) -> Option<Duration> {
    let ours = |name: &str| {
        name.strip_prefix(PREFIX).is_some_and(|n| n.rsplit('.').next() == Some("drain"))
    };
    let said = labels.iter().filter(|(name, _)| ours(name));
    said.filter_map(|(_, value)| asks::time(value.trim(), 1000)).max()
}

fn yes_or_no(said: &Said) -> Result<bool, Problem> {
    match said.text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        other => Err(said.problem(format!("'{}' is neither true nor false", route::shown(other)))),
    }
}

/// Names of routes; keys that are not known are reported.
fn route_names(
    container: &Container,
    by: &By,
    notes: &mut Vec<Problem>,
) -> Result<BTreeSet<String>, Problem> {
    let mut names = BTreeSet::new();
    for full in container.labels.keys() {
        let Some(rest) = full.strip_prefix(PREFIX) else { continue };
        let at = |reason: String| Problem { origin: said::origin(by, full), reason };
        let (name, key) = match rest.rsplit_once('.') {
            None => ("", rest),
            Some((name, key)) => (name, key),
        };
        let known = KEYS.iter().find(|k| k.name == key && (name.is_empty() || !k.whole));
        if known.is_none() {
            let near = config::suggest::did_you_mean(key, KEYS.iter().map(|k| k.name));
            let near = near.map(|n| format!(": was '{n}' meant?")).unwrap_or_default();
            notes.push(at(format!("this label is not known{near}")));
            continue;
        }
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !name.is_empty() && (name.len() > 64 || !name.chars().all(good)) {
            return Err(at("a route's name is letters, digits, '-' and '_'".to_owned()));
        }
        if !name.is_empty() {
            names.insert(name.to_owned());
        }
        if names.len() > WAYS_MAX {
            return Err(at(format!("more than {WAYS_MAX} routes have names")));
        }
    }
    Ok(names)
}

fn way(scope: &Scope<'_>) -> Result<Way, Problem> {
    let mut way = Way { name: scope.name.to_owned(), ..Way::default() };
    let number = |key: &str| -> Result<Option<(u16, Said)>, Problem> {
        let Some(said) = scope.value(key)? else { return Ok(None) };
        let reason = format!("'{}' is no port", route::shown(&said.text));
        let port = said::port(&said.text).ok_or_else(|| said.problem(reason))?;
        Ok(Some((port, said)))
    };
    let port = number("port")?;
    let listen = number("listen")?;
    way.ports = Ports { named: port.clone().map(|(n, s)| (vec![n], s)), excluded: Vec::new() };
    if let Some(said) = scope.value("priority")? {
        let bad = || said.problem(format!("'{}' is no number", route::shown(&said.text)));
        way.priority = said.text.parse().map_err(|_| bad())?;
    }
    if let Some(said) = scope.value("weight")? {
        if said.text.parse::<u16>().is_ok_and(|n| n <= 256) {
            way.server.weight = Some(said);
        } else {
            return Err(said.problem("a weight is 0 to 256"));
        }
    }
    settings(scope, &mut way)?;
    match scope.value("protocol")? {
        Some(said) if said.text == "tcp" => tcp(scope, &mut way, &said, listen.or(port))?,
        Some(said) if said.text != "http" => {
            let reason = format!("'{}' is neither http nor tcp", route::shown(&said.text));
            return Err(said.problem(reason));
        }
        _ => http(scope, &mut way, listen)?,
    }
    Ok(way)
}

fn tcp(
    scope: &Scope<'_>,
    way: &mut Way,
    protocol: &Said,
    listen: Option<(u16, Said)>,
) -> Result<(), Problem> {
    for key in ["host", "path"] {
        if let Some(said) = scope.own(key)? {
            return Err(said.problem("bytes are relayed without looking for a host or path"));
        }
    }
    let missing = "name the port: the label 'port', or 'listen' for another one on the balancer";
    way.tcp = vec![listen.ok_or_else(|| protocol.problem(missing))?];
    Ok(())
}

fn http(scope: &Scope<'_>, way: &mut Way, listen: Option<(u16, Said)>) -> Result<(), Problem> {
    let (host, path) = (scope.own("host")?, scope.own("path")?);
    let listen_port = listen.as_ref().map_or(DEFAULT_PORT, |(port, _)| *port);
    let hosts: Vec<(Option<Pattern>, Option<&Said>)> = match &host {
        None => vec![(None, None)],
        Some(said) => plain_list(&said.text)
            .map(|h| if h == "*" { Ok(None) } else { route::host(h).map(Some) })
            .map(|h| h.map(|h| (h, Some(said))).map_err(|reason| said.problem(reason)))
            .collect::<Result<_, _>>()?,
    };
    let paths: Vec<(Option<Path>, Option<&Said>)> = match &path {
        None => vec![(None, None)],
        Some(said) => plain_list(&said.text)
            .map(|p| route::native_path(p).map_err(|reason| said.problem(reason)))
            .map(|p| p.map(|p| (p, Some(said))))
            .collect::<Result<_, _>>()?,
    };
    for (host, from_host) in &hosts {
        for (path, from_path) in &paths {
            let Some(said) = from_host.or(*from_path).or(listen.as_ref().map(|(_, s)| s)) else {
                continue;
            };
            if way.routes.len() == ROUTES_MAX {
                return Err(said.problem(format!("more than {ROUTES_MAX} routes")));
            }
            let (host, path) = (host.clone(), path.clone());
            let route = Route { port: listen_port, host, path, websocket: false, more: Vec::new() };
            if !way.routes.iter().any(|(known, _)| *known == route) {
                way.routes.push((route, said.clone()));
            }
        }
    }
    Ok(())
}

fn settings(scope: &Scope<'_>, way: &mut Way) -> Result<(), Problem> {
    if let Some(said) = scope.value("sticky")? {
        let name = match said.text.to_ascii_lowercase().as_str() {
            "false" | "no" | "off" | "0" => None,
            "true" | "yes" | "on" | "1" => Some("SRV"),
            _ => Some(said.text.as_str()),
        };
        if let Some(name) = name {
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if !name.chars().all(good) {
                return Err(said.problem("a cookie's name is letters, digits, '-', '_' and '.'"));
            }
            let line = format!("cookie {name} insert indirect nocache httponly");
            way.pool.line(Slot::Cookie, &said, line);
        }
    }
    if let Some(said) = scope.value("balance")? {
        way.pool.line(Slot::Balance, &said, format!("balance {}", said.text));
    }
    if let Some(said) = scope.value("check")? {
        check(&said, way)?;
    }
    if let Some(said) = scope.value("health")? {
        way.server.ignore_health = match said.text.as_str() {
            "wait" => false,
            "ignore" => true,
            other => {
                let other = route::shown(other);
                return Err(said.problem(format!("'{other}' is neither 'wait' nor 'ignore'")));
            }
        };
    }
    if let Some(said) = scope.value("drain")? {
        let bad = || said.problem(format!("'{}' is no time", route::shown(&said.text)));
        way.pool.drain = Some(asks::time(&said.text, 1000).ok_or_else(bad)?);
    }
    for name in [scope.name, ""] {
        if let Some(said) = scope.voice.lines(&label(name, "config"))? {
            let several = said.text.trim().contains('\n');
            for (number, line) in said.text.lines().enumerate() {
                let mut said = said.with(line.trim());
                if several {
                    said.label = format!("{}, line {}", said.label, number + 1).into();
                }
                if !said.text.is_empty() {
                    way.pool.line(Slot::Extra, &said, line.trim());
                }
            }
            break;
        }
    }
    Ok(())
}

/// `off`, `tcp`, `/path`, `METHOD /path`; what follows goes to the server line.
fn check(said: &Said, way: &mut Way) -> Result<(), Problem> {
    let mut words: Vec<&str> = said.text.split_ascii_whitespace().collect();
    let first = words.first().copied().unwrap_or_default();
    if matches!(first, "off" | "false" | "no") {
        way.server.check = Some(said.with(""));
        return Ok(());
    }
    let method = first.bytes().all(|b| b.is_ascii_uppercase());
    if first == "tcp" {
        words.remove(0);
    } else if first.starts_with('/') {
        words.remove(0);
        http_check(said, "GET", first, way);
    } else if method && words.get(1).is_some_and(|w| w.starts_with('/')) {
        let path = words.remove(1);
        words.remove(0);
        http_check(said, first, path, way);
    } else {
        let reason = "expected 'off', 'tcp', a path or a method and a path, then words such as \
                      'inter 2s rise 2 fall 3'";
        return Err(said.problem(reason));
    }
    let rest = words.join(" ");
    way.server.check = Some(said.with(format!("check {rest}").trim()));
    Ok(())
}

fn http_check(said: &Said, method: &str, path: &str, way: &mut Way) {
    let line = format!("option httpchk {method} {}", said::quoted(path));
    way.pool.line(Slot::Check, said, line);
}
