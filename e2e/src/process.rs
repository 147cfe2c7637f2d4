//! Runs a balancer as a child process.

use crate::binaries::Binary;
use crate::ports::{Address, is_listened_on};
use crate::watchdog::Watched;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, setrlimit};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;

/// How long a start may take.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(3);

/// A directory that is removed at the end, unless `EVENKEEL_E2E_KEEP` is set.
pub struct Scratch {
    /// Its path.
    pub path: PathBuf,
}

impl Scratch {
    /// Makes a new one.
    pub fn new() -> std::io::Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("evk-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::env::var_os("EVENKEEL_E2E_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A running balancer; killed when dropped, or when the test that started it is.
pub struct Process {
    child: Child,
    dir: PathBuf,
    _watched: Watched,
}

impl Process {
    /// Starts `binary arguments...` with its output in files of `dir`.
    pub fn start<I, S>(binary: &Binary, dir: &Path, arguments: I) -> std::io::Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(&binary.path);
        command.arg0(binary.name).args(arguments).current_dir(dir).stdin(Stdio::null());
        command.stdout(File::create(dir.join("stdout"))?);
        command.stderr(File::create(dir.join("stderr"))?);
        let child = command.spawn()?;
        let watched = Watched::process(child.id());
        Ok(Self { child, dir: dir.to_owned(), _watched: watched })
    }

    /// Waits until all these addresses are listened on.
    pub fn wait_listening(&mut self, addresses: &[Address]) -> Result<(), String> {
        let deadline = Instant::now() + START;
        loop {
            let ready = addresses.iter().all(|address| match address {
                Address::Tcp(address) => is_listened_on(*address),
                Address::Unix(path) => path.exists(),
            });
            if ready {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("ended with {status} at start:\n{}", self.stderr()));
            }
            if Instant::now() > deadline {
                return Err(format!("does not listen on {addresses:?}:\n{}", self.stderr()));
            }
            std::thread::sleep(POLL);
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory now, in KiB; 0 when it has ended.
    pub fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for the end; none when it does not come in time.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(POLL);
        }
        None
    }

    /// What it has written to standard error.
    pub fn stderr(&self) -> String {
        read_lossy(&self.dir.join("stderr"))
    }

    /// What it has written to standard output.
    pub fn stdout(&self) -> String {
        read_lossy(&self.dir.join("stdout"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Raises this process's soft limit of descriptors to the hard one, and tells it.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
