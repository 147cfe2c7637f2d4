//! Access logs and notices: formatting for the wire, sockets, and what to do when they are full.

mod sink;
mod syslog;

pub use sink::Sinks;
pub use syslog::{Stamp, write_header};

/// Syslog severity of a backend without servers.
pub const LEVEL_EMERG: u8 = 0;
/// Syslog severity of servers that go down.
pub const LEVEL_ALERT: u8 = 1;
/// Syslog severity of errors.
pub const LEVEL_ERR: u8 = 3;
/// Syslog severity of warnings.
pub const LEVEL_WARNING: u8 = 4;
/// Syslog severity of notices: servers that go up.
pub const LEVEL_NOTICE: u8 = 5;
/// Syslog severity of access lines.
pub const LEVEL_INFO: u8 = 6;
