//! Commands about the session and the commands themselves.

use super::{Command, Run, SessionCommand};
use crate::ports::Level;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["show", "cli", "level"],
        args: "",
        help: "what this session may do",
        level: Level::User,
        run: Run::Session(SessionCommand::ShowLevel),
    },
    Command {
        words: &["set", "timeout", "cli"],
        args: "<delay>",
        help: "how long this session may be idle",
        level: Level::User,
        run: Run::Session(SessionCommand::Timeout),
    },
    Command {
        words: &["operator"],
        args: "",
        help: "give up the rights of an administrator in this session",
        level: Level::Operator,
        run: Run::Session(SessionCommand::Lower(Level::Operator)),
    },
    Command {
        words: &["user"],
        args: "",
        help: "give up all rights but reading in this session",
        level: Level::User,
        run: Run::Session(SessionCommand::Lower(Level::User)),
    },
    Command {
        words: &["prompt"],
        args: "",
        help: "stay open and show a prompt, or stop doing so",
        level: Level::User,
        run: Run::Session(SessionCommand::Prompt),
    },
    Command {
        words: &["quit"],
        args: "",
        help: "end this session",
        level: Level::User,
        run: Run::Session(SessionCommand::Quit),
    },
];
