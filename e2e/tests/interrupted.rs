//! A test that is killed leaves no process behind.

use e2e::binaries::{Binary, evenkeel};
use e2e::docker::command::Run;
use e2e::process::{Process, Scratch};
use e2e::scenario::wait_until;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// Set to a folder, the test below is the one that will be killed.
const VICTIM: &str = "EVENKEEL_E2E_VICTIM";

/// Starts a balancer and a group of processes, says which they are and waits to be killed.
fn be_killed(folder: &Path) {
    let binary = Binary { name: "evenkeel", ..evenkeel().expect("the binary") };
    let words = ["run", "--no-docker", "--wait-config", "-f", "none.cfg", "--control", "control"];
    let balancer = Process::start(&binary, folder, words).expect("it starts");
    let group = Run::new("sh").args(&["-c", "echo $$ >group.part; mv group.part group; sleep 999"]);
    let _group = group.dir(folder).background(&folder.join("said")).expect("it starts");
    std::fs::write(folder.join("id.part"), balancer.id().to_string()).expect("a file");
    std::fs::rename(folder.join("id.part"), folder.join("id")).expect("a file");
    std::thread::sleep(Duration::from_secs(999));
}

#[test]
fn a_test_that_is_killed_leaves_no_process_behind() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        return be_killed(&PathBuf::from(folder));
    }
    let scratch = Scratch::new().expect("a folder");
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "a_test_that_is_killed_leaves_no_process_behind", "--nocapture"]);
    let victim = command.env(VICTIM, &scratch.path).stdout(Stdio::null()).spawn();
    let mut victim = victim.expect("it starts");
    let read = |file: &str| std::fs::read_to_string(scratch.path.join(file)).unwrap_or_default();
    let ids = || [read("id"), read("group")].map(|id| id.trim().to_owned());
    let told = wait_until(SOON, || ids().iter().all(|id| !id.is_empty()));
    let alive = |id: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    };
    let were = told && ids().iter().all(alive);
    victim.kill().expect("it is ours");
    victim.wait().expect("it is ours");
    assert!(were, "{:?} do not run", ids());
    let gone = wait_until(SOON, || !ids().iter().any(alive));
    assert!(gone, "{:?} run on", ids());
}
