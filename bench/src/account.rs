//! What a process and all its descendants have used: CPU time and resident memory, from /proc.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fs, io};

use crate::cpu_clock::process_cpu;

/// CPU of a process tree between two readings.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuUse {
    /// Exact, from the kernel's per-process CPU clock.
    pub total: Duration,
    /// Clock ticks (10 ms) the kernel books as user time; only the share counts.
    pub user_ticks: u64,
    /// Clock ticks (10 ms) the kernel books as system time; only the share counts.
    pub system_ticks: u64,
}

/// A reading of a process tree, to be compared with a later one.
#[derive(Debug, Clone)]
pub struct Reading(BTreeMap<u32, CpuUse>);

impl Reading {
    /// Reads the CPU clocks of `pids`; a process that has ended meanwhile is left out.
    #[must_use]
    pub fn of(pids: &[u32]) -> Self {
        let one = |&pid: &u32| {
            let total = process_cpu(pid).ok()?;
            let (user_ticks, system_ticks) = ticks(pid).unwrap_or_default();
            Some((pid, CpuUse { total, user_ticks, system_ticks }))
        };
        Self(pids.iter().filter_map(one).collect())
    }

    /// What was used from `earlier` to this reading; a process new in this reading counts whole.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> CpuUse {
        let mut sum = CpuUse::default();
        for (pid, now) in &self.0 {
            let then = earlier.0.get(pid).copied().unwrap_or_default();
            sum.total += now.total.saturating_sub(then.total);
            sum.user_ticks += now.user_ticks.saturating_sub(then.user_ticks);
            sum.system_ticks += now.system_ticks.saturating_sub(then.system_ticks);
        }
        sum
    }

    /// Takes over the newer values of `later`, keeping the last ones of processes that have ended.
    pub fn update(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

/// `root` and all its living descendants.
#[must_use]
pub fn tree(root: u32) -> Vec<u32> {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = stat_fields(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
            parents.push((pid, parent));
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| child));
        next += 1;
    }
    found
}

/// Resident memory of `pids` together, in bytes. Pages that two of them share count twice.
///
/// # Errors
/// When none of the processes exists.
pub fn resident_bytes(pids: &[u32]) -> io::Result<u64> {
    let mut sum = None;
    for pid in pids {
        if let Some(bytes) = status_kib(*pid, "VmRSS:").map(|kib| kib * 1024) {
            *sum.get_or_insert(0) += bytes;
        }
    }
    sum.ok_or_else(|| io::Error::other("no such process"))
}

fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// utime and stime of proc(5), fields 14 and 15.
fn ticks(pid: u32) -> Option<(u64, u64)> {
    let fields = stat_fields(pid)?;
    Some((fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?))
}

/// The fields of /proc/PID/stat from the third (state) on; the second may contain anything.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::{Reading, resident_bytes, tree};

    #[test]
    fn a_child_belongs_to_the_tree_until_it_has_ended() {
        let me = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().expect("sleep");
        assert!(tree(me).contains(&child.id()));
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert!(!tree(me).contains(&child.id()));
    }

    #[test]
    fn a_process_new_in_the_later_reading_counts_whole() {
        let me = [std::process::id()];
        let before = Reading::of(&[]);
        let now = Reading::of(&me);
        assert!(now.since(&before).total > std::time::Duration::ZERO);
        assert_eq!(now.since(&now).total, std::time::Duration::ZERO);
        assert!(resident_bytes(&me).expect("own memory") > 100_000);
    }
}
