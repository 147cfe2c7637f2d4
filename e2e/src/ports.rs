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

    /// Two ports that follow each other.
    pub fn pair() -> std::io::Result<(Self, Self)> {
        const ATTEMPTS: usize = 200;
        for _ in 0..ATTEMPTS {
            let first = Self::new()?;
            let Some(port) = first.address.port().checked_add(1) else { continue };
            let address = SocketAddr::new(first.address.ip(), port);
            if is_listened_on(address) {
                continue;
            }
            let socket = shared_socket()?;
            if socket.bind(&SockAddr::from(address)).is_ok() {
                return Ok((first, Self { address, _socket: socket }));
            }
        }
        Err(std::io::ErrorKind::AddrInUse.into())
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

/// Whether somebody listens on an address, without connecting to it.
///
/// Sockets that all have `SO_REUSEADDR` may share an address as long as none of them listens.
pub fn is_listened_on(address: SocketAddr) -> bool {
    let probe = Socket::new(Domain::for_address(address), Type::STREAM, None);
    let bound = probe.and_then(|probe| {
        probe.set_reuse_address(true)?;
        probe.bind(&SockAddr::from(address))
    });
    bound.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_address_counts_as_listened_on_only_when_it_is() {
        let reservation = Reservation::new().unwrap();
        assert!(!is_listened_on(reservation.address));
        let listener = reservation.listen(1).unwrap();
        assert!(is_listened_on(reservation.address));
        drop(listener);
        assert!(!is_listened_on(reservation.address));
    }
}
