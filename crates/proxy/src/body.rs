//! How much of the bytes that arrive belongs to the present message.

use wire::h1::framing::BodyLength;
use wire::h1::{Chunked, Followed};

use crate::splice::SPLICE_MIN_BYTES;

/// The framing of a body is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Where the present message ends.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing more belongs to it.
    Done,
    /// So many bytes more.
    Length(u64),
    /// Until the chunked coding ends.
    Chunked(Chunked),
    /// Until the sender closes.
    UntilClose,
}

impl From<BodyLength> for Body {
    fn from(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty | BodyLength::Length(0) => Self::Done,
            BodyLength::Length(n) => Self::Length(n),
            BodyLength::Chunked => Self::Chunked(Chunked::new()),
            BodyLength::UntilClose | BodyLength::Tunnel => Self::UntilClose,
        }
    }
}

impl Body {
    /// Nothing more is to come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes from the front of `bytes` what belongs to the message and says how much that is.
    ///
    /// # Errors
    /// The chunked coding is broken.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        Ok(self.pass(bytes, &mut Vec::new())?.used)
    }

    /// As [`Body::take`], for what is passed on: where the bytes cannot go as they are, `clean` has
    /// them as they can, and the answer says `rewritten`.
    ///
    /// # Errors
    /// The chunked coding is broken.
    pub fn pass(&mut self, bytes: &[u8], clean: &mut Vec<u8>) -> Result<Followed, Malformed> {
        let used = match self {
            Self::Done => 0,
            Self::UntilClose => bytes.len(),
            Self::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                self.spliced(n as u64);
                n
            }
            Self::Chunked(decoder) => {
                let followed = decoder.follow(bytes, clean).map_err(|_| Malformed)?;
                if followed.over {
                    *self = Self::Done;
                }
                return Ok(followed);
            }
        };
        Ok(Followed { used, over: self.is_done(), rewritten: false })
    }

    /// `n` bytes of a body of known length went another way.
    pub fn spliced(&mut self, n: u64) {
        if let Self::Length(left) = self {
            *left = left.saturating_sub(n);
            if *left == 0 {
                *self = Self::Done;
            }
        }
    }

    /// Bytes still to come, where they are many and known.
    #[must_use]
    pub fn spliceable(&self) -> Option<u64> {
        match self {
            Self::Length(n) if *n >= SPLICE_MIN_BYTES => Some(*n),
            _ => None,
        }
    }

    /// More than a head's buffer is to come, or nobody knows how much.
    #[must_use]
    pub fn is_large(&self) -> bool {
        match self {
            Self::Done => false,
            Self::Length(n) => *n >= SPLICE_MIN_BYTES / 4,
            Self::Chunked(_) | Self::UntilClose => true,
        }
    }

    /// The sender closed: whether the message is complete by that.
    pub fn end_of_input(&mut self) -> bool {
        if matches!(self, Self::UntilClose) {
            *self = Self::Done;
        }
        self.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_belongs_to_the_message_and_no_more() {
        let mut b = Body::from(BodyLength::Length(5));
        assert_eq!(b.take(b"abc"), Ok(3));
        assert_eq!(b.take(b"defgh"), Ok(2));
        assert!(b.is_done());
        let mut b = Body::from(BodyLength::Chunked);
        assert_eq!(b.take(b"3\r\nabc\r\n0\r\n\r\nGET /"), Ok(13));
        assert!(b.is_done());
        let mut b = Body::from(BodyLength::UntilClose);
        assert_eq!(b.take(b"abc"), Ok(3));
        assert!(b.end_of_input());
    }

    #[test]
    fn an_early_close_is_not_an_end() {
        assert!(!Body::from(BodyLength::Length(1)).end_of_input());
        assert!(!Body::from(BodyLength::Chunked).end_of_input());
    }
}
