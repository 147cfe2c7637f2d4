//! Providers of observed containers and hosts: complete observations, labels uninterpreted.
#![forbid(unsafe_code)]

mod backoff;
pub mod dns;
pub mod docker;
