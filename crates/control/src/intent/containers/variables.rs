//! The variables of application containers, as dockercloud/haproxy reads them.

use model::observed::Container;

use super::Problem;
use super::asks::{Asks, Dialect, PoolAsks, Ports, ROUTES_MAX, ServerAsks, Slot, Way};
use super::certificate;
use super::route::{self, DEFAULT_PORT, Route};
use super::said::{By, Said, Voice, escaped_list, plain_list, port, shown_list, truth};

/// A variable: name, grammar, effect.
pub type Row = (&'static str, &'static str, &'static str);

/// Every variable of an application container. `docs/containers.md` holds this table.
pub const VARIABLES: &[Row] = &[
    ("VIRTUAL_HOST", "list of `[scheme://][host][:port][/path]`", "requests that reach it"),
    ("VIRTUAL_HOST_WEIGHT", "number", "rules of a higher weight come first"),
    ("BALANCE", "balance expression", "`balance` of its backend"),
    ("COOKIE", "cookie expression", "sticky sessions; the cookie's value is the container's name"),
    ("EXCLUDE_PORTS", "list of ports", "exposed ports that are never used"),
    ("EXCLUDE_BASIC_AUTH", "yes or no", "no account is asked for"),
    ("EXTRA_ROUTE_SETTINGS", "words", "added to its server line, in place of the balancer's"),
    ("EXTRA_SETTINGS", "list, `\\,` for a comma", "further lines of its backend"),
    ("FAILOVER", "yes or no", "its servers are `backup`"),
    ("FORCE_SSL", "yes or no", "301 to https for requests that did not come by TLS"),
    (
        "GZIP_COMPRESSION_TYPE",
        "MIME types, blanks between",
        "answers of these types are compressed",
    ),
    ("HEALTH_CHECK", "check words", "check of its server, in place of the balancer's"),
    ("HSTS_MAX_AGE", "seconds", "Strict-Transport-Security on every answer"),
    ("HTTP_CHECK", "`[method] uri [version]`", "checks speak HTTP"),
    ("OPTION", "list", "`option` lines of its backend"),
    ("TCP_PORTS", "list of `port` or `port/ssl`", "these container ports become TCP listeners"),
    ("SERVICE_PORTS", "list of ports", "ports of a Swarm service, which needs it"),
    ("SSL_CERT", "PEM, `\\n` for a newline", "certificate: read and checked, not used yet"),
    ("DEFAULT_SSL_CERT", "PEM, `\\n` for a newline", "the same"),
    ("APPSESSION", "-", "gone from the language: use COOKIE"),
];

/// Reads the environment of a container.
///
/// # Errors
/// What is wrong, with the variable: the container is then left out.
pub fn read(container: &Container) -> Result<Asks, Problem> {
    let by = By::Container { id: container.id.clone(), name: container.name.clone() };
    let known = |name: &str| VARIABLES.iter().any(|(ours, ..)| ours.eq_ignore_ascii_case(name));
    let voice = Voice::folded(by, &container.env, known);
    let mut notes = Vec::new();
    let mut way = Way { ports: ports(container, &voice)?, ..Way::default() };
    way.tcp = tcp_ports(container, &voice, &mut notes)?;
    way.server = ServerAsks {
        weight: None,
        check: voice.raw("HEALTH_CHECK")?.map(|s| s.with(s.text.trim())),
        extra: voice.value("EXTRA_ROUTE_SETTINGS")?,
        backup: flag(&voice, "FAILOVER")?.is_some(),
        ignore_health: false,
    };
    way.pool = pool(&voice)?;
    way.priority = match voice.value("VIRTUAL_HOST_WEIGHT")? {
        None => 0,
        Some(said) => said.text.parse().unwrap_or_else(|_| {
            notes.push(said.problem("the weight is no number and counts as 0"));
            0
        }),
    };
    virtual_hosts(&voice, &mut way, &mut notes)?;
    if way.routes.iter().any(|(r, _)| r.websocket)
        && let Some(said) = voice.value("VIRTUAL_HOST")?
    {
        way.pool.line(Slot::ServerClose, &said, "option http-server-close");
    }
    for name in ["DEFAULT_SSL_CERT", "SSL_CERT"] {
        notes.extend(voice.lines(name)?.map(|said| certificate::note(&said)));
    }
    if let Some(said) = voice.value("APPSESSION")? {
        notes.push(said.problem("the language has no 'appsession' any more: use COOKIE"));
    }
    misspelled(container, &mut notes);
    Ok(Asks {
        dialect: Dialect::Dockercloud,
        explicit: false,
        service: None,
        network: None,
        address: None,
        ways: vec![way],
        notes,
    })
}

/// A variable that means yes.
fn flag(voice: &Voice<'_>, name: &str) -> Result<Option<Said>, Problem> {
    Ok(voice.value(name)?.filter(|said| truth(&said.text)))
}

fn port_list(said: &Said) -> Result<Vec<u16>, Problem> {
    let read = |item: &str| {
        let item = item.strip_suffix("/tcp").unwrap_or(item);
        port(item).ok_or_else(|| said.problem(format!("'{}' is no port", route::shown(item))))
    };
    plain_list(&said.text).map(read).collect()
}

fn ports(container: &Container, voice: &Voice<'_>) -> Result<Ports, Problem> {
    let mut ports = Ports::default();
    if let Some(said) = voice.value("EXCLUDE_PORTS")? {
        ports.excluded = port_list(&said)?;
    }
    if container.labels.contains_key("com.docker.swarm.service.id")
        && let Some(said) = voice.value("SERVICE_PORTS")?
    {
        ports.named = Some((port_list(&said)?, said));
    }
    Ok(ports)
}

fn tcp_ports(
    container: &Container,
    voice: &Voice<'_>,
    notes: &mut Vec<Problem>,
) -> Result<Vec<(u16, Said)>, Problem> {
    let mut list: Vec<(u16, Said)> = Vec::new();
    let Some(said) = voice.value("TCP_PORTS")? else { return Ok(list) };
    for item in plain_list(&said.text) {
        let (number, tls) = match item.split_once('/') {
            None => (item, false),
            Some((number, "ssl")) => (number, true),
            Some((_, other)) => {
                let reason = format!("'/{}' after a port: only /ssl is known", route::shown(other));
                return Err(said.problem(reason));
            }
        };
        let Some(n) = port(number) else {
            return Err(said.problem(format!("'{}' is no port", route::shown(number))));
        };
        if tls {
            notes.push(
                said.problem(format!(
                    "port {n} is relayed as it is: TLS is not terminated here yet"
                )),
            );
        }
        if !container.exposed.is_empty() && !container.exposed.contains(&n) {
            notes.push(said.problem(format!("port {n} is not exposed and left out")));
        } else if !list.iter().any(|(known, _)| *known == n) {
            list.push((n, said.clone()));
        }
    }
    Ok(list)
}

fn pool(voice: &Voice<'_>) -> Result<PoolAsks, Problem> {
    let mut pool = PoolAsks::default();
    let words = [
        ("COOKIE", Slot::Cookie, "cookie"),
        ("BALANCE", Slot::Balance, "balance"),
        ("HTTP_CHECK", Slot::Check, "option httpchk"),
    ];
    for (name, slot, keyword) in words {
        if let Some(said) = voice.value(name)? {
            pool.line(slot, &said, format!("{keyword} {}", said.text));
        }
    }
    if let Some(said) = flag(voice, "FORCE_SSL")? {
        pool.line(Slot::Redirect, &said, FORCE_SSL);
    }
    if let Some(said) = voice.value("GZIP_COMPRESSION_TYPE")? {
        pool.line(Slot::Compression, &said, "compression algo gzip");
        pool.line(Slot::Compression, &said, format!("compression type {}", said.text));
    }
    if let Some(said) = voice.value("HSTS_MAX_AGE")? {
        if !said.text.bytes().all(|b| b.is_ascii_digit()) {
            let reason = format!("'{}' is no number of seconds", route::shown(&said.text));
            return Err(said.problem(reason));
        }
        let line = format!(
            "http-response set-header Strict-Transport-Security 'max-age={}; includeSubDomains'",
            said.text
        );
        pool.line(Slot::Hsts, &said, line);
    }
    if let Some(said) = voice.value("OPTION")? {
        for item in plain_list(&said.text) {
            pool.line(Slot::Option, &said, format!("option {item}"));
        }
    }
    if let Some(said) = voice.value("EXTRA_SETTINGS")? {
        for item in escaped_list(&said.text) {
            pool.line(Slot::Extra, &said, item);
        }
    }
    pool.open = flag(voice, "EXCLUDE_BASIC_AUTH")?.is_some();
    Ok(pool)
}

/// Plain requests are sent to https, those that a trusted proxy took by TLS are not: the frontend
/// leaves `X-Forwarded-Proto` only to those.
pub const FORCE_SSL: &str = "http-request redirect scheme https code 301 \
     unless { ssl_fc } || { req.hdr(x-forwarded-proto) -i -m str https }";

fn virtual_hosts(
    voice: &Voice<'_>,
    way: &mut Way,
    notes: &mut Vec<Problem>,
) -> Result<(), Problem> {
    let Some(said) = voice.value("VIRTUAL_HOST")? else { return Ok(()) };
    let redirects = way.pool.lines.contains_key(&Slot::Redirect);
    let mut secure = Vec::new();
    for item in plain_list(&said.text) {
        let entry = route::entry(item).map_err(|reason| said.problem(reason))?;
        if !entry.tls {
            add(way, entry.route, &said)?;
            continue;
        }
        if redirects {
            // What asks for https gets the redirection, as long as that is all there is.
            add(way, Route { port: DEFAULT_PORT, ..entry.route.clone() }, &said)?;
        }
        secure.push(route::shown(item));
    }
    if !secure.is_empty() {
        notes.push(said.problem(format!(
            "{} not served: TLS is not terminated here yet, and port 443 is never opened in clear",
            shown_list(&secure)
        )));
        way.unserved = way.routes.is_empty();
    }
    Ok(())
}

fn add(way: &mut Way, route: Route, said: &Said) -> Result<(), Problem> {
    if way.routes.iter().any(|(known, _)| *known == route) {
        return Ok(());
    }
    if way.routes.len() == ROUTES_MAX {
        return Err(said.problem(format!("more than {ROUTES_MAX} routes")));
    }
    way.routes.push((route, said.clone()));
    Ok(())
}

/// Names of variables that belong to others and look like ours.
const NOT_OURS: &[&str] = &["VIRTUAL_ENV", "VIRTUAL_PORT", "VIRTUAL_PATH", "VIRTUAL_PROTO"];

fn misspelled(container: &Container, notes: &mut Vec<Problem>) {
    for name in container.env.keys() {
        if name.len().abs_diff(12) > 2 {
            continue;
        }
        let upper = name.to_ascii_uppercase();
        let ours = VARIABLES.iter().any(|(known, ..)| *known == upper);
        if ours || NOT_OURS.contains(&upper.as_str()) {
            continue;
        }
        if config::suggest::did_you_mean(&upper, ["VIRTUAL_HOST"]).is_some() {
            notes.push(Problem {
                origin: model::Origin::Label {
                    container: container.name.clone(),
                    label: name.as_str().into(),
                },
                reason: "this variable is not known: was VIRTUAL_HOST meant?".to_owned(),
            });
        }
    }
}
