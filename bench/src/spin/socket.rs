//! Non-blocking loopback sockets registered with epoll, edge-triggered.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};

use super::Owner;

/// Begins to connect to `target`.
pub(super) fn connect(epoll: &OwnedFd, target: SocketAddr, owner: Owner) -> io::Result<OwnedFd> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match net::connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    register(epoll, &socket, owner)?;
    Ok(socket)
}

/// Takes one connection off the queue of `listener`; `None` when it is empty.
pub(super) fn accept(listener: &impl AsFd) -> io::Result<Option<OwnedFd>> {
    match net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
        Ok(socket) => {
            sockopt::set_tcp_nodelay(&socket, true)?;
            Ok(Some(socket))
        }
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reports every change of `socket` once, both directions.
pub(super) fn register(epoll: &OwnedFd, socket: &OwnedFd, owner: Owner) -> io::Result<()> {
    let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    Ok(epoll::add(epoll, socket, owner.token(), flags)?)
}

/// Reads what is there: `None` when nothing is, 0 at the end.
pub(super) fn read(socket: &OwnedFd, into: &mut [u8]) -> io::Result<Option<usize>> {
    match rustix::io::read(socket, into) {
        Ok(length) => Ok(Some(length)),
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes what fits now.
pub(super) fn write(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    match net::send(socket, bytes, SendFlags::NOSIGNAL) {
        Ok(length) => Ok(length),
        Err(Errno::AGAIN) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
