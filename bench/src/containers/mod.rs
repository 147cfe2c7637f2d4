//! Balancers in front of real containers that come and go: how fast they follow, and what fails.
//!
//! Every balancer is a process in the network of a container of its own (the seat), beside two
//! services whose replicas are this very program. So all of them see the same engine, the same
//! network and the same names, and what a replica tells is by its own clock.

pub mod balancers;
pub mod churn;
pub mod converge;
pub mod engine;
pub mod idle;
pub mod image;
pub mod place;
pub mod predict;
pub mod replica;
mod table;
pub mod thousand;

pub use table::{Figures, markdown};

/// The two services; the second takes over addresses of the first.
pub const SERVICES: [&str; 2] = ["shop", "desk"];
/// Where replicas listen.
pub const PORT: u16 = 8000;
/// Where balancers listen.
pub const LISTEN: u16 = 80;

/// The host name that leads to a service.
#[must_use]
pub fn host(service: &str) -> String {
    format!("{service}.test")
}
