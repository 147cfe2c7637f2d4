//! One request from its first byte to its end: phase after phase.

use tokio::time::Instant;

use super::{Next, answer, forward, process, receive, respond, tunnel};
use crate::buffer::Buffer;
use crate::client::Client;
use crate::session::exchange::Exchange;
use crate::session::phase::{Finish, Phase};
use crate::session::{assign, connect, finish};

/// Runs one exchange from its first byte to the end.
pub async fn run(
    client: &mut Client,
    input: Buffer,
    first_byte: Instant,
    idle_since: Instant,
    number: u32,
) -> Next {
    let mut ex = Exchange::begin(client, first_byte, idle_since, number);
    let mut phase = Phase::Receive(input);
    let end = loop {
        phase = match phase {
            Phase::Receive(p) => receive::run(client, &mut ex, p).await,
            Phase::Process(p) => process::run(client, &mut ex, p).await,
            Phase::Assign(p) => assign::run(client, &mut ex, p).await,
            Phase::Connect(p, slot) => connect::run(client, &mut ex, p, slot).await,
            Phase::Respond(p) => respond::run(client, &mut ex, p).await,
            Phase::Forward(p, input) => forward::run(client, &mut ex, p, input).await,
            Phase::Tunnel(p, input) => Box::pin(tunnel::run(client, &mut ex, p, input)).await,
            Phase::Answer(p) => Box::pin(answer::run(client, &mut ex, p)).await,
            Phase::Finish(end) => break end,
        };
    };
    finish::run(&mut ex);
    let memory = std::mem::take(&mut ex.memory);
    client.worker.scratch.put(memory);
    match end {
        Finish::KeepAlive(rest) => Next::KeepAlive(rest),
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
