//! `wait-for-body` and `option http-buffer-request`: reading the body before going on.

use std::time::Duration;

use tokio::time::Instant;
use wire::h1::framing::{self, BodyLength};
use wire::h1::{Chunk, Chunked};

use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::session::exchange::Exchange;
use crate::session::phase::{Answer, AnswerKind, Phase};
use crate::termination::{At, Cause};

/// Reads until the body is complete, `at_least` bytes of it are there or the buffer is full. The
/// bytes stay in the input; a decoded copy is left for expressions.
pub async fn run(
    client: &mut Client,
    ex: &mut Exchange,
    input: &mut Option<Buffer>,
    length: BodyLength,
    time: Option<Duration>,
    at_least: Option<u64>,
) -> Result<(), Phase> {
    if length == BodyLength::Empty || ex.body_complete {
        return Ok(());
    }
    let timeouts = &client.frontend.model.timeouts;
    let mut deadline = Deadline::new();
    deadline.set(Instant::now(), time.or(timeouts.http_request).or(timeouts.client));
    if framing::expects_continue(&ex.memory.request) && input.is_none() {
        let _ = client.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        ex.memory.request.remove_known(wire::http::Known::Expect);
    }
    loop {
        let bytes = input.as_ref().map_or(&[][..], Buffer::unread);
        let (body, complete) = decode(bytes, length);
        let enough = at_least.is_some_and(|n| body.len() as u64 >= n);
        ex.waited_body = Some(body);
        ex.body_complete = complete;
        let mut buffer = match input.take() {
            Some(b) => b,
            None => client.worker.heads.take(),
        };
        buffer.compact();
        if complete || enough || buffer.room() == 0 {
            *input = Some(buffer);
            return Ok(());
        }
        let read = deadline.guard(buffer.fill(&client.stream)).await;
        *input = Some(buffer);
        match read {
            Ok(Ok(n)) if n > 0 => {}
            Ok(_) => return Err(give_up(ex, Cause::ClientAbort, 400)),
            Err(_) if time.is_some() => return Ok(()),
            Err(_) => return Err(give_up(ex, Cause::ClientTimeout, 408)),
        }
    }
}

fn give_up(ex: &mut Exchange, cause: Cause, status: u16) -> Phase {
    ex.frontend.counters.request_errors.inc();
    ex.client_keep = false;
    ex.end(cause, At::Data);
    Phase::Answer(Answer { kind: AnswerKind::Error(status), input: None })
}

/// The body's own bytes in `bytes`, and whether it is complete.
fn decode(bytes: &[u8], length: BodyLength) -> (Vec<u8>, bool) {
    match length {
        BodyLength::Length(n) => {
            let have = usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
            (bytes[..have].to_vec(), have as u64 == n)
        }
        BodyLength::Chunked => {
            let mut decoder = Chunked::new();
            let mut body = Vec::with_capacity(bytes.len());
            let mut at = 0;
            loop {
                match decoder.next(bytes, at) {
                    Ok(Chunk::Data(range)) => {
                        at = range.end;
                        body.extend_from_slice(bytes.get(range).unwrap_or_default());
                    }
                    Ok(Chunk::End(_)) => return (body, true),
                    _ => return (body, false),
                }
            }
        }
        BodyLength::Empty | BodyLength::UntilClose | BodyLength::Tunnel => (Vec::new(), true),
    }
}
