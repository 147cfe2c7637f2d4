//! Stickiness by cookie (manual 4.2, `cookie`).

use std::time::Duration;

use crate::Name;

/// `cookie NAME ...` of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePersistence {
    /// Cookie name.
    pub name: Name,
    /// What is done with it.
    pub mode: CookieMode,
    /// `indirect`: hide a valid cookie from the server, do not insert what the client has.
    pub indirect: bool,
    /// `nocache`: add `Cache-control: private` to answers that insert.
    pub nocache: bool,
    /// `postonly`: insert only in answers to POST.
    pub postonly: bool,
    /// `preserve`: a cookie that the server sets wins.
    pub preserve: bool,
    /// `httponly` attribute.
    pub httponly: bool,
    /// `secure` attribute.
    pub secure: bool,
    /// `domain` attributes, in order.
    pub domains: Vec<Name>,
    /// `maxidle`: ignored when unused for longer.
    pub maxidle: Option<Duration>,
    /// `maxlife`: ignored when older.
    pub maxlife: Option<Duration>,
    /// `attr` values, in order.
    pub attributes: Vec<Name>,
    /// `dynamic` with `dynamic-cookie-key`: values are derived from the address and this key.
    pub dynamic_key: Option<Name>,
}

/// What happens to the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    /// The server's own cookie is only read (no keyword given).
    Passive,
    /// `rewrite`: replace the value of the server's cookie.
    Rewrite,
    /// `insert`: add our own.
    Insert,
    /// `prefix`: prefix the server's cookie value.
    Prefix,
}
