//! As much of WebSocket (RFC 6455) as an echo server and its client need.

use std::io::{self, Read, Write};

/// Longest payload taken; more ends the connection.
pub const PAYLOAD_MAX: u64 = 64 * 1024;
/// Text and close, ping and pong (RFC 6455 section 5.2).
pub const TEXT: u8 = 1;
/// Connection close.
pub const CLOSE: u8 = 8;
/// Ping.
pub const PING: u8 = 9;
/// Pong.
pub const PONG: u8 = 10;

/// One unfragmented frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub opcode: u8,
    /// Unmasked.
    pub payload: Vec<u8>,
}

/// The value of `Sec-WebSocket-Accept` for a client's key (RFC 6455 section 4.2.2).
#[must_use]
pub fn accept(key: &str) -> String {
    let digest = sha1_smol::Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    base64(&digest.digest().bytes())
}

/// Base64 with padding (RFC 4648 section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) as usize & 63;
            let padding = place > group.len();
            let letter = ALPHABET.get(index).copied().map_or('=', char::from);
            text.push(if padding { '=' } else { letter });
        }
    }
    text
}

/// Reads one frame; `None` when the stream has ended before it.
///
/// # Errors
/// When the stream fails or ends inside a frame, and for frames that are fragmented or too long.
pub fn read(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut start = [0; 2];
    if from.read(&mut start[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut start[1..])?;
    let [first, second] = start;
    if first & 0x80 == 0 {
        return Err(io::Error::other("fragmented frame"));
    }
    let length = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(bytes(from)?)),
        127 => u64::from_be_bytes(bytes(from)?),
        short => u64::from(short),
    };
    if length > PAYLOAD_MAX {
        return Err(io::Error::other("frame too long"));
    }
    let mask: [u8; 4] = if second & 0x80 == 0 { [0; 4] } else { bytes(from)? };
    let mut payload = vec![0; length as usize];
    from.read_exact(&mut payload)?;
    apply(mask, &mut payload);
    Ok(Some(Frame { opcode: first & 0x0f, payload }))
}

/// Writes one frame, masked when it comes from a client.
///
/// # Errors
/// When the stream fails or the payload is too long.
pub fn write(to: &mut impl Write, frame: &Frame, mask: Option<[u8; 4]>) -> io::Result<()> {
    let mut out = vec![0x80 | frame.opcode];
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match u16::try_from(frame.payload.len()) {
        Ok(length) if length < 126 => out.push(masked | length.to_le_bytes()[0]),
        Ok(length) => {
            out.push(masked | 126);
            out.extend(length.to_be_bytes());
        }
        Err(_) => return Err(io::Error::other("frame too long")),
    }
    let mut payload = frame.payload.clone();
    if let Some(mask) = mask {
        out.extend(mask);
        apply(mask, &mut payload);
    }
    out.extend(payload);
    to.write_all(&out)
}

fn bytes<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, TEXT, accept, base64, read, write};

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        for length in [0, 5, 125, 126, 60_000] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let frame = Frame { opcode: TEXT, payload: vec![b'x'; length] };
                let mut wire = Vec::new();
                write(&mut wire, &frame, mask).expect("written");
                assert_eq!(read(&mut wire.as_slice()).expect("read"), Some(frame));
                assert!(read(&mut &wire[..wire.len() - 1]).is_err());
            }
        }
        assert_eq!(read(&mut [].as_slice()).expect("the end"), None);
    }
}
