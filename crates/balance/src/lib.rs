//! Who gets it: picking algorithms, the fleet of a backend, queue discipline, cookies.
//!
//! Nothing here sees a request, a socket or a clock: keys, times (milliseconds of a monotonic
//! clock) and random numbers are arguments. Everything that workers share is [`Sync`] and holds
//! its locks for a few dozen instructions at most; [`Fleet::pick`] does not allocate.
#![forbid(unsafe_code)]

pub mod cookie;
mod fleet;
#[cfg(test)]
mod fleet_tests;
mod pick;
mod queue;
mod state;
#[cfg(test)]
mod testing;

pub use fleet::{BackendState, Fleet, Member};
pub use pick::hash::{avalanche, hash_key};
pub use pick::key::{UriOptions, host_domain_key, source_key, uri_key};
pub use pick::{Key, Pick, PickRequest};
pub use queue::{MAX_WAITERS, QueueFull, Queues, Ticket};
pub use state::{ServerState, Transition, slow_start_percent};
