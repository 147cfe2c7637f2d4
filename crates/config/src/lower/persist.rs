//! `force-persist`, `ignore-persist`, `retry-on` (manual 4.2).

use expr::Place;
use model::{PersistRule, Rule};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;

/// Reasons that `retry-on` takes beside statuses.
const REASONS: [&str; 6] = [
    "conn-failure",
    "empty-response",
    "junk-response",
    "response-timeout",
    "0rtt-rejected",
    "none",
];
/// Statuses that `retry-on` takes.
const STATUSES: [&str; 11] =
    ["401", "403", "404", "408", "425", "429", "500", "501", "502", "503", "504"];
/// What `all-retryable-errors` stands for.
const ALL: [&str; 9] = [
    "conn-failure",
    "empty-response",
    "junk-response",
    "response-timeout",
    "0rtt-rejected",
    "500",
    "502",
    "503",
    "504",
];

/// `force-persist if COND`.
pub(crate) fn force<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    rule(cx, draft, args, PersistRule::Force)
}

/// `ignore-persist if COND`.
pub(crate) fn ignore<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    rule(cx, draft, args, PersistRule::Ignore)
}

fn rule<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    action: PersistRule,
) -> Outcome {
    if args.is_done() {
        let what = format!("'{}' expects 'if' or 'unless' and a condition", args.keyword());
        return Err(alert(args.span(), what));
    }
    let condition = cx.condition(args, Place::BE_HTTP_REQUEST, &draft.acls)?;
    let origin = cx.origin(args.line().span());
    draft.back.persist_rules.push(Rule { action, condition, origin });
    Ok(())
}

/// `retry-on REASON...`.
pub(crate) fn retry_on<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let mut reasons = Vec::new();
    while let Some(word) = args.next() {
        match word.value() {
            "all-retryable-errors" => reasons.extend(ALL.map(|reason| cx.name(reason))),
            reason if REASONS.contains(&reason) || STATUSES.contains(&reason) => {
                reasons.push(cx.name(reason));
            }
            other => {
                let known = REASONS.into_iter().chain(["all-retryable-errors"]);
                let meant = expr::suggest::did_you_mean(other, known);
                let mut found = alert(word.span(), format!("'{other}' is nothing to retry on"));
                found.hint = meant.map(|meant| format!("did you mean '{meant}'?"));
                return Err(found);
            }
        }
    }
    if reasons.len() > 1 && reasons.iter().any(|reason| &**reason == "none") {
        return Err(alert(args.line().span(), "'none' stands alone"));
    }
    draft.back.retry_on = reasons;
    Ok(())
}
