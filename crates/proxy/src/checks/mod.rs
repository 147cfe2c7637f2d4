//! Health checks: one thread that runs the checks of the whole process.

use std::io;
use std::sync::Arc;

use crate::engine::Shared;
use crate::live::{Live, LiveBackend, LiveServer};

/// The thread that checks servers.
pub struct Runner {}

impl Runner {
    /// Starts it.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(_shared: Arc<Shared>) -> io::Result<Self> {
        Ok(Self {})
    }
    /// A new generation is there.
    pub fn refresh(&self, _live: &Arc<Live>) {}
    /// Ends the checks.
    pub fn stop(&self) {}
}

/// `observe layer4`: traffic saw a connection succeed or fail.
pub fn observe_connect(shared: &Shared, backend: &LiveBackend, server: &LiveServer, good: bool) {
    let _ = (shared, backend, server, good);
}

/// `observe layer7`: traffic saw a response with this status, or none.
pub fn observe_response(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    status: Option<u16>,
) {
    let _ = (shared, backend, server, status);
}
