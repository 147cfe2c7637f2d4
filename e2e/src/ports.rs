//! Addresses for the tests: chosen by the system and kept reserved while a test runs.

use socket2::{Domain, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

/// Where somebody listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a unix stream socket.
    Unix(PathBuf),
}

/// A port of 127.0.0.1 that nobody else is given while this value lives.
///
/// The socket is bound with `SO_REUSEPORT` and never listens: whoever listens with the same option
/// gets all connections, and without a listener connections are refused.
pub struct Reservation {
    /// The address.
    pub address: SocketAddr,
    _socket: Socket,
}

impl Reservation {
    /// Lets the system choose a free port.
    pub fn new() -> std::io::Result<Self> {
        let socket = shared_socket()?;
        socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
        let address = socket.local_addr()?.as_socket().ok_or(std::io::ErrorKind::Unsupported)?;
        Ok(Self { address, _socket: socket })
    }

    /// Listens on the reserved port.
    pub fn listen(&self, backlog: i32) -> std::io::Result<TcpListener> {
        let socket = shared_socket()?;
        socket.bind(&SockAddr::from(self.address))?;
        socket.listen(backlog)?;
        Ok(socket.into())
    }
}

fn shared_socket() -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

/// The ports of IPv4 and IPv6 sockets that listen now, from the kernel's own table.
pub fn listening() -> Vec<u16> {
    const LISTEN: &str = "0A";
    let mut ports = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in std::fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let mut words = line.split_whitespace().skip(1);
            let local = words.next().unwrap_or_default();
            if words.nth(1) != Some(LISTEN) {
                continue;
            }
            let port = local.rsplit(':').next().unwrap_or_default();
            ports.extend(u16::from_str_radix(port, 16));
        }
    }
    ports
}
