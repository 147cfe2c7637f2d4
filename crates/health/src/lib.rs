//! Health-check decisions: rise/fall state machine, schedules, check scripts as steps.
//!
//! Times and random numbers are arguments, bytes come and go as values: whoever owns sockets
//! drives [`CheckRun`], feeds its [`CheckResult`] to [`Health`] and asks [`schedule`] when to
//! come back.
#![forbid(unsafe_code)]

pub mod agent;
mod protocol;
mod response;
mod rise_fall;
pub mod schedule;
mod script;
mod status;
pub mod text;

pub use rise_fall::{Change, Health, Observed};
pub use script::{Action, CheckRun, ConnectStep, Environment, MAX_INPUT, View};
pub use status::{CheckResult, CheckStatus, Outcome};
