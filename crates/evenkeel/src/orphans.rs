//! The first process of a container inherits children that others leave behind, and takes note of
//! their end: nobody else can.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::signal::unix::{SignalKind, signal};

/// How long a child must have ended for. Commands of ours are looked at far more often, so that
/// what is left after this time is nobody's.
const LEFT: Duration = Duration::from_secs(1);

/// Does that as long as the process lives; ends at once where this is not the first process.
pub async fn look_after() {
    if !rustix::process::getpid().is_init() {
        return;
    }
    let Ok(mut ended) = signal(SignalKind::child()) else { return };
    while ended.recv().await.is_some() {
        tokio::time::sleep(LEFT).await;
        let before = ended_children(Path::new("/proc"));
        tokio::time::sleep(LEFT).await;
        for pid in ended_children(Path::new("/proc")).intersection(&before) {
            if let Some(pid) = Pid::from_raw(*pid) {
                // Nobody asks how it ended.
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }
}

/// Children of the first process that have ended and that nobody has waited for.
fn ended_children(proc: &Path) -> BTreeSet<i32> {
    let entries = std::fs::read_dir(proc).into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(proc.join(pid.to_string()).join("stat"));
        stat.is_ok_and(|text| is_ended_child(&text))
    })
    .collect()
}

/// Reads `PID (NAME) STATE PARENT ...`; the name may hold anything.
fn is_ended_child(stat: &str) -> bool {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut words = rest.split_ascii_whitespace();
    words.next() == Some("Z") && words.next() == Some("1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ended_children_of_the_first_process_count() {
        assert!(is_ended_child("17 (sleep) Z 1 1 1 0"));
        assert!(is_ended_child("17 (a) Z 9 (b) Z 1 1"));
        assert!(!is_ended_child("17 (sleep) S 1 1"));
        assert!(!is_ended_child("17 (sleep) Z 12 1"));
        assert!(!is_ended_child(""));
    }
}
