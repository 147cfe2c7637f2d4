//! The machine a run was made on: CPU model, cores, kernel; never its name.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Day and machine of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Day in UTC, YYYY-MM-DD.
    pub date: String,
    /// Model name of the first CPU.
    pub cpu: String,
    /// Logical CPUs.
    pub cores: usize,
    /// Kernel release, without its local suffix.
    pub kernel: String,
}

impl Machine {
    /// This machine, today.
    #[must_use]
    pub fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let models: Vec<&str> = cpuinfo
            .lines()
            .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map(|(_, model)| model.trim())
            .collect();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            date: date(now.as_secs() / 86_400),
            cpu: models.first().copied().unwrap_or("unknown CPU").to_owned(),
            cores: models.len(),
            kernel: release.trim().split('-').next().unwrap_or_default().to_owned(),
        }
    }

    /// A directory name: `2026-11-24-amd-epyc-2-cores`.
    #[must_use]
    pub fn run_name(&self) -> String {
        let cpu: String = self.cpu.split_whitespace().take(3).collect::<Vec<_>>().join("-");
        let keep = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        let cpu: String = cpu.to_ascii_lowercase().chars().filter(keep).collect();
        format!("{}-{cpu}-{}-cores", self.date, self.cores)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, cpu, cores, kernel } = self;
        write!(f, "{date}, {cpu}, {cores} cores, Linux {kernel}")
    }
}

/// The civil date of a day counted from 1970-01-01 in the proleptic Gregorian calendar, by
/// counting whole 400-year cycles and years that begin in March.
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (cycle, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day_of_month:02}", cycle * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::{Machine, date};

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (19_722, "2023-12-31"),
            (20_781, "2026-11-24"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn run_names_are_file_names() {
        let machine = Machine {
            date: "2026-11-24".into(),
            cpu: "Intel(R) Xeon(R) CPU @ 2.20GHz".into(),
            cores: 2,
            kernel: "6.1".into(),
        };
        assert_eq!(machine.run_name(), "2026-11-24-intelr-xeonr-cpu-2-cores");
    }
}
