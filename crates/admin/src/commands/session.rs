//! Commands about the session and the commands themselves.

use std::time::Duration;

use super::{Args, Command, Reply, Run, SessionCommand, Severity, commands};
use crate::ports::{House, Later, Level};

pub(super) const COMMANDS: &[Command] = commands! {
    "echo" "<text>" User "print text": Run::Now(|_, args| {
        Reply::message(Severity::Info, args.words.join(" "))
    });
    "help" "[<command>]" User "list matching or all commands": Run::Session(SessionCommand::Help);
    "operator" "" Operator "give up the rights of an administrator in this session":
        Run::Session(SessionCommand::Lower(Level::Operator));
    "prompt" "[help | n | i | p | timed]*" User "stay open and show a prompt, or stop doing so":
        Run::Session(SessionCommand::Prompt);
    "quit" "" User "disconnect": Run::Session(SessionCommand::Quit);
    "set severity-output" "[none|number|string]" User "put the severity before messages":
        Run::Session(SessionCommand::Severity);
    "set timeout" "cli <delay>" User "how long this session may be idle":
        Run::Session(SessionCommand::Timeout);
    "show cli level" "" User "what this session may do":
        Run::Session(SessionCommand::ShowLevel);
    "show cli sockets" "" User "the control sockets": Run::Now(sockets);
    "user" "" User "give up all rights but reading in this session":
        Run::Session(SessionCommand::Lower(Level::User));
    "wait" "{-h|<delay>} [<condition>...]" Admin "wait for a time or a condition":
        Run::Later(wait);
};

fn sockets(house: &dyn House, _: Args<'_>) -> Reply {
    let mut out = "# socket lvl processes\n".to_owned();
    for socket in house.control_sockets() {
        out.push_str(&format!("{} {} all\n", socket.address, socket.level.name()));
    }
    Reply::listing(out)
}

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

const WAIT_USAGE: &str = "Usage: wait {-h|<duration>} [condition [args...]]\n  \
    <duration>: how long to wait at most; us, ms (default), s, m, h or d may follow the number\n  \
    conditions:\n    (none): sleep that long\n    \
    srv-removable <backend>/<server>: until 'del server' can remove it";

fn wait<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, Reply> {
    Box::pin(async move {
        let Some(time) = args.word(0) else {
            return Reply::error("Expects a duration in milliseconds.");
        };
        if time == "-h" {
            return Reply::message(Severity::Info, WAIT_USAGE);
        }
        let Some(time) = duration(time, "ms") else { return Reply::error("Invalid duration.") };
        match args.words.get(1..).unwrap_or_default() {
            [] => {
                tokio::time::sleep(time).await;
                Reply::message(Severity::Info, "Done.")
            }
            ["srv-removable", name] => {
                let deadline = tokio::time::Instant::now() + time;
                loop {
                    match house.removable(name) {
                        Ok(()) => return Reply::message(Severity::Info, "Done."),
                        Err(why) if !why.passes => return Reply::error("Failed."),
                        Err(_) if tokio::time::Instant::now() >= deadline => {
                            return Reply::error("Failed.");
                        }
                        Err(_) => tokio::time::sleep(LOOK).await,
                    }
                }
            }
            ["srv-removable"] => Reply::error("Missing server name (<backend>/<server>)."),
            _ => Reply::error(WAIT_USAGE),
        }
    })
}

/// A time with a unit; `unit` is meant where none is given. Zero is no time.
pub(crate) fn duration(text: &str, unit: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text.get(..digits)?.parse().ok().filter(|n| *n > 0)?;
    let unit = match text.get(digits..)? {
        "" => unit,
        given => given,
    };
    let unit = match unit {
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(86400),
        _ => return None,
    };
    unit.checked_mul(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("30", "s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("30", "ms"), Some(Duration::from_millis(30)));
        assert_eq!(duration("2m", "s"), Some(Duration::from_secs(120)));
        assert_eq!(
            (duration("0", "s"), duration("x", "s"), duration("5y", "s")),
            (None, None, None)
        );
    }
}
