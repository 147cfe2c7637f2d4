//! Actions of `http-request`, `http-response` and `http-after-response` (manual 4.4).

use std::sync::Arc;

use model::{HeaderMatch, HttpAction, PatternAction, PatternFile, ServiceName, TimeoutName};

use super::{
    HttpSet, RulePlace, at_condition, capture, format, log_level, redirect, regex, reply, variable,
};
use crate::lower::args::{Args, Outcome, alert};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;
use crate::lower::table::Table;
use crate::text::units::TimeUnit;

/// Lowers one action; the arguments start behind its name.
pub(crate) type HttpFn =
    for<'a> fn(&mut Lowering<'a>, &mut Draft<'a>, &mut Args<'a>, RulePlace) -> Outcome<HttpAction>;

/// Every action that has an effect here.
pub(crate) const ACTIONS: Table<HttpFn> = Table(&[
    ("add-acl", |cx, draft, args, place| {
        let list = patterns(cx, args)?;
        let key = format(cx, draft, args, place)?;
        Ok(HttpAction::Patterns(list, PatternAction::AddAcl(key)))
    }),
    ("add-header", |cx, draft, args, place| {
        let name = args.header()?;
        Ok(HttpAction::AddHeader(name, format(cx, draft, args, place)?))
    }),
    ("allow", |_, _, _, _| Ok(HttpAction::Allow)),
    ("auth", |cx, draft, args, place| {
        let realm = match args.eat("realm") {
            true => Some(format(cx, draft, args, place)?),
            false => None,
        };
        Ok(HttpAction::Auth { realm })
    }),
    ("capture", |cx, draft, args, place| {
        let (sample, slot, len) = capture(cx, draft, args, place)?;
        Ok(HttpAction::Capture { sample, slot, len })
    }),
    ("del-acl", |cx, draft, args, place| {
        let list = patterns(cx, args)?;
        Ok(HttpAction::Patterns(list, PatternAction::Delete(format(cx, draft, args, place)?)))
    }),
    ("del-header", del_header),
    ("del-map", |cx, draft, args, place| {
        let list = patterns(cx, args)?;
        Ok(HttpAction::Patterns(list, PatternAction::Delete(format(cx, draft, args, place)?)))
    }),
    ("deny", |cx, draft, args, place| {
        let status = if place.http == Some(HttpSet::Request) { 403 } else { 502 };
        Ok(HttpAction::Deny(Arc::new(reply::read(cx, draft, args, place, status, true)?)))
    }),
    ("disable-l7-retry", |_, _, _, _| Ok(HttpAction::DisableL7Retry)),
    ("do-resolve", |cx, draft, args, place| {
        super::do_resolve(cx, draft, args, place).map(|r| HttpAction::DoResolve(Box::new(r)))
    }),
    ("early-hint", |cx, draft, args, place| {
        let name = args.header()?;
        Ok(HttpAction::EarlyHint(name, format(cx, draft, args, place)?))
    }),
    ("redirect", |cx, draft, args, place| {
        Ok(HttpAction::Redirect(Arc::new(redirect::read(cx, draft, args, place, false)?)))
    }),
    ("reject", |_, _, _, _| Ok(HttpAction::Reject)),
    ("replace-header", |cx, draft, args, place| {
        let name = args.header()?;
        let pattern = regex(args)?;
        Ok(HttpAction::ReplaceHeader(name, pattern, format(cx, draft, args, place)?))
    }),
    ("replace-path", |cx, draft, args, place| {
        let pattern = regex(args)?;
        Ok(HttpAction::ReplacePath(pattern, format(cx, draft, args, place)?))
    }),
    ("replace-pathq", |cx, draft, args, place| {
        let pattern = regex(args)?;
        Ok(HttpAction::ReplacePathQuery(pattern, format(cx, draft, args, place)?))
    }),
    ("replace-uri", |cx, draft, args, place| {
        let pattern = regex(args)?;
        Ok(HttpAction::ReplaceUri(pattern, format(cx, draft, args, place)?))
    }),
    ("replace-value", |cx, draft, args, place| {
        let name = args.header()?;
        let pattern = regex(args)?;
        Ok(HttpAction::ReplaceValue(name, pattern, format(cx, draft, args, place)?))
    }),
    ("return", |cx, draft, args, place| {
        Ok(HttpAction::Return(Arc::new(reply::read(cx, draft, args, place, 200, false)?)))
    }),
    ("set-dst", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(HttpAction::SetDst)
    }),
    ("set-dst-port", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(HttpAction::SetDstPort)
    }),
    ("set-header", |cx, draft, args, place| {
        let name = args.header()?;
        Ok(HttpAction::SetHeader(name, format(cx, draft, args, place)?))
    }),
    ("set-log-level", |_, _, args, _| log_level(args).map(HttpAction::SetLogLevel)),
    ("set-map", |cx, draft, args, place| {
        let list = patterns(cx, args)?;
        let key = format(cx, draft, args, place)?;
        let value = format(cx, draft, args, place)?;
        Ok(HttpAction::Patterns(list, PatternAction::SetMap(key, value)))
    }),
    ("set-method", |cx, draft, args, place| {
        format(cx, draft, args, place).map(HttpAction::SetMethod)
    }),
    ("set-path", |cx, draft, args, place| format(cx, draft, args, place).map(HttpAction::SetPath)),
    ("set-pathq", |cx, draft, args, place| {
        format(cx, draft, args, place).map(HttpAction::SetPathQuery)
    }),
    ("set-query", |cx, draft, args, place| {
        format(cx, draft, args, place).map(HttpAction::SetQuery)
    }),
    ("set-src", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(HttpAction::SetSrc)
    }),
    ("set-src-port", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(HttpAction::SetSrcPort)
    }),
    ("set-status", set_status),
    ("set-timeout", set_timeout),
    ("set-uri", |cx, draft, args, place| format(cx, draft, args, place).map(HttpAction::SetUri)),
    ("set-var", |cx, draft, args, place| {
        let variable = variable(args)?;
        Ok(HttpAction::SetVar(variable, cx.expr(args, place.place, &draft.acls)?))
    }),
    ("set-var-fmt", |cx, draft, args, place| {
        let variable = variable(args)?;
        Ok(HttpAction::SetVarFmt(variable, format(cx, draft, args, place)?))
    }),
    ("silent-drop", |cx, _, args, _| {
        silent_drop(cx, args)?;
        Ok(HttpAction::SilentDrop)
    }),
    ("tarpit", |cx, draft, args, place| {
        Ok(HttpAction::Tarpit(Arc::new(reply::read(cx, draft, args, place, 500, true)?)))
    }),
    ("unset-var", |_, _, args, _| variable(args).map(HttpAction::UnsetVar)),
    ("use-service", |_, _, args, _| match args.text("a service")? {
        "prometheus-exporter" => Ok(HttpAction::UseService(ServiceName::PrometheusExporter)),
        "evenkeel-api" => Ok(HttpAction::UseService(ServiceName::Api)),
        _ => Err(args.unexpected("'prometheus-exporter' or 'evenkeel-api'")),
    }),
    ("wait-for-body", wait_for_body),
]);

/// Whether nothing below it in the same list is reached.
pub(crate) fn is_final(action: &HttpAction) -> bool {
    matches!(
        action,
        HttpAction::Allow
            | HttpAction::Deny(_)
            | HttpAction::Tarpit(_)
            | HttpAction::Return(_)
            | HttpAction::Auth { .. }
            | HttpAction::Redirect(_)
            | HttpAction::Reject
            | HttpAction::SilentDrop
            | HttpAction::UseService(_)
    )
}

/// The file in the parentheses of the action's name.
fn patterns(cx: &Lowering<'_>, args: &Args<'_>) -> Outcome<PatternFile> {
    let word = args.name_word();
    let text = word.map(|w| w.value()).unwrap_or_default();
    let inside = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    match inside.filter(|name| !name.is_empty()) {
        Some(name) => Ok(cx.pattern_file(name)),
        None => {
            let reason = format!("'{text}' expects the name of a file: '{text}(<file>)'");
            Err(alert(args.last_span(), reason))
        }
    }
}

fn del_header<'a>(
    cx: &mut Lowering<'a>,
    _: &mut Draft<'a>,
    args: &mut Args<'a>,
    _: RulePlace,
) -> Outcome<HttpAction> {
    const METHODS: &str = "'str', 'beg', 'end', 'sub' or 'reg'";
    let word = args.require("a header name")?;
    let text = word.value();
    let exact = |text: &str| {
        crate::lower::args::header_name(word, text)
            .map(|name| HttpAction::DelHeader(HeaderMatch::Name(name)))
    };
    if !args.eat("-m") {
        return exact(text);
    }
    let method = args.text(METHODS)?;
    let matcher = match method {
        "str" => return exact(text),
        "beg" => HeaderMatch::Beg(cx.name(text)),
        "end" => HeaderMatch::End(cx.name(text)),
        "sub" => HeaderMatch::Sub(cx.name(text)),
        "reg" => HeaderMatch::Reg(
            expr::Regex::parse(text, true).map_err(|reason| alert(word.span(), reason))?,
        ),
        _ => return Err(args.unexpected(METHODS)),
    };
    Ok(HttpAction::DelHeader(matcher))
}

fn set_status<'a>(
    cx: &mut Lowering<'a>,
    _: &mut Draft<'a>,
    args: &mut Args<'a>,
    _: RulePlace,
) -> Outcome<HttpAction> {
    let status = u16::try_from(args.number(100..=999)?).unwrap_or(500);
    let reason = match args.eat("reason") {
        true => Some(super::name(cx, args, "a reason phrase")?),
        false => None,
    };
    Ok(HttpAction::SetStatus(status, reason))
}

fn set_timeout<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
) -> Outcome<HttpAction> {
    const NAMES: &str = "'client', 'server' or 'tunnel'";
    let (name, fits) = match args.text(NAMES)? {
        "client" => (TimeoutName::Client, draft.is_front()),
        "server" => (TimeoutName::Server, draft.is_back()),
        "tunnel" => (TimeoutName::Tunnel, draft.is_back()),
        _ => return Err(args.unexpected(NAMES)),
    };
    if !fits {
        let reason = format!("{} has no such timeout", draft.title());
        return Err(alert(args.last_span(), reason));
    }
    if !args.peek().starts_with(|c: char| c.is_ascii_digit()) {
        let value = cx.expr(args, place.place, &draft.acls)?;
        return Ok(HttpAction::SetTimeout(name, Err(value)));
    }
    let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
    match time.is_zero() {
        true => Err(alert(args.last_span(), "'set-timeout' needs a time above zero")),
        false => Ok(HttpAction::SetTimeout(name, Ok(time))),
    }
}

/// `[rst-ttl N]`: sockets are closed without it.
pub(super) fn silent_drop(_: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome {
    match args.eat("rst-ttl") {
        true => args.number(1..=255).map(|_| ()),
        false => Ok(()),
    }
}

fn wait_for_body<'a>(
    cx: &mut Lowering<'a>,
    _: &mut Draft<'a>,
    args: &mut Args<'a>,
    _: RulePlace,
) -> Outcome<HttpAction> {
    let (mut time, mut at_least) = (None, None);
    while !at_condition(args) {
        if args.eat("time") {
            time = Some(args.time(TimeUnit::Ms, &mut cx.diagnostics)?);
        } else if args.eat("at-least") {
            at_least = Some(args.size()?).filter(|bytes| *bytes > 0);
        } else {
            args.next();
            return Err(args.unexpected("'time' or 'at-least'"));
        }
    }
    match time {
        Some(time) => Ok(HttpAction::WaitForBody { time, at_least }),
        None => Err(alert(args.span(), "'wait-for-body' expects 'time' and a time")),
    }
}
