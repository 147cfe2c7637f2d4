//! What operators talk to: the runtime socket, statistics, metrics.
//!
//! Nothing here knows the data plane or reads a file: everything is asked through
//! [`ports::House`], which the binary implements.
#![forbid(unsafe_code)]

pub mod client;
pub mod commands;
pub mod hand_over;
pub mod ports;
pub mod services;
pub mod socket;
pub mod stats;

pub use ports::{House, Level, Outcome, ProcessFacts};
