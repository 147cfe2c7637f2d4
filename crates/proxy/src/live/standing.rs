//! How often and how long a server or a backend was down.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Changes between up and down, and the time spent down. One thread at a time notes; any reads.
#[derive(Debug, Default)]
pub struct Standing {
    downs: AtomicU64,
    /// Finished time down, milliseconds.
    down_ms: AtomicU64,
    /// Since when it is down, milliseconds of the engine's clock plus one; 0 = it is up.
    down_since: AtomicU64,
    changed_ms: AtomicU64,
}

impl Standing {
    /// What holds now; nothing happens where it held before.
    pub fn note(&self, up: bool, now_ms: u64) {
        let since = self.down_since.load(Relaxed);
        match (up, since) {
            (false, 0) => {
                self.downs.fetch_add(1, Relaxed);
                self.down_since.store(now_ms + 1, Relaxed);
            }
            (true, since) if since > 0 => {
                self.down_ms.fetch_add(now_ms.saturating_sub(since - 1), Relaxed);
                self.down_since.store(0, Relaxed);
            }
            _ => return,
        }
        self.changed_ms.store(now_ms, Relaxed);
    }

    /// Changes from up to down.
    #[must_use]
    pub fn downs(&self) -> u64 {
        self.downs.load(Relaxed)
    }

    /// Milliseconds spent down until now.
    #[must_use]
    pub fn down_ms(&self, now_ms: u64) -> u64 {
        let present = match self.down_since.load(Relaxed) {
            0 => 0,
            since => now_ms.saturating_sub(since - 1),
        };
        self.down_ms.load(Relaxed) + present
    }

    /// When it changed last, milliseconds of the engine's clock; 0 = never.
    #[must_use]
    pub fn changed_ms(&self) -> u64 {
        self.changed_ms.load(Relaxed)
    }

    /// Counters start anew.
    pub fn clear(&self) {
        self.downs.store(0, Relaxed);
        self.down_ms.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_down_adds_up() {
        let standing = Standing::default();
        standing.note(true, 5);
        assert_eq!((standing.downs(), standing.down_ms(100)), (0, 0));
        standing.note(false, 100);
        standing.note(false, 150);
        assert_eq!((standing.downs(), standing.down_ms(160)), (1, 60));
        standing.note(true, 200);
        standing.note(false, 300);
        assert_eq!((standing.downs(), standing.down_ms(310), standing.changed_ms()), (2, 110, 300));
    }
}
