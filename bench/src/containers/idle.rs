//! What the balancer costs before it does anything: time to its first answer, and memory with many
//! servers.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::engine::Engine;
use crate::account::{resident_bytes, tree};
use crate::backend::{Backend, Behaviour};

/// Servers of the configuration.
pub const SERVERS: usize = 300;
/// Backends that they are spread over.
const BACKENDS: usize = 30;
/// Starts that are measured.
const STARTS: usize = 11;
/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(10);
/// When memory is read: every server has been checked twice.
const REST: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// From making the process to the first byte of an answer that a server gave; median.
    pub first_byte: Duration,
    /// Resident memory, bytes, after a while without requests.
    pub resident: u64,
}

/// Starts `evenkeel` a few times with [`SERVERS`] servers that are checked every two seconds.
///
/// # Errors
/// When it does not come to serve.
pub fn measure(evenkeel: &Path) -> Result<Idle, String> {
    let say = |e: std::io::Error| e.to_string();
    let backend = Backend::start(Behaviour::new("b")).map_err(say)?;
    let file = std::env::temp_dir().join(format!("evenkeel-idle-{}.cfg", std::process::id()));
    let mut times = Vec::new();
    let mut memory = 0;
    for number in 0..STARTS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(say)?;
        let address = listener.local_addr().map_err(say)?;
        drop(listener);
        std::fs::write(&file, text(address, backend.address())).map_err(say)?;
        let begun = Instant::now();
        let mut command = Command::new(evenkeel);
        command.args(["haproxy", "-f"]).arg(&file).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = Ended(child.map_err(|e| format!("{}: {e}", evenkeel.display()))?);
        while !answers(address) {
            let gone = !matches!(child.0.try_wait(), Ok(None));
            if gone || begun.elapsed() > START_MAX {
                return Err(format!("{} does not serve", evenkeel.display()));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(begun.elapsed());
        if number + 1 == STARTS {
            std::thread::sleep(REST);
            memory = resident_bytes(&tree(child.0.id())).map_err(say)?;
        }
    }
    let _ = std::fs::remove_file(&file);
    times.sort();
    let first_byte = times.get(STARTS / 2).copied().unwrap_or_default();
    Ok(Idle { first_byte, resident: memory })
}

/// From the order to start a container of the image, on the machine's own network, to the first
/// byte of an answer that a server gave; median. The configuration is that of [`measure`].
///
/// # Errors
/// When there is no such image, or it does not come to serve.
pub fn container(engine: &Engine, image: &str) -> Result<Duration, String> {
    let say = |e: std::io::Error| e.to_string();
    let backend = Backend::start(Behaviour::new("b")).map_err(say)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(say)?;
    let address = listener.local_addr().map_err(say)?;
    drop(listener);
    let folder = std::env::temp_dir().join(format!("evenkeel-idle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(say)?;
    std::fs::write(folder.join("haproxy.cfg"), text(address, backend.address())).map_err(say)?;
    let body = json!({
        "Image": image, "Cmd": ["run"],
        "HostConfig": {
            "NetworkMode": "host",
            "Binds": [format!("{}:/usr/local/etc/haproxy:ro", folder.display())],
        },
    });
    let made = engine.call("POST", "/containers/create", Some(&body))?;
    let id = made.get("Id").and_then(|id| id.as_str()).ok_or("a container without an id")?;
    let times = (0..STARTS).map(|_| start(engine, id, address)).collect::<Result<Vec<_>, _>>();
    let removed = engine.call("DELETE", &format!("/containers/{id}?force=1"), None);
    let _ = std::fs::remove_dir_all(&folder);
    let mut times = times?;
    removed?;
    times.sort();
    Ok(times.get(STARTS / 2).copied().unwrap_or_default())
}

/// One start of the container, which is killed again.
fn start(engine: &Engine, id: &str, address: SocketAddr) -> Result<Duration, String> {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        // The engine answers some time after the process runs.
        let ordered = scope.spawn(|| engine.call("POST", &format!("/containers/{id}/start"), None));
        while !answers(address) {
            if begun.elapsed() > START_MAX {
                return Err("the container does not serve".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let time = begun.elapsed();
        ordered.join().map_err(|_| "a thread panicked")??;
        engine.call("POST", &format!("/containers/{id}/kill"), None)?;
        engine.call("POST", &format!("/containers/{id}/wait"), None)?;
        Ok(time)
    })
}

fn text(listen: SocketAddr, server: SocketAddr) -> String {
    let mut text = format!(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         frontend www\n  bind {listen}\n  default_backend b0\n"
    );
    for backend in 0..BACKENDS {
        let _ = writeln!(text, "backend b{backend}\n  default-server check inter 2s");
        for number in 0..SERVERS / BACKENDS {
            let _ = writeln!(text, "  server s{number} {server}");
        }
    }
    text
}

/// Whether the first byte of an answer comes.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = [0; 12];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
