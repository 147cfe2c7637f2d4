//! The HTTP answer of a check as far as it has arrived.

use wire::h1::{self, BodyLength, Chunk, Chunked, Head, Limits, Parse};
use wire::http::Method;

/// Collects an answer; what is beyond the input bound is not needed.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) has_head: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) is_complete: bool,
    used: usize,
    length: Option<BodyLength>,
    chunked: Chunked,
}

/// The bytes are no HTTP answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

impl Response {
    /// Follows `input`, which holds all bytes so far. `ended`: nothing more comes.
    pub(crate) fn follow(
        &mut self,
        input: &[u8],
        ended: bool,
        method: Method,
    ) -> Result<(), NotHttp> {
        while !self.has_head {
            let rest = input.get(self.used..).unwrap_or_default();
            match h1::parse_response(rest, &Limits::default(), &mut self.head) {
                Ok(Parse::Complete { head_len }) => {
                    self.used += head_len;
                    // Interim answers go before the final one.
                    self.has_head = self.head.status() >= 200 || self.head.status() == 101;
                    if !self.has_head {
                        self.head.clear();
                    }
                }
                Ok(Parse::Partial) if ended => return Err(NotHttp),
                Ok(Parse::Partial) => return Ok(()),
                Err(_) => return Err(NotHttp),
            }
        }
        if self.length.is_none() {
            self.length =
                Some(h1::framing::response_body(&self.head, method).map_err(|_| NotHttp)?);
        }
        let new = input.get(self.used..).unwrap_or_default();
        match self.length {
            Some(BodyLength::Length(len)) => {
                let wanted = usize::try_from(len).unwrap_or(usize::MAX) - self.body.len();
                self.body.extend_from_slice(&new[..new.len().min(wanted)]);
                self.used = input.len();
                self.is_complete = new.len() >= wanted;
            }
            Some(BodyLength::UntilClose) => {
                self.body.extend_from_slice(new);
                self.used = input.len();
            }
            Some(BodyLength::Chunked) => self.follow_chunks(input)?,
            _ => self.is_complete = true,
        }
        self.is_complete |= ended;
        Ok(())
    }

    fn follow_chunks(&mut self, input: &[u8]) -> Result<(), NotHttp> {
        while !self.is_complete {
            match self.chunked.next(input, self.used).map_err(|_| NotHttp)? {
                Chunk::Data(range) => {
                    self.used = range.end;
                    self.body.extend_from_slice(input.get(range).unwrap_or_default());
                }
                Chunk::More => {
                    self.used = input.len();
                    return Ok(());
                }
                Chunk::End(used) => {
                    self.used = used;
                    self.is_complete = true;
                }
            }
        }
        Ok(())
    }
}
