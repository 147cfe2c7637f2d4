//! What can be wrong around the program: each gives a clear message, and the rest goes on.

use e2e::binaries::{Binary, evenkeel};
use e2e::process::{Process, Scratch};
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, get};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const END: Duration = Duration::from_secs(10);

fn binary() -> Binary {
    Binary { name: "evenkeel", ..evenkeel().expect("the binary is there") }
}

/// Writes a configuration and runs a command on it.
fn run_on(text: &str, dir: &Path, command: &str) -> Output {
    let file = dir.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    Command::new(&binary().path).args([command, "-f"]).arg(&file).output().unwrap()
}

fn ends_with(text: &str, parts: &[&str]) {
    let scratch = Scratch::new().unwrap();
    let file = scratch.path.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    let arguments = ["run".as_ref(), "-f".as_ref(), file.as_os_str()];
    let mut process = Process::start(&binary(), &scratch.path, arguments).unwrap();
    let status = process.wait(END).expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", process.stderr());
    for part in parts {
        assert!(process.stderr().contains(part), "{part:?} is not in {}", process.stderr());
    }
}

#[test]
fn all_errors_of_a_file_are_named_with_line_and_column() {
    let scratch = Scratch::new().unwrap();
    let text = format!(
        "{DEFAULTS}frontend www\n    bind 127.0.0.1:0x\n    acl a path_bge /x\n    \
         use_backend nowhere if a\n    default_backend webapps\n    modee http\n\
         backend webapps\n    balance roundrobbin\n    server a 127.0.0.1:1 wieght 5\n"
    );
    let output = run_on(&text, &scratch.path, "check");
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (wrong, column) in [("bind 127", 20), ("path_bge", 11), ("modee", 5), ("roundrobbin", 13)] {
        let line = 1 + text.lines().position(|line| line.contains(wrong)).unwrap();
        let place = format!("haproxy.cfg:{line}:{column}");
        assert!(said.contains(&place), "{wrong}: {place} is not in\n{said}");
    }
    for meant in ["roundrobin", "weight", "mode", "path_beg"] {
        assert!(said.contains(&format!("did you mean '{meant}'")), "{meant} is not in\n{said}");
    }
}

#[test]
fn a_port_in_use_at_start_is_named() {
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = occupied.local_addr().unwrap();
    let text = format!("{DEFAULTS}listen l\n    bind {taken}\n    server a 127.0.0.1:1\n");
    ends_with(&text, &[&taken.to_string(), "in use"]);
}

#[test]
fn a_file_that_the_configuration_names_and_that_is_missing_is_named() {
    let text = format!(
        "{DEFAULTS}frontend www\n    bind 127.0.0.1:0\n    errorfile 503 no-such-page.http\n"
    )
    .replace("127.0.0.1:0", "127.0.0.1:1024");
    ends_with(&text, &["no-such-page.http"]);
}

#[test]
fn a_full_disk_for_logs_does_not_stop_traffic() {
    let application = Application::start("app", Duration::ZERO).unwrap();
    let balancer = Balancer::start(|address| {
        format!(
            "global\n    log /dev/full local0\n    log stdout format raw local0\n{DEFAULTS}    \
             log global\n    option httplog\nlisten l\n    bind {address}\n    server a {}\n",
            application.address
        )
    })
    .expect("the balancer starts");
    for _ in 0..20 {
        let message = get(balancer.address, "/", "").unwrap();
        assert_eq!(message.body, b"app");
    }
}

#[test]
fn without_descriptors_it_waits_and_recovers() {
    let application = Application::start("app", Duration::ZERO).unwrap();
    let scratch = Scratch::new().unwrap();
    let reservation = e2e::ports::Reservation::new().unwrap();
    let file = scratch.path.join("haproxy.cfg");
    let text = format!(
        "{DEFAULTS}listen l\n    bind {}\n    timeout http-request 2s\n    server a {}\n",
        reservation.address, application.address
    );
    std::fs::write(&file, text).unwrap();
    let limited = format!("ulimit -n 64; exec {} run -f haproxy.cfg", binary().path.display());
    let shell = Binary { path: "/bin/sh".into(), name: "sh" };
    let mut process = Process::start(&shell, &scratch.path, ["-c", &limited]).unwrap();
    let address = e2e::ports::Address::Tcp(reservation.address);
    process.wait_listening(std::slice::from_ref(&address)).unwrap();
    let connect = |_| e2e::client::Socket::connect(&address, None).unwrap();
    let crowd: Vec<_> = (0..150).map(connect).collect();
    std::thread::sleep(Duration::from_millis(500));
    assert!(process.wait(Duration::ZERO).is_none(), "{}", process.stderr());
    drop(crowd);
    for _ in 0..20 {
        assert_eq!(get(reservation.address, "/", "").unwrap().body, b"app");
    }
}

#[test]
fn without_file_and_docker_it_says_what_it_looked_for() {
    let usual = ["/usr/local/etc/haproxy/haproxy.cfg", "/etc/haproxy/haproxy.cfg"];
    if let Some(file) = usual.iter().find(|file| Path::new(file).exists()) {
        eprintln!("skipped: this machine has a {file}, which would be used");
        return;
    }
    let scratch = Scratch::new().unwrap();
    let mut command = Command::new(&binary().path);
    command.arg("run").current_dir(&scratch.path);
    command.env("DOCKER_HOST", format!("unix://{}/no.sock", scratch.path.display()));
    let file = std::fs::File::create(scratch.path.join("stderr")).unwrap();
    let mut child = command.stderr(file).spawn().unwrap();
    let said = || std::fs::read_to_string(scratch.path.join("stderr")).unwrap();
    let told = e2e::scenario::wait_until(END, || said().contains("no.sock"));
    let _ = child.kill();
    let _ = child.wait();
    assert!(told, "{}", said());
}
