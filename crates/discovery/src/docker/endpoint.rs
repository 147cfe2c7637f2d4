//! Where an engine listens, and by which certificates both sides are known.

use std::error::Error;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

/// Where the engine listens when nothing else is said.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Time for the name of the engine's machine to become an address.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Ports of engines, in clear and with TLS.
const PORTS: [u16; 2] = [2375, 2376];
/// Files of a folder of certificates: who may be the engine, and who we are.
const FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];

/// An engine's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    place: Place,
    /// Folder of `ca.pem`, `cert.pem` and `key.pem`: TLS, each side known to the other.
    certificates: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Unix(String),
    Tcp {
        host: String,
        port: u16,
    },
    /// Every task of a Swarm service, by the service's name.
    Tasks {
        service: String,
        port: u16,
    },
}

/// What the DNS of a Swarm has before a service's name for the addresses of its tasks.
const TASKS: &str = "tasks.";

impl Endpoint {
    /// `unix://PATH`, `tcp://HOST[:PORT]`, `tcp://HOST[:PORT]?certs=FOLDER`. With `certificates`
    /// those by TCP that name none use TLS with that folder. `tasks://SERVICE[:PORT]` means the
    /// agents that are the tasks of a Swarm service, as does `tcp://tasks.SERVICE[:PORT]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, certificates: Option<&Path>) -> Result<Self, String> {
        let fault = |reason: &str| format!("Docker engine '{text}': {reason}");
        if let Some(path) = text.strip_prefix("unix://").or(text.starts_with('/').then_some(text)) {
            if !path.starts_with('/') {
                return Err(fault("the path of a socket begins with '/'"));
            }
            return Ok(Self { place: Place::Unix(path.to_owned()), certificates: None });
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            fault("none of unix://PATH, tcp://HOST:PORT and tasks://SERVICE:PORT")
        })?;
        let (address, query) = match rest.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (rest, None),
        };
        let own = match query {
            None => None,
            Some(query) => match query.strip_prefix("certs=").filter(|f| !f.is_empty()) {
                Some(folder) => Some(Path::new(folder)),
                None => return Err(fault("only ?certs=FOLDER may follow the address")),
            },
        };
        let group = scheme == "tasks" || address.starts_with(TASKS);
        let certificates = match (scheme, own.or(certificates)) {
            ("tasks", _) | ("tcp", _) if group && own.is_some() => {
                return Err(fault("agents are known by no name, TLS with them is not possible"));
            }
            ("tasks" | "tcp", _) if group => None,
            ("tcp" | "https", Some(folder)) => Some(folder.to_owned()),
            ("tcp" | "http", None) => None,
            ("https", None) => return Err(fault("TLS needs certificates: DOCKER_CERT_PATH")),
            ("http", Some(_)) => return Err(fault("http:// has no certificates")),
            _ => {
                return Err(fault("none of unix://PATH, tcp://HOST:PORT and tasks://SERVICE:PORT"));
            }
        };
        let usual = PORTS[usize::from(certificates.is_some())];
        let address = address.trim_end_matches('/');
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let (host, port) = match address.rsplit_once(':') {
            _ if bare.parse::<IpAddr>().is_ok() => (bare, Some(usual)),
            Some((host, port)) => {
                (host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok())
            }
            None => (address, Some(usual)),
        };
        let port = port.filter(|p| *p != 0).ok_or_else(|| fault("this is no port"))?;
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(good) {
            return Err(fault("this is no host"));
        }
        let place = match group {
            true => {
                let service = host.strip_prefix(TASKS).unwrap_or(host).to_owned();
                Place::Tasks { service, port }
            }
            false => Place::Tcp { host: host.to_owned(), port },
        };
        Ok(Self { place, certificates })
    }

    /// An engine at this address, in clear.
    pub(super) fn tcp(address: SocketAddr) -> Self {
        let place = Place::Tcp { host: address.ip().to_string(), port: address.port() };
        Self { place, certificates: None }
    }

    /// The name whose every address is an engine, and their port.
    pub(super) fn group(&self) -> Option<(String, u16)> {
        let Place::Tasks { service, port } = &self.place else { return None };
        Some((format!("{TASKS}{service}"), *port))
    }

    /// Whether the engine is on this machine for certain.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        matches!(self.place, Place::Unix(_))
    }

    /// The path of its socket, unless it is reached by TCP.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match &self.place {
            Place::Unix(path) => Some(Path::new(path)),
            Place::Tcp { .. } | Place::Tasks { .. } => None,
        }
    }

    /// A client for it that waits so long for the beginning of an answer; nothing is sent yet.
    pub fn connect(&self, patience: Duration) -> Result<Docker, Box<dyn Error + Send + Sync>> {
        let patience_s = patience.as_secs().max(1);
        let (host, port) = match &self.place {
            Place::Tcp { host, port } => (host, port),
            Place::Tasks { .. } => return Err("this is no engine but many".into()),
            Place::Unix(path) => {
                return Ok(Docker::connect_with_unix(path, patience_s, API_DEFAULT_VERSION)?);
            }
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let address = format!("tcp://{host}:{port}");
        let Some(folder) = &self.certificates else {
            return Ok(Docker::connect_with_http(&address, patience_s, API_DEFAULT_VERSION)?);
        };
        // The library is silent about a certificate of ours that it cannot read.
        let [ca, cert, key] = FILES.map(|name| folder.join(name));
        for file in [&ca, &cert, &key] {
            std::fs::File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        // Only the first in a process is taken; it is the same one each time.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client =
            Docker::connect_with_ssl(&address, &key, &cert, &ca, patience_s, API_DEFAULT_VERSION)?;
        Ok(client)
    }

    /// Address of the engine's machine, if that is another one.
    pub async fn machine(&self) -> Option<IpAddr> {
        let Place::Tcp { host, port } = &self.place else { return None };
        let lookup = tokio::net::lookup_host((host.as_str(), *port));
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await.ok()?.ok()?;
        let addresses: Vec<IpAddr> = found.map(|a| a.ip()).collect();
        // Only an address of this machine can be bound.
        let here = |ip: &IpAddr| ip.is_loopback() || UdpSocket::bind((*ip, 0)).is_ok();
        if addresses.iter().any(here) { None } else { addresses.first().copied() }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Unix(path) => write!(f, "unix://{path}"),
            Place::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Place::Tasks { service, port } => write!(f, "tasks://{service}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match Endpoint::parse(text, None) {
            Ok(endpoint) => format!("{endpoint} {:?}", endpoint.certificates),
            Err(reason) => reason,
        }
    }

    #[test]
    fn addresses_are_read_and_wrong_ones_explained() {
        for (text, read) in [
            ("unix:///run/d.sock", "unix:///run/d.sock None"),
            ("/run/d.sock", "unix:///run/d.sock None"),
            ("tcp://far.test", "tcp://far.test:2375 None"),
            ("tcp://far.test:99/", "tcp://far.test:99 None"),
            ("http://10.0.0.1:1", "tcp://10.0.0.1:1 None"),
            ("tcp://::1", "tcp://[::1]:2375 None"),
            ("tcp://[::1]:99", "tcp://[::1]:99 None"),
            ("tcp://far.test?certs=/c", "tcp://far.test:2376 Some(\"/c\")"),
            ("tasks://agent", "tasks://agent:2375 None"),
            ("tcp://tasks.agent:99", "tasks://agent:99 None"),
        ] {
            assert_eq!(parsed(text), read, "{text}");
        }
        for (text, reason) in [
            ("", "none of unix://PATH, tcp://HOST:PORT and tasks://SERVICE:PORT"),
            ("ssh://far.test", "none of unix://PATH, tcp://HOST:PORT and tasks://SERVICE:PORT"),
            ("unix://d.sock", "the path of a socket begins with '/'"),
            ("tcp://far.test:x", "this is no port"),
            ("tcp://:99", "this is no host"),
            ("tcp://a b:99", "this is no host"),
            ("tcp://far.test?x=1", "only ?certs=FOLDER may follow the address"),
            (
                "tasks://agent?certs=/c",
                "agents are known by no name, TLS with them is not possible",
            ),
            ("https://far.test", "TLS needs certificates: DOCKER_CERT_PATH"),
        ] {
            assert_eq!(parsed(text), format!("Docker engine '{text}': {reason}"));
        }
    }

    #[test]
    fn certificates_for_all_are_for_those_by_tcp() {
        let folder = Path::new("/all");
        let of = |text| Endpoint::parse(text, Some(folder)).expect("an endpoint").certificates;
        assert_eq!(of("tcp://far.test"), Some(folder.to_owned()));
        assert_eq!(of("tcp://far.test?certs=/own"), Some(PathBuf::from("/own")));
        assert_eq!(of("unix:///run/d.sock"), None);
    }

    #[test]
    fn a_missing_certificate_is_named() {
        let endpoint = Endpoint::parse("tcp://127.0.0.1:1?certs=/nowhere", None).expect("parsed");
        let reason =
            endpoint.connect(LOOKUP_TIMEOUT).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(reason.starts_with("/nowhere/ca.pem: "), "{reason}");
    }
}
