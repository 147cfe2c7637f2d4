//! Where the proxy spends its user time: instructions per request, and the functions that cost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::proxies::{Features, Proxy, Running};
use crate::scenarios::{Bench, HOST, SMALL_BODY, first_answer, small_configuration};
use crate::spin::{Load, Spin};

/// Functions shown, and files.
const SHOWN: usize = 40;
/// Clients; the same as in the scenario ka64.
const CONNECTIONS: usize = 64;
/// Requests of the run that is taken off: all connections are open and memory is warm.
const WARM_UP: u64 = 2_000;
/// How long a run under callgrind may take.
const COUNTED_MAX: Duration = Duration::from_secs(120);
/// How long its end may take, the profile included.
const STOP_MAX: Duration = Duration::from_secs(60);

/// The tool that looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// valgrind counts every user instruction: exact, repeatable, slow.
    Callgrind {
        /// Requests counted.
        requests: u64,
        /// Where the profiles of the longer run are kept, for `callgrind_annotate`.
        keep: Option<PathBuf>,
    },
    /// perf samples where the CPU is: as it runs, kernel included.
    Sample,
}

/// Profiles every proxy of `bench` under the load of `ka64` and prints what it finds.
///
/// # Errors
/// When a tool or a proxy fails.
pub fn run(bench: &Bench, how: &How) -> Result<(), String> {
    for proxy in &bench.proxies {
        let profile = match how {
            How::Callgrind { requests, keep } => {
                callgrind(bench, proxy, *requests, keep.as_deref())
            }
            How::Sample => sample(bench, proxy),
        };
        println!("## {}\n\n{}", proxy.name, profile.map_err(|w| format!("{}: {w}", proxy.name))?);
    }
    Ok(())
}

/// Instructions of a run, by `file:function`: what was inlined counts under both names apart.
type Profile = BTreeMap<String, i64>;

/// Two whole runs, one with `requests` more than the other: what the start, the connections and
/// the end cost is in both and falls out. Nothing is switched on or off while the proxy runs.
fn callgrind(
    bench: &Bench,
    proxy: &Proxy,
    requests: u64,
    keep: Option<&Path>,
) -> Result<String, String> {
    let without = counted(bench, proxy, WARM_UP, None)?;
    let mut profile = counted(bench, proxy, WARM_UP + requests, keep)?;
    for (name, count) in without {
        *profile.entry(name).or_default() -= count;
    }
    let each = |count: i64| count as f64 / requests as f64;
    let mut text = format!("{:.0} user instructions per request\n", each(profile.values().sum()));
    for (title, part) in [("function", 1), ("file", 0)] {
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for (name, count) in &profile {
            let (file, function) = name.split_once(':').unwrap_or(("???", name));
            *sums.entry([file, function][part]).or_default() += count;
        }
        let mut ranked: Vec<_> = sums.into_iter().collect();
        ranked.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
        let _ = writeln!(text, "\nby {title}:");
        for (name, count) in ranked.into_iter().take(SHOWN) {
            let _ = writeln!(text, "{:>9.1}  {name}", each(count));
        }
    }
    Ok(text)
}

/// One run of the proxy under callgrind, from its start to its end.
fn counted(
    bench: &Bench,
    proxy: &Proxy,
    requests: u64,
    keep: Option<&Path>,
) -> Result<Profile, String> {
    let io = |error: std::io::Error| error.to_string();
    let mut spin = Spin::new(4, SMALL_BODY).map_err(io)?;
    let servers = spin.addresses();
    // Health checks go by the clock, not by the requests.
    let features = Features { checks: false, ..bench.features };
    let text = |bind, statistics, directory: &Path| {
        small_configuration(proxy.kind, bind, statistics, &servers, features, directory)
    };
    let valgrind = |command: Command| {
        let mut wrapped = Command::new("valgrind");
        wrapped.args(["--tool=callgrind", "--trace-children=yes"]);
        wrapped.args(["--callgrind-out-file=callgrind.%p", "--log-file=valgrind.%p"]);
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped
    };
    let mut running = Running::start_with(proxy, bench.proxy_cpu, text, valgrind).map_err(io)?;
    first_answer(&mut running, &mut spin, HOST)?;
    spin.open(Load::keep_alive(running.address, HOST, CONNECTIONS));
    spin.spin_until(requests, COUNTED_MAX).map_err(io)?;
    spin.close().map_err(io)?;
    let tally = spin.take_tally();
    if let Some(error) = tally.first_errors.first() {
        return Err(error.clone());
    }
    if tally.answers < requests {
        return Err(format!("{} answers in {COUNTED_MAX:?}", tally.answers));
    }
    // The profile is written when the process ends by itself.
    if !running.stop(STOP_MAX) {
        return Err(format!("does not end within {STOP_MAX:?}"));
    }
    let mut profile = Profile::new();
    for file in profiles(running.directory()) {
        read_profile(&file, &mut profile)?;
        if let (Some(keep), Some(name)) = (keep, file.file_name()) {
            fs::copy(&file, keep.join(name)).map_err(io)?;
        }
    }
    if profile.is_empty() {
        return Err(format!("callgrind wrote no profile:\n{}", running.output()));
    }
    Ok(profile)
}

fn profiles(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|n| n.starts_with("callgrind."))
    });
    files
}

/// Adds what `callgrind_annotate` says of one process: lines of ` 1,234 (5.67%)  file:function`.
fn read_profile(file: &Path, into: &mut Profile) -> Result<(), String> {
    let annotate = Command::new("callgrind_annotate")
        .args(["--auto=no", "--threshold=100"])
        .arg(file)
        .output()
        .map_err(|error| format!("callgrind_annotate: {error}"))?;
    let listing = String::from_utf8_lossy(&annotate.stdout);
    let lines = listing.lines().skip_while(|line| !line.contains("file:function")).skip(2);
    for line in lines {
        let Some((count, name)) = annotated(line) else { continue };
        *into.entry(name.to_owned()).or_default() += count;
    }
    Ok(())
}

fn annotated(line: &str) -> Option<(i64, &str)> {
    let (count, rest) = line.trim_start().split_once(' ')?;
    let count = count.replace(',', "").parse().ok()?;
    let name = rest.split_once("%)").map_or(rest, |(_, name)| name).trim();
    Some((count, name.rsplit_once(" [").map_or(name, |(name, _)| name)))
}

fn sample(bench: &Bench, proxy: &Proxy) -> Result<String, String> {
    let io = |error: std::io::Error| error.to_string();
    let mut spin = Spin::new(4, SMALL_BODY).map_err(io)?;
    let running = bench.start(proxy, bench.features, &mut spin)?;
    let pids: Vec<String> = running.processes().iter().map(u32::to_string).collect();
    spin.open(Load::keep_alive(running.address, HOST, CONNECTIONS));
    spin.spin(Duration::from_millis(300)).map_err(io)?;
    let mut recorder = Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock:u", "-F", "4000", "-g", "-o", "perf.data", "-p"])
        .arg(pids.join(","))
        .current_dir(running.directory())
        .spawn()
        .map_err(|error| format!("perf: {error}"))?;
    let spun = spin.spin(bench.slice * 4);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&recorder),
        rustix::process::Signal::INT,
    )
    .map_err(|error| error.to_string())?;
    recorder.wait().map_err(io)?;
    spun.map_err(io)?;
    spin.close().map_err(io)?;
    let report = Command::new("perf")
        .args(["report", "-i", "perf.data", "--stdio", "--no-children", "-g", "none"])
        .args(["--percent-limit", "0.7"])
        .current_dir(running.directory())
        .output()
        .map_err(|error| format!("perf: {error}"))?;
    Ok(String::from_utf8_lossy(&report.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::annotated;

    #[test]
    fn counts_are_read_from_the_listing() {
        let line = "1,234 ( 5.67%)  src/a.rs:wire::h1::parse'2 [/bin/x]";
        assert_eq!(annotated(line), Some((1234, "src/a.rs:wire::h1::parse'2")));
        assert_eq!(annotated("  12 (0.0%)  ???:main"), Some((12, "???:main")));
        assert_eq!(annotated("-- Auto-annotated source"), None);
    }
}
