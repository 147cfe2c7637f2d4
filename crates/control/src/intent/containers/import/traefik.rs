//! Labels of Traefik: routers, their services and their middlewares.

use std::collections::BTreeMap;

use model::observed::Container;

use super::super::asks::{Asks, Dialect, Ports, Slot, Way};
use super::super::route::{self, Route};
use super::super::said::{By, Said, plain_list, port, quoted, truth};
use super::super::select;
use super::super::swarm::LBSWARM;
use super::labels::Labels;
use super::middleware::Applying;
use super::{Problem, add, asks, rule};

/// Entry points and the ports that they stand for.
pub type EntryPoints = BTreeMap<String, u16>;

/// The labels of Traefik; `None` when there are none, or they say no.
///
/// # Errors
/// What is wrong, with the label.
pub fn traefik(container: &Container, entries: &EntryPoints) -> Result<Option<Asks>, Problem> {
    let labels = Labels::new(container);
    let enabled = labels.value("traefik.enable")?;
    if labels.is_empty() || enabled.as_ref().is_some_and(|said| !truth(&said.text)) {
        return Ok(None);
    }
    let mut reader = Reader { container, labels: &labels, entries, notes: Vec::new() };
    let ways = reader.ways(enabled.as_ref())?;
    if ways.is_empty() {
        return Ok(None);
    }
    let mut notes = reader.notes;
    // Each of its two providers reads its own; either will do.
    let of = |provider| labels.value(&format!("traefik.{provider}.network"));
    let (docker, swarm) = (of("docker")?, of("swarm")?);
    let in_swarm = select::label(container, select::SWARM_SERVICE).is_some();
    let network = if in_swarm { swarm.or(docker) } else { docker.or(swarm) };
    for label in LBSWARM {
        // What it does for services is done where their tasks are joined.
        if let Some(said) = labels.value(label)?.filter(|_| !in_swarm) {
            notes.push(said.problem("only a service of a Swarm has a virtual address"));
        }
    }
    for full in labels.unused("traefik.") {
        notes.push(labels.note(full, "this label is not understood and has no effect"));
    }
    Ok(Some(asks(Dialect::Traefik, ways, network, enabled.is_some(), notes)))
}

struct Reader<'a, 'b> {
    container: &'a Container,
    labels: &'a Labels<'b>,
    entries: &'a EntryPoints,
    notes: Vec<Problem>,
}

impl Reader<'_, '_> {
    fn ways(&mut self, enabled: Option<&Said>) -> Result<Vec<Way>, Problem> {
        let http = self.labels.names("traefik.http.routers.");
        let tcp = self.labels.names("traefik.tcp.routers.");
        let services = !self.labels.names("traefik.http.services.").is_empty();
        let mut ways = Vec::new();
        for name in &http {
            ways.push(self.http(name)?);
        }
        for name in &tcp {
            let mut way = self.tcp(name)?;
            way.name = format!("tcp-{name}");
            ways.push(way);
        }
        if http.is_empty() && tcp.is_empty() {
            // A router of its own that has the rule for those without one.
            let first = self.labels.unused("traefik.http.services.");
            let said = enabled.cloned().or(first.first().map(|full| self.said(full)));
            if let Some(said) = said.filter(|_| enabled.is_some() || services) {
                let mut way = Way::default();
                self.routes(&mut way, &self.default_rule(&said)?, &[route::DEFAULT_PORT])?;
                self.service(None, "", &mut way)?;
                ways.push(way);
            }
        }
        if let [only] = ways.as_mut_slice() {
            only.name.clear();
        }
        Ok(ways)
    }

    fn said(&self, full: &str) -> Said {
        let by = By::Container { id: self.container.id.clone(), name: self.container.name.clone() };
        Said { by, label: full.into(), text: String::new() }
    }

    /// `Host(NAME)` with the container's name, of which other characters become `-`.
    fn default_rule(&self, said: &Said) -> Result<Said, Problem> {
        let name = select::service_name(self.container);
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = name.chars().map(plain).collect();
        Ok(said.with(format!("Host(`{}`)", name.trim_matches('-'))))
    }

    fn refuse(&mut self, said: &Said, reason: &str, way: &mut Way) {
        self.notes.push(said.problem(format!("not served: {reason}")));
        way.routes.clear();
        way.unserved = true;
    }

    fn http(&mut self, name: &str) -> Result<Way, Problem> {
        let at = format!("traefik.http.routers.{name}.");
        let key = |key: &str| self.labels.value(&format!("{at}{key}"));
        let mut way = Way { name: name.to_owned(), ..Way::default() };
        let first = self.labels.unused(&at).first().map(|full| self.said(full));
        let (entrypoints, middlewares) = (key("entrypoints")?, key("middlewares")?);
        let (service, priority, rule) = (key("service")?, key("priority")?, key("rule")?);
        if let Some(said) = &priority {
            let bad = || said.problem(format!("'{}' is no number", route::shown(&said.text)));
            way.priority = said.text.parse().map_err(|_| bad())?;
        }
        let rule = match (rule, first) {
            (Some(rule), _) => rule,
            (None, Some(first)) => self.default_rule(&first)?,
            (None, None) => return Ok(way),
        };
        self.service(service.as_ref(), name, &mut way)?;
        if let Some(list) = &middlewares {
            let labels = self.labels;
            let mut applying = Applying { labels, way: &mut way, notes: &mut self.notes };
            if let Err(why) = applying.list(list, 0) {
                plain_list(&list.text).for_each(|m| {
                    let m = m.split('@').next().unwrap_or_default().to_ascii_lowercase();
                    labels.settled(&format!("traefik.http.middlewares.{m}."));
                });
                self.refuse(list, &why, &mut way);
                return Ok(way);
            }
        }
        if let Some(tls) = self.tls(&at)? {
            self.refuse(&tls, "TLS is not terminated here yet", &mut way);
            return Ok(way);
        }
        let ports = self.ports(entrypoints.as_ref());
        if ports.is_empty() {
            way.unserved = true;
        } else if !way.unserved {
            self.routes(&mut way, &rule, &ports)?;
        }
        Ok(way)
    }

    /// The label that says that a router takes TLS alone.
    fn tls(&self, at: &str) -> Result<Option<Said>, Problem> {
        let whole = self.labels.value(&format!("{at}tls"))?;
        if whole.as_ref().is_some_and(|said| !truth(&said.text)) {
            return Ok(None);
        }
        let below = self.labels.unused(&format!("{at}tls."));
        let first = below.first().map(|full| self.said(full));
        self.labels.settled(&format!("{at}tls."));
        Ok(whole.or(first))
    }

    /// Ports of entry points; those that are not known are reported.
    fn ports(&mut self, said: Option<&Said>) -> Vec<u16> {
        let Some(said) = said else { return vec![route::DEFAULT_PORT] };
        let mut ports = Vec::new();
        for name in plain_list(&said.text) {
            match self.entries.get(name) {
                Some(port) => ports.push(*port),
                None => self.notes.push(said.problem(format!(
                    "not served on entry point {}: EVENKEEL_IMPORT_ENTRYPOINTS={}:PORT names its \
                     port",
                    route::shown(name),
                    route::shown(name)
                ))),
            }
        }
        ports
    }

    fn routes(&self, way: &mut Way, said: &Said, ports: &[u16]) -> Result<(), Problem> {
        let kinds = rule::rule(&said.text).map_err(|reason| said.problem(reason))?;
        for port in ports {
            for kind in &kinds {
                let rule::Kind { host, path, more } = kind.clone();
                add(way, Route { port: *port, host, path, more, ..Route::default() }, said)?;
            }
        }
        Ok(())
    }

    fn tcp(&mut self, name: &str) -> Result<Way, Problem> {
        let at = format!("traefik.tcp.routers.{name}.");
        let key = |key: &str| self.labels.value(&format!("{at}{key}"));
        let mut way = Way { name: name.to_owned(), ..Way::default() };
        let (rule, entrypoints) = (key("rule")?, key("entrypoints")?);
        let (service, passed) = (key("service")?, key("tls.passthrough")?);
        let Some(rule) = rule else { return Ok(way) };
        let bare: String = rule.text.chars().filter(|c| !c.is_whitespace()).collect();
        if !["HostSNI(`*`)", "HostSNI(\"*\")", "HostSNI('*')"].contains(&&*bare) {
            self.refuse(&rule, "of TCP routers only HostSNI(`*`) is understood", &mut way);
            return Ok(way);
        }
        let tls = self.tls(&at)?;
        if let Some(tls) = tls.filter(|_| !passed.is_some_and(|s| truth(&s.text))) {
            self.refuse(&tls, "TLS is not terminated here yet", &mut way);
            return Ok(way);
        }
        let Some(entrypoints) = entrypoints else {
            self.refuse(&rule, "it names no entry point", &mut way);
            return Ok(way);
        };
        let service = self.chosen("traefik.tcp.services.", service.as_ref(), name);
        let service = match service {
            Ok(service) => service,
            Err(why) => {
                self.refuse(&rule, &why, &mut way);
                return Ok(way);
            }
        };
        let number = format!("traefik.tcp.services.{service}.loadbalancer.server.port");
        self.server_port(&number, &mut way)?;
        let ports = self.ports(Some(&entrypoints));
        way.unserved = ports.is_empty();
        way.tcp = ports.into_iter().map(|p| (p, rule.clone())).collect();
        Ok(way)
    }

    /// The service of a router: the one that it names, or the only one.
    fn chosen(&self, prefix: &str, said: Option<&Said>, router: &str) -> Result<String, String> {
        let names = self.labels.names(prefix);
        match said {
            Some(said) => {
                let name = said.text.strip_suffix("@docker").unwrap_or(&said.text);
                let name = name.to_ascii_lowercase();
                match names.contains(&name) {
                    true => Ok(name),
                    false => Err(format!("no label describes service {}", route::shown(&name))),
                }
            }
            None if names.len() == 1 => Ok(names.into_iter().next().unwrap_or_default()),
            None if names.is_empty() || names.contains(router) => Ok(router.to_owned()),
            None => Err("it has several services: the router must name one".to_owned()),
        }
    }

    fn server_port(&self, label: &str, way: &mut Way) -> Result<(), Problem> {
        if let Some(number) = self.labels.value(label)? {
            let bad = || number.problem(format!("'{}' is no port", route::shown(&number.text)));
            let port = port(&number.text).ok_or_else(bad)?;
            way.ports = Ports { named: Some((vec![port], number)), excluded: Vec::new() };
        }
        Ok(())
    }

    fn service(&mut self, said: Option<&Said>, router: &str, way: &mut Way) -> Result<(), Problem> {
        let name = match self.chosen("traefik.http.services.", said, router) {
            Ok(name) => name,
            Err(why) => {
                let full = format!("traefik.http.routers.{router}.service");
                let said = said.cloned().unwrap_or_else(|| self.said(&full));
                self.refuse(&said, &why, way);
                return Ok(());
            }
        };
        let at = format!("traefik.http.services.{name}.loadbalancer.");
        self.server_port(&format!("{at}server.port"), way)?;
        if let Some(said) = self.labels.value(&format!("{at}server.scheme"))?
            && said.text != "http"
        {
            self.refuse(&said, "only http is spoken with servers", way);
            return Ok(());
        }
        let host = self.labels.value(&format!("{at}passhostheader"))?;
        if let Some(said) = host.filter(|s| !truth(&s.text)) {
            self.notes.push(said.problem("the Host field of requests is passed on as it is"));
        }
        self.sticky(&format!("{at}sticky.cookie"), way)?;
        self.health(&format!("{at}healthcheck."), way)
    }

    fn sticky(&mut self, at: &str, way: &mut Way) -> Result<(), Problem> {
        let key = |key: &str| self.labels.value(&format!("{at}.{key}"));
        let switch = self.labels.value(at)?;
        let options = [key("name")?, key("httponly")?, key("secure")?, key("samesite")?];
        let (life, path) = (key("maxage")?, key("path")?);
        let [name, http_only, secure, same_site] = &options;
        let mut all = options.iter().chain([&life, &path]).flatten();
        let Some(said) = switch.clone().or_else(|| all.next().cloned()) else { return Ok(()) };
        if switch.is_some_and(|s| !truth(&s.text)) {
            return Ok(());
        }
        let cookie = name.as_ref().map_or("SRV", |n| n.text.as_str());
        let mut line = format!("cookie {} insert indirect nocache", quoted(cookie));
        for (word, flag) in [("httponly", http_only), ("secure", secure)] {
            if flag.as_ref().is_some_and(|s| truth(&s.text)) {
                line.push_str(&format!(" {word}"));
            }
        }
        let attributes = [("SameSite", same_site), ("Max-Age", &life), ("Path", &path)];
        for (attribute, value) in attributes {
            if let Some(value) = value.as_ref().filter(|v| v.text != "0") {
                let attribute = quoted(&format!("{attribute}={}", value.text));
                line.push_str(&format!(" attr {attribute}"));
            }
        }
        let said = name.clone().unwrap_or(said);
        way.pool.line(Slot::Cookie, &said, line);
        Ok(())
    }

    fn health(&mut self, at: &str, way: &mut Way) -> Result<(), Problem> {
        let key = |key: &str| self.labels.value(&format!("{at}{key}"));
        let Some(path) = key("path")? else { return Ok(()) };
        let method = key("method")?;
        let method = method.as_ref().map_or("GET", |m| m.text.as_str());
        let line = format!("option httpchk {} {}", quoted(method), quoted(&path.text));
        way.pool.line(Slot::Check, &path, line);
        let mut fields: Vec<(String, Said)> = Vec::new();
        fields.extend(key("hostname")?.map(|said| ("Host".to_owned(), said)));
        for name in self.labels.names(&format!("{at}headers.")) {
            let value = key(&format!("headers.{name}"))?;
            fields.extend(value.map(|said| (name.clone(), said)));
        }
        for (name, said) in fields {
            let value = quoted(&said.text.replace('%', "%%"));
            let line = format!("http-check send hdr {} {value}", quoted(&name));
            way.pool.line(Slot::Check, &said, line);
        }
        if let Some(said) = key("status")? {
            let line = format!("http-check expect status {}", quoted(&said.text));
            way.pool.line(Slot::Check, &said, line);
        }
        if let Some(said) = key("timeout")? {
            way.pool.line(Slot::Check, &said, format!("timeout check {}", quoted(&said.text)));
        }
        let mut words = "check".to_owned();
        for (name, word) in
            [("interval", "inter"), ("unhealthyinterval", "downinter"), ("port", "port")]
        {
            if let Some(said) = key(name)? {
                words.push_str(&format!(" {word} {}", quoted(&said.text)));
            }
        }
        way.server.check = Some(path.with(words));
        Ok(())
    }
}
