//! Side-by-side benchmarks of evenkeel, HAProxy and nginx, and the clients and servers under load
//! that the end-to-end tests share.

pub mod account;
pub mod backend;
pub mod containers;
mod cpu_clock;
pub mod figures;
pub mod head;
pub mod latency;
pub mod open_loop;
pub mod perf;
pub mod proxies;
pub mod report;
pub mod scenarios;
mod signals;
pub mod spin;
pub mod websocket;
