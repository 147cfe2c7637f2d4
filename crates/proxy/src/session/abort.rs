//! `option abortonclose`: a client that leaves while its request waits ends it.

use std::future::Future;
use std::task::Poll;

use super::exchange::Exchange;
use super::phase::{Finish, Phase};
use crate::client::Client;

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
