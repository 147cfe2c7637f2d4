//! Server state files (manual of management 9.3, `show servers state`): what a process before this
//! one knew about its servers, and what of that counts here.
//!
//! Which fields are taken, and when, follows HAProxy 3.2: the weight only where the configured one
//! is still the same, addresses and ports always, maintenance of the configuration never.

use std::net::IpAddr;

use model::{Host, Name, Operational, Port, Server};

use crate::intent::ServerPatch;
use crate::ports::ServerOrderKind;

/// Fields of a line that must be there: up to the name of an SRV record.
const FIELDS_MIN: usize = 20;
/// Longest file that is read, bytes.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Bits of the administrative state.
const FORCED_MAINT: u8 = 0x01;
const CONFIGURED_MAINT: u8 = 0x04;
const FORCED_DRAIN: u8 = 0x08;
const KNOWN_BITS: u8 = 0x7f;
/// Bit of a check's state: it is wanted.
const CHECK_ENABLED: u8 = 4;
/// Highest number of a check's status and of its result.
const CHECK_STATUS_MAX: u32 = 23;
const CHECK_RESULT_MAX: u32 = 4;
const WEIGHT_MAX: u32 = 256;

/// Why a file counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is nothing in it.
    Empty,
    /// It does not begin with the version that is known, 1.
    Version,
    /// A line with too few fields, counted from the line behind the version.
    Corrupted(usize),
}

/// A server as a file has it, its values still as they stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    fields: Vec<String>,
}

/// Reads a file.
///
/// # Errors
/// [`Fault`]; then no line of it counts.
pub fn parse(text: &str) -> Result<Vec<Saved>, Fault> {
    let mut lines = text.lines();
    match lines.next() {
        None => return Err(Fault::Empty),
        Some(version) if version.trim() == "1" => {}
        Some(_) => return Err(Fault::Version),
    }
    let mut saved = Vec::new();
    for (at, line) in lines.enumerate() {
        let fields: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
        if fields.is_empty() || line.starts_with('#') {
            continue;
        }
        if fields.len() < FIELDS_MIN {
            return Err(Fault::Corrupted(at + 1));
        }
        saved.push(Saved { fields });
    }
    Ok(saved)
}

/// What of a saved server counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restored {
    /// Addresses and ports.
    pub patch: ServerPatch,
    /// What is ordered about it, in this order.
    pub orders: Vec<ServerOrderKind>,
}

impl Saved {
    fn field(&self, at: usize) -> &str {
        self.fields.get(at).map_or("-", String::as_str)
    }

    fn number(&self, at: usize) -> Option<u32> {
        self.field(at).parse().ok()
    }

    /// Number of its backend.
    #[must_use]
    pub fn backend_id(&self) -> &str {
        self.field(0)
    }

    /// Name of its backend.
    #[must_use]
    pub fn backend(&self) -> &str {
        self.field(1)
    }

    /// Its name.
    #[must_use]
    pub fn server(&self) -> &str {
        self.field(3)
    }

    /// The address that a name stood for.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Option<IpAddr> {
        (self.field(17) == name).then(|| self.field(4).parse().ok()).flatten()
    }

    /// Values that are none, in HAProxy's words.
    fn faults(&self) -> Vec<String> {
        let checked = [
            (5, "srv_op_state", 3),
            (6, "srv_admin_state", u32::from(KNOWN_BITS)),
            (7, "srv_uweight", WEIGHT_MAX),
            (10, "srv_check_status", CHECK_STATUS_MAX),
            (11, "srv_check_result", CHECK_RESULT_MAX),
            (18, "srv_port", u32::from(u16::MAX)),
        ];
        let wrong = checked
            .into_iter()
            .filter(|(at, _, most)| self.number(*at).is_none_or(|value| value > *most));
        wrong.map(|(at, name, _)| format!("invalid {name} value '{}'", self.field(at))).collect()
    }

    /// What of it counts for a server as it is configured now.
    ///
    /// # Errors
    /// What is wrong with its values, in HAProxy's words; then nothing of it counts.
    pub fn restore(&self, server: &Server) -> Result<Restored, String> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(faults.join(", "));
        }
        let mut restored = Restored { patch: self.patch(server), orders: Vec::new() };
        let orders = &mut restored.orders;
        let bits = self.number(6).and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        let has = |bit: u8| bits & bit != 0;
        if self.number(8) == Some(u32::from(server.weight))
            && let Some(weight) = self.number(7).and_then(|w| u16::try_from(w).ok())
            && weight != server.weight
        {
            orders.push(ServerOrderKind::Weight(weight));
        }
        // What the configuration said then does not count, only what it says now.
        let forced = has(FORCED_MAINT) && !has(CONFIGURED_MAINT);
        let enabled = !has(FORCED_MAINT) && has(CONFIGURED_MAINT);
        if server.disabled && enabled {
            orders.push(ServerOrderKind::Ready);
        }
        if has(FORCED_DRAIN) {
            orders.push(ServerOrderKind::Drain);
        }
        if forced {
            orders.push(ServerOrderKind::Maintenance);
        }
        let out = forced || server.disabled && !enabled;
        match self.number(5) {
            Some(0) if !out => orders.push(ServerOrderKind::Health(Operational::Down)),
            Some(3) if !out => orders.push(ServerOrderKind::Health(Operational::Stopping)),
            _ => {}
        }
        let off = |at: usize| self.number(at).is_some_and(|state| state as u8 & CHECK_ENABLED == 0);
        if server.check.is_some() && self.number(13) != Some(0) && off(13) {
            orders.push(ServerOrderKind::Checks(false));
        }
        if server.agent.is_some() && off(14) {
            orders.push(ServerOrderKind::Agent(false));
        }
        Ok(restored)
    }

    fn patch(&self, server: &Server) -> ServerPatch {
        let port = |at: usize| self.field(at).parse::<u16>().ok().filter(|port| *port > 0);
        let address = |at: usize| self.field(at).parse::<IpAddr>().ok();
        let mut patch = ServerPatch::default();
        if let Host::Ip(now) = server.host {
            patch.host = address(4).filter(|then| *then != now).map(Host::Ip);
        }
        if let Port::Fixed(now) = server.port {
            patch.port = port(18).filter(|then| *then != now).map(Port::Fixed);
        }
        if let Some(check) = &server.check {
            patch.check_port = port(21).filter(|then| check.port != Some(*then));
            patch.check_addr = address(22).filter(|then| check.addr != Some(*then));
        }
        if let Some(agent) = &server.agent {
            let asked = self.number(14).is_some_and(|state| state as u8 & CHECK_ENABLED != 0);
            patch.agent_addr = address(23).filter(|then| asked && agent.addr != Some(*then));
            patch.agent_port = port(24).filter(|then| asked && agent.port != *then);
        }
        patch
    }
}

/// Where state files are, and for which backends they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Every line that counts, the first for each server.
    pub saved: Vec<Saved>,
}

impl Known {
    /// What is known of a server.
    #[must_use]
    pub fn of(&self, backend: &str, server: &str) -> Option<&Saved> {
        self.saved.iter().find(|s| s.backend() == backend && s.server() == server)
    }

    /// Takes the lines of a file that are about these backends.
    pub fn add(&mut self, lines: Vec<Saved>, backends: &[Name]) {
        let ours = |saved: &Saved| backends.iter().any(|b| **b == *saved.backend());
        self.saved.extend(lines.into_iter().filter(ours));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::config;

    fn server(options: &str) -> Server {
        let line = format!("server a 127.0.0.1:3 {options}");
        (*config(&[], &[line]).backends[0].servers[0]).clone()
    }

    fn saved(fields: &str) -> Saved {
        let text = format!("1\n# comment\n3 b 1 a {fields}\n");
        parse(&text).expect("a file").remove(0)
    }

    fn orders(fields: &str, options: &str) -> Vec<ServerOrderKind> {
        saved(fields).restore(&server(options)).expect("right").orders
    }

    #[test]
    fn files_have_a_version_and_enough_fields() {
        assert_eq!(parse(""), Err(Fault::Empty));
        assert_eq!(parse("2\n"), Err(Fault::Version));
        assert_eq!(parse("1\n"), Ok(Vec::new()));
        assert_eq!(parse("1\n#\n3 b 1 a 127.0.0.1 2\n"), Err(Fault::Corrupted(2)));
    }

    #[test]
    fn the_weight_counts_while_the_configured_one_is_the_same() {
        let line = |then: u32| format!("127.0.0.1 2 0 33 {then} 9 1 0 2 0 0 0 0 - 3 - 0 0 - - 0");
        assert_eq!(orders(&line(10), "weight 10"), [ServerOrderKind::Weight(33)]);
        assert_eq!(orders(&line(9), "weight 10"), []);
    }

    #[test]
    fn maintenance_counts_where_an_operator_asked_for_it() {
        let line = |bits: u8| format!("127.0.0.1 2 {bits} 1 1 9 1 0 2 0 0 0 0 - 3 - 0 0 - - 0");
        assert_eq!(orders(&line(1), ""), [ServerOrderKind::Maintenance]);
        assert_eq!(orders(&line(5), ""), [], "the configuration said so then");
        assert_eq!(orders(&line(5), "disabled"), []);
        assert_eq!(orders(&line(4), "disabled"), [ServerOrderKind::Ready]);
        assert_eq!(orders(&line(0), "disabled"), [], "it says so now");
        assert_eq!(orders(&line(8), ""), [ServerOrderKind::Drain]);
        let down = "127.0.0.1 0 5 1 1 9 1 0 0 0 0 0 0 - 3 - 0 0 - - 0";
        assert_eq!(orders(down, ""), [ServerOrderKind::Health(Operational::Down)]);
    }

    #[test]
    fn addresses_and_ports_count_always_and_wrong_values_never() {
        let line = "127.0.0.9 2 0 1 1 9 6 3 4 6 0 0 0 - 99 - 0 77 127.0.0.5 - 0";
        let patch = saved(line).restore(&server("check")).expect("right").patch;
        assert_eq!(patch.host, Some(Host::Ip([127, 0, 0, 9].into())));
        assert_eq!((patch.port, patch.check_port), (Some(Port::Fixed(99)), Some(77)));
        assert_eq!(patch.check_addr, Some([127, 0, 0, 5].into()));
        let wrong = "zz 9 0 999 1 9 6 3 4 6 0 0 0 - 99 - 0 0 - - 0";
        let why = saved(wrong).restore(&server("")).expect_err("wrong");
        assert_eq!(why, "invalid srv_op_state value '9', invalid srv_uweight value '999'");
    }
}
