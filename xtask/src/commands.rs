//! docs/runtime-api.md, made from the table of runtime commands.
use crate::page::Page;

/// The page.
pub(crate) fn page() -> Page {
    let text = admin::commands::manual();
    Page { path: "docs/runtime-api.md", made_by: "commands", text }
}
