//! An embedded replica: answers every request with its own 12-digit host name.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

static STARTED: AtomicU64 = AtomicU64::new(0);

/// A replica on a port of its own.
pub struct Replica {
    /// Host name, as a container's: twelve hexadecimal digits.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    killed: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Replica {
    /// Starts listening and answering.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let killed = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let name = host_name(address);
        let answer: Arc<[u8]> =
            format!("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{name}\n").into_bytes().into();
        let (flag, list) = (Arc::clone(&killed), Arc::clone(&open));
        thread::Builder::new().name("replica".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                // Once killed, what the kernel has already accepted is still answered: closing a
                // listening socket resets the connections in its queue.
                if flag.load(Ordering::Acquire) && listener.set_nonblocking(true).is_err() {
                    return;
                }
                let stream = match stream {
                    Ok(stream) => stream,
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                    Err(_) => continue,
                };
                if let Ok(copy) = stream.try_clone() {
                    list.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
                }
                let (answer, flag) = (Arc::clone(&answer), Arc::clone(&flag));
                // A connection without a thread is closed, as any overloaded server would.
                let _ = thread::Builder::new().spawn(move || serve(&stream, &answer, &flag));
            }
        })?;
        Ok(Self { name, address, killed, open })
    }

    /// Ends it: it no longer listens, what it is answering is answered, idle connections close.
    pub fn kill(self) {
        self.killed.store(true, Ordering::Release);
        // Wakes the accepting thread, which empties its queue and drops the listening socket.
        drop(TcpStream::connect(self.address));
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

fn serve(stream: &TcpStream, answer: &[u8], killed: &AtomicBool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line == b"\r\n" {
            (&*stream).write_all(answer)?;
            if killed.load(Ordering::Acquire) {
                return Ok(());
            }
        }
    }
}

/// Twelve digits that differ for every replica of this process and most others.
fn host_name(address: SocketAddr) -> String {
    let count = STARTED.fetch_add(1, Ordering::Relaxed);
    let seed = u64::from(std::process::id()) << 32 | u64::from(address.port()) << 16 | count;
    format!("{:012x}", seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16)
}
