//! Docker Compose in its two generations.

use super::command::Run;
use std::path::{Path, PathBuf};

/// Which Compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `docker-compose` 1.x; containers are called `project_service_1`.
    V1,
    /// Compose 2 and later; containers are called `project-service-1`.
    V2,
}

/// The environment variable that names a Compose v2 binary.
pub const V2_VARIABLE: &str = "EVENKEEL_COMPOSE_V2";

impl Version {
    /// The program, or why there is none.
    pub fn program(self) -> Result<PathBuf, String> {
        match self {
            Self::V1 => {
                let path = PathBuf::from("docker-compose");
                is_version(&path, "1.").map(|()| path)
            }
            Self::V2 => {
                let path = match std::env::var_os(V2_VARIABLE) {
                    Some(path) => PathBuf::from(path),
                    None => fetched()?,
                };
                is_version(&path, "2.").map(|()| path)
            }
        }
    }

    /// Between the parts of a container's name.
    pub fn separator(self) -> char {
        match self {
            Self::V1 => '_',
            Self::V2 => '-',
        }
    }
}

fn is_version(program: &Path, wanted: &str) -> Result<(), String> {
    let version = Run::new(program).args(&["version", "--short"]).output()?;
    match version.trim_start_matches('v').starts_with(wanted) {
        true => Ok(()),
        false => Err(format!("{} is version {version}, not {wanted}x", program.display())),
    }
}

/// Compose v2 from the folder where it is kept once fetched.
fn fetched() -> Result<PathBuf, String> {
    let folder = super::images::cache().join("compose-v2");
    let program = folder.join("docker-compose");
    if !program.is_file() {
        let script = super::images::root().join("e2e/scripts/compose-v2");
        Run::new(script).args(&[&folder]).output()?;
    }
    Ok(program)
}
