//! Evenkeel's own commands; the subcommands of the command line speak to a running process
//! through them.
//!
//! Each answer begins with a line `OK` or `FAILED`, which becomes the exit code.

use std::path::PathBuf;
use std::time::Duration;

use super::{Args, Command, Run, SessionCommand};
use crate::ports::{House, Later, Level, Outcome};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["show", "status"],
        args: "",
        help: "what runs, the last change, the last error",
        level: Level::User,
        run: Run::Now(|house, _| {
            let ok = house.process().config_ok;
            answer(&Outcome { ok, text: house.status() })
        }),
    },
    Command {
        words: &["show", "history"],
        args: "",
        help: "the last changes: who asked, what differed, how long it took",
        level: Level::User,
        run: Run::Now(|house, _| house.history()),
    },
    Command {
        words: &["show", "containers"],
        args: "[json]",
        help: "every container that was seen, and why it takes part or not",
        level: Level::Operator,
        run: Run::Now(|house, args| answer(&house.containers(args == ["json"]))),
    },
    Command {
        words: &["explain"],
        args: "[json] <method> <url> [<field>]*",
        help: "what becomes of a request: frontend, rule, backend, servers",
        level: Level::Operator,
        run: Run::Now(|house, args| answer(&house.explain(args))),
    },
    Command {
        words: &["plan"],
        args: "[<file>...]",
        help: "what reading the configuration now would change, without changing it",
        level: Level::Operator,
        run: Run::Later(plan),
    },
    Command {
        words: &["reload"],
        args: "",
        help: "read the configuration now and apply it",
        level: Level::Admin,
        run: Run::Later(|house, _| finish(house.reload())),
    },
    Command {
        words: &["wait", "drained"],
        args: "[<bk>/]<srv> <milliseconds>",
        help: "wait until nothing uses a server any more",
        level: Level::User,
        run: Run::Later(wait_drained),
    },
    Command {
        words: &["hand-over"],
        args: "",
        help: "pass the listening sockets to a new process and finish",
        level: Level::Admin,
        run: Run::Session(SessionCommand::HandOver),
    },
];

fn answer(outcome: &Outcome) -> String {
    let word = if outcome.ok { "OK" } else { "FAILED" };
    format!("{word}\n{}", outcome.text)
}

fn finish(outcome: Later<'_, Outcome>) -> Later<'_, String> {
    Box::pin(async { answer(&outcome.await) })
}

fn plan<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, String> {
    finish(house.plan(args.iter().map(PathBuf::from).collect()))
}

fn wait_drained<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, String> {
    let [name, timeout_ms] = args else {
        return Box::pin(async {
            "FAILED\nRequire [backend/]server and milliseconds.\n".to_owned()
        });
    };
    let Ok(timeout_ms) = timeout_ms.parse() else {
        return Box::pin(async { "FAILED\nThe time is not a number.\n".to_owned() });
    };
    let (backend, server) = match name.split_once('/') {
        Some((backend, server)) => (Some(backend.into()), server),
        None => (None, *name),
    };
    finish(house.wait_drained(backend, server.into(), Duration::from_millis(timeout_ms)))
}
