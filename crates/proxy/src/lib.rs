//! The data plane: listeners, worker threads, HTTP and TCP sessions, pools, running the checks.
//!
//! [`Engine`] is what the control wing sees. A connection's way through the files:
//! `listen` -> `worker` -> `connection` -> `http` (phase by phase) or `tcp`, both on `session`.
#![deny(unsafe_code)]

mod body;
mod buffer;
pub mod checks;
mod client;
mod connect;
mod connection;
mod deadline;
mod engine;
mod events;
mod http;
mod listen;
mod live;
pub mod log;
mod names;
mod pool;
mod proxy_header;
mod pump;
mod queue;
mod readiness;
mod relay;
mod rewrite;
mod service;
mod session;
mod sessions;
mod splice;
mod stream;
mod subject;
mod sys;
mod tcp;
mod termination;
mod worker;

pub use engine::{Applied, ApplyError, BindError, Engine, Settings, Shared};
pub use events::{Events, Notice, Say};
pub use listen::{ListenSockets, open as open_listener};
pub use live::{
    BackendCounters, Counter, FrontendCounters, Gauge, Live, LiveBackend, LiveFrontend, LiveServer,
    Rate, ServerCounters, Standing, Tally, TimedBy, Totals, Traffic, by_balanced, by_requests,
};
pub use names::{NameService, Resolving};
pub use service::{Answering, Service, ServiceAnswer, ServiceKind, ServiceRequest};
pub use sessions::SessionFacts;
pub use sys::{Allocator, give_memory_back};
pub use termination::{At, Cause, Termination};
