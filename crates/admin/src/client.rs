//! The other end of a control socket: asks one command and reads its answer.

use std::io::{self, Read, Write};
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
