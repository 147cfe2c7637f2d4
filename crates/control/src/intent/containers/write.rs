//! Services written in the configuration language and read back: one way to make proxies.

use std::collections::BTreeMap;
use std::fmt::Write;

use config::source::NoSources;
use config::{Environment, Facts, Files, SourceFile};
use model::{Address, Config};

use super::route::Route;
use super::{Options, Service};

/// Name of the built-in frontend.
const FRONTEND: &str = "evenkeel";

/// Defaults of everything that containers ask for. A request that was not sent yet goes to
/// another replica at once.
const DEFAULTS: &str = "defaults evenkeel-containers
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    timeout queue 30s
    timeout http-request 30s
    timeout http-keep-alive 1m
    timeout tunnel 1h
    option forwardfor
    option redispatch 1
    retries 3
    balance roundrobin
";

/// A word that names a proxy or server: letters, digits and `-_.:`.
pub fn word(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    text.chars().map(|c| if good(c) { c } else { '_' }).collect()
}

/// The files' configuration and the services in one.
///
/// # Errors
/// When what was written cannot be read back: a fault of ours, said in one line.
pub fn config(
    base: &Config,
    services: &BTreeMap<String, Service>,
    default: Option<&str>,
    options: &Options,
) -> Result<Config, String> {
    let text = text(base, services, default, options);
    let mut files = Files::default();
    files.add(SourceFile::new("containers", text.as_bytes()));
    let loaded = config::load(files, &NoSources, &mut Environment::default(), &Facts::default());
    let Some(made) = loaded.config else {
        let first = loaded.diagnostics.iter().find(|d| d.severity == config::Severity::Alert);
        let reason = first.map(|d| d.reason.to_string()).unwrap_or_default();
        return Err(format!("the containers' configuration cannot be read: {reason}"));
    };
    let mut whole = base.clone();
    whole.frontends.extend(made.frontends);
    whole.backends.extend(made.backends);
    Ok(whole)
}

fn text(
    base: &Config,
    services: &BTreeMap<String, Service>,
    default: Option<&str>,
    options: &Options,
) -> String {
    let mut out = DEFAULTS.to_owned();
    let taken = |a: &std::net::SocketAddr| {
        let binds = base.frontends.iter().flat_map(|f| f.binds.iter());
        binds.into_iter().any(|b| matches!(&b.address, Address::Inet(i) if i.port() == a.port()))
    };
    let free: Vec<_> = options.listen.iter().filter(|a| !taken(a)).collect();
    if !free.is_empty() && base.frontend(FRONTEND).is_none() {
        let _ = writeln!(out, "frontend {FRONTEND} from evenkeel-containers");
        for address in free {
            let _ = writeln!(out, "    bind {address}");
        }
        let mut routes: Vec<(&Route, &str)> = services
            .values()
            .flat_map(|s| s.routes.iter().map(|r| (r, s.backend.as_str())))
            .collect();
        routes.sort_by(|a, b| a.0.rank().cmp(&b.0.rank()).then_with(|| a.cmp(b)));
        for (route, backend) in routes {
            let _ = writeln!(out, "    use_backend {backend} if {}", route.condition());
        }
        if let Some(backend) = default {
            let _ = writeln!(out, "    default_backend {backend}");
        }
    }
    for service in services.values() {
        let _ = writeln!(out, "backend {} from evenkeel-containers", service.backend);
        for replica in &service.replicas {
            let _ = write!(
                out,
                "    server {} {} weight {}",
                replica.name, replica.address, replica.weight
            );
            out.push_str(if replica.takes_traffic { "\n" } else { " disabled\n" });
        }
    }
    out
}
