//! Changes asked for on the statistics page (manual 4.2, `stats admin`).

use control::ServerOrder;
use control::ports::ServerOrderKind;
use model::Stats;

use super::options::Asked;
use super::{Answer, Request, escape};
use crate::ports::House;
use crate::stats::Row;

/// Carries out a form and sends the browser back to the page.
pub fn carry_out(
    house: &dyn House,
    settings: &Stats,
    request: &Request<'_>,
    asked: &Asked,
) -> Answer {
    if comes_from_elsewhere(request) {
        return Answer::refused(403, "This form was sent from another site.");
    }
    let outcome = if request.may_change { run(house, request, asked) } else { "DENY" };
    let up = if asked.filter.up { ";up" } else { "" };
    let scope = match asked.scope.as_str() {
        "" => String::new(),
        scope => format!("?scope={}", encoded(scope)),
    };
    Answer {
        status: 303,
        headers: vec![
            ("cache-control", "no-cache".to_owned()),
            ("content-type", "text/plain".to_owned()),
            ("location", format!("{};st={outcome}{up}{scope}", settings.uri)),
        ],
        body: String::new(),
    }
}

/// Whether a browser says that another site's page sent the form. Browsers always say where a form
/// comes from; programs that say nothing carry nobody's password along by themselves.
fn comes_from_elsewhere(request: &Request<'_>) -> bool {
    if let Some(site) = request.fetch_site
        && !matches!(site, "same-origin" | "none")
    {
        return true;
    }
    let Some(origin) = request.origin else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none() || host != request.host
}

/// The word that the page shows afterwards.
fn run(house: &dyn House, request: &Request<'_>, asked: &Asked) -> &'static str {
    let (mut backend, mut action, mut servers) = (None, None, Vec::new());
    for (name, value) in escape::pairs(request.body) {
        match &*name {
            "b" => backend = Some(value),
            "action" => action = Some(value),
            "s" => servers.push(value),
            _ => {}
        }
    }
    let (Some(backend), Some(action)) = (backend, action) else { return "ERRP" };
    let rows = house.rows();
    let is_meant = |r: &&Row| match backend.strip_prefix('#') {
        Some(id) => id.parse() == Ok(r.proxy_id),
        None => r.proxy == backend,
    };
    let Some(row) = rows.iter().filter(|r| asked.filter.takes(r)).find(is_meant) else {
        return "ERRP";
    };
    let Some(kind) = order_of(&action) else { return "ERRP" };
    if servers.is_empty() {
        return "NONE";
    }
    let mut done = 0;
    house.asks("on the statistics page", &action);
    for server in &servers {
        for what in kind {
            let (backend, server) = (row.proxy.as_str().into(), server.as_str().into());
            if house.order(&ServerOrder { backend, server, what: *what }).is_ok() {
                done += 1;
            }
        }
    }
    match done {
        0 => "ERRP",
        n if n < servers.len() * kind.len() => "PART",
        _ => "DONE",
    }
}

/// The orders of an action's name, HAProxy's older names included.
fn order_of(action: &str) -> Option<&'static [ServerOrderKind]> {
    Some(match action {
        "ready" | "enable" => &[ServerOrderKind::Ready],
        "drain" => &[ServerOrderKind::Drain],
        "maint" | "disable" => &[ServerOrderKind::Maintenance],
        _ => return None,
    })
}

/// As a part of a target.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(host: &str, origin: Option<&str>, site: Option<&str>) -> bool {
        let request = Request {
            host: Some(host),
            origin,
            fetch_site: site,
            ..crate::services::options::tests::get("/")
        };
        comes_from_elsewhere(&request)
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        assert!(!from("h:1", None, None), "curl");
        assert!(!from("h:1", Some("http://h:1"), Some("same-origin")));
        assert!(from("h:1", Some("http://evil"), None));
        assert!(from("h:1", Some("null"), None));
        assert!(from("h:1", None, Some("cross-site")));
        assert!(from("h:1", Some("http://h:1"), Some("same-site")));
    }
}
