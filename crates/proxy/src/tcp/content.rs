//! `tcp-request content` rules: on raw bytes with an inspection delay, or on a parsed request.

use expr::Verdict;
use model::{RuleSet, TcpAction, TcpRule};
use tokio::time::Instant;

use super::act;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::session::exchange::Exchange;

/// What content rules came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Accept,
    /// Close.
    Reject,
    /// Close with a reset.
    Drop,
    /// Pass on what has come, then close.
    Close,
}

/// Evaluates the rules from `start`; `Err` = the rule at this position needs more data.
pub(super) fn evaluate(
    ex: &mut Exchange,
    rules: &[TcpRule],
    start: usize,
) -> Result<Decision, usize> {
    for (i, rule) in rules.iter().enumerate().skip(start) {
        match rule.condition.as_ref().map_or(Verdict::True, |c| c.eval(&*ex)) {
            Verdict::False => continue,
            Verdict::NotYet if !ex.body_complete => return Err(i),
            Verdict::NotYet => continue,
            Verdict::True => {}
        }
        match &rule.action {
            TcpAction::Accept => return Ok(Decision::Accept),
            TcpAction::Reject => return Ok(Decision::Reject),
            TcpAction::Close => return Ok(Decision::Close),
            TcpAction::SilentDrop => return Ok(Decision::Drop),
            action => act(ex, action),
        }
    }
    Ok(Decision::Accept)
}

/// On a parsed HTTP request: everything is known.
pub fn on_request(ex: &mut Exchange, rules: &RuleSet) -> Decision {
    if rules.tcp_content.is_empty() {
        return Decision::Accept;
    }
    let complete = std::mem::replace(&mut ex.body_complete, true);
    let decision = evaluate(ex, &rules.tcp_content, 0).unwrap_or(Decision::Accept);
    ex.body_complete = complete;
    decision
}

/// On a TCP connection: reads as long as a rule needs more and the inspection delay lasts.
pub async fn on_connection(
    client: &mut Client,
    ex: &mut Exchange,
    rules: &RuleSet,
    input: &mut Option<Buffer>,
) -> Decision {
    if rules.tcp_content.is_empty() {
        return Decision::Accept;
    }
    let mut deadline = Deadline::new();
    deadline.set(Instant::now(), Some(rules.inspect_delay.unwrap_or_default()));
    let mut at = 0;
    let mut last = rules.inspect_delay.is_none();
    let decision = loop {
        let bytes = input.as_ref().map_or(&[][..], Buffer::unread);
        ex.payload = Some(bytes.to_vec());
        ex.body_complete = last;
        match evaluate(ex, &rules.tcp_content, at) {
            Ok(decision) => break decision,
            Err(rule) => at = rule,
        }
        let mut buffer = input.take().unwrap_or_else(|| client.worker.heads.take());
        buffer.compact();
        last = match buffer.room() {
            0 => true,
            _ => !matches!(
                deadline.guard(buffer.fill(&client.stream)).await,
                Ok(Ok(n)) if n > 0
            ),
        };
        *input = (!buffer.is_empty()).then_some(buffer);
    };
    // What has arrived stays to be seen: the choice of a backend and a server follows.
    ex.body_complete = true;
    decision
}
