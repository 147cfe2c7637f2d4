//! Waiting for the signal that a container is stopped with.
//!
//! No safe wrapper exists that also works for process 1, to which unhandled signals do not come.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;

/// From now on TERM waits for [`wait_for_term`], in this thread and in those it makes.
///
/// # Errors
/// The kernel's.
pub fn hold_term() -> io::Result<()> {
    let set = term()?;
    // SAFETY: `set` is initialised; a null pointer means that the old mask is not wanted.
    check(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) })
}

/// Waits until TERM comes; [`hold_term`] must have been called before any thread was made.
///
/// # Errors
/// The kernel's.
pub fn wait_for_term() -> io::Result<()> {
    let set = term()?;
    let mut signal = 0;
    // SAFETY: both are valid places for what the call reads and writes.
    check(unsafe { libc::sigwait(&raw const set, &raw mut signal) })
}

fn term() -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises what it is given.
    let set = unsafe {
        check_errno(libc::sigemptyset(set.as_mut_ptr()))?;
        &mut set.assume_init()
    };
    // SAFETY: `set` is initialised.
    check_errno(unsafe { libc::sigaddset(&raw mut *set, libc::SIGTERM) })?;
    Ok(*set)
}

fn check(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

fn check_errno(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
