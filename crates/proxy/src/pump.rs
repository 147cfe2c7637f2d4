//! One direction of a transfer as a state machine: optional prefix, then a body or a raw stream.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::body::Body;
use crate::buffer::{Buffer, Shelf};
use crate::deadline::Deadline;
use crate::splice::Splicer;
use crate::stream::{Kind, Stream};

/// The longest piece of body that is copied behind a head.
const JOINED_MAX: usize = 2048;

/// Why a pump stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was passed on.
    Done,
    /// The sender closed before the end of the message.
    ReadEof,
    /// Reading failed.
    ReadError,
    /// The sender was silent for too long.
    ReadTimeout,
    /// Writing failed.
    WriteError,
    /// The receiver took nothing for too long.
    WriteTimeout,
    /// The body's framing is broken.
    Malformed,
}

/// Passes bytes from a reader to a writer.
pub struct Pump {
    /// Written before anything else; kept so that the pump can be rewound.
    prefix: Vec<u8>,
    prefix_written: usize,
    /// Bytes of the prefix that were prepended.
    preamble: usize,
    /// Where the header that names the server begins in the prefix.
    last_header: Option<usize>,
    /// Bytes of input at the end of the prefix.
    joined: usize,
    body: Body,
    initial: Body,
    input: Option<Buffer>,
    /// Bytes of `input` that may be written, and how many of them were.
    cleared: usize,
    written: usize,
    /// Where bytes that go in other words than they came wait to be written.
    reframed: Vec<u8>,
    reframed_written: usize,
    /// Close-delimited input becomes chunked output.
    chunk_output: bool,
    last_chunk_queued: bool,
    /// The receiver's connection ends with the message.
    closes: bool,
    refilled: bool,
    end: Option<End>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    patient: bool,
    deadline: Deadline,
    armed_for_write: bool,
    /// Bytes passed on, prefix included.
    pub bytes: u64,
    splicer: Option<Splicer>,
    /// There was no pipe for a splicer when it was wanted.
    copies: bool,
}

impl Pump {
    /// A pump that writes `prefix`, then what `body` covers of `input` and of what follows it.
    #[must_use]
    pub fn new(prefix: Vec<u8>, body: Body, input: Option<Buffer>) -> Self {
        Self {
            prefix,
            prefix_written: 0,
            preamble: 0,
            last_header: None,
            joined: 0,
            initial: body.clone(),
            body,
            input,
            cleared: 0,
            written: 0,
            reframed: Vec::new(),
            reframed_written: 0,
            chunk_output: false,
            last_chunk_queued: false,
            closes: false,
            refilled: false,
            end: None,
            read_timeout: None,
            write_timeout: None,
            patient: false,
            deadline: Deadline::new(),
            armed_for_write: false,
            bytes: 0,
            splicer: None,
            copies: false,
        }
    }

    /// Longest silence of the sender, and longest refusal of the receiver.
    pub fn set_timeouts(&mut self, read: Option<Duration>, write: Option<Duration>) {
        self.read_timeout = read;
        self.write_timeout = write;
    }

    /// The sender may be silent for now: it has not all of the request yet.
    pub fn set_patient(&mut self, yes: bool) {
        self.patient = yes;
    }

    /// Writes the body in chunked coding, for a body that ends with the connection.
    pub fn set_chunked_output(&mut self, yes: bool) {
        self.chunk_output = yes;
    }

    /// The writer of this message is ended after it ([`Stream::end`]).
    pub fn set_closing(&mut self, yes: bool) {
        self.closes = yes;
    }

    /// Something can be written before anything has to be read.
    #[must_use]
    pub fn has_first(&self) -> bool {
        self.has_output() || self.input.as_ref().is_some_and(|input| !input.is_empty())
    }

    /// Writes once of what is there without reading, and leaves the rest to [`Self::poll`].
    pub fn poll_first(&mut self, cx: &mut Context<'_>, writer: &Stream) -> Poll<io::Result<()>> {
        // A broken body is dealt with in its turn.
        if self.clear_input().is_err() || !self.has_output() {
            return Poll::Ready(Ok(()));
        }
        self.poll_write(cx, writer)
    }

    /// Puts bytes before everything else; for a connection that has just been opened.
    pub fn prepend(&mut self, bytes: &[u8]) {
        self.prefix.splice(0..0, bytes.iter().copied());
        self.preamble = bytes.len();
    }

    /// Makes this the last header of the prefix, in place of the one set before
    /// (`http-send-name-header`: another attempt may go to another server).
    pub fn set_last_header(&mut self, name: &[u8], value: &[u8]) {
        let end = match self.last_header {
            Some(at) => at,
            None => self.prefix.len().saturating_sub(2),
        };
        self.prefix.truncate(end);
        self.last_header = Some(end);
        wire::h1::write_field(&mut self.prefix, name, value);
        self.prefix.extend_from_slice(b"\r\n");
    }

    /// Worth a large buffer: much is still to come, or nobody knows how much.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.body.is_large()
    }

    /// How it ended, once it did.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Whether something of the message is still to come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }

    /// What was read beyond the end of the message, and the memory of the prefix. The pump is over.
    #[must_use]
    pub fn take_rest(&mut self) -> (Option<Buffer>, Vec<u8>) {
        let rest = self.input.as_mut().is_some_and(|input| {
            input.consume(self.written);
            !input.is_empty()
        });
        let input = if rest { self.input.take() } else { None };
        (input, std::mem::take(&mut self.prefix))
    }

    /// What was read beyond the bytes that were sent or are on their way, and what of the body is
    /// still to come after that.
    pub fn take_unread(&mut self) -> (Option<Buffer>, Body) {
        let mut input = self.input.take();
        if let Some(input) = &mut input {
            input.consume(self.cleared);
        }
        (input.filter(|b| !b.is_empty()), std::mem::replace(&mut self.body, Body::Done))
    }

    /// Back to the start, if everything that was sent is still here. Says whether it is.
    pub fn rewind(&mut self) -> bool {
        if self.refilled || self.chunk_output {
            return false;
        }
        // What only the old connection was to be told is not said again.
        self.prefix.drain(..self.preamble);
        self.preamble = 0;
        self.prefix.truncate(self.prefix.len() - self.joined);
        self.joined = 0;
        self.prefix_written = 0;
        self.reframed.clear();
        self.reframed_written = 0;
        self.body = self.initial.clone();
        self.cleared = 0;
        self.written = 0;
        self.end = None;
        self.bytes = 0;
        true
    }

    /// Moves as much as possible. After [`Poll::Ready`] it stays ready with the same end.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reader: &Stream,
        writer: &Stream,
        shelf: &Rc<Shelf>,
    ) -> Poll<End> {
        if let Some(end) = self.end {
            return Poll::Ready(end);
        }
        match self.poll_transfer(cx, reader, writer, shelf) {
            Poll::Ready(end) => {
                self.end = Some(end);
                self.deadline.clear();
                Poll::Ready(end)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_transfer(
        &mut self,
        cx: &mut Context<'_>,
        reader: &Stream,
        writer: &Stream,
        shelf: &Rc<Shelf>,
    ) -> Poll<End> {
        let mut progress = false;
        loop {
            if self.clear_input().is_err() {
                return Poll::Ready(End::Malformed);
            }
            if self.has_output() {
                match self.poll_write(cx, writer) {
                    Poll::Ready(Ok(())) => progress = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(End::WriteError),
                    Poll::Pending => return self.wait(cx, true, progress),
                }
                continue;
            }
            if self.body.is_done() {
                return Poll::Ready(End::Done);
            }
            self.give_back_input();
            if let Some(length) = self.body.spliceable()
                && self.input.is_none()
                && let Some(step) = self.poll_splice(cx, reader, writer, length)
            {
                match step {
                    Poll::Ready(Ok(())) => {
                        progress = true;
                        continue;
                    }
                    Poll::Ready(Err(end)) => return Poll::Ready(end),
                    Poll::Pending => {
                        let writing = self.splicer.as_ref().is_some_and(|s| s.is_full());
                        return self.wait(cx, writing, progress);
                    }
                }
            }
            match self.poll_read(cx, reader, shelf) {
                Poll::Ready(Ok(0)) => match self.body.end_of_input() {
                    true => self.finish_reframed(),
                    false => return Poll::Ready(End::ReadEof),
                },
                Poll::Ready(Ok(_)) => progress = true,
                Poll::Ready(Err(_)) => return Poll::Ready(End::ReadError),
                Poll::Pending => return self.wait(cx, false, progress),
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>, writing: bool, progress: bool) -> Poll<End> {
        let timeout = match writing {
            true => self.write_timeout,
            false => self.read_timeout.filter(|_| !self.patient),
        };
        if progress || self.armed_for_write != writing || !self.deadline.is_set() {
            self.armed_for_write = writing;
            self.deadline.set(Instant::now(), timeout);
        }
        match self.deadline.poll(cx) {
            Poll::Ready(_) if writing => Poll::Ready(End::WriteTimeout),
            Poll::Ready(_) => Poll::Ready(End::ReadTimeout),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Lets the body decide how much of the input belongs to the message.
    fn clear_input(&mut self) -> Result<(), crate::body::Malformed> {
        if self.body.is_done() || self.cleared > self.written {
            return Ok(());
        }
        let Some(input) = &self.input else { return Ok(()) };
        let fresh = &input.unread()[self.cleared..];
        if fresh.is_empty() {
            return Ok(());
        }
        let passed = self.body.pass(fresh, &mut self.reframed)?;
        let taken = passed.used;
        if self.chunk_output && taken > 0 {
            self.reframed.clear();
            wire::http::append_hex(&mut self.reframed, taken as u64);
            self.reframed.extend_from_slice(b"\r\n");
            self.reframed.extend_from_slice(&fresh[..taken]);
            self.reframed.extend_from_slice(b"\r\n");
        }
        if self.chunk_output || passed.rewritten {
            self.reframed_written = 0;
            self.written += taken;
        }
        self.cleared += taken;
        Ok(())
    }

    fn finish_reframed(&mut self) {
        if self.chunk_output && !self.last_chunk_queued {
            self.last_chunk_queued = true;
            self.reframed.clear();
            self.reframed_written = 0;
            self.reframed.extend_from_slice(b"0\r\n\r\n");
        }
    }

    fn has_output(&self) -> bool {
        self.prefix_written < self.prefix.len()
            || self.cleared > self.written
            || self.reframed_written < self.reframed.len()
    }

    /// Puts a short beginning of the body behind the head: copying it costs less than writing from
    /// two places.
    fn join(&mut self) {
        if self.prefix_written == self.prefix.len() || self.chunk_output {
            return;
        }
        let Some(input) = &self.input else { return };
        let fresh = &input.unread()[self.written..self.cleared];
        if fresh.len() <= JOINED_MAX {
            self.prefix.extend_from_slice(fresh);
            self.joined += fresh.len();
            self.written = self.cleared;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, writer: &Stream) -> Poll<io::Result<()>> {
        self.join();
        let prefix = &self.prefix[self.prefix_written..];
        let rest: &[u8] = if self.reframed_written < self.reframed.len() {
            &self.reframed[self.reframed_written..]
        } else {
            match &self.input {
                Some(b) => &b.unread()[self.written..self.cleared],
                None => &[],
            }
        };
        let last = self.closes && self.body.is_done();
        let n = ready!(writer.poll_write(cx, [prefix, rest], last))?;
        if n == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        // What only the connection was to be told is no part of the message.
        let of_preamble = n.min(self.preamble.saturating_sub(self.prefix_written));
        self.bytes += (n - of_preamble) as u64;
        let of_prefix = n.min(prefix.len());
        self.prefix_written += of_prefix;
        if self.reframed_written < self.reframed.len() {
            self.reframed_written += n - of_prefix;
        } else {
            self.written += n - of_prefix;
        }
        Poll::Ready(Ok(()))
    }

    /// Lets the buffer go once everything in it is written: what follows may not need one.
    fn give_back_input(&mut self) {
        if self.input.as_ref().is_some_and(|input| self.written == input.len()) {
            self.input = None;
            self.cleared = 0;
            self.written = 0;
            self.refilled = true;
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        reader: &Stream,
        shelf: &Rc<Shelf>,
    ) -> Poll<io::Result<usize>> {
        let Some(input) = &mut self.input else {
            let fresh = ready!(shelf.poll_read_into_new(reader, cx))?;
            let n = fresh.len();
            self.refilled = true;
            self.input = (n > 0).then_some(fresh);
            return Poll::Ready(Ok(n));
        };
        input.consume(self.written);
        input.compact();
        self.cleared -= self.written;
        self.written = 0;
        self.refilled = true;
        input.poll_fill(reader, cx)
    }

    fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        reader: &Stream,
        writer: &Stream,
        length: u64,
    ) -> Option<Poll<Result<(), End>>> {
        if self.splicer.is_none() && !self.copies {
            let both_tcp = reader.kind() == Kind::Tcp && writer.kind() == Kind::Tcp;
            self.splicer = both_tcp.then(Splicer::open).flatten();
            self.copies = self.splicer.is_none();
        }
        let splicer = self.splicer.as_mut()?;
        self.refilled = true;
        let step = splicer.poll(cx, reader, writer, length);
        Some(step.map_ok(|n| {
            self.bytes += n;
            self.body.spliced(n);
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use wire::h1::framing::BodyLength;

    use super::*;

    fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let theirs = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (ours, _) = listener.accept().expect("accept");
        ours.set_nonblocking(true).expect("non-blocking");
        (Stream::new(ours.into(), Kind::Tcp), theirs)
    }

    #[test]
    fn a_large_body_goes_past_user_space_even_when_input_never_lacks() {
        // Less than a splice would remain if more than the first buffer were copied.
        const FIRST: usize = 16 * 1024;
        const BODY: usize = FIRST + crate::splice::SPLICE_MIN_BYTES as usize;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.expect("runtime").block_on(async {
            let (from, mut server) = pair();
            let (to, mut client) = pair();
            server.write_all(&[b'x'; BODY]).expect("write");
            let client = std::thread::spawn(move || {
                let mut got = vec![0; BODY + 4];
                client.read_exact(&mut got).map(|()| got)
            });
            let shelf = Shelf::new(FIRST);
            let mut begun = shelf.take();
            begun.fill(&from).await.expect("read");
            let body = Body::from(BodyLength::Length(BODY as u64));
            let mut pump = Pump::new(b"head".to_vec(), body, Some(begun));
            pump.set_closing(true);
            let end = std::future::poll_fn(|cx| pump.poll(cx, &from, &to, &shelf)).await;
            to.end().expect("end");
            assert_eq!((end, pump.bytes), (End::Done, BODY as u64 + 4));
            let got = client.join().expect("client").expect("all of it");
            assert!(got.starts_with(b"headx") && got.ends_with(b"x"));
            assert!(pump.splicer.is_some());
        });
    }
}
