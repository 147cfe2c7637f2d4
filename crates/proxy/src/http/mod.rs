//! HTTP sessions: requests of one client connection, one after the other, phase by phase.

mod answer;
mod forward;
mod leftover;
mod process;
mod receive;
mod request_head;
mod respond;
mod response_head;
pub mod rules;
mod run;
mod service;
mod tunnel;
mod wait_body;

use tokio::time::Instant;

use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Elapsed;
use crate::worker::Activity;

/// What follows a request.
pub enum Next {
    /// Another request may come; some of it may be here already. This one ended then.
    KeepAlive(Option<Buffer>, Instant),
    /// The connection is over.
    Close,
}

/// Serves the requests of a client connection until it ends.
pub async fn serve(client: &mut Client) {
    let mut input = None;
    let mut requests = 0_u32;
    let mut idle_since = client.facts.ready.get();
    let timed_out = loop {
        let first_byte = match input.take() {
            Some(buffer) => {
                client.registration.set(Activity::Busy);
                (buffer, Instant::now())
            }
            None => {
                client.registration.set(Activity::Idle(idle_since));
                arm(client, requests, idle_since);
                let waited = wait_for_request(client).await;
                client.registration.set(Activity::Busy);
                match waited {
                    Ok(Ok(buffer)) if !buffer.is_empty() => (buffer, Instant::now()),
                    other => break (requests == 0).then_some(other.is_err()),
                }
            }
        };
        client.follow_configuration();
        let next =
            Box::pin(run::run(client, first_byte.0, first_byte.1, idle_since, requests)).await;
        requests = requests.saturating_add(1);
        match next {
            Next::KeepAlive(rest, ended) => (input, idle_since) = (rest, ended),
            Next::Close => return,
        }
    };
    if let Some(timed_out) = timed_out {
        Box::pin(receive::nothing_came(client, timed_out)).await;
    }
}

/// First request: `timeout http-request`, else `client`. Later ones: `http-keep-alive`, else
/// `http-request`, else `client` (manual 4.2).
fn arm(client: &mut Client, requests: u32, now: Instant) {
    let t = &client.frontend.model.timeouts;
    let wait = if requests == 0 { t.http_request } else { t.http_keep_alive.or(t.http_request) };
    let wait = wait.or(t.client);
    client.deadline.set(now, wait);
}

/// Waits without holding a buffer.
async fn wait_for_request(client: &mut Client) -> Result<std::io::Result<Buffer>, Elapsed> {
    let Client { worker, stream, deadline, .. } = client;
    let shelf = &worker.heads;
    std::future::poll_fn(|cx| {
        match shelf.poll_read_into_new(stream, cx) {
            std::task::Poll::Ready(r) => return std::task::Poll::Ready(Ok(r)),
            std::task::Poll::Pending => {}
        }
        deadline.poll(cx).map(Err)
    })
    .await
}
