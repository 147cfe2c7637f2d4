//! The only `unsafe` in the house: taking over descriptors that were inherited from a parent, and
//! asking the allocator to let go of freed memory.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// A duplicate of the inherited descriptor `fd`, close-on-exec.
///
/// # Errors
/// `EBADF` when nothing is open under that number, or when descriptors run out.
pub fn duplicate_inherited(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(9));
    }
    // SAFETY: the number is borrowed only for this call, which merely duplicates it; the kernel
    // answers EBADF when it names nothing.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?)
}

/// Gives memory that has been freed back to the system. The allocator looks at freed pages only
/// when it is next asked, and at those that an ended thread has left never: after a reload an idle
/// process would hold them. Nothing happens where another allocator is in use.
pub fn give_memory_back() {
    // SAFETY: may be called on any thread at any time; it takes no pointer and gives none.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
