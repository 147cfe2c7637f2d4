//! A network namespace of the benchmark's own: loopback without the machine's packet filter,
//! connection tracking (Docker switches both on) and choice of congestion control, which would
//! cost every proxy the same and so hide their differences.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Set in the environment of the run inside, so that it does not go in again.
const INSIDE: &str = "EVENKEEL_BENCH_NAMESPACE";

/// Brings loopback up and takes the congestion control that every kernel allows, then runs what
/// follows.
const PREPARE: &str = "ip link set lo up && \
    echo reno > /proc/sys/net/ipv4/tcp_congestion_control; exec \"$0\" \"$@\"";

/// Runs this program again in a new namespace; comes back only where that is not possible.
///
/// # Errors
/// Why not.
pub(crate) fn enter() -> Result<(), String> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let works = prepared(["true".into()]).status().is_ok_and(|status| status.success());
    if !works {
        return Err("no network namespace to be had (unshare, ip): measuring in this one".into());
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let arguments = std::iter::once(own.into_os_string()).chain(std::env::args_os().skip(1));
    Err(prepared(arguments).env(INSIDE, "1").exec().to_string())
}

fn prepared(arguments: impl IntoIterator<Item = OsString>) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--net");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--", "sh", "-c", PREPARE]).args(arguments);
    command
}
