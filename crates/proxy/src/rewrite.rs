//! `set-src`, `set-dst` and their ports: addresses as rules want them seen.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

use expr::{End, Sample};

use crate::session::exchange::Exchange;

/// Replaces the address of the client's or (`End::Dst`) our end; the port becomes 0 where there
/// was none.
pub fn set_source(ex: &Exchange, end: End, sample: Option<Sample<'_>>) {
    let ip = match sample {
        Some(Sample::V4(ip)) => IpAddr::V4(ip),
        Some(Sample::V6(ip)) => IpAddr::V6(ip),
        Some(Sample::Str(text)) => {
            match std::str::from_utf8(&text).ok().and_then(|t| t.parse().ok()) {
                Some(ip) => ip,
                None => return,
            }
        }
        _ => return,
    };
    let place = place(ex, end);
    let port = place.get().map_or(0, |a| a.port());
    place.set(Some(SocketAddr::new(ip, port)));
}

/// Replaces the port of an address that is there.
pub fn set_port(ex: &Exchange, end: End, sample: Option<Sample<'_>>) {
    let place = place(ex, end);
    let (Some(mut addr), Some(Sample::Int(port))) = (place.get(), sample) else { return };
    if let Ok(port) = u16::try_from(port) {
        addr.set_port(port);
        place.set(Some(addr));
    }
}

/// The end, to be changed for the present request or session.
fn place(ex: &Exchange, end: End) -> &Cell<Option<SocketAddr>> {
    ex.facts.remember_ends();
    if end == End::Dst { &ex.facts.dst } else { &ex.facts.src }
}
