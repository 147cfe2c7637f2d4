//! docs/runtime-api.md, made from the table of runtime commands.
use crate::tree;

const PAGE: &str = "docs/runtime-api.md";

/// Writes the page.
pub(crate) fn write() -> Result<String, Vec<String>> {
    let path = tree::root().join(PAGE);
    std::fs::write(&path, admin::commands::manual())
        .map_err(|error| vec![format!("{PAGE}: {error}")])?;
    Ok(format!("{PAGE} is written"))
}

/// Compares the committed page with the table.
pub(crate) fn check() -> Result<String, Vec<String>> {
    if tree::text(PAGE.as_ref()) == admin::commands::manual() {
        return Ok(format!("{PAGE} is current"));
    }
    Err(vec![format!("{PAGE} is stale: run 'cargo xtask commands' and commit it")])
}
