//! A listener for log messages over UDP and a unix datagram socket.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Mutex;

/// Both sockets; messages stay in the kernel until somebody looks.
pub struct LogListener {
    udp: UdpSocket,
    unix: UnixDatagram,
    seen: Mutex<Vec<String>>,
}

impl LogListener {
    /// Listens on a free port and at `dir/log.sock`.
    pub fn start(dir: &Path) -> std::io::Result<Self> {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let _ = socket2::SockRef::from(&udp).set_recv_buffer_size(4 << 20);
        udp.set_nonblocking(true)?;
        let unix = UnixDatagram::bind(dir.join("log.sock"))?;
        unix.set_nonblocking(true)?;
        Ok(Self { udp, unix, seen: Mutex::default() })
    }

    /// The UDP port.
    pub fn port(&self) -> std::io::Result<u16> {
        Ok(self.udp.local_addr()?.port())
    }

    /// All messages that have arrived so far.
    pub fn messages(&self) -> Vec<String> {
        let mut scratch = vec![0; 64 << 10];
        let mut out = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while let Ok(count) = self.udp.recv(&mut scratch) {
            out.push(String::from_utf8_lossy(&scratch[..count]).trim_end().to_owned());
        }
        while let Ok(count) = self.unix.recv(&mut scratch) {
            out.push(String::from_utf8_lossy(&scratch[..count]).trim_end().to_owned());
        }
        out.clone()
    }
}
