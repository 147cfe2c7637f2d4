//! Shared parts of the end-to-end tests: real binaries, scripted servers, raw clients.

#![forbid(unsafe_code)]

pub mod backend;
pub mod binaries;
pub mod browser;
pub mod client;
pub mod consul;
pub mod differential;
pub mod dns;
pub mod docker;
pub mod engine;
pub mod http;
pub mod pair;
pub mod ports;
pub mod process;
pub mod scenario;
pub mod script;
pub mod syslog;
pub mod terminal;
pub mod text;
pub mod watchdog;
