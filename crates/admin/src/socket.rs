//! A session on a control socket: reads lines, runs commands, writes answers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::commands::{self, Args, Reply, Run, SessionCommand};
use crate::hand_over;
use crate::ports::{House, Level};

/// Longest line of commands, bytes.
const LINE_MAX: usize = 16 * 1024;

/// Longest payload, bytes.
const PAYLOAD_MAX: usize = 16 << 20;

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
            Listener::Tcp(l) => l.accept().await.map(|(s, from)| Stream::Tcp(s, from)),
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
    Tcp(TcpStream, std::net::SocketAddr),
}

/// Whoever is at the other end, for people.
fn who(stream: &Stream) -> String {
    match stream {
        Stream::Tcp(_, from) => format!("from {from}"),
        Stream::Unix(stream) => match stream.peer_cred() {
            Ok(cred) => match cred.pid() {
                Some(pid) => format!("uid {}, pid {pid}", cred.uid()),
                None => format!("uid {}", cred.uid()),
            },
            Err(_) => "on a control socket".to_owned(),
        },
    }
}

async fn session(stream: Stream, rights: Rights, house: Rc<dyn House>) -> io::Result<()> {
    let who = who(&stream);
    match stream {
        Stream::Tcp(mut stream, _) => {
            converse(&mut stream, rights, &*house, &who).await?;
        }
        Stream::Unix(mut stream) => {
            if converse(&mut stream, rights, &*house, &who).await? == Ended::HandOver {
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

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By either side.
    Closed,
    /// The listening sockets are wanted.
    HandOver,
}

/// A conversation: what it may do and how it wants to be answered.
struct Session<'a> {
    house: &'a dyn House,
    /// Whoever speaks.
    who: &'a str,
    rights: Rights,
    /// Stay open after the first line.
    interactive: bool,
    /// Show a prompt.
    prompt: bool,
    /// Show the time since the start in the prompt.
    timed: bool,
    severity: SeverityOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeverityOutput {
    None,
    Number,
    Word,
}

/// Reads lines of `who` and answers them; a session that is not interactive ends after its first.
///
/// # Errors
/// When the stream fails, or a line or payload is too long.
pub async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    rights: Rights,
    house: &dyn House,
    who: &str,
) -> io::Result<Ended> {
    let mut session = Session {
        house,
        who,
        rights,
        interactive: false,
        prompt: false,
        timed: false,
        severity: SeverityOutput::None,
    };
    let mut buffer = Vec::new();
    loop {
        let reading = read_request(stream, &mut buffer);
        let Ok(request) = tokio::time::timeout(session.rights.timeout, reading).await else {
            return Ok(Ended::Closed);
        };
        let Some((line, payload)) = request? else { return Ok(Ended::Closed) };
        let commands = commands::split_commands(&line);
        for (nth, command) in commands.iter().enumerate() {
            // A payload belongs to the last command of its line.
            let last = nth + 1 == commands.len();
            match session.run(command, payload.as_deref().filter(|_| last)).await {
                Next::Answer(reply) => {
                    let text = session.dress(reply);
                    stream.write_all(text.as_bytes()).await?;
                }
                Next::Quit => return Ok(Ended::Closed),
                Next::HandOver => return Ok(Ended::HandOver),
            }
        }
        if !session.interactive {
            stream.shutdown().await?;
            return Ok(Ended::Closed);
        }
        if session.prompt {
            stream.write_all(session.prompt_text().as_bytes()).await?;
        }
    }
}

/// The next line and the payload that it announces; `None` at the end of the stream.
async fn read_request<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(String, Option<String>)>> {
    let Some(line) = read_line(stream, buffer).await? else { return Ok(None) };
    let Some((command, mark)) = commands::payload_mark(&line) else {
        return Ok(Some((line, None)));
    };
    let mut payload = String::new();
    // The end of the stream ends the payload too.
    while let Some(next) = read_line(stream, buffer).await? {
        if next.strip_suffix('\r').unwrap_or(&next) == mark {
            break;
        }
        if payload.len() + next.len() > PAYLOAD_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "payload too long"));
        }
        payload.push_str(&next);
        payload.push('\n');
    }
    Ok(Some((command.to_owned(), Some(payload))))
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

enum Next {
    Answer(Reply),
    Quit,
    HandOver,
}

const PROMPT_USAGE: &str = "Usage: prompt [help | n | i | p | timed]*\n  \
    n      one command line, then the end\n  i      stay open, no prompt\n  \
    p      stay open with a prompt\n  timed  show the time since the start in the prompt, or not\n\
    Without argument: from n or i to p, from p to n.";

impl Session<'_> {
    async fn run(&mut self, said: &str, payload: Option<&str>) -> Next {
        let words = commands::split_words(said);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            return Next::Answer(Reply::done());
        }
        let Some(command) = commands::find(&words) else {
            return Next::Answer(commands::unknown(&words, self.rights.level));
        };
        if command.level > self.rights.level {
            return Next::Answer(Reply::error("Permission denied"));
        }
        self.house.asks(self.who, said);
        let words = words.get(command.length()..).unwrap_or_default();
        let args = Args { words, payload, level: self.rights.level };
        match command.run {
            Run::Now(run) => Next::Answer(run(self.house, args)),
            Run::Later(run) => Next::Answer(run(self.house, args).await),
            Run::Session(SessionCommand::Quit) => Next::Quit,
            Run::Session(SessionCommand::HandOver) if self.rights.hand_over => Next::HandOver,
            Run::Session(what) => Next::Answer(self.change(what, words)),
        }
    }

    fn change(&mut self, what: SessionCommand, words: &[&str]) -> Reply {
        match what {
            SessionCommand::Quit | SessionCommand::HandOver => {
                Reply::error("Permission denied: this socket has no 'expose-fd listeners'")
            }
            SessionCommand::Help => Reply::listing(commands::help(words, self.rights.level)),
            SessionCommand::Prompt => self.change_prompt(words),
            SessionCommand::Lower(level) => {
                self.rights.level = self.rights.level.min(level);
                Reply::done()
            }
            SessionCommand::ShowLevel => {
                Reply::message(commands::Severity::Info, self.rights.level.name())
            }
            SessionCommand::Timeout => self.change_timeout(words),
            SessionCommand::Severity => {
                self.severity = match words.first() {
                    Some(&"none") => SeverityOutput::None,
                    Some(&"number") => SeverityOutput::Number,
                    Some(&"string") => SeverityOutput::Word,
                    _ => {
                        return Reply::error(
                            "one of 'none', 'number', 'string' is a required argument",
                        );
                    }
                };
                Reply::done()
            }
        }
    }

    fn change_prompt(&mut self, words: &[&str]) -> Reply {
        if words.is_empty() {
            self.prompt = !self.prompt;
            self.interactive = self.prompt;
        }
        for word in words {
            match *word {
                "n" => (self.interactive, self.prompt) = (false, false),
                "i" => (self.interactive, self.prompt) = (true, false),
                "p" => (self.interactive, self.prompt) = (true, true),
                "timed" => self.timed = !self.timed,
                _ => return Reply::message(commands::Severity::Info, PROMPT_USAGE),
            }
        }
        if words == ["timed"] {
            (self.interactive, self.prompt) = (true, true);
        }
        Reply::done()
    }

    fn change_timeout(&mut self, words: &[&str]) -> Reply {
        match words {
            ["cli"] => Reply::error("Expects an integer value."),
            ["cli", time, ..] => match commands::duration(time, "s") {
                Some(timeout) => {
                    self.rights.timeout = timeout;
                    Reply::done()
                }
                None => Reply::error("Invalid timeout value."),
            },
            _ => Reply::error("'set timeout' only supports 'cli'."),
        }
    }

    /// The answer as the session wants it, with the empty line that ends it.
    fn dress(&self, reply: Reply) -> String {
        let prefix = match (self.severity, reply.severity) {
            (SeverityOutput::Number, Some(severity)) => format!("[{}]: ", severity.number()),
            (SeverityOutput::Word, Some(severity)) => format!("[{}]: ", severity.word()),
            _ => String::new(),
        };
        prefix + &reply.text + "\n"
    }

    fn prompt_text(&self) -> String {
        if !self.timed {
            return "> ".to_owned();
        }
        let up = self.house.process().uptime.as_secs();
        let (days, hours, minutes, seconds) = (up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
        format!("[{days}:{hours:02}:{minutes:02}:{seconds:02}]> ")
    }
}

#[cfg(test)]
mod tests;
