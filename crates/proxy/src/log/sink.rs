//! Where log lines go; a destination that is full or gone costs lines, never time.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::{Address, LogAddress};
use parking_lot::RwLock;

enum Sink {
    Udp(UdpSocket, SocketAddr),
    Unix(UnixDatagram, Address),
    Out(i32),
    /// Could not be made; tried again with the next configuration.
    Broken,
}

/// The open destinations of all log lines of the process.
#[derive(Default)]
pub struct Sinks {
    open: RwLock<HashMap<LogAddress, Sink>>,
    dropped: AtomicU64,
}

impl Sinks {
    /// Opens what is wanted and closes the rest.
    pub fn configure<'a>(&self, wanted: impl Iterator<Item = &'a LogAddress>) {
        let mut open = self.open.write();
        let mut old = std::mem::take(&mut *open);
        for address in wanted {
            if open.contains_key(address) {
                continue;
            }
            let kept = old.remove(address).filter(|s| !matches!(s, Sink::Broken));
            open.insert(address.clone(), kept.unwrap_or_else(|| make(address)));
        }
    }

    /// Sends one line (without its end) to a destination.
    pub fn send(&self, address: &LogAddress, line: &[u8]) {
        let sent = match self.open.read().get(address) {
            Some(Sink::Udp(socket, to)) => socket.send_to(line, to).is_ok(),
            Some(Sink::Unix(socket, to)) => send_unix(socket, to, line),
            Some(Sink::Out(fd)) => write_line(*fd, line),
            Some(Sink::Broken) | None => false,
        };
        if !sent {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Lines that could not be sent.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}

fn make(address: &LogAddress) -> Sink {
    let made = match address {
        LogAddress::Udp(to) => {
            let any: SocketAddr = match to {
                SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
            };
            UdpSocket::bind(any).and_then(|s| {
                s.set_nonblocking(true)?;
                Ok(Sink::Udp(s, *to))
            })
        }
        LogAddress::Unix(to) => UnixDatagram::unbound().and_then(|s| {
            s.set_nonblocking(true)?;
            Ok(Sink::Unix(s, to.clone()))
        }),
        LogAddress::Stdout => Ok(Sink::Out(1)),
        LogAddress::Stderr => Ok(Sink::Out(2)),
        LogAddress::Fd(fd) => Ok(Sink::Out(*fd)),
    };
    made.unwrap_or(Sink::Broken)
}

fn send_unix(socket: &UnixDatagram, to: &Address, line: &[u8]) -> bool {
    match to {
        Address::Unix(path) => socket.send_to(line, path).is_ok(),
        Address::Abstract(name) | Address::AbstractZ(name) => {
            UnixAddr::from_abstract_name(name.as_bytes())
                .and_then(|a| socket.send_to_addr(line, &a))
                .is_ok()
        }
        Address::Inet(_) | Address::Fd(_) => false,
    }
}

/// One write per line, so that lines of several workers never mix.
fn write_line(fd: i32, line: &[u8]) -> bool {
    let mut whole = Vec::with_capacity(line.len() + 1);
    whole.extend_from_slice(line);
    whole.push(b'\n');
    match fd {
        1 => std::io::stdout().lock().write_all(&whole).and_then(|()| {
            // Standard output is line-buffered: complete lines leave at once.
            std::io::stdout().flush()
        }),
        2 => std::io::stderr().lock().write_all(&whole),
        n => crate::sys::duplicate_inherited(n)
            .and_then(|fd| std::fs::File::from(fd).write_all(&whole)),
    }
    .is_ok()
}
