//! Rules: `http-request` and its kin, `tcp-request` and its kin, `redirect`, `acl`
//! (manual 4.2 to 4.4, 7).

mod http;
mod redirect;
mod reply;
mod tcp;

use expr::{Place, Variable};
use model::{DoResolve, Name, Rule};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::order::RuleKind;
use crate::ast::Word;
use crate::diagnostic::{Diagnostic, Severity};
use crate::section::SectionKind;
use crate::source::Span;
use crate::text::units::TimeUnit;

#[cfg(test)]
pub(crate) use http::ACTIONS as HTTP_ACTIONS;
pub(crate) use reply::http_error;
#[cfg(test)]
pub(crate) use tcp::ACTIONS as TCP_ACTIONS;

/// The rule sets that share the actions of HTTP rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpSet {
    /// `http-request`.
    Request,
    /// `http-response`.
    Response,
    /// `http-after-response`.
    AfterResponse,
}

/// Where a rule stands and what it may use there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RulePlace {
    /// For expressions.
    pub place: Place,
    /// Which HTTP rule set; `None` for TCP rules.
    pub http: Option<HttpSet>,
}

/// Picks the place by the section's kind.
fn by_kind(kind: SectionKind, front: Place, back: Place, both: Place) -> Place {
    match kind {
        SectionKind::Frontend => front,
        SectionKind::Backend => back,
        _ => both,
    }
}

/// Where rules on requests of this section stand.
pub(crate) fn request_place(draft: &Draft<'_>) -> Place {
    by_kind(draft.kind, Place::FE_HTTP_REQUEST, Place::BE_HTTP_REQUEST, Place::HTTP_REQUEST)
}

fn response_place(draft: &Draft<'_>) -> Place {
    by_kind(draft.kind, Place::FE_HTTP_RESPONSE, Place::BE_HTTP_RESPONSE, Place::HTTP_RESPONSE)
}

/// `acl NAME CRITERION ...`.
pub(crate) fn acl<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let words: Vec<Word<'a>> = args.rest().collect();
    args.skip(words.len());
    cx.acl_line(&mut draft.acls, &words)
}

/// `http-request ACTION [if COND]`.
pub(crate) fn http_request<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    warn_order(cx, draft, args, RuleKind::Http);
    let place = RulePlace { place: request_place(draft), http: Some(HttpSet::Request) };
    let Some(rule) = http_rule(cx, draft, args, place)? else { return Ok(()) };
    warn_final(cx, args, &mut draft.finals.http_request, &rule, http::is_final(&rule.action));
    draft.rules.http_request.push(rule);
    Ok(())
}

/// `http-response ACTION [if COND]`.
pub(crate) fn http_response<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let place = RulePlace { place: response_place(draft), http: Some(HttpSet::Response) };
    let Some(rule) = http_rule(cx, draft, args, place)? else { return Ok(()) };
    warn_final(cx, args, &mut draft.finals.http_response, &rule, http::is_final(&rule.action));
    draft.rules.http_response.push(rule);
    Ok(())
}

/// `http-after-response ACTION [if COND]`.
pub(crate) fn http_after_response<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let place = RulePlace { place: response_place(draft), http: Some(HttpSet::AfterResponse) };
    let Some(rule) = http_rule(cx, draft, args, place)? else { return Ok(()) };
    let last = &mut draft.finals.http_after_response;
    warn_final(cx, args, last, &rule, http::is_final(&rule.action));
    draft.rules.http_after_response.push(rule);
    Ok(())
}

fn http_rule<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
) -> Outcome<Option<model::HttpRule>> {
    let word = args.require("an action")?;
    let span = word.span();
    args.begin_option();
    let Some(lower) = http::ACTIONS.find(stem(word.value())) else {
        // The keyword table passes over this action; it said so already.
        return Ok(None);
    };
    let action = lower(cx, draft, args, place)?;
    let condition = cx.condition(args, place.place, &draft.acls)?;
    let origin = cx.origin(span);
    Ok(Some(Rule { action, condition, origin }))
}

/// `redirect ...`, which runs after `http-request` rules and takes its target literally.
pub(crate) fn redirect<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    warn_order(cx, draft, args, RuleKind::Redirect);
    let place = RulePlace { place: request_place(draft), http: Some(HttpSet::Request) };
    let span = args.line().span();
    let action = std::sync::Arc::new(redirect::read(cx, draft, args, place, true)?);
    let condition = cx.condition(args, place.place, &draft.acls)?;
    let origin = cx.origin(span);
    draft.rules.redirects.push(Rule { action, condition, origin });
    Ok(())
}

fn tcp_rule<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: Place,
) -> Outcome<Option<model::TcpRule>> {
    let word = args.require("an action")?;
    let span = word.span();
    args.begin_option();
    let Some(lower) = tcp::ACTIONS.find(stem(word.value())) else { return Ok(None) };
    let place = RulePlace { place, http: None };
    let action = lower(cx, draft, args, place)?;
    let condition = cx.condition(args, place.place, &draft.acls)?;
    let origin = cx.origin(span);
    Ok(Some(Rule { action, condition, origin }))
}

/// `tcp-request connection ACTION`.
pub(crate) fn tcp_connection<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    warn_order(cx, draft, args, RuleKind::Connection);
    let rule = tcp_rule(cx, draft, args, Place::CONNECTION)?;
    draft.rules.tcp_connection.extend(rule);
    Ok(())
}

/// `tcp-request session ACTION`.
pub(crate) fn tcp_session<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    warn_order(cx, draft, args, RuleKind::Session);
    let rule = tcp_rule(cx, draft, args, Place::SESSION)?;
    draft.rules.tcp_session.extend(rule);
    Ok(())
}

/// `tcp-request content ACTION`.
pub(crate) fn tcp_content<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    warn_order(cx, draft, args, RuleKind::Content);
    let place = by_kind(
        draft.kind,
        Place::FE_REQUEST_CONTENT,
        Place::BE_REQUEST_CONTENT,
        Place::REQUEST_CONTENT,
    );
    let rule = tcp_rule(cx, draft, args, place)?;
    draft.rules.tcp_content.extend(rule);
    Ok(())
}

/// `tcp-response content ACTION`.
pub(crate) fn tcp_response<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let place = by_kind(
        draft.kind,
        Place::FE_RESPONSE_CONTENT,
        Place::BE_RESPONSE_CONTENT,
        Place::RESPONSE_CONTENT,
    );
    let rule = tcp_rule(cx, draft, args, place)?;
    draft.rules.tcp_response.extend(rule);
    Ok(())
}

/// `tcp-request inspect-delay TIME`.
pub(crate) fn inspect_delay(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
    draft.rules.inspect_delay = Some(time).filter(|time| !time.is_zero());
    Ok(())
}

/// `tcp-response inspect-delay TIME`.
pub(crate) fn response_inspect_delay(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
    draft.rules.response_inspect_delay = Some(time).filter(|time| !time.is_zero());
    Ok(())
}

/// Warns where a rule stands below one that runs later.
pub(crate) fn warn_order(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &Args<'_>,
    kind: RuleKind,
) {
    let Some(later) = draft.order.saw(kind) else { return };
    let article = if kind == RuleKind::Http { "an" } else { "a" };
    let other = if later == RuleKind::Http { "an" } else { "a" };
    let reason = format!(
        "{article} '{}' rule placed after {other} '{}' rule will still be processed before",
        kind.keyword(),
        later.keyword(),
    );
    cx.warn(args.line().span(), reason);
}

/// Warns once for each rule below an unconditional one that ends the list.
fn warn_final<A>(
    cx: &mut Lowering<'_>,
    args: &Args<'_>,
    last: &mut Option<Span>,
    rule: &Rule<A>,
    is_final: bool,
) {
    if let Some(ended) = *last {
        let reason = "this rule is never reached: a final one without condition stands above it";
        let found = Diagnostic::new(Severity::Warning, args.line().span(), reason);
        cx.diagnostics.push(found.related(ended, "evaluation ends here"));
        *last = None;
    }
    if is_final && rule.condition.is_none() {
        *last = Some(args.line().span());
    }
}

/// A keyword without what stands in parentheses behind it.
pub(crate) fn stem(word: &str) -> &str {
    word.split('(').next().unwrap_or(word)
}

/// The variable in the parentheses of the word read last: `set-var(txn.x)`.
pub(crate) fn variable(args: &Args<'_>) -> Outcome<Variable> {
    let Some(word) = args.name_word() else {
        return Err(alert(args.span(), "a variable's name is missing"));
    };
    let text = word.value();
    let inside = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let Some(inside) = inside else {
        let mut found = alert(word.span(), format!("'{text}' needs a variable in parentheses"));
        found.hint = Some(format!("write '{}(txn.name)'", stem(text)));
        return Err(found);
    };
    let at = stem(text).len() + 1;
    let span = word.span_of(at, inside.len());
    match inside.split_once(',') {
        None => Variable::parse(inside).map_err(|reason| alert(span, reason)),
        Some((_, conditions)) => {
            let reason = format!(
                "conditions on setting a variable ('{conditions}') are not \
                                  supported yet"
            );
            Err(alert(span, reason))
        }
    }
}

/// `do-resolve(VAR,RESOLVERS[,FAMILY]) EXPR`.
fn do_resolve<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
) -> Outcome<DoResolve> {
    let Some(word) = args.name_word() else {
        return Err(alert(args.span(), "a variable's name is missing"));
    };
    let text = word.value();
    let bad = |reason: String| {
        let mut found = alert(word.span(), reason);
        found.hint = Some("write 'do-resolve(txn.ip,mydns,ipv4) hdr(host),host_only'".to_owned());
        found
    };
    let inside = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let mut words = inside.unwrap_or_default().split(',');
    let (variable, resolvers) = match (words.next(), words.next()) {
        (Some(variable), Some(resolvers)) => (variable, resolvers),
        _ => return Err(bad(format!("'{text}' needs a variable and a 'resolvers' section"))),
    };
    let prefer_ipv6 = match (words.next(), words.next()) {
        (None | Some("" | "ipv6"), None) => true,
        (Some("ipv4"), None) => false,
        _ => return Err(bad(format!("'{text}': the family is 'ipv4' or 'ipv6'"))),
    };
    let variable = Variable::parse(variable).map_err(bad)?;
    let resolvers = cx.name(resolvers);
    cx.resolvers_asked.push((draft.name.clone(), resolvers.clone(), word.span()));
    let name = cx.expr(args, place.place, &draft.acls)?;
    Ok(DoResolve { variable, resolvers, prefer_ipv6, name })
}

/// Whether the rest of the line is a condition or nothing.
pub(crate) fn at_condition(args: &Args<'_>) -> bool {
    matches!(args.peek(), "" | "if" | "unless")
}

/// A log level by name; `silent` is none.
pub(crate) fn log_level(args: &mut Args<'_>) -> Outcome<Option<u8>> {
    const WHAT: &str = "a level such as info, or 'silent'";
    match args.text(WHAT)? {
        "silent" => Ok(None),
        name => match super::log::level(name) {
            Some(level) => Ok(Some(level)),
            None => Err(args.unexpected(WHAT)),
        },
    }
}

/// `capture SAMPLE len N` declares a slot, `capture SAMPLE id N` uses one.
pub(crate) fn capture<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
) -> Outcome<(expr::Expr, usize, usize)> {
    let sample = cx.expr(args, place.place, &draft.acls)?;
    let is_response = matches!(place.http, Some(HttpSet::Response | HttpSet::AfterResponse));
    if args.eat("len") {
        if is_response || !draft.is_front() || draft.kind == SectionKind::Defaults {
            let reason = "'len' can only be used in requests of a frontend; use 'id' with \
                          'declare capture' here";
            return Err(alert(args.last_span(), reason));
        }
        let len = usize::try_from(args.number(1..=i64::from(i32::MAX))?).unwrap_or(1);
        let slot = draft.front.model.request_captures.len();
        draft.front.model.request_captures.push(model::Capture { header: None, len });
        return Ok((sample, slot, len));
    }
    if args.eat("id") {
        let span = args.span();
        let slot = usize::try_from(args.number(0..=i64::from(i32::MAX))?).unwrap_or(0);
        draft.front.capture_uses.push((is_response, slot, span));
        // The slot's own length limits the value.
        return Ok((sample, slot, usize::MAX));
    }
    Err(alert(args.span(), "'capture' expects 'len' or 'id' behind the sample"))
}

/// A regular expression.
pub(crate) fn regex(args: &mut Args<'_>) -> Outcome<expr::Regex> {
    let word = args.require("a regular expression")?;
    expr::Regex::parse(word.value(), false).map_err(|reason| alert(word.span(), reason))
}

/// A format in a rule.
pub(crate) fn format<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
) -> Outcome<expr::LogFormat> {
    let word = args.require("a format")?;
    cx.log_format(word, place.place, &draft.acls)
}

/// A shared name of the next word.
pub(crate) fn name(cx: &mut Lowering<'_>, args: &mut Args<'_>, what: &str) -> Outcome<Name> {
    args.text(what).map(|text| cx.name(text))
}
