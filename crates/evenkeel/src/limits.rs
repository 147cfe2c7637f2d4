//! The limit of open descriptors: raised as far as it goes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, or both to `wanted` (`ulimit-n`) where that is allowed.
/// Returns a warning when `wanted` was not reached.
pub fn raise_descriptors(wanted: Option<u32>) -> Option<String> {
    let now = getrlimit(Resource::Nofile);
    let target = match (wanted, now.maximum) {
        (Some(wanted), _) => Some(u64::from(wanted)),
        (None, hard) => hard,
    };
    let maximum = match (target, now.maximum) {
        (Some(t), Some(hard)) => Some(hard.max(t)),
        (_, hard) => hard,
    };
    if setrlimit(Resource::Nofile, Rlimit { current: target, maximum }).is_ok() {
        return None;
    }
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
    let hard = now.maximum.map_or_else(|| "unlimited".to_owned(), |h| h.to_string());
    wanted.map(|wanted| {
        format!("ulimit-n {wanted} is more than this process may have; going on with {hard}")
    })
}

/// The present limit of open descriptors.
pub fn descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
