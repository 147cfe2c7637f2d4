//! Keep-alive connections with small answers: the cost of one proxied request.

use super::slices::{Per, Slices};
use super::{SMALL_BODY, Scenario};

/// 64 connections.
pub const KA64: Scenario = Scenario {
    name: "ka64",
    about: "64 keep-alive connections, small answers",
    run: |bench| slices(64).table(bench),
};

/// 512 connections.
pub(super) const KA512: Scenario = Scenario {
    name: "ka512",
    about: "512 keep-alive connections, small answers",
    run: |bench| slices(512).table(bench),
};

pub(crate) const fn slices(connections: usize) -> Slices {
    let (body_length, per) = (SMALL_BODY, Per::Request);
    Slices { connections, close: false, body_length, reuse_always: false, per }
}
