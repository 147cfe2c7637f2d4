//! The stream interface that sessions are written against: plain TCP and unix sockets today.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use rustix::net::{self, RecvFlags, SendFlags, Shutdown, sockopt};

use crate::buffer::Buffer;
use crate::readiness::{Descriptor, Direction, Given};

/// What a stream runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP.
    Tcp,
    /// Unix domain socket.
    Unix,
}

/// What fits one segment on every ordinary path, in bytes.
const ONE_SEGMENT: usize = 1200;

/// Whether the kernel holds short segments back until those before are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delays {
    /// It does not.
    No,
    /// It would, but there is nothing before.
    NotTheFirst,
    /// It would.
    Yes,
}

/// A connected byte stream. Both directions can be used at the same time, within one task.
#[derive(Debug)]
pub struct Stream {
    descriptor: Descriptor,
    kind: Kind,
    delays: Cell<Delays>,
}

impl Stream {
    /// Of a connected or connecting socket in non-blocking mode; makes no system call.
    #[must_use]
    pub fn new(socket: OwnedFd, kind: Kind) -> Self {
        let delays = Cell::new(Delays::No);
        Self { descriptor: Descriptor::new(socket), kind, delays }
    }

    /// Of a TCP socket on which `TCP_NODELAY` is not set yet: that is done once it matters.
    #[must_use]
    pub fn delaying(socket: OwnedFd) -> Self {
        let stream = Self::new(socket, Kind::Tcp);
        stream.delays.set(Delays::NotTheFirst);
        stream
    }

    /// Sees to it that `len` bytes to be written are not held back.
    fn before_write(&self, len: usize) {
        let matters = match self.delays.get() {
            Delays::No => false,
            Delays::NotTheFirst => len > ONE_SEGMENT,
            Delays::Yes => true,
        };
        if matters {
            let _ = sockopt::set_tcp_nodelay(self, true);
            self.delays.set(Delays::No);
        }
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
    /// that means it was closed or talks out of turn. Hardly ever makes a system call.
    #[must_use]
    pub fn has_input(&self) -> bool {
        self.descriptor.has_input()
    }

    /// Reads once; 0 = the peer ended.
    pub fn poll_read(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.descriptor.poll_io(cx, Direction::Read, |fd| receive(fd, into))
    }

    /// Reads once into a buffer that is asked for when there may be something to read.
    pub fn poll_read_new(
        &self,
        cx: &mut Context<'_>,
        take: impl Fn() -> Buffer,
    ) -> Poll<io::Result<Buffer>> {
        self.descriptor.poll_io(cx, Direction::Read, |fd| {
            let mut buffer = take();
            let Given { result, exhausted } = receive(fd, buffer.spare())?;
            buffer.filled(result);
            Ok(Given { result: buffer, exhausted })
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
        std::future::poll_fn(|cx| self.poll_peek(cx, into)).await
    }

    fn poll_peek(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.descriptor.poll_io(cx, Direction::Read, |fd| {
            let (n, _) = net::recv(fd, &mut *into, RecvFlags::PEEK)?;
            Ok(Given { result: n, exhausted: false })
        })
    }

    /// Ready once the peer has ended; never while there is input before that.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.poll_peek(cx, &mut [0]) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(()),
            _ => Poll::Pending,
        }
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
        self.before_write(len);
        self.descriptor.poll_io(cx, Direction::Write, |fd| {
            let n = match bytes {
                [one, []] | [[], one] => net::send(fd, one, flags)?,
                [a, b] => {
                    let slices = [IoSlice::new(a), IoSlice::new(b)];
                    net::sendmsg(fd, &slices, &mut Default::default(), flags)?
                }
            };
            if self.delays.get() == Delays::NotTheFirst {
                self.delays.set(Delays::Yes);
            }
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
        if direction == Direction::Write {
            self.before_write(usize::MAX);
        }
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

fn receive(fd: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<Given<usize>> {
    let (n, _) = net::recv(fd, &mut *into, RecvFlags::empty())?;
    // A read that does not fill the room has taken all there was.
    Ok(Given { result: n, exhausted: n > 0 && n < into.len() })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::rc::Rc;

    use super::*;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        tokio::task::LocalSet::new().block_on(&runtime.expect("runtime"), test);
    }

    fn pair() -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("pair");
        ours.set_nonblocking(true).expect("non-blocking");
        (Stream::new(ours.into(), Kind::Unix), theirs)
    }

    #[test]
    fn taking_exactly_what_was_there_leaves_no_input() {
        run(async {
            let (ours, mut theirs) = pair();
            ours.await_input().expect("register");
            theirs.write_all(b"abcd").expect("write");
            assert_eq!(ours.read(&mut [0; 4]).await.expect("read"), 4);
            assert!(!ours.has_input());
            drop(theirs);
            assert_eq!(ours.read(&mut [0; 4]).await.expect("read"), 0);
            assert!(ours.has_input(), "the end is something to read");
        });
    }

    #[test]
    fn a_stream_that_was_never_waited_for_knows_its_input_too() {
        let (ours, mut theirs) = pair();
        assert!(!ours.has_input());
        theirs.write_all(b"x").expect("write");
        assert!(ours.has_input());
    }

    #[test]
    fn a_write_that_has_to_wait_does_not_lose_the_reader() {
        run(async {
            let (ours, mut theirs) = pair();
            let ours = Rc::new(ours);
            let reader = Rc::clone(&ours);
            let both = tokio::task::spawn_local(async move {
                let mut writing = std::pin::pin!(reader.write_all(&[7; 1 << 20]));
                std::future::poll_fn(|cx| {
                    let read = reader.poll_read(cx, &mut [0; 8]);
                    let _ = writing.as_mut().poll(cx);
                    read
                })
                .await
            });
            tokio::task::yield_now().await;
            theirs.write_all(b"answer").expect("write");
            assert_eq!(both.await.expect("task").expect("read"), 6);
            let mut begun = [0; 8];
            theirs.read_exact(&mut begun).expect("read");
            assert_eq!(begun, [7; 8]);
        });
    }
}
