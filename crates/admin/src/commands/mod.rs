//! The runtime commands: one table, one file per family (manual of management 9.3).

mod changes;
mod counters;
mod maps;
mod missing;
mod native;
mod process;
mod servers;
mod session;
mod sessions;
mod split;
mod stores;

use std::fmt::Write;

use crate::ports::{House, Later, Level};

pub(crate) use session::duration;
pub use split::{payload_mark, split_commands, split_words};

/// Arguments of a command, the words of its own name taken off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Args<'a> {
    /// The words.
    pub words: &'a [&'a str],
    /// Lines that followed the command (`<<`).
    pub payload: Option<&'a str>,
    /// What the session may do.
    pub level: Level,
}

impl<'a> Args<'a> {
    /// The word at a position.
    #[must_use]
    pub fn word(&self, at: usize) -> Option<&'a str> {
        self.words.get(at).copied()
    }
}

/// How grave an answer is, as `set severity-output` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// 3: it was not done.
    Error,
    /// 4: it was done, but look.
    Warning,
    /// 6: for information.
    Info,
}

impl Severity {
    /// Syslog's number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
        }
    }

    /// Syslog's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "err",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// For messages; listings have none.
    pub severity: Option<Severity>,
    /// With its line end; empty when there is nothing to say.
    pub text: String,
}

impl Reply {
    /// Done, nothing to say.
    #[must_use]
    pub fn done() -> Self {
        Self { severity: None, text: String::new() }
    }

    /// A listing.
    #[must_use]
    pub fn listing(text: String) -> Self {
        Self { severity: None, text }
    }

    /// A message; its line end is added.
    #[must_use]
    pub fn message(severity: Severity, text: impl Into<String>) -> Self {
        Self { severity: Some(severity), text: text.into() + "\n" }
    }

    /// Why it was not done.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::message(Severity::Error, text)
    }
}

/// How a command is carried out.
#[derive(Clone, Copy)]
pub enum Run {
    /// At once.
    Now(fn(&dyn House, Args<'_>) -> Reply),
    /// It may have to wait.
    Later(for<'a> fn(&'a dyn House, Args<'a>) -> Later<'a, Reply>),
    /// It is about the session itself, which carries it out.
    Session(SessionCommand),
}

/// Commands that change the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// `quit`.
    Quit,
    /// `prompt`: stay open and show a prompt.
    Prompt,
    /// `operator`, `user`: give up rights.
    Lower(Level),
    /// `show cli level`.
    ShowLevel,
    /// `set timeout`.
    Timeout,
    /// `set severity-output`.
    Severity,
    /// `help`.
    Help,
    /// Pass the listening sockets on.
    HandOver,
}

/// A command.
pub struct Command {
    /// The words that name it, separated by blanks.
    pub name: &'static str,
    /// What follows them, for help.
    pub args: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Who may use it.
    pub level: Level,
    /// What it does.
    pub run: Run,
}

impl Command {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.name.split(' ')
    }

    /// How many words name it.
    #[must_use]
    pub fn length(&self) -> usize {
        self.words().count()
    }

    fn names(&self, words: &[&str]) -> bool {
        self.words().enumerate().all(|(at, word)| words.get(at) == Some(&word))
    }
}

/// A family of commands: name, arguments, level, help, and what it does.
macro_rules! commands {
    ($($name:literal $args:literal $level:ident $help:literal: $run:expr;)*) => {
        &[$(Command {
            name: $name,
            args: $args,
            help: $help,
            level: Level::$level,
            run: $run,
        }),*]
    };
}
use commands;

/// All families.
const FAMILIES: [&[Command]; 9] = [
    counters::COMMANDS,
    maps::COMMANDS,
    servers::COMMANDS,
    changes::COMMANDS,
    process::COMMANDS,
    sessions::COMMANDS,
    native::COMMANDS,
    session::COMMANDS,
    stores::COMMANDS,
];

/// All commands.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.into_iter().flatten()
}

/// The command that `words` begin with. The longest name wins.
#[must_use]
pub fn find(words: &[&str]) -> Option<&'static Command> {
    all().filter(|c| c.names(words)).max_by_key(|c| c.length())
}

/// What to say to words that name no command.
#[must_use]
pub fn unknown(words: &[&str], level: Level) -> Reply {
    let first = words.first().copied().unwrap_or_default();
    let mut out = format!("Unknown command: '{first}'");
    // Those that share the most words come nearest.
    let shared = |c: &Command| c.words().zip(words).take_while(|(a, b)| a == *b).count();
    let most = all().map(shared).max().unwrap_or(0);
    let close = all().filter(|c| c.level <= level && most > 0 && shared(c) == most);
    out.push_str(", but maybe one of the following ones is a better match:\n");
    list(&mut out, close);
    Reply { severity: Some(Severity::Error), text: out }
}

/// The help: all commands, or those whose name begins with the words given.
#[must_use]
pub fn help(words: &[&str], level: Level) -> String {
    let mut out = "The following commands are valid at this level:\n".to_owned();
    let matching = all().filter(|c| {
        c.level <= level && words.iter().zip(c.words()).all(|(given, word)| word.starts_with(given))
    });
    list(&mut out, matching);
    out
}

/// In alphabetical order; those about the session itself always, at the end.
fn list(out: &mut String, commands: impl Iterator<Item = &'static Command>) {
    let last = |c: &Command| matches!(c.name, "help" | "prompt" | "quit");
    let mut commands: Vec<_> = commands.filter(|c| !last(c)).collect();
    commands.sort_by_key(|c| c.name);
    commands.extend(all().filter(|c| last(c)));
    for c in commands {
        let separator = if c.args.is_empty() { "" } else { " " };
        let usage = format!("{}{separator}{}", c.name, c.args);
        let _ = writeln!(out, "  {usage:<40}: {}", c.help);
    }
}

/// The page about all commands, as Markdown.
#[must_use]
pub fn manual() -> String {
    let mut out = "# Runtime API\n\n\
        <!-- Written by `cargo xtask commands`; edit the command table instead. -->\n\n\
        A control socket (`stats socket` of `global`, `--control`, `-S`) takes commands, one a \
        line, several with `;`\nbetween them. A line that ends in `<<` is followed by a payload \
        up to an empty line, `<<MARK` up to a line\nwith that mark. Names of commands, arguments \
        and answers are HAProxy 3.2's; `evenkeel ctl COMMAND` sends one.\n\n\
        | command | level | what it does |\n|---|---|---|\n"
        .to_owned();
    let mut commands: Vec<&Command> = all().collect();
    commands.sort_by_key(|c| c.name);
    for c in commands {
        let separator = if c.args.is_empty() { "" } else { " " };
        let usage = format!("{}{separator}{}", c.name, c.args).replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{usage}` | {} | {} |",
            c.level.name(),
            c.help.replace('|', "\\|").replace('<', "&lt;")
        );
    }
    out.push_str(MANUAL_END);
    out.push_str("\n## Not here\n\n| HAProxy's command | why |\n|---|---|\n");
    for (name, why) in missing::MISSING {
        let _ = writeln!(out, "| `{name}` | {why} |");
    }
    out
}

/// What the table does not say.
const MANUAL_END: &str = "\n## Maps and ACLs\n\n\
    All lines that name the same file share one list, and every change is seen by the next \
    request. A list lives\nas long as the configuration that read it: a reload reads files that \
    were changed, or whose list was changed by\ncommands or rules, anew. Unlike in HAProxy, \
    changes ask for the level `admin`, a payload may hold empty lines, and\na key without a \
    value ends it with an error wherever it stands.\n\n\
    ## The running configuration\n\n\
    `show config` prints what runs as a haproxy.cfg: the files as they were read (variables \
    resolved, `.if` decided,\nolder spellings in today's words), what containers ask for, and \
    what commands changed, with a remark behind each\nline that differs from the files. It \
    loads as what runs. Passwords are written for the level `admin` alone. Of maps\nand ACLs \
    only the files are named. A server in drain has a weight of 0 there, and what checks found \
    is not in it:\n`show servers state` has that.\n\n\
    ## Servers, sections and addresses\n\n\
    `add server` takes every option of a `server` line, whatever the balancing; HAProxy takes \
    some. A server with\n`check` or `agent-check` is checked as soon as \
    `enable server` puts it to use; in HAProxy only after `enable health` and\n`enable \
    agent`, which do no harm here. HAProxy refuses \
    `add server` with `balance source` (map-based) and `static-rr`.\n`add backend` \
    and\n`add frontend` take the lines of a section as payload, which \
    inherit from `defaults` of the files; `add bind` takes\nwhat a `bind` line says. Nothing of \
    this changes a file: it holds until the files are read anew.\n\n\
    ```\n\
    add backend blue <<\nbalance leastconn\nserver b1 10.0.0.7:8080 check\n\n\
    ```\n\n\
    ## State files\n\n\
    What `show servers state` prints is a state file: `server-state-file`, `server-state-base`, \
    `server-state-file-name` and\n`load-server-state-from-file` have it read once, at the start. \
    Taken from it, as HAProxy does: drain and maintenance by an\noperator, the end of a \
    maintenance \
    that the configuration began, the weight where the configured one is unchanged,\ndown and \
    stopping, ports, addresses and ports of checks and agents, addresses of names (`init-addr \
    last`), and whether\nchecks and agents are off. Unlike there, an address that `set \
    server addr` \
    gave is taken along with its port, and\nresult and time of the last check begin anew. A \
    running process needs no file: a reload keeps what it knows.\n\n\
    ## What a reading of the files leaves\n\n\
    `plan` lists what commands changed, with who sent which, and says of each whether it outlives \
    the next reading of the\nfiles. By default states and weights of servers do, as with HAProxy's \
    state file; addresses, limits and what was\nadded or taken away do not, and a line says so. \
    `evenkeel run --keep-overrides all` keeps everything that the files\nstill have a place for \
    (what they say themselves wins), `none` keeps nothing.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_wins() {
        let found = |line: &str| {
            find(&line.split(' ').collect::<Vec<_>>()).map(|c| c.name).unwrap_or_default()
        };
        assert_eq!(found("show servers state b"), "show servers state");
        assert_eq!(found("show cli level"), "show cli level");
        assert_eq!(found("shown"), "");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|c| c.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn help_keeps_to_the_level() {
        let user = help(&[], Level::User);
        assert!(user.contains("show stat"));
        assert!(!user.contains("set server"));
        assert!(help(&["set"], Level::Admin).contains("  set server <bk>/<srv> "));
        assert!(help(&["set"], Level::Admin).ends_with("disconnect\n"));
    }
}
