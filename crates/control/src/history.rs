//! The last changes: who asked, what differed, how it went and how long it took.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use model::Generation;

/// Changes remembered; older ones are forgotten.
pub const ENTRIES_MAX: usize = 1000;

/// Bytes of text kept of one change: causes and steps, or the reason. With [`ENTRIES_MAX`] no more
/// than 2 MiB are remembered, whatever names and labels there are.
pub const TEXT_MAX: usize = 2048;

/// Causes kept of one change.
pub const CAUSES_MAX: usize = 8;

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
    /// Consul says otherwise about this service.
    Service(String),
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
            Self::Service(name) => write!(f, "instances of {name} changed"),
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

impl Entry {
    /// With no more text than is remembered.
    fn bounded(mut self) -> Self {
        let mut left = TEXT_MAX;
        self.causes.truncate(CAUSES_MAX);
        for cause in &mut self.causes {
            if let Cause::File(text)
            | Cause::Command(text)
            | Cause::Provider(text)
            | Cause::Name(text) = cause
            {
                cut(text, left / 2);
                left -= text.len();
            }
        }
        match &mut self.ending {
            Ending::Applied { steps, more, .. } => {
                let fits = |step: &&String| match left.checked_sub(step.len()) {
                    Some(rest) => {
                        left = rest;
                        true
                    }
                    None => false,
                };
                let kept = steps.iter().take_while(fits).count();
                *more += steps.len() - kept;
                steps.truncate(kept);
            }
            Ending::Refused { reason } => cut(reason, left),
            Ending::Unchanged => {}
        }
        self
    }

    /// Whether there is something to remember: that a provider or the DNS had nothing new is not.
    fn is_news(&self) -> bool {
        let by_itself = |cause: &Cause| matches!(cause, Cause::Provider(_) | Cause::Name(_));
        self.ending != Ending::Unchanged || !self.causes.iter().all(by_itself)
    }
}

/// Shortens a text to `max` bytes at most, and lets it be seen.
fn cut(text: &mut String, max: usize) {
    const MARK: &str = "...";
    if text.len() > max {
        let mut end = max.saturating_sub(MARK.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MARK);
        text.shrink_to_fit();
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
    last_applied_ms: u64,
}

impl History {
    /// Remembers a change, unless there is no news in it, and returns it whole.
    pub fn record(
        &mut self,
        at_ms: u64,
        causes: Vec<Cause>,
        took: Duration,
        ending: Ending,
    ) -> Entry {
        let entry = Entry { number: self.count + 1, at_ms, causes, took, ending };
        match entry.ending {
            Ending::Applied { .. } => {
                self.applied += 1;
                self.last_applied_ms = at_ms;
            }
            Ending::Refused { .. } => self.refused += 1,
            Ending::Unchanged => {}
        }
        if entry.is_news() {
            self.count += 1;
            if self.entries.len() == ENTRIES_MAX {
                self.entries.pop_front();
            }
            self.entries.push_back(entry.clone().bounded());
        }
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

    /// When the last of them came to run, milliseconds since 1970; 0 before the first.
    #[must_use]
    pub fn last_applied_ms(&self) -> u64 {
        self.last_applied_ms
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
    fn a_change_takes_no_more_memory_than_its_bound() {
        let mut history = History::default();
        let long = "\u{e4}".repeat(TEXT_MAX);
        let causes = || vec![Cause::Command(long.clone()); 20];
        let steps = (0..64).map(|n| format!("+ server {n} {}", "x".repeat(200))).collect();
        let ending = Ending::Applied { generation: 1, steps, more: 3 };
        let whole = history.record(0, causes(), Duration::ZERO, ending);
        history.record(0, causes(), Duration::ZERO, Ending::Refused { reason: long.clone() });
        assert!(whole.to_string().contains("and 3 more"), "what is said is whole");
        for entry in history.iter() {
            let text = entry.to_string();
            assert!(text.len() < TEXT_MAX + 512, "{} bytes", text.len());
            assert!(text.contains("..."), "{text}");
        }
        let Some(Ending::Applied { steps, more, .. }) = history.iter().next().map(|e| &e.ending)
        else {
            panic!("the first was applied");
        };
        assert_eq!(steps.len() + more, 67);
    }

    #[test]
    fn that_nothing_is_new_is_not_remembered() {
        let mut history = History::default();
        let seen = || vec![Cause::Provider("docker".to_owned())];
        history.record(0, seen(), Duration::ZERO, Ending::Unchanged);
        assert_eq!(history.iter().count(), 0);
        let asked = vec![Cause::Signal("HUP")];
        let entry = history.record(0, asked, Duration::ZERO, Ending::Unchanged);
        assert_eq!((history.iter().count(), entry.number), (1, 1));
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
