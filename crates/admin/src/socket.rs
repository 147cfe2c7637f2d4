//! A session on a control socket: reads lines, runs commands, writes answers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::commands::{self, Run, SessionCommand};
use crate::hand_over;
use crate::ports::{House, Level};

/// Longest line of commands, bytes.
const LINE_MAX: usize = 16 * 1024;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What sessions of a socket may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Level at which they start.
    pub level: Level,
    /// Whether listening sockets may be passed on (`expose-fd listeners`).
    pub hand_over: bool,
    /// Longest idle time (`stats timeout`).
    pub timeout: Duration,
    /// Sessions at the same time (`stats maxconn`).
    pub sessions_max: usize,
}

/// Serves a listening socket until the task is dropped. Runs on a `LocalSet`.
///
/// # Errors
/// When the descriptor is no listening socket.
pub async fn serve(fd: OwnedFd, rights: Rights, house: Rc<dyn House>) -> io::Result<()> {
    let unix = rustix::net::sockopt::socket_domain(fd.as_fd())? == rustix::net::AddressFamily::UNIX;
    let room = Arc::new(tokio::sync::Semaphore::new(rights.sessions_max.max(1)));
    let listener = if unix {
        let std = std::os::unix::net::UnixListener::from(fd);
        std.set_nonblocking(true)?;
        Listener::Unix(UnixListener::from_std(std)?)
    } else {
        let std = std::net::TcpListener::from(fd);
        std.set_nonblocking(true)?;
        Listener::Tcp(TcpListener::from_std(std)?)
    };
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let accepted = match &listener {
            Listener::Unix(l) => l.accept().await.map(|(s, _)| Stream::Unix(s)),
            Listener::Tcp(l) => l.accept().await.map(|(s, _)| Stream::Tcp(s)),
        };
        let Ok(stream) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let house = Rc::clone(&house);
        tokio::task::spawn_local(async move {
            // A session that ends by an error ends by itself only.
            let _ = session(stream, rights, house).await;
            drop(permit);
        });
    }
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

async fn session(stream: Stream, rights: Rights, house: Rc<dyn House>) -> io::Result<()> {
    match stream {
        Stream::Tcp(mut stream) => {
            converse(&mut stream, rights, &*house).await?;
        }
        Stream::Unix(mut stream) => {
            if converse(&mut stream, rights, &*house).await? == Ended::HandOver {
                give(stream, house).await?;
            }
        }
    }
    Ok(())
}

/// Passes the sockets on from a thread of its own, because it waits for the other process.
async fn give(stream: UnixStream, house: Rc<dyn House>) -> io::Result<()> {
    let listeners = house.listeners()?;
    let stream = stream.into_std()?;
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("hand-over".to_owned()).spawn(move || {
        // The receiver is gone when the process ends meanwhile.
        let _ = tell.send(hand_over::give(&stream, &listeners));
    })?;
    if let Ok(Ok(pid)) = told.await {
        house.taken_over(pid);
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Closed,
    HandOver,
}

struct Session<'a> {
    house: &'a dyn House,
    rights: Rights,
    interactive: bool,
}

/// Reads lines and answers them; a session that is not interactive ends after its first line.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    rights: Rights,
    house: &dyn House,
) -> io::Result<Ended> {
    let mut session = Session { house, rights, interactive: false };
    let mut buffer = Vec::new();
    loop {
        let reading = read_line(stream, &mut buffer);
        let Ok(line) = tokio::time::timeout(session.rights.timeout, reading).await else {
            return Ok(Ended::Closed);
        };
        let Some(line) = line? else { return Ok(Ended::Closed) };
        for command in commands::split_commands(&line) {
            match session.run(command).await {
                Reply::Text(mut text) => {
                    text.push('\n');
                    stream.write_all(text.as_bytes()).await?;
                }
                Reply::Quit => return Ok(Ended::Closed),
                Reply::HandOver => return Ok(Ended::HandOver),
            }
        }
        if !session.interactive {
            stream.shutdown().await?;
            return Ok(Ended::Closed);
        }
        stream.write_all(b"> ").await?;
    }
}

/// The next line without its end; `None` at the end of the stream.
async fn read_line<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = buffer.iter().position(|b| *b == b'\n') {
            let rest = buffer.split_off(end + 1);
            let line = std::mem::replace(buffer, rest);
            return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
        }
        if buffer.len() > LINE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            let line = std::mem::take(buffer);
            return Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()));
        }
    }
}

enum Reply {
    Text(String),
    Quit,
    HandOver,
}

impl Session<'_> {
    async fn run(&mut self, command: &str) -> Reply {
        let words = commands::split_words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => return Reply::Text(String::new()),
            ["help" | "?", rest @ ..] => {
                return Reply::Text(commands::help(rest, self.rights.level));
            }
            _ => {}
        }
        let Some(command) = commands::find(&words) else {
            return Reply::Text(commands::unknown(&words));
        };
        if command.level > self.rights.level {
            return Reply::Text("Permission denied\n".to_owned());
        }
        let args = words.get(command.words.len()..).unwrap_or_default();
        match command.run {
            Run::Now(run) => Reply::Text(run(self.house, args)),
            Run::Later(run) => Reply::Text(run(self.house, args).await),
            Run::Session(what) => self.change(what, args),
        }
    }

    fn change(&mut self, what: SessionCommand, args: &[&str]) -> Reply {
        let text = match what {
            SessionCommand::Quit => return Reply::Quit,
            SessionCommand::HandOver if self.rights.hand_over => return Reply::HandOver,
            SessionCommand::HandOver => {
                "Permission denied: this socket has no 'expose-fd listeners'\n".to_owned()
            }
            SessionCommand::Prompt => {
                self.interactive = !self.interactive;
                String::new()
            }
            SessionCommand::Lower(level) => {
                self.rights.level = self.rights.level.min(level);
                String::new()
            }
            SessionCommand::ShowLevel => format!("{}\n", self.rights.level.name()),
            SessionCommand::Timeout => match args.first().and_then(|a| seconds(a)) {
                Some(timeout) => {
                    self.rights.timeout = timeout;
                    String::new()
                }
                None => "Invalid timeout value.\n".to_owned(),
            },
        };
        Reply::Text(text)
    }
}

/// `30`, `30s`, `500ms`, `2m`, `1h`; a bare number is seconds.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().ok().filter(|n| *n > 0)?;
    let unit = match &text[digits..] {
        "ms" => Duration::from_millis(1),
        "" | "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return None,
    };
    unit.checked_mul(number)
}

#[cfg(test)]
mod tests;
