//! The chunked transfer coding: followed, decoded and written (RFC 9112 section 7.1).

use std::fmt;
use std::ops::Range;

use super::head::Head;
use super::{HeadError, Limits, Parse, fields};
use crate::http::{Known, KnownSet, append_hex};

/// Bytes of one chunk line, extensions included.
pub const MAX_CHUNK_LINE: usize = 4_096;
/// Bytes of all trailers together.
pub const MAX_TRAILERS: usize = 16_384;
/// Number of trailers.
pub const MAX_TRAILER_FIELDS: usize = 101;

/// Why a chunked body was refused. The connection it came over cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkError {
    /// The size is missing, not hexadecimal or not below 2^60.
    Size,
    /// A line that does not end in CR LF.
    LineEnd,
    /// A chunk line of more than [`MAX_CHUNK_LINE`] bytes.
    LineTooLong,
    /// The data of a chunk is not followed by CR LF.
    DataEnd,
    /// Trailers that are malformed or exceed their bounds.
    Trailer,
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "bad chunk size",
            Self::LineEnd => "chunk line without CR LF",
            Self::LineTooLong => "chunk line too long",
            Self::DataEnd => "chunk data not followed by CR LF",
            Self::Trailer => "bad trailer",
        })
    }
}

impl std::error::Error for ChunkError {}

/// What one call found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Data of the body stands at this range of the buffer. Everything up to its end is used.
    Data(Range<usize>),
    /// The whole buffer is used and the body is not over.
    More,
    /// The body is over; this many bytes of the buffer were used. What follows is the next message.
    End(usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    #[default]
    SizeStart,
    Size,
    /// White space after the size, before a semicolon or the end of the line.
    SizeSpace,
    Extension,
    /// After the CR of a chunk line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a line of the trailer section.
    TrailerStart,
    TrailerLine,
    /// After the CR of the final empty line.
    EndLf,
    Done,
    Failed,
}

/// How much of a buffer belongs to a body that is passed on, see [`Chunked::follow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Bytes of the buffer that belong to the body.
    pub used: usize,
    /// The body is over.
    pub over: bool,
    /// They are to be passed on as the other buffer has them, which may be empty.
    pub rewritten: bool,
}

/// Follows a chunked body through buffers of any size. Looks at data not at all.
#[derive(Clone, Debug, Default)]
pub struct Chunked {
    state: State,
    /// Size read so far, then bytes of data still to come.
    remaining: u64,
    /// Bytes of the current chunk line.
    line: usize,
    /// What stood between size and line end in the buffer of the last call: white space and
    /// extensions, which mean nothing to the next hop.
    gap: Range<usize>,
    /// Trailer lines as received; no memory while there are none.
    trailers: Vec<u8>,
}

/// Fields that may not stand in a trailer section because they would change framing, routing or
/// meaning of the message (RFC 9110 section 6.5.1).
pub const FORBIDDEN_TRAILERS: KnownSet = KnownSet::of(&[
    Known::ContentLength,
    Known::TransferEncoding,
    Known::Trailer,
    Known::Host,
    Known::Connection,
    Known::ProxyConnection,
    Known::KeepAlive,
    Known::Upgrade,
    Known::Te,
    Known::Expect,
    Known::MaxForwards,
    Known::Cookie,
    Known::SetCookie,
    Known::Authorization,
    Known::ProxyAuthorization,
    Known::WwwAuthenticate,
    Known::ProxyAuthenticate,
    Known::CacheControl,
    Known::ContentType,
    Known::ContentEncoding,
    Known::ContentRange,
    Known::Range,
    Known::Location,
    Known::Date,
    Known::Vary,
    Known::Age,
    Known::Expires,
    Known::RetryAfter,
]);

/// Sizes from here on are refused, before one more digit could overflow them.
const MAX_SIZE: u64 = 1 << 60;

impl Chunked {
    /// A decoder before the first chunk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the body is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes of the current chunk that are still to come: what may be moved unseen (splice), after
    /// which [`Chunked::skip`] is told.
    #[must_use]
    pub fn data_remaining(&self) -> u64 {
        if self.state == State::Data { self.remaining } else { 0 }
    }

    /// Notes that `len` bytes of data, at most [`Chunked::data_remaining`], went past elsewhere.
    pub fn skip(&mut self, len: u64) {
        if self.state == State::Data {
            self.remaining = self.remaining.saturating_sub(len);
            if self.remaining == 0 {
                self.state = State::DataCr;
            }
        }
    }

    /// Finds the next piece of data in `buf` from `at` on. Call again from the end of the range it
    /// gives, with the same buffer, until it says `More` or `End`.
    ///
    /// # Errors
    /// [`ChunkError`]; the decoder stays in error then.
    pub fn next(&mut self, buf: &[u8], at: usize) -> Result<Chunk, ChunkError> {
        self.gap = 0..0;
        let found = self.advance(buf, at);
        if found.is_err() {
            self.state = State::Failed;
        }
        found
    }

    fn advance(&mut self, buf: &[u8], mut at: usize) -> Result<Chunk, ChunkError> {
        while let Some(&byte) = buf.get(at) {
            match self.state {
                State::Data => {
                    let rest = buf.len() - at;
                    let len = usize::try_from(self.remaining).map_or(rest, |r| r.min(rest));
                    self.skip(len as u64);
                    return Ok(Chunk::Data(at..at + len));
                }
                State::TrailerStart | State::TrailerLine | State::EndLf => {
                    at += self.trailer(buf.get(at..).unwrap_or_default())?;
                }
                State::Done => return Ok(Chunk::End(at)),
                _ => {
                    self.frame(byte)?;
                    if matches!(self.state, State::SizeSpace | State::Extension) {
                        let start = if self.gap.is_empty() { at } else { self.gap.start };
                        self.gap = start..at + 1;
                    }
                    at += 1;
                }
            }
        }
        Ok(if self.state == State::Done { Chunk::End(at) } else { Chunk::More })
    }

    /// Follows the body through `buf` for a body that is passed on in the same chunks. White space
    /// and extensions behind a size, where readers disagree, are left out: `clean` then holds what
    /// is to be passed on instead. Nothing is copied while there are none.
    ///
    /// # Errors
    /// [`ChunkError`]; nothing of `buf` should be passed on then. Stricter than [`Chunked::next`]:
    /// trailers that would change the message are refused, too.
    pub fn follow(&mut self, buf: &[u8], clean: &mut Vec<u8>) -> Result<Followed, ChunkError> {
        let (mut at, mut copied, mut rewritten) = (0, 0, false);
        let (used, over) = loop {
            let found = self.next(buf, at)?;
            if !self.gap.is_empty() {
                if !rewritten {
                    clean.clear();
                }
                rewritten = true;
                clean.extend_from_slice(buf.get(copied..self.gap.start).unwrap_or_default());
                copied = self.gap.end;
            }
            match found {
                Chunk::Data(range) => at = range.end,
                Chunk::More => break (buf.len(), false),
                Chunk::End(used) => {
                    self.refuse_forbidden_trailers()?;
                    break (used, true);
                }
            }
        };
        if rewritten {
            clean.extend_from_slice(buf.get(copied..used).unwrap_or_default());
        }
        Ok(Followed { used, over, rewritten })
    }

    /// One byte outside data and trailers.
    fn frame(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.state = match (self.state, byte) {
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.remaining = self.remaining << 4 | u64::from(digit);
                if self.remaining >= MAX_SIZE {
                    return Err(ChunkError::Size);
                }
                State::Size
            }
            (State::SizeStart, _) => return Err(ChunkError::Size),
            (State::Size | State::SizeSpace | State::Extension, b'\r') => State::SizeLf,
            (State::Size | State::SizeSpace, b' ' | b'\t') => State::SizeSpace,
            (State::Size | State::SizeSpace, b';') => State::Extension,
            (State::Size | State::Extension, b'\n') => return Err(ChunkError::LineEnd),
            (State::Size | State::SizeSpace, _) => return Err(ChunkError::Size),
            (State::Extension, _) => State::Extension,
            (State::SizeLf, b'\n') => {
                self.line = 0;
                self.data_start();
                return Ok(());
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::SizeStart,
            (State::DataCr | State::DataLf, _) => return Err(ChunkError::DataEnd),
            _ => return Err(ChunkError::LineEnd),
        };
        self.line += 1;
        if self.line > MAX_CHUNK_LINE {
            return Err(ChunkError::LineTooLong);
        }
        if self.state == State::SizeStart {
            self.line = 0;
        }
        Ok(())
    }

    fn data_start(&mut self) {
        self.state = if self.remaining == 0 { State::TrailerStart } else { State::Data };
    }

    /// Takes bytes of the trailer section; tells how many.
    fn trailer(&mut self, bytes: &[u8]) -> Result<usize, ChunkError> {
        let mut used = 0;
        for &byte in bytes {
            used += 1;
            self.state = match (self.state, byte) {
                (State::TrailerStart, b'\r') => State::EndLf,
                (State::TrailerStart, b'\n') => return Err(ChunkError::Trailer),
                (State::EndLf, b'\n') => {
                    self.check_trailers()?;
                    self.state = State::Done;
                    return Ok(used);
                }
                (State::EndLf, _) => return Err(ChunkError::LineEnd),
                (_, b'\n') => {
                    self.trailers.push(byte);
                    if !self.trailers.ends_with(b"\r\n") {
                        return Err(ChunkError::LineEnd);
                    }
                    State::TrailerStart
                }
                _ => {
                    if self.trailers.len() >= MAX_TRAILERS {
                        return Err(ChunkError::Trailer);
                    }
                    self.trailers.push(byte);
                    State::TrailerLine
                }
            };
        }
        Ok(used)
    }

    fn check_trailers(&self) -> Result<(), ChunkError> {
        if self.trailers.is_empty() {
            return Ok(());
        }
        self.trailers_into(&mut Head::new())
    }

    fn refuse_forbidden_trailers(&self) -> Result<(), ChunkError> {
        if self.trailers.is_empty() {
            return Ok(());
        }
        let mut head = Head::new();
        self.trailers_into(&mut head)?;
        let forbidden = head.present().intersects(FORBIDDEN_TRAILERS);
        if forbidden { Err(ChunkError::Trailer) } else { Ok(()) }
    }

    /// Appends the trailers, clean and without [`FORBIDDEN_TRAILERS`], and the empty line that ends
    /// the body; for a body that is sent in chunks anew, after its `0 CR LF`.
    ///
    /// # Errors
    /// As [`Chunked::trailers_into`].
    pub fn write_trailers(&self, out: &mut Vec<u8>) -> Result<(), ChunkError> {
        if !self.trailers.is_empty() {
            let mut head = Head::new();
            self.trailers_into(&mut head)?;
            head.write_fields(out, FORBIDDEN_TRAILERS);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Reads the trailers into the fields of `head`; call when the body is over.
    ///
    /// # Errors
    /// [`ChunkError::Trailer`] when they are malformed, which cannot be after [`Chunk::End`].
    pub fn trailers_into(&self, head: &mut Head) -> Result<(), ChunkError> {
        head.clear();
        let limits = Limits {
            head_bytes: MAX_TRAILERS + 4,
            fields: MAX_TRAILER_FIELDS + 1,
            ..Limits::default()
        };
        let mut section = self.trailers.clone();
        section.extend_from_slice(b"\r\n");
        match fields::parse_fields(&section, &limits, head) {
            Ok(Parse::Complete { head_len }) if head_len == section.len() => Ok(()),
            Ok(_) | Err(HeadError { .. }) => Err(ChunkError::Trailer),
        }
    }
}

/// Appends the line that opens a chunk of `len` bytes. `len` 0 would end the body: use
/// [`LAST_CHUNK`].
pub fn write_chunk_start(out: &mut Vec<u8>, len: u64) {
    append_hex(out, len);
    out.extend_from_slice(b"\r\n");
}

/// What follows the data of every chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// The last chunk and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
