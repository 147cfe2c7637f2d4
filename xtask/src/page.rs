//! Pages of docs/ that are made from tables: written, or compared with what is committed.
use crate::tree;

/// A page and the text that it should have.
pub(crate) struct Page {
    /// Where it is, relative to the root of the repository.
    pub path: &'static str,
    /// The task that writes it.
    pub made_by: &'static str,
    pub text: String,
}

impl Page {
    /// Writes it.
    pub(crate) fn write(&self) -> Result<String, Vec<String>> {
        std::fs::write(tree::root().join(self.path), &self.text)
            .map_err(|error| vec![format!("{}: {error}", self.path)])?;
        Ok(format!("{} is written", self.path))
    }

    /// Compares the committed page with the table.
    pub(crate) fn check(&self) -> Result<String, Vec<String>> {
        if tree::text(self.path.as_ref()) == self.text {
            return Ok(format!("{} is current", self.path));
        }
        let Self { path, made_by, .. } = self;
        Err(vec![format!("{path} is stale: run 'cargo xtask {made_by}' and commit it")])
    }
}
