//! Variables of nginx-proxy.

use model::observed::Container;

use super::super::asks::{Asks, Dialect, Ports, Slot, Way};
use super::super::route::{self, Path, Pattern, Route, Test};
use super::super::said::{By, Said, Voice, plain_list, port, quoted};
use super::{Problem, add, asks};

/// What its labels begin with.
const LABELS: &str = "com.github.nginx-proxy.nginx-proxy.";
/// Networks that are internal unless its operator says otherwise.
const INTERNAL: &str = "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7";
/// Variables that change nothing here.
const NO_EFFECT: [&str; 7] = [
    "CERT_NAME",
    "SSL_POLICY",
    "HSTS",
    "SERVER_TOKENS",
    "LETSENCRYPT_HOST",
    "LETSENCRYPT_EMAIL",
    "VIRTUAL_ROOT",
];

/// The variables of nginx-proxy; `None` without a host.
///
/// # Errors
/// What is wrong, with the variable.
pub fn nginx_proxy(container: &Container) -> Result<Option<Asks>, Problem> {
    let by = By::Container { id: container.id.clone(), name: container.name.clone() };
    let voice = Voice::exact(by.clone(), &container.env);
    let mut notes = Vec::new();
    let mut way = Way::default();
    let several = voice.lines("VIRTUAL_HOST_MULTIPORTS")?;
    let Some(said) = voice.value("VIRTUAL_HOST")? else {
        let Some(said) = several else { return Ok(None) };
        refuse(&said, "this variable is not understood", &mut way, &mut notes);
        return Ok(Some(asks(Dialect::NginxProxy, vec![way], None, false, notes)));
    };
    // What has another grammar is of the other dialect.
    if plain_list(&said.text).any(|item| !item.starts_with('~') && item.contains(['/', ':'])) {
        return Ok(None);
    }
    let place = place(&voice, &mut way, &mut notes)?;
    for item in plain_list(&said.text) {
        let (host, mut more) = host(item, &said)?;
        more.extend(place.1.clone());
        let route = Route { host, path: place.0.clone(), more, ..Route::default() };
        add(&mut way, route, &said)?;
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
    guards(&voice, several.as_ref(), &mut way, &mut notes)?;
    for name in NO_EFFECT {
        notes.extend(voice.value(name)?.map(|said| said.problem("this has no effect here")));
    }
    labels(container, by, &mut way, &mut notes)?;
    Ok(Some(asks(Dialect::NginxProxy, vec![way], None, false, notes)))
}

fn refuse(said: &Said, reason: &str, way: &mut Way, notes: &mut Vec<Problem>) {
    notes.push(said.problem(format!("not served: {reason}")));
    way.routes.clear();
    way.unserved = true;
}

fn host(item: &str, said: &Said) -> Result<(Option<Pattern>, Vec<Test>), Problem> {
    let Some(regex) = item.strip_prefix('~') else {
        let host = route::host(item).map_err(|reason| said.problem(reason))?;
        return Ok((Some(host), Vec::new()));
    };
    let regex = quoted(regex);
    let condition = format!("{{ req.hdr(host),host_only,rtrim(.) -i -m reg -- {regex} }}");
    Ok((None, vec![Test { text: format!("host {item}"), condition }]))
}

/// The path, as a prefix or an expression, and what stands in its place for the container.
fn place(
    voice: &Voice<'_>,
    way: &mut Way,
    notes: &mut Vec<Problem>,
) -> Result<(Option<Path>, Vec<Test>), Problem> {
    let dest = voice.value("VIRTUAL_DEST")?;
    let Some(said) = voice.value("VIRTUAL_PATH")? else {
        notes.extend(dest.map(|said| said.problem("this has no effect without VIRTUAL_PATH")));
        return Ok((None, Vec::new()));
    };
    if let Some(regex) = said.text.strip_prefix('~') {
        let (fold, regex) = match regex.strip_prefix('*') {
            Some(regex) => ("-i ", regex),
            None => ("", regex),
        };
        notes.extend(dest.map(|said| said.problem("this has no effect with an expression")));
        let condition = format!("{{ path {fold}-m reg -- {} }}", quoted(regex.trim()));
        let test = Test { text: format!("path {}", said.text), condition };
        return Ok((None, vec![test]));
    }
    if said.text.contains('*') {
        return Err(said.problem("a star stands for itself there: begin with ~ for an expression"));
    }
    let path = route::path_pattern(&said.text).map_err(|reason| said.problem(reason))?;
    if let Some(dest) = dest {
        if dest.text.contains('*') {
            return Err(dest.problem("a star has no place there"));
        }
        let to = route::path_pattern(&dest.text).map_err(|reason| dest.problem(reason))?;
        let regex = quoted(&format!("^{}(.*)$", route::escape(path.text())));
        let to = quoted(&format!("{}\\1", to.text().replace('%', "%%")));
        way.pool.line(Slot::Extra, &dest, format!("http-request replace-path {regex} {to}"));
    }
    if path.text() == "/" {
        return Ok((None, Vec::new()));
    }
    let prefix = route::path_pattern(&format!("{}*", path.text()));
    let prefix = prefix.map_err(|reason| said.problem(reason))?;
    Ok((Some(Path::Stars(prefix)), Vec::new()))
}

/// What keeps requests away.
fn guards(
    voice: &Voice<'_>,
    several: Option<&Said>,
    way: &mut Way,
    notes: &mut Vec<Problem>,
) -> Result<(), Problem> {
    if let Some(said) = voice.value("NETWORK_ACCESS")? {
        match said.text.as_str() {
            "external" => {}
            "internal" => {
                let line = format!("http-request deny deny_status 403 unless {{ src {INTERNAL} }}");
                way.pool.line(Slot::Extra, &said, line);
            }
            _ => return Err(said.problem("expected 'external' or 'internal'")),
        }
    }
    if let Some(said) = voice.value("VIRTUAL_PROTO")?.filter(|said| said.text != "http") {
        refuse(&said, "only http is spoken with containers", way, notes);
    }
    if let Some(said) = voice.value("HTTPS_METHOD")? {
        match said.text.as_str() {
            "nohttp" => refuse(&said, "TLS is not terminated here yet", way, notes),
            "redirect" => {
                notes.push(said.problem("no redirection: TLS is not terminated here yet"))
            }
            "noredirect" | "nohttps" => {}
            _ => return Err(said.problem("expected redirect, noredirect, nohttp or nohttps")),
        }
    }
    if let Some(said) = several {
        refuse(said, "this variable is not understood", way, notes);
    }
    Ok(())
}

fn labels(
    container: &Container,
    by: By,
    way: &mut Way,
    notes: &mut Vec<Problem>,
) -> Result<(), Problem> {
    let voice = Voice::exact(by, &container.labels);
    for full in container.labels.keys().filter(|l| l.starts_with(LABELS)) {
        let Some(said) = voice.value(full)? else { continue };
        let word = said.text.trim_end_matches(';').split_ascii_whitespace().next();
        let balance = match (full.strip_prefix(LABELS), word) {
            (Some("loadbalance"), Some("least_conn")) => "leastconn",
            (Some("loadbalance"), Some("ip_hash")) => "source",
            (Some("loadbalance"), Some("random")) => "random",
            (Some("loadbalance"), Some("round_robin")) => "roundrobin",
            _ => {
                notes.push(said.problem("this is not understood and has no effect"));
                continue;
            }
        };
        way.pool.line(Slot::Balance, &said, format!("balance {balance}"));
    }
    Ok(())
}
