//! The stream interface that sessions are written against: plain TCP and unix sockets today.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

/// A connected byte stream.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// Unix domain socket.
    Unix(UnixStream),
}

/// The reading half of a [`Stream`].
pub enum Reader<'a> {
    /// TCP.
    Tcp(tcp::ReadHalf<'a>),
    /// Unix domain socket.
    Unix(unix::ReadHalf<'a>),
}

/// The writing half of a [`Stream`].
pub enum Writer<'a> {
    /// TCP.
    Tcp(tcp::WriteHalf<'a>),
    /// Unix domain socket.
    Unix(unix::WriteHalf<'a>),
}

macro_rules! each {
    ($kind:ident, $self:expr, $s:ident => $body:expr) => {
        match $self {
            $kind::Tcp($s) => $body,
            $kind::Unix($s) => $body,
        }
    };
}

impl Stream {
    /// Both halves, usable at the same time within one task.
    pub fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match self {
            Self::Tcp(s) => {
                let (r, w) = s.split();
                (Reader::Tcp(r), Writer::Tcp(w))
            }
            Self::Unix(s) => {
                let (r, w) = s.split();
                (Reader::Unix(r), Writer::Unix(w))
            }
        }
    }

    /// The peer's address; `None` for unix sockets.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(s) => s.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The local address; `None` for unix sockets.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(s) => s.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Whether an idle connection has something to read: for a connection that should be silent
    /// that means it was closed or talks out of turn. Makes no system call.
    #[must_use]
    pub fn has_input(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        each!(Self, self, s => s.poll_read_ready(&mut cx).is_ready())
    }

    /// Waits until the stream may be read.
    ///
    /// # Errors
    /// As the runtime's.
    pub async fn readable(&self) -> io::Result<()> {
        each!(Self, self, s => s.readable().await)
    }

    /// Waits until one of the interests is there.
    ///
    /// # Errors
    /// As the runtime's.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        each!(Self, self, s => s.ready(interest).await)
    }

    /// Waits for input and copies the beginning of it without taking it; 0 = the peer ended.
    ///
    /// # Errors
    /// As `recv`.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.readable().await?;
            let peeked = self.try_io(Interest::READABLE, |fd| {
                let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
                Ok(rustix::net::recv(fd, &mut *into, flags)?.0)
            });
            match peeked {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Runs a non-blocking system call, keeping readiness in step with `WouldBlock`.
    ///
    /// # Errors
    /// `WouldBlock` when not ready, else the call's own.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        each!(Self, self, s => s.try_io(interest, || f(s.as_fd())))
    }

    /// Makes the close send a reset instead of an orderly end (frees the port at once).
    pub fn reset_on_close(&self) {
        let fd = self.as_fd();
        let _ = rustix::net::sockopt::set_socket_linger(fd, Some(std::time::Duration::ZERO));
    }

    /// `TCP_NODELAY`; nothing for unix sockets.
    pub fn set_nodelay(&self) {
        if let Self::Tcp(s) = self {
            let _ = s.set_nodelay(true);
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(Self, self, s => s.as_fd())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(Self, self.get_mut(), s => Pin::new(s).poll_read(cx, buf))
    }
}

impl AsyncRead for Reader<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(Self, self.get_mut(), s => Pin::new(s).poll_read(cx, buf))
    }
}

macro_rules! async_write {
    ($t:ty) => {
        impl AsyncWrite for $t {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                each!(Self, self.get_mut(), s => Pin::new(s).poll_write(cx, buf))
            }
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                each!(Self, self.get_mut(), s => Pin::new(s).poll_write_vectored(cx, bufs))
            }
            fn is_write_vectored(&self) -> bool {
                true
            }
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                each!(Self, self.get_mut(), s => Pin::new(s).poll_flush(cx))
            }
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                each!(Self, self.get_mut(), s => Pin::new(s).poll_shutdown(cx))
            }
        }
    };
}

async_write!(Stream);
async_write!(Writer<'_>);
