//! An image of this very program, with the libraries that it is linked with and nothing else.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use super::engine::Engine;

/// Its name.
pub const NAME: &str = "evenkeel-bench-replica";
/// Where the program lies in it.
pub const PROGRAM: &str = "/evenkeel-bench";

/// Makes the image anew from the program that runs.
///
/// # Errors
/// When files cannot be copied, or the engine's.
pub fn make(engine: &Engine, program: &Path) -> Result<(), String> {
    let folder = env::temp_dir().join(format!("evenkeel-bench-image-{}", std::process::id()));
    let made = tar(&folder, program);
    let _ = fs::remove_dir_all(&folder);
    let path = format!("/images/create?fromSrc=-&repo={NAME}&tag=latest");
    engine.exchange("POST", &path, "application/x-tar", &made?).map(drop)
}

fn tar(folder: &Path, program: &Path) -> Result<Vec<u8>, String> {
    let root = folder.join("root");
    let say = |e: std::io::Error| format!("{}: {e}", root.display());
    fs::create_dir_all(root.join("notes")).map_err(say)?;
    let place = |path: &str| root.join(path.trim_start_matches('/'));
    fs::copy(program, place(PROGRAM)).map_err(say)?;
    let listed = Command::new("ldd").arg(program).output().map_err(|e| format!("ldd: {e}"))?;
    for library in libraries(&String::from_utf8_lossy(&listed.stdout)) {
        let target = place(library);
        fs::create_dir_all(target.parent().unwrap_or(&root)).map_err(say)?;
        fs::copy(library, target).map_err(say)?;
    }
    let root = root.as_os_str();
    let mut command = Command::new("tar");
    command.arg("-C").arg(root).args(["--owner=0", "--group=0", "-cf", "-", "."]);
    let packed = command.output().map_err(|e| format!("tar: {e}"))?;
    match packed.status.success() {
        true => Ok(packed.stdout),
        false => Err(String::from_utf8_lossy(&packed.stderr).into_owned()),
    }
}

/// The paths that `ldd` names; none for a static program.
fn libraries(listed: &str) -> Vec<&str> {
    let path = |line: &'_ str| line.split_whitespace().find(|w| w.starts_with('/')).is_some();
    let lines = listed.lines().filter(|l| path(l));
    lines.filter_map(|l| l.split_whitespace().find(|w| w.starts_with('/'))).collect()
}

#[cfg(test)]
mod tests {
    use super::libraries;

    #[test]
    fn what_ldd_says() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x1)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x2)\n";
        assert_eq!(libraries(listed), ["/lib/x/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert!(libraries("\tstatically linked\n").is_empty());
    }
}
