//! `tcp-response content` rules: on what a server sends first, with an inspection delay.

use model::RuleSet;
use tokio::time::Instant;

use super::content::{Decision, evaluate};
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
    let mut deadline = Deadline::new();
    deadline.set(Instant::now(), Some(rules.response_inspect_delay.unwrap_or_default()));
    let mut at = 0;
    let mut last = rules.response_inspect_delay.is_none();
    let decision = loop {
        ex.answer = Some(input.as_ref().map_or(&[][..], Buffer::unread).to_vec());
        ex.body_complete = last;
        match evaluate(ex, &rules.tcp_response, at) {
            Ok(decision) => break decision,
            Err(rule) => at = rule,
        }
        let mut buffer = input.take().unwrap_or_else(|| client.worker.heads.take());
        buffer.compact();
        last =
            buffer.room() == 0 || !more(client, stream, upload, &mut buffer, &mut deadline).await;
        *input = (!buffer.is_empty()).then_some(buffer);
    };
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
