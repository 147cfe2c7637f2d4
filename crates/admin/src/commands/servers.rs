//! Commands about servers: state and weight.

use control::ports::ServerOrderKind;
use control::{OrderError, ServerOrder};

use super::{Args, Command, Run};
use crate::ports::{House, Level};
use crate::stats::{Row, servers_state};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "server"],
        args: "<bk>/<srv> state|weight <value>",
        help: "change the state or the weight of a server",
        level: Level::Admin,
        run: Run::Now(set_server),
    },
    Command {
        words: &["set", "weight"],
        args: "<bk>/<srv> <weight>[%]",
        help: "change the weight of a server (see 'set server')",
        level: Level::Admin,
        run: Run::Now(|house, args| {
            with_server(args, |name, rest| match weight(rest.first().copied()) {
                Ok(what) => order(house, name, what),
                Err(text) => text.to_owned(),
            })
        }),
    },
    Command {
        words: &["get", "weight"],
        args: "<bk>/<srv>",
        help: "the weight of a server in effect and in the configuration",
        level: Level::User,
        run: Run::Now(weight_of),
    },
    Command {
        words: &["disable", "server"],
        args: "<bk>/<srv>",
        help: "maintenance: nothing new (see 'set server')",
        level: Level::Admin,
        run: Run::Now(|house, args| {
            with_server(args, |name, _| order(house, name, ServerOrderKind::Maintenance))
        }),
    },
    Command {
        words: &["enable", "server"],
        args: "<bk>/<srv>",
        help: "end of maintenance (see 'set server')",
        level: Level::Admin,
        run: Run::Now(|house, args| {
            with_server(args, |name, _| order(house, name, ServerOrderKind::Ready))
        }),
    },
    Command {
        words: &["show", "backend"],
        args: "",
        help: "the names of all backends",
        level: Level::User,
        run: Run::Now(|house, _| {
            let backends = house.rows().into_iter().filter(|r| r.service == "BACKEND");
            backends.fold("# name\n".to_owned(), |out, r| out + &r.proxy + "\n")
        }),
    },
    Command {
        words: &["show", "servers", "state"],
        args: "[<backend>]",
        help: "state of all servers, or of one backend's, as a state file has it",
        level: Level::Operator,
        run: Run::Now(show_state),
    },
];

fn set_server(house: &dyn House, args: Args<'_>) -> String {
    with_server(args, |name, rest| {
        let what = match rest {
            ["state", "ready"] => Ok(ServerOrderKind::Ready),
            ["state", "drain"] => Ok(ServerOrderKind::Drain),
            ["state", "maint"] => Ok(ServerOrderKind::Maintenance),
            ["state", ..] => {
                Err("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n")
            }
            ["weight", value] => weight(Some(value)),
            ["weight"] => weight(None),
            _ => Err("usage: set server <backend>/<server> state ready|drain|maint\n   \
                      or: set server <backend>/<server> weight <weight>[%]\n"),
        };
        match what {
            Ok(what) => order(house, name, what),
            Err(text) => text.to_owned(),
        }
    })
}

fn weight(value: Option<&str>) -> Result<ServerOrderKind, &'static str> {
    let value = value.ok_or("Require <weight> or <weight%>.\n")?;
    if let Some(percent) = value.strip_suffix('%') {
        return match percent.parse() {
            Ok(p @ 0..=100) => Ok(ServerOrderKind::WeightPercent(p)),
            Ok(_) => Err("Relative weight can only be between 0 and 100% inclusive.\n"),
            Err(_) => Err("Weight is not a number.\n"),
        };
    }
    match value.parse() {
        Ok(w @ 0..=256) => Ok(ServerOrderKind::Weight(w)),
        Ok(_) => Err("Absolute weight can only be between 0 and 256 inclusive.\n"),
        Err(_) => Err("Weight is not a number.\n"),
    }
}

/// Takes `backend/server` off the arguments.
fn with_server(args: Args<'_>, run: impl FnOnce((&str, &str), Args<'_>) -> String) -> String {
    match args.split_first().and_then(|(name, rest)| Some((name.split_once('/')?, rest))) {
        Some((name, rest)) if !name.0.is_empty() && !name.1.is_empty() => run(name, rest),
        _ => "Require 'backend/server'.\n".to_owned(),
    }
}

fn order(house: &dyn House, (backend, server): (&str, &str), what: ServerOrderKind) -> String {
    let order = ServerOrder { backend: backend.into(), server: server.into(), what };
    match house.order(&order) {
        Ok(()) => String::new(),
        Err(OrderError::NoBackend) => "No such backend.\n".to_owned(),
        Err(OrderError::NoServer) => "No such server.\n".to_owned(),
        Err(OrderError::Range) => "The value is out of range.\n".to_owned(),
        Err(OrderError::FixedWeight) => "Backend is using a static LB algorithm and only accepts \
                                         weights '0%' and '100%'.\n"
            .to_owned(),
    }
}

fn weight_of(house: &dyn House, args: Args<'_>) -> String {
    with_server(args, |(backend, server), _| {
        let rows = house.rows();
        let Some(row) = rows.iter().find(|r| r.proxy == backend && r.service == server) else {
            return "No such server.\n".to_owned();
        };
        match &row.server {
            Some(s) => format!("{} (initial {})\n", s.weight, s.initial_weight),
            None => "No such server.\n".to_owned(),
        }
    })
}

fn show_state(house: &dyn House, args: Args<'_>) -> String {
    let rows = house.rows();
    match args.first() {
        Some(name) if !rows.iter().any(|r: &Row| r.proxy == *name) => {
            "Can't find backend.\n".to_owned()
        }
        backend => servers_state::print(&rows, backend.copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_a_range() {
        assert_eq!(weight(Some("256")), Ok(ServerOrderKind::Weight(256)));
        assert_eq!(weight(Some("0%")), Ok(ServerOrderKind::WeightPercent(0)));
        for bad in [None, Some("257"), Some("-1"), Some("101%"), Some("x"), Some("%")] {
            assert!(weight(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_server_is_named_with_its_backend() {
        let names = |args: Args<'_>| with_server(args, |(b, s), _| format!("{b}+{s}"));
        assert_eq!(names(&["b/s"]), "b+s");
        for bad in [&[][..], &["b"], &["b/"], &["/s"]] {
            assert_eq!(names(bad), "Require 'backend/server'.\n", "{bad:?}");
        }
    }
}
