//! The token that programs show to change something through the JSON interface.

use std::path::Path;

use crate::load::plain_reason;

/// Variable of the environment that holds it.
const VARIABLE: &str = "EVENKEEL_API_TOKEN";

/// From the file's first line, else from the environment; `None` when neither is given.
///
/// # Errors
/// Why the file cannot be used.
pub fn find(file: Option<&Path>) -> Result<Option<String>, String> {
    let Some(path) = file else {
        return Ok(std::env::var(VARIABLE).ok().filter(|token| !token.is_empty()));
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("{}: {}", path.display(), plain_reason(&e)))?;
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(token) => Ok(Some(token.to_owned())),
        None => Err(format!("{}:1: the token is missing", path.display())),
    }
}
