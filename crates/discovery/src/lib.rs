//! Providers of observed containers and hosts: each yields a complete observation, labels uninterpreted.
#![forbid(unsafe_code)]

mod backoff;
pub mod docker;
