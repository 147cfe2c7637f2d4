//! Large bodies between two TCP sockets through a pipe, without copying them to user space.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::pipe::{PipeFlags, SpliceFlags};

use crate::pump::End;
use crate::readiness::{Direction, Given};
use crate::stream::Stream;

/// Bodies with at least this much still to come are spliced: below it the pipe costs more than
/// the copy.
pub const SPLICE_MIN_BYTES: u64 = 64 * 1024;

/// Size asked for a pipe: measured, 512 KiB takes half the CPU of the default 64 KiB.
const PIPE_BYTES: usize = 512 * 1024;

/// Pipes of a worker at one time. What slow receivers leave in them is memory of the kernel, 64 MiB
/// at most, which is also what it lets an ordinary user have (`pipe-user-pages-soft`).
const PIPES: usize = 128;

/// Unused pipes a worker keeps.
const KEPT_PIPES: usize = 16;

type Pipe = (OwnedFd, OwnedFd);

/// The pipes of a worker.
#[derive(Default)]
struct Pipes {
    kept: Vec<Pipe>,
    in_use: usize,
}

thread_local! {
    static OURS: RefCell<Pipes> = RefCell::default();
}

/// A pipe with some bytes in it.
pub struct Splicer {
    pipe: Option<Pipe>,
    inside: usize,
}

impl Drop for Splicer {
    fn drop(&mut self) {
        let empty = self.pipe.take_if(|_| self.inside == 0);
        OURS.with_borrow_mut(|pipes| {
            pipes.in_use -= 1;
            if pipes.kept.len() < KEPT_PIPES {
                pipes.kept.extend(empty);
            }
        });
    }
}

impl Splicer {
    /// A pipe, kept or new; `None` when none of full size can be had: copying is better then.
    #[must_use]
    pub fn open() -> Option<Self> {
        OURS.with_borrow_mut(|pipes| {
            if pipes.in_use >= PIPES {
                return None;
            }
            let pipe = match pipes.kept.pop() {
                Some(kept) => kept,
                None => new_pipe().ok()?,
            };
            pipes.in_use += 1;
            Some(Self { pipe: Some(pipe), inside: 0 })
        })
    }

    /// Bytes wait in the pipe for the receiver.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.inside > 0
    }

    /// Moves at most `length` bytes; ready with the number that left the pipe (0 = only filled).
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &Stream,
        to: &Stream,
        length: u64,
    ) -> Poll<Result<u64, End>> {
        let Some((pipe_out, pipe_in)) = &self.pipe else {
            return Poll::Ready(Err(End::ReadError));
        };
        if self.inside == 0 {
            let want = usize::try_from(length).unwrap_or(usize::MAX).min(PIPE_BYTES);
            let read = from.poll_io(cx, Direction::Read, |fd| splice(&fd, pipe_in, want));
            match ready!(read) {
                Ok(0) => return Poll::Ready(Err(End::ReadEof)),
                Ok(n) => self.inside = n,
                Err(_) => return Poll::Ready(Err(End::ReadError)),
            }
        }
        let write = to.poll_io(cx, Direction::Write, |fd| splice(pipe_out, &fd, self.inside));
        Poll::Ready(match ready!(write) {
            Ok(n) => {
                self.inside -= n;
                Ok(n as u64)
            }
            Err(_) => Err(End::WriteError),
        })
    }
}

fn new_pipe() -> io::Result<Pipe> {
    let (r, w) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    rustix::pipe::fcntl_setpipe_size(&w, PIPE_BYTES)?;
    Ok((r, w))
}

fn splice(from: &impl AsFd, to: &impl AsFd, len: usize) -> io::Result<Given<usize>> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    let result = rustix::pipe::splice(from, None, to, None, len, flags)?;
    // Less than asked for may as well be due to the pipe.
    Ok(Given { result, exhausted: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_are_kept_and_counted() {
        let first = Splicer::open().expect("pipe");
        drop(first);
        OURS.with_borrow(|pipes| assert_eq!((pipes.kept.len(), pipes.in_use), (1, 0)));
        let mut full = Splicer::open().expect("pipe");
        full.inside = 1;
        drop(full);
        OURS.with_borrow(|pipes| {
            assert_eq!((pipes.kept.len(), pipes.in_use), (0, 0), "what is left in it is lost");
        });
        OURS.with_borrow_mut(|pipes| pipes.in_use = PIPES);
        assert!(Splicer::open().is_none());
    }
}
