//! Where logs go and how they look (manual 3.1 and 4.2 `log`, 8 Logging).

use std::sync::Arc;

use expr::LogFormat;

use crate::{Address, Name};

/// One `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Destination.
    pub address: LogAddress,
    /// Line format on the wire.
    pub format: LogWireFormat,
    /// Longest line in bytes (default 1024).
    pub length: usize,
    /// Syslog facility, 0-23.
    pub facility: u8,
    /// Only messages at most this severe number pass (0 emerg .. 7 debug).
    pub max_level: u8,
    /// Messages more severe than this are lowered to it.
    pub min_level: u8,
    /// `sample RANGES:SIZE`.
    pub sample: Option<LogSample>,
}

/// `log ... sample 1-2,5:8`: of each `size` messages, those with these positions (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSample {
    /// Inclusive ranges, from 1.
    pub ranges: Vec<(u32, u32)>,
    /// Cycle length.
    pub size: u32,
}

/// Destination of logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogAddress {
    /// UDP.
    Udp(std::net::SocketAddr),
    /// Unix datagram socket.
    Unix(Address),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// An inherited descriptor.
    Fd(i32),
}

/// `format X` of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogWireFormat {
    /// Default for sockets.
    Rfc3164,
    /// `local`: RFC 3164 without the host name.
    Local,
    /// RFC 5424.
    Rfc5424,
    /// `priority`: only the level.
    Priority,
    /// `short`: level as in systemd.
    Short,
    /// `timed`: time only.
    Timed,
    /// `iso`: ISO time.
    Iso,
    /// Default for stdout and stderr: the text alone.
    Raw,
}

/// Which built-in line a proxy logs.
#[derive(Clone, Debug, PartialEq)]
pub enum LogKind {
    /// Nothing chosen: the short connection line.
    Default,
    /// `option tcplog`.
    Tcp,
    /// `option httplog`.
    Http,
    /// `option httplog clf`.
    Clf,
    /// `log-format` (also what the other kinds compile to).
    Custom,
}

/// The log settings of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyLog {
    /// Targets; shared with `global` when `log global`.
    pub targets: Arc<[LogTarget]>,
    /// Which line.
    pub kind: LogKind,
    /// The compiled line of `kind`.
    pub format: LogFormat,
    /// `error-log-format`.
    pub error_format: Option<LogFormat>,
    /// `log-tag`.
    pub tag: Option<Name>,
    /// `option dontlognull`.
    pub dontlognull: bool,
    /// `option dontlog-normal`.
    pub dontlog_normal: bool,
    /// `option logasap`.
    pub logasap: bool,
    /// `option log-separate-errors`.
    pub separate_errors: bool,
}
