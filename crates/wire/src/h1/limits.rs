//! Bounds of a message head.

/// How large a head may be, and how well-formed it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head as received, 1 to 2^30. HAProxy: `tune.bufsize` less `tune.maxrewrite`.
    pub head_bytes: usize,
    /// Lines of a head, the start line among them: at most one field less. HAProxy:
    /// `tune.http.maxhdr`.
    pub fields: usize,
    /// Bytes that rules may add to one head, up to 2^30.
    pub added_bytes: usize,
    /// Field names that are no tokens make their line vanish instead of the head bad; control
    /// characters in values, bytes above 127 and fragments in targets, targets of CONNECT without
    /// a port, hosts that differ from the target, WebSocket without a key and statuses of up to
    /// five digits pass. Never what decides where a message ends. HAProxy:
    /// `accept-unsafe-violations-in-http-request` and `-response`, manual 4.2.
    pub lenient: bool,
}

impl Limits {
    /// Greatest value of the byte limits, so that positions fit 31 bits.
    pub(crate) const MAX_BYTES: usize = 1 << 30;

    pub(crate) fn head_bytes(&self) -> usize {
        self.head_bytes.min(Self::MAX_BYTES)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes: 16_384 - 1_024, fields: 101, added_bytes: 16_384, lenient: false }
    }
}
