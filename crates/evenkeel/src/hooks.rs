//! Commands of the operator's own around a change of the configuration.
//!
//! They run on threads of their own: traffic and the control loop never wait for them.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::load::plain_reason;
use crate::say::Voice;

/// Variables of the environment that name them, as an image of earlier days had them.
const BEFORE: &str = "HAPROXY_PRE_RESTART_CMD";
const AFTER: &str = "HAPROXY_POST_RESTART_CMD";

/// Longest time that a command may take before it is ended.
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);
const SHELL: &str = "/bin/sh";

/// What is run when.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// When a changed configuration was read and is right; a failure keeps what runs.
    pub before: Option<String>,
    /// When it runs.
    pub after: Option<String>,
}

impl Hooks {
    /// The commands given, or those of the environment.
    pub fn new(before: Option<String>, after: Option<String>) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
        Self {
            before: before.or_else(|| variable(BEFORE)),
            after: after.or_else(|| variable(AFTER)),
        }
    }

    /// Runs the first one; blocks.
    ///
    /// # Errors
    /// Why the change must not be made.
    pub fn run_before(&self) -> Result<(), String> {
        let Some(command) = &self.before else { return Ok(()) };
        run(command).map_err(|why| format!("the command before a change, '{command}': {why}"))
    }

    /// Runs the second one in the background; a failure is only said.
    pub fn start_after(&self, voice: Voice) {
        let Some(command) = self.after.clone() else { return };
        let work = move || {
            if let Err(why) = run(&command) {
                voice.warning(format!("the command after a change, '{command}': {why}"));
            }
        };
        if let Err(e) = std::thread::Builder::new().name("hook".to_owned()).spawn(work) {
            voice.warning(format!("the command after a change: no thread: {}", plain_reason(&e)));
        }
    }
}

/// By a shell where there is one, else word by word.
fn run(text: &str) -> Result<(), String> {
    let mut command = if Path::new(SHELL).exists() {
        let mut command = Command::new(SHELL);
        command.args(["-c", text]);
        command
    } else {
        let mut words = text.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    };
    command.stdin(Stdio::null());
    let mut child = command.spawn().map_err(|e| plain_reason(&e))?;
    let deadline = Instant::now() + LIMIT;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(ended(status)),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it took longer than {} s", LIMIT.as_secs()));
            }
            Err(e) => return Err(plain_reason(&e)),
        }
    }
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("it ended with status {code}"),
        None => "a signal ended it".to_owned(),
    }
}
