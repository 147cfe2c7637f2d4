//! Commands that change the configuration while it runs: addresses, limits, servers and frontends.

use std::net::IpAddr;

use model::Operational;

use super::servers::{order, with_server};
use super::{Args, Command, Reply, Run, Severity, commands};
use crate::ports::{Change, FrontendChange, House, Level, PortChange, ServerChange};
use control::ports::ServerOrderKind;

pub(super) const COMMANDS: &[Command] = commands! {
    "add backend" "<name> [from <defaults>] [<payload>]" Admin
        "a backend more; the payload holds its lines as the file would":
        Run::Now(|house, args| add_section(house, args, "backend"));
    "add bind" "<frontend> <address> [<option>...]" Admin "a listening address more":
        Run::Now(add_bind);
    "add frontend" "<name> [from <defaults>] [<payload>]" Admin
        "a frontend more; the payload holds its lines as the file would":
        Run::Now(|house, args| add_section(house, args, "frontend"));
    "add server" "<bk>/<srv> <address> [<option>...]" Admin
        "a server more, in maintenance until 'enable server'": Run::Now(add_server);
    "del backend" "<backend>" Admin "a backend less; nothing may name it": Run::Now(|house, args| {
        match args.word(0) {
            Some(name) => {
                said(house.change(Change::RemoveBackend(name.into())), "Backend deleted.")
            }
            None => Reply::error("A backend name is expected."),
        }
    });
    "del bind" "<frontend> <address>|<name>" Admin "a listening address less":
        Run::Now(|house, args| match args.words {
            [frontend, place, ..] => {
                let change = Change::RemoveBind((*frontend).into(), (*place).to_owned());
                said(house.change(change), "Bind deleted.")
            }
            _ => Reply::error("Require a frontend and the address or name of a bind."),
        });
    "del frontend" "<frontend>" Admin "a frontend less; its sessions go on to their end":
        Run::Now(|house, args| match args.word(0) {
            Some(name) => {
                said(house.change(Change::RemoveFrontend(name.into())), "Frontend deleted.")
            }
            None => Reply::error("A frontend name is expected."),
        });
    "del server" "<bk>/<srv>" Admin "a server less; it must be in maintenance and unused":
        Run::Now(|house, args| with_server(house, args, |(backend, server), _| {
            match house.change(Change::RemoveServer(backend.into(), server.into())) {
                Ok(_) => Reply::message(Severity::Info, "Server deleted."),
                Err(why) => Reply::error(why),
            }
        }));
    "disable agent" "<bk>/<srv>" Admin "no agent checks for now":
        Run::Now(|house, args| with_server(house, args, |name, _| {
            order(house, name, ServerOrderKind::Agent(false))
        }));
    "disable frontend" "<frontend>" Admin "close the sockets of a frontend":
        Run::Now(|house, args| frontend(house, args, FrontendChange::Close));
    "disable health" "<bk>/<srv>" Admin "no health checks for now":
        Run::Now(|house, args| checks(house, args, false));
    "enable agent" "<bk>/<srv>" Admin "agent checks again":
        Run::Now(|house, args| with_server(house, args, |name, _| {
            let done = order(house, name, ServerOrderKind::Agent(true));
            match done.severity {
                None => done,
                Some(_) => {
                    Reply::error("Agent was not configured on this server, cannot enable.")
                }
            }
        }));
    "enable frontend" "<frontend>" Admin "open them again":
        Run::Now(|house, args| frontend(house, args, FrontendChange::Open));
    "enable health" "<bk>/<srv>" Admin "health checks again":
        Run::Now(|house, args| checks(house, args, true));
    "set maxconn frontend" "<frontend> <value>" Admin "connections that a frontend takes":
        Run::Now(frontend_maxconn);
    "set maxconn global" "<value>" Admin "connections that the process takes":
        Run::Now(process_maxconn);
    "set maxconn server" "<bk>/<srv> <value>" Admin "connections that a server gets":
        Run::Now(server_maxconn);
    "set rate-limit" "connections|sessions global <value>" Admin
        "new connections in a second, 0 = any number; here both words mean this one limit":
        Run::Now(rate_limit);
    "shutdown frontend" "<frontend>" Admin "close the sockets of a frontend for good":
        Run::Now(|house, args| frontend(house, args, FrontendChange::Shut));
};

fn done(outcome: Result<String, String>) -> Reply {
    match outcome {
        Ok(_) => Reply::done(),
        Err(why) => Reply::error(why),
    }
}

fn said(outcome: Result<String, String>, done: &str) -> Reply {
    match outcome {
        Ok(_) => Reply::message(Severity::Info, done),
        Err(why) => Reply::error(why),
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn add_section(house: &dyn House, args: Args<'_>, keyword: &'static str) -> Reply {
    if args.words.is_empty() {
        return Reply::error(format!("A {keyword} name is expected."));
    }
    let body = args.payload.unwrap_or_default().to_owned();
    let change = Change::AddSection(keyword, owned(args.words), body);
    let done =
        if keyword == "backend" { "New backend registered." } else { "New frontend registered." };
    said(house.change(change), done)
}

fn add_bind(house: &dyn House, args: Args<'_>) -> Reply {
    let [frontend, words @ ..] = args.words else {
        return Reply::error("A frontend name is expected.");
    };
    let change = Change::AddBind((*frontend).into(), owned(words));
    said(house.change(change), "New bind registered.")
}

fn add_server(house: &dyn House, args: Args<'_>) -> Reply {
    let named = args.word(0).and_then(|name| name.split_once('/'));
    let named = named.filter(|(backend, server)| !backend.is_empty() && !server.is_empty());
    let Some((backend, server)) = named else {
        return Reply::error("Require 'backend/server'.");
    };
    let options = args.words.get(1..).unwrap_or_default();
    let change = Change::AddServer(backend.into(), server.into(), owned(options));
    said(house.change(change), "New server registered.")
}

fn frontend(house: &dyn House, args: Args<'_>, what: FrontendChange) -> Reply {
    match args.word(0) {
        Some(name) => done(house.change(Change::Frontend(name.into(), what))),
        None => Reply::error("A frontend name is expected."),
    }
}

fn frontend_maxconn(house: &dyn House, args: Args<'_>) -> Reply {
    let Some(name) = args.word(0) else { return Reply::error("A frontend name is expected.") };
    let value = args.word(1).and_then(|v| v.parse().ok());
    if !house.rows().iter().any(|r| r.proxy == name && r.service == "FRONTEND") {
        return Reply::error("No such frontend.");
    }
    match value {
        Some(value) => {
            done(house.change(Change::Frontend(name.into(), FrontendChange::Maxconn(value))))
        }
        None => Reply::error("Integer value expected."),
    }
}

fn process_maxconn(house: &dyn House, args: Args<'_>) -> Reply {
    let Some(value) = args.word(0).and_then(|v| v.parse::<i64>().ok()) else {
        return Reply::error("Expects an integer value.");
    };
    let most = i64::from(house.process().connections_hard_max);
    match u32::try_from(value).ok().filter(|_| value <= most) {
        // 0 goes back to what the configuration says.
        Some(value) => done(house.change(Change::Maxconn(Some(value).filter(|v| *v > 0)))),
        None => Reply::error("Value out of range."),
    }
}

const RATE_USAGE: &str = "'set rate-limit' only supports :\n   \
    - 'connections global' to set the per-process maximum connection rate\n   \
    - 'sessions global' to set the per-process maximum session rate";

/// A session begins with its connection here, so that both are one limit, as in the file.
fn rate_limit(house: &dyn House, args: Args<'_>) -> Reply {
    match args.words {
        ["connections" | "sessions", "global", value, ..] => match value.parse::<i64>() {
            Ok(value) => match u32::try_from(value) {
                Ok(value) => done(house.change(Change::ConnectionRate(value))),
                Err(_) => Reply::error("Value out of range."),
            },
            Err(_) => Reply::error("Expects an integer value."),
        },
        ["connections" | "sessions", "global"] => Reply::error("Expects an integer value."),
        _ => Reply::error(RATE_USAGE),
    }
}

fn server_maxconn(house: &dyn House, args: Args<'_>) -> Reply {
    with_server(house, args, |name, rest| match rest.first() {
        None => Reply::error("Require <maxconn>."),
        Some(value) => match value.parse() {
            Ok(value) => done(change(house, name, ServerChange::Maxconn(value))),
            Err(_) => Reply::error("maxconn string empty or preceded by garbage"),
        },
    })
}

fn change(
    house: &dyn House,
    (backend, server): (&str, &str),
    what: ServerChange,
) -> Result<String, String> {
    house.change(Change::Server(backend.into(), server.into(), what))
}

fn checks(house: &dyn House, args: Args<'_>, on: bool) -> Reply {
    with_server(house, args, |name, _| {
        let reply = order(house, name, ServerOrderKind::Checks(on));
        // What was never on is off already.
        if on || reply.severity.is_none() { reply } else { Reply::done() }
    })
}

/// The rest of `set server`: everything but state and weight.
pub(super) fn set_server(house: &dyn House, name: (&str, &str), rest: &[&str]) -> Option<Reply> {
    let has_check = || {
        house.rows().iter().any(|r| {
            (&*r.proxy, &*r.service) == name && r.server.as_ref().is_some_and(|s| s.check.is_some())
        })
    };
    const NO_CHECK: &str = "health checks are not enabled on this server";
    Some(match rest {
        ["addr", rest @ ..] => address(house, name, rest),
        ["health", what, ..] => match *what {
            "up" => order(house, name, ServerOrderKind::Health(Operational::Running)),
            "stopping" => order(house, name, ServerOrderKind::Health(Operational::Stopping)),
            "down" => order(house, name, ServerOrderKind::Health(Operational::Down)),
            _ => Reply::error("'set server <srv> health' expects 'up', 'stopping', or 'down'."),
        },
        ["health"] => {
            Reply::error("'set server <srv> health' expects 'up', 'stopping', or 'down'.")
        }
        ["agent", ..] | ["agent-addr" | "agent-port" | "agent-send", ..] => {
            agent(house, name, rest)
        }
        ["check-addr"] => {
            Reply::error("set server <b>/<s> check-addr requires an address and optionally a port.")
        }
        ["check-port"] => Reply::error("set server <b>/<s> check-port requires a port."),
        ["check-addr" | "check-port", ..] if !has_check() => Reply::error(NO_CHECK),
        ["check-addr", rest @ ..] => match place(rest) {
            Ok((ip, port)) => done(change(house, name, ServerChange::Check(Some(ip), port))),
            Err(why) => Reply::error(why),
        },
        ["check-port", port, ..] => match read_port(port) {
            Ok(port) => done(change(house, name, ServerChange::Check(None, Some(port)))),
            Err(why) => Reply::error(why),
        },
        ["fqdn"] => Reply::error("set server <b>/<s> fqdn requires a FQDN."),
        ["fqdn", host, ..] => match change(house, name, ServerChange::Fqdn((*host).into())) {
            Ok(said) => Reply::message(Severity::Warning, said),
            Err(why) => Reply::error(why),
        },
        ["ssl", ..] => Reply::error(
            "'set server <srv> ssl' cannot be set.  default-server should define ssl settings",
        ),
        _ => return None,
    })
}

/// `agent`, `agent-addr`, `agent-port`, `agent-send`.
fn agent(house: &dyn House, name: (&str, &str), rest: &[&str]) -> Reply {
    let change = |addr, port, send| change(house, name, ServerChange::Agent(addr, port, send));
    // Whether there is an agent comes before whether the value is right.
    let asked = change(None, None, None);
    match (rest, asked) {
        (["agent-addr"], _) => {
            Reply::error("set server <b>/<s> agent-addr requires an address and optionally a port.")
        }
        (["agent-port"], _) => Reply::error("set server <b>/<s> agent-port requires a port."),
        (["agent" | "agent-send", ..], Err(why)) => Reply::error(why + "."),
        (_, Err(why)) => Reply::error(why),
        (["agent", "up", ..], _) => order(house, name, ServerOrderKind::AgentSays(true)),
        (["agent", "down", ..], _) => order(house, name, ServerOrderKind::AgentSays(false)),
        (["agent", ..], _) => Reply::error("'set server <srv> agent' expects 'up' or 'down'."),
        (["agent-addr", rest @ ..], _) => match place(rest) {
            Ok((ip, port)) => done(change(Some(ip), port, None)),
            Err(why) => Reply::error(why),
        },
        (["agent-port", port, ..], _) => match read_port(port) {
            Ok(port) => done(change(None, Some(port), None)),
            Err(why) => Reply::error(why),
        },
        (_, _) => {
            let text = rest.get(1).copied().unwrap_or_default();
            done(change(None, None, Some(text.into())))
        }
    }
}

/// `IP [port PORT]` of a check or an agent.
fn place(rest: &[&str]) -> Result<(IpAddr, Option<u16>), String> {
    let ip = rest.first().copied().unwrap_or_default();
    let address = ip.parse().map_err(|_| format!("invalid addr '{ip}'"))?;
    match rest.get(1..) {
        Some(["port", rest @ ..]) => {
            let port = read_port(rest.first().copied().unwrap_or_default())?;
            Ok((address, Some(port)))
        }
        _ => Ok((address, None)),
    }
}

fn read_port(text: &str) -> Result<u16, String> {
    match text.parse::<i64>() {
        Ok(port) => u16::try_from(port).map_err(|_| "provided port is invalid".to_owned()),
        Err(_) => Err("provided port is not an integer".to_owned()),
    }
}

/// `addr IP [port PORT]`.
fn address(house: &dyn House, name: (&str, &str), rest: &[&str]) -> Reply {
    let Some(ip) = rest.first() else {
        return Reply::error("set server <b>/<s> addr requires an address and optionally a port.");
    };
    let Ok(address) = ip.parse::<IpAddr>() else {
        return Reply::error(format!("Invalid addr '{ip}'"));
    };
    let port = match rest.get(1..) {
        Some(["port", port, ..]) => match PortChange::read(port) {
            Some(port) => Some(port),
            None => return Reply::error(format!("problem converting port '{port}' to an int")),
        },
        Some(["port"]) => return Reply::error("problem converting port '' to an int"),
        _ => None,
    };
    match change(house, name, ServerChange::Address(address, port)) {
        Ok(said) => Reply::message(Severity::Warning, said),
        Err(why) => Reply::error(why),
    }
}
