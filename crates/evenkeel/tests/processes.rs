//! The real binary as a process: signals and exit codes, and one process taking over from another.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");

/// Far longer than anything here takes; only there so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of its own, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("evenkeel-ps-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory can be made");
        std::os::unix::fs::symlink(BINARY, dir.join("haproxy")).expect("a link can be made");
        Self(dir)
    }

    /// A configuration whose frontend answers by itself.
    fn config(&self, port: u16) {
        let dir = self.0.display();
        let text = format!(
            "global\n stats socket {dir}/stats.sock level admin expose-fd listeners\n\
             defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
             frontend f\n bind 127.0.0.1:{port}\n http-request return status 200\n"
        );
        fs::write(self.0.join("a.cfg"), text).expect("a file can be written");
    }

    fn start(&self, program: &Path, args: &[&str]) -> Running {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.0).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().expect("it starts"))
    }

    fn haproxy(&self, args: &[&str]) -> Running {
        self.start(&self.0.join("haproxy"), args)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that does not outlive its test.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("it is our child") {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// One request on a connection of its own; the status line.
fn request(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let line = answer.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

fn wait_until_served(port: u16) {
    let begun = Instant::now();
    while request(port).is_err() {
        assert!(begun.elapsed() < PATIENCE, "nobody serves");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn signals_end_the_process_with_the_right_code() {
    // Under which name and how, which signal, which exit code.
    let cases: [(&[&str], bool, &str, i32); 7] = [
        (&["-db", "-f", "a.cfg"], true, "TERM", 143),
        (&["-db", "-f", "a.cfg"], true, "INT", 130),
        (&["-db", "-f", "a.cfg"], true, "USR1", 0),
        (&["-W", "-db", "-f", "a.cfg"], true, "TERM", 0),
        (&["-W", "-db", "-f", "a.cfg"], true, "INT", 130),
        (&["run", "-f", "a.cfg", "--control", "c.sock"], false, "TERM", 0),
        (&["run", "-f", "a.cfg", "--control", "c.sock"], false, "USR1", 0),
    ];
    for (args, haproxy, signal, code) in cases {
        let place = Place::new(&format!("signals-{signal}-{}", args[0]));
        let port = free_port();
        place.config(port);
        let mut process =
            if haproxy { place.haproxy(args) } else { place.start(Path::new(BINARY), args) };
        wait_until_served(port);
        process.signal(signal);
        assert_eq!(process.exit_code(), Some(code), "{args:?} {signal}");
    }
}

#[test]
fn in_the_background_the_exit_code_tells_whether_it_serves() {
    let place = Place::new("background");
    let port = free_port();
    place.config(port);
    let mut front = place.haproxy(&["-D", "-f", "a.cfg", "-p", "pid"]);
    assert_eq!(front.exit_code(), Some(0));
    assert!(request(port).is_ok(), "it serves as soon as the foreground has ended");
    let pid = fs::read_to_string(place.0.join("pid")).expect("a pid file");
    let ended = Command::new("kill").arg(pid.trim()).status().expect("kill can be run");
    assert!(ended.success());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    place.config(taken.local_addr().expect("it is bound").port());
    let mut front = place.haproxy(&["-D", "-f", "a.cfg", "-p", "pid"]);
    assert_eq!(front.exit_code(), Some(1));
}

/// Sends requests without pause while `during` runs; none may fail.
fn under_load(port: u16, during: impl FnOnce()) {
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Acquire) {
                    failed.extend(request(port).err());
                }
                failed
            })
        })
        .collect();
    during();
    stop.store(true, Ordering::Release);
    let failed: Vec<_> =
        clients.into_iter().flat_map(|c| c.join().expect("clients do not panic")).collect();
    assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), failed.first());
}

#[test]
fn a_new_process_takes_over_and_nobody_notices() {
    let place = Place::new("native");
    let port = free_port();
    place.config(port);
    let args = ["run", "-f", "a.cfg", "--control", "c.sock"];
    let mut old = place.start(Path::new(BINARY), &args);
    wait_until_served(port);
    let mut new = None;
    under_load(port, || {
        let mut args = args.to_vec();
        args.push("--take-over");
        new = Some(place.start(Path::new(BINARY), &args));
        assert_eq!(old.exit_code(), Some(0));
    });
    assert!(request(port).is_ok(), "the new one serves alone");
}

#[test]
fn a_new_process_takes_over_as_haproxy_does() {
    let place = Place::new("as-haproxy");
    let port = free_port();
    place.config(port);
    let mut old = place.haproxy(&["-db", "-f", "a.cfg"]);
    wait_until_served(port);
    let mut new = None;
    under_load(port, || {
        let pid = old.0.id().to_string();
        new = Some(place.haproxy(&["-db", "-f", "a.cfg", "-x", "stats.sock", "-sf", &pid]));
        assert_eq!(old.exit_code(), Some(0));
    });
    assert!(request(port).is_ok(), "the new one serves alone");
}

#[test]
fn who_takes_over_and_fails_changes_nothing() {
    let place = Place::new("failing");
    let port = free_port();
    place.config(port);
    let mut old = place.haproxy(&["-db", "-f", "a.cfg"]);
    wait_until_served(port);
    fs::write(place.0.join("bad.cfg"), "frontend f\n bnd x\n").expect("written");
    let pid = old.0.id().to_string();
    let mut new = place.haproxy(&["-db", "-f", "bad.cfg", "-x", "stats.sock", "-sf", &pid]);
    assert_eq!(new.exit_code(), Some(1));
    assert!(old.0.try_wait().expect("our child").is_none() && request(port).is_ok());
}
