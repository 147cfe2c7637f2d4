//! Stickiness by cookie (manual 4.2 `cookie`): what a request brings, what a response gets.
//!
//! Everything here is text to decisions; the session applies the edits. All behaviour was
//! compared with HAProxy 3.2.

mod date;
mod header;
mod request;
mod response;

use std::net::IpAddr;

use model::{Address, Server};

pub use request::{Persist, RequestCookie, RequestState, edit_request_cookie, read_request};
pub use response::{ResponseCookie, ResponseState, is_cacheable};

/// What becomes of one header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It stays as it is.
    Keep,
    /// It goes.
    Remove,
    /// Its value is now what was written to the output buffer.
    Replace,
}

/// The value of a `dynamic` cookie: sixteen hexadecimal digits from key, address and port.
/// `None` for servers that are not at an IP address.
#[must_use]
pub fn dynamic_value(server: &Server, key: &str) -> Option<String> {
    let Address::Inet(address) = server.host.connect_address(server.port, 0)? else {
        return None;
    };
    let mut text = Vec::with_capacity(key.len() + 20);
    text.extend_from_slice(key.as_bytes());
    match address.ip() {
        IpAddr::V4(ip) => text.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => text.extend_from_slice(&ip.octets()),
    }
    text.extend_from_slice(&u32::from(address.port()).to_be_bytes());
    Some(format!("{:016x}", xxhash_rust::xxh64::xxh64(&text, 0)))
}

#[cfg(test)]
mod tests;
