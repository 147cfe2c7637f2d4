//! `tcp-request content` rules: on raw bytes with an inspection delay, or on a parsed request.

use std::time::Duration;

use expr::{Side, Verdict};
use model::{RuleSet, TcpAction, TcpRule};
use tokio::time::Instant;

use super::act;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::session::exchange::Exchange;
use crate::session::resolve;

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

/// Why a list of rules is not at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The rule at this position needs more data.
    Data(usize),
    /// The rule at this position, a `do-resolve`, is to be run; those behind it follow.
    Name(usize),
}

/// Evaluates the rules from `start` to the end or a pause.
pub(super) fn evaluate(
    ex: &mut Exchange,
    rules: &[TcpRule],
    start: usize,
) -> Result<Decision, Pause> {
    for (i, rule) in rules.iter().enumerate().skip(start) {
        match rule.condition.as_ref().map_or(Verdict::True, |c| c.eval(&*ex)) {
            Verdict::False => continue,
            Verdict::NotYet if !ex.body_complete => return Err(Pause::Data(i)),
            Verdict::NotYet => continue,
            Verdict::True => {}
        }
        match &rule.action {
            TcpAction::Accept => return Ok(Decision::Accept),
            TcpAction::Reject => return Ok(Decision::Reject),
            TcpAction::Close => return Ok(Decision::Close),
            TcpAction::SilentDrop => return Ok(Decision::Drop),
            TcpAction::DoResolve(_) => return Err(Pause::Name(i)),
            action => act(ex, action),
        }
    }
    Ok(Decision::Accept)
}

/// On a parsed HTTP request, from `start`: everything is known. `Err` = the `do-resolve` at this
/// position is to be run; those behind it follow.
pub fn on_request(ex: &mut Exchange, rules: &RuleSet, start: usize) -> Result<Decision, usize> {
    if rules.tcp_content.is_empty() {
        return Ok(Decision::Accept);
    }
    let complete = std::mem::replace(&mut ex.body_complete, true);
    let decision = evaluate(ex, &rules.tcp_content, start);
    ex.body_complete = complete;
    match decision {
        Ok(decision) => Ok(decision),
        Err(Pause::Name(at)) => Err(at),
        Err(Pause::Data(_)) => Ok(Decision::Accept),
    }
}

/// Runs the `do-resolve` at this position.
pub async fn resolve(ex: &mut Exchange, rules: &[TcpRule], at: usize) {
    if let Some(TcpAction::DoResolve(action)) = rules.get(at).map(|rule| &rule.action) {
        resolve::run(ex, action).await;
    }
}

/// Rules that look at one direction of a TCP connection.
pub(super) struct List<'r> {
    pub side: Side,
    pub rules: &'r [TcpRule],
    /// How long a rule may wait for more.
    pub delay: Option<Duration>,
}

impl List<'_> {
    /// Evaluates the rules; `more` brings further bytes (true = some came) as long as a rule needs
    /// them and the delay lasts. Nothing that comes is lost: it is in `input` afterwards.
    pub async fn inspect(
        &self,
        client: &Client,
        ex: &mut Exchange,
        input: &mut Option<Buffer>,
        mut more: impl AsyncFnMut(&mut Buffer, &mut Deadline) -> bool,
    ) -> Decision {
        let mut deadline = Deadline::new();
        deadline.set(Instant::now(), Some(self.delay.unwrap_or_default()));
        let mut at = 0;
        let mut last = self.delay.is_none();
        loop {
            let bytes = Some(input.as_ref().map_or(&[][..], Buffer::unread).to_vec());
            match self.side {
                Side::Request => ex.payload = bytes,
                Side::Response => ex.answer = bytes,
            }
            ex.body_complete = last;
            match evaluate(ex, self.rules, at) {
                Ok(decision) => return decision,
                Err(Pause::Data(rule)) => at = rule,
                Err(Pause::Name(rule)) => {
                    Box::pin(resolve(ex, self.rules, rule)).await;
                    at = rule + 1;
                    continue;
                }
            }
            let mut buffer = input.take().unwrap_or_else(|| client.worker.heads.take());
            buffer.compact();
            last = buffer.room() == 0 || !more(&mut buffer, &mut deadline).await;
            *input = (!buffer.is_empty()).then_some(buffer);
        }
    }
}

/// On a TCP connection: reads as long as a rule needs more and the inspection delay lasts.
pub async fn on_connection(
    client: &Client,
    ex: &mut Exchange,
    rules: &RuleSet,
    input: &mut Option<Buffer>,
) -> Decision {
    if rules.tcp_content.is_empty() {
        return Decision::Accept;
    }
    let list = List { side: Side::Request, rules: &rules.tcp_content, delay: rules.inspect_delay };
    let decision = list
        .inspect(client, ex, input, async |buffer, deadline| {
            matches!(deadline.guard(buffer.fill(&client.stream)).await, Ok(Ok(n)) if n > 0)
        })
        .await;
    // What has arrived stays to be seen: the choice of a backend and a server follows.
    ex.body_complete = true;
    decision
}
