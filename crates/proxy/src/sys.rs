//! The only `unsafe` in the house: taking over descriptors that were inherited from a parent.
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
