//! Telling systemd how it goes (sd_notify(3)), where it wants to know.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A connection to the service manager; does nothing where there is none.
#[derive(Debug, Default)]
pub struct Notify(Option<UnixDatagram>);

impl Notify {
    /// Connects to the socket that `NOTIFY_SOCKET` names.
    pub fn from_environment() -> Self {
        Self(std::env::var("NOTIFY_SOCKET").ok().and_then(|name| connect(&name)))
    }

    /// The process serves.
    pub fn ready(&self) {
        self.send(&format!("READY=1\nMAINPID={}\n", std::process::id()));
    }

    /// The configuration is being read again.
    pub fn reloading(&self) {
        if self.0.is_none() {
            return;
        }
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now_us = now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now_us}\n"));
    }

    /// The process ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1\n");
    }

    /// Another process goes on in this one's place.
    pub fn main_pid(&self, pid: u32) {
        self.send(&format!("MAINPID={pid}\n"));
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}\n", text.lines().next().unwrap_or_default()));
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.0 {
            // The manager may be gone; balancing goes on without it.
            let _ = socket.send(message.as_bytes());
        }
    }
}

fn connect(name: &str) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    match name.strip_prefix('@') {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name).ok()?).ok()?,
        None => socket.connect(name).ok()?,
    }
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told() {
        let path = std::env::temp_dir().join(format!("evenkeel-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let manager = UnixDatagram::bind(&path).expect("a socket can be bound");
        let notify = Notify(connect(path.to_str().expect("plain path")));
        notify.ready();
        notify.status("first\nsecond");
        let mut buffer = [0; 256];
        let mut next = || {
            let n = manager.recv(&mut buffer).expect("a message");
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        };
        assert!(next().starts_with("READY=1\n"));
        assert_eq!(next(), "STATUS=first\n");
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        Notify::default().ready();
        assert!(connect("/nonexistent/socket").is_none());
    }
}
