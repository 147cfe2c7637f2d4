//! Where the proxy spends its user time: instructions per request, and the functions that cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::proxies::{Features, Proxy, Running};
use crate::scenarios::{Bench, HOST, SMALL_BODY, first_answer, small_configuration};
use crate::spin::{Load, Spin};

/// Functions shown.
const SHOWN: usize = 40;
/// Clients; the same as in the scenario ka64.
const CONNECTIONS: usize = 64;

/// The tool that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// valgrind counts every user instruction: exact, repeatable, slow.
    Callgrind {
        /// Requests counted.
        requests: u64,
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
            How::Callgrind { requests } => callgrind(bench, proxy, *requests),
            How::Sample => sample(bench, proxy),
        };
        println!("## {}\n\n{}", proxy.name, profile.map_err(|w| format!("{}: {w}", proxy.name))?);
    }
    Ok(())
}

fn callgrind(bench: &Bench, proxy: &Proxy, requests: u64) -> Result<String, String> {
    let io = |error: std::io::Error| error.to_string();
    let mut spin = Spin::new(4, SMALL_BODY).map_err(io)?;
    let servers = spin.addresses();
    // Statistics of health checks would be counted with the requests.
    let features = Features { checks: false, ..bench.features };
    let text = |bind, statistics, directory: &Path| {
        small_configuration(proxy.kind, bind, statistics, &servers, features, directory)
    };
    let valgrind = |command: Command| {
        let mut wrapped = Command::new("valgrind");
        wrapped.args(["--tool=callgrind", "--trace-children=yes", "--instr-atstart=no"]);
        wrapped.args(["--callgrind-out-file=callgrind.%p", "--log-file=valgrind.%p"]);
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped
    };
    let mut running = Running::start_with(proxy, bench.proxy_cpu, text, valgrind).map_err(io)?;
    first_answer(&mut running, &mut spin, HOST)?;
    spin.open(Load::keep_alive(running.address, HOST, CONNECTIONS));
    let count = |spin: &mut Spin, answers| {
        spin.spin_until(answers, Duration::from_secs(120)).map_err(io)?;
        let tally = spin.take_tally();
        match tally.first_errors.first() {
            Some(error) => Err(error.clone()),
            None => Ok(tally.answers),
        }
    };
    count(&mut spin, 2_000)?;
    let pids = running.processes();
    switch(&pids, "on", running.directory())?;
    count(&mut spin, 256)?;
    switch(&pids, "zero", running.directory())?;
    let counted = count(&mut spin, requests)?;
    switch(&pids, "dump", running.directory())?;
    spin.close().map_err(io)?;
    let mut text = String::new();
    for file in dumps(running.directory()) {
        text.push_str(&summary(&file, counted)?);
    }
    Ok(text)
}

/// Talks to the processes under valgrind; a worker that is none (a shell) is passed over.
fn switch(pids: &[u32], what: &str, directory: &Path) -> Result<(), String> {
    let mut done = 0;
    for pid in pids {
        let mut control = Command::new("callgrind_control");
        match what {
            "on" => control.arg("--instr=on"),
            "zero" => control.arg("--zero"),
            _ => control.arg("--dump"),
        };
        let output = control.arg(pid.to_string()).current_dir(directory).output();
        let output = output.map_err(|error| format!("callgrind_control: {error}"))?;
        done += usize::from(output.status.success());
    }
    if done > 0 { Ok(()) } else { Err("no process under valgrind answers".into()) }
}

fn dumps(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name.strip_prefix("callgrind.").is_some_and(|rest| rest.contains('.'))
        })
    });
    files.sort();
    files
}

/// Instructions per request of one dump, and the functions they were spent in.
fn summary(file: &Path, requests: u64) -> Result<String, String> {
    let profile = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let total: u64 = profile
        .lines()
        .filter_map(|line| line.strip_prefix("summary:").or(line.strip_prefix("totals:")))
        .find_map(|count| count.trim().parse().ok())
        .unwrap_or(0);
    if total == 0 {
        return Ok(String::new());
    }
    let annotate = Command::new("callgrind_annotate")
        .args(["--auto=no", "--threshold=95"])
        .arg(file)
        .output()
        .map_err(|error| format!("callgrind_annotate: {error}"))?;
    let listing = String::from_utf8_lossy(&annotate.stdout).into_owned();
    let functions: Vec<&str> = listing
        .lines()
        .skip_while(|line| !line.contains("file:function"))
        .skip(2)
        .take(SHOWN)
        .collect();
    let each = total / requests.max(1);
    Ok(format!(
        "{each} user instructions per request ({total} for {requests} requests)\n\n{}\n",
        functions.join("\n")
    ))
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
