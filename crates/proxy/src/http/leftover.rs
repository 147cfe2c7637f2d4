//! What is left of a request that was answered before it had ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::pump::End;
use crate::session::exchange::Exchange;
use crate::session::phase::{Finish, Phase, Upstream};
use crate::session::{abort, connect};
use crate::termination::{At, Cause};

/// The answer is out: the server still gets the rest of the request while it takes it, and then the
/// client may go on.
pub async fn run(client: &mut Client, ex: &mut Exchange, mut up: Box<Upstream>) -> Phase {
    if !ex.client_keep {
        linger(client).await;
        return Phase::Finish(Finish::Close);
    }
    let before = up.outgoing.upload.bytes;
    let end = {
        let (stream, server) = (&client.stream, &up.stream);
        let (upload, shelf) = (&mut up.outgoing.upload, &client.worker.heads);
        std::future::poll_fn(|cx| upload.poll(cx, stream, server, shelf)).await
    };
    ex.bytes_in += up.outgoing.upload.bytes - before;
    ex.moments.ended = None;
    let cause = match end {
        End::Done => {
            let (rest, head) = up.outgoing.upload.take_rest();
            ex.memory.to_server = head;
            if !up.stream.has_input() {
                connect::keep(client, ex, *up);
            }
            return Phase::Finish(Finish::KeepAlive(rest));
        }
        End::WriteError | End::WriteTimeout => {
            let input = ex.abandon(&mut up.outgoing.upload);
            return skip(client, ex, input).await;
        }
        End::ReadTimeout => Cause::ClientTimeout,
        End::Malformed => Cause::Proxy,
        End::ReadEof | End::ReadError => Cause::ClientAbort,
    };
    if cause != Cause::Proxy {
        abort::count_client(ex);
    }
    ex.end(cause, At::Last);
    Phase::Finish(Finish::Close)
}

/// Reads and drops the rest of a request body; what follows it is the next request.
pub async fn skip(client: &Client, ex: &mut Exchange, mut input: Option<Buffer>) -> Phase {
    let mut deadline = Deadline::new();
    loop {
        if let Some(buffer) = &mut input {
            match ex.unread.take(buffer.unread()) {
                Ok(taken) => {
                    buffer.consume(taken);
                    ex.bytes_in += taken as u64;
                }
                Err(_) => return Phase::Finish(Finish::Close),
            }
        }
        if ex.unread.is_done() {
            return Phase::Finish(Finish::KeepAlive(input.filter(|b| !b.is_empty())));
        }
        let mut buffer = input.take().unwrap_or_else(|| client.worker.heads.take());
        buffer.compact();
        deadline.set(Instant::now(), client.frontend.model.timeouts.client);
        let cause = match deadline.guard(buffer.fill(&client.stream)).await {
            Ok(Ok(n)) if n > 0 => {
                input = Some(buffer);
                continue;
            }
            Ok(_) => Cause::ClientAbort,
            Err(_) => Cause::ClientTimeout,
        };
        abort::count_client(ex);
        ex.end(cause, At::Last);
        return Phase::Finish(Finish::Close);
    }
}

/// Closing while the client still sends would reset the connection and destroy the answer on its
/// way: its input is read and dropped for a moment first.
pub async fn linger(client: &Client) {
    const LINGER: Duration = Duration::from_secs(2);
    const LINGER_BYTES: usize = 1 << 20;
    if client.stream.end().is_err() {
        return;
    }
    let mut deadline = Deadline::new();
    deadline.set(Instant::now(), Some(LINGER));
    let mut dropped = 0;
    // Buffers are taken for what has come only: many may linger at once.
    let shelf = &client.worker.heads;
    while dropped < LINGER_BYTES {
        let read = std::future::poll_fn(|cx| shelf.poll_read_into_new(&client.stream, cx));
        match deadline.guard(read).await {
            Ok(Ok(buffer)) if !buffer.is_empty() => dropped += buffer.unread().len(),
            _ => return,
        }
    }
}
