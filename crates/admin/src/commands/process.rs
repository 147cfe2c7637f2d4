//! Commands about the process.

use super::{Args, Command, Reply, Run, Severity, commands};
use crate::ports::{House, Level, Report};

pub(super) const COMMANDS: &[Command] = commands! {
    "get var" "<name>" Operator "type and value of a variable of the process (proc.x)":
        Run::Now(variable);
    "show activity" "" Operator "what each thread has done":
        Run::Now(|house, _| Reply::listing(house.report(Report::Activity)));
    "show env" "[<name>]" Operator "variables of the environment": Run::Now(environment);
    "show events" "[<sink>]" Operator "notices that are kept in memory": Run::Now(events);
    "show fd" "[<number>]" Operator "open descriptors": Run::Now(descriptors);
    "show libs" "" Operator "files that are mapped into memory":
        Run::Now(|house, _| Reply::listing(house.report(Report::Files)));
    "show pools" "" User "memory in use":
        Run::Now(|house, _| Reply::listing(house.report(Report::Memory)));
    "show startup-logs" "" Operator "what was said at the start, and what is wrong since":
        Run::Now(|house, _| Reply::listing(house.startup_logs()));
    "show threads" "" Operator "what each thread does now":
        Run::Now(|house, _| Reply::listing(house.report(Report::Threads)));
    "show version" "" User "version whose interface this is": Run::Now(|house, _| {
        Reply::message(Severity::Info, house.process().haproxy_version)
    });
};

fn variable(house: &dyn House, args: Args<'_>) -> Reply {
    let Some(name) = args.word(0) else {
        return Reply::error("Missing process-wide variable identifier.");
    };
    match house.variable(name) {
        Some((kind, value)) => {
            Reply::message(Severity::Info, format!("{name}: type={kind} value=<{value}>"))
        }
        None => Reply::error("Variable not found."),
    }
}

fn environment(house: &dyn House, args: Args<'_>) -> Reply {
    let all = house.environment();
    match args.word(0) {
        Some(name) => match all.iter().find(|(n, _)| n == name) {
            Some((n, v)) => Reply::listing(format!("{n}={v}\n")),
            None => Reply::error("Variable not found"),
        },
        None => {
            Reply::listing(all.iter().fold(String::new(), |out, (n, v)| out + n + "=" + v + "\n"))
        }
    }
}

fn events(house: &dyn House, args: Args<'_>) -> Reply {
    match args.word(0) {
        None => Reply::listing(
            "Supported events sinks are listed below.\n    \
             buf0       : type=buffer, 0 dropped, notices of this process\n"
                .to_owned(),
        ),
        // Nobody waits here, and all of it is shown.
        Some("buf0") if args.word(1).is_some() => Reply::error("unknown option"),
        Some("buf0") => Reply::listing(house.report(Report::Events)),
        Some(_) => Reply::error("No such event sink"),
    }
}

fn descriptors(house: &dyn House, args: Args<'_>) -> Reply {
    let all = house.report(Report::Descriptors);
    let Some(number) = args.word(0) else { return Reply::listing(all) };
    let wanted = format!("{number} :");
    let lines = all.lines().filter(|line| line.trim_start().starts_with(&wanted));
    Reply::listing(lines.map(|line| format!("{line}\n")).collect())
}
