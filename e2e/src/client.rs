//! Raw client connections over TCP and unix sockets.

use crate::http::{End, Reader};
use crate::ports::Address;
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long anybody waits for bytes that should come.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A connected stream socket.
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Connects, from a chosen loopback address if one is given.
    pub fn connect(address: &Address, source: Option<IpAddr>) -> std::io::Result<Self> {
        match address {
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            Address::Tcp(address) => {
                let socket = RawSocket::new(Domain::for_address(*address), Type::STREAM, None)?;
                if let Some(source) = source {
                    socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
                }
                socket.connect_timeout(&SockAddr::from(*address), PATIENCE)?;
                socket.set_tcp_nodelay(true)?;
                Ok(Self::Tcp(socket.into()))
            }
        }
    }

    /// One whose peer is gone.
    pub fn closed() -> std::io::Result<Self> {
        UnixStream::pair().map(|(socket, _)| Self::Unix(socket))
    }

    /// A second handle on the same connection.
    pub fn try_clone(&self) -> std::io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }

    /// This end's address and port, of TCP connections.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Bounds every following read.
    pub fn set_read_timeout(&self, patience: Duration) {
        let _ = match self {
            Self::Tcp(socket) => socket.set_read_timeout(Some(patience)),
            Self::Unix(socket) => socket.set_read_timeout(Some(patience)),
        };
    }

    /// Closes one or both directions.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(how),
            Self::Unix(socket) => socket.shutdown(how),
        };
    }

    /// Makes the close that follows a reset instead of an orderly end.
    pub fn linger_none(&self) {
        if let Self::Tcp(socket) = self {
            let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gives one line of commands to a control socket and reads all that is answered.
pub fn command(socket: &Path, text: &str) -> std::io::Result<String> {
    let mut socket = UnixStream::connect(socket)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(format!("{text}\n").as_bytes())?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Says whether the peer has closed, waiting at most `patience` for it.
pub fn state(reader: &mut Reader, patience: Duration) -> &'static str {
    reader.socket.set_read_timeout(patience);
    let before = reader.pending().len();
    let word = match reader.fill() {
        Ok(()) if reader.pending().len() > before => "open, with unread input",
        Ok(()) | Err(End::Silent | End::Complete) => "open",
        Err(End::Closed) => "closed",
        Err(End::Reset) => "reset",
    };
    reader.socket.set_read_timeout(PATIENCE);
    word
}
