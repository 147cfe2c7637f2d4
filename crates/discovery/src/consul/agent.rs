//! Where Consul is and who asks: its addresses, the token, TLS, as `CONSUL_HTTP_*` variables say.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Name;
use rustls::ClientConfig;

use super::tls;

/// Where Consul is when nothing says so.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8500";
/// Agents that are tried one after the other.
const AGENTS_MAX: usize = 16;

/// How an agent is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A socket.
    Unix(PathBuf),
    /// A host and a port, with TLS or without.
    Tcp { host: String, port: u16, tls: bool },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, tls } => {
                let scheme = if *tls { "https" } else { "http" };
                match host.contains(':') {
                    true => write!(f, "{scheme}://[{host}]:{port}"),
                    false => write!(f, "{scheme}://{host}:{port}"),
                }
            }
        }
    }
}

impl Place {
    /// Whether the agent is on this machine for certain.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

/// Which Consul is asked, and with which rights.
#[derive(Clone)]
pub struct Settings {
    pub(super) agents: Vec<Place>,
    pub(super) token: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    /// `user:password`.
    pub(super) basic: Option<String>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Name that the certificate is for, where it is not the host's.
    pub(super) server_name: Option<String>,
    pub(super) namespace: Option<Name>,
    pub(super) partition: Option<Name>,
    /// Source of chance.
    pub(super) seed: u64,
}

impl std::fmt::Debug for Settings {
    /// Without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("agents", &self.agents).finish_non_exhaustive()
    }
}

impl Settings {
    /// From a list of addresses separated by commas, `None` for `CONSUL_HTTP_ADDR`, and the other
    /// variables of Consul's own tools. Files with certificates are read now.
    ///
    /// # Errors
    /// What is wrong with which address, variable or file.
    pub fn find(
        address: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
        seed: u64,
    ) -> Result<Self, String> {
        let set = |name: &str| variable(name).filter(|v| !v.is_empty());
        let switch = |name: &str| match set(name).map(|v| v.to_ascii_lowercase()).as_deref() {
            None => Ok(None),
            Some("1" | "t" | "true") => Ok(Some(true)),
            Some("0" | "f" | "false") => Ok(Some(false)),
            Some(other) => Err(format!("{name}: '{other}' is neither true nor false")),
        };
        let usual = set("CONSUL_HTTP_ADDR");
        let list = address.or(usual.as_deref()).unwrap_or(DEFAULT_ADDRESS);
        let by_tls = switch("CONSUL_HTTP_SSL")?.unwrap_or(false);
        let agents = list
            .split(',')
            .map(|one| place(one.trim(), by_tls).map_err(|why| format!("Consul '{one}': {why}")))
            .collect::<Result<Vec<_>, _>>()?;
        if agents.len() > AGENTS_MAX {
            return Err(format!("more than {AGENTS_MAX} addresses of Consul"));
        }
        let file = |name: &str| set(name).map(PathBuf::from);
        let wants_tls = |place: &Place| matches!(place, Place::Tcp { tls: true, .. });
        let tls = match agents.iter().any(wants_tls) {
            false => None,
            true => Some(tls::config(&tls::Files {
                verify: switch("CONSUL_HTTP_SSL_VERIFY")?.unwrap_or(true),
                authorities: file("CONSUL_CACERT"),
                folder: file("CONSUL_CAPATH"),
                certificate: file("CONSUL_CLIENT_CERT"),
                key: file("CONSUL_CLIENT_KEY"),
            })?),
        };
        Ok(Self {
            agents,
            token: set("CONSUL_HTTP_TOKEN"),
            token_file: file("CONSUL_HTTP_TOKEN_FILE"),
            basic: set("CONSUL_HTTP_AUTH"),
            tls,
            server_name: set("CONSUL_TLS_SERVER_NAME"),
            namespace: set("CONSUL_NAMESPACE").map(Name::from),
            partition: set("CONSUL_PARTITION").map(Name::from),
            seed,
        })
    }

    /// The addresses, for people.
    #[must_use]
    pub fn address(&self) -> String {
        let all: Vec<String> = self.agents.iter().map(ToString::to_string).collect();
        all.join(",")
    }

    /// The token for a question: its own file's, else the file's, else the variable's. Files are
    /// read each time, since tokens are replaced there.
    ///
    /// # Errors
    /// Which file cannot be read.
    pub(super) fn token(&self, own: Option<&str>) -> Result<Option<String>, String> {
        match own.map(Path::new).or(self.token_file.as_deref()) {
            None => Ok(self.token.clone()),
            Some(file) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(Some(text.trim().to_owned()).filter(|t| !t.is_empty())),
                Err(e) => Err(format!("token file {}: {e}", file.display())),
            },
        }
    }
}

fn place(text: &str, by_tls: bool) -> Result<Place, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let tls = match scheme {
        "" => by_tls,
        "http" => false,
        "https" => true,
        "unix" if rest.starts_with('/') => return Ok(Place::Unix(PathBuf::from(rest))),
        _ => return Err("none of HOST:PORT, http://, https:// and unix:///PATH".to_owned()),
    };
    let usual = if tls { 8501 } else { 8500 };
    let address = rest.trim_end_matches('/');
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let (host, port) = match address.rsplit_once(':') {
        _ if bare.parse::<IpAddr>().is_ok() => (bare, Some(usual)),
        Some((host, port)) => {
            (host.trim_start_matches('[').trim_end_matches(']'), port.parse::<u16>().ok())
        }
        None => (address, Some(usual)),
    };
    let port = port.filter(|p| *p != 0).ok_or("this is no port")?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(good) {
        return Err("this is no host".to_owned());
    }
    Ok(Place::Tcp { host: host.to_owned(), port, tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::find(address, variable, 0)
    }

    #[test]
    fn addresses_come_from_the_command_line_the_variable_or_nowhere() {
        let variable = &[("CONSUL_HTTP_ADDR", "consul.test:99")][..];
        let ssl = &[("CONSUL_HTTP_SSL", "true"), ("CONSUL_HTTP_SSL_VERIFY", "false")][..];
        for (address, variables, expected) in [
            (None, &[][..], "http://127.0.0.1:8500"),
            (None, variable, "http://consul.test:99"),
            (Some("a.test, b.test:1"), variable, "http://a.test:8500,http://b.test:1"),
            (Some("http://[::1]:99/"), &[], "http://[::1]:99"),
            (Some("::1"), &[], "http://[::1]:8500"),
            (Some("unix:///run/consul.sock"), &[], "unix:///run/consul.sock"),
            (Some("a.test"), ssl, "https://a.test:8501"),
            (Some("http://a.test"), ssl, "http://a.test:8500"),
        ] {
            let found = found(address, variables).map(|s| s.address());
            assert_eq!(found, Ok(expected.to_owned()), "{address:?} {variables:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let schemes = "none of HOST:PORT, http://, https:// and unix:///PATH";
        for (address, reason) in [
            ("ftp://a", schemes),
            ("unix://a", schemes),
            ("a:x", "this is no port"),
            (":1", "this is no host"),
            ("a b", "this is no host"),
        ] {
            let expected = format!("Consul '{address}': {reason}");
            assert_eq!(found(Some(address), &[]).err(), Some(expected));
        }
        let bad = found(None, &[("CONSUL_HTTP_SSL", "maybe")]).err().unwrap_or_default();
        assert_eq!(bad, "CONSUL_HTTP_SSL: 'maybe' is neither true nor false");
        let missing = [("CONSUL_HTTP_SSL", "1"), ("CONSUL_CACERT", "/nowhere/ca.pem")];
        let bad = found(None, &missing).err().unwrap_or_default();
        assert!(bad.starts_with("CONSUL_CACERT /nowhere/ca.pem: "), "{bad}");
    }

    #[test]
    fn a_token_file_is_read_each_time_and_comes_first() {
        let file = std::env::temp_dir().join(format!("evenkeel-token-{}", std::process::id()));
        let path = file.to_str().unwrap_or_default();
        let from = [("CONSUL_HTTP_TOKEN", "plain"), ("CONSUL_HTTP_TOKEN_FILE", path)];
        let settings = found(None, &from).expect("settings");
        assert!(settings.token(None).is_err_and(|e| e.contains(path)));
        for token in ["one", "two"] {
            std::fs::write(&file, format!("{token}\n")).expect("written");
            assert_eq!(settings.token(None), Ok(Some(token.to_owned())));
        }
        let _ = std::fs::remove_file(&file);
        let settings = found(None, &from[..1]).expect("settings");
        assert_eq!(settings.token(None), Ok(Some("plain".to_owned())));
        assert!(!format!("{settings:?}").contains("plain"));
    }
}
