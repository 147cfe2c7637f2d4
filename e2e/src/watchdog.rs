//! Ends what tests have started when a test is itself ended before it can: killed, or out of time.
//!
//! A small shell in a process group of its own reads from a pipe what there is. The pipe is closed
//! when the test's process ends, however that comes about, and what is still there then is ended.

use rustix::process::Signal;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Lines are `+ SIGNAL TARGET` and `- SIGNAL TARGET`; what follows `--` of `kill` is a target.
const SCRIPT: &str = r#"
all=
while read -r what signal target; do
    one=$signal:$target
    left=
    for other in $all; do [ "$other" = "$one" ] || left="$left $other"; done
    case $what in +) all="$left $one" ;; *) all=$left ;; esac
done
for one in $all; do kill -s "${one%%:*}" -- "${one#*:}"; done
"#;

/// Something that ends with this process at the latest; until this is dropped.
#[derive(Debug)]
pub struct Watched {
    line: String,
}

impl Watched {
    /// A process, which is killed.
    #[must_use]
    pub fn process(id: u32) -> Self {
        Self::new(Signal::KILL, i64::from(id))
    }

    /// A group of processes, which are told to end.
    #[must_use]
    pub fn group(id: u32) -> Self {
        Self::new(Signal::TERM, -i64::from(id))
    }

    fn new(signal: Signal, target: i64) -> Self {
        let line = format!("{} {target}", if signal == Signal::KILL { "KILL" } else { "TERM" });
        tell("+", &line);
        Self { line }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        tell("-", &self.line);
    }
}

/// Without a shell nobody watches; tests clean up by themselves as long as they are let.
fn tell(what: &str, line: &str) {
    static PIPE: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();
    let pipe = PIPE.get_or_init(|| {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).process_group(0);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok()?.stdin.map(Mutex::new)
    });
    if let Some(pipe) = pipe {
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = pipe.write_all(format!("{what} {line}\n").as_bytes());
    }
}
