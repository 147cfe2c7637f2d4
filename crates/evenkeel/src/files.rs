//! Which configuration is meant when none is named.

use std::path::{Path, PathBuf};

use crate::load::DEFAULT_FILES;

/// Variable of the environment that names the file, as an image of earlier days had it.
const VARIABLE: &str = "HAPROXY_CONFIG";

/// The paths given, or the first of the usual places where there is one.
///
/// # Errors
/// A text that says what was looked for and what to do.
pub fn paths(given: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Ok(vec![path.into()]);
    }
    match DEFAULT_FILES.iter().find(|p| Path::new(p).exists()) {
        Some(path) => Ok(vec![path.into()]),
        None => Err(format!(
            "nothing to balance: looked for a configuration (${VARIABLE} is not set; {}) and for \
             the Docker socket /var/run/docker.sock; name a file with -f, or mount or name the \
             engine (DOCKER_HOST, --docker=HOST)",
            DEFAULT_FILES.join(", ")
        )),
    }
}
