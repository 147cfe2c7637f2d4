//! Opening connections to servers.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

use model::{Address, Source};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use socket2::{SockAddr, Socket};

use crate::listen::connect_abstract;
use crate::pump::Pump;
use crate::stream::{Kind, Stream};

/// What a connection needs besides its destination.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Address to start from.
    pub source: Option<&'a Source>,
    /// TCP keep-alive probes.
    pub keep_alive: bool,
    /// `option nolinger`: closing resets.
    pub nolinger: bool,
    /// `tcp-ut`, milliseconds.
    pub user_timeout_ms: Option<u32>,
}

/// Opens a connection. What `first` has to say is written at once where the kernel takes it, which
/// saves asking whether the connection is there.
///
/// # Errors
/// As the system calls; the caller bounds the time.
pub async fn connect(
    address: &Address,
    options: Options<'_>,
    first: Option<&mut Pump>,
) -> io::Result<Stream> {
    let first = first.filter(|pump| pump.has_first());
    let stream = match address {
        Address::Inet(addr) => Stream::delaying(tcp(*addr, options)?),
        Address::Unix(path) => Stream::new(unix(path)?, Kind::Unix),
        Address::Abstract(name) => abstract_socket(name, true)?,
        Address::AbstractZ(name) => abstract_socket(name, false)?,
        Address::Fd(_) => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let done = match first {
        None => stream.connected().await,
        Some(pump) => std::future::poll_fn(|cx| pump.poll_first(cx, &stream)).await,
    };
    match done {
        // It was there and is gone again: that is seen when the answer is read.
        Err(e) if matches!(Errno::from_io_error(&e), Some(Errno::PIPE | Errno::CONNRESET)) => {}
        other => other?,
    }
    stream.await_input()?;
    Ok(stream)
}

fn abstract_socket(name: &str, padded: bool) -> io::Result<Stream> {
    Ok(Stream::new(connect_abstract(name, padded)?.into(), Kind::Unix))
}

fn unix(path: &Path) -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::UNIX)?;
    net::connect(&socket, &net::SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(net::socket_with(family, SocketType::STREAM, flags, None)?)
}

fn tcp(addr: SocketAddr, options: Options<'_>) -> io::Result<OwnedFd> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = Socket::from(socket(family)?);
    if options.keep_alive {
        socket.set_keepalive(true)?;
    }
    if options.nolinger {
        socket.set_linger(Some(std::time::Duration::ZERO))?;
    }
    if let Some(ms) = options.user_timeout_ms {
        let timeout = std::time::Duration::from_millis(u64::from(ms));
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    if let Some(source) = options.source {
        bind_source(&socket, source)?;
    }
    match net::connect(&socket, &addr) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket.into()),
        Err(e) => Err(e.into()),
    }
}

fn bind_source(socket: &Socket, source: &Source) -> io::Result<()> {
    if let Some(interface) = &source.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if source.address.port() != 0 {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&SockAddr::from(source.address))
}
