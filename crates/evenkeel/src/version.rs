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
    let built = facts.features.iter().map(|f| (f.as_str(), '+'));
    let absent = config::ABSENT_FEATURES.iter().map(|f| (*f, '-'));
    let mut features: Vec<(&str, char)> = built.chain(absent).collect();
    features.sort_unstable();
    let features: Vec<String> =
        features.iter().map(|(name, sign)| format!("{sign}{name}")).collect();
    let defaults = model::Global::default();
    format!(
        "{}Build options :\n  TARGET  = {}-static\n  ARCH    = {}\n\n\
         Feature list : {}\n\nDefault settings \
         :\n  bufsize = {}, maxrewrite = {}\n\nBuilt with multi-threading support.\nAvailable \
         polling systems :\n      epoll : test result OK\nTotal: 1 (1 usable), will use epoll.\n\n\
         Available services : prometheus-exporter\nAvailable filters : none\n",
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
