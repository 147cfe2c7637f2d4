//! Memory that exchanges use one after the other: heads, output, captures.

use std::cell::RefCell;

use wire::h1::Head;

/// Sets of memory a worker keeps: as many requests as are on their way at once on a busy worker,
/// about 3 KB each.
const KEPT: usize = 1024;

/// Arenas larger than this are given back to the allocator rather than kept.
const KEPT_BYTES: usize = 4 * 1024;

/// The memory of one exchange.
#[derive(Default)]
pub struct Scratch {
    /// Request head.
    pub request: Head,
    /// Response head.
    pub response: Head,
    /// Serialised request head.
    pub to_server: Vec<u8>,
    /// Serialised response head.
    pub to_client: Vec<u8>,
    /// Rendered formats.
    pub text: Vec<u8>,
    /// The request line as it came, for logs.
    pub request_line: Vec<u8>,
}

/// A worker's unused scratch memory.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "exchanges hold the box; it moves, its content does not")]
pub struct ScratchShelf(RefCell<Vec<Box<Scratch>>>);

impl ScratchShelf {
    /// Empty scratch memory.
    #[must_use]
    pub fn take(&self) -> Box<Scratch> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes it back.
    pub fn put(&self, mut scratch: Box<Scratch>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() >= KEPT {
            return;
        }
        scratch.request.clear();
        scratch.request.shrink_to(KEPT_BYTES);
        scratch.response.clear();
        scratch.response.shrink_to(KEPT_BYTES);
        for bytes in [
            &mut scratch.to_server,
            &mut scratch.to_client,
            &mut scratch.text,
            &mut scratch.request_line,
        ] {
            bytes.clear();
            bytes.shrink_to(KEPT_BYTES);
        }
        kept.push(scratch);
    }
}
