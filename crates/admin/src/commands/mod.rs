//! The runtime commands: one table, one file per family (manual of management 9.3).

mod about;
mod counters;
mod native;
mod servers;
mod show;

use std::fmt::Write;

use crate::ports::{House, Later, Level};

/// Arguments of a command, the words of its own name taken off.
pub type Args<'a> = &'a [&'a str];

/// How a command is carried out.
#[derive(Clone, Copy)]
pub enum Run {
    /// At once.
    Now(fn(&dyn House, Args<'_>) -> String),
    /// It may have to wait.
    Later(for<'a> fn(&'a dyn House, Args<'a>) -> Later<'a, String>),
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
    /// `set timeout cli`.
    Timeout,
    /// Pass the listening sockets on.
    HandOver,
}

/// A command.
pub struct Command {
    /// The words that name it.
    pub words: &'static [&'static str],
    /// What follows them, for help.
    pub args: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Who may use it.
    pub level: Level,
    /// What it does.
    pub run: Run,
}

/// All families, in the order that help lists them.
const FAMILIES: [&[Command]; 5] =
    [counters::COMMANDS, servers::COMMANDS, show::COMMANDS, native::COMMANDS, about::COMMANDS];

/// All commands.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.into_iter().flatten()
}

/// The command that `words` begin with, and how many of them name it. The longest name wins.
#[must_use]
pub fn find(words: &[&str]) -> Option<&'static Command> {
    all().filter(|c| words.starts_with(c.words)).max_by_key(|c| c.words.len())
}

/// What to say to words that name no command.
#[must_use]
pub fn unknown(words: &[&str]) -> String {
    let mut out = format!("Unknown command: '{}'", words.join(" "));
    let close: Vec<&Command> =
        all().filter(|c| words.first().is_some_and(|w| c.words.first() == Some(w))).collect();
    if close.is_empty() {
        out.push_str(". Try 'help'.\n");
        return out;
    }
    out.push_str(", but maybe one of the following ones is a better match:\n");
    list(&mut out, close.into_iter());
    out
}

/// The help: all commands, or those whose name begins with the words given.
#[must_use]
pub fn help(words: &[&str], level: Level) -> String {
    let mut out = "The following commands are valid at this level:\n".to_owned();
    let matching = all().filter(|c| {
        c.level <= level && words.iter().zip(c.words).all(|(given, word)| word.starts_with(given))
    });
    list(&mut out, matching);
    out
}

fn list<'a>(out: &mut String, commands: impl Iterator<Item = &'a Command>) {
    for c in commands {
        let separator = if c.args.is_empty() { "" } else { " " };
        let usage = format!("{}{separator}{}", c.words.join(" "), c.args);
        let _ = writeln!(out, "  {usage:<40}: {}", c.help);
    }
}

/// Words of a command line: separated by blanks, a backslash takes the next character as it is.
#[must_use]
pub fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Commands of one line: separated by `;`, unless a backslash stands before it.
#[must_use]
pub fn split_commands(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (i, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ';' => {
                out.push(&line[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&line[start..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_wins() {
        let name = |words: &[&str]| find(words).map(|c| c.words.join(" "));
        assert_eq!(name(&["show", "servers", "state", "b"]).as_deref(), Some("show servers state"));
        assert_eq!(name(&["show", "nothing"]), None);
        assert_eq!(name(&["set", "server", "b/s"]).as_deref(), Some("set server"));
    }

    #[test]
    fn lines_split_at_semicolons_and_blanks() {
        assert_eq!(split_commands("a b;c\\;d; e"), ["a b", "c\\;d", " e"]);
        assert_eq!(split_words("  set  server b\\ c\\;d "), ["set", "server", "b c;d"]);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|c| c.words).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn help_lists_only_what_the_level_allows() {
        assert!(help(&[], Level::Admin).contains("set server"));
        assert!(!help(&[], Level::User).contains("set server"));
        let some = help(&["show", "st"], Level::Admin);
        assert!(some.contains("show stat ") && !some.contains("show info"), "{some}");
    }

    #[test]
    fn an_unknown_command_suggests_its_neighbours() {
        assert!(unknown(&["show", "x"]).contains("show info"));
        assert!(unknown(&["foo"]).starts_with("Unknown command: 'foo'."));
    }
}
