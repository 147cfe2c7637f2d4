//! Listening sockets: made from a bind, inherited, one per worker, shared by address.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener as StdUnixListener, UnixStream};
use std::path::Path;

use model::{Address, Bind};
use rustix::net::{AddressFamily, SocketFlags, sockopt};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::readiness::{Descriptor, Direction, Given};
use crate::stream::{Kind, Stream};
use crate::sys;

/// Waiting connections per listening socket where a bind names no `backlog`.
const DEFAULT_BACKLOG: i32 = 4096;

/// Length of an abstract socket name that HAProxy's `abns@` pads to: `sun_path` without the NUL.
const ABSTRACT_NAME_LEN: usize = 107;

/// The sockets of one listening address: one per worker, or one that all workers share.
pub struct ListenSockets {
    /// Sockets; worker `i` accepts on every `j` with `j % workers == i`, or on socket 0 when
    /// there are fewer sockets than workers.
    pub sockets: Vec<OwnedFd>,
}

impl ListenSockets {
    /// Duplicates of the sockets that worker `index` of `workers` accepts on.
    ///
    /// # Errors
    /// When descriptors run out.
    pub fn for_worker(&self, index: usize, workers: usize) -> io::Result<Vec<OwnedFd>> {
        let n = self.sockets.len();
        if n < workers {
            return self.sockets.iter().map(OwnedFd::try_clone).collect();
        }
        self.sockets.iter().skip(index).step_by(workers).map(OwnedFd::try_clone).collect()
    }
}

/// Opens the sockets of a bind for `workers` workers.
///
/// # Errors
/// As the system calls: the address is in use, not local, or not permitted.
pub fn open(bind: &Bind, workers: usize) -> io::Result<ListenSockets> {
    let sockets = match &bind.address {
        Address::Inet(_) => (0..workers).map(|_| open_inet(bind)).collect::<io::Result<_>>()?,
        Address::Unix(path) => vec![open_unix(bind, path)?],
        Address::Abstract(name) => {
            let mut padded = name.as_bytes().to_vec();
            padded.resize(ABSTRACT_NAME_LEN, 0);
            vec![open_abstract(&padded)?]
        }
        Address::AbstractZ(name) => vec![open_abstract(name.as_bytes())?],
        Address::Fd(n) => vec![inherit(*n)?],
    };
    Ok(ListenSockets { sockets })
}

fn open_inet(bind: &Bind) -> io::Result<OwnedFd> {
    let Address::Inet(addr) = bind.address else { return Err(io::ErrorKind::InvalidInput.into()) };
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(bind.v6only.unwrap_or(false))?;
    }
    if let Some(interface) = &bind.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if bind.transparent {
        socket.set_ip_transparent_v4(true)?;
    }
    if let Some(mss) = bind.mss.and_then(|m| u32::try_from(m).ok()) {
        socket.set_tcp_mss(mss)?;
    }
    if let Some(ms) = bind.tcp_user_timeout_ms {
        let timeout = std::time::Duration::from_millis(u64::from(ms));
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    socket.bind(&SockAddr::from(addr))?;
    if bind.defer_accept {
        sys::defer_accept(&socket)?;
    }
    if bind.tfo {
        sys::fast_open(&socket, backlog(bind))?;
    }
    socket.listen(backlog(bind))?;
    Ok(socket.into())
}

fn backlog(bind: &Bind) -> i32 {
    bind.backlog.and_then(|b| i32::try_from(b).ok()).unwrap_or(DEFAULT_BACKLOG)
}

/// A unix socket is made under a temporary name and renamed over the old one, so that there is
/// never a moment without it.
fn open_unix(bind: &Bind, path: &Path) -> io::Result<OwnedFd> {
    if let Ok(meta) = fs::symlink_metadata(path)
        && !meta.file_type().is_socket()
    {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "exists and is not a socket"));
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&temporary);
    let _ = fs::remove_file(temporary);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(temporary)?)?;
    let finish = || -> io::Result<()> {
        if let Some(mode) = bind.permissions.mode {
            fs::set_permissions(temporary, fs::Permissions::from_mode(mode))?;
        }
        let (uid, gid) = (bind.permissions.uid, bind.permissions.gid);
        if uid.is_some() || gid.is_some() {
            std::os::unix::fs::chown(temporary, uid, gid)?;
        }
        socket.listen(backlog(bind))?;
        fs::rename(temporary, path)
    };
    if let Err(e) = finish() {
        let _ = fs::remove_file(temporary);
        return Err(e);
    }
    Ok(socket.into())
}

fn open_abstract(name: &[u8]) -> io::Result<OwnedFd> {
    let addr = UnixAddr::from_abstract_name(name)?;
    let listener = StdUnixListener::bind_addr(&addr)?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}

fn inherit(fd: i32) -> io::Result<OwnedFd> {
    let socket = Socket::from(sys::duplicate_inherited(fd)?);
    socket.set_nonblocking(true)?;
    if !socket.is_listener()? {
        socket.listen(DEFAULT_BACKLOG)?;
    }
    Ok(socket.into())
}

/// Connects to an abstract socket with a padded (`abns@`) or plain (`abnsz@`) name.
///
/// # Errors
/// As `connect`.
pub fn connect_abstract(name: &str, padded: bool) -> io::Result<UnixStream> {
    let mut bytes = name.as_bytes().to_vec();
    if padded {
        bytes.resize(ABSTRACT_NAME_LEN, 0);
    }
    let stream = UnixStream::connect_addr(&UnixAddr::from_abstract_name(&bytes)?)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// A connection that was accepted.
pub struct Accepted {
    /// The connection.
    pub stream: Stream,
    /// Who called; `None` for unix sockets.
    pub peer: Option<SocketAddr>,
}

/// A listening socket as a worker accepts on it.
pub struct Listener {
    socket: Descriptor,
    kind: Kind,
}

impl Listener {
    /// Takes a listening socket in non-blocking mode.
    ///
    /// # Errors
    /// When the descriptor is no socket.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let kind = match sockopt::socket_domain(&fd)? {
            AddressFamily::UNIX => Kind::Unix,
            _ => Kind::Tcp,
        };
        if kind == Kind::Tcp {
            // Accepted sockets inherit it: one system call less for each.
            sockopt::set_tcp_nodelay(&fd, true)?;
        }
        Ok(Self { socket: Descriptor::new(fd), kind })
    }

    /// The next connection.
    ///
    /// # Errors
    /// As `accept`.
    pub async fn accept(&self) -> io::Result<Accepted> {
        std::future::poll_fn(|cx| {
            self.socket.poll_io(cx, Direction::Read, |fd| {
                Ok(Given { result: self.accept_on(fd)?, exhausted: false })
            })
        })
        .await
    }

    /// A connection that waits already, without waiting for one.
    pub fn try_accept(&self) -> Option<Accepted> {
        self.accept_on(self.socket.as_fd()).ok()
    }

    fn accept_on(&self, fd: BorrowedFd<'_>) -> io::Result<Accepted> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, peer) = rustix::net::acceptfrom_with(fd, flags)?;
        let peer = peer.and_then(|address| address.try_into().ok());
        Ok(Accepted { stream: Stream::new(socket, self.kind), peer })
    }
}
