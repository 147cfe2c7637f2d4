//! A proxy that runs: pinned to its CPU, accounted with its children, ended when dropped.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::{Kind, Proxy};
use crate::account::{Reading, tree};

/// How long a proxy may take to end after SIGTERM before it is killed.
const END_MAX: Duration = Duration::from_secs(3);

/// A running proxy and its working directory.
pub struct Running {
    proxy: Proxy,
    cpu: usize,
    child: Child,
    /// Processes that a reload has replaced; they end by themselves.
    old: Vec<Child>,
    directory: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// When the process was made.
    pub started: Instant,
}

impl Running {
    /// Starts `proxy` on `cpu`; `configuration` makes the text for an address to listen on, one
    /// for statistics, and a directory for its files.
    ///
    /// # Errors
    /// When files cannot be written or the binary does not run.
    pub fn start(
        proxy: &Proxy,
        cpu: usize,
        configuration: impl FnOnce(SocketAddr, SocketAddr, &Path) -> String,
    ) -> io::Result<Self> {
        Self::start_with(proxy, cpu, configuration, |command| command)
    }

    /// As [`Running::start`]; `wrap` may put another program (valgrind) around the command.
    ///
    /// # Errors
    /// When files cannot be written or the binary does not run.
    pub fn start_with(
        proxy: &Proxy,
        cpu: usize,
        configuration: impl FnOnce(SocketAddr, SocketAddr, &Path) -> String,
        wrap: impl FnOnce(Command) -> Command,
    ) -> io::Result<Self> {
        let directory = scratch_directory()?;
        let (address, statistics) = free_addresses()?;
        let file = directory.join("proxy.cfg");
        fs::write(&file, configuration(address, statistics, &directory))?;
        let command = wrap(proxy.command(&file));
        let started = Instant::now();
        let child = spawn(command, &directory, cpu)?;
        let proxy = proxy.clone();
        Ok(Self { proxy, cpu, child, old: Vec::new(), directory, address, started })
    }

    /// Process id of the one that was started.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory that holds its files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All its processes, those that a reload has replaced included while they live.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.old.iter().chain([&self.child]).flat_map(|child| tree(child.id())).collect()
    }

    /// CPU used so far by all its processes.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading::of(&self.processes())
    }

    /// Whether it still runs.
    #[must_use]
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it wrote to standard error and output, for error messages.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(self.directory.join("output")).unwrap_or_default()
    }

    /// Puts a new configuration in place and makes the proxy take it, the way its kind does.
    ///
    /// # Errors
    /// When the file cannot be written or the process is gone.
    pub fn reload(&mut self, configuration: &str) -> io::Result<()> {
        let file = self.directory.join("proxy.cfg");
        let new = self.directory.join("proxy.cfg.new");
        fs::write(&new, configuration)?;
        fs::rename(&new, &file)?;
        if self.proxy.kind != Kind::Haproxy {
            return signal(self.child.id(), Signal::HUP);
        }
        let mut command = self.proxy.command(&file);
        command.args(["-sf", &self.child.id().to_string()]);
        let new = spawn(command, &self.directory, self.cpu)?;
        self.old.push(std::mem::replace(&mut self.child, new));
        Ok(())
    }

    /// Asks it to end and waits for that; false when it has not ended after `limit`.
    #[must_use]
    pub fn stop(&mut self, limit: Duration) -> bool {
        stop(&mut self.child, limit)
    }

    /// Whether only one generation of processes is left after a reload.
    #[must_use]
    pub fn settled(&mut self) -> bool {
        self.old.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let workers = tree(self.child.id()).len() - 1;
        self.old.is_empty() && (self.proxy.kind != Kind::Nginx || workers == 1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in self.old.iter_mut().chain([&mut self.child]) {
            end(child);
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Keeps the calling thread, and what it starts from now on, on `cpu`.
///
/// # Errors
/// When there is no such CPU.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// A child inherits the affinity of its maker, so it never runs anywhere else.
fn spawn(mut command: Command, directory: &Path, cpu: usize) -> io::Result<Child> {
    let output = File::options().create(true).append(true).open(directory.join("output"))?;
    command.current_dir(directory).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let mine = sched_getaffinity(None)?;
    pin(cpu)?;
    let child = command.spawn();
    sched_setaffinity(None, &mine)?;
    child
}

fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(kill_process(pid.ok_or(io::ErrorKind::InvalidInput)?, signal)?)
}

fn stop(child: &mut Child, limit: Duration) -> bool {
    let _ = signal(child.id(), Signal::TERM);
    let limit = Instant::now() + limit;
    while Instant::now() < limit {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn end(child: &mut Child) {
    if stop(child, END_MAX) {
        return;
    }
    for pid in tree(child.id()).into_iter().rev() {
        let _ = signal(pid, Signal::KILL);
    }
    let _ = child.wait();
}

fn scratch_directory() -> io::Result<PathBuf> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("evenkeel-bench-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Two loopback addresses that nobody listens on, found by listening there for a moment.
fn free_addresses() -> io::Result<(SocketAddr, SocketAddr)> {
    let one = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let two = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((one.local_addr()?, two.local_addr()?))
}
