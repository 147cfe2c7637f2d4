//! Phase 7: bytes both ways after an upgrade or CONNECT.

use crate::body::Body;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::pump::Pump;
use crate::relay::{Silence, relay};
use crate::session::abort;
use crate::session::exchange::Exchange;
use crate::session::phase::{Finish, Phase, Upstream};
use crate::termination::At;

/// Relays until both ends are closed.
pub async fn run(
    client: &mut Client,
    ex: &mut Exchange,
    up: Box<Upstream>,
    input: Option<Buffer>,
) -> Phase {
    let Upstream { mut outgoing, stream, slot, .. } = *up;
    let (from_client, _) = outgoing.upload.take_rest();
    let head = std::mem::take(&mut ex.memory.to_client);
    let mut upward = Pump::new(Vec::new(), Body::UntilClose, from_client);
    let mut downward = Pump::new(head, Body::UntilClose, input);
    let front = &client.frontend.model.timeouts;
    let back = &slot.backend.model.timeouts;
    let overrides = *ex.overrides.borrow();
    let silence = Silence {
        client: overrides.client_timeout.or(front.client),
        server: overrides.server_timeout.or(back.server),
        tunnel: overrides.tunnel_timeout.or(back.tunnel).or(front.tunnel),
        client_fin: front.client_fin,
        server_fin: back.server_fin,
    };
    let shelf = std::rc::Rc::clone(&client.worker.heads);
    let end = relay(&client.stream, &stream, &mut upward, &mut downward, &shelf, silence).await;
    ex.bytes_in += upward.bytes;
    ex.bytes_out += downward.bytes;
    abort::count_relay(ex, end);
    if let Some(cause) = end.cause() {
        ex.end(cause, At::Data);
    }
    Phase::Finish(Finish::Close)
}
