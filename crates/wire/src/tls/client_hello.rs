//! The first message of a TLS client, read without decrypting: name, versions and protocols asked
//! for (RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301 section 3.1).

use std::ops::Range;

/// Longest ClientHello looked at, handshake header included. Post-quantum key shares make them
/// some 2 KiB; real ones stay below this.
pub const MAX_HELLO_BYTES: usize = 16_384;
/// Records the hello may be spread over.
const MAX_RECORDS: usize = 64;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// Outcome of looking at the first bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek {
    /// A whole ClientHello.
    Hello(ClientHello),
    /// A whole first handshake message that is no ClientHello; its type (`req.ssl_hello_type` is 2
    /// for a ServerHello, else 0).
    Other(u8),
    /// So far it looks like TLS; read more.
    Partial,
}

/// The connection does not begin with a TLS or SSLv2 hello, or with a malformed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTls;

/// What a ClientHello asks for. Versions are major * 256 + minor of the protocol, as on the wire:
/// 0x0200 SSLv2, 0x0300 SSLv3, 0x0301 TLS 1.0, 0x0304 TLS 1.3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// Version of the record layer.
    pub record_version: u16,
    /// Version in the hello itself; 0x0303 with TLS 1.3.
    pub legacy_version: u16,
    /// Highest version the client takes: from `supported_versions` when present, GREASE left out.
    pub max_version: u16,
    /// An SSLv2-style hello, which has no extensions.
    pub is_sslv2: bool,
    bytes: Vec<u8>,
    sni: Option<Range<usize>>,
    alpn: Option<Range<usize>>,
}

impl ClientHello {
    /// Host name of the server_name extension, as sent (`req.ssl_sni`).
    #[must_use]
    pub fn sni(&self) -> Option<&[u8]> {
        self.bytes.get(self.sni.clone()?)
    }

    /// Protocols of the ALPN extension in the client's order (`req.ssl_alpn` joins them by commas).
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let list = self.alpn.clone().and_then(|r| self.bytes.get(r)).unwrap_or_default();
        let mut reader = Reader { bytes: list, at: 0 };
        std::iter::from_fn(move || reader.vector8())
    }
}

/// Looks at the first bytes of a connection. Nothing is kept between calls: call again with more
/// bytes from the start after [`Peek::Partial`].
///
/// # Errors
/// [`NotTls`] as soon as the bytes cannot become a hello.
pub fn peek(buf: &[u8]) -> Result<Peek, NotTls> {
    match buf.first() {
        None => Ok(Peek::Partial),
        Some(&HANDSHAKE) => peek_records(buf),
        Some(&first) if first & 0x80 != 0 => peek_sslv2(buf),
        Some(_) => Err(NotTls),
    }
}

/// Joins the handshake message from its records.
fn peek_records(buf: &[u8]) -> Result<Peek, NotTls> {
    let mut message = Vec::new();
    let mut at = 0;
    let mut record_version = 0;
    for record in 0..MAX_RECORDS {
        let header = buf.get(at..).unwrap_or_default();
        check_record_start(header)?;
        let Some(&[_, major, minor, high, low]) = header.first_chunk::<5>() else {
            return Ok(Peek::Partial);
        };
        if record == 0 {
            record_version = u16::from_be_bytes([major, minor]);
        }
        let len = usize::from(u16::from_be_bytes([high, low]));
        // Plaintext records hold 1 to 2^14 bytes (RFC 8446 section 5.1).
        if len == 0 || len > 1 << 14 {
            return Err(NotTls);
        }
        let body = header.get(5..).unwrap_or_default();
        message.extend_from_slice(body.get(..len).unwrap_or(body));
        match message_len(&message)? {
            Some(total) if message.len() >= total => {
                message.truncate(total);
                return read_message(message, record_version);
            }
            _ if body.len() < len => return Ok(Peek::Partial),
            _ => at += 5 + len,
        }
    }
    Err(NotTls)
}

/// Refuses what cannot be the start of a handshake record.
fn check_record_start(header: &[u8]) -> Result<(), NotTls> {
    let kind = header.first().is_none_or(|&b| b == HANDSHAKE);
    let major = header.get(1).is_none_or(|&b| b == 3);
    if kind && major { Ok(()) } else { Err(NotTls) }
}

/// Bytes of the handshake message with its header, once that is there.
fn message_len(message: &[u8]) -> Result<Option<usize>, NotTls> {
    let Some(&[_, a, b, c]) = message.first_chunk::<4>() else { return Ok(None) };
    let len = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
    if len > MAX_HELLO_BYTES { Err(NotTls) } else { Ok(Some(len)) }
}

fn read_message(message: Vec<u8>, record_version: u16) -> Result<Peek, NotTls> {
    match message.first() {
        Some(&CLIENT_HELLO) => {}
        Some(&other) => return Ok(Peek::Other(other)),
        None => return Err(NotTls),
    }
    let mut hello = ClientHello { record_version, ..ClientHello::default() };
    read_hello(&message, &mut hello).ok_or(NotTls)?;
    hello.bytes = message;
    Ok(Peek::Hello(hello))
}

fn read_hello(message: &[u8], hello: &mut ClientHello) -> Option<()> {
    let mut reader = Reader { bytes: message, at: 4 };
    hello.legacy_version = reader.u16()?;
    hello.max_version = hello.legacy_version;
    reader.take(32)?;
    reader.vector8().filter(|id| id.len() <= 32)?;
    let ciphers = reader.vector16()?;
    if ciphers.is_empty() || ciphers.len() % 2 != 0 || reader.vector8()?.is_empty() {
        return None;
    }
    if reader.at == message.len() {
        // Old clients send no extensions at all.
        return Some(());
    }
    let end = usize::from(reader.u16()?) + reader.at;
    if end != message.len() {
        return None;
    }
    while reader.at < end {
        let kind = reader.u16()?;
        let len = usize::from(reader.u16()?);
        let start = reader.at;
        let value = reader.take(len)?;
        match kind {
            SERVER_NAME if hello.sni.is_none() => {
                let name = host_name(value)?;
                hello.sni = Some(start + name.start..start + name.end);
            }
            ALPN if hello.alpn.is_none() => {
                check_alpn(value)?;
                hello.alpn = Some(start + 2..start + len);
            }
            SUPPORTED_VERSIONS => {
                let versions = Reader { bytes: value, at: 0 }.vector8()?;
                let highest = versions.as_chunks::<2>().0.iter().map(|&v| u16::from_be_bytes(v));
                if let Some(highest) = highest.filter(|v| v >> 8 == 3).max() {
                    hello.max_version = highest;
                }
            }
            // A second server_name or ALPN: two readers could see two names.
            SERVER_NAME | ALPN => return None,
            _ => {}
        }
    }
    Some(())
}

/// Where the host name stands in a server_name extension.
fn host_name(extension: &[u8]) -> Option<Range<usize>> {
    let mut reader = Reader { bytes: extension, at: 0 };
    let list = reader.vector16()?;
    if reader.at != extension.len() {
        return None;
    }
    let mut reader = Reader { bytes: list, at: 0 };
    let kind = reader.u8()?;
    let name = reader.vector16()?;
    // Only host names (type 0) exist, and only one may be given; empty ones and NULs are refused.
    let valid = kind == 0 && !name.is_empty() && !name.contains(&0) && reader.at == list.len();
    valid.then(|| 5..5 + name.len())
}

fn check_alpn(extension: &[u8]) -> Option<()> {
    let mut reader = Reader { bytes: extension, at: 0 };
    let list = reader.vector16()?;
    if list.is_empty() || reader.at != extension.len() {
        return None;
    }
    let mut reader = Reader { bytes: list, at: 0 };
    while reader.at < list.len() {
        reader.vector8().filter(|name| !name.is_empty())?;
    }
    Some(())
}

/// An SSLv2-style hello (RFC 5246 appendix E.2): a two-byte length, type 1, version, three lengths.
fn peek_sslv2(buf: &[u8]) -> Result<Peek, NotTls> {
    if buf.get(2).is_some_and(|&kind| kind != CLIENT_HELLO)
        || buf.get(3).is_some_and(|&major| major != 3 && major != 0 && major != 2)
    {
        return Err(NotTls);
    }
    let Some(&[high, low, _, major, minor, c0, c1, s0, s1, r0, r1]) = buf.first_chunk::<11>()
    else {
        return Ok(Peek::Partial);
    };
    let len = usize::from(u16::from_be_bytes([high & 0x7f, low]));
    let part = |a, b| usize::from(u16::from_be_bytes([a, b]));
    let (ciphers, session, challenge) = (part(c0, c1), part(s0, s1), part(r0, r1));
    let fits = len == 9 + ciphers + session + challenge;
    if !fits || ciphers == 0 || ciphers % 3 != 0 || !(16..=32).contains(&challenge) {
        return Err(NotTls);
    }
    if buf.len() < 2 + len {
        return Ok(Peek::Partial);
    }
    // SSLv2 itself is 0x0002 on the wire; told as 0x0200 like the others.
    let version = if major == 0 { 0x0200 } else { u16::from_be_bytes([major, minor]) };
    Ok(Peek::Hello(ClientHello {
        record_version: 0x0200,
        legacy_version: version,
        max_version: version,
        is_sslv2: true,
        ..ClientHello::default()
    }))
}

/// Reads fields from the front of bytes.
#[derive(Clone, Debug)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|&b| u16::from_be_bytes(b))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }
}
