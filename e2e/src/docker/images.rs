//! The images that the tests need: evenkeel's own, and stand-ins for the public ones.

use super::command::Run;
use super::docker;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long the balancer's build may take.
const BUILD: Duration = Duration::from_secs(1500);
/// What the image is made from, besides what lies in `target`.
const SOURCES: [&str; 5] = ["crates", "Cargo.toml", "Cargo.lock", "Dockerfile", "xtask/image.sh"];

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where things that were fetched are kept.
pub fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("evenkeel")
}

/// Makes what is missing or old. `make image` for the balancer, in the quick profile.
pub fn ensure() -> Result<(), String> {
    stand_ins()?;
    if !is_current() {
        let script = root().join("xtask/image.sh");
        Run::new(script).args(&["quick"]).dir(&root()).limit(BUILD).output()?;
    }
    Ok(())
}

/// Makes the stand-ins of public images where they are missing.
pub fn stand_ins() -> Result<(), String> {
    Run::new(root().join("e2e/scripts/base-images")).limit(BUILD).output().map(drop)
}

/// Whether the image that was built last from this tree is there and nothing has changed since.
/// It gets its name back where another tree's image took it.
fn is_current() -> bool {
    let Some(stamp) = target().map(|t| t.join("image/id")) else { return false };
    let Ok(built) = std::fs::metadata(&stamp).and_then(|m| m.modified()) else { return false };
    let id = std::fs::read_to_string(&stamp).unwrap_or_default();
    SOURCES.iter().all(|source| newest(&root().join(source)) < built)
        && docker(&["tag", id.trim(), "evenkeel:latest"]).is_ok()
}

/// The target directory that this test was built in.
fn target() -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("CARGO_TARGET_DIR") {
        return Some(root().join(set));
    }
    Some(root().join("target"))
}

/// When something at this path was last changed.
fn newest(path: &Path) -> SystemTime {
    let own = std::fs::metadata(path).and_then(|m| m.modified()).unwrap_or(SystemTime::now());
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    match path.is_dir() {
        true => inside.map(|entry| newest(&entry.path())).max().unwrap_or(SystemTime::UNIX_EPOCH),
        false => own,
    }
}
