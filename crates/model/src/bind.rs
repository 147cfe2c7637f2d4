//! Listening addresses (manual 4.2 `bind`, 5.1 bind options).

use crate::{Address, Name, Origin};

/// One listening address of a frontend; a `bind` line with a port range or several addresses
/// becomes several of these.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// Where to listen.
    pub address: Address,
    /// `name`.
    pub name: Option<Name>,
    /// `id`, or numbered from 1.
    pub id: u32,
    /// `accept-proxy`: a PROXY header is required at the start of each connection.
    pub accept_proxy: bool,
    /// `maxconn` of this bind.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `v6only` (true), `v4v6` (false), system default otherwise.
    pub v6only: Option<bool>,
    /// `transparent`.
    pub transparent: bool,
    /// `interface`.
    pub interface: Option<Name>,
    /// `defer-accept`.
    pub defer_accept: bool,
    /// `tfo`.
    pub tfo: bool,
    /// `mss`.
    pub mss: Option<i32>,
    /// `tcp-ut`: TCP user timeout in milliseconds.
    pub tcp_user_timeout_ms: Option<u32>,
    /// `mode`, `user`, `group` of a unix socket.
    pub permissions: UnixPermissions,
    /// Where it was written.
    pub origin: Origin,
}

impl Bind {
    /// A bind with nothing but an address.
    #[must_use]
    pub fn new(address: Address, origin: Origin) -> Self {
        Self {
            address,
            name: None,
            id: 0,
            accept_proxy: false,
            maxconn: None,
            backlog: None,
            v6only: None,
            transparent: false,
            interface: None,
            defer_accept: false,
            tfo: false,
            mss: None,
            tcp_user_timeout_ms: None,
            permissions: UnixPermissions::default(),
            origin,
        }
    }
}

/// Owner and mode of a unix socket file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixPermissions {
    /// Octal mode bits.
    pub mode: Option<u32>,
    /// Numeric owner.
    pub uid: Option<u32>,
    /// Numeric group.
    pub gid: Option<u32>,
    /// Owner by name, looked up when the socket is made.
    pub user: Option<Name>,
    /// Group by name.
    pub group: Option<Name>,
}
