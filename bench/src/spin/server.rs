//! The servers behind the proxy: they answer every request with one prepared answer, and check
//! that the proxy did what its configuration says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use memchr::memmem::{self, Finder};
use rustix::event::epoll::{self, EventFlags};

use super::{Owner, socket};

/// A request head longer than this closes the connection.
const REQUEST_MAX: usize = 64 * 1024;

struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    answer: Vec<u8>,
}

struct Connection {
    socket: OwnedFd,
    listener: usize,
    /// The part of a request that has come so far; empty nearly always.
    partial: Vec<u8>,
    /// Bytes of the answers owed that are not written yet.
    owed: usize,
    /// The last request asked for `Connection: close`.
    closing: bool,
}

pub(super) struct Servers {
    listeners: Vec<Listener>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    body_length: usize,
    forwarded_for: Finder<'static>,
    close: Finder<'static>,
    pub(super) served: u64,
    pub(super) without_forwarded_for: u64,
}

impl Servers {
    pub(super) fn listen(epoll: &OwnedFd, count: usize, body_length: usize) -> io::Result<Self> {
        let listener = |number: usize| {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            // The queue of the standard library (128) overflows when a proxy opens many at once.
            rustix::net::listen(&socket, 4096)?;
            socket.set_nonblocking(true)?;
            let address = socket.local_addr()?;
            epoll::add(epoll, &socket, Owner::Listener(number).token(), EventFlags::IN)?;
            Ok(Listener { socket, address, answer: answer(number, body_length) })
        };
        Ok(Self {
            listeners: (0..count).map(listener).collect::<io::Result<_>>()?,
            connections: Vec::new(),
            free: Vec::new(),
            body_length,
            forwarded_for: Finder::new(b"orwarded-"),
            close: Finder::new(b"onnection: close\r"),
            served: 0,
            without_forwarded_for: 0,
        })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    pub(super) fn body_length(&self) -> usize {
        self.body_length
    }

    pub(super) fn open(&self) -> usize {
        self.connections.len() - self.free.len()
    }

    pub(super) fn accept(&mut self, epoll: &OwnedFd, number: usize) {
        let Some(listener) = self.listeners.get(number) else { return };
        while let Ok(Some(socket)) = socket::accept(&listener.socket) {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            if socket::register(epoll, &socket, Owner::Server(slot)).is_err() {
                self.free.push(slot);
                continue;
            }
            let connection = Connection {
                socket,
                listener: number,
                partial: Vec::new(),
                owed: 0,
                closing: false,
            };
            if let Some(place) = self.connections.get_mut(slot) {
                *place = Some(connection);
            }
        }
    }

    pub(super) fn ready(&mut self, slot: usize, scratch: &mut [u8]) {
        let Some(place) = self.connections.get_mut(slot) else { return };
        let Some(mut connection) = place.take() else { return };
        if self.serve(&mut connection, scratch).is_ok()
            && let Some(place) = self.connections.get_mut(slot)
        {
            *place = Some(connection);
        } else {
            self.free.push(slot);
        }
    }

    /// Reads and answers all there is; an error means that the connection is over.
    fn serve(&mut self, connection: &mut Connection, scratch: &mut [u8]) -> io::Result<()> {
        self.pay(connection)?;
        while let Some(length) = socket::read(&connection.socket, scratch)? {
            let data = scratch.get(..length).unwrap_or_default();
            if data.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if connection.partial.is_empty() && data.ends_with(b"\r\n\r\n") {
                self.requests(connection, data);
            } else {
                connection.partial.extend_from_slice(data);
                let whole = memmem::rfind(&connection.partial, b"\r\n\r\n").map(|end| end + 4);
                if let Some(whole) = whole {
                    let rest = connection.partial.split_off(whole);
                    let heads = std::mem::replace(&mut connection.partial, rest);
                    self.requests(connection, &heads);
                } else if connection.partial.len() > REQUEST_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            self.pay(connection)?;
            if length < scratch.len() {
                break;
            }
        }
        Ok(())
    }

    /// Owes one answer for each of the heads in `heads`.
    fn requests(&mut self, connection: &mut Connection, heads: &[u8]) {
        let mut rest = heads;
        while let Some(end) = memmem::find(rest, b"\r\n\r\n") {
            let (head, next) = rest.split_at(end + 4);
            self.served += 1;
            if self.forwarded_for.find(head).is_none() {
                self.without_forwarded_for += 1;
            }
            connection.closing = self.close.find(head).is_some();
            connection.owed += self.answer_length(connection.listener);
            rest = next;
        }
    }

    fn answer_length(&self, listener: usize) -> usize {
        self.listeners.get(listener).map_or(0, |listener| listener.answer.len())
    }

    /// Writes what is owed, as far as the socket takes it.
    fn pay(&self, connection: &mut Connection) -> io::Result<()> {
        let Some(listener) = self.listeners.get(connection.listener) else { return Ok(()) };
        let length = listener.answer.len();
        while connection.owed > 0 {
            let start = (length - connection.owed % length) % length;
            let part = listener.answer.get(start..).unwrap_or_default();
            let written = socket::write(&connection.socket, part)?;
            connection.owed -= written;
            if written < part.len() {
                return Ok(());
            }
        }
        if connection.closing { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// The answer of server `number`: its id at the start of the body, `$` at the end.
fn answer(number: usize, body_length: usize) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body_length}\r\n\
         X-Backend: b{number}\r\n\r\n"
    )
    .into_bytes();
    let head = answer.len();
    answer.extend_from_slice(format!("b{number} ").as_bytes());
    answer.resize(head + body_length, b'.');
    if let Some(last) = answer.last_mut() {
        *last = b'$';
    }
    answer
}
