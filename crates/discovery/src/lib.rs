//! Providers of observed containers and hosts: complete observations, labels uninterpreted.
#![forbid(unsafe_code)]

mod backoff;
pub mod consul;
pub mod dns;
pub mod docker;
