//! Picking a server: the request, the answer, and one file per algorithm.

pub(crate) mod first;
pub(crate) mod hash;
pub(crate) mod key;
pub(crate) mod least_conn;
pub(crate) mod map;
pub(crate) mod random;
pub(crate) mod ring;
pub(crate) mod round_robin;

/// What a hash algorithm hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Bytes, hashed with the backend's `hash-type` function.
    Bytes(&'a [u8]),
    /// A number that is the hash already (an IPv4 address, a numeric sample).
    Hash(u32),
}

/// What a pick may depend on.
#[derive(Clone, Copy, Debug, Default)]
pub struct PickRequest<'a> {
    /// For hash algorithms; `None` falls back to round robin.
    pub key: Option<Key<'a>>,
    /// A server that just failed: taken only if it is the only one.
    pub avoid: Option<usize>,
    /// Milliseconds of a monotonic clock.
    pub now_ms: u64,
    /// Fresh random bits.
    pub random: u64,
}

/// The answer of a pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// This server, by its index in the fleet. No slot is taken yet.
    Server(usize),
    /// Usable servers exist, all at their limit: wait in the backend's queue.
    Saturated,
    /// No usable server.
    NoServer,
}
