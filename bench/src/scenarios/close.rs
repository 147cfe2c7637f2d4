//! One connection per request: the cost of accepting, connecting and closing.

use super::slices::{Per, Slices};
use super::{SMALL_BODY, Scenario};

/// With the default `http-reuse safe` each request has a connection to a server of its own too
/// (nginx always reuses, so compare it in [`CLOSE_REUSE`]).
pub(super) const CLOSE: Scenario = Scenario {
    name: "close",
    about: "one connection per request, 64 at a time, default http-reuse",
    run: |bench| slices(false).table(bench),
};

/// Connections to servers are shared.
pub(super) const CLOSE_REUSE: Scenario = Scenario {
    name: "close-reuse",
    about: "one connection per request, 64 at a time, http-reuse always",
    run: |bench| slices(true).table(bench),
};

const fn slices(reuse_always: bool) -> Slices {
    let (body_length, per) = (SMALL_BODY, Per::Request);
    Slices { connections: 64, close: true, body_length, reuse_always, per }
}
