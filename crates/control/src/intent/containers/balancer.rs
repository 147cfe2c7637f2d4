//! The balancer's own environment, as dockercloud/haproxy reads it, and a few variables of ours.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::certificate;
use super::said::{
    By, Said, Voice, escaped_list, escaped_list_with_empty, pairs, plain_list, port, quoted, truth,
};
use super::variables::Row;

/// Every variable of the balancer. `docs/containers.md` holds this table; a name that ends in `_`
/// is continued by a name or a port.
pub const VARIABLES: &[Row] = &[
    ("ADDITIONAL_BACKEND_", "list, `\\,` for a comma", "lines of a backend of this name"),
    ("ADDITIONAL_BACKEND_FILE_", "path", "the same from a file"),
    ("ADDITIONAL_SERVICES", "list of `project:service`", "services of other projects take part"),
    ("BALANCE", "balance expression", "how servers are picked; roundrobin"),
    ("CA_CERT", "PEM", "clients' certificates: read and checked, not used yet"),
    ("CA_CERT_FILE", "path", "the same from a file"),
    ("CERT_FOLDER", "path", "folder of certificates: not used yet"),
    ("COMPAT_ALL_PORTS", "yes or no", "every exposed port is a server, as in dockercloud/haproxy"),
    ("COOKIE", "-", "no effect here: belongs to the containers"),
    ("DEBUG", "yes or no", "no effect: `evenkeel status` and `evenkeel containers` tell more"),
    ("DEFAULT_SSL_CERT", "PEM, `\\n` for a newline", "certificate: read and checked, not used yet"),
    ("EVENKEEL_CONTAINER_ENV", "yes or no", "whether containers' variables are read; yes"),
    ("EVENKEEL_IMPORT", "list of `traefik`, `nginx-proxy`", "their labels and variables are read"),
    (
        "EVENKEEL_IMPORT_ENTRYPOINTS",
        "list of `name:port`",
        "ports of Traefik's entry points; `web` and `http` are 80",
    ),
    ("EVENKEEL_STRICT_HOST_PORT", "yes or no", "a port in the Host header must be the route's"),
    (
        "EVENKEEL_TRUSTED_PROXIES",
        "list of networks",
        "whose X-Forwarded-For, -Host and -Proto are believed",
    ),
    ("EXTRA_BIND_SETTINGS", "list of `port:words`", "added to the `bind` lines of a port"),
    ("EXTRA_DEFAULT_SETTINGS", "list, `\\,` for a comma", "lines for `defaults`"),
    ("EXTRA_DEFAULT_SETTINGS_FILE", "path", "the same from a file"),
    ("EXTRA_FRONTEND_SETTINGS_", "list, `\\,` for a comma", "lines for the frontend of this port"),
    ("EXTRA_FRONTEND_SETTINGS_FILE_", "path", "the same from a file"),
    ("EXTRA_GLOBAL_SETTINGS", "list, `\\,` for a comma", "lines for `global`"),
    ("EXTRA_GLOBAL_SETTINGS_FILE", "path", "the same from a file"),
    ("EXTRA_ROUTE_SETTINGS", "words", "added to every server line"),
    ("EXTRA_SSL_CERTS", "list of variables", "more certificates: read and checked, not used yet"),
    (
        "FORCE_DEFAULT_BACKEND",
        "yes or no",
        "what nobody asks for goes to those without a host; yes",
    ),
    ("HAPROXY_GROUP", "name", "`group` of the process"),
    ("HAPROXY_USER", "name", "`user` of the process"),
    ("HEALTH_CHECK", "check words", "on every server line; check inter 2000 rise 2 fall 3"),
    ("HTTP_BASIC_AUTH", "list of `user:password`", "an account is asked for"),
    ("HTTP_BASIC_AUTH_SECURE", "list of `user:hash`", "the same with hashed passwords"),
    ("LINKED_SERVICES", "list of services", "services of the own project that take part"),
    ("MAXCONN", "number", "most connections, of the process and of each frontend; no limit"),
    ("MODE", "`http` or `tcp`", "what is spoken; http"),
    ("MONITOR_PORT", "port", "where MONITOR_URI is answered"),
    ("MONITOR_URI", "path", "answered with 200 by the balancer itself"),
    ("NBPROC", "number", "worker threads, if more than 1"),
    ("OPTION", "list", "`option` lines; redispatch, httplog, dontlognull, forwardfor"),
    ("RELOAD_TIMEOUT", "-", "no effect: there is no second process to wait for"),
    ("RSYSLOG_DESTINATION", "`host[:port]`", "where logs are sent by syslog; nowhere"),
    ("SKIP_FORWARDED_PROTO", "yes or no", "X-Forwarded-Proto is not set"),
    ("SSL_BIND_CIPHERS", "ciphers", "not used yet"),
    ("SSL_BIND_OPTIONS", "options", "not used yet"),
    ("SSL_CERT", "PEM, `\\n` for a newline", "the same as DEFAULT_SSL_CERT"),
    ("STATS_AUTH", "`user:password`", "account of the statistics page; stats:stats"),
    ("STATS_PORT", "port, `address:port` or `off`", "where the statistics page is; 1936"),
    (
        "SWARM_MODE_POLLING_INTERVAL",
        "seconds",
        "how often a manager is asked for tasks of nodes without an agent; at most 1",
    ),
    ("TIMEOUT", "list", "`timeout` lines; connect 5000, client 50000, server 50000"),
];

/// Whether a variable of the process is one of ours.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    VARIABLES.iter().any(|(known, ..)| match known.strip_suffix('_') {
        Some(_) => name.len() > known.len() && name.starts_with(known),
        None => name == *known,
    })
}

/// Whether the value of a variable is the path of a file with the real value.
#[must_use]
pub fn is_file(name: &str) -> bool {
    is_ours(name) && (name.ends_with("_FILE") || name.contains("_FILE_"))
}

/// The check that servers get unless somebody says otherwise.
pub const HEALTH_CHECK: &str = "check inter 2000 rise 2 fall 3";
/// Options unless `OPTION` says otherwise.
pub const OPTION: &str = "redispatch, httplog, dontlognull, forwardfor";
/// Timeouts; `TIMEOUT` replaces them one by one.
pub const TIMEOUT: &str = "connect 5000, client 50000, server 50000, queue 30s, http-request 30s, \
                           http-keep-alive 1m, tunnel 1h";
/// The statistics page's port.
const STATS_PORT: u16 = 1936;
/// Its account.
pub const STATS_AUTH: &str = "stats:stats";

/// A statistics page.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// `ADDRESS:PORT` or `:PORT`.
    pub address: Said,
    /// `user:password`.
    pub auth: Said,
    /// Somebody asked for it; else it is only opened in a container's own network.
    pub asked: bool,
}

/// What the environment says.
#[derive(Clone, Debug, PartialEq)]
pub struct Balancer {
    /// Lines of `global`.
    pub global: Vec<Said>,
    /// Lines of `defaults`, `mode` not among them.
    pub defaults: Vec<Said>,
    /// Options, for either mode.
    pub options: Vec<Said>,
    /// `mode tcp`.
    pub tcp: bool,
    /// `balance` line.
    pub balance: Said,
    /// Frontends' `maxconn`.
    pub maxconn: Option<Said>,
    /// Check words; empty = none.
    pub check: Said,
    /// Words for server lines.
    pub extra_route: Option<Said>,
    /// Words for `bind` lines by port.
    pub extra_bind: BTreeMap<u16, Said>,
    /// Lines of frontends by port.
    pub extra_frontend: BTreeMap<u16, Vec<Said>>,
    /// Backends by name.
    pub backends: BTreeMap<String, Vec<Said>>,
    /// Those without a host get the rest.
    pub default_backend: bool,
    /// Lines of the userlist; empty = no account is asked for.
    pub users: Vec<Said>,
    /// Port and path.
    pub monitor: Option<(u16, Said)>,
    /// X-Forwarded-Proto is set.
    pub forwarded_proto: bool,
    /// Networks whose X-Forwarded-For, -Host and -Proto are believed.
    pub trusted: Option<Said>,
    /// Statistics page.
    pub stats: Option<Stats>,
    /// Projects and services that take part.
    pub additional: Vec<(String, String)>,
    /// Services of the own project that take part.
    pub linked: Vec<String>,
    /// A port in the Host header counts.
    pub strict_port: bool,
    /// Every exposed port is a server.
    pub all_ports: bool,
    /// Containers' environment is read.
    pub read_environment: bool,
    /// Labels of Traefik are read.
    pub traefik: bool,
    /// Ports of its entry points.
    pub entry_points: BTreeMap<String, u16>,
    /// Variables of nginx-proxy are read.
    pub nginx_proxy: bool,
}

/// Reads variables, one at a time; each fault costs its own variable alone.
struct Reader<'a> {
    voice: Voice<'a>,
    values: &'a BTreeMap<String, String>,
    barred: &'a BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn keep(&mut self, name: &str, read: Result<Option<Said>, Problem>) -> Option<Said> {
        if self.barred.contains(name) {
            return None;
        }
        read.unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        })
    }

    fn value(&mut self, name: &str) -> Option<Said> {
        let read = self.voice.value(name);
        self.keep(name, read)
    }

    fn lines(&mut self, name: &str) -> Option<Said> {
        let read = self.voice.lines(name);
        self.keep(name, read)
    }

    fn or(&mut self, name: &str, default: &str) -> Said {
        self.value(name).unwrap_or_else(|| built_in(name, default))
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        self.value(name).map_or(default, |said| truth(&said.text))
    }

    fn say(&mut self, said: &Said, reason: impl Into<String>) {
        self.problems.push(said.problem(reason));
    }

    /// A list of lines and the lines of a file, if there are any.
    fn settings(&mut self, name: &str, file: &str) -> Vec<Said> {
        let list = self.value(name);
        let items = list.iter().flat_map(|s| escaped_list(&s.text).into_iter().map(|i| s.with(i)));
        let mut out: Vec<Said> = items.collect();
        out.extend(self.file(file));
        out
    }

    fn file(&mut self, name: &str) -> Vec<Said> {
        let text = self.lines(name);
        let lines = text.iter().flat_map(|s| s.text.lines().map(|l| s.with(l.trim())));
        lines.filter(|l| !l.text.is_empty()).collect()
    }

    /// Variables that continue a prefix, with what follows it.
    fn family(&self, prefix: &str, not: &str) -> Vec<(String, String)> {
        let names = self.values.keys().filter(|k| k.starts_with(prefix) && !k.starts_with(not));
        names.map(|k| (k.clone(), k[prefix.len()..].to_owned())).collect()
    }
}

fn built_in(name: &str, text: &str) -> Said {
    Said { by: By::Balancer, label: name.into(), text: text.to_owned() }
}

impl Balancer {
    /// Reads the environment; values of variables that name files are the files' contents.
    /// `barred` variables turned out to be wrong and are passed over.
    pub fn read(
        values: &BTreeMap<String, String>,
        barred: &BTreeSet<String>,
    ) -> (Self, Vec<Problem>) {
        let voice = Voice::exact(By::Balancer, values);
        let mut r = Reader { voice, values, barred, problems: Vec::new() };
        let (maxconn, import) = (maxconn(&mut r), imports(&mut r));
        let check = match r.voice.raw("HEALTH_CHECK") {
            Ok(Some(said)) if !barred.contains("HEALTH_CHECK") => said.with(said.text.trim()),
            _ => r.or("HEALTH_CHECK", HEALTH_CHECK),
        };
        let tcp = r.value("MODE").is_some_and(|said| match said.text.as_str() {
            "tcp" => true,
            "http" => false,
            _ => {
                r.say(&said, "expected 'http' or 'tcp'; http is used");
                false
            }
        });
        let mut balancer = Self {
            global: global(&mut r, maxconn.as_ref()),
            defaults: defaults(&mut r),
            options: options(&mut r),
            tcp,
            balance: r.or("BALANCE", "roundrobin"),
            maxconn,
            check,
            extra_route: r.value("EXTRA_ROUTE_SETTINGS"),
            extra_bind: by_port(&mut r),
            extra_frontend: frontends(&mut r),
            backends: backends(&mut r),
            default_backend: r.flag("FORCE_DEFAULT_BACKEND", true),
            users: users(&mut r),
            monitor: monitor(&mut r),
            forwarded_proto: !r.flag("SKIP_FORWARDED_PROTO", false),
            trusted: trusted(&mut r),
            stats: stats(&mut r),
            additional: additional(&mut r),
            linked: Vec::new(),
            strict_port: r.flag("EVENKEEL_STRICT_HOST_PORT", false),
            all_ports: r.flag("COMPAT_ALL_PORTS", false),
            read_environment: r.flag("EVENKEEL_CONTAINER_ENV", true),
            traefik: import.0,
            entry_points: entry_points(&mut r),
            nginx_proxy: import.1,
        };
        let linked = r.value("LINKED_SERVICES");
        balancer.linked =
            linked.iter().flat_map(|s| plain_list(&s.text)).map(str::to_owned).collect();
        remarks(&mut r);
        (balancer, r.problems)
    }
}

fn maxconn(r: &mut Reader<'_>) -> Option<Said> {
    let said = r.value("MAXCONN")?;
    if said.text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(said.with(format!("maxconn {}", said.text)));
    }
    r.say(&said, "this is no number");
    None
}

fn imports(r: &mut Reader<'_>) -> (bool, bool) {
    let Some(said) = r.value("EVENKEEL_IMPORT") else { return (false, false) };
    let mut found = (false, false);
    for name in plain_list(&said.text) {
        match name {
            "traefik" => found.0 = true,
            "nginx-proxy" => found.1 = true,
            _ => r.say(&said, format!("'{name}' is neither traefik nor nginx-proxy")),
        }
    }
    found
}

fn entry_points(r: &mut Reader<'_>) -> BTreeMap<String, u16> {
    let mut found = BTreeMap::from(["web", "http"].map(|name| (name.to_owned(), 80)));
    let Some(said) = r.value("EVENKEEL_IMPORT_ENTRYPOINTS") else { return found };
    for item in plain_list(&said.text) {
        let pair = item.split_once(':').and_then(|(name, n)| Some((name.trim(), port(n)?)));
        match pair {
            Some((name, port)) => drop(found.insert(name.to_owned(), port)),
            None => r.say(&said, format!("'{item}' is not 'name:port'")),
        }
    }
    found
}

fn global(r: &mut Reader<'_>, maxconn: Option<&Said>) -> Vec<Said> {
    let mut lines = Vec::new();
    if let Some(said) = r.value("RSYSLOG_DESTINATION") {
        let address = quoted(&said.text);
        lines.push(said.with(format!("log {address} local0")));
        lines.push(said.with(format!("log {address} local1 notice")));
        lines.push(said.with("log-send-hostname"));
    }
    lines.extend(maxconn.cloned());
    for (name, keyword) in [("HAPROXY_USER", "user"), ("HAPROXY_GROUP", "group")] {
        if let Some(said) = r.value(name) {
            lines.push(said.with(format!("{keyword} {}", quoted(&said.text))));
        }
    }
    if let Some(said) = r.value("NBPROC") {
        match said.text.parse::<u32>() {
            Ok(n) if n > 1 => lines.push(said.with(format!("nbthread {n}"))),
            Ok(_) => {}
            Err(_) => r.say(&said, "this is no number"),
        }
    }
    lines.extend(r.settings("EXTRA_GLOBAL_SETTINGS", "EXTRA_GLOBAL_SETTINGS_FILE"));
    lines
}

fn defaults(r: &mut Reader<'_>) -> Vec<Said> {
    let mut timeouts: Vec<Said> =
        plain_list(TIMEOUT).map(|item| built_in("TIMEOUT", item)).collect();
    if let Some(said) = r.value("TIMEOUT") {
        for item in plain_list(&said.text) {
            let name = item.split_ascii_whitespace().next().unwrap_or_default();
            timeouts.retain(|t| t.text.split_ascii_whitespace().next() != Some(name));
            timeouts.push(said.with(item));
        }
    }
    let mut lines: Vec<Said> =
        timeouts.iter().map(|t| t.with(format!("timeout {}", t.text))).collect();
    lines.extend(r.settings("EXTRA_DEFAULT_SETTINGS", "EXTRA_DEFAULT_SETTINGS_FILE"));
    lines
}

fn options(r: &mut Reader<'_>) -> Vec<Said> {
    let said = r.or("OPTION", OPTION);
    plain_list(&said.text).map(|item| said.with(item)).collect()
}

fn by_port(r: &mut Reader<'_>) -> BTreeMap<u16, Said> {
    let mut out = BTreeMap::new();
    let Some(said) = r.value("EXTRA_BIND_SETTINGS") else { return out };
    for (number, words) in pairs(&said.text) {
        match port(&number) {
            Some(n) => drop(out.insert(n, said.with(words))),
            None => r.say(&said, format!("'{number}' is no port")),
        }
    }
    out
}

fn frontends(r: &mut Reader<'_>) -> BTreeMap<u16, Vec<Said>> {
    let mut out: BTreeMap<u16, Vec<Said>> = BTreeMap::new();
    let (list, file) = ("EXTRA_FRONTEND_SETTINGS_", "EXTRA_FRONTEND_SETTINGS_FILE_");
    for (name, rest) in r.family(list, file) {
        let Some(said) = r.value(&name) else { continue };
        let Some(n) = port(&rest) else {
            r.say(&said, format!("'{rest}' is no port"));
            continue;
        };
        let items = escaped_list_with_empty(&said.text);
        let lines = items.into_iter().filter(|i| !i.is_empty()).map(|i| said.with(i));
        out.entry(n).or_default().extend(lines);
    }
    for (name, rest) in r.family(file, "\0") {
        let lines = r.file(&name);
        match port(&rest) {
            Some(n) => out.entry(n).or_default().extend(lines),
            None => r.say(&built_in(&name, ""), format!("'{rest}' is no port")),
        }
    }
    out
}

fn backends(r: &mut Reader<'_>) -> BTreeMap<String, Vec<Said>> {
    let mut out: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    let (list, file) = ("ADDITIONAL_BACKEND_", "ADDITIONAL_BACKEND_FILE_");
    let found = r.family(list, file).into_iter().chain(r.family(file, "\0"));
    for (name, rest) in found.collect::<Vec<_>>() {
        if !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            r.say(&built_in(&name, ""), "a backend's name is letters, digits and '_'");
            continue;
        }
        let lines = match name.starts_with(file) {
            true => r.file(&name),
            false => r.settings(&name, ""),
        };
        if !r.barred.contains(&name) {
            out.entry(rest).or_default().extend(lines);
        }
    }
    out
}

fn users(r: &mut Reader<'_>) -> Vec<Said> {
    let mut lines = Vec::new();
    let kinds = [("HTTP_BASIC_AUTH", "insecure-password"), ("HTTP_BASIC_AUTH_SECURE", "password")];
    for (name, keyword) in kinds {
        let Some(said) = r.value(name) else { continue };
        for (user, password) in pairs(&said.text) {
            if user.is_empty() || password.is_empty() {
                r.say(&said, "an account without a name or a password is left out");
                continue;
            }
            let line = format!("user {} {keyword} {}", quoted(&user), quoted(&password));
            lines.push(said.with(line));
        }
    }
    lines
}

fn monitor(r: &mut Reader<'_>) -> Option<(u16, Said)> {
    let (number, uri) = (r.value("MONITOR_PORT"), r.value("MONITOR_URI"));
    let (number, uri) = match (number, uri) {
        (Some(number), Some(uri)) => (number, uri),
        (Some(one), None) | (None, Some(one)) => {
            r.say(&one, "MONITOR_PORT and MONITOR_URI are only good together");
            return None;
        }
        (None, None) => return None,
    };
    let Some(n) = port(&number.text) else {
        r.say(&number, format!("'{}' is no port", number.text));
        return None;
    };
    Some((n, uri.with(format!("monitor-uri {}", quoted(&uri.text)))))
}

fn trusted(r: &mut Reader<'_>) -> Option<Said> {
    let said = r.value("EVENKEEL_TRUSTED_PROXIES")?;
    let words: Vec<String> = plain_list(&said.text).map(quoted).collect();
    Some(said.with(words.join(" ")))
}

fn stats(r: &mut Reader<'_>) -> Option<Stats> {
    let (place, auth) = (r.value("STATS_PORT"), r.value("STATS_AUTH"));
    if place.as_ref().is_some_and(|said| !truth(&said.text)) {
        return None;
    }
    let asked = place.is_some() || auth.is_some();
    let address = match place {
        None => built_in("STATS_PORT", &format!(":{STATS_PORT}")),
        Some(said) if port(&said.text).is_some() => said.with(format!(":{}", said.text)),
        Some(said) if said.text.parse::<std::net::SocketAddr>().is_ok() => said,
        Some(said) => {
            r.say(&said, "expected a port, an address with a port, or 'off'");
            said.with(format!(":{STATS_PORT}"))
        }
    };
    let auth = match auth {
        Some(said) if said.text.contains(':') => said,
        Some(said) => {
            r.say(&said, format!("expected 'user:password'; {STATS_AUTH} is used"));
            said.with(STATS_AUTH)
        }
        None => built_in("STATS_AUTH", STATS_AUTH),
    };
    Some(Stats { address, auth, asked })
}

fn additional(r: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let Some(said) = r.value("ADDITIONAL_SERVICES") else { return out };
    for item in plain_list(&said.text) {
        match item.split(':').collect::<Vec<_>>().as_slice() {
            [project, service] => out.push(((*project).to_owned(), (*service).to_owned())),
            _ => r.say(&said, format!("'{item}' is not 'project:service'")),
        }
    }
    out
}

/// What is read, and does nothing or not yet.
fn remarks(r: &mut Reader<'_>) {
    for name in ["DEFAULT_SSL_CERT", "SSL_CERT"] {
        let said = r.lines(name);
        r.problems.extend(said.map(|said| certificate::note(&said)));
    }
    if let Some(list) = r.value("EXTRA_SSL_CERTS") {
        for name in plain_list(&list.text) {
            match r.values.get(name) {
                Some(text) => {
                    let note = certificate::note(&built_in(name, text));
                    r.problems.push(note);
                }
                None => r.say(&list, format!("there is no variable {name}")),
            }
        }
    }
    for name in ["CA_CERT_FILE", "CA_CERT"] {
        let said = r.lines(name);
        r.problems.extend(said.map(|said| certificate::authority(&said)));
    }
    let without = [
        ("CERT_FOLDER", "certificates are not used: TLS is not terminated here yet"),
        ("SSL_BIND_CIPHERS", "not used: TLS is not terminated here yet"),
        ("SSL_BIND_OPTIONS", "not used: TLS is not terminated here yet"),
        ("COOKIE", "no effect on the balancer: set it on the containers that need it"),
    ];
    for (name, reason) in without {
        if let Some(said) = r.value(name) {
            r.say(&said, reason);
        }
    }
}
