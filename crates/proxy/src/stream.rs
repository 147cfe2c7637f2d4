//! The stream interface that sessions are written against: plain TCP and unix sockets today.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use rustix::net::{self, RecvFlags, SendFlags, Shutdown, sockopt};

use crate::readiness::{Descriptor, Direction, Given};

/// What a stream runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP.
    Tcp,
    /// Unix domain socket.
    Unix,
}

/// A connected byte stream. Both directions can be used at the same time, within one task.
#[derive(Debug)]
pub struct Stream {
    descriptor: Descriptor,
    kind: Kind,
}

impl Stream {
    /// Of a connected or connecting socket in non-blocking mode; makes no system call.
    #[must_use]
    pub fn new(socket: OwnedFd, kind: Kind) -> Self {
        Self { descriptor: Descriptor::new(socket), kind }
    }

    /// What it runs over.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The peer's address; `None` for unix sockets.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        net::getpeername(self).ok().flatten().and_then(|a| a.try_into().ok())
    }

    /// The local address; `None` for unix sockets.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        net::getsockname(self).ok().and_then(|a| a.try_into().ok())
    }

    /// Waits until a connection that has been begun is there.
    ///
    /// # Errors
    /// Why it could not be made.
    pub async fn connected(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            self.descriptor.poll_io(cx, Direction::Write, |fd| {
                sockopt::socket_error(fd)??;
                match net::getpeername(fd) {
                    Ok(_) => Ok(Given { result: (), exhausted: false }),
                    Err(rustix::io::Errno::NOTCONN) => Err(io::ErrorKind::WouldBlock.into()),
                    Err(e) => Err(e.into()),
                }
            })
        })
        .await
    }

    /// Prepares for waiting for input where none can be there yet.
    ///
    /// # Errors
    /// When the runtime cannot watch one more.
    pub fn await_input(&self) -> io::Result<()> {
        self.descriptor.await_input()
    }

    /// Whether an idle connection has something to read: for a connection that should be silent
    /// that means it was closed or talks out of turn. Makes no system call where the stream has
    /// been waited for before.
    #[must_use]
    pub fn has_input(&self) -> bool {
        self.descriptor.known_input().unwrap_or_else(|| {
            let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            net::recv(self, &mut [0], flags) != Err(rustix::io::Errno::AGAIN)
        })
    }

    /// Reads once; 0 = the peer ended.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.descriptor.poll_io(cx, Direction::Read, |fd| {
            let (n, _) = net::recv(fd, &mut *into, RecvFlags::empty())?;
            Ok(Given { result: n, exhausted: n > 0 && n < into.len() })
        })
    }

    /// Reads once; 0 = the peer ended.
    ///
    /// # Errors
    /// As `recv`.
    pub async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, into)).await
    }

    /// Waits for input and copies the beginning of it without taking it; 0 = the peer ended.
    ///
    /// # Errors
    /// As `recv`.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| {
            self.descriptor.poll_io(cx, Direction::Read, |fd| {
                let (n, _) = net::recv(fd, &mut *into, RecvFlags::PEEK)?;
                Ok(Given { result: n, exhausted: false })
            })
        })
        .await
    }

    /// Takes `n` bytes that are known to be there.
    ///
    /// # Errors
    /// As `recv`; `UnexpectedEof` when fewer were there.
    pub fn discard(&self, n: usize) -> io::Result<()> {
        let mut left = n;
        let mut scratch = [0; 512];
        while left > 0 {
            let room = scratch.len().min(left);
            match net::recv(self, &mut scratch[..room], RecvFlags::DONTWAIT)?.0 {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                taken => left -= taken,
            }
        }
        Ok(())
    }

    /// Writes once. `last`: nothing follows but [`Self::end`], which then needs no packet of its
    /// own.
    pub fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: [&[u8]; 2],
        last: bool,
    ) -> Poll<io::Result<usize>> {
        let more = if last { SendFlags::MORE } else { SendFlags::empty() };
        let flags = SendFlags::NOSIGNAL | more;
        let len = bytes[0].len() + bytes[1].len();
        self.descriptor.poll_io(cx, Direction::Write, |fd| {
            let n = match bytes {
                [one, []] | [[], one] => net::send(fd, one, flags)?,
                [a, b] => {
                    let slices = [IoSlice::new(a), IoSlice::new(b)];
                    net::sendmsg(fd, &slices, &mut Default::default(), flags)?
                }
            };
            Ok(Given { result: n, exhausted: n < len })
        })
    }

    /// Writes everything.
    ///
    /// # Errors
    /// As `send`.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::future::poll_fn(|cx| self.poll_write(cx, [bytes, &[]], false)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = bytes.get(n..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// As `shutdown`: the connection is gone.
    pub fn end(&self) -> io::Result<()> {
        Ok(net::shutdown(self, Shutdown::Write)?)
    }

    /// Runs a system call that reads, or one that writes, once the stream is ready for it.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        call: impl FnMut(BorrowedFd<'_>) -> io::Result<Given<R>>,
    ) -> Poll<io::Result<R>> {
        self.descriptor.poll_io(cx, direction, call)
    }

    /// Makes the close send a reset instead of an orderly end (frees the port at once).
    pub fn reset_on_close(&self) {
        let _ = sockopt::set_socket_linger(self, Some(std::time::Duration::ZERO));
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
