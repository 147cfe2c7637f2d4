//! A program in a terminal of its own: keys go in, what the screen was told comes out.

use crate::scenario::wait_until;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A running program; killed when dropped.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    told: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs a line of the shell in a terminal of this size.
    pub fn start(line: &str, (columns, rows): (u16, u16)) -> std::io::Result<Self> {
        // 'script' (util-linux) has the other end of the terminal.
        let line = format!("stty rows {rows} cols {columns}; exec {line}");
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let told = Arc::new(Mutex::new(Vec::new()));
        let (Some(keys), Some(mut out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("no pipes"));
        };
        let all = Arc::clone(&told);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut chunk) {
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend_from_slice(&chunk[..count]);
            }
        });
        Ok(Self { child, keys, told })
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        // A program that has ended takes none.
        let _ = self.keys.write_all(keys.as_bytes());
        let _ = self.keys.flush();
    }

    /// Everything that was written so far: texts, with a space for each order to the terminal.
    pub fn told(&self) -> String {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&told).into_owned();
        let orders = regex::Regex::new(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>78])");
        orders.map_or(text.clone(), |orders| orders.replace_all(&text, " ").into_owned())
    }

    /// Waits until all these words were written.
    pub fn shows(&self, words: &[&str], patience: Duration) -> Result<(), String> {
        let seen = || words.iter().all(|word| self.told().contains(word));
        match wait_until(patience, seen) {
            true => Ok(()),
            false => Err(format!("not all of {words:?} in:\n{}", self.told())),
        }
    }

    /// The exit code, once it ended; none when it does not end in time.
    pub fn ended(&mut self, patience: Duration) -> Option<i32> {
        let mut code = None;
        wait_until(patience, || {
            code = self.child.try_wait().ok().flatten().map(|status| status.code().unwrap_or(-1));
            code.is_some()
        });
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
