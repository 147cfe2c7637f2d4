//! The last changes: who asked, what differed, how it went and how long it took.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use model::Generation;

/// Changes remembered; older ones are forgotten.
pub const ENTRIES_MAX: usize = 128;

/// Steps kept of one change; the rest is counted.
pub const STEPS_MAX: usize = 64;

/// What set a change off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The first configuration of the process.
    Start,
    /// A watched file changed; its path.
    File(String),
    /// A signal; its name.
    Signal(&'static str),
    /// A command on a control socket; which.
    Command(String),
    /// A provider saw containers change; its name.
    Provider(String),
    /// The DNS answers otherwise about this name.
    Name(String),
    /// An attempt that failed before is made again.
    Retry,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::File(path) => write!(f, "{path} changed"),
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::Command(what) => write!(f, "command {what}"),
            Self::Provider(name) => write!(f, "containers seen by {name} changed"),
            Self::Name(name) => write!(f, "addresses of {name} changed"),
            Self::Retry => f.write_str("retry"),
        }
    }
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It runs.
    Applied {
        /// As which generation.
        generation: Generation,
        /// What differed, one line each, at most [`STEPS_MAX`].
        steps: Vec<String>,
        /// Differences beyond those.
        more: usize,
    },
    /// Nothing differed from what runs.
    Unchanged,
    /// It was refused and what ran before goes on.
    Refused {
        /// Why, possibly several lines.
        reason: String,
    },
}

/// One remembered change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the change in this process, from 1.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Who asked.
    pub causes: Vec<Cause>,
    /// From reading to serving.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} ", self.number)?;
        write_causes(f, &self.causes)?;
        let took_ms = self.took.as_secs_f64() * 1000.0;
        match &self.ending {
            Ending::Unchanged => write!(f, ": nothing to change ({took_ms:.1} ms)"),
            Ending::Refused { reason } => {
                write!(f, ": refused ({took_ms:.1} ms), what ran before goes on")?;
                reason.lines().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Ending::Applied { generation, steps, more } => {
                write!(f, ": generation {generation} runs ({took_ms:.1} ms)")?;
                steps.iter().try_for_each(|step| write!(f, "\n  {step}"))?;
                if *more > 0 {
                    write!(f, "\n  and {more} more")?;
                }
                Ok(())
            }
        }
    }
}

fn write_causes(f: &mut fmt::Formatter<'_>, causes: &[Cause]) -> fmt::Result {
    for (i, cause) in causes.iter().enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        write!(f, "{separator}{cause}")?;
    }
    Ok(())
}

/// The last [`ENTRIES_MAX`] changes.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    count: u64,
    applied: u64,
    refused: u64,
}

impl History {
    /// Remembers a change and returns the entry.
    pub fn record(
        &mut self,
        at_ms: u64,
        causes: Vec<Cause>,
        took: Duration,
        ending: Ending,
    ) -> Entry {
        self.count += 1;
        match ending {
            Ending::Applied { .. } => self.applied += 1,
            Ending::Refused { .. } => self.refused += 1,
            Ending::Unchanged => {}
        }
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        let entry = Entry { number: self.count, at_ms, causes, took, ending };
        self.entries.push_back(entry.clone());
        entry
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// Changes that came to run, the forgotten ones included.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Changes that were refused, the forgotten ones included.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_changes_are_kept_but_all_are_counted() {
        let mut history = History::default();
        for i in 0..ENTRIES_MAX as u64 + 5 {
            let ending = if i % 2 == 0 {
                Ending::Refused { reason: "no".to_owned() }
            } else {
                Ending::Unchanged
            };
            history.record(i, vec![Cause::Start], Duration::ZERO, ending);
        }
        assert_eq!(history.iter().count(), ENTRIES_MAX);
        assert_eq!(history.iter().next().map(|e| e.number), Some(6));
        assert_eq!(history.refused(), (ENTRIES_MAX as u64 + 5).div_ceil(2));
        assert_eq!(history.applied(), 0);
    }

    #[test]
    fn an_entry_prints_who_what_and_how_long() {
        let mut history = History::default();
        let entry = history.record(
            0,
            vec![Cause::File("a.cfg".to_owned()), Cause::Signal("HUP")],
            Duration::from_micros(12_340),
            Ending::Applied { generation: 7, steps: vec!["+ server b/s".to_owned()], more: 2 },
        );
        assert_eq!(
            entry.to_string(),
            "#1 a.cfg changed, signal HUP: generation 7 runs (12.3 ms)\n\
             \x20 + server b/s\n\
             \x20 and 2 more"
        );
    }
}
