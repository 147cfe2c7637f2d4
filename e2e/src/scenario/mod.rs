//! Scenarios with processes on loopback: applications that come and go, steady load, a file that
//! is edited, and one balancer whose clients must not notice.

pub mod application;
pub mod balancer;
pub mod edits;
pub mod load;

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);

/// Waits until something holds; false when it does not come in time.
pub fn wait_until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(POLL);
    }
}
