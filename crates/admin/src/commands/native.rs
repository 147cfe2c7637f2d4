//! Evenkeel's own commands; the subcommands of the command line speak to a running process
//! through them.
//!
//! Each answer begins with a line `OK` or `FAILED`, which becomes the exit code.

use std::path::PathBuf;
use std::time::Duration;

use super::{Args, Command, Reply, Run, SessionCommand, commands};
use crate::ports::{House, Later, Level, Outcome};

pub(super) const COMMANDS: &[Command] = commands! {
    "explain" "[json] <method> <url> [<field>]*" Operator
        "what becomes of a request: frontend, rule, backend, servers":
        Run::Now(|house, args| answer(&house.explain(args.words)));
    "hand-over" "" Admin "pass the listening sockets to a new process and finish":
        Run::Session(SessionCommand::HandOver);
    "plan" "[<file>...]" Operator
        "what differs from files and labels, who asked for it, and what reading the files now \
         would change; changes nothing": Run::Later(plan);
    "reload" "" Admin "read the configuration now and apply it":
        Run::Later(|house, _| finish(house.reload()));
    "show config" "" Operator
        "what runs, as a file; passwords are for the level 'admin' alone":
        Run::Now(|house, args| match house.config_text(args.level == Level::Admin) {
            Some(text) => Reply::listing(text),
            None => Reply::error("Nothing runs yet."),
        });
    "show containers" "[json]" Operator
        "every container that was seen, and why it takes part or not":
        Run::Now(|house, args| answer(&house.containers(args.words == ["json"])));
    "show history" "[<count>]" User "the last changes: who asked, what differed, how long it took":
        Run::Now(history);
    "show serving" "" User "whether it listens and every worker answers":
        Run::Later(|house, _| finish(house.serving()));
    "show status" "" User "what runs, the last change, the last error": Run::Now(|house, _| {
        let ok = house.process().config_ok;
        answer(&Outcome { ok, text: house.status() })
    });
    "wait drained" "[<bk>/]<srv> <milliseconds>" User "wait until nothing uses a server any more":
        Run::Later(wait_drained);
};

fn answer(outcome: &Outcome) -> Reply {
    let word = if outcome.ok { "OK" } else { "FAILED" };
    Reply::listing(format!("{word}\n{}", outcome.text))
}

fn finish(outcome: Later<'_, Outcome>) -> Later<'_, Reply> {
    Box::pin(async { answer(&outcome.await) })
}

fn history(house: &dyn House, args: Args<'_>) -> Reply {
    let count = match args.words {
        [] => Ok(control::history::ENTRIES_MAX),
        [count] => count.parse(),
        _ => return Reply::error("Require a number of changes or nothing."),
    };
    let Ok(count) = count else { return Reply::error("The number of changes is not a number.") };
    let log = house.change_log(0, count);
    Reply::listing(log.iter().rev().fold(String::new(), |out, e| out + &e.to_string() + "\n"))
}

fn failed<'a>(text: &'static str) -> Later<'a, Reply> {
    Box::pin(async move { Reply::listing(format!("FAILED\n{text}\n")) })
}

fn plan<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, Reply> {
    finish(house.plan(args.words.iter().map(PathBuf::from).collect()))
}

fn wait_drained<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, Reply> {
    let [name, timeout_ms] = args.words else {
        return failed("Require [backend/]server and milliseconds.");
    };
    let Ok(timeout_ms) = timeout_ms.parse() else { return failed("The time is not a number.") };
    let (backend, server) = match name.split_once('/') {
        Some((backend, server)) => (Some(backend.into()), server),
        None => (None, *name),
    };
    finish(house.wait_drained(backend, server.into(), Duration::from_millis(timeout_ms)))
}
