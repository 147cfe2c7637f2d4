//! Answers of 1 MiB: the cost of moving bytes.

use super::Scenario;
use super::slices::{Per, Slices};

pub(super) const BULK: Scenario = Scenario {
    name: "bulk",
    about: "16 keep-alive connections, answers of 1 MiB",
    run: |bench| {
        let (body_length, per) = (1 << 20, Per::Gibibyte);
        Slices { connections: 16, close: false, body_length, reuse_always: false, per }.table(bench)
    },
};
