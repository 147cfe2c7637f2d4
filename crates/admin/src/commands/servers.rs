//! Commands about servers.

use control::ports::ServerOrderKind;
use control::{OrderError, ServerOrder};

use super::{Args, Command, Reply, Run, commands};
use crate::ports::{House, Level};
use crate::stats::{Row, servers_conn, servers_state};

pub(super) const COMMANDS: &[Command] = commands! {
    "disable server" "<bk>/<srv>" Admin "maintenance: nothing new (see 'set server')":
        Run::Now(|house, args| {
            with_server(house, args, |name, _| order(house, name, ServerOrderKind::Maintenance))
        });
    "enable server" "<bk>/<srv>" Admin "end of maintenance (see 'set server')":
        Run::Now(|house, args| {
            with_server(house, args, |name, _| order(house, name, ServerOrderKind::Ready))
        });
    "get weight" "<bk>/<srv>" User "the weight of a server in effect and in the configuration":
        Run::Now(weight_of);
    "set server" "<bk>/<srv> <what> <value>" Admin
        "change addr, agent, agent-addr, agent-port, agent-send, check-addr, check-port, \
         fqdn, health, state or weight of a server": Run::Now(set_server);
    "set weight" "<bk>/<srv> <weight>[%]" Admin
        "change the weight of a server (see 'set server')": Run::Now(|house, args| {
            with_server(house, args, |name, rest| match weight(rest.first().copied()) {
                Ok(what) => order(house, name, what),
                Err(text) => Reply::error(text),
            })
        });
    "show backend" "" User "the names of all backends": Run::Now(|house, _| {
        let rows = house.rows();
        let backends = rows.iter().filter(|r| r.kind == Some(crate::stats::Kind::Backend));
        Reply::listing(backends.fold("# name\n".to_owned(), |out, r| out + &r.proxy + "\n"))
    });
    "show servers conn" "[<backend>]" User "connections of all servers, or of one backend's":
        Run::Now(|house, args| listing(house, args, |rows, backend| {
            servers_conn::print(rows, backend, house.process().threads)
        }));
    "show servers state" "[<backend>]" User
        "state of all servers, or of one backend's, as a state file has it":
        Run::Now(|house, args| listing(house, args, servers_state::print));
};

fn listing(
    house: &dyn House,
    args: Args<'_>,
    print: impl Fn(&[Row], Option<&str>) -> String,
) -> Reply {
    let rows = house.rows();
    match args.word(0) {
        Some(name) if !has_backend(&rows, name) => Reply::error("Can't find backend."),
        backend => Reply::listing(print(&rows, backend)),
    }
}

pub(super) fn has_backend(rows: &[Row], name: &str) -> bool {
    rows.iter().any(|r| r.proxy == name && r.kind == Some(crate::stats::Kind::Backend))
}

pub(super) fn has_server(rows: &[Row], backend: &str, server: &str) -> bool {
    rows.iter().any(|r| r.proxy == backend && r.service == server && r.server.is_some())
}

const SET_USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | \
    agent-port | agent-send | check-addr | check-port | fqdn | health | ssl | state | weight";

fn set_server(house: &dyn House, args: Args<'_>) -> Reply {
    with_server(house, args, |name, rest| {
        let what = match rest {
            ["state", "ready", ..] => Ok(ServerOrderKind::Ready),
            ["state", "drain", ..] => Ok(ServerOrderKind::Drain),
            ["state", "maint", ..] => Ok(ServerOrderKind::Maintenance),
            ["state", ..] => Err("'set server <srv> state' expects 'ready', 'drain' and 'maint'."),
            ["weight", value, ..] => weight(Some(value)),
            ["weight"] => weight(None),
            _ => {
                return super::changes::set_server(house, name, rest)
                    .unwrap_or_else(|| Reply::error(SET_USAGE));
            }
        };
        match what {
            Ok(what) => order(house, name, what),
            Err(text) => Reply::error(text),
        }
    })
}

fn weight(value: Option<&str>) -> Result<ServerOrderKind, &'static str> {
    const RANGE: &str = "Absolute weight can only be between 0 and 256 inclusive.";
    const GARBAGE: &str = "Empty weight string empty or preceded by garbage";
    let value = value.ok_or("Require <weight> or <weight%>.")?;
    if let Some(percent) = value.strip_suffix('%') {
        return match percent.parse::<i64>() {
            Ok(p @ 0..=25_600) => Ok(ServerOrderKind::WeightPercent(p as u16)),
            Ok(_) => Err("Relative weight must be positive."),
            Err(_) => Err(GARBAGE),
        };
    }
    match value.parse::<i64>() {
        Ok(w @ 0..=256) => Ok(ServerOrderKind::Weight(w as u16)),
        Ok(_) => Err(RANGE),
        Err(_) => Err(GARBAGE),
    }
}

/// Takes `backend/server` off the arguments; both must exist.
pub(super) fn with_server(
    house: &dyn House,
    args: Args<'_>,
    run: impl FnOnce((&str, &str), &[&str]) -> Reply,
) -> Reply {
    let rest = args.words.get(1..).unwrap_or_default();
    match args.word(0).and_then(|name| name.split_once('/')) {
        Some((backend, server)) if !backend.is_empty() && !server.is_empty() => {
            let rows = house.rows();
            if !has_backend(&rows, backend) {
                return Reply::error("No such backend.");
            }
            if !has_server(&rows, backend, server) {
                return Reply::error("No such server.");
            }
            run((backend, server), rest)
        }
        _ => Reply::error("Require 'backend/server'."),
    }
}

pub(super) fn order(
    house: &dyn House,
    (backend, server): (&str, &str),
    what: ServerOrderKind,
) -> Reply {
    let order = ServerOrder { backend: backend.into(), server: server.into(), what };
    match house.order(&order) {
        Ok(()) => Reply::done(),
        Err(OrderError::NoBackend) => Reply::error("No such backend."),
        Err(OrderError::NoServer) => Reply::error("No such server."),
        Err(OrderError::NoCheck) => {
            Reply::error("Health check was not configured on this server, cannot enable.")
        }
        Err(OrderError::NoAgent) => Reply::error("agent checks are not enabled on this server."),
        Err(OrderError::Range) => Reply::error("The value is out of range."),
        Err(OrderError::FixedWeight) => Reply::error(
            "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.",
        ),
    }
}

fn weight_of(house: &dyn House, args: Args<'_>) -> Reply {
    with_server(house, args, |(backend, server), _| {
        let rows = house.rows();
        let row = rows.iter().find(|r| r.proxy == backend && r.service == server);
        match row.and_then(|r| r.server.as_ref()) {
            Some(s) => Reply::listing(format!("{} (initial {})\n", s.weight, s.initial_weight)),
            None => Reply::error("No such server."),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_a_range() {
        assert_eq!(weight(Some("256")), Ok(ServerOrderKind::Weight(256)));
        assert_eq!(weight(Some("0%")), Ok(ServerOrderKind::WeightPercent(0)));
        for bad in [None, Some("257"), Some("-1"), Some("99999%"), Some("x"), Some("%")] {
            assert!(weight(bad).is_err(), "{bad:?}");
        }
    }
}
