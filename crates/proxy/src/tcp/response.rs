//! `tcp-response content` rules: on what a server sends first, with an inspection delay.

use expr::Side;
use model::RuleSet;

use super::content::{Decision, List, evaluate};
use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::pump::Pump;
use crate::session::exchange::Exchange;
use crate::stream::Stream;

/// On an HTTP exchange. As in HAProxy the rules come before the response is looked at: those that
/// ask for it do not match.
pub fn on_response(ex: &mut Exchange, rules: &RuleSet) -> Decision {
    if rules.tcp_response.is_empty() {
        return Decision::Accept;
    }
    let had = std::mem::replace(&mut ex.has_response, false);
    let complete = std::mem::replace(&mut ex.body_complete, true);
    let decision = evaluate(ex, &rules.tcp_response, 0).unwrap_or(Decision::Accept);
    (ex.has_response, ex.body_complete) = (had, complete);
    decision
}

/// On a TCP connection: reads from the server as long as a rule needs more and the inspection
/// delay lasts, while what the client sends goes on. Nothing that comes is lost: it is in `input`
/// afterwards.
pub async fn on_stream(
    client: &Client,
    ex: &mut Exchange,
    rules: &RuleSet,
    stream: &Stream,
    upload: &mut Pump,
    input: &mut Option<Buffer>,
) -> Decision {
    let list = List {
        side: Side::Response,
        rules: &rules.tcp_response,
        delay: rules.response_inspect_delay,
    };
    let decision = list
        .inspect(client, ex, input, async |buffer, deadline| {
            more(client, stream, upload, buffer, deadline).await
        })
        .await;
    ex.answer = None;
    ex.body_complete = false;
    decision
}

/// Waits for more from the server; false at its end or when the delay is over.
async fn more(
    client: &Client,
    stream: &Stream,
    upload: &mut Pump,
    buffer: &mut Buffer,
    deadline: &mut Deadline,
) -> bool {
    let shelf = &client.worker.heads;
    let filled = std::future::poll_fn(|cx| {
        if upload.is_running() {
            let _ = upload.poll(cx, &client.stream, stream, shelf);
        }
        buffer.poll_fill(stream, cx)
    });
    matches!(deadline.guard(filled).await, Ok(Ok(n)) if n > 0)
}
