//! Keywords with the functions that lower them: sorted, so that a lookup costs a few comparisons.

use super::args::{Outcome, alert};
use crate::ast::Word;
use expr::suggest::did_you_mean;

/// A table sorted by name.
pub(crate) struct Table<F: 'static>(pub &'static [(&'static str, F)]);

impl<F: Copy> Table<F> {
    /// What lowers this name.
    pub(crate) fn find(&self, name: &str) -> Option<F> {
        let at = self.0.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
        self.0.get(at).map(|(_, lower)| *lower)
    }

    /// The same, or an alert that names `what` was expected and the nearest name.
    pub(crate) fn require(&self, word: Word<'_>, what: &str) -> Outcome<F> {
        self.find(word.value()).ok_or_else(|| {
            let mut found = alert(word.span(), format!("unknown {what} '{}'", word.value()));
            let meant = did_you_mean(word.value(), self.names());
            found.hint = meant.map(|name| format!("did you mean '{name}'?"));
            found
        })
    }

    /// Every name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<F> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// Whether the names ascend, as lookups need it.
    #[cfg(test)]
    pub(crate) fn is_sorted(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }
}
