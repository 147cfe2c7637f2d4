//! The only `unsafe` in the house: taking over descriptors that were inherited from a parent,
//! registering descriptors with the runtime, and the allocator.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Ref, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

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

/// Accepts only once data has come (`bind ... defer-accept`), or after a second.
///
/// # Errors
/// As `setsockopt`.
pub fn defer_accept(socket: impl AsFd) -> io::Result<()> {
    set_tcp_option(socket.as_fd(), libc::TCP_DEFER_ACCEPT, 1)
}

/// Takes data with the first packet of known clients (`bind ... tfo`).
///
/// # Errors
/// As `setsockopt`.
pub fn fast_open(socket: impl AsFd, waiting: i32) -> io::Result<()> {
    set_tcp_option(socket.as_fd(), libc::TCP_FASTOPEN, waiting)
}

fn set_tcp_option(socket: BorrowedFd<'_>, option: i32, value: i32) -> io::Result<()> {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed for the call, and the kernel reads `length` bytes of an
    // integer that lives as long.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            std::ptr::from_ref(&value).cast(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives memory that has been freed back to the system. The allocator looks at freed pages only
/// when it is next asked, and at those that an ended thread has left never: after a reload an idle
/// process would hold them. Nothing happens where another allocator is in use.
pub fn give_memory_back() {
    // SAFETY: may be called on any thread at any time; it takes no pointer and gives none.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

/// The allocator of the process: mimalloc, asked for an alignment only where its own is not enough.
///
/// `mimalloc::MiMalloc` always asks, which is several times slower for most sizes and takes a block
/// one size too large for some.
pub struct Allocator;

/// What mimalloc aligns to by itself, where the block is at least as large (`MI_MAX_ALIGN_SIZE`).
const OWN_ALIGNMENT: usize = 16;

const fn needs_no_care(layout: Layout) -> bool {
    layout.align() <= OWN_ALIGNMENT && layout.align() <= layout.size()
}

// SAFETY: every function passes on to the one of mimalloc that does what the trait asks for. All of
// them may be mixed: a block is freed and resized the same way however it was made.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: takes no pointer; null stands for failure as the trait wants it.
        unsafe {
            if needs_no_care(layout) {
                libmimalloc_sys::mi_malloc(layout.size()).cast()
            } else {
                libmimalloc_sys::mi_malloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe {
            if needs_no_care(layout) {
                libmimalloc_sys::mi_zalloc(layout.size()).cast()
            } else {
                libmimalloc_sys::mi_zalloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, _layout: Layout) {
        // SAFETY: the caller got `ptr` from this allocator.
        unsafe { libmimalloc_sys::mi_free(ptr.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller got `ptr` from this allocator with this layout, and `new_size` makes
        // a layout of the same alignment.
        unsafe {
            if layout.align() <= OWN_ALIGNMENT && layout.align() <= new_size {
                libmimalloc_sys::mi_realloc(ptr.cast(), new_size).cast()
            } else {
                libmimalloc_sys::mi_realloc_aligned(ptr.cast(), new_size, layout.align()).cast()
            }
        }
    }
}

/// A descriptor by its number, as the runtime wants to have it.
#[derive(Debug)]
pub struct Number(RawFd);

impl AsRawFd for Number {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// What the runtime is to say about a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// When it can be read.
    Reading,
    /// When it can be read, and when it can be written.
    Both,
}

/// A registration with the runtime.
#[derive(Debug)]
pub struct Registration {
    /// To be asked and waited for.
    pub ready: AsyncFd<Number>,
    /// What it tells.
    pub watch: Watch,
}

/// A descriptor that is registered with the runtime once that is asked for.
#[derive(Debug)]
pub struct Registered {
    // Before the descriptor, so that it is dropped while that is still open.
    registration: RefCell<Option<Registration>>,
    fd: OwnedFd,
}

impl Registered {
    /// Not registered yet; no system call.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Self {
        Self { registration: RefCell::new(None), fd }
    }

    /// The registration, if there is one. Not to be held across [`Self::register`].
    #[must_use]
    pub fn registration(&self) -> Ref<'_, Option<Registration>> {
        self.registration.borrow()
    }

    /// Registers with the present runtime, in place of what was registered before. Whoever waited
    /// on that is not woken any more.
    ///
    /// # Errors
    /// When the descriptor cannot be watched, or memory runs out.
    pub fn register(&self, watch: Watch) -> io::Result<()> {
        let interest = match watch {
            Watch::Reading => Interest::READABLE,
            Watch::Both => Interest::READABLE | Interest::WRITABLE,
        };
        let mut registration = self.registration.borrow_mut();
        // One descriptor cannot be registered twice.
        *registration = None;
        let number = Number(self.fd.as_raw_fd());
        // SAFETY: `self` owns the descriptor and never gives it away. The registration is private,
        // handed out by reference only, and dropped before the descriptor is closed.
        let ready = unsafe { AsyncFd::register_with_interest(number, interest) }?;
        *registration = Some(Registration { ready, watch });
        Ok(())
    }
}

impl AsFd for Registered {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
