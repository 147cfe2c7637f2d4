//! How changes went: how long each took to take effect, and how many requests failed until the
//! next.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use control::Histogram;
use control::histogram::{CONVERGENCE_S, FAILED};
use model::Mode;
use proxy::Live;

/// Kept by the control thread.
pub struct Score {
    convergence: RefCell<Histogram>,
    between: RefCell<Histogram>,
    /// Requests that had failed when the last change came to run.
    failed: Cell<u64>,
}

impl Default for Score {
    fn default() -> Self {
        Self {
            convergence: RefCell::new(Histogram::new(CONVERGENCE_S)),
            between: RefCell::new(Histogram::new(FAILED)),
            failed: Cell::new(0),
        }
    }
}

impl Score {
    /// So long after the event behind it a change came to run.
    pub fn converged(&self, took: Duration) {
        self.convergence.borrow_mut().observe(took.as_secs_f64());
    }

    /// A change came to run in the place of `before`.
    pub fn changed(&self, before: &Live) {
        let failed = failures(before);
        let since = failed.saturating_sub(self.failed.replace(failed));
        self.between.borrow_mut().observe(since as f64);
    }

    /// From events to what followed from them, seconds.
    pub fn convergence(&self) -> Histogram {
        self.convergence.borrow().clone()
    }

    /// Requests that failed since the last change, and between the changes before.
    pub fn failed(&self, live: &Live) -> (u64, Histogram) {
        (failures(live).saturating_sub(self.failed.get()), self.between.borrow().clone())
    }
}

/// What clients saw fail: answers with 5xx, and TCP sessions without a server.
fn failures(live: &Live) -> u64 {
    let answers = live.frontends.iter().map(|f| f.counters.traffic.totals().class(5));
    let tcp = live.backends.values().filter(|b| b.model.mode == Mode::Tcp);
    answers.sum::<u64>() + tcp.map(|b| b.counters.connect_errors.value()).sum::<u64>()
}
