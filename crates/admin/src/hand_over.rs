//! Passing listening sockets from a running process to the one that takes its place.
//!
//! The new process sends the command `hand-over` on a control socket. The old one answers with
//! one message per listening address: a line `socket ADDRESS COUNT` whose descriptors ride along,
//! and `end` at last. Both then accept on the same queues. When the new one serves it sends
//! `ready PID`; only then does the old one stop accepting and finish. If the new one goes away
//! before, nothing has changed.

use std::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use model::Address;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Descriptors in one message; the kernel takes 253.
const DESCRIPTORS_MAX: usize = 250;

/// Longest line of the exchange, bytes.
const LINE_MAX: usize = 512;

/// Longest silence of the other process while sockets are passed.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time the new process may take from having the sockets to serving.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Sockets by the address they listen on.
pub type Listeners = Vec<(Address, Vec<OwnedFd>)>;

/// The old process's side: passes the sockets on, then waits for word from the new one.
/// Returns the new process's id. Blocks; runs on a thread of its own.
///
/// # Errors
/// When the new process goes away or says something else: it did not take over.
pub fn give(stream: &UnixStream, listeners: &Listeners) -> io::Result<u32> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    stream.set_read_timeout(Some(READY_TIMEOUT))?;
    for (address, sockets) in listeners {
        for part in sockets.chunks(DESCRIPTORS_MAX) {
            let line = format!("socket {} {}\n", encode(address), part.len());
            send(stream, line.as_bytes(), part)?;
        }
    }
    (&*stream).write_all(b"end\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_MAX as u64)).read_line(&mut line)?;
    line.trim_end()
        .strip_prefix("ready ")
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no word of readiness"))
}

/// The new process's side of an exchange.
pub struct TakeOver {
    stream: UnixStream,
    /// The sockets.
    pub listeners: Listeners,
}

impl TakeOver {
    /// Takes the sockets over from the process behind a control or stats socket.
    ///
    /// # Errors
    /// When nothing answers there, or not in this way.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(STEP_TIMEOUT))?;
        stream.set_write_timeout(Some(STEP_TIMEOUT))?;
        (&stream).write_all(b"hand-over\n")?;
        let mut listeners = Listeners::new();
        loop {
            let (line, sockets) = receive(&stream)?;
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["end"] => break,
                ["socket", kind, rest @ .., count] => {
                    let address = decode(kind, &rest.join(" ")).ok_or_else(|| refused(&line))?;
                    if count.parse() != Ok(sockets.len()) {
                        return Err(refused(&line));
                    }
                    match listeners.iter_mut().find(|(a, _)| *a == address) {
                        Some((_, known)) => known.extend(sockets),
                        None => listeners.push((address, sockets)),
                    }
                }
                _ => return Err(refused(&line)),
            }
        }
        Ok(Self { stream, listeners })
    }

    /// Tells the old process that this one serves.
    ///
    /// # Errors
    /// When the old process is gone.
    pub fn ready(&self) -> io::Result<()> {
        (&self.stream).write_all(format!("ready {}\n", std::process::id()).as_bytes())
    }
}

fn refused(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the other process answers: {line}"))
}

fn send(stream: &UnixStream, bytes: &[u8], sockets: &[OwnedFd]) -> io::Result<()> {
    let borrowed: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let sent = sendmsg(stream, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
    (&*stream).write_all(bytes.get(sent..).unwrap_or_default())
}

/// One line with what rides along. It is read byte by byte, so that a message never takes the
/// descriptors of the next one with it.
fn receive(stream: &UnixStream) -> io::Result<(String, Vec<OwnedFd>)> {
    let mut line = Vec::new();
    let mut sockets = Vec::new();
    loop {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got = recvmsg(
            stream,
            &mut [IoSliceMut::new(&mut byte)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                sockets.extend(fds);
            }
        }
        if got.bytes == 0 {
            return Err(refused(&String::from_utf8_lossy(&line)));
        }
        if byte[0] == b'\n' {
            return Ok((String::from_utf8_lossy(&line).into_owned(), sockets));
        }
        line.push(byte[0]);
        if line.len() > LINE_MAX {
            return Err(refused("a line that is too long"));
        }
    }
}

fn encode(address: &Address) -> String {
    match address {
        Address::Inet(a) => format!("inet {a}"),
        Address::Unix(path) => format!("unix {}", path.display()),
        Address::Abstract(name) => format!("abns {name}"),
        Address::AbstractZ(name) => format!("abnsz {name}"),
        Address::Fd(n) => format!("fd {n}"),
    }
}

fn decode(kind: &str, rest: &str) -> Option<Address> {
    Some(match kind {
        "inet" => Address::Inet(rest.parse::<SocketAddr>().ok()?),
        "unix" => Address::Unix(rest.into()),
        "abns" => Address::Abstract(rest.into()),
        "abnsz" => Address::AbstractZ(rest.into()),
        "fd" => Address::Fd(rest.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn sockets_arrive_by_address_and_still_accept() {
        let dir = std::env::temp_dir().join(format!("evenkeel-hand-over-{}", std::process::id()));
        let _ = std::fs::remove_file(&dir);
        let door = std::os::unix::net::UnixListener::bind(&dir).expect("a socket can be bound");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let spaced = Address::Unix("/tmp/with blank".into());
        let second = OwnedFd::from(TcpListener::bind("127.0.0.1:0").expect("a port is free"));
        let given: Listeners =
            vec![(Address::Inet(address), vec![listener.into()]), (spaced.clone(), vec![second])];
        let old = std::thread::spawn(move || {
            let (mut stream, _) = door.accept().expect("the new one comes");
            let mut command = [0; 10];
            stream.read_exact(&mut command).expect("the command comes");
            assert_eq!(&command, b"hand-over\n");
            give(&stream, &given)
        });
        let taken = TakeOver::begin(&dir).expect("sockets come");
        assert_eq!(taken.listeners.len(), 2);
        assert_eq!(taken.listeners[1].0, spaced);
        taken.ready().expect("the old one is there");
        assert_eq!(old.join().expect("no panic").ok(), Some(std::process::id()));
        let (_, mut sockets) = taken.listeners.into_iter().next().expect("one address");
        let listener = TcpListener::from(sockets.remove(0));
        let _client = TcpStream::connect(address).expect("somebody listens");
        listener.accept().expect("the connection is there");
        let _ = std::fs::remove_file(&dir);
    }

    #[test]
    fn whoever_goes_away_took_nothing_over() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        drop(theirs);
        assert!(give(&ours, &Vec::new()).is_err());
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (&theirs).write_all(b"what?\n").expect("written");
        assert!(give(&ours, &Vec::new()).is_err());
    }
}
