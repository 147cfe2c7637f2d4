//! Going into the background, and the file with the process id.
//!
//! A process that has threads cannot fork safely, so the program starts itself again in a session
//! of its own and waits until that one serves: the exit code tells whether it does.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Set for the process in the background.
const MARK: &str = "EVENKEEL_IN_BACKGROUND";

/// What the process in the background writes when it serves.
const READY: &[u8] = b"\x06";

/// Whether this process is the one in the background.
pub fn is_background() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts the program again in the background and waits for it. Returns the exit code for the
/// foreground.
pub fn start_background() -> ExitCode {
    match spawn_and_wait() {
        Ok(code) => code,
        Err(e) => {
            eprintln!("evenkeel: error: cannot go into the background: {e}");
            ExitCode::FAILURE
        }
    }
}

fn spawn_and_wait() -> io::Result<ExitCode> {
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    let mut child = Command::new("/proc/self/exe")
        .arg0(name)
        .args(args)
        .env(MARK, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = [0; 1];
    let ready = match &mut child.stdout {
        Some(pipe) => pipe.read(&mut said)? == 1 && said == READY,
        None => false,
    };
    if ready {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    Ok(status
        .code()
        .and_then(|c| u8::try_from(c).ok())
        .filter(|c| *c != 0)
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Leaves the session of the foreground. Called first of all in the background.
pub fn detach() {
    // Fails only when this process leads its session already.
    let _ = rustix::process::setsid();
}

/// Tells the foreground that this process serves, and lets go of its terminal.
pub fn tell_ready() {
    let mut out = io::stdout();
    let _ = out.write_all(READY);
    let _ = out.flush();
    if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// A file with the process id, removed with this value unless another process wrote it since.
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file.
    ///
    /// # Errors
    /// As writing it.
    pub fn write(path: &Path) -> io::Result<Self> {
        std::fs::write(path, format!("{}\n", std::process::id()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = format!("{}\n", std::process::id());
        if std::fs::read_to_string(&self.0).is_ok_and(|text| text == ours) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}
