//! What one container asks for, from its labels and environment.

use model::Origin;
use model::observed::Container;

use super::Problem;
use super::route::{Host, Route};

/// Most hosts and paths that one container may name.
const ROUTES_MAX: usize = 64;

/// What a container asks for.
#[derive(Debug)]
pub struct Asks {
    /// Which requests; none = whatever nobody else asks for.
    pub routes: Vec<Route>,
    /// Port it named.
    pub port: Option<u16>,
    /// Weight, 0-256.
    pub weight: u16,
    /// `evenkeel.enable=true`.
    pub explicit: bool,
}

/// Reads labels and environment; `Ok(None)` with `evenkeel.enable=false`.
pub fn read(container: &Container) -> Result<Option<Asks>, Problem> {
    let problem = |label: &str, reason: String| Problem {
        origin: Origin::Label { container: container.name.clone(), label: label.into() },
        reason: format!("{reason}: this container is left out until it is mended"),
    };
    let label = |name: &str| container.labels.get(name).map(|v| v.trim());
    let env = |name: &str| container.env.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    let explicit = match label("evenkeel.enable") {
        None => false,
        Some(v) if v.eq_ignore_ascii_case("true") || v == "1" => true,
        Some(v) if v.eq_ignore_ascii_case("false") || v == "0" => return Ok(None),
        Some(v) => {
            let reason = format!("'{v}' is neither true nor false");
            return Err(problem("evenkeel.enable", reason));
        }
    };
    let (port_label, port) = match (label("evenkeel.port"), env("VIRTUAL_PORT")) {
        (Some(port), _) => ("evenkeel.port", Some(port)),
        (None, port) => ("VIRTUAL_PORT", port),
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(n)) if n > 0 => Some(n),
        Some(_) => {
            let reason = format!("'{}' is no port", port.unwrap_or_default());
            return Err(problem(port_label, reason));
        }
    };
    let weight = match label("evenkeel.weight").map(str::parse::<u16>) {
        None => 1,
        Some(Ok(n)) if n <= 256 => n,
        Some(_) => return Err(problem("evenkeel.weight", "a weight is 0 to 256".to_owned())),
    };
    let routes = match (label("evenkeel.host"), label("evenkeel.path"), env("VIRTUAL_HOST")) {
        (None, None, None) => Vec::new(),
        (None, None, Some(hosts)) => {
            let path = env("VIRTUAL_PATH");
            virtual_hosts(hosts, path).map_err(|e| problem("VIRTUAL_HOST", e))?
        }
        (host, path, _) => native(host, path).map_err(|(l, e)| problem(l, e))?,
    };
    Ok(Some(Asks { routes, port, weight, explicit }))
}

fn native(host: Option<&str>, path: Option<&str>) -> Result<Vec<Route>, (&'static str, String)> {
    let paths: Vec<Option<String>> = match path {
        None => vec![None],
        Some(list) => items(list)
            .map(|p| clean_path(p).map(Some).map_err(|e| ("evenkeel.path", e)))
            .collect::<Result<_, _>>()?,
    };
    let hosts: Vec<Option<Host>> = match host {
        None => vec![None],
        Some(list) => items(list)
            .map(|h| Host::parse(h).map(Some).map_err(|e| ("evenkeel.host", e)))
            .collect::<Result<_, _>>()?,
    };
    let mut routes = Vec::new();
    for host in &hosts {
        for path in &paths {
            routes.push(Route { host: host.clone(), path: path.clone() });
        }
    }
    if routes.len() > ROUTES_MAX {
        return Err(("evenkeel.host", format!("more than {ROUTES_MAX} routes")));
    }
    Ok(routes)
}

/// The list of nginx-proxy and dockercloud: `[scheme://]host[:port][/path]`, comma-separated.
fn virtual_hosts(list: &str, path: Option<&str>) -> Result<Vec<Route>, String> {
    let routes: Vec<Route> = items(list)
        .map(|item| {
            let rest = item.split_once("://").map_or(item, |(_, rest)| rest);
            let (host, own_path) = match rest.find('/') {
                Some(at) => (&rest[..at], Some(&rest[at..])),
                None => (rest, None),
            };
            let host = host.split(':').next().unwrap_or_default();
            let host = match host {
                "" | "*" => None,
                name => Some(Host::parse(name)?),
            };
            let path = own_path.filter(|p| *p != "/" && *p != "/*").or(path);
            let path = path.map(|p| clean_path(p.trim_end_matches('*'))).transpose()?;
            Ok(Route { host, path })
        })
        .collect::<Result<_, String>>()?;
    if routes.len() > ROUTES_MAX {
        Err(format!("more than {ROUTES_MAX} hosts"))
    } else {
        Ok(routes)
    }
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|i| !i.is_empty())
}

/// A path prefix: begins with a slash, keeps no slash at its end, holds nothing that a
/// configuration line could mistake.
fn clean_path(path: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+;=:@%".contains(c);
    if !path.starts_with('/') {
        return Err(format!("the path '{path}' must begin with a slash"));
    }
    match path.chars().find(|c| !good(*c)) {
        Some(bad) => Err(format!("the path '{path}' holds {bad:?}")),
        None => Ok(path.trim_end_matches('/').to_owned()),
    }
}
