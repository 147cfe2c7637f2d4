//! A session's one deadline: moved without touching the timer unless it gets shorter.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// How long "never" is: far enough that no session outlives it.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// The deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// One deadline, lazily backed by a runtime timer.
///
/// Most deadlines are moved later long before they fire, so the timer stays where it is and the
/// real deadline is compared when it fires; only a shorter deadline moves the timer.
pub struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
    /// Whom the timer wakes, so that it need not be told again.
    waker: Option<Waker>,
}

impl Default for Deadline {
    fn default() -> Self {
        Self::new()
    }
}

impl Deadline {
    /// No deadline yet, no timer allocated.
    #[must_use]
    pub fn new() -> Self {
        Self { sleep: None, at: None, waker: None }
    }

    /// Sets the deadline to `after` from now; `None` = never.
    pub fn set(&mut self, now: Instant, after: Option<Duration>) {
        self.at = after.map(|d| now + d.min(NEVER));
    }

    /// Whether a deadline is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Whether the deadline has passed at `now`.
    #[must_use]
    pub fn has_passed(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| now >= at)
    }

    /// Frees the timer; for connections that will idle without a deadline.
    pub fn clear(&mut self) {
        self.at = None;
        self.sleep = None;
        self.waker = None;
    }

    /// Ready once the deadline has passed; arranges a wake-up otherwise.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Elapsed> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if at < sleep.deadline() {
            sleep.as_mut().reset(at);
            self.waker = None;
        }
        let known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if known && !sleep.is_elapsed() {
            return Poll::Pending;
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return Poll::Ready(Elapsed);
            }
            sleep.as_mut().reset(at);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Runs a future under the deadline.
    ///
    /// # Errors
    /// [`Elapsed`] when the deadline passes first.
    pub async fn guard<F: Future>(&mut self, future: F) -> Result<F::Output, Elapsed> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(v) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(v));
            }
            self.poll(cx).map(Err)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("runtime")
    }

    #[test]
    fn a_later_deadline_keeps_the_timer_and_still_fires_at_the_right_time() {
        runtime().block_on(async {
            let start = Instant::now();
            let mut d = Deadline::new();
            d.set(start, Some(Duration::from_millis(50)));
            assert_eq!(
                d.guard(tokio::time::sleep(Duration::from_millis(10))).await,
                Ok(()),
                "the work is done before the deadline"
            );
            d.set(start, Some(Duration::from_millis(500)));
            assert_eq!(d.guard(std::future::pending::<()>()).await, Err(Elapsed));
            assert_eq!(Instant::now() - start, Duration::from_millis(500));
        });
    }

    #[test]
    fn a_shorter_deadline_moves_the_timer() {
        runtime().block_on(async {
            let start = Instant::now();
            let mut d = Deadline::new();
            d.set(start, Some(Duration::from_secs(60)));
            assert!(d.guard(std::future::ready(())).await.is_ok());
            d.set(start, Some(Duration::from_millis(20)));
            assert_eq!(d.guard(std::future::pending::<()>()).await, Err(Elapsed));
            assert_eq!(Instant::now() - start, Duration::from_millis(20));
        });
    }
}
