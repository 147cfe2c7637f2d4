//! Buffers that belong to active transfers: taken from the worker's shelf and given back.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::stream::Stream;

/// How many unused buffers a worker keeps; more are freed.
const SHELF_BUFFERS: usize = 64;

/// A worker's unused buffers, all of one capacity.
pub struct Shelf {
    free: RefCell<Vec<Box<[u8]>>>,
    capacity: usize,
}

impl Shelf {
    /// A shelf of buffers of `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Rc<Self> {
        Rc::new(Self { free: RefCell::new(Vec::with_capacity(SHELF_BUFFERS)), capacity })
    }

    /// An empty buffer.
    #[must_use]
    pub fn take(self: &Rc<Self>) -> Buffer {
        let data = self
            .free
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| vec![0; self.capacity].into_boxed_slice());
        Buffer { data: Some(data), start: 0, end: 0, shelf: Rc::clone(self) }
    }

    /// Polls a read into a buffer that is only taken when something arrives, so that a waiting
    /// connection holds none.
    pub fn poll_read_into_new(
        self: &Rc<Self>,
        reader: &Stream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Buffer>> {
        reader.poll_read_new(cx, || self.take())
    }
}

/// A buffer with unread bytes in the middle; goes back to its shelf when dropped.
pub struct Buffer {
    data: Option<Box<[u8]>>,
    start: usize,
    end: usize,
    shelf: Rc<Shelf>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(data) = self.data.take() {
            let mut free = self.shelf.free.borrow_mut();
            if free.len() < SHELF_BUFFERS {
                free.push(data);
            }
        }
    }
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        self.data.as_deref().unwrap_or(&[])
    }

    /// The unread bytes.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes()[self.start..self.end]
    }

    /// Number of unread bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// No unread bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room behind the unread bytes.
    #[must_use]
    pub fn room(&self) -> usize {
        self.bytes().len() - self.end
    }

    /// Size of the whole buffer.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes().len()
    }

    /// Marks the first `n` unread bytes as read.
    pub fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Moves the unread bytes to the front, so that all room is behind them.
    pub fn compact(&mut self) {
        if self.start > 0 {
            let (start, end) = (self.start, self.end);
            if let Some(data) = self.data.as_deref_mut() {
                data.copy_within(start..end, 0);
            }
            self.start = 0;
            self.end = end - start;
        }
    }

    /// The room behind the unread bytes, to be read into; what was is said with [`Self::filled`].
    pub fn spare(&mut self) -> &mut [u8] {
        let end = self.end;
        self.data.as_deref_mut().map_or(&mut [], |data| &mut data[end..])
    }

    /// So many bytes of the room are unread ones now.
    pub fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.capacity());
    }

    /// Appends as much of `bytes` as fits and says how much that was.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        let end = self.end;
        if let Some(data) = self.data.as_deref_mut() {
            data[end..end + n].copy_from_slice(&bytes[..n]);
        }
        self.end += n;
        n
    }

    /// Reads once into the room behind; `Ok(0)` = the peer ended.
    pub fn poll_fill(&mut self, reader: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let n = ready!(reader.poll_read(cx, self.spare()))?;
        self.filled(n);
        Poll::Ready(Ok(n))
    }

    /// Reads once; `Ok(0)` = the peer ended.
    ///
    /// # Errors
    /// As the reader's.
    pub async fn fill(&mut self, reader: &Stream) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_fill(reader, cx)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumes_compacts_and_appends() {
        let shelf = Shelf::new(8);
        let mut b = shelf.take();
        assert_eq!(b.append(b"abcdefghij"), 8, "only what fits");
        b.consume(6);
        assert_eq!(b.unread(), b"gh");
        assert_eq!(b.room(), 0);
        b.compact();
        assert_eq!((b.unread(), b.room()), (&b"gh"[..], 6));
        b.consume(5);
        assert!(b.is_empty());
        drop(b);
        assert_eq!(shelf.free.borrow().len(), 1, "goes back to the shelf");
    }
}
