//! What the operator wants: files, what observed containers ask for, and orders given at run time.

pub mod containers;
mod keep;
pub mod links;
mod overrides;
mod patches;
pub mod services;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use config::Ast;
use model::observed::{Freshness, Observation};
use model::{Config, Name, Origin};

use crate::guard;

pub use keep::{Asked, Drift, Keep};
pub use overrides::{Override, Overrides, State};
pub use patches::{FrontendPatch, Patches, ServerPatch, port_text};

/// Something that was asked for and cannot be done. It concerns its own origin alone: everything
/// else goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Who asked: a place in a file or a container's label.
    pub origin: Origin,
    /// What is wrong and what was done instead.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.reason)
    }
}

/// The wanted configuration, with what had to be left out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Whole and consistent.
    pub config: Config,
    /// What was left out or looks wrong.
    pub problems: Vec<Problem>,
}

/// Everything that was asked for, kept apart by who asked.
#[derive(Debug, Default)]
pub struct Intent {
    base: Arc<Config>,
    /// The text that the base was made from.
    files: Arc<Ast>,
    observed: BTreeMap<Name, Observation>,
    overrides: Overrides,
    patches: Patches,
    ledger: keep::Ledger,
    /// Spares work; changes nothing of what comes of it.
    memo: RefCell<containers::Memo>,
}

impl Clone for Intent {
    fn clone(&self) -> Self {
        Self {
            base: Arc::clone(&self.base),
            files: Arc::clone(&self.files),
            observed: self.observed.clone(),
            overrides: self.overrides.clone(),
            patches: self.patches.clone(),
            ledger: self.ledger.clone(),
            memo: RefCell::default(),
        }
    }
}

impl Intent {
    /// Takes what the configuration files say now, in place of what they said before.
    pub fn set_base(&mut self, config: Config, files: Arc<Ast>) {
        self.base = Arc::new(config);
        self.files = files;
    }

    /// What the configuration files say.
    #[must_use]
    pub fn base(&self) -> &Arc<Config> {
        &self.base
    }

    /// The text that they say it in.
    #[must_use]
    pub fn files(&self) -> &Arc<Ast> {
        &self.files
    }

    /// What was written for containers last, as configuration text.
    #[must_use]
    pub fn containers_text(&self) -> String {
        self.memo.borrow().written().to_owned()
    }

    /// Takes what a provider sees now. One that is away keeps what it saw last.
    pub fn observe(&mut self, observation: Observation) {
        let name = observation.provider.clone();
        if observation.freshness == Freshness::Gone {
            self.observed.remove(&name);
            return;
        }
        let believed = guard::believe(self.observed.get(&name), observation);
        self.observed.insert(name, believed);
    }

    /// What is believed of each provider.
    pub fn observations(&self) -> impl Iterator<Item = &Observation> {
        self.observed.values()
    }

    /// Orders given at run time.
    #[must_use]
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Orders given at run time, to be changed.
    pub fn overrides_mut(&mut self) -> &mut Overrides {
        &mut self.overrides
    }

    /// Changes of the configuration given at run time.
    #[must_use]
    pub fn patches(&self) -> &Patches {
        &self.patches
    }

    /// Changes of the configuration given at run time, to be changed.
    pub fn patches_mut(&mut self) -> &mut Patches {
        &mut self.patches
    }

    /// Everything joined, and what became of every container.
    pub fn survey(&self, options: &containers::Options) -> containers::Survey {
        self.join(options, containers::Want::Seats)
    }

    /// Everything joined; the survey's seats stay empty.
    pub fn configuration(&self, options: &containers::Options) -> containers::Survey {
        self.join(options, containers::Want::Configuration)
    }

    fn join(&self, options: &containers::Options, want: containers::Want) -> containers::Survey {
        let observations: Vec<&Observation> = self.observed.values().collect();
        let mut survey = if observations.is_empty() {
            let config = (*self.base).clone();
            containers::Survey { config, ..containers::Survey::default() }
        } else {
            let mut memo = self.memo.borrow_mut();
            containers::survey(&self.base, &observations, options, want, &mut memo)
        };
        self.patches.apply(&mut survey.config);
        survey.problems.extend(guard::examine(&survey.config));
        survey
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{config, container, observation, server};
    use model::observed::Freshness;

    #[test]
    fn without_providers_the_files_are_all_there_is() {
        let mut intent = Intent::default();
        let base = config(&["127.0.0.1:1"], &[server("a", 1)]);
        intent.set_base(base.clone(), Arc::default());
        let wanted = intent.survey(&containers::Options::default()).wanted();
        assert_eq!(wanted, Wanted { config: base, problems: Vec::new() });
    }

    #[test]
    fn a_provider_that_went_away_still_counts() {
        let mut intent = Intent::default();
        let mut seen = observation(Freshness::Fresh(1), [container("a")]);
        intent.observe(seen.clone());
        seen.containers.clear();
        seen.freshness = Freshness::Stale { since_ms: 5, reason: "gone".to_owned() };
        intent.observe(seen);
        let survey = intent.survey(&containers::Options::default());
        assert_eq!(survey.seats.len(), 1);
    }
}
