//! Programs that are run to their end within a limit of time.

use crate::watchdog::Watched;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a command may take unless said otherwise.
const LIMIT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(10);

/// One run of a program, with a process group of its own.
pub struct Run {
    command: Command,
    text: String,
    limit: Duration,
}

impl Run {
    /// A program by name or path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(&program);
        command.stdin(Stdio::null()).process_group(0);
        Self { command, text: program.as_ref().to_string_lossy().into_owned(), limit: LIMIT }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, words: &[S]) -> Self {
        for word in words {
            self.text = format!("{} {}", self.text, word.as_ref().to_string_lossy());
            self.command.arg(word);
        }
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Works in this folder.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// How long it may take.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it; gives its standard output, or both outputs when it fails.
    pub fn output(self) -> Result<String, String> {
        self.both().map(|(out, _)| out.trim_end().to_owned())
    }

    /// Runs it; gives both outputs one after the other.
    pub fn transcript(self) -> Result<String, String> {
        self.both().map(|(out, err)| format!("{out}{err}"))
    }

    /// Runs it; gives standard output and standard error.
    pub fn both(mut self) -> Result<(String, String), String> {
        let what = self.text;
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|e| format!("{what}: {e}"))?;
        let out = drain(child.stdout.take());
        let err = drain(child.stderr.take());
        let deadline = Instant::now() + self.limit;
        let status = loop {
            match child.try_wait().map_err(|e| format!("{what}: {e}"))? {
                Some(status) => break Some(status),
                None if Instant::now() > deadline => break None,
                None => std::thread::sleep(POLL),
            }
        };
        if status.is_none() {
            end_group(&mut child, Signal::KILL);
        }
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        match status {
            Some(status) if status.success() => Ok((out, err)),
            Some(status) => Err(format!("{what}: {status}\n{out}{err}")),
            None => Err(format!("{what}: not ended within {:?}\n{out}{err}", self.limit)),
        }
    }

    /// Starts it in the background, both outputs to one file.
    pub fn background(mut self, output: &Path) -> Result<Background, String> {
        let file = std::fs::File::create(output).map_err(|e| e.to_string())?;
        let second = file.try_clone().map_err(|e| e.to_string())?;
        self.command.stdout(file).stderr(second);
        let child = self.command.spawn().map_err(|e| format!("{}: {e}", self.text))?;
        let watched = Watched::group(child.id());
        Ok(Background { child, output: output.to_owned(), _watched: watched })
    }
}

fn drain<R: Read + Send + 'static>(pipe: Option<R>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn end_group(child: &mut Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
    if signal == Signal::KILL {
        let _ = child.wait();
    }
}

/// A program in the background; its whole group is ended when dropped, or when the test is killed.
pub struct Background {
    child: Child,
    output: std::path::PathBuf,
    _watched: Watched,
}

impl Background {
    /// What it has written so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Waits for its end, at most so long.
    pub fn wait(&mut self, patience: Duration) -> bool {
        crate::scenario::wait_until(patience, || matches!(self.child.try_wait(), Ok(Some(_))))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            end_group(&mut self.child, Signal::TERM);
            if !self.wait(Duration::from_secs(5)) {
                end_group(&mut self.child, Signal::KILL);
            }
        }
    }
}
