//! The engine's answers in our nouns; nothing is interpreted.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, EndpointSettings, HealthStatusEnum, PortMap,
};
use model::Name;
use model::observed::{Container, ContainerHealth, ContainerState, Network, OwnContainer};

use super::events::signal_number;
use super::observe::Seen;

/// A container as `inspect` describes it; `None` without an id.
pub fn container(answer: ContainerInspectResponse) -> Option<Seen> {
    let config = answer.config.unwrap_or_default();
    let state = answer.state.unwrap_or_default();
    let settings = answer.network_settings.unwrap_or_default();
    let mode = answer.host_config.and_then(|h| h.network_mode).unwrap_or_default();
    let network_of = mode.strip_prefix("container:").map(Into::into);
    let mut exposed: Vec<u16> =
        config.exposed_ports.unwrap_or_default().iter().filter_map(|p| tcp_port(p)).collect();
    exposed.sort_unstable();
    let stop_signal = config.stop_signal.as_deref().and_then(signal_number);
    let container = Container {
        id: answer.id?.into(),
        name: answer.name.unwrap_or_default().trim_start_matches('/').into(),
        image: config.image.unwrap_or_default().into(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        env: environment(config.env.unwrap_or_default()),
        state: match state.status {
            Some(ContainerStateStatusEnum::CREATED) => ContainerState::Created,
            Some(ContainerStateStatusEnum::RUNNING) => ContainerState::Running,
            Some(ContainerStateStatusEnum::PAUSED) => ContainerState::Paused,
            Some(ContainerStateStatusEnum::RESTARTING) => ContainerState::Restarting,
            _ => ContainerState::Exited,
        },
        health: match state.health.and_then(|h| h.status) {
            Some(HealthStatusEnum::STARTING) => ContainerHealth::Starting,
            Some(HealthStatusEnum::HEALTHY) => ContainerHealth::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => ContainerHealth::Unhealthy,
            _ => ContainerHealth::None,
        },
        stopping: false,
        started_ns: state.started_at.as_deref().and_then(timestamp_ns).unwrap_or(0),
        networks: networks(settings.networks.unwrap_or_default()),
        host_network: mode == "host",
        exposed,
        published: published(settings.ports.unwrap_or_default()),
    };
    Some(Seen { container: container.into(), stop_signal, network_of })
}

/// The same container seen as ourselves.
pub fn own(container: &Container) -> OwnContainer {
    let label = |name: &str| container.labels.get(name).map(|v| v.as_str().into());
    OwnContainer {
        id: container.id.clone(),
        project: label("com.docker.compose.project"),
        service: label("com.docker.compose.service"),
        networks: container.networks.clone(),
        host_network: container.host_network,
    }
}

/// Variables as `NAME=VALUE`, by name.
pub fn environment(list: Vec<String>) -> BTreeMap<String, String> {
    list.into_iter()
        .map(|item| match item.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (item, String::new()),
        })
        .collect()
}

/// `8000/tcp`; other protocols are not ours.
fn tcp_port(text: &str) -> Option<u16> {
    match text.split_once('/') {
        Some((port, "tcp")) => port.parse().ok(),
        None => text.parse().ok(),
        Some(_) => None,
    }
}

fn networks(map: HashMap<String, EndpointSettings>) -> Vec<Network> {
    let address = |text: Option<String>| text.and_then(|t| t.parse::<IpAddr>().ok());
    let mut list: Vec<Network> = map
        .into_iter()
        .map(|(name, endpoint)| Network {
            id: endpoint.network_id.unwrap_or_default().into(),
            name: name.into(),
            ipv4: address(endpoint.ip_address),
            ipv6: address(endpoint.global_ipv6_address),
            gateway: address(endpoint.gateway).or_else(|| address(endpoint.ipv6_gateway)),
            aliases: endpoint
                .aliases
                .unwrap_or_default()
                .into_iter()
                .map(|a| a.as_str().into())
                .collect(),
            links: linked(endpoint.links.unwrap_or_default()),
        })
        .collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

/// Names in `CONTAINER:ALIAS`.
fn linked(links: Vec<String>) -> Vec<Name> {
    let name = |link: &String| {
        let name = link.split(':').next().unwrap_or_default().trim_start_matches('/');
        name.into()
    };
    links.iter().map(name).collect()
}

fn published(map: PortMap) -> Vec<(u16, IpAddr, u16)> {
    let mut list: Vec<(u16, IpAddr, u16)> = map
        .into_iter()
        .filter_map(|(port, bindings)| Some((tcp_port(&port)?, bindings?)))
        .flat_map(|(port, bindings)| bindings.into_iter().map(move |b| (port, b)))
        .filter_map(|(port, binding)| {
            let ip = binding.host_ip.and_then(|ip| ip.parse().ok());
            let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            Some((port, ip, binding.host_port?.parse().ok()?))
        })
        .collect();
    list.sort_unstable();
    list
}

/// Nanoseconds since 1970 of an RFC 3339 time, as the engine writes them.
pub fn timestamp_ns(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let (time, offset_s) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], offset_s(&time[at..])?),
        None => return None,
    };
    let mut date = date.splitn(3, '-').map(|n| n.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.splitn(3, ':').map(|n| n.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let nanos: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    // Days since 1970 of a Gregorian date, years counted from March.
    let y = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719_468;
    let days = u64::try_from(days).ok()?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    let seconds = seconds.checked_add_signed(-offset_s)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// Seconds east of Greenwich: `Z`, `+02:00`, `-05:30`.
fn offset_s(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'Z' => return Some(0),
        b'-' => -1,
        _ => 1,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<u8>().ok()? as i64 * 60 + minutes.parse::<u8>().ok()? as i64;
    Some(sign * minutes * 60)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A running container with nothing special about it.
    pub fn running(id: &str, started_ns: u64) -> Container {
        Container {
            id: id.into(),
            name: id.into(),
            image: "image".into(),
            labels: BTreeMap::new(),
            env: BTreeMap::new(),
            state: ContainerState::Running,
            health: ContainerHealth::None,
            stopping: false,
            started_ns,
            networks: Vec::new(),
            host_network: false,
            exposed: Vec::new(),
            published: Vec::new(),
        }
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        assert_eq!(timestamp_ns("1970-01-02T00:00:01.5Z"), Some(86_401_500_000_000));
        assert_eq!(timestamp_ns("2000-02-29T12:34:56Z"), Some(951_827_696_000_000_000));
        assert_eq!(
            timestamp_ns("2000-02-29T14:04:56.000000001+01:30"),
            Some(951_827_696_000_000_001)
        );
        assert_eq!(timestamp_ns("2000-02-29T12:34:56"), None, "no zone");
        assert_eq!(timestamp_ns("0001-01-01T00:00:00Z"), None, "never started");
    }

    #[test]
    fn an_inspect_answer_becomes_a_container() {
        let answer: ContainerInspectResponse = serde_json::from_str(
            r#"{"Id":"abc","Name":"/p_web_1","State":{"Status":"running","Running":true,
                "StartedAt":"1970-01-01T00:00:01Z","Health":{"Status":"starting"}},
                "Config":{"Image":"web",
                "StopSignal":"SIGQUIT","Env":["A=b=c","D"],"Labels":{"x":"y"},
                "ExposedPorts":{"8000/tcp":{},"53/udp":{}}},
                "HostConfig":{"NetworkMode":"p_default"},
                "NetworkSettings":{"Ports":{"8000/tcp":[{"HostIp":"0.0.0.0","HostPort":"32768"}]},
                "Networks":{"p_default":{"NetworkID":"n1","IPAddress":"172.18.0.2",
                "Gateway":"172.18.0.1",
                "Aliases":["web"],"Links":["p_db_1:db"]}}}}"#,
        )
        .expect("an answer");
        let Seen { container: c, stop_signal, .. } = container(answer).expect("a container");
        assert_eq!(stop_signal, Some(3));
        assert_eq!((&*c.name, &*c.image), ("p_web_1", "web"));
        assert_eq!(c.env.get("A").map(String::as_str), Some("b=c"));
        assert_eq!(c.exposed, [8000]);
        assert_eq!(c.health, ContainerHealth::Starting);
        assert_eq!(c.networks[0].ipv4, Some("172.18.0.2".parse().expect("address")));
        assert_eq!(c.networks[0].gateway, Some("172.18.0.1".parse().expect("address")));
        assert_eq!(c.networks[0].links, ["p_db_1".into()]);
        assert_eq!(c.published[0].2, 32768);
        assert_eq!(c.started_ns, 1_000_000_000);
    }
}
