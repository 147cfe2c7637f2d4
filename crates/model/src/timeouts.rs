//! Every timeout of a proxy (manual 4.2, `timeout X`); `None` = unlimited.

use std::time::Duration;

/// The timeouts of a frontend or a backend; each side reads the ones that concern it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeout client`: inactivity on the client side.
    pub client: Option<Duration>,
    /// `timeout client-fin`: inactivity once one direction is shut.
    pub client_fin: Option<Duration>,
    /// `timeout client-hs`: TLS handshake.
    pub client_hs: Option<Duration>,
    /// `timeout connect`.
    pub connect: Option<Duration>,
    /// `timeout server`: inactivity on the server side.
    pub server: Option<Duration>,
    /// `timeout server-fin`.
    pub server_fin: Option<Duration>,
    /// `timeout http-request`: a whole request head (and, if waited for, body).
    pub http_request: Option<Duration>,
    /// `timeout http-keep-alive`: the wait for the next request.
    pub http_keep_alive: Option<Duration>,
    /// `timeout queue`; falls back to `connect`.
    pub queue: Option<Duration>,
    /// `timeout tunnel`: inactivity of an upgraded or TCP session in both directions.
    pub tunnel: Option<Duration>,
    /// `timeout tarpit`; falls back to `connect`.
    pub tarpit: Option<Duration>,
    /// `timeout check`: read timeout of a health check.
    pub check: Option<Duration>,
}
