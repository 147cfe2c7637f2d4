//! The spinning thread: clients and servers around the proxy under test, in one epoll loop.
//!
//! It never sleeps while it measures (zero timeout) and stays on one CPU, so the proxy's wake-ups
//! never wait for a sleeping peer and scheduling noise stays out of the figures.

mod client;
mod server;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use client::Clients;
pub use client::{Load, Tally};
use server::Servers;

/// Events taken from the kernel in one go.
const EVENTS_MAX: usize = 512;
/// Scratch for one read: large enough that bulk answers cost the generator little.
const SCRATCH: usize = 256 * 1024;
/// How often clients that wait for an answer are looked at for being stuck.
const STALL_SWEEP: Duration = Duration::from_millis(500);
/// How long a drained slice may wait for its last answers.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What an epoll event belongs to: kind in the upper half, slot in the lower.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Listener(usize),
    Server(usize),
    Client(usize),
}

impl Owner {
    fn token(self) -> epoll::EventData {
        let (kind, slot) = match self {
            Self::Listener(slot) => (0_u64, slot),
            Self::Server(slot) => (1, slot),
            Self::Client(slot) => (2, slot),
        };
        epoll::EventData::new_u64(kind << 32 | slot as u64)
    }

    fn of(data: epoll::EventData) -> Self {
        let slot = (data.u64() & 0xffff_ffff) as usize;
        match data.u64() >> 32 {
            0 => Self::Listener(slot),
            1 => Self::Server(slot),
            _ => Self::Client(slot),
        }
    }
}

/// Servers and clients of one scenario, driven by the calling thread.
pub struct Spin {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    scratch: Vec<u8>,
    servers: Servers,
    clients: Clients,
    swept: Instant,
}

impl Spin {
    /// Opens `servers` listeners on free loopback ports, each answering with a body of
    /// `body_length` bytes.
    ///
    /// # Errors
    /// When a socket cannot be made.
    pub fn new(servers: usize, body_length: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let servers = Servers::listen(&epoll, servers, body_length)?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS_MAX),
            scratch: vec![0; SCRATCH],
            servers,
            clients: Clients::default(),
            swept: Instant::now(),
        })
    }

    /// Where the servers listen; server `n` answers with the id `bn`.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.addresses()
    }

    /// Requests the servers have answered so far.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.servers.served
    }

    /// Requests that reached a server without the `X-Forwarded-For` the configuration asks for.
    #[must_use]
    pub fn without_forwarded_for(&self) -> u64 {
        self.servers.without_forwarded_for
    }

    /// Connections to the servers that are open now.
    #[must_use]
    pub fn server_connections(&self) -> usize {
        self.servers.open()
    }

    /// Opens `load.connections` clients that begin to send at once.
    pub fn open(&mut self, load: Load) {
        let connections = load.connections;
        self.clients = Clients::new(load, self.servers.body_length());
        self.clients.add(&self.epoll, connections);
    }

    /// Opens `connections` more of the same.
    pub fn add(&mut self, connections: usize) {
        self.clients.add(&self.epoll, connections);
    }

    /// What the clients have counted since [`Spin::open`] or the last [`Spin::take_tally`].
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.clients.tally
    }

    /// Takes the counts and starts again from zero.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.clients.tally)
    }

    /// Clients that wait for an answer now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.clients.waiting()
    }

    /// Spins for `duration`.
    ///
    /// # Errors
    /// When epoll fails.
    pub fn spin(&mut self, duration: Duration) -> io::Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.turn(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Spins until the clients have counted `answers` answers, an error, or `limit` has passed.
    ///
    /// # Errors
    /// When epoll fails.
    pub fn spin_until(&mut self, answers: u64, limit: Duration) -> io::Result<()> {
        let end = Instant::now() + limit;
        while self.clients.tally.answers < answers
            && self.clients.tally.errors == 0
            && Instant::now() < end
        {
            self.turn(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Serves for `duration` without spinning; for waiting that is not measured.
    ///
    /// # Errors
    /// When epoll fails.
    pub fn rest(&mut self, duration: Duration) -> io::Result<()> {
        let end = Instant::now() + duration;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left.min(Duration::from_millis(5)))?;
        }
    }

    /// Lets the outstanding requests finish and closes all clients.
    ///
    /// # Errors
    /// When epoll fails.
    pub fn close(&mut self) -> io::Result<()> {
        self.clients.stop();
        let end = Instant::now() + DRAIN_MAX;
        while self.clients.waiting() > 0 && Instant::now() < end {
            self.turn(Duration::ZERO)?;
        }
        self.clients.close_all();
        Ok(())
    }

    /// One request of a connection of its own: the number of the server that answered.
    ///
    /// # Errors
    /// What went wrong, a refused connection for example.
    pub fn probe(&mut self, target: SocketAddr, host: &str) -> Result<usize, String> {
        self.open(Load::one(target, host));
        self.spin_until(1, Duration::from_secs(2)).map_err(|error| error.to_string())?;
        let tally = self.take_tally();
        self.clients.close_all();
        match (tally.last_backend, tally.first_errors.first()) {
            (Some(backend), None) => Ok(backend),
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err("no answer".into()),
        }
    }

    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: timeout.as_secs().cast_signed(),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        epoll::wait(&self.epoll, spare, Some(&timeout))?;
        for event in &self.events {
            let (flags, data) = (event.flags, event.data);
            match Owner::of(data) {
                Owner::Listener(slot) => self.servers.accept(&self.epoll, slot),
                Owner::Server(slot) => self.servers.ready(slot, &mut self.scratch),
                Owner::Client(slot) => {
                    self.clients.ready(&self.epoll, slot, flags, &mut self.scratch);
                }
            }
        }
        let now = Instant::now();
        if now.duration_since(self.swept) > STALL_SWEEP {
            self.swept = now;
            self.clients.sweep(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Spin};
    use std::time::Duration;

    /// Clients straight at a server: everything is right except the missing X-Forwarded-For.
    #[test]
    fn clients_and_servers_understand_each_other() {
        for (body, close) in [(120, false), (120, true), (1 << 20, false)] {
            let mut spin = Spin::new(2, body).expect("listeners");
            let target = spin.addresses()[1];
            let load = if close { Load::close } else { Load::keep_alive };
            spin.open(load(target, "test", 8));
            spin.spin_until(100, Duration::from_secs(20)).expect("epoll");
            spin.close().expect("epoll");
            let tally = spin.tally();
            assert_eq!(tally.first_errors, Vec::<String>::new());
            assert!(tally.answers >= 100);
            assert_eq!(tally.body_bytes, tally.answers * body as u64);
            assert_eq!(tally.last_backend, Some(1));
            assert_eq!(spin.without_forwarded_for(), spin.served());
        }
    }

    #[test]
    fn limited_clients_stay_open_and_silent() {
        let mut spin = Spin::new(1, 100).expect("listener");
        let target = spin.addresses()[0];
        spin.open(Load { requests_each: Some(1), ..Load::keep_alive(target, "test", 5) });
        spin.spin_until(5, Duration::from_secs(20)).expect("epoll");
        spin.rest(Duration::from_millis(20)).expect("epoll");
        assert_eq!((spin.tally().answers, spin.waiting(), spin.server_connections()), (5, 0, 5));
    }

    #[test]
    fn nobody_listening_is_an_error() {
        let mut spin = Spin::new(1, 100).expect("listener");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
        let target = free.local_addr().expect("address");
        drop(free);
        assert!(spin.probe(target, "test").is_err());
        assert_eq!(spin.probe(spin.addresses()[0], "test"), Ok(0));
    }
}
