//! A name server of the test's own, and servers on many addresses of loopback.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const OPT: u16 = 41;

/// NXDOMAIN.
pub const NO_SUCH_NAME: u8 = 3;
/// SERVFAIL.
pub const FAILED: u8 = 2;
/// REFUSED.
pub const REFUSED: u8 = 5;

/// What the name server says of a name.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An address.
    Host(String, IpAddr),
    /// Another name.
    Alias(String, String),
    /// A service: target, port, weight; the priority is 0.
    Service(String, String, u16, u16),
    /// The same with a priority in front.
    Ranked(u16, String, String, u16, u16),
    /// Only this code.
    Code(String, u8),
}

impl Entry {
    /// An address of a name.
    #[must_use]
    pub fn host(name: &str, address: &str) -> Self {
        Self::Host(name.to_owned(), address.parse().expect("the test's own address"))
    }

    fn name(&self) -> &str {
        match self {
            Self::Host(name, _)
            | Self::Alias(name, _)
            | Self::Service(name, ..)
            | Self::Ranked(_, name, ..)
            | Self::Code(name, _) => name,
        }
    }
}

#[derive(Default)]
struct Zone {
    /// What holds all the time.
    fixed: Vec<Entry>,
    /// What [`NameServer::set`] said last.
    set: Vec<Entry>,
    silent: bool,
    asked: Vec<String>,
}

/// A name server by UDP and TCP for the time of a test's process. Addresses of a name change their
/// order with every answer; what does not fit a datagram is cut.
pub struct NameServer {
    /// Where it answers.
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    /// Starts one that knows these entries.
    ///
    /// # Errors
    /// No port is free for UDP and TCP.
    pub fn start(fixed: &[Entry]) -> std::io::Result<Self> {
        let (udp, tcp, address) = both_sockets()?;
        let zone = Arc::new(Mutex::new(Zone { fixed: fixed.to_vec(), ..Zone::default() }));
        let of_udp = Arc::clone(&zone);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut bytes) {
                let answer = lock(&of_udp).answer(&bytes[..length], false);
                if let Some(answer) = answer {
                    let _ = udp.send_to(&answer, from);
                }
            }
        });
        let of_tcp = Arc::clone(&zone);
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let zone = Arc::clone(&of_tcp);
                std::thread::spawn(move || by_tcp(stream, &zone));
            }
        });
        Ok(Self { address, zone })
    }

    /// The addresses of `NAME.test` from now on, and of no other name but the fixed ones.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        let name = format!("{name}.test");
        let entries = addresses.iter().map(|a| Entry::Host(name.clone(), (*a).into()));
        lock(&self.zone).set = entries.collect();
    }

    /// What is said from now on beside the fixed entries.
    pub fn say(&self, entries: &[Entry]) {
        lock(&self.zone).set = entries.to_vec();
    }

    /// Whether questions stay without an answer from now on.
    pub fn silence(&self, silent: bool) {
        lock(&self.zone).silent = silent;
    }

    /// How often a name was asked for so far, in either family.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        lock(&self.zone).asked.iter().filter(|asked| *asked == name).count()
    }
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port that is free for UDP may be taken for TCP: others are tried then.
fn both_sockets() -> std::io::Result<(UdpSocket, TcpListener, SocketAddr)> {
    let mut last = std::io::Error::other("no port");
    for _ in 0..50 {
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let address = tcp.local_addr()?;
        match UdpSocket::bind(address) {
            Ok(udp) => return Ok((udp, tcp, address)),
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn by_tcp(mut stream: TcpStream, zone: &Mutex<Zone>) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut question).is_err() {
            return;
        }
        let Some(answer) = lock(zone).answer(&question, true) else { continue };
        let mut framed = (answer.len() as u16).to_be_bytes().to_vec();
        framed.extend(answer);
        if stream.write_all(&framed).is_err() {
            return;
        }
    }
}

impl Zone {
    /// The answer to a message with one question; `None` = silence.
    fn answer(&mut self, message: &[u8], by_tcp: bool) -> Option<Vec<u8>> {
        let (name, kind, end) = question(message)?;
        self.asked.push(name.clone());
        if self.silent {
            return None;
        }
        // Another first one in every answer.
        let turn = self.set.len().min(1);
        self.set.rotate_left(turn);
        let known: Vec<&Entry> = self.fixed.iter().chain(&self.set).collect();
        let (mut code, mut records, mut owner) = (NO_SUCH_NAME, Vec::new(), name);
        for entry in &known {
            if let Entry::Alias(name, target) = entry
                && *name == owner
            {
                records.push(record(&owner, CNAME, &wire_name(target)));
                owner = target.clone();
            }
        }
        for entry in known.iter().filter(|entry| entry.name() == owner) {
            code = 0;
            match entry {
                Entry::Host(_, IpAddr::V4(ip)) if kind == A => {
                    records.push(record(&owner, A, &ip.octets()));
                }
                Entry::Host(_, IpAddr::V6(ip)) if kind == AAAA => {
                    records.push(record(&owner, AAAA, &ip.octets()));
                }
                Entry::Service(_, target, port, weight) if kind == SRV => {
                    records.push(service(&owner, [0, *weight, *port], target));
                }
                Entry::Ranked(priority, _, target, port, weight) if kind == SRV => {
                    records.push(service(&owner, [*priority, *weight, *port], target));
                }
                Entry::Code(_, given) => code = *given,
                _ => {}
            }
        }
        let limit = if by_tcp { usize::from(u16::MAX) } else { payload(message, end) };
        Some(encode(message, end, code, &records, limit))
    }
}

/// An SRV record with its priority, weight and port (RFC 2782).
fn service(owner: &str, numbers: [u16; 3], target: &str) -> Vec<u8> {
    let mut data: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    data.extend(wire_name(target));
    record(owner, SRV, &data)
}

/// Name, type and end of the first question.
fn question(message: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = message.get(at..at + 2)?;
    Some((labels.join("."), u16::from_be_bytes([kind[0], kind[1]]), at + 4))
}

/// Longest datagram that the client takes: what its OPT record says, or 512 bytes.
fn payload(message: &[u8], end: usize) -> usize {
    match message.get(end..end + 5) {
        Some([0, a, b, c, d]) if u16::from_be_bytes([*a, *b]) == OPT => {
            usize::from(u16::from_be_bytes([*c, *d])).max(512)
        }
        _ => 512,
    }
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = wire_name(owner);
    out.extend(kind.to_be_bytes());
    // Class IN, one second to live.
    out.extend([0, 1, 0, 0, 0, 1]);
    out.extend((data.len() as u16).to_be_bytes());
    out.extend(data);
    out
}

fn encode(message: &[u8], end: usize, code: u8, records: &[Vec<u8>], limit: usize) -> Vec<u8> {
    let length = end + records.iter().map(Vec::len).sum::<usize>();
    let (cut, records) = if length > limit { (2, &[][..]) } else { (0, records) };
    let mut out = message[..2].to_vec();
    // A response, recursion desired and available.
    out.extend([0x81 | cut, 0x80 | code, 0, 1]);
    out.extend((records.len() as u16).to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(&message[12..end]);
    out.extend(records.concat());
    out
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
