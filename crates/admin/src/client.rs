//! The other end of a control socket: asks one command and reads its answer.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::ports::Outcome;

/// Longest answer taken, bytes.
const ANSWER_MAX: u64 = 64 << 20;

/// Sends a command and returns the whole answer, without the empty line that ends it.
///
/// # Errors
/// When nothing listens there, or it takes longer than `timeout`.
pub fn ask(path: &Path, command: &str, timeout: Duration) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_write_timeout(Some(timeout))?;
    stream.set_read_timeout(Some(timeout))?;
    stream.write_all(command.as_bytes())?;
    stream.write_all(b"\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut answer)?;
    Ok(answer.strip_suffix('\n').map(str::to_owned).unwrap_or(answer))
}

/// Sends lines of commands, payloads included, and returns all answers, with the severity of each
/// message before it (`set severity-output number`). It waits as long as the commands take.
///
/// # Errors
/// When nothing listens there, or the connection breaks.
pub fn converse(path: &Path, lines: &str) -> io::Result<String> {
    let stream = UnixStream::connect(path)?;
    // Each of the two is answered by an empty line.
    let mut input = "prompt i\nset severity-output number\n".to_owned();
    input.push_str(lines);
    if !lines.ends_with('\n') {
        input.push('\n');
    }
    // Answers may fill the way back before all is sent.
    let mut sending = stream.try_clone()?;
    let sender = std::thread::Builder::new().name("send".to_owned()).spawn(move || {
        sending.write_all(input.as_bytes())?;
        sending.shutdown(Shutdown::Write)
    })?;
    let mut answer = String::new();
    (&stream).take(ANSWER_MAX).read_to_string(&mut answer)?;
    // Whoever had enough closes before all is sent ('quit'); what was answered counts.
    let _ = sender.join();
    let answer = answer.strip_prefix("\n").unwrap_or(&answer);
    Ok(answer.strip_prefix("\n").unwrap_or(answer).to_owned())
}

/// As [`ask`], for commands that answer `OK` or `FAILED` first.
///
/// # Errors
/// As [`ask`].
pub fn ask_native(path: &Path, command: &str, timeout: Duration) -> io::Result<Outcome> {
    let answer = ask(path, command, timeout)?;
    Ok(match answer.split_once('\n') {
        Some(("OK", text)) => Outcome { ok: true, text: text.to_owned() },
        Some(("FAILED", text)) => Outcome { ok: false, text: text.to_owned() },
        _ => Outcome { ok: false, text: answer },
    })
}

/// A word of a command as it must be written so that it stays one word.
#[must_use]
pub fn quote(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if matches!(c, ' ' | '\t' | ';' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
