//! Configuration, observed containers and runtime orders to a plan, and its way to the traffic.
//!
//! Whole state goes in and whole state comes out: an [`intent::Intent`] yields the wanted
//! configuration, a [`plan::Plan`] says in words what differs from the running one, and the
//! [`apply::Controller`] brings it to the data plane through [`ports::DataPlane`] and remembers
//! how that went. Nothing here opens a file or looks at a clock.
#![forbid(unsafe_code)]

pub mod apply;
pub mod explain;
pub mod guard;
pub mod histogram;
pub mod history;
pub mod intent;
pub mod live;
pub mod names;
pub mod numbers;
pub mod plan;
pub mod ports;
pub mod reconcile;
pub mod rollout;
pub mod server_state;

pub use apply::{Controller, Report, Verdict};
pub use histogram::Histogram;
pub use history::{Cause, Ending, Entry, History};
pub use intent::{Intent, Problem};
pub use names::Names;
pub use plan::Plan;
pub use ports::{DataPlane, OrderError, Refusal, ServerOrder};
pub use reconcile::{Next, Reconciler, Timing};

#[cfg(test)]
mod tests;
