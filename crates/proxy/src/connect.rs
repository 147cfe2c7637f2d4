//! Opening connections to servers.

use std::io;
use std::net::SocketAddr;

use model::{Address, Source};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use crate::listen::connect_abstract;
use crate::stream::Stream;

/// What a connection needs besides its destination.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Address to start from.
    pub source: Option<&'a Source>,
    /// TCP keep-alive probes.
    pub keep_alive: bool,
    /// `tcp-ut`, milliseconds.
    pub user_timeout_ms: Option<u32>,
}

/// Opens a connection.
///
/// # Errors
/// As the system calls; the caller bounds the time.
pub async fn connect(address: &Address, options: Options<'_>) -> io::Result<Stream> {
    match address {
        Address::Inet(addr) => tcp(*addr, options).await.map(Stream::Tcp),
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        Address::Abstract(name) => abstract_socket(name, true),
        Address::AbstractZ(name) => abstract_socket(name, false),
        Address::Fd(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn abstract_socket(name: &str, padded: bool) -> io::Result<Stream> {
    UnixStream::from_std(connect_abstract(name, padded)?).map(Stream::Unix)
}

async fn tcp(addr: SocketAddr, options: Options<'_>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if options.keep_alive {
        socket.set_keepalive(true)?;
    }
    if let Some(ms) = options.user_timeout_ms {
        let timeout = std::time::Duration::from_millis(u64::from(ms));
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    if let Some(source) = options.source {
        bind_source(&socket, source)?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(addr).await
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
