//! The clients of the demonstration; what fails is counted here and nowhere else.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause between the requests of one background client.
const PAUSE: Duration = Duration::from_millis(2);

/// Longest answer taken, bytes.
const ANSWER_MAX: usize = 4096;

/// One request on a connection of its own, as `curl` sends it; the body of a 200 without its end
/// of line.
pub fn once(address: SocketAddr) -> io::Result<String> {
    let mut stream = connect(address)?;
    ask(&mut stream, "close")
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream, connection: &str) -> io::Result<String> {
    let request = format!("GET / HTTP/1.1\r\nHost: demo\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 512];
    loop {
        if let Some(body) = body(&answer)? {
            return Ok(body);
        }
        let read = stream.read(&mut part)?;
        if read == 0 || answer.len() > ANSWER_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&part[..read]);
    }
}

/// The body once it is there whole; an answer that is not 200 is an error.
fn body(answer: &[u8]) -> io::Result<Option<String>> {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    let status = head.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(status.to_owned()));
    }
    let length = head
        .lines()
        .filter_map(|l| l.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    Ok((body.len() >= length).then(|| body.trim_end().to_owned()))
}

/// Clients that send requests until they are stopped, half of them on one connection each.
pub struct Background {
    stop: Arc<AtomicBool>,
    counts: Arc<(AtomicU64, AtomicU64)>,
    threads: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts `count` clients.
    pub fn start(address: SocketAddr, count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let threads = (0..count)
            .map(|i| {
                let (stop, counts) = (Arc::clone(&stop), Arc::clone(&counts));
                thread::spawn(move || send(address, i % 2 == 0, &stop, &counts))
            })
            .collect();
        Self { stop, counts, threads }
    }

    /// Stops them; requests sent and requests failed.
    pub fn stop(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads {
            if thread.join().is_err() {
                self.counts.1.fetch_add(1, Ordering::Relaxed);
            }
        }
        (self.counts.0.load(Ordering::Relaxed), self.counts.1.load(Ordering::Relaxed))
    }
}

fn send(address: SocketAddr, keep: bool, stop: &AtomicBool, counts: &(AtomicU64, AtomicU64)) {
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::Acquire) {
        counts.0.fetch_add(1, Ordering::Relaxed);
        let answered = if keep { on_kept(address, &mut kept) } else { once(address) };
        if answered.is_err() {
            kept = None;
            counts.1.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(PAUSE);
    }
}

fn on_kept(address: SocketAddr, kept: &mut Option<TcpStream>) -> io::Result<String> {
    let stream = match kept {
        Some(stream) => stream,
        None => kept.insert(connect(address)?),
    };
    ask(stream, "keep-alive")
}

/// A letter for every replica, in the order they appear.
#[derive(Default)]
pub struct Names(HashMap<String, usize>);

impl Names {
    /// The letter of a host name: a, b, ... z, then by number.
    pub fn letter(&mut self, name: &str) -> String {
        let next = self.0.len();
        let index = *self.0.entry(name.to_owned()).or_insert(next);
        match u8::try_from(index) {
            Ok(i) if i < 26 => char::from(b'a' + i).to_string(),
            _ => format!("r{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_200_counts() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc\n";
        assert_eq!(body(whole).ok(), Some(Some("abc".to_owned())));
        assert_eq!(body(&whole[..whole.len() - 1]).ok(), Some(None));
        assert!(body(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }

    #[test]
    fn letters_follow_the_order_of_appearance() {
        let mut names = Names::default();
        assert_eq!([names.letter("x"), names.letter("y"), names.letter("x")], ["a", "b", "a"]);
    }
}
