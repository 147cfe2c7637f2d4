//! One request from its first byte to its end: phase after phase.
//!
//! Phases that need not wait are plain functions, and those that wait where most requests do not
//! are boxed: what the future of a request holds is moved with it.

use tokio::time::Instant;

use super::{Next, answer, forward, leftover, process, receive, respond, tunnel};
use crate::buffer::Buffer;
use crate::client::Client;
use crate::session::exchange::{Exchange, Watched};
use crate::session::phase::{Finish, Phase};
use crate::session::{assign, connect};

/// Runs one exchange from its first byte to the end.
pub async fn run(
    client: &mut Client,
    input: Buffer,
    first_byte: Instant,
    idle_since: Instant,
    number: u32,
) -> Next {
    let mut watched = Watched::new(Exchange::begin(client, first_byte, idle_since, number));
    let Some(ex) = watched.exchange() else { return Next::Close };
    let mut phase = Phase::Receive(input);
    let end = loop {
        phase = match phase {
            Phase::Receive(p) => receive::run(client, ex, p),
            Phase::ReceiveMore(p) => Box::pin(receive::more(client, ex, p)).await,
            Phase::Process(p) => process::run(client, ex, p).await,
            Phase::Assign(p) => assign::run(client, ex, p),
            Phase::Queue(p, of) => Box::pin(assign::wait(client, ex, p, of)).await,
            Phase::Connect(p, slot) => connect::run(client, ex, p, slot),
            Phase::Open(p, slot) => Box::pin(connect::fresh(client, ex, p, slot)).await,
            Phase::Respond(p) => respond::run(client, ex, p).await,
            Phase::Forward(p, input) => forward::run(client, ex, p, input).await,
            Phase::Tunnel(p, input) => Box::pin(tunnel::run(client, ex, p, input)).await,
            Phase::Leftover(p) => Box::pin(leftover::run(client, ex, p)).await,
            Phase::Answer(p) => Box::pin(answer::run(client, ex, p)).await,
            Phase::Finish(end) => break end,
        };
    };
    let ended = watched.finish().and_then(|moments| moments.ended);
    match end {
        Finish::KeepAlive(rest) => Next::KeepAlive(rest, ended.unwrap_or_else(Instant::now)),
        Finish::Close => Next::Close,
    }
}

#[cfg(test)]
mod tests {
    fn size<A, B, C, D, E, T>(_: impl Fn(A, B, C, D, E) -> T) -> usize {
        size_of::<T>()
    }

    #[test]
    fn a_request_is_small() {
        // It is moved to the heap whole when its first byte comes; rare phases are boxed.
        let bytes = size(super::run);
        assert!(bytes <= 2048, "{bytes} bytes");
    }
}
