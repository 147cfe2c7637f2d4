//! The control socket and the `stats socket` lines: opened, changed and closed with the
//! configuration.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use admin::Level;
use admin::ports::ControlSocket;
use admin::socket::Rights;
use model::{Address, Bind, Global, Origin, StatsSocket, UnixPermissions};
use tokio::task::AbortHandle;

use crate::house::House;
use crate::identity;
use crate::load::plain_reason;

/// Longest idle time on the native control socket.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(3600);

/// Sessions at the same time on the native control socket.
const CONTROL_SESSIONS_MAX: usize = 32;

/// Mode of the native control socket: its owner alone.
const CONTROL_MODE: u32 = 0o600;

/// Where the native control socket is looked for and made, best first.
pub fn default_paths() -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/run/evenkeel.sock")];
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) => paths.push(PathBuf::from(dir).join("evenkeel.sock")),
        None => paths.push(std::env::temp_dir().join("evenkeel.sock")),
    }
    paths
}

/// Opens the native control socket at `path`. A process that answers there keeps it, unless this
/// one takes over from it.
///
/// # Errors
/// A text for the user.
pub fn open_control(path: &Path, take_over: bool) -> Result<OwnedFd, String> {
    if !take_over && std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(format!("another process answers on {}", path.display()));
    }
    let permissions = UnixPermissions { mode: Some(CONTROL_MODE), ..UnixPermissions::default() };
    open(&bind(Address::Unix(path.to_owned()), permissions))
        .map_err(|e| format!("cannot open {}: {}", path.display(), plain_reason(&e)))
}

/// A bind with nothing but an address and permissions.
fn bind(address: Address, permissions: UnixPermissions) -> Bind {
    Bind { id: 1, permissions, ..Bind::new(address, Origin::BuiltIn) }
}

/// The socket of `-S`: an address with `,`-separated options, of which `mode`, `level`, `user` and
/// `group` matter.
///
/// # Errors
/// A text for the user.
pub fn master_socket(text: &str) -> Result<StatsSocket, String> {
    let mut parts = text.split(',');
    let address = parts.next().unwrap_or_default();
    let unknown = || format!("'{address}' is neither a path, address:port, abns@ nor fd@");
    let address = match address.split_once('@').unwrap_or(("", address)) {
        ("fd", number) => Address::Fd(number.parse().map_err(|_| unknown())?),
        ("abns", name) => Address::Abstract(name.into()),
        ("unix", path) => Address::Unix(path.into()),
        ("", path) if path.contains('/') => Address::Unix(path.into()),
        ("" | "ipv4" | "ipv6", inet) => {
            let port = inet.strip_prefix('*').unwrap_or(inet).strip_prefix(':');
            let inet = port.map_or_else(|| inet.to_owned(), |port| format!("0.0.0.0:{port}"));
            Address::Inet(inet.parse().map_err(|_| unknown())?)
        }
        _ => return Err(unknown()),
    };
    let mut permissions = UnixPermissions::default();
    let options: Vec<&str> = parts.collect();
    for pair in options.chunks(2) {
        match pair {
            ["mode", mode] => permissions.mode = u32::from_str_radix(mode, 8).ok(),
            ["user", user] => permissions.uid = identity::user_id(user),
            ["group", group] => permissions.gid = identity::group_id(group),
            _ => {}
        }
    }
    Ok(StatsSocket { bind: bind(address, permissions), level: 2, expose_fd_listeners: true })
}

/// Opens one socket, names of users looked up.
///
/// # Errors
/// As the system calls.
pub fn open(bind: &Bind) -> io::Result<OwnedFd> {
    let mut bind = bind.clone();
    let p = &mut bind.permissions;
    let unknown = |what: &str| io::Error::other(format!("unknown {what}"));
    if let Some(user) = &p.user {
        p.uid = Some(identity::user_id(user).ok_or_else(|| unknown("user"))?);
    }
    if let Some(group) = &p.group {
        p.gid = Some(identity::group_id(group).ok_or_else(|| unknown("group"))?);
    }
    let mut sockets = proxy::open_listener(&bind, 1)?.sockets;
    sockets.pop().ok_or_else(|| io::Error::other("no socket"))
}

/// The stats sockets that are served now.
#[derive(Default)]
pub struct Sockets {
    served: Vec<(StatsSocket, AbortHandle)>,
}

impl Sockets {
    /// Opens what is new in `global`, closes what is gone. What cannot be opened is returned and
    /// the rest goes on.
    pub fn follow(&mut self, global: &Global, house: &Rc<House>) -> Vec<String> {
        let mut failed = Vec::new();
        self.served.retain(|(socket, task)| {
            let stays = global.stats_sockets.contains(socket);
            if !stays {
                task.abort();
                if let Address::Unix(path) = &socket.bind.address {
                    let _ = std::fs::remove_file(path);
                }
            }
            stays
        });
        for socket in &global.stats_sockets {
            if self.served.iter().any(|(s, _)| s == socket) {
                continue;
            }
            match open(&socket.bind) {
                Ok(fd) => {
                    let rights = rights(socket, global);
                    self.served.push((socket.clone(), serve(fd, rights, house)));
                }
                Err(e) => failed.push(format!(
                    "{}: cannot open stats socket {}: {}",
                    socket.bind.origin,
                    socket.bind.address,
                    plain_reason(&e)
                )),
            }
        }
        *house.sockets.borrow_mut() = self.served.iter().map(|(socket, _)| shown(socket)).collect();
        failed
    }
}

fn shown(socket: &StatsSocket) -> ControlSocket {
    let address = match &socket.bind.address {
        Address::Inet(address) if address.is_ipv6() => format!("ipv6@{address}"),
        Address::Inet(address) => format!("ipv4@{address}"),
        other => other.to_string(),
    };
    ControlSocket { address, level: Level::from_number(socket.level) }
}

fn rights(socket: &StatsSocket, global: &Global) -> Rights {
    Rights {
        level: Level::from_number(socket.level),
        hand_over: socket.expose_fd_listeners,
        timeout: global.stats_timeout,
        sessions_max: global.stats_maxconn as usize,
    }
}

/// Serves the native control socket.
pub fn serve_control(fd: OwnedFd, house: &Rc<House>) -> AbortHandle {
    let rights = Rights {
        level: Level::Admin,
        hand_over: true,
        timeout: CONTROL_TIMEOUT,
        sessions_max: CONTROL_SESSIONS_MAX,
    };
    serve(fd, rights, house)
}

fn serve(fd: OwnedFd, rights: Rights, house: &Rc<House>) -> AbortHandle {
    let port: Rc<dyn admin::House> = Rc::<House>::clone(house);
    let voice = house.voice;
    let task = tokio::task::spawn_local(async move {
        if let Err(e) = admin::socket::serve(fd, rights, port).await {
            voice.warning(format!("a control socket ended: {e}"));
        }
    });
    task.abort_handle()
}
