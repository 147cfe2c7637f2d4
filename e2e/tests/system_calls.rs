//! How many system calls a request costs: a figure that a busy machine does not change. Skipped
//! where strace is missing or may not look at other processes.

use e2e::process::Scratch;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, get};
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Requests that are counted, each on a connection of its own.
const REQUESTS: usize = 50;
/// How long strace may take to attach itself.
const ATTACH: Duration = Duration::from_secs(10);

/// strace at a process, ended when dropped.
struct Strace(Child);

impl Strace {
    fn attach(pid: u32, file: &Path) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=network,desc", "-o"]).arg(file);
        command.args(["-p", &pid.to_string()]).stdin(Stdio::null()).stderr(Stdio::null());
        let mut strace = Self(command.spawn().ok()?);
        let deadline = Instant::now() + ATTACH;
        while !is_traced(pid) {
            let ended = strace.0.try_wait().ok()?.is_some();
            if ended || Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(strace)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Not killed: it writes what it holds and lets go.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// Whether all threads of a process are traced.
fn is_traced(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses: Vec<String> =
        tasks.filter_map(|t| std::fs::read_to_string(t.path().join("status")).ok()).collect();
    !statuses.is_empty() && statuses.iter().all(|s| !s.contains("TracerPid:\t0\n"))
}

/// The lines of calls that did something: no waits, nothing that has to be tried again, and not
/// what debug builds ask to find mistakes.
fn calls(trace: &str) -> impl Iterator<Item = &str> {
    trace.lines().filter_map(|line| line.split_once(' ').map(|(_, call)| call.trim_start())).filter(
        |call| {
            let begins = call.split(['(', ' ']).next().unwrap_or_default();
            !begins.starts_with("epoll_wait")
                && !begins.starts_with("epoll_pwait")
                && !call.contains("EAGAIN")
                && !call.contains("F_GETFD")
                && !call.ends_with("<unfinished ...>")
        },
    )
}

#[test]
fn a_connection_costs_few_system_calls() {
    let application = Application::start("app", Duration::ZERO).unwrap();
    let text = |address: SocketAddr| {
        format!(
            "global\n    nbthread 1\n{DEFAULTS}listen www\n    bind {address}\n    \
             server {} {}\n",
            application.name, application.address
        )
    };
    let balancer = Balancer::start(text).expect("the balancer starts");
    let ask = || {
        let answer = get(balancer.address, "/", "Connection: close\r\n").expect("an answer");
        assert_eq!(answer.head.word(1), "200");
    };
    ask();
    let scratch = Scratch::new().unwrap();
    let file = scratch.path.join("trace");
    let Some(strace) = Strace::attach(balancer.process.id(), &file) else {
        eprintln!("skipped: no strace, or it may not trace");
        return;
    };
    (0..REQUESTS).for_each(|_| ask());
    drop(strace);
    let trace = std::fs::read_to_string(&file).unwrap();
    let count = |name: &str| calls(&trace).filter(|call| call.contains(name)).count();
    assert!(count("accept4") >= REQUESTS, "the trace is not whole:\n{trace}");
    for needless in ["getsockname", "getpeername", "SO_ERROR", "F_SETFL"] {
        assert!(count(needless) < REQUESTS / 2, "{needless} for every connection:\n{trace}");
    }
    // accept, socket, connect, register and forget, twice read and written, end, an option for
    // the close, twice closed; two more for a client whose request comes later than its connection.
    let each = calls(&trace).count() / REQUESTS;
    assert!(each <= 14, "{each} system calls for each connection:\n{trace}");
}
