//! What operators talk to: the runtime socket, statistics, metrics.
#![forbid(unsafe_code)]
