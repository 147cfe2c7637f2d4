//! What a rollout does at an engine: containers listed, copied with the image as it is now,
//! started, stopped and removed.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig,
    ImageConfig, NetworkConnectRequest, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptions, LogsOptions, RemoveContainerOptions,
};
use futures_util::StreamExt;

use super::Endpoint;

/// Time for a container to stop when it says nothing about that, seconds: the engine's own.
const STOP_TIMEOUT_S: i64 = 10;
/// What a stop may take beyond that.
const STOP_SPARE: Duration = Duration::from_secs(30);
/// Characters of an id that the engine uses as a host name and alias.
const SHORT: usize = 12;

type Failure = Box<dyn Error + Send + Sync>;

/// A container as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it runs.
    pub running: bool,
}

/// How a copy differs from its original.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// Labels; `None` takes one away.
    pub labels: BTreeMap<String, Option<String>>,
}

/// An engine whose containers may be changed.
#[derive(Debug)]
pub struct Replicas {
    docker: Docker,
}

impl Replicas {
    /// Asks the engine for its version.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn at(endpoint: &Endpoint) -> Result<Self, Failure> {
        let docker = endpoint.connect(super::PATIENCE)?.negotiate_version().await?;
        let docker = super::version::agreed(docker)?;
        Ok(Self { docker })
    }

    /// Every container that has these labels (`NAME` or `NAME=VALUE`), running or not.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn list(&self, labels: &[String]) -> Result<Vec<Replica>, Failure> {
        let filters = HashMap::from([("label".to_owned(), labels.to_vec())]);
        let options = ListContainersOptions {
            all: true,
            filters: (!labels.is_empty()).then_some(filters),
            ..ListContainersOptions::default()
        };
        let listed = self.docker.list_containers(Some(options)).await?;
        let replica = |c: bollard::models::ContainerSummary| {
            let name =
                c.names.unwrap_or_default().into_iter().find(|n| n.matches('/').count() == 1);
            let state = c.state.map(|s| s.to_string()).unwrap_or_default();
            Some(Replica {
                id: c.id?,
                name: name.unwrap_or_default().trim_start_matches('/').to_owned(),
                labels: c.labels.unwrap_or_default().into_iter().collect(),
                running: state == "running",
            })
        };
        Ok(listed.into_iter().filter_map(replica).collect())
    }

    /// The process id of a running container on its machine.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn pid(&self, id: &str) -> Result<Option<i64>, Failure> {
        let state = self.docker.inspect_container(id, None).await?.state;
        Ok(state.and_then(|s| s.pid).filter(|pid| *pid > 0))
    }

    /// Why a container cannot have a twin beside it; `None` when it can.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn obstacle(&self, id: &str) -> Result<Option<String>, Failure> {
        Ok(obstacle(&self.docker.inspect_container(id, None).await?))
    }

    /// Id of the image that a container would have if it were made now.
    ///
    /// # Errors
    /// What the engine says, such as that there is no such image.
    pub async fn image(&self, id: &str) -> Result<String, Failure> {
        let old = self.docker.inspect_container(id, None).await?;
        let name = old.config.and_then(|c| c.image).unwrap_or_default();
        let image = self.docker.inspect_image(&name).await;
        let image = image.map_err(|e| format!("image {name}: {e}"))?;
        Ok(image.id.unwrap_or_default())
    }

    /// Makes a copy of a container with the image as it is now, on the same networks, and starts
    /// it; its id.
    ///
    /// # Errors
    /// What the engine says; nothing is left then.
    pub async fn copy(&self, id: &str, difference: &Difference) -> Result<String, Failure> {
        let old = self.docker.inspect_container(id, None).await?;
        // An image that is gone: what came from it cannot be told from what was asked for.
        let before = self.docker.inspect_image(old.image.as_deref().unwrap_or_default()).await;
        let before = before.ok().and_then(|i| i.config).unwrap_or_default();
        let (body, further) = twin(old, &before, difference);
        let name = Some(difference.name.clone());
        let options = CreateContainerOptions { name, ..CreateContainerOptions::default() };
        let made = self.docker.create_container(Some(options), body).await?.id;
        match self.start(&made, further).await {
            Ok(()) => Ok(made),
            Err(e) => {
                // The first reason is what matters.
                let _ = self.remove(&made).await;
                Err(e)
            }
        }
    }

    async fn start(
        &self,
        id: &str,
        networks: Vec<(String, EndpointSettings)>,
    ) -> Result<(), Failure> {
        for (network, endpoint) in networks {
            let request =
                NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(endpoint) };
            self.docker.connect_network(&network, request).await?;
        }
        Ok(self.docker.start_container(id, None).await?)
    }

    /// Stops a container by its own signal and in its own time, and removes it without its
    /// volumes. One that is gone already is no fault.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn end(&self, id: &str) -> Result<(), Failure> {
        let seen = match self.docker.inspect_container(id, None).await {
            Err(e) if missing(&e) => return Ok(()),
            seen => seen?,
        };
        let timeout_s = seen.config.and_then(|c| c.stop_timeout).unwrap_or(STOP_TIMEOUT_S);
        let timeout_s = u64::try_from(timeout_s).unwrap_or(u64::from(u32::MAX));
        let patient = self.docker.clone().with_timeout(Duration::from_secs(timeout_s) + STOP_SPARE);
        match patient.stop_container(id, None).await {
            Err(e) if missing(&e) => return Ok(()),
            // 304: it had stopped by itself.
            Err(e) if status(&e) == Some(304) => {}
            stopped => stopped?,
        }
        self.remove(id).await
    }

    async fn remove(&self, id: &str) -> Result<(), Failure> {
        let options = RemoveContainerOptions { force: true, ..RemoveContainerOptions::default() };
        match self.docker.remove_container(id, Some(options)).await {
            // 409: somebody else removes it now.
            Err(e) if missing(&e) || status(&e) == Some(409) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// The last lines that a container wrote, as far as the engine keeps them.
    pub async fn last_words(&self, id: &str, lines: usize) -> String {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.to_string(),
            ..LogsOptions::default()
        };
        let mut log = std::pin::pin!(self.docker.logs(id, Some(options)));
        let mut text = String::new();
        while let Some(Ok(part)) = log.next().await {
            text.push_str(&part.to_string());
        }
        text
    }
}

fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn missing(error: &bollard::errors::Error) -> bool {
    status(error) == Some(404)
}

fn obstacle(container: &ContainerInspectResponse) -> Option<String> {
    let host = container.host_config.as_ref();
    if host.and_then(|h| h.network_mode.as_deref()) == Some("host") {
        return Some("it is on the host's network, where two cannot listen on one port".to_owned());
    }
    let bindings = host.and_then(|h| h.port_bindings.as_ref()).into_iter().flatten();
    for (port, list) in bindings {
        // A range of ports is for several containers.
        let fixed = list
            .iter()
            .flatten()
            .filter_map(|b| b.host_port.as_deref())
            .find(|p| !p.is_empty() && *p != "0" && !p.contains('-'));
        if let Some(fixed) = fixed {
            return Some(format!(
                "it publishes {port} on port {fixed} of its machine, which two cannot have at once"
            ));
        }
    }
    let networks = container.network_settings.as_ref().and_then(|s| s.networks.as_ref());
    networks.into_iter().flatten().find_map(|(name, endpoint)| {
        let ip = endpoint.ipam_config.as_ref()?;
        let fixed = [&ip.ipv4_address, &ip.ipv6_address].into_iter().flatten();
        let fixed = fixed.into_iter().find(|a| !a.is_empty())?;
        Some(format!("it has the fixed address {fixed} on {name}, which two cannot have at once"))
    })
}

/// What makes a container like an old one: what the old image said is left to the image of now.
/// With it the networks that are joined before the start.
fn twin(
    old: ContainerInspectResponse,
    image: &ImageConfig,
    difference: &Difference,
) -> (ContainerCreateBody, Vec<(String, EndpointSettings)>) {
    let id = old.id.unwrap_or_default();
    let name = old.name.unwrap_or_default();
    let host = old.host_config.unwrap_or_default();
    let mode = host.network_mode.clone().unwrap_or_default();
    let networks = old.network_settings.and_then(|s| s.networks).unwrap_or_default();
    let mut networks: Vec<(String, EndpointSettings)> = networks.into_iter().collect();
    networks.sort_by(|a, b| ((a.0 != mode), &a.0).cmp(&((b.0 != mode), &b.0)));
    let ours = [&id[..SHORT.min(id.len())], name.trim_start_matches('/')];
    for (_, endpoint) in &mut networks {
        *endpoint = again(endpoint, &ours, &difference.name);
    }
    // One that uses another's network has none of its own.
    let first = (!networks.is_empty()).then(|| networks.remove(0));
    let endpoints = first.map(|(name, endpoint)| HashMap::from([(name, endpoint)]));
    let mut body = asked_for(old.config.unwrap_or_default(), image);
    let shared = mode == "host" || mode.starts_with("container:");
    if shared || body.hostname.as_deref() == Some(ours[0]) {
        body.hostname = None;
    }
    let labels = body.labels.get_or_insert_default();
    for (label, value) in &difference.labels {
        match value {
            Some(value) => drop(labels.insert(label.clone(), value.clone())),
            None => drop(labels.remove(label)),
        }
    }
    body.host_config = Some(HostConfig { container_id_file: None, ..host });
    body.networking_config = Some(NetworkingConfig { endpoints_config: endpoints });
    (body, networks)
}

/// The wishes of an attachment, without what came of them.
fn again(endpoint: &EndpointSettings, ours: &[&str], name: &str) -> EndpointSettings {
    let aliases = endpoint.aliases.clone().map(|mut list| {
        list.retain(|alias| !ours.contains(&alias.as_str()));
        list.push(name.to_owned());
        list
    });
    EndpointSettings {
        ipam_config: endpoint.ipam_config.clone(),
        links: endpoint.links.clone(),
        aliases,
        driver_opts: endpoint.driver_opts.clone(),
        gw_priority: endpoint.gw_priority,
        ..EndpointSettings::default()
    }
}

/// What was asked for beyond what the image says by itself.
fn asked_for(config: ContainerConfig, image: &ImageConfig) -> ContainerCreateBody {
    fn unless<T: PartialEq>(own: Option<T>, image: &Option<T>) -> Option<T> {
        own.filter(|own| Some(own) != image.as_ref())
    }
    fn beyond(own: Option<Vec<String>>, image: &Option<Vec<String>>) -> Option<Vec<String>> {
        let known = |item: &String| image.iter().flatten().any(|i| i == item);
        own.map(|list| list.into_iter().filter(|item| !known(item)).collect())
    }
    let same_start = config.entrypoint == image.entrypoint;
    let labels = config.labels.map(|labels| {
        let known = image.labels.clone().unwrap_or_default();
        labels.into_iter().filter(|(name, value)| known.get(name) != Some(value)).collect()
    });
    ContainerCreateBody {
        hostname: config.hostname,
        domainname: config.domainname,
        user: unless(config.user, &image.user),
        attach_stdin: config.attach_stdin,
        attach_stdout: config.attach_stdout,
        attach_stderr: config.attach_stderr,
        exposed_ports: beyond(config.exposed_ports, &image.exposed_ports),
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        env: beyond(config.env, &image.env),
        // Another entry point makes the image's command void.
        cmd: if same_start { unless(config.cmd, &image.cmd) } else { config.cmd },
        healthcheck: unless(config.healthcheck, &image.healthcheck),
        image: config.image,
        volumes: beyond(config.volumes, &image.volumes),
        working_dir: unless(config.working_dir, &image.working_dir),
        entrypoint: unless(config.entrypoint, &image.entrypoint),
        network_disabled: config.network_disabled,
        labels,
        stop_signal: unless(config.stop_signal, &image.stop_signal),
        stop_timeout: config.stop_timeout,
        shell: unless(config.shell, &image.shell),
        ..ContainerCreateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(host: &str, networks: &str) -> ContainerInspectResponse {
        let text = format!(
            r#"{{"Id":"0123456789abcdef","Name":"/p_web_1","Image":"sha256:old",
            "Config":{{"Hostname":"0123456789ab","Image":"web","User":"",
            "Env":["A=own","PATH=/bin","V=1"],"Cmd":["serve"],"Entrypoint":["/start"],
            "WorkingDir":"/old","ExposedPorts":{{"80/tcp":{{}},"90/tcp":{{}}}},
            "Labels":{{"com.docker.compose.container-number":"1","of":"image","x":"y",
            "com.docker.compose.replace":"z"}},
            "StopTimeout":7}},
            "HostConfig":{{{host}}},"NetworkSettings":{{"Networks":{{{networks}}}}}}}"#
        );
        serde_json::from_str(&text).expect("an answer")
    }

    const NETWORKS: &str = r#""a":{"Aliases":["web","0123456789ab"],"IPAddress":"10.0.0.2",
        "NetworkID":"n","EndpointID":"e"},"p_default":{"Aliases":["web","p_web_1"],
        "Links":["p_db_1:db"]}"#;

    #[test]
    fn a_twin_has_what_was_asked_for_and_the_rest_of_the_new_image() {
        let image: ImageConfig = serde_json::from_str(
            r#"{"Env":["PATH=/bin","V=1"],"Cmd":["serve"],"Entrypoint":["/start"],
            "WorkingDir":"/old","ExposedPorts":{"80/tcp":{}},"Labels":{"of":"image"},"User":""}"#,
        )
        .expect("a configuration");
        let labels = BTreeMap::from([
            ("com.docker.compose.container-number".to_owned(), Some("4".to_owned())),
            ("com.docker.compose.replace".to_owned(), None),
        ]);
        let difference = Difference { name: "p_web_4".to_owned(), labels };
        let old = inspected(r#""NetworkMode":"p_default","Memory":64"#, NETWORKS);
        let (body, further) = twin(old, &image, &difference);
        assert_eq!(body.env, Some(vec!["A=own".to_owned()]));
        assert_eq!((body.cmd, body.entrypoint, body.working_dir), (None, None, None));
        assert_eq!((body.user, body.hostname, body.stop_timeout), (None, None, Some(7)));
        assert_eq!(body.exposed_ports, Some(vec!["90/tcp".to_owned()]));
        let labels: BTreeMap<String, String> = body.labels.into_iter().flatten().collect();
        let expected = [("com.docker.compose.container-number", "4"), ("x", "y")];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(labels, BTreeMap::from(expected));
        assert_eq!(body.host_config.and_then(|h| h.memory), Some(64));
        let first = body.networking_config.and_then(|n| n.endpoints_config).expect("networks");
        let endpoint = &first["p_default"];
        assert_eq!(endpoint.aliases, Some(vec!["web".to_owned(), "p_web_4".to_owned()]));
        assert_eq!(endpoint.links, Some(vec!["p_db_1:db".to_owned()]));
        assert_eq!(further.len(), 1);
        assert_eq!((further[0].0.as_str(), &further[0].1.ip_address), ("a", &None));
        assert_eq!(further[0].1.aliases, Some(vec!["web".to_owned(), "p_web_4".to_owned()]));
    }

    #[test]
    fn another_entry_point_keeps_its_command() {
        let image: ImageConfig =
            serde_json::from_str(r#"{"Cmd":["serve"],"Entrypoint":["/other"]}"#).expect("parsed");
        let old = inspected(r#""NetworkMode":"container:x""#, "");
        let (body, further) = twin(old, &image, &Difference::default());
        assert_eq!(body.cmd, Some(vec!["serve".to_owned()]));
        assert_eq!(body.entrypoint, Some(vec!["/start".to_owned()]));
        assert_eq!(body.networking_config.and_then(|n| n.endpoints_config), None);
        assert!(further.is_empty());
    }

    #[test]
    fn what_two_cannot_have_is_found_before() {
        let why = |host: &str, networks: &str| obstacle(&inspected(host, networks));
        let port = |port: &str| {
            format!(r#""PortBindings":{{"80/tcp":[{{"HostIp":"","HostPort":"{port}"}}]}}"#)
        };
        for free in ["", "0", "8000-8010"] {
            assert_eq!(why(&port(free), NETWORKS), None, "{free}");
        }
        assert!(why(&port("8080"), "").is_some_and(|r| r.contains("on port 8080")));
        assert!(why(r#""NetworkMode":"host""#, "").is_some_and(|r| r.contains("host's network")));
        let fixed = r#""a":{"IPAMConfig":{"IPv4Address":"10.0.0.9"}}"#;
        assert!(why("", fixed).is_some_and(|r| r.contains("address 10.0.0.9 on a")));
        assert_eq!(why("", r#""a":{"IPAMConfig":{}}"#), None);
    }
}
