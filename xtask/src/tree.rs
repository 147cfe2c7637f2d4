//! The files of the repository.
use std::path::{Path, PathBuf};

/// Directories that hold nothing of ours.
const SKIPPED: &[&str] = &["target", ".git", "node_modules", "corpus", "artifacts", "runs"];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// All files with one of these extensions, relative to the root, sorted.
pub(crate) fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(|kind| kind.is_dir()) {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if kind.is_ok_and(|kind| kind.is_file())
                && path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known))
                && let Ok(relative) = path.strip_prefix(&root)
            {
                found.push(relative.to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The text of a file given relative to the root; empty when it is no text.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}
