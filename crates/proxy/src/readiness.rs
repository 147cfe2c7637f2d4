//! System calls that do not block, repeated when the descriptor is ready.
//!
//! Registering with the runtime costs two system calls, so a descriptor is registered when it has
//! to be waited for and not before: a client whose request came with its connection never is.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, Waker, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::sys::{Registered, Watch};

/// What a system call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Input, connections to accept, the end.
    Read,
    /// Room, or the end of connecting.
    Write,
}

/// What a system call gave, and whether the descriptor is known to have no more.
pub struct Given<R> {
    /// Result of the call.
    pub result: R,
    /// Another call would have to wait.
    pub exhausted: bool,
}

/// A non-blocking descriptor on which system calls can wait.
#[derive(Debug)]
pub struct Descriptor {
    registered: Registered,
    /// The one read that is tried without having been registered is over.
    tried: Cell<bool>,
}

impl Descriptor {
    /// Of a descriptor in non-blocking mode; makes no system call.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Self {
        Self { registered: Registered::new(fd), tried: Cell::new(false) }
    }

    /// Registers for reading, where nothing can be there to read yet.
    ///
    /// # Errors
    /// As the runtime's.
    pub fn await_input(&self) -> io::Result<()> {
        match self.watch() {
            None => self.registered.register(Watch::Reading),
            Some(_) => Ok(()),
        }
    }

    /// Runs a system call now, or once the descriptor is ready for it.
    ///
    /// One read is tried at once; later ones go by what the runtime says, which also sees to it
    /// that nobody who always has input keeps the others waiting. Writes are tried at once until
    /// one of them would have blocked.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<Given<R>>,
    ) -> Poll<io::Result<R>> {
        let watch = self.watch();
        let enough = match direction {
            Direction::Read => watch.is_some(),
            Direction::Write => watch == Some(Watch::Both),
        };
        if !enough {
            if direction == Direction::Write || !self.tried.replace(true) {
                match call(self.as_fd()) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    other => return Poll::Ready(other.map(|given| given.result)),
                }
            }
            self.registered.register(match direction {
                Direction::Read => Watch::Reading,
                Direction::Write => Watch::Both,
            })?;
            if watch.is_some() {
                // Who waits for input on the old registration has to ask again.
                cx.waker().wake_by_ref();
            }
        }
        let registration = self.registered.registration();
        let Some(registration) = &*registration else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        loop {
            let mut guard = match direction {
                Direction::Read => ready!(registration.ready.poll_read_ready(cx))?,
                Direction::Write => ready!(registration.ready.poll_write_ready(cx))?,
            };
            match call(self.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Ok(given) => {
                    if given.exhausted {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(given.result));
                }
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    /// Whether a socket has something to read, its end included. Makes no system call where the
    /// runtime knows that there is nothing.
    #[must_use]
    pub fn has_input(&self) -> bool {
        let registration = self.registered.registration();
        let mut cx = Context::from_waker(Waker::noop());
        let ready = registration.as_ref().map(|r| r.ready.poll_read_ready(&mut cx));
        let mut guard = match ready {
            Some(Poll::Pending) => return false,
            Some(Poll::Ready(Ok(guard))) => Some(guard),
            Some(Poll::Ready(Err(_))) | None => None,
        };
        // A read that took all there was leaves the runtime believing that there is more.
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let nothing = recv(self, &mut [0], flags) == Err(Errno::AGAIN);
        if nothing && let Some(guard) = &mut guard {
            guard.clear_ready();
        }
        !nothing
    }

    fn watch(&self) -> Option<Watch> {
        self.registered.registration().as_ref().map(|r| r.watch)
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.registered.as_fd()
    }
}
