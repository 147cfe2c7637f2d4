//! `evenkeel agent`: holds the Docker socket and passes on what a balancer needs to read, nothing
//! else.

mod gate;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::args::AgentArgs;
use crate::load::plain_reason;
use crate::say::Voice;
use crate::signals::{Asked, Signals};

/// Connections at once: a balancer holds one for events and up to 17 others for a moment.
const CONNECTIONS_MAX: usize = 256;
/// Longest head of a request.
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// Time for a request's head to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait after an accept that failed, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// `evenkeel agent`.
pub fn main(args: &AgentArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(serve(args)),
        Err(e) => Err(plain_reason(&e)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            Voice::Native.alert(text);
            ExitCode::FAILURE
        }
    }
}

/// Where the agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `unix://PATH`.
    Unix(PathBuf),
    /// `[tcp://]ADDRESS:PORT`.
    Tcp(SocketAddr),
}

/// Reads a place.
///
/// # Errors
/// What is expected.
pub fn place(text: &str) -> Result<Place, String> {
    if let Some(path) = text.strip_prefix("unix://").filter(|p| p.starts_with('/')) {
        return Ok(Place::Unix(path.into()));
    }
    let address = text.strip_prefix("tcp://").unwrap_or(text);
    address.parse().map(Place::Tcp).map_err(|_| "unix://PATH or ADDRESS:PORT is expected".into())
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    async fn open(place: &Place) -> Result<Self, String> {
        match place {
            Place::Unix(path) => {
                // One that an agent left behind; a socket that answers is somebody's.
                if UnixStream::connect(path).await.is_err() {
                    let _ = std::fs::remove_file(path);
                }
                let at = |e: std::io::Error| format!("{}: {}", path.display(), plain_reason(&e));
                UnixListener::bind(path).map(Self::Unix).map_err(at)
            }
            Place::Tcp(address) => {
                let at = |e: std::io::Error| format!("{address}: {}", plain_reason(&e));
                TcpListener::bind(address).await.map(Self::Tcp).map_err(at)
            }
        }
    }

    async fn accept(&self) -> std::io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
            Self::Tcp(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn serve(args: &AgentArgs) -> Result<(), String> {
    let mut signals = Signals::listen().map_err(|e| plain_reason(&e))?;
    let listener = Listener::open(&args.listen).await?;
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    Voice::Native.notice(format!("passes on what may be read of {}", args.socket.display()));
    loop {
        let stream = tokio::select! {
            stream = listener.accept() => stream,
            asked = signals.next() => match asked {
                Asked::Reload(_) => continue,
                Asked::Finish | Asked::Terminate | Asked::Interrupt => return Ok(()),
            },
        };
        let Ok(stream) = stream else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Beyond the most a connection is closed at once; balancers come again.
        let Ok(seat) = Arc::clone(&free).try_acquire_owned() else { continue };
        let socket = args.socket.clone();
        tokio::spawn(async move {
            // Whoever is at the other end sees that it ended.
            let _ = pass(stream, &socket).await;
            drop(seat);
        });
    }
}

/// One request of one connection, and the answer as the engine gives it.
async fn pass(mut client: Box<dyn Stream>, socket: &Path) -> std::io::Result<()> {
    let head = match tokio::time::timeout(HEAD_TIMEOUT, head(&mut client)).await {
        Ok(head) => head?,
        Err(_) => return Ok(()),
    };
    let request = match gate::admit(&head) {
        Ok(request) => request,
        Err(reason) => return refuse(&mut client, 403, "Forbidden", &reason).await,
    };
    let mut engine = match UnixStream::connect(socket).await {
        Ok(engine) => engine,
        Err(e) => {
            let reason = format!("{}: {}", socket.display(), plain_reason(&e));
            return refuse(&mut client, 502, "Bad Gateway", &reason).await;
        }
    };
    engine.write_all(request.as_bytes()).await?;
    let (mut from, mut to) = tokio::io::split(client);
    tokio::select! {
        copied = tokio::io::copy(&mut engine, &mut to) => copied.map(drop)?,
        // Events may not come for long: what is watched is whether anybody listens.
        () = gone(&mut from) => {}
    }
    to.shutdown().await
}

/// The bytes up to the empty line; what follows is never passed on.
async fn head(client: &mut Box<dyn Stream>) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut buffer = [0; 2048];
    while !read.windows(4).any(|w| w == b"\r\n\r\n") {
        let n = client.read(&mut buffer).await?;
        if n == 0 || read.len() + n > HEAD_MAX_BYTES {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        read.extend_from_slice(&buffer[..n]);
    }
    Ok(read)
}

async fn gone(from: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = [0; 256];
    while from.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
}

async fn refuse(
    client: &mut Box<dyn Stream>,
    status: u16,
    phrase: &str,
    reason: &str,
) -> std::io::Result<()> {
    let body = serde_json::json!({ "message": format!("evenkeel agent: {reason}") }).to_string();
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}
