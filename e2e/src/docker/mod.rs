//! The real Docker engine: images, Compose projects of the examples, and what can be asked of them.
//!
//! Tests say in one line why they are skipped where there is no engine, no root or no mirror;
//! with `EVENKEEL_REQUIRE_DOCKER` set that is a failure.

pub mod command;
pub mod compose;
pub mod images;
pub mod newer;
pub mod place;
pub mod pool;
pub mod project;
pub mod scenario;
pub mod swarm;
pub mod town;

use command::Run;

/// With this variable a test that would be skipped fails.
pub const REQUIRE_VARIABLE: &str = "EVENKEEL_REQUIRE_DOCKER";

/// `docker WORDS...`, its output trimmed.
pub fn docker<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Result<String, String> {
    Run::new("docker").args(words).output()
}

/// Whether there is an engine that a test may use, or why not.
pub fn engine() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("the engine's tests need root".into());
    }
    docker(&["version", "--format", "{{.Server.Version}}"])
        .map(drop)
        .map_err(|e| format!("no Docker engine: {}", e.lines().last().unwrap_or_default()))
}

/// Prints why a test is skipped; fails where it must not be.
pub fn skip(reason: &str) {
    assert!(std::env::var_os(REQUIRE_VARIABLE).is_none(), "{REQUIRE_VARIABLE}: {reason}");
    println!("skipped: {reason}");
}
