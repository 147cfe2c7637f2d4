//! What the data plane reports: access lines, state changes of servers, troubles.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::{Address, LogTarget, Name, ProxyLog};
use parking_lot::{Mutex, RwLock};

use crate::live::Live;
use crate::log::{self, Sinks, Stamp};

/// Notices that are kept for whoever asks (`show startup-logs`, status pages).
const KEPT_NOTICES: usize = 256;

/// One notice.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Microseconds since 1970.
    pub wall_us: i64,
    /// Syslog severity.
    pub level: u8,
    /// Text.
    pub text: String,
}

struct Identity {
    tag: Name,
    hostname: Name,
    global: Arc<[LogTarget]>,
}

/// Takes what the process says beside its logs: a syslog severity and a text.
pub type Say = Box<dyn Fn(u8, &str) + Send + Sync>;

/// Logs and notices of the process.
pub struct Events {
    say: Say,
    sinks: Sinks,
    identity: RwLock<Identity>,
    utc_offset_s: i32,
    pid: u32,
    notices: Mutex<VecDeque<Notice>>,
    samples: AtomicU64,
}

impl Events {
    /// Nothing configured yet.
    #[must_use]
    pub fn new(process: &expr::Process, say: Say) -> Self {
        Self {
            say,
            sinks: Sinks::default(),
            identity: RwLock::new(Identity {
                tag: "haproxy".into(),
                hostname: "".into(),
                global: Arc::from([]),
            }),
            utc_offset_s: process.utc_offset_s,
            pid: process.pid,
            notices: Mutex::default(),
            samples: AtomicU64::new(0),
        }
    }

    /// Opens the log destinations of a configuration.
    pub fn configure(&self, live: &Live, hostname: &Name) {
        let config = &live.config;
        let proxies =
            config.frontends.iter().map(|f| &f.log).chain(config.backends.iter().map(|b| &b.log));
        let targets = proxies.flat_map(|l| l.targets.iter()).chain(config.global.log.iter());
        self.sinks.configure(targets.map(|t| &t.address));
        let global = &config.global;
        *self.identity.write() = Identity {
            tag: global.log_tag.clone().unwrap_or_else(|| "haproxy".into()),
            hostname: match &global.log_send_hostname {
                None => "".into(),
                Some(None) => hostname.clone(),
                Some(Some(name)) => name.clone(),
            },
            global: Arc::clone(&global.log),
        };
    }

    /// An access line.
    pub fn access(&self, settings: &ProxyLog, level: u8, text: &[u8]) {
        self.send(&settings.targets, settings.tag.as_ref(), level, text);
    }

    /// A state change: logged where the backend logs, and said as a warning.
    pub fn state(&self, settings: &ProxyLog, level: u8, text: &str) {
        self.send(&settings.targets, settings.tag.as_ref(), level, text.as_bytes());
        (self.say)(log::LEVEL_WARNING, text);
        self.remember(level, text);
    }

    /// A backend has no server left.
    pub fn nobody_left(&self, backend: &model::Backend) {
        let name = &backend.name;
        let text = format!("backend {name} has no server available!");
        let log = &backend.log;
        self.send(&log.targets, log.tag.as_ref(), log::LEVEL_EMERG, text.as_bytes());
        (self.say)(log::LEVEL_ALERT, &format!("backend '{name}' has no server available!"));
        self.remember(log::LEVEL_EMERG, &text);
    }

    fn send(&self, targets: &[LogTarget], tag: Option<&Name>, level: u8, text: &[u8]) {
        if targets.is_empty() {
            return;
        }
        let identity = self.identity.read();
        let stamp = Stamp {
            wall_us: wall_us(),
            utc_offset_s: self.utc_offset_s,
            hostname: &identity.hostname,
            tag: tag.unwrap_or(&identity.tag),
            pid: self.pid,
        };
        let mut line = Vec::with_capacity(text.len() + 64);
        for target in targets {
            if level > target.max_level || !self.sampled(target) {
                continue;
            }
            line.clear();
            let level = level.max(target.min_level);
            log::write_header(&mut line, target.format, target.facility, level, &stamp);
            let room = target.length.saturating_sub(line.len() + 1);
            line.extend_from_slice(&text[..text.len().min(room)]);
            self.sinks.send(&target.address, &line);
        }
    }

    fn sampled(&self, target: &LogTarget) -> bool {
        let Some(sample) = &target.sample else { return true };
        let n = self.samples.fetch_add(1, Relaxed) % u64::from(sample.size.max(1)) + 1;
        sample.ranges.iter().any(|(a, b)| (u64::from(*a)..=u64::from(*b)).contains(&n))
    }

    /// Keeps a notice and says it.
    pub fn notice(&self, level: u8, text: &str) {
        (self.say)(level, text);
        let global = Arc::clone(&self.identity.read().global);
        self.send(&global, None, level, text.as_bytes());
        self.remember(level, text);
    }

    fn remember(&self, level: u8, text: &str) {
        let mut notices = self.notices.lock();
        if notices.len() == KEPT_NOTICES {
            notices.pop_front();
        }
        notices.push_back(Notice { wall_us: wall_us(), level, text: text.to_owned() });
    }

    /// The last notices, oldest first.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().iter().cloned().collect()
    }

    /// Log lines that could not be sent.
    #[must_use]
    pub fn dropped_logs(&self) -> u64 {
        self.sinks.dropped()
    }

    /// `accept` failed: most often descriptors have run out.
    pub fn accept_failed(&self, address: &Address, error: &std::io::Error) {
        let remedy = match error.raw_os_error() {
            Some(24 | 23) => " (out of descriptors: raise the limit or lower maxconn)",
            _ => "",
        };
        self.notice(log::LEVEL_ERR, &format!("cannot accept on {address}: {error}{remedy}"));
    }

    /// A worker could not run.
    pub fn worker_failed(&self, index: usize, error: &std::io::Error) {
        self.notice(1, &format!("worker {index} cannot run: {error}"));
    }
}

fn wall_us() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as i64)
}
