//! What the control side says of itself on standard error: JSON for programs, priorities for the
//! journal.

use e2e::binaries::{Binary, evenkeel};
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch, Signal};
use e2e::scenario::balancer::{Balancer, DEFAULTS};
use e2e::scenario::wait_until;
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

fn lines(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

#[test]
fn with_json_every_line_is_an_object_and_a_change_tells_all() {
    let more = ["--log-format".to_owned(), "json".to_owned()];
    let text = |address, status| {
        format!(
            "{DEFAULTS}frontend f\n    bind {address}\n    http-request return status {status}\n"
        )
    };
    let balancer = Balancer::start_with(&more, |address| text(address, 200)).unwrap();
    balancer.save(&text(balancer.address, 202));
    assert!(wait_until(SOON, || balancer.status() == 202));
    balancer.save("frontend f\n    bindd :1\n");
    let said = || lines(&balancer.process.stderr());
    let refused = || said().iter().any(|l| l["ending"] == "refused");
    assert!(wait_until(SOON, refused), "{}", balancer.process.stderr());
    balancer.runtime("set maxconn global 99").unwrap();
    for line in said() {
        assert!(line["time"].as_str().is_some_and(|t| t.ends_with('Z')), "{line}");
        assert!(["info", "warning", "error"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert_eq!(line["pid"], balancer.process.id(), "{line}");
    }
    let changes: Vec<Value> = said().into_iter().filter(|l| l["event"] == "change").collect();
    let [first, second, ..] = &changes[..] else { panic!("{changes:#?}") };
    assert_eq!((&first["ending"], &first["generation"]), (&"applied".into(), &2.into()));
    let cause = format!("{} changed", balancer.file.display());
    assert_eq!(first["causes"][0], cause.as_str());
    assert!(first["took_ms"].as_f64().is_some_and(|t| t > 0.0), "{first}");
    assert!(first["steps"][0].as_str().is_some_and(|s| s.contains("frontend f")), "{first}");
    assert_eq!((&second["level"], &second["ending"]), (&"error".into(), &"refused".into()));
    assert!(second["reason"].as_str().is_some_and(|r| r.contains("bindd")), "{second}");
    let command = changes.iter().find(|c| c["causes"][0] == "command set maxconn global");
    assert!(command.is_some(), "{changes:#?}");
}

#[test]
fn in_the_journal_every_line_has_its_priority() {
    let dir = Scratch::new().expect("a folder");
    let port = Reservation::new().expect("a port");
    let file = dir.path.join("a.cfg");
    let good = format!("{DEFAULTS}frontend f\n    bind {}\n", port.address);
    std::fs::write(&file, &good).expect("written");
    // The file that standard error will be, as systemd tells the inode of its socket.
    let stderr = std::fs::File::create(dir.path.join("stderr")).expect("a file");
    let stream = stderr.metadata().map(|m| format!("{}:{}", m.dev(), m.ino())).expect("there");
    let start = |stream: &str| {
        let env = Binary { name: "env", path: PathBuf::from("/usr/bin/env") };
        let program = evenkeel().expect("the binary").path;
        let mut words = vec![format!("JOURNAL_STREAM={stream}"), program.display().to_string()];
        let control = dir.path.join("control").display().to_string();
        words.extend(["run", "-f", "a.cfg", "--control", &control].map(str::to_owned));
        let mut process = Process::start(&env, &dir.path, words).expect("it starts");
        process.wait_listening(&[Address::Tcp(port.address)]).unwrap();
        process
    };
    let mut process = start(&stream);
    std::fs::write(&file, "frontend f\n    bindd :1\n").expect("written");
    let refused = || process.stderr().contains("bindd");
    assert!(wait_until(SOON, refused), "{}", process.stderr());
    for line in process.stderr().lines() {
        let wanted = if line.contains("ready to serve") { "<6>" } else { "<3>" };
        assert!(line.starts_with(wanted), "{line}");
    }
    process.signal(Signal::TERM);
    process.wait(SOON).expect("it ends");
    // Somebody who only inherited the variable writes to something else.
    std::fs::write(&file, &good).expect("written");
    let process = start("1:1");
    assert!(!process.stderr().contains('<'), "{}", process.stderr());
}
