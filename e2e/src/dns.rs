//! A real name server (dnsmasq) and servers on many addresses of loopback.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::Signal;
use rustix::process::{Pid, kill_process};

const START: Duration = Duration::from_secs(10);

/// A name server for the zone `test`, killed when dropped.
pub struct NameServer {
    /// Where it answers, by UDP and TCP.
    pub address: SocketAddr,
    hosts: PathBuf,
    child: Child,
}

impl NameServer {
    /// Starts one whose files are in `dir`; `more` are lines of its configuration.
    ///
    /// # Errors
    /// Why there is none, with what to install.
    pub fn start(dir: &std::path::Path, more: &str) -> Result<Self, String> {
        let io = |e: std::io::Error| e.to_string();
        let free = UdpSocket::bind("127.0.0.1:0").map_err(io)?;
        let address = free.local_addr().map_err(io)?;
        drop(free);
        let hosts = dir.join("hosts");
        std::fs::write(&hosts, "").map_err(io)?;
        let file = dir.join("dnsmasq.conf");
        let text = format!(
            "no-resolv\nno-hosts\nkeep-in-foreground\nlocal-ttl=0\nlocal=/test/\nport={}\n\
             listen-address=127.0.0.1\nbind-interfaces\npid-file=\nuser=\naddn-hosts={}\n{more}",
            address.port(),
            hosts.display()
        );
        std::fs::write(&file, text).map_err(io)?;
        let mut command = Command::new("dnsmasq");
        command.arg("-C").arg(&file).stdin(Stdio::null()).stderr(Stdio::null());
        let child =
            command.spawn().map_err(|e| format!("dnsmasq: {e} (apt-get install dnsmasq-base)"))?;
        let started = Self { address, hosts, child };
        let listens = || std::net::TcpStream::connect(address).is_ok();
        if crate::scenario::wait_until(START, listens) {
            Ok(started)
        } else {
            Err("dnsmasq does not start".to_owned())
        }
    }

    /// The addresses of `NAME.test` from now on, and of nothing else.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        let lines: String = addresses.iter().map(|a| format!("{a} {name}.test\n")).collect();
        std::fs::write(&self.hosts, lines).expect("the test's own file is writable");
        self.signal(Signal::HUP);
    }

    /// Sends a signal: HUP reads the hosts again, STOP makes it silent.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// HTTP servers on 127.0.1.1, 127.0.1.2, ..., all on one port; each answers with its address.
/// They last as long as the test's process.
pub struct Replicas {
    /// Their port.
    pub port: u16,
}

impl Replicas {
    /// The address of a replica, counted from 1.
    #[must_use]
    pub fn address(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 1, number)
    }

    /// Addresses of these replicas.
    #[must_use]
    pub fn addresses(numbers: &[u8]) -> Vec<Ipv4Addr> {
        numbers.iter().map(|n| Self::address(*n)).collect()
    }

    /// Starts so many.
    ///
    /// # Errors
    /// No port is free on all of their addresses.
    pub fn start(count: u8) -> std::io::Result<Self> {
        let first = TcpListener::bind((Self::address(1), 0))?;
        let port = first.local_addr()?.port();
        serve(first, Self::address(1));
        for number in 2..=count {
            serve(TcpListener::bind((Self::address(number), port))?, Self::address(number));
        }
        Ok(Self { port })
    }
}

fn serve(listener: TcpListener, address: Ipv4Addr) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read) = stream.read(&mut bytes) {
                    let text = address.to_string();
                    let length = text.len();
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    if read == 0 || stream.write_all((answer + &text).as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}
