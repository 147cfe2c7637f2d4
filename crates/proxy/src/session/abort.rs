//! `option abortonclose`: a client that leaves while its request waits ends it.

use std::future::Future;
use std::task::Poll;

use super::exchange::Exchange;
use super::phase::{Finish, Phase, Upstream};
use crate::client::Client;
use crate::relay::RelayEnd;

/// Runs a future, and where `option abortonclose` is on, ends it when the client closes.
/// `None` = the client left.
pub async fn unless_client_leaves<F: Future>(
    client: &Client,
    ex: &Exchange,
    future: F,
) -> Option<F::Output> {
    let watch = ex.backend.as_ref().is_some_and(|b| b.model.abortonclose);
    if !watch {
        return Some(future.await);
    }
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(v) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(v));
        }
        client.stream.poll_ended(cx).map(|()| None)
    })
    .await
}

/// What follows when the client has left.
pub fn phase() -> Phase {
    Phase::Finish(Finish::Close)
}

/// The client gave up a request that a server had.
pub fn count_client(ex: &Exchange) {
    if let Some(backend) = &ex.backend {
        backend.counters.client_aborts.inc();
    }
    if let Some(server) = &ex.server {
        server.counters.client_aborts.inc();
    }
}

/// Bytes went both ways until one side broke or was silent for too long.
pub fn count_relay(ex: &Exchange, end: RelayEnd) {
    match end {
        RelayEnd::Done => {}
        RelayEnd::Client | RelayEnd::ClientTimeout => count_client(ex),
        RelayEnd::Server | RelayEnd::ServerTimeout => {
            let broken = u64::from(end == RelayEnd::Server);
            if let Some(backend) = &ex.backend {
                backend.counters.server_aborts.inc();
                backend.counters.response_errors.add(broken);
            }
            if let Some(server) = &ex.server {
                server.counters.server_aborts.inc();
                server.counters.response_errors.add(broken);
            }
        }
    }
}

/// A response that cannot be understood. HAProxy counts it where it is read and where its own
/// answer is made, and dashboards expect its figures.
pub fn count_bad_response(up: &Upstream) {
    up.slot.backend.counters.response_errors.add(2);
    up.slot.server().counters.response_errors.add(2);
}
