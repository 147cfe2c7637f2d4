//! Finds the two programs that are compared: the reference HAProxy and Evenkeel.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable that names a HAProxy of at least [`REFERENCE_VERSION`].
pub const REFERENCE_VARIABLE: &str = "EVENKEEL_REFERENCE_HAPROXY";
/// The environment variable that names the Evenkeel binary.
pub const EVENKEEL_VARIABLE: &str = "EVENKEEL_BIN";
/// The oldest HAProxy whose behaviour is the reference.
pub const REFERENCE_VERSION: (u32, u32) = (3, 2);

/// A program that understands HAProxy's command line.
#[derive(Clone, Debug)]
pub struct Binary {
    /// The file.
    pub path: PathBuf,
    /// What the program is told that it is called.
    pub name: &'static str,
}

/// HAProxy 3.2 or newer, or why there is none.
pub fn reference() -> Result<Binary, String> {
    let path = match std::env::var_os(REFERENCE_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => search_path("haproxy").ok_or(format!(
            "no haproxy in PATH and {REFERENCE_VARIABLE} is not set \
             (e2e/scripts/reference-haproxy DIR installs one)"
        ))?,
    };
    let version = version_of(&path)?;
    if version < REFERENCE_VERSION {
        return Err(format!(
            "{} is HAProxy {}.{}, the comparison needs {}.{} or newer \
             (e2e/scripts/reference-haproxy DIR installs one; set {REFERENCE_VARIABLE})",
            path.display(),
            version.0,
            version.1,
            REFERENCE_VERSION.0,
            REFERENCE_VERSION.1
        ));
    }
    Ok(Binary { path, name: "haproxy" })
}

/// The Evenkeel binary: named by the environment, or beside the running test, built if absent.
pub fn evenkeel() -> Result<Binary, String> {
    let path = match std::env::var_os(EVENKEEL_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => beside_this_test("evenkeel")?,
    };
    if !path.is_file() {
        return Err(format!("{} is missing", path.display()));
    }
    Ok(Binary { path, name: "haproxy" })
}

/// The program of the benchmarks, which is also what runs in their containers: beside the running
/// test, built if absent.
pub fn bench() -> Result<PathBuf, String> {
    beside_this_test("evenkeel-bench")
}

fn beside_this_test(package: &str) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|e| e.to_string())?;
    let profile = test.parent().and_then(Path::parent).ok_or("no target directory")?;
    let path = profile.join(package);
    if !path.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "-q", "-p", package]);
        if let Some(target) = profile.parent() {
            build.arg("--target-dir").arg(target);
        }
        let done = build.status().map_err(|e| format!("cargo build -p {package}: {e}"))?;
        if !done.success() {
            return Err(format!("cargo build -p {package} failed"));
        }
    }
    Ok(path)
}

fn search_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn version_of(path: &Path) -> Result<(u32, u32), String> {
    let output =
        Command::new(path).arg("-v").output().map_err(|e| format!("{}: {e}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.split_whitespace().nth(2).unwrap_or_default();
    let mut parts = number.split('.').map_while(|part| part.parse().ok());
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => Err(format!("{} -v says {text:?}", path.display())),
    }
}
