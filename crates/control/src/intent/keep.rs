//! What becomes of orders and changes given at run time when the files are read anew, and who gave
//! them.

use std::collections::BTreeMap;
use std::fmt;

use model::Config;

use super::{Intent, Override, State, containers};
use crate::ports::ServerOrderKind;

/// Most subjects of which it is known who changed them.
const SUBJECTS_MAX: usize = 10_000;
/// Longest command that is remembered, characters.
const COMMAND_CHARS_MAX: usize = 200;

/// What a reading of the files leaves of orders and changes given at run time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Everything that the files still have a place for.
    All,
    /// States and weights of servers, as HAProxy's state file would.
    #[default]
    State,
    /// Nothing.
    None,
}

/// Who changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Wall clock, milliseconds since 1970.
    pub at_ms: u64,
    /// Whoever sent the command.
    pub who: String,
    /// The command.
    pub command: String,
}

/// Who changed what last, by the subject's words (`server be/s1`).
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(BTreeMap<String, Asked>);

/// One difference between what runs and what files and labels say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What differs: `server be/s1`.
    pub subject: String,
    /// How: `weight 33`.
    pub what: String,
    /// Who asked for it, where that is remembered.
    pub asked: Option<Asked>,
    /// Whether it outlives a reading of the files.
    pub kept: bool,
}

impl Drift {
    /// For people; ages count from `now_ms`, milliseconds since 1970.
    #[must_use]
    pub fn line(&self, now_ms: u64) -> String {
        let mut line = format!("{}: {}", self.subject, self.what);
        if let Some(asked) = &self.asked {
            let age_s = now_ms.saturating_sub(asked.at_ms) / 1000;
            let Asked { who, command, .. } = asked;
            line.push_str(&format!("  ('{command}', {who}, {age_s} s ago)"));
        }
        let fate = if self.kept { "kept" } else { "forgotten" };
        format!("{line}; {fate} when the files are read anew")
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.map(|state| match state {
            State::Drain => "state drain".to_owned(),
            State::Maintenance => "state maint".to_owned(),
            State::Ready => "state ready, disabled in the configuration".to_owned(),
        });
        let weight = self.weight.and_then(|weight| match weight {
            ServerOrderKind::Weight(weight) => Some(format!("weight {weight}")),
            ServerOrderKind::WeightPercent(percent) => Some(format!("weight {percent}%")),
            _ => None,
        });
        let words: Vec<String> = state.into_iter().chain(weight).collect();
        f.write_str(&words.join(", "))
    }
}

impl Intent {
    /// Remembers who changed something.
    pub fn note(&mut self, subject: String, mut asked: Asked) {
        if self.ledger.0.len() >= SUBJECTS_MAX && !self.ledger.0.contains_key(&subject) {
            return;
        }
        asked.command = asked.command.chars().take(COMMAND_CHARS_MAX).collect();
        self.ledger.0.insert(subject, asked);
    }

    /// Everything that runs otherwise than files and labels say.
    #[must_use]
    pub fn drift(&self, keep: Keep) -> Vec<Drift> {
        let asked = |subject: &str| self.ledger.0.get(subject).cloned();
        let orders = self.overrides.iter().map(|(backend, server, what)| {
            let subject = format!("server {backend}/{server}");
            (subject, what.to_string(), keep != Keep::None)
        });
        let changes = self.patches.entries().into_iter();
        let changes = changes.map(|(subject, what)| (subject, what, keep == Keep::All));
        let all = orders.chain(changes);
        all.map(|(subject, what, kept)| Drift { asked: asked(&subject), subject, what, kept })
            .collect()
    }

    /// The files were read anew: forgets what does not outlive that. Returns a line for each change
    /// that is forgotten.
    pub fn settle(&mut self, keep: Keep, options: &containers::Options) -> Vec<String> {
        let before = self.patches.lines();
        if before.is_empty() {
            return before;
        }
        let patches = std::mem::take(&mut self.patches);
        if keep != Keep::All {
            return before;
        }
        let wanted: Config = self.survey(options).config;
        self.patches = patches;
        self.patches.settle(&wanted);
        let after = self.patches.lines();
        before.into_iter().filter(|line| !after.contains(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ports::ServerOrder;
    use crate::tests::{config, server};

    fn world() -> Intent {
        let mut intent = Intent::default();
        intent.set_base(config(&["127.0.0.1:1"], &[server("a", 1)]), Arc::default());
        let backend = || "b".into();
        intent.patches_mut().server(&backend(), &"a".into()).maxconn = Some(5);
        let added = config(&[], &[server("new", 3)]).backends[0].servers[0].clone();
        intent.patches_mut().add(&backend(), (*added).clone(), Vec::new());
        let what = ServerOrderKind::Drain;
        let order = ServerOrder { backend: backend(), server: "a".into(), what };
        intent.overrides_mut().record(&order, false);
        intent
    }

    #[test]
    fn drift_names_who_asked_and_what_stays() {
        let mut intent = world();
        let asked = Asked { at_ms: 1000, who: "uid 0".to_owned(), command: "set x".to_owned() };
        intent.note("server b/a".to_owned(), asked);
        let lines: Vec<String> =
            intent.drift(Keep::State).iter().map(|drift| drift.line(4000)).collect();
        assert_eq!(
            lines,
            [
                "server b/a: state drain  ('set x', uid 0, 3 s ago); kept when the files are read \
                 anew",
                "server b/new: added; forgotten when the files are read anew",
                "server b/a: maxconn 5  ('set x', uid 0, 3 s ago); forgotten when the files are \
                 read anew",
            ]
        );
    }

    #[test]
    fn a_reading_keeps_what_was_chosen_and_has_a_place() {
        let options = containers::Options::default();
        for (keep, left) in [(Keep::All, 2), (Keep::State, 0), (Keep::None, 0)] {
            let mut intent = world();
            let forgotten = intent.settle(keep, &options);
            assert_eq!(intent.patches().lines().len(), left, "{keep:?}");
            assert_eq!(forgotten.len(), 2 - left, "{keep:?}");
        }
        let mut intent = world();
        let elsewhere = config(&["127.0.0.1:1"], &[server("new", 9)]);
        intent.set_base(elsewhere, Arc::default());
        let forgotten = intent.settle(Keep::All, &options);
        assert_eq!(forgotten, ["server b/new: added", "server b/a: maxconn 5"]);
    }
}
