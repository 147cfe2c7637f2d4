//! What a scripted server does: the `== servers` lines of a case file.

use crate::text::{Word, duration, words};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// When a rule applies.
#[derive(Debug, PartialEq, Eq)]
pub enum When {
    /// As soon as the connection is accepted; nothing is read first.
    Connect,
    /// After the head of a request whose target starts so.
    Head(String),
    /// After a whole request whose target starts so.
    Request(String),
}

/// One thing a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Sends an answer with this status, these extra header lines and this body.
    Reply(u16, Vec<u8>, Vec<u8>),
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Closes the sending direction.
    Shut,
    /// Reads and records so many bytes.
    Read(usize),
    /// Reads and records the body of the request at hand.
    ReadBody,
    /// Reads and records all until the peer closes.
    ReadRest,
    /// Sends back what comes, until the peer closes.
    Echo,
    /// Waits for the peer to close.
    Hang,
}

/// A condition and what then happens.
#[derive(Debug)]
pub struct Rule {
    /// The condition.
    pub when: When,
    /// What happens, in order.
    pub actions: Vec<Action>,
    left: AtomicUsize,
}

/// A server's behaviour.
#[derive(Debug, Default)]
pub struct Script {
    /// Reads a PROXY header first, and records it.
    pub accept_proxy: bool,
    /// Listens on a unix socket.
    pub unix: bool,
    /// Never listens: connections are refused.
    pub refuses: bool,
    /// Listens with a full backlog: connections never get an answer.
    pub hole: bool,
    rules: Vec<Rule>,
}

impl Script {
    /// Adds what one line says (without the server's name).
    pub fn add(&mut self, line: &str) -> Result<(), String> {
        let mut words: VecDeque<Word> = words(line)?.into();
        match bare(&mut words)?.as_str() {
            "accept-proxy" => self.accept_proxy = true,
            "unix" => self.unix = true,
            "refuse" => self.refuses = true,
            "hole" => self.hole = true,
            "connect" => self.add_rule(When::Connect, words)?,
            "on" => {
                let target = bare(&mut words)?;
                self.add_rule(When::Request(target), words)?;
            }
            "on-head" => {
                let target = bare(&mut words)?;
                self.add_rule(When::Head(target), words)?;
            }
            other => return Err(format!("unknown server behaviour {other:?}")),
        }
        Ok(())
    }

    /// What to do at connect.
    pub fn at_connect(&self) -> Option<&[Action]> {
        self.first(|when| *when == When::Connect)
    }

    /// What to do when the head of a request for `target` is there.
    pub fn at_head(&self, target: &str) -> Option<&[Action]> {
        self.first(|when| matches!(when, When::Head(prefix) if matches(prefix, target)))
    }

    /// What to do when the whole request for `target` is there.
    pub fn at_request(&self, target: &str) -> Option<&[Action]> {
        self.first(|when| matches!(when, When::Request(prefix) if matches(prefix, target)))
    }

    fn first(&self, applies: impl Fn(&When) -> bool) -> Option<&[Action]> {
        self.rules.iter().find(|rule| applies(&rule.when) && rule.use_up()).map(|r| &*r.actions)
    }

    fn add_rule(&mut self, when: When, mut words: VecDeque<Word>) -> Result<(), String> {
        let once = words.front() == Some(&Word::Bare("once".into()));
        if once {
            words.pop_front();
        }
        let mut actions = Vec::new();
        while let Some(word) = words.pop_front() {
            let Word::Bare(word) = word else { return Err(format!("{word:?} is no action")) };
            actions.push(action(&word, &mut words)?);
        }
        let left = AtomicUsize::new(if once { 1 } else { usize::MAX });
        self.rules.push(Rule { when, actions, left });
        Ok(())
    }
}

impl Rule {
    fn use_up(&self) -> bool {
        let less = |left: usize| match left {
            usize::MAX => Some(left),
            _ => left.checked_sub(1),
        };
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}

fn matches(prefix: &str, target: &str) -> bool {
    prefix == "*" || target.starts_with(prefix)
}

fn action(word: &str, words: &mut VecDeque<Word>) -> Result<Action, String> {
    Ok(match word {
        "send" => Action::Send(strings(words)),
        "wait" => Action::Wait(duration(&bare(words)?)?),
        "reply" => {
            let status = bare(words)?.parse().map_err(|e| format!("reply: {e}"))?;
            let mut next = || match words.front() {
                Some(Word::Bytes(_)) => words.pop_front().map(into_bytes).unwrap_or_default(),
                _ => Vec::new(),
            };
            Action::Reply(status, next(), next())
        }
        "close" => Action::Close,
        "reset" => Action::Reset,
        "shut" => Action::Shut,
        "read" => Action::Read(bare(words)?.parse().map_err(|e| format!("read: {e}"))?),
        "read-body" => Action::ReadBody,
        "read-rest" => Action::ReadRest,
        "echo" => Action::Echo,
        "hang" => Action::Hang,
        other => return Err(format!("unknown action {other:?}")),
    })
}

fn strings(words: &mut VecDeque<Word>) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(Word::Bytes(_)) = words.front() {
        out.extend(words.pop_front().map(into_bytes).unwrap_or_default());
    }
    out
}

fn into_bytes(word: Word) -> Vec<u8> {
    match word {
        Word::Bytes(bytes) => bytes,
        Word::Bare(word) => word.into_bytes(),
    }
}

fn bare(words: &mut VecDeque<Word>) -> Result<String, String> {
    match words.pop_front() {
        Some(Word::Bare(word)) => Ok(word),
        other => Err(format!("a word was expected, not {other:?}")),
    }
}
