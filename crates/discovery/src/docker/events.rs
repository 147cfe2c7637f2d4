//! What one event of an engine means for one container.

use bollard::models::{EventMessage, EventMessageTypeEnum};

/// Actions of containers, networks, services and nodes that matter; the engine sends no others.
pub const ACTIONS: [&str; 15] = [
    "create",
    "start",
    "restart",
    "health_status",
    "kill",
    "stop",
    "die",
    "pause",
    "unpause",
    "rename",
    "update",
    "destroy",
    "connect",
    "disconnect",
    "remove",
];

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Container id.
    pub id: String,
    /// Container name, where the engine tells it.
    pub name: Option<String>,
    /// When, by the engine's clock, in nanoseconds since 1970.
    pub at_ns: u64,
    /// What.
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signal was sent to it.
    Signal(u8),
    /// Its process ended.
    Ended,
    /// It is gone.
    Removed,
    /// Something that only a look at it tells.
    Changed,
}

/// Whether an event tells of the Swarm as a whole: its services and nodes.
pub fn of_swarm(message: &EventMessage) -> bool {
    matches!(message.typ, Some(EventMessageTypeEnum::SERVICE | EventMessageTypeEnum::NODE))
}

/// The event in our words; `None` when it does not concern a container's traffic.
pub fn read(message: &EventMessage) -> Option<Event> {
    if of_swarm(message) {
        return None;
    }
    let actor = message.actor.as_ref()?;
    let attribute = |name: &str| actor.attributes.as_ref().and_then(|a| a.get(name));
    let at_ns = message.time_nano.and_then(|t| u64::try_from(t).ok()).unwrap_or(0);
    if message.typ == Some(EventMessageTypeEnum::NETWORK) {
        // The actor is the network; the container is an attribute.
        let id = attribute("container")?.clone();
        return Some(Event { id, name: None, at_ns, kind: Kind::Changed });
    }
    let kind = match message.action.as_deref()? {
        // An engine that does not name the signal sent the usual one.
        "kill" => Kind::Signal(attribute("signal").map_or(Some(15), |s| signal_number(s))?),
        "stop" | "die" => Kind::Ended,
        "destroy" => Kind::Removed,
        "create" | "start" | "restart" | "pause" | "unpause" | "rename" | "update" => Kind::Changed,
        other if other.starts_with("health_status") => Kind::Changed,
        _ => return None,
    };
    Some(Event { id: actor.id.clone()?, name: attribute("name").cloned(), at_ns, kind })
}

/// A signal's number on Linux, from digits or a name with or without `SIG`.
pub fn signal_number(text: &str) -> Option<u8> {
    let name = text.trim().to_ascii_uppercase();
    if let Ok(number) = name.parse::<u8>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let offset = |rest: &str| if rest.is_empty() { Some(0) } else { rest.parse::<u8>().ok() };
    if let Some(rest) = name.strip_prefix("RTMIN") {
        return offset(rest.trim_start_matches('+')).filter(|n| *n <= 30).map(|n| 34 + n);
    }
    if let Some(rest) = name.strip_prefix("RTMAX") {
        return offset(rest.trim_start_matches('-')).filter(|n| *n <= 30).map(|n| 64 - n);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

const NAMES: [(&str, u8); 16] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ABRT", 6),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("WINCH", 28),
    ("PWR", 30),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> EventMessage {
        serde_json::from_str(text).expect("an event")
    }

    #[test]
    fn signals_have_numbers() {
        let of = |list: &[&str]| list.iter().map(|s| signal_number(s)).collect::<Vec<_>>();
        assert_eq!(of(&["15", "SIGTERM", "term", "SIGQUIT"]), [15, 15, 15, 3].map(Some));
        assert_eq!(of(&["SIGRTMIN+3", "RTMAX-1", "RTMIN"]), [37, 63, 34].map(Some));
        assert_eq!(of(&["", "0", "65", "SIGNONSENSE", "RTMIN+99"]), [None; 5]);
    }

    #[test]
    fn events_are_read() {
        let kill = message(
            r#"{"Type":"container","Action":"kill","timeNano":7,
                "Actor":{"ID":"a","Attributes":{"signal":"3","name":"x"}}}"#,
        );
        let kind = Kind::Signal(3);
        let name = Some("x".to_owned());
        assert_eq!(read(&kill), Some(Event { id: "a".into(), name, at_ns: 7, kind }));
        let health =
            message(r#"{"Type":"container","Action":"health_status: healthy","Actor":{"ID":"a"}}"#);
        assert_eq!(read(&health).map(|e| e.kind), Some(Kind::Changed));
        let network = message(
            r#"{"Type":"network","Action":"disconnect",
                "Actor":{"ID":"n","Attributes":{"container":"c"}}}"#,
        );
        assert_eq!(read(&network).map(|e| e.id), Some("c".into()));
        let exec = message(r#"{"Type":"container","Action":"exec_die","Actor":{"ID":"a"}}"#);
        assert_eq!(read(&exec), None);
        assert_eq!(read(&message("{}")), None);
    }
}
