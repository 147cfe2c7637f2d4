//! The reusable message head: bytes as received, an arena for what rules add, and spans into both.

use crate::http::{Known, KnownSet, Method, Version};

/// A piece of one of the two arenas of a [`Head`]. Meaningful only with the head it came from, and
/// only until that head is cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Offset; the top bit tells the arena of added bytes from the received ones.
    start: u32,
    len: u32,
}

const ADDED: u32 = 1 << 31;

impl Slice {
    /// Positions are below 2^31: `Limits` sees to it.
    pub(super) const fn received(start: usize, end: usize) -> Self {
        Self { start: start as u32 & !ADDED, len: end.saturating_sub(start) as u32 }
    }

    pub(super) const fn added(start: usize, end: usize) -> Self {
        Self { start: start as u32 | ADDED, len: end.saturating_sub(start) as u32 }
    }

    /// Whether the bytes were added by an edit.
    #[must_use]
    pub const fn is_added(self) -> bool {
        self.start & ADDED != 0
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) const fn start(self) -> usize {
        (self.start & !ADDED) as usize
    }

    pub(super) const fn end(self) -> usize {
        self.start() + self.len as usize
    }

    /// Whether `next` begins where this one ends, in the same arena.
    #[inline]
    pub(super) const fn is_before(self, next: Self) -> bool {
        // Positions stay below the bit of the arena, so it survives the sum.
        self.start.wrapping_add(self.len) == next.start
    }

    /// The part of this slice from `from` to `to`, both counted within it.
    pub(super) const fn part(self, from: usize, to: usize) -> Self {
        Self { start: self.start + from as u32, len: to.saturating_sub(from) as u32 }
    }
}

/// One field line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The name as received or added.
    pub name: Slice,
    /// The value without white space around it.
    pub value: Slice,
    /// Identity of the name.
    pub known: Known,
    /// Received exactly as it would be written, so that it can be copied with its neighbours.
    pub(super) clean: bool,
    /// Spans several lines; the line ends become spaces once the bytes are copied.
    pub(super) folded: bool,
}

/// Form of a request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetKind {
    /// `/path?query`.
    #[default]
    Origin,
    /// `scheme://authority/path?query`.
    Absolute,
    /// `host:port`, of CONNECT.
    Authority,
    /// `*`, of OPTIONS.
    Asterisk,
}

/// Start line of either direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StartLine {
    pub(super) response: bool,
    /// Received exactly as it would be written.
    pub(super) clean: bool,
    /// Content-Length was dropped beside Transfer-Encoding: the connection is not to be trusted.
    pub(super) conflict: bool,
    pub(super) method: Method,
    pub(super) target_kind: TargetKind,
    pub(super) version: Version,
    pub(super) status: u16,
    pub(super) method_bytes: Slice,
    pub(super) target: Slice,
    pub(super) authority: Slice,
    pub(super) path: Slice,
    pub(super) query: Option<Slice>,
    pub(super) reason: Slice,
}

/// Where parsing stopped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The start line is done.
    pub(super) in_fields: bool,
    /// Some field spans several lines.
    pub(super) folded: bool,
    /// Start of the line that is not whole yet.
    pub(super) line: usize,
    /// Everything before it is known to hold no end of that line; 0 when it must be read again.
    pub(super) seen: usize,
}

/// Head of a request or a response. Reused from message to message: [`Head::clear`] keeps the
/// memory.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub(super) raw: Vec<u8>,
    pub(super) extra: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) present: KnownSet,
    pub(super) line: StartLine,
    pub(super) progress: Progress,
    pub(super) added_limit: usize,
}

impl Head {
    /// An empty head. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the message and keeps the memory.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.extra.clear();
        self.fields.clear();
        self.present = KnownSet::EMPTY;
        self.line = StartLine::default();
        self.progress = Progress::default();
    }

    /// Gives memory beyond `bytes` per arena and the field list back to the allocator.
    pub fn shrink_to(&mut self, bytes: usize) {
        self.raw.shrink_to(bytes);
        self.extra.shrink_to(bytes);
        self.fields.shrink_to(bytes / size_of::<Field>());
    }

    /// The head as received (obs-fold replaced by spaces). Empty until it is complete, and for a
    /// head that was built rather than read.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The bytes of `slice`.
    #[must_use]
    #[inline]
    pub fn bytes(&self, slice: Slice) -> &[u8] {
        let arena = if slice.is_added() { &self.extra } else { &self.raw };
        arena.get(slice.start()..slice.end()).unwrap_or_default()
    }

    /// Whether this is the head of a response.
    #[must_use]
    pub const fn is_response(&self) -> bool {
        self.line.response
    }

    /// Version of the message.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.line.version
    }

    /// Method of a request.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.line.method
    }

    /// The method as it was sent.
    #[must_use]
    pub fn method_bytes(&self) -> &[u8] {
        self.bytes(self.line.method_bytes)
    }

    /// The whole request target (`url` of HAProxy's samples).
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.bytes(self.line.target)
    }

    /// Form of the request target.
    #[must_use]
    pub const fn target_kind(&self) -> TargetKind {
        self.line.target_kind
    }

    /// Path of the target, from its first slash to before the question mark. Empty for the
    /// authority form, `*` for the asterisk form, and empty for an absolute target without path.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.bytes(self.line.path)
    }

    /// What follows the first question mark of the target; none when there is no question mark.
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        self.line.query.map(|slice| self.bytes(slice))
    }

    /// Path and query with the question mark between them (`pathq`).
    #[must_use]
    pub fn path_and_query(&self) -> &[u8] {
        let path = self.line.path;
        let end = self.line.query.map_or(path.end(), Slice::end);
        self.bytes(path.part(0, end.saturating_sub(path.start())))
    }

    /// Authority of an absolute or authority-form target; empty for the other forms.
    #[must_use]
    pub fn authority(&self) -> &[u8] {
        self.bytes(self.line.authority)
    }

    /// Host and port the request is for: the authority of the target if it has one, else the `Host`
    /// field.
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        if self.line.authority.is_empty() {
            self.first(Known::Host)
        } else {
            Some(self.authority())
        }
    }

    /// Status of a response, 100 to 999; 0 for a request.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.line.status
    }

    /// Reason phrase as received or set; empty when there was none.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.bytes(self.line.reason)
    }

    /// The field lines in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.fields.iter().map(|f| (self.bytes(f.name), self.bytes(f.value)))
    }

    /// The known names that this head holds.
    #[must_use]
    #[inline]
    pub const fn present(&self) -> KnownSet {
        self.present
    }

    /// Whether a field called `known` is present. One bit test.
    #[must_use]
    #[inline]
    pub const fn has(&self, known: Known) -> bool {
        self.present.contains(known)
    }
}
