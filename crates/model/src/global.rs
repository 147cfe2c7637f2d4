//! Settings of the process (manual 3).

use std::sync::Arc;
use std::time::Duration;

use crate::{Bind, LogTarget, Name, Origin};

/// The `global` section.
#[derive(Clone, Debug, PartialEq)]
pub struct Global {
    /// `nbthread`; `None` = the number of CPUs the process may use.
    pub nbthread: Option<u32>,
    /// `maxconn`; `None` = what the descriptor limit allows.
    pub maxconn: Option<u32>,
    /// `maxconnrate` and `maxsessrate`, the smaller one: new connections per second.
    pub max_connection_rate: Option<u32>,
    /// `ulimit-n`.
    pub ulimit_n: Option<u32>,
    /// `log` lines.
    pub log: Arc<[LogTarget]>,
    /// `log-tag`.
    pub log_tag: Option<Name>,
    /// `log-send-hostname`: `Some(None)` = the machine's name.
    pub log_send_hostname: Option<Option<Name>>,
    /// `tune.bufsize` (default 16384): also the largest head.
    pub bufsize: usize,
    /// `tune.maxrewrite` (default 1024): kept free for rules.
    pub maxrewrite: usize,
    /// `tune.http.maxhdr` (default 101).
    pub max_headers: usize,
    /// `hard-stop-after`.
    pub hard_stop_after: Option<Duration>,
    /// `grace`.
    pub grace: Option<Duration>,
    /// `spread-checks`, percent.
    pub spread_checks_percent: u32,
    /// `pidfile`.
    pub pidfile: Option<Name>,
    /// `chroot`.
    pub chroot: Option<Name>,
    /// `user`/`uid`.
    pub user: Option<Name>,
    /// `group`/`gid`.
    pub group: Option<Name>,
    /// `daemon`.
    pub daemon: bool,
    /// `node`; the machine's name otherwise.
    pub node: Option<Name>,
    /// `description`.
    pub description: Option<Name>,
    /// `stats socket` lines.
    pub stats_sockets: Vec<StatsSocket>,
    /// `stats timeout` (default 10 s).
    pub stats_timeout: Duration,
    /// `stats maxconn` (default 10).
    pub stats_maxconn: u32,
    /// `set-var` lines of global: name without `proc.`, constant expression.
    pub vars: Vec<(Name, expr::Expr)>,
    /// `set-var-fmt` lines of global: name without `proc.`, format.
    pub var_formats: Vec<(Name, expr::LogFormat)>,
    /// Where the section starts.
    pub origin: Origin,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            nbthread: None,
            maxconn: None,
            max_connection_rate: None,
            ulimit_n: None,
            log: Arc::from([]),
            log_tag: None,
            log_send_hostname: None,
            bufsize: 16_384,
            maxrewrite: 1024,
            max_headers: 101,
            hard_stop_after: None,
            grace: None,
            spread_checks_percent: 0,
            pidfile: None,
            chroot: None,
            user: None,
            group: None,
            daemon: false,
            node: None,
            description: None,
            stats_sockets: Vec::new(),
            stats_timeout: Duration::from_secs(10),
            stats_maxconn: 10,
            vars: Vec::new(),
            var_formats: Vec::new(),
            origin: Origin::BuiltIn,
        }
    }
}

/// A `stats socket` line.
#[derive(Clone, Debug, PartialEq)]
pub struct StatsSocket {
    /// Where, with mode and owner.
    pub bind: Bind,
    /// `level`: 0 user, 1 operator (default), 2 admin.
    pub level: u8,
    /// `expose-fd listeners`.
    pub expose_fd_listeners: bool,
}
