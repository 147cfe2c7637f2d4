//! The CPU clock of another process: nanoseconds spent by all its threads, ended ones included.
//!
//! The kernel keeps this sum exactly; `/proc/PID/stat` shows the same sum rounded to 10 ms. No safe
//! wrapper exists, so this and `signals` are the only files of the package with `unsafe` in them.
#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

/// CPU time of process `pid` since it started, user and system together.
///
/// # Errors
/// `ESRCH` when there is no such process (any more).
pub fn process_cpu(pid: u32) -> io::Result<Duration> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is a valid place for one clockid_t; the call keeps no pointer.
    let code = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code));
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for one timespec; the call keeps no pointer.
    if unsafe { libc::clock_gettime(clock, &raw mut now) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(now.tv_sec).map_err(io::Error::other)?;
    let nanoseconds = u32::try_from(now.tv_nsec).map_err(io::Error::other)?;
    Ok(Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::process_cpu;

    #[test]
    fn own_clock_moves_forward() {
        let before = process_cpu(std::process::id()).expect("own process");
        let mut sum = 0_u64;
        for n in 0..2_000_000_u64 {
            sum = std::hint::black_box(sum ^ n.wrapping_mul(0x9e37_79b9));
        }
        assert!(process_cpu(std::process::id()).expect("own process") > before);
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        let mut child = std::process::Command::new("true").spawn().expect("true");
        child.wait().expect("wait");
        assert!(process_cpu(child.id()).is_err());
    }
}
