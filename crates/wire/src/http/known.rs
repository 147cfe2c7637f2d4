//! Field names the product looks at, as one-byte ids found once while a head is parsed.

use wide::u8x16;

/// Names are at most this long; longer ones are never known.
const MAX_LEN: usize = 2 * BLOCK;
const BLOCK: usize = 16;
const BITS: u32 = 9;
/// Chosen so that no two names share a slot; a test and the table builder check it.
const MULTIPLIER: u32 = 0x9d98_c52d;

macro_rules! known {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// Identity of a field name. `Other` is every name without an id of its own.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each variant is the field of the same name")]
        pub enum Known {
            #[default]
            Other,
            $($variant),*
        }

        /// Lower-case names in the order of the enum; `Other` has none.
        const NAMES: &[&str] = &["", $($name),*];
        const ALL: &[Known] = &[Known::Other, $(Known::$variant),*];
    };
}

known! {
    Host "host", Connection "connection", ContentLength "content-length",
    TransferEncoding "transfer-encoding", Upgrade "upgrade", Expect "expect",
    KeepAlive "keep-alive", Te "te", Trailer "trailer", ProxyConnection "proxy-connection",
    ProxyAuthenticate "proxy-authenticate", ProxyAuthorization "proxy-authorization",
    ProxyAuthenticationInfo "proxy-authentication-info", Http2Settings "http2-settings",
    XForwardedFor "x-forwarded-for", XForwardedProto "x-forwarded-proto",
    XForwardedHost "x-forwarded-host", XForwardedPort "x-forwarded-port", XRealIp "x-real-ip",
    XOriginalTo "x-original-to", Forwarded "forwarded", Via "via", MaxForwards "max-forwards",
    Cookie "cookie", SetCookie "set-cookie", Authorization "authorization",
    WwwAuthenticate "www-authenticate", CacheControl "cache-control", Pragma "pragma",
    Date "date", Server "server", Location "location", UserAgent "user-agent", Accept "accept",
    AcceptEncoding "accept-encoding", AcceptLanguage "accept-language",
    AcceptCharset "accept-charset", AcceptRanges "accept-ranges", Referer "referer",
    Origin "origin", ContentType "content-type", ContentEncoding "content-encoding",
    ContentLanguage "content-language", ContentRange "content-range",
    ContentLocation "content-location", ContentDisposition "content-disposition",
    ContentSecurityPolicy "content-security-policy", Etag "etag", LastModified "last-modified",
    IfMatch "if-match", IfNoneMatch "if-none-match", IfModifiedSince "if-modified-since",
    IfUnmodifiedSince "if-unmodified-since", IfRange "if-range", Range "range", Vary "vary",
    Age "age", Expires "expires", Warning "warning", Allow "allow", RetryAfter "retry-after",
    Link "link", AltSvc "alt-svc", StrictTransportSecurity "strict-transport-security",
    XContentTypeOptions "x-content-type-options", XFrameOptions "x-frame-options",
    XXssProtection "x-xss-protection", XRequestId "x-request-id", XPoweredBy "x-powered-by",
    XRequestedWith "x-requested-with", UpgradeInsecureRequests "upgrade-insecure-requests",
    SecFetchSite "sec-fetch-site", SecFetchMode "sec-fetch-mode", SecFetchUser "sec-fetch-user",
    SecFetchDest "sec-fetch-dest", SecChUa "sec-ch-ua", SecChUaMobile "sec-ch-ua-mobile",
    SecChUaPlatform "sec-ch-ua-platform", Priority "priority", Dnt "dnt",
    SecWebSocketKey "sec-websocket-key", SecWebSocketAccept "sec-websocket-accept",
    SecWebSocketVersion "sec-websocket-version", SecWebSocketProtocol "sec-websocket-protocol",
    SecWebSocketExtensions "sec-websocket-extensions",
    AccessControlAllowOrigin "access-control-allow-origin",
    AccessControlAllowMethods "access-control-allow-methods",
    AccessControlAllowHeaders "access-control-allow-headers",
    AccessControlMaxAge "access-control-max-age", Traceparent "traceparent",
}

/// A name cut into blocks: the lower-case bytes, and the bits that count (all but 0x20 of a letter,
/// all of any other byte, none beyond the end).
#[derive(Clone, Copy)]
struct Pattern {
    id: Known,
    len: u8,
    bytes: [[u8; BLOCK]; 2],
    counts: [[u8; BLOCK]; 2],
}

#[inline]
const fn slot(len: usize, first: u8, last: u8, before_last: u8) -> usize {
    let key = (len as u32)
        | ((first | 0x20) as u32) << 8
        | ((last | 0x20) as u32) << 16
        | ((before_last | 0x20) as u32) << 24;
    (key.wrapping_mul(MULTIPLIER) >> (32 - BITS)) as usize
}

const fn pattern(id: Known, name: &[u8]) -> Pattern {
    assert!(name.len() >= 2 && name.len() <= MAX_LEN);
    let mut bytes = [[0; BLOCK]; 2];
    let mut counts = [[0; BLOCK]; 2];
    let mut i = 0;
    while i < name.len() {
        bytes[i / BLOCK][i % BLOCK] = name[i];
        counts[i / BLOCK][i % BLOCK] = if name[i].is_ascii_alphabetic() { !0x20 } else { 0xff };
        i += 1;
    }
    Pattern { id, len: name.len() as u8, bytes, counts }
}

const EMPTY: Pattern =
    Pattern { id: Known::Other, len: 0, bytes: [[0; BLOCK]; 2], counts: [[0; BLOCK]; 2] };

/// Slot of every name in [`PATTERNS`]; 0 is the empty pattern.
static SLOTS: [u8; 1 << BITS] = {
    let mut table = [0; 1 << BITS];
    let mut i = 1;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let at = slot(name.len(), name[0], name[name.len() - 1], name[name.len() - 2]);
        assert!(table[at] == 0, "two names share a slot: choose another multiplier");
        table[at] = i as u8;
        i += 1;
    }
    table
};

static PATTERNS: [Pattern; 128] = {
    let mut table = [EMPTY; 128];
    let mut i = 1;
    while i < NAMES.len() {
        table[i] = pattern(ALL[i], NAMES[i].as_bytes());
        i += 1;
    }
    table
};

#[inline]
fn candidate(name: &[u8]) -> &'static Pattern {
    let [first, .., before_last, last] = *name else {
        return short_candidate(name);
    };
    let at = slot(name.len(), first, last, before_last);
    PATTERNS.get(SLOTS[at & ((1 << BITS) - 1)] as usize).unwrap_or(&EMPTY)
}

/// `te`, the only known name of two bytes.
#[cold]
fn short_candidate(name: &[u8]) -> &'static Pattern {
    let [first, last] = *name else { return &EMPTY };
    let at = slot(2, first, last, first);
    PATTERNS.get(SLOTS[at & ((1 << BITS) - 1)] as usize).unwrap_or(&EMPTY)
}

impl Known {
    /// The id of `name`, compared without regard to case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        let pattern = candidate(name);
        if pattern.len as usize == name.len()
            && pattern.id.name().as_bytes().eq_ignore_ascii_case(name)
        {
            pattern.id
        } else {
            Self::Other
        }
    }

    /// The id of the name that fills `buf[start..end]`. Bytes after the name are read, but do not
    /// count, so that whole blocks can be compared.
    #[inline]
    pub(crate) fn from_buffer(buf: &[u8], start: usize, end: usize) -> Self {
        let Some(name) = buf.get(start..end) else { return Self::Other };
        let pattern = candidate(name);
        if pattern.len as usize != name.len() {
            return Self::Other;
        }
        let mut copy = [0; MAX_LEN];
        let padded = match buf.get(start..).and_then(<[u8]>::first_chunk::<MAX_LEN>) {
            Some(padded) => padded,
            None => {
                // The end of the buffer is near.
                let Some(front) = copy.get_mut(..name.len()) else { return Self::Other };
                front.copy_from_slice(name);
                &copy
            }
        };
        let (blocks, _) = padded.as_chunks::<BLOCK>();
        // Blocks beyond the name count for nothing, so both are compared without a branch.
        let differ = blocks.iter().zip(&pattern.bytes).zip(&pattern.counts).fold(
            u8x16::splat(0),
            |bits, ((block, want), counts)| {
                bits | (u8x16::new(*block) ^ u8x16::new(*want)) & u8x16::new(*counts)
            },
        );
        let same = differ.simd_eq(u8x16::splat(0)).all();
        if same { pattern.id } else { Self::Other }
    }

    /// The name in lower case; empty for `Other`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

/// A set of known names. `Other` can never be a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownSet([u64; 2]);

impl KnownSet {
    /// The set without members.
    pub const EMPTY: Self = Self([0; 2]);

    /// The set of `names`.
    #[must_use]
    pub const fn of(names: &[Known]) -> Self {
        let mut set = Self::EMPTY;
        let mut i = 0;
        while i < names.len() {
            set = set.with(names[i]);
            i += 1;
        }
        set
    }

    /// This set and `known`.
    #[must_use]
    #[inline]
    pub const fn with(self, known: Known) -> Self {
        let [low, high] = self.0;
        // Bit 0 belongs to `Other` and is masked away.
        match Self::bit(known) {
            (false, bit) => Self([(low | bit) & !1, high]),
            (true, bit) => Self([low, high | bit]),
        }
    }

    /// This set without `known`.
    #[must_use]
    pub const fn without(self, known: Known) -> Self {
        let [low, high] = self.0;
        match Self::bit(known) {
            (false, bit) => Self([low & !bit, high]),
            (true, bit) => Self([low, high & !bit]),
        }
    }

    /// Members of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    /// Whether `known` is a member.
    #[must_use]
    #[inline]
    pub const fn contains(self, known: Known) -> bool {
        let (upper, bit) = Self::bit(known);
        self.0[upper as usize] & bit != 0
    }

    /// Whether any member is in both sets.
    #[must_use]
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0[0] & other.0[0] | self.0[1] & other.0[1] != 0
    }

    /// Whether the set has no members.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0[0] | self.0[1] == 0
    }

    /// Which word a name is in, and its bit there.
    #[inline]
    const fn bit(known: Known) -> (bool, u64) {
        (known as u8 & 64 != 0, 1 << (known as u8 & 63))
    }
}

/// A field name to look for or to write, with its id looked up once (when a configuration is
/// compiled, not per request).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldName {
    known: Known,
    bytes: Box<[u8]>,
}

impl FieldName {
    /// A name as it shall be written; none when `name` is not a token (RFC 9110 section 5.1).
    #[must_use]
    pub fn new(name: &[u8]) -> Option<Self> {
        super::token::is_token(name)
            .then(|| Self { known: Known::from_name(name), bytes: name.into() })
    }

    /// The id of the name.
    #[must_use]
    pub const fn known(&self) -> Known {
        self.known
    }

    /// The name as it was given.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Known> for FieldName {
    /// The lower-case name of `known`.
    fn from(known: Known) -> Self {
        Self { known, bytes: known.name().as_bytes().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_nothing_else_is() {
        for &id in &ALL[1..] {
            let name = id.name();
            let mut upper = name.to_ascii_uppercase().into_bytes();
            assert_eq!(Known::from_name(name.as_bytes()), id);
            assert_eq!(Known::from_name(&upper), id);
            let len = upper.len();
            upper.extend_from_slice(&[0xff; 40]);
            assert_eq!(Known::from_buffer(&upper, 0, len), id);
            for at in 0..len {
                for bit in 0..8 {
                    let mut changed = upper.clone();
                    changed[at] ^= 1 << bit;
                    let want = Known::from_name(&changed[..len]);
                    assert_eq!(Known::from_buffer(&changed, 0, len), want);
                    let case_only = bit == 5 && upper[at].is_ascii_alphabetic();
                    assert_eq!(want == id, case_only, "{name} byte {at} bit {bit}");
                }
            }
        }
        assert_eq!(Known::from_name(b""), Known::Other);
        assert_eq!(Known::from_name(b"x"), Known::Other);
    }

    #[test]
    fn sets_never_hold_other() {
        let set = KnownSet::of(&[Known::Host, Known::Other]);
        assert!(set.contains(Known::Host) && !set.contains(Known::Other));
        assert!(set.without(Known::Host).is_empty());
        assert!(set.intersects(KnownSet::EMPTY.with(Known::Host)));
    }
}
