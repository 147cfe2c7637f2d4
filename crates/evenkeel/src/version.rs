//! What `-v` and `-vv` print: a first line that tools can read, then who this really is.

use config::Facts;

/// `haproxy -v`.
pub fn short(facts: &Facts) -> String {
    format!(
        "HAProxy version {} - spoken by Evenkeel {}\nRunning on: {}\n",
        facts.version,
        env!("CARGO_PKG_VERSION"),
        system()
    )
}

/// `haproxy -vv`.
pub fn full(facts: &Facts) -> String {
    let features: Vec<String> = facts.features.iter().map(|f| format!("+{f}")).collect();
    let defaults = model::Global::default();
    format!(
        "{}Build options :\n  TARGET  = {}\n  ARCH    = {}\n\n\
         Feature list : {}\n\nDefault settings \
         :\n  bufsize = {}, maxrewrite = {}\n\nBuilt with multi-threading support.\nAvailable \
         polling systems :\n      epoll : test result OK\nTotal: 1 (1 usable), will use epoll.\n",
        short(facts),
        std::env::consts::OS,
        std::env::consts::ARCH,
        features.join(" "),
        defaults.bufsize,
        defaults.maxrewrite
    )
}

fn system() -> String {
    let u = rustix::system::uname();
    let parts = [u.sysname(), u.release(), u.version(), u.machine()];
    parts.map(|p| p.to_string_lossy().into_owned()).join(" ")
}
